"""Write-backs: at the target each takes effect once at most, whatever the line does."""

import json
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook

from audit.queries import trail
from reconciliation import writeback
from reconciliation.models import Breaker, Discrepancy, Event, Source, WriteBack
from reconciliation.sources import keys, outbound, standard_webhooks
from reconciliation.sources.writeback_call import REFUSED, Outcome
from tests.exceptions.people import WEDNESDAY, broken, connect
from tests.exceptions.target import Target
from tests.world import source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]


def owe(target: Target, key: str = "k" * 64) -> WriteBack:
    target.at, order = WEDNESDAY, broken().order
    assert order
    return writeback.owe(
        target=connect("subscriptions-app", target),
        order=order,
        action="activate_subscription",
        payload={},
        key=key,
        at=WEDNESDAY,
        actor="olga",
    )


def run(minutes: float = 0, *, limit: int = 10) -> int:
    return writeback.take(limit=limit, at=after(minutes))


def after(minutes: float) -> datetime:
    return WEDNESDAY + timedelta(minutes=minutes)


def fresh(owed: WriteBack) -> WriteBack:
    return WriteBack.objects.get(pk=owed.pk)


def failures() -> int:
    return Discrepancy.objects.filter(
        check_name="writeback_failed", cleared_at__isnull=True
    ).count()


def test_the_same_key_is_owed_once(target: Target) -> None:
    first = owe(target)
    again = writeback.owe(
        target=first.target, order=first.order, action=first.action, payload={}, key="k" * 64,
        at=WEDNESDAY, actor="olga",
    )  # fmt: skip

    assert again.pk == first.pk


def test_a_delivery_is_stored_as_the_event_that_its_webhook_would_bring(target: Target) -> None:
    owed = owe(target)

    run()

    event = Event.objects.get()
    assert fresh(owed).state == "DELIVERED"
    assert (event.source.slug, event.type) == ("subscriptions-app", "subscription.activated")
    assert event.data["order"] == "O-1"


def test_a_call_is_signed_and_names_its_key(target: Target) -> None:
    owed = owe(target)
    secret = standard_webhooks.write_secret(keys.active(source_id=owed.target_id)[0])

    run()

    (call,) = target.calls
    Webhook(secret).verify(call["body"], {k.lower(): v for k, v in call["headers"].items()})
    assert call["headers"]["Idempotency-Key"] == owed.idempotency_key
    assert json.loads(call["body"]) == {
        "action": "activate_subscription", "order": "O-1", "payload": {},
    }  # fmt: skip


@pytest.mark.parametrize("word", ["drop", "act_and_drop", "500", "act_and_500", "nonsense", "huge"])
def test_what_is_not_known_is_looked_up_before_it_is_sent_again(target: Target, word: str) -> None:
    owed = owe(target)
    target.behave = [word]

    run()
    assert fresh(owed).state == "UNKNOWN"
    run(1)

    assert target.look_ups == 1
    assert fresh(owed).state == "DELIVERED"
    assert len(target.effects) == 1


def test_a_target_that_acts_after_our_patience_ends_acts_once(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "_READ_SECONDS", 0.2)
    owed = owe(target)
    target.behave = ["slow"]

    run()
    run(1)
    run(10)

    assert fresh(owed).state == "DELIVERED"
    assert len(target.effects) == 1


def test_a_refusal_is_not_tried_again_and_brings_a_person(target: Target) -> None:
    owed = owe(target)
    target.behave = ["refuse"]

    run()
    run(600)

    assert fresh(owed).state == "FAILED"
    assert "the order is locked" in fresh(owed).error
    assert (len(target.calls), target.effects, failures()) == (1, [], 1)


def test_a_redirect_is_not_followed(target: Target) -> None:
    owed = owe(target)
    target.behave = ["redirect"]

    run()

    assert fresh(owed).state == "FAILED"
    assert len(target.calls) == 1


def test_a_target_that_is_away_is_tried_with_patience_and_then_given_up(target: Target) -> None:
    owed = owe(target)
    owed.target.writeback_url = "http://127.0.0.1:9/"  # the discard port: nobody listens
    owed.target.save()

    for hours in range(200):
        run(hours * 60)

    assert fresh(owed).state == "FAILED"
    assert fresh(owed).attempts == writeback.MOST_TRIES
    assert failures() == 1


