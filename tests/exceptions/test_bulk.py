"""Work on many cases at once: what is frozen, who agrees, what comes of each, and the way back."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from audit.models import AuditEvent
from config.work import KINDS
from exceptions import bulk, bulk_page, bulk_set, handoff, intake, ownership, queries
from exceptions.bulk_verbs import ASSIGN, DISMISS, HANDOFF, REPAIR, SNOOZE
from exceptions.models import Bulk, Case, Handoff, Message, RepairAttempt
from exceptions.permissions import NotAllowed, visible_cases
from reconciliation import apply, job_runner, reconcile
from reconciliation.clock import now
from reconciliation.models import Job, Team
from tests.exceptions.people import case, connect, fresh, lead, operator, person
from tests.exceptions.target import Target
from tests.moves import walk
from tests.pages.conftest import forget_to_activate

SOON = timedelta(minutes=5)
OPEN: dict[str, Any] = {"filters": [], "search": ""}


@pytest.fixture
def olga(installed: None) -> User:
    return operator()


@pytest.fixture
def lena(installed: None) -> User:
    return lead()


def cases(number: int, **fields: Any) -> list[Case]:  # noqa: ANN401 - as of one
    return [case(order=f"B-{place}", **fields) for place in range(number)]


def ask(verb: str, some: list[Case], by: User, **arguments: str) -> Bulk:
    drafted = bulk.draft(verb=verb, by=by, at=now(), case_ids=[each.pk for each in some])
    return bulk.confirm(
        bulk_id=drafted.pk, digest=bulk_set.digest_of(drafted), arguments=arguments, by=by, at=now()
    )


def snooze(some: list[Case], by: User) -> Bulk:
    until = (now() + timedelta(hours=4)).isoformat()
    return ask(SNOOZE, some, by, until=until, reason="waits")


def work(asked: Bulk) -> Bulk:
    """Let the workers do its job."""
    assert asked.job_id is not None
    job_runner.run(job_id=asked.job_id, kinds=KINDS, now=now)
    return Bulk.objects.get(pk=asked.pk)


def outcomes(asked: Bulk) -> list[str]:
    return list(asked.items.order_by("case_id").values_list("outcome", flat=True))


def test_each_of_many_is_done_by_the_verb_of_one_and_stands_on_the_trail(olga: User) -> None:
    some = cases(12)

    done = work(snooze(some, olga))

    assert outcomes(done) == ["DONE"] * 12
    assert {fresh(each).state for each in some} == {"WAITING"}
    rows = AuditEvent.objects.filter(stream="case", action="case.snoozed")
    assert rows.filter(actor="olga", subject_id__in=[each.pk for each in some]).count() == 12
    assert AuditEvent.objects.filter(stream="system", action="bulk.begun").count() == 1


def test_what_was_changed_meanwhile_is_left_alone_and_the_others_are_done(olga: User) -> None:
    some = cases(3)
    asked = snooze(some, olga)
    ownership.claim(case_id=some[1].pk, by=olga, at=now())

    done = work(asked)

    assert outcomes(done) == ["DONE", "CHANGED", "DONE"]
    assert "took it" in done.items.get(outcome="CHANGED").why
    assert fresh(some[1]).state == "IN_PROGRESS"


def test_a_refusal_of_one_is_listed_and_retry_tries_only_that(olga: User) -> None:
    some = cases(3)
    walk(some[0], "WAITING", at=now())
    done = work(snooze(some, olga))
    assert outcomes(done) == ["REFUSED", "DONE", "DONE"]
    left = [{"field": "bulk_failed", "operator": "is", "value": str(done.pk)}]
    found = queries.found_cases(visible_cases(olga), user=olga, at=now(), filters=left)
    assert list(found) == [some[0]]
    before = [fresh(each).version for each in some]
    ownership.wake(case_id=some[0].pk, by=olga, at=now())

    done = work(bulk.again(bulk_id=done.pk, by=olga, at=now()))

    assert outcomes(done) == ["DONE", "DONE", "DONE"]
    assert [fresh(each).version for each in some[1:]] == before[1:]


def test_all_of_a_bulk_is_undone_within_the_window(olga: User) -> None:
    some = cases(3)
    done = work(snooze(some, olga))

    undone = work(bulk.undo(bulk_id=done.pk, by=olga, at=now()))

    assert outcomes(undone) == outcomes(done) == ["UNDONE"] * 3
    assert {(fresh(each).state, fresh(each).responded_at) for each in some} == {("NEW", None)}


@pytest.mark.parametrize(("verb", "arguments"), [(DISMISS, {"reason": "fine"}), (ASSIGN, {})])
def test_every_verb_has_its_way_back(lena: User, verb: str, arguments: dict[str, str]) -> None:
    olga = operator()
    some = cases(2, owner=olga)
    given = {"to": "lena"} if verb == ASSIGN else arguments
    done = work(ask(verb, some, lena, **given))
    assert outcomes(done) == ["DONE"] * 2

    work(bulk.undo(bulk_id=done.pk, by=lena, at=now()))

    assert {(fresh(each).is_open, fresh(each).owner) for each in some} == {(True, olga)}


def test_after_the_window_an_undo_says_why_not(olga: User) -> None:
    done = work(snooze(cases(1), olga))
    late = now() - timedelta(minutes=31)
    done.items.update(at=late)

    undone = work(bulk.undo(bulk_id=done.pk, by=olga, at=now()))

    assert outcomes(undone) == ["REFUSED"]
    assert "Too late to undo" in undone.items.get().why


def test_a_kill_in_the_middle_repeats_nothing_and_loses_nothing(olga: User) -> None:
    some = cases(25)
    asked = snooze(some, olga)

    job_runner.take(kinds=KINDS, limit=1, at=now())  # one step, and the process is gone
    assert outcomes(asked).count("DONE") == 10
    done = work(asked)

    assert outcomes(done) == ["DONE"] * 25
    assert {fresh(each).version for each in some} == {1}


def test_what_is_stopped_can_be_gone_on_with(olga: User) -> None:
    asked = snooze(cases(15), olga)
    job_runner.take(kinds=KINDS, limit=1, at=now())
    assert asked.job_id is not None
    Job.objects.filter(pk=asked.job_id).update(is_stop_asked=True)
    stopped = work(asked)
    assert outcomes(stopped).count("DUE") == 5

    done = work(bulk.again(bulk_id=asked.pk, by=olga, at=now()))

    assert outcomes(done) == ["DONE"] * 15


def test_an_error_of_ours_in_one_case_stops_none_of_the_others(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, real = cases(3), ownership.snooze

    def fails(*, case_id: int, **given: Any) -> Case:  # noqa: ANN401 - as it comes
        if case_id == some[1].pk:
            raise ZeroDivisionError
        return real(case_id=case_id, **given)

    monkeypatch.setattr(ownership, "snooze", fails)

    assert outcomes(work(snooze(some, olga))) == ["DONE", "FAILED", "DONE"]


def test_everything_in_a_view_is_exactly_what_the_view_holds(olga: User) -> None:
    mine, others = cases(60), [case(order="X-1", severity="P1")]
    view = {"filters": [{"field": "severity", "operator": "is", "value": "P2"}], "search": ""}

    drafted = bulk.draft(verb=SNOOZE, by=olga, at=now(), view=view, words="everything in All")

    held = set(drafted.items.values_list("case_id", flat=True))
    assert held == {each.pk for each in mine}
    assert others[0].pk not in held


def test_a_view_that_holds_others_by_now_is_asked_about_again(olga: User) -> None:
    seen = cases(3)
    drafted = bulk.draft(verb=DISMISS, by=olga, at=now(), view=OPEN, words="everything")
    digest = bulk_set.digest_of(drafted)
    new = case(order="N-1")

    with pytest.raises(bulk_set.SetChanged, match=r"Now 4 match \(1 new, 0 gone\)") as change:
        bulk.confirm(
            bulk_id=drafted.pk, digest=digest, arguments={"reason": "x"}, by=olga, at=now()
        )
    asked = bulk.confirm(
        bulk_id=drafted.pk,
        digest=change.value.digest,
        arguments={"reason": "x"},
        by=olga,
        at=now(),
    )
    work(asked)

    assert {fresh(each).state for each in [*seen, new]} == {"DISMISSED"}


def test_one_may_go_on_with_what_one_saw(olga: User) -> None:
    seen = cases(2)
    drafted = bulk.draft(verb=DISMISS, by=olga, at=now(), view=OPEN, words="everything")
    new = case(order="N-1")

    asked = bulk.confirm(
        bulk_id=drafted.pk, digest="", arguments={"reason": "x"}, by=olga, at=now(),
        is_set_kept=True,
    )  # fmt: skip
    work(asked)

    assert {fresh(each).state for each in seen} == {"DISMISSED"}
    assert fresh(new).state == "NEW"


def test_confirming_twice_begins_once(olga: User) -> None:
    asked = snooze(cases(1), olga)

    bulk.confirm(bulk_id=asked.pk, digest="", arguments={}, by=olga, at=now())

    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "limit", "fields"),
    [("BULK_ALONE_ITEMS", 1, {}), ("BULK_ALONE_MINOR", 9_999, {"at_risk_minor": 5_000})],
)
def test_a_large_one_waits_for_another_lead(
    lena: User, settings: Settings, name: str, limit: int, fields: dict[str, int]
) -> None:
    setattr(settings, name, limit)
    some = cases(2, **fields)

    asked = snooze(some, lena)

    assert (asked.state, asked.job_id) == ("ASKED", None)
    with pytest.raises(NotAllowed, match="You asked for it"):
        bulk.approve(bulk_id=asked.pk, by=lena, at=now())
    with pytest.raises(NotAllowed, match="Needs Team lead"):
        bulk.approve(bulk_id=asked.pk, by=operator(), at=now())
    with pytest.raises(NotAllowed, match="every team"):
        bulk.approve(bulk_id=asked.pk, by=lead("lou", team="revenue-ops"), at=now())
    done = work(bulk.approve(bulk_id=asked.pk, by=lead("lia"), at=now()))
    assert outcomes(done) == ["DONE"] * 2
    assert AuditEvent.objects.filter(action="bulk.approved", actor="lia").exists()


def test_at_the_limits_nobody_else_is_asked(olga: User, settings: Settings) -> None:
    settings.BULK_ALONE_ITEMS, settings.BULK_ALONE_MINOR = 2, 10_000

    assert snooze(cases(2, at_risk_minor=5_000), olga).state == "BEGUN"


def test_a_refused_one_does_nothing(olga: User, settings: Settings) -> None:
    settings.BULK_ALONE_ITEMS = 0
    some = cases(1)
    asked = snooze(some, olga)

    bulk.refuse(bulk_id=asked.pk, reason="Not on a Friday.", by=lead(), at=now())

    assert fresh(some[0]).state == "NEW"
    with pytest.raises(bulk_set.CannotBulk, match="Lena refused it at"):
        bulk.approve(bulk_id=asked.pk, by=lead("lia"), at=now())


def test_whoever_works_no_exceptions_asks_for_nothing(installed: None) -> None:
    with pytest.raises(NotAllowed, match="Needs Operator"):
        bulk.draft(verb=SNOOZE, by=person("ivan", "Auditor", team=""), at=now(), case_ids=[1])


def test_a_case_that_is_out_of_sight_is_in_no_set(olga: User) -> None:
    stranger = operator("otto", team="revenue-ops")

    with pytest.raises(bulk_set.CannotBulk, match="No exception is ticked"):
        bulk.draft(verb=SNOOZE, by=stranger, at=now(), case_ids=[each.pk for each in cases(1)])


def test_many_repairs_run_as_they_were_shown_and_are_undone_together(
    olga: User, target: Target
) -> None:
    connect("subscriptions-app", target)
    for number in range(3):
        forget_to_activate(f"R-{number}", at=now() - timedelta(hours=30))
    for stage in (apply, reconcile, intake):
        stage.take(limit=100, at=now())
    some = [*Case.objects.order_by("pk"), case(order="S-1")]

    done = work(ask(REPAIR, some, olga))

    assert outcomes(done) == ["DONE", "DONE", "DONE", "SKIPPED"]
    assert RepairAttempt.objects.filter(by=olga, kind="activate_subscription").count() == 3
    undone = work(bulk.undo(bulk_id=done.pk, by=olga, at=now()))
    assert outcomes(undone) == ["UNDONE"] * 3
    assert set(RepairAttempt.objects.values_list("state", flat=True)) == {"UNDONE"}


def test_one_repair_that_moves_money_waits_for_a_second_lead_too(
    lena: User, target: Target
) -> None:
    some = case("paid_twice", order="M-1")
    asked = bulk.ask_for_one(
        case_id=some.pk, repair="refund_payment", plan_sha256="0" * 64, reason="Twice",
        by=lena, at=now(),
    )  # fmt: skip

    again = bulk.ask_for_one(
        case_id=some.pk, repair="refund_payment", plan_sha256="0" * 64, reason="Twice",
        by=lena, at=now(),
    )  # fmt: skip

    assert again == asked
    assert asked.state == "ASKED"
    with pytest.raises(NotAllowed, match="You asked for it"):
        bulk.approve(bulk_id=asked.pk, by=lena, at=now())


def test_what_is_still_another_teams_is_passed_over_with_the_reason(olga: User) -> None:
    mine, theirs = cases(2)
    other = operator("otto", team="revenue-ops")
    Case.objects.filter(pk=theirs.pk).update(team=Team.objects.get(slug="revenue-ops"))
    ours = Team.objects.get(slug="customer-ops")
    handoff.send(case_id=theirs.pk, to_team=ours, reason="Yours.", by=other, at=now())

    asked = snooze([mine, theirs], olga)

    said = {item.case_id: (item.outcome, item.why) for item in asked.items.all()}
    assert said[mine.pk][0] == "DUE"
    assert said[theirs.pk] == ("SKIPPED", "Another team's: accept it first")


def test_many_are_handed_over_with_one_message_and_taken_back(olga: User) -> None:
    otto, some = operator("otto", team="revenue-ops"), cases(3)
    given = {"team": "revenue-ops", "reason": "The bank's."}

    done = work(ask(HANDOFF, some, olga, **given))
    told = Message.objects.filter(channel="inbox", recipient=otto)
    coming = Handoff.objects.filter(state="WAITING", to_team__slug="revenue-ops")
    assert (outcomes(done), coming.count(), told.count()) == (["DONE"] * 3, 3, 1)
    assert told.get().href == "/exceptions/?view=handed-to-us"
    assert {fresh(each).team.slug for each in some} == {"customer-ops"}  # until they accept
    undone = work(bulk.undo(bulk_id=done.pk, by=olga, at=now()))

    assert outcomes(undone) == ["UNDONE"] * 3
    assert not coming.exists()


def test_who_may_agree_is_told_and_counts_what_waits(
    olga: User, lena: User, settings: Settings
) -> None:
    leo, elsewhere = lead("leo"), lead("luis", team="revenue-ops")
    settings.BULK_ALONE_ITEMS = 2

    asked = snooze(cases(3), olga)
    told = Message.objects.filter(channel="inbox", href=f"/exceptions/bulk/{asked.pk}/")
    assert {each.recipient for each in told} == {lena, leo}
    assert "3 exceptions" in told[0].text
    counts = [bulk_page.waiting_count(user=each) for each in (lena, leo, elsewhere, olga)]
    assert counts == [1, 1, 0, 0]
    bulk.approve(bulk_id=asked.pk, by=lena, at=now())

    assert told.get(recipient=olga).subject.startswith("Lena agreed: Snooze 3")
    with pytest.raises(bulk_set.CannotBulk, match="Lena agreed to it at"):
        bulk.approve(bulk_id=asked.pk, by=leo, at=now())
