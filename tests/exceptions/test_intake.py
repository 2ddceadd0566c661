"""Intake: every open discrepancy has one case with a team and clocks, and no other does."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from pytest_django import DjangoAssertNumQueries

from audit.queries import trail
from exceptions import intake
from exceptions.models import Case, RepairAttempt
from reconciliation import discrepancies
from reconciliation.models import Discrepancy, Order
from tests.exceptions.people import WEDNESDAY, broken, case, fresh, operator
from tests.world import say

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = WEDNESDAY + timedelta(hours=1)


def take() -> int:
    return intake.take(limit=100, at=LATER)


def clear(found: Discrepancy) -> None:
    Discrepancy.objects.filter(pk=found.pk).update(cleared_at=LATER)


def test_a_discrepancy_becomes_a_case_with_team_clocks_and_repair() -> None:
    found = broken("invoice_sent_not_active")

    assert take() == 1

    opened = Case.objects.get()
    assert (opened.discrepancy, opened.order, opened.state) == (found, found.order, "NEW")
    assert (opened.team.slug, opened.severity) == ("customer-ops", "P2")
    assert opened.recommended_repair == "activate_subscription"
    assert opened.next_automatic_at == LATER
    assert opened.respond_due_at
    assert opened.resolve_due_at
    assert opened.opened_at < opened.respond_due_at < opened.resolve_due_at
    assert opened.next_escalation_at is not None
    assert opened.rulebook_version == 1
    assert opened.history.count() == 1
    assert [row.action for row in trail(stream="case", subject_id=opened.pk)] == ["case.opened"]


def test_taking_again_opens_nothing_more() -> None:
    broken()
    take()

    assert take() == 0
    assert Case.objects.count() == 1


def test_a_hundred_are_opened_in_a_handful_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(100):
        broken(order=f"O-{number}")

    with django_assert_max_num_queries(25):
        take()

    assert Case.objects.count() == 100


def test_an_event_that_cannot_be_read_is_a_case_without_an_order_or_repair() -> None:
    event = say("shop", "order.created", "O-9", WEDNESDAY)
    discrepancies.open_for(
        check_name="event_quarantined", event=event, details={"reasons": ["x"]}, at=WEDNESDAY
    )

    take()

    opened = Case.objects.get()
    assert (opened.order, opened.recommended_repair, opened.team.slug) == (None, "", "enrichment")


def test_a_case_settles_when_its_check_holds_and_says_by_whom() -> None:
    found = broken()
    take()
    clear(found)

    take()

    settled = Case.objects.get()
    assert (settled.state, settled.closed_by) == ("SETTLED", "service:reconcile")
    assert "without a repair" in settled.close_reason


@pytest.mark.parametrize("state", ["NEW", "IN_PROGRESS", "WAITING", "VERIFYING"])
def test_a_case_settles_from_every_open_state(state: str) -> None:
    known = case(state=state)
    clear(known.discrepancy)

    take()

    assert fresh(known).state == "SETTLED"


def test_a_check_that_breaks_again_soon_is_a_reopened_case_with_its_owner() -> None:
    olga = operator()
    first = case(state="SETTLED", owner=olga, closed_at=WEDNESDAY - timedelta(days=29))
    clear(first.discrepancy)
    broken("active_not_paid", at=LATER)

    take()

    again = Case.objects.latest("pk")
    assert (again.reopened_count, again.owner, again.state) == (1, olga, "NEW")


def test_a_check_that_breaks_again_after_a_month_is_a_new_case() -> None:
    first = case(state="SETTLED", closed_at=WEDNESDAY - timedelta(days=31))
    clear(first.discrepancy)
    broken("active_not_paid", at=LATER)

    take()

    assert Case.objects.latest("pk").reopened_count == 0


def test_where_a_repair_was_undone_automation_stays_away() -> None:
    first = case("invoice_sent_not_active", state="SETTLED")
    clear(first.discrepancy)
    RepairAttempt.objects.create(
        case=first, kind="activate_subscription", plan={}, plan_sha256="", idempotency_key="k",
        state="UNDONE", at=WEDNESDAY,
    )  # fmt: skip
    broken("invoice_sent_not_active", at=LATER)
    broken("invoice_sent_not_active", order="O-2", at=LATER)

    take()

    barred = Case.objects.get(order=Order.objects.get(canonical_id="O-1"), closed_at=None)
    free = Case.objects.get(order=Order.objects.get(canonical_id="O-2"))
    assert (barred.is_automation_barred, barred.next_automatic_at) == (True, None)
    assert (free.is_automation_barred, free.next_automatic_at) == (False, LATER)


def test_a_case_cannot_be_without_a_team() -> None:
    known = case()

    with pytest.raises(IntegrityError):
        Case.objects.filter(pk=known.pk).update(team=None)
