"""What could not be read or applied: corrected by a person, sent again once, and settled."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit.queries import trail
from exceptions import correcting, intake, ownership
from exceptions.correcting import CannotCorrect, StillWrong
from exceptions.desk import Conflict
from exceptions.models import Case
from exceptions.permissions import NotAllowed
from reconciliation import apply, ingest, validate
from reconciliation.models import Discrepancy, Event, RejectedEvent
from tests.exceptions.people import WEDNESDAY, fresh, operator
from tests.world import line, place, say, source, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = WEDNESDAY + timedelta(minutes=5)


def body(**data: object) -> dict[str, Any]:
    """Write a payment as its sender would."""
    return {
        "specversion": "1.0",
        "id": "evt-1",
        "source": "/cards",
        "type": "payment.captured",
        "time": "2026-11-04T09:00:00Z",
        "data": {"order": "O-1", "payment": "P-1", "amount_minor": 1000, "currency": "EUR", **data},
    }


def rejected(envelope: dict[str, Any] | str) -> Case:
    """Let a source post something that cannot be read, and the product make a case of it."""
    text = envelope if isinstance(envelope, str) else json.dumps(envelope)
    message = validate.structured(text.encode())
    ingest.store(source=source("card-payments"), messages=[message], at=WEDNESDAY)
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.latest("pk")


def quarantined() -> Case:
    """Let a source place an order that makes no sense."""
    place("O-1", WEDNESDAY, lines=[line("1"), line("1")])
    apply.take(limit=10, at=WEDNESDAY)
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.latest("pk")


@pytest.fixture
def enricher() -> User:
    return operator("erin", team="enrichment")


def sweep() -> None:
    apply.take(limit=10, at=LATER)
    apply.take(limit=10, at=LATER)
    intake.take(limit=10, at=LATER)


def resend(case: Case, envelope: dict[str, Any] | str, by: User, **more: Any) -> Event:  # noqa: ANN401
    return correcting.resend(case_id=case.pk, envelope=envelope, by=by, at=LATER, **more)


def test_a_rejected_message_is_corrected_sent_again_and_settled(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))
    place("O-1", WEDNESDAY)

    event = resend(case, body(), enricher)
    sweep()

    assert case.team.slug == "enrichment"
    assert (event.source, event.event_id) == (source("card-payments"), "evt-1")
    assert RejectedEvent.objects.get().resent_as == event
    assert the_order().paid_minor == 1000
    assert (fresh(case).state, fresh(case).closed_by) == ("SETTLED", "erin")
    assert not Discrepancy.objects.filter(cleared_at=None).exists()


def test_the_trail_says_who_corrected_what_old_and_new(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))

    event = resend(case, body(), enricher)

    row = trail(stream="case", subject_id=case.pk).defer(None).get(action="case.corrected")
    detail = json.loads(bytes(row.body))["detail"]
    assert row.actor == "erin"
    assert detail["sent_as"] == event.pk
    assert detail["changes"] == [{"field": "/data/amount_minor", "old": "10,00", "new": 1000}]


def test_a_persons_fields_never_stand_on_the_trail(enricher: User) -> None:
    wrong = place_body(customer={"key": 7, "name": "Ada Byron"})
    case = rejected(wrong)

    resend(case, place_body(customer={"key": "7", "name": "Ada Lovelace"}), enricher)

    bodies = b"".join(
        bytes(row.body) for row in trail(stream="case", subject_id=case.pk).defer(None)
    )
    assert b"/data/customer/name" in bodies
    assert b"Ada" not in bodies


def place_body(**data: object) -> dict[str, Any]:
    lines = [line()]
    told = {"order": "O-7", "currency": "EUR", "total_minor": 1000, "lines": lines, **data}
    return {**body(), "type": "order.created", "data": told}


def test_what_is_still_wrong_is_said_all_at_once_and_changes_nothing(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))

    with pytest.raises(StillWrong) as wrong:
        resend(case, body(amount_minor=-5, currency="euro"), enricher)

    assert {each.pointer for each in wrong.value.problems} == {
        "/data/amount_minor", "/data/currency",
    }  # fmt: skip
    assert not Event.objects.exists()
    assert fresh(case).state == "NEW"


def test_twice_is_once_also_from_a_page_that_was_open_before(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))

    first = resend(case, body(), enricher, version=case.version)
    again = resend(case, body(), enricher, version=case.version)

    assert first == again
    assert Event.objects.count() == 1


def test_bytes_that_are_no_json_are_written_anew(enricher: User) -> None:
    case = rejected("{not json at all")

    draft = correcting.draft_of(case)
    event = resend(case, json.dumps(body()), enricher)

    assert (draft.envelope, draft.text) == (None, "{not json at all")
    assert event.event_id == "evt-1"


def test_an_id_that_another_event_has_gets_a_name_of_its_own(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))
    say("card-payments", "payment.captured", "O-9", WEDNESDAY, event_id="evt-1", payment="P-9")
    Event.objects.update(sender="/cards")

    event = resend(case, body(), enricher)

    assert event.event_id == f"evt-1~{case.discrepancy_id}"


def test_what_was_sent_rightly_meanwhile_is_not_sent_a_second_time(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))
    right = validate.said(body())
    ingest.store(source=source("card-payments"), messages=[right], at=WEDNESDAY)

    event = resend(case, body(), enricher)

    assert Event.objects.get() == event
    assert fresh(case).state == "SETTLED"


def test_an_event_that_could_not_be_applied_is_replaced_by_its_corrected_copy(
    enricher: User,
) -> None:
    case = quarantined()
    original = Event.objects.get()
    draft = correcting.draft_of(case)
    assert draft.envelope is not None
    draft.envelope["data"]["lines"][1]["line"] = "2"

    copy = resend(case, draft.envelope, enricher)
    sweep()

    assert (copy.corrects, copy.event_id) == (
        original,
        f"{original.event_id}~{case.discrepancy_id}",
    )
    assert Event.objects.get(pk=original.pk).status == "CORRECTED"
    assert Event.objects.get(pk=copy.pk).status == "APPLIED"
    assert fresh(case).state == "SETTLED"
    assert resend(case, draft.envelope, enricher) == copy


def test_an_event_is_tried_again_as_it_is(enricher: User) -> None:
    case = quarantined()

    correcting.try_again(case_id=case.pk, by=enricher, at=LATER)
    sweep()

    assert Event.objects.get().status == "QUARANTINED"
    assert fresh(case).is_open
    Event.objects.update(data={**Event.objects.get().data, "lines": [line()]})
    correcting.try_again(case_id=case.pk, by=enricher, at=LATER)
    sweep()
    assert Event.objects.get().status == "APPLIED"
    assert fresh(case).state == "SETTLED"


def parked() -> Case:
    say("card-payments", "payment.captured", "O-404", WEDNESDAY - timedelta(days=3), payment="P-1",
        amount_minor=1000, currency="EUR")  # fmt: skip
    apply.take(limit=10, at=WEDNESDAY)
    apply.take(limit=10, at=WEDNESDAY)
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.latest("pk")


def test_an_event_may_wait_longer_for_its_order(enricher: User) -> None:
    case = parked()

    correcting.wait_longer(case_id=case.pk, days=3, by=enricher, at=LATER)

    assert (fresh(case).state, fresh(case).waiting_for) == ("WAITING", "system")
    assert Event.objects.get().park_until == LATER + timedelta(days=3)
    place("O-404", WEDNESDAY)
    sweep()
    assert fresh(case).state == "SETTLED"


def test_what_is_not_ours_is_set_aside_for_good_until_it_is_taken_up_again(enricher: User) -> None:
    case = parked()

    ownership.dismiss(case_id=case.pk, reason="Another company's.", by=enricher, at=LATER)
    sweep()

    assert Event.objects.get().status == "DISMISSED"
    assert Case.objects.count() == 1
    ownership.reopen(case_id=case.pk, by=enricher, at=LATER)
    assert Event.objects.get().status == "PARKED"


@pytest.mark.parametrize(
    "do",
    [
        lambda case, by: resend(case, body(), by),
        lambda case, by: correcting.try_again(case_id=case.pk, by=by, at=LATER),
    ],
    ids=["resend", "try again"],
)
def test_only_the_team_that_owns_it_corrects(do: Callable[[Case, User], object]) -> None:
    case = quarantined()

    with pytest.raises(NotAllowed):
        do(case, operator("otto", team="revenue-ops"))


def test_a_correction_from_an_older_page_is_refused_by_name(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))
    ownership.claim(case_id=case.pk, by=enricher, at=WEDNESDAY)

    with pytest.raises(Conflict, match="Erin took it"):
        resend(case, body(), enricher, version=case.version)


def test_a_case_about_an_order_has_nothing_to_correct(enricher: User) -> None:
    case = parked()

    with pytest.raises(CannotCorrect):
        resend(case, body(), enricher)


@pytest.mark.django_db(transaction=True)
def test_two_people_who_correct_the_same_message_at_once_send_it_once(enricher: User) -> None:
    case = rejected(body(amount_minor="10,00"))

    def send(_: int) -> int:
        try:
            return resend(case, body(), enricher).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        sent = set(pool.map(send, range(4)))

    assert sent == {Event.objects.get().pk}