def test_a_key_that_may_be_forgotten_is_left_to_a_person(target: Target) -> None:
    owed = owe(target)
    target.behave, target.forgets, target.is_look_up_broken = ["act_and_drop"], True, True
    for minutes in (0, 1, 10, 60, 120, 240, 600):
        run(minutes)
    target.is_look_up_broken = False

    for hours in range(13, 60):
        run(hours * 60)

    assert writeback.is_given_up(fresh(owed))
    assert (len(target.effects), failures()) == (1, 1)


def test_the_targets_own_webhook_settles_what_it_no_longer_knows(target: Target) -> None:
    owed = owe(target)
    target.behave, target.forgets = ["act_and_drop"], True
    run()
    Event.objects.create(
        source=source("subscriptions-app"), sender="/app", event_id="own",
        type="subscription.activated", order=owed.order, occurred_at=WEDNESDAY,
        received_at=after(1), data={}, sha256=b"",
    )  # fmt: skip

    run(2)

    assert fresh(owed).state == "DELIVERED"
    assert len(target.effects) == 1


def test_a_sender_that_died_is_taken_over_after_its_lease(target: Target) -> None:
    owed = owe(target)
    claimed = writeback._claim(at=WEDNESDAY)
    assert claimed is not None
    target.act(owed.idempotency_key, {"action": owed.action, "order": "O-1", "payload": {}})

    assert run(1) == 0
    run(3)

    assert fresh(owed).state == "DELIVERED"
    assert len(target.effects) == 1


def test_a_late_answer_of_a_lost_lease_changes_nothing(target: Target) -> None:
    owed = owe(target)
    claimed = writeback._claim(at=WEDNESDAY)
    assert claimed is not None
    run(3)
    known = fresh(owed)

    writeback._note_sent(claimed, Outcome(REFUSED, "late"), at=after(4))

    assert fresh(owed).state == known.state == "DELIVERED"


def test_a_target_out_of_reach_is_left_alone_by_every_process_and_called_again_once_it_answers(
    target: Target,
) -> None:
    first = owe(target)
    second = writeback.owe(
        target=first.target, order=first.order, action=first.action, payload={}, key="j" * 64,
        at=WEDNESDAY, actor="olga",
    )  # fmt: skip
    url = first.target.writeback_url
    Source.objects.filter(pk=first.target_id).update(writeback_url="http://127.0.0.1:9/")

    assert run() == 1  # one finds out; the other is not tried
    assert run(4 / 60) == 0  # whoever takes next reads the row
    assert run(1) == 1
    known = Breaker.objects.get()
    assert (known.failures, known.open_until) == (2, after(1.5))
    Source.objects.filter(pk=first.target_id).update(writeback_url=url)
    for minutes in (2, 3, 60):
        run(minutes)

    assert {fresh(first).state, fresh(second).state} == {"DELIVERED"}
    assert not Breaker.objects.exists()


def test_a_paused_target_is_left_alone(target: Target) -> None:
    owed = owe(target)
    owed.target.is_paused = True
    owed.target.save()

    assert run() == 0


def test_a_retry_after_a_refusal_clears_the_failure_once_delivered(target: Target) -> None:
    owed = owe(target)
    target.behave = ["refuse"]
    run()

    writeback.retry(writeback_id=owed.pk, actor="paula", at=after(5))
    run(5)

    assert fresh(owed).state == "DELIVERED"
    assert failures() == 0


def test_what_is_superseded_is_never_sent(target: Target) -> None:
    owed = owe(target)

    writeback.supersede(writeback_id=owed.pk, reason="Not needed.", actor="olga", at=WEDNESDAY)
    run(60)

    assert (fresh(owed).state, target.calls) == ("SUPERSEDED", [])
    with pytest.raises(writeback.CannotSupersede):
        writeback.supersede(writeback_id=owed.pk, reason="", actor="olga", at=WEDNESDAY)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
    ],
)
def test_only_public_addresses_over_https_are_called(settings: Settings, url: str) -> None:
    settings.RECON_ALLOW_LOCAL_TARGETS = False

    with pytest.raises(outbound.Unreachable):
        outbound.call(method="GET", url=url, headers={})


def test_every_move_of_a_write_back_is_on_its_trail(target: Target) -> None:
    owed = owe(target)
    target.behave = ["500"]

    run()
    run(1)

    actions = [row.action for row in trail(stream="writeback", subject_id=owed.pk)]
    assert actions == [
        "writeback.owed", "writeback.sending", "writeback.lost", "writeback.due_again",
        "writeback.sending", "writeback.delivered",
    ]  # fmt: skip
