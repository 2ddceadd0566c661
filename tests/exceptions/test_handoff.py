"""A case on its way to another team: the sender's until it is accepted, and every answer kept."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from audit.queries import trail
from exceptions import handoff, ownership, queries
from exceptions.desk import Conflict
from exceptions.handed import lost
from exceptions.models import Case, Handoff, Message
from exceptions.permissions import NotAllowed, readable_cases
from reconciliation import rulebook
from reconciliation.models import Team
from tests.exceptions.people import WEDNESDAY, case, fresh, lead, operator

LATER = WEDNESDAY + timedelta(minutes=20)

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_case(installed: None) -> Case:
    return case(respond_due_at=WEDNESDAY + timedelta(days=1))


def revenue_ops() -> Team:
    return Team.objects.get(slug="revenue-ops")


def sent(a_case: Case, **more: object) -> Handoff:
    by = operator()
    ownership.claim(case_id=a_case.pk, by=by, at=WEDNESDAY)
    given = {"to_team": revenue_ops(), "reason": "It is a billing matter.", **more}
    return handoff.send(case_id=a_case.pk, by=by, at=WEDNESDAY, **given)  # type: ignore[arg-type]


def test_until_it_is_accepted_the_sender_owns_it_and_its_clock_runs_on(a_case: Case) -> None:
    due = a_case.resolve_due_at

    made = sent(a_case)

    known = fresh(a_case)
    assert (known.team.slug, known.owner) == ("customer-ops", made.sent_by)
    assert (known.state, known.resolve_due_at) == ("IN_PROGRESS", due)


def test_a_handoff_carries_order_failure_clock_and_reason(a_case: Case) -> None:
    made = sent(a_case)

    assert (made.canonical_id, made.reason) == ("O-1", "It is a billing matter.")
    assert made.context["check"] == "active_not_paid"
    assert (made.context["at_risk_minor"], made.context["currency"]) == (5_000, "EUR")
    assert made.resolve_due_at == a_case.resolve_due_at
    actions = trail(stream="case", subject_id=a_case.pk).values_list("action", flat=True)
    assert list(actions) == ["case.claimed", "case.handoff_sent"]


def test_the_answer_is_due_in_the_minutes_that_the_rulebook_says(a_case: Case) -> None:
    minutes = rulebook.live().clocks[1].accept_minutes

    assert sent(a_case).accept_due_at == WEDNESDAY + timedelta(minutes=minutes)


def test_accepting_gives_the_case_its_team_and_owner(a_case: Case) -> None:
    sent(a_case)
    rita = operator("rita", team="revenue-ops")

    handoff.accept(case_id=a_case.pk, by=rita, at=LATER)

    known, made = fresh(a_case), Handoff.objects.get()
    assert (known.team.slug, known.owner, known.state) == ("revenue-ops", rita, "IN_PROGRESS")
    assert (made.state, made.answered_by, made.answered_at) == ("ACCEPTED", "rita", LATER)
    assert Message.objects.filter(recipient=made.sent_by, subject__contains="accepted").exists()


def test_bouncing_needs_a_reason_and_leaves_the_case_where_it_is(a_case: Case) -> None:
    made = sent(a_case)
    rita = operator("rita", team="revenue-ops")

    with pytest.raises(handoff.CannotHandOff, match="Say why"):
        handoff.bounce(case_id=a_case.pk, reason=" ", by=rita, at=LATER)
    handoff.bounce(case_id=a_case.pk, reason="Not billed yet.", by=rita, at=LATER)

    known = fresh(a_case)
    assert (known.team.slug, known.owner) == ("customer-ops", made.sent_by)
    assert Handoff.objects.get().answer == "Not billed yet."
    assert lost(list(Handoff.objects.all())) == "Came back once, 20 min lost"


def test_what_nobody_answers_in_time_goes_back_and_both_sides_hear_of_it(a_case: Case) -> None:
    chief = lead("rosa", team="revenue-ops")
    made = sent(a_case)
    before = made.accept_due_at - timedelta(seconds=1)

    assert handoff.take(limit=10, at=before) == 0
    assert handoff.take(limit=10, at=made.accept_due_at) == 1
    assert handoff.take(limit=10, at=made.accept_due_at) == 0

    assert (Handoff.objects.get().state, fresh(a_case).owner) == ("LAPSED", made.sent_by)
    told = set(
        Message.objects.filter(created_at=made.accept_due_at).values_list("recipient", flat=True)
    )
    assert told == {made.sent_by_id, chief.pk}


def test_a_handoff_of_a_case_that_was_closed_is_over(a_case: Case) -> None:
    made = sent(a_case)
    ownership.dismiss(case_id=a_case.pk, reason="Fine", by=made.sent_by, at=LATER)

    handoff.take(limit=10, at=LATER)

    assert Handoff.objects.get().state == "OVERTAKEN"


def test_the_sender_takes_it_back_and_may_send_it_again(a_case: Case) -> None:
    made = sent(a_case)

    handoff.withdraw(case_id=a_case.pk, by=made.sent_by, at=LATER)
    handoff.send(
        case_id=a_case.pk, to_team=revenue_ops(), reason="Again.", by=made.sent_by, at=LATER
    )

    assert list(Handoff.objects.order_by("pk").values_list("state", flat=True)) == [
        "WITHDRAWN", "WAITING",
    ]  # fmt: skip


def test_a_second_handoff_is_told_who_sent_the_first_and_where(a_case: Case) -> None:
    sent(a_case)

    with pytest.raises(handoff.CannotHandOff, match="Olga handed it to Revenue ops at 10:00"):
        handoff.send(
            case_id=a_case.pk, to_team=revenue_ops(), reason="x", by=operator("otto"), at=LATER
        )


def test_only_the_receivers_answer_and_of_a_named_person_only_they_or_a_lead(a_case: Case) -> None:
    rita, ralf = operator("rita", team="revenue-ops"), operator("ralf", team="revenue-ops")
    made = sent(a_case, to_person=rita)

    for other in (made.sent_by, ralf):
        with pytest.raises(NotAllowed):
            handoff.accept(case_id=a_case.pk, by=other, at=LATER)
    handoff.accept(case_id=a_case.pk, by=lead("rosa", team="revenue-ops"), at=LATER)

    assert fresh(a_case).owner == rita


def test_nobody_is_handed_what_they_do_not_work(a_case: Case) -> None:
    with pytest.raises(NotAllowed, match="does not work exceptions of Revenue ops"):
        sent(a_case, to_person=operator("otto"))


def test_the_receivers_see_it_in_their_view_and_may_open_it_until_they_answered(
    a_case: Case,
) -> None:
    rita = operator("rita", team="revenue-ops")
    view = queries.view_filters(slug="handed-to-us", user=rita)
    assert not readable_cases(rita).exists()

    sent(a_case)

    page = queries.queue_page(user=rita, at=LATER, filters=view)
    assert [row.id for row in page.rows] == [a_case.pk]
    assert readable_cases(rita).get() == a_case
    assert not queries.queue_page(user=rita, at=LATER, filters=[]).rows
    handoff.bounce(case_id=a_case.pk, reason="No.", by=rita, at=LATER)
    assert not readable_cases(rita).exists()


def test_an_old_page_is_told_who_handed_it_on(a_case: Case) -> None:
    made = sent(a_case)

    with pytest.raises(Conflict, match="Olga handed it to Revenue ops"):
        ownership.snooze(case_id=a_case.pk, until=LATER, by=made.sent_by, at=WEDNESDAY, version=1)


def test_the_database_holds_one_open_handoff_a_case_and_every_case_in_a_team(a_case: Case) -> None:
    made = sent(a_case)

    made.pk = None
    with pytest.raises(IntegrityError, match="handoff_one_open_a_case"), transaction.atomic():
        made.save(force_insert=True)
    with pytest.raises(IntegrityError, match="team_id"), transaction.atomic():
        Case.objects.filter(pk=a_case.pk).update(team=None)


def test_whatever_is_done_every_version_of_a_case_has_its_team(a_case: Case) -> None:
    made = sent(a_case)
    handoff.bounce(case_id=a_case.pk, reason="No.", by=lead("r", team="revenue-ops"), at=LATER)
    handoff.send(case_id=a_case.pk, to_team=revenue_ops(), reason="Do.", by=made.sent_by, at=LATER)
    handoff.accept(case_id=a_case.pk, by=operator("rita", team="revenue-ops"), at=LATER)

    rows = list(a_case.history.order_by("version").values_list("version", "team_id"))

    assert [version for version, _ in rows] == list(range(fresh(a_case).version + 1))
    assert all(team_id for _, team_id in rows)
