"""A pass: what is judged, what it leaves, and what it must not do."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from audit.models import AuditEvent
from reconciliation import discrepancies, reconcile
from reconciliation.models import Discrepancy, Order, Recheck, Run, Waiver, WriteBack
from tests.moves import walk
from tests.reconciliation.worlds import HOUR, NOON, order, rules, source

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def _live() -> None:
    rules()


def unposted(name: str = "A-1", *, paid_at: datetime = NOON, **totals: object) -> Order:
    """Make an order that is paid and waits for its posting."""
    return order(
        name, **{"paid_minor": 5_000, "ordered_minor": 5_000, "paid_at": paid_at, **totals}
    )


def due(*orders: Order, at: datetime = NOON) -> None:
    for each in orders:
        Recheck.objects.update_or_create(order=each, defaults={"due_at": at})


def judged(each: Order, at: datetime) -> Order:
    due(each, at=at)
    reconcile.take(limit=10, at=at)
    return Order.objects.get(pk=each.pk)


def open_checks() -> list[str]:
    return sorted(
        Discrepancy.objects.filter(cleared_at__isnull=True).values_list("check_name", flat=True)
    )


def test_waiting_is_not_broken() -> None:
    mine = judged(unposted(), at=NOON + HOUR)

    assert (mine.verdict, open_checks()) == ("WAITING", [])
    assert (mine.recheck.due_at, mine.recheck.reason) == (NOON + 48 * HOUR, "paid_not_posted")


def test_what_is_due_and_missing_is_broken_at_that_very_moment() -> None:
    mine = unposted()
    judged(mine, at=NOON + HOUR)

    assert reconcile.take(limit=10, at=NOON + 48 * HOUR - timedelta(microseconds=1)) == 0
    assert reconcile.take(limit=10, at=NOON + 48 * HOUR) == 1
    assert open_checks() == ["paid_not_posted"]
    assert not Recheck.objects.exists()


def test_an_opened_discrepancy_has_its_checks_team_and_what_was_compared() -> None:
    judged(unposted(), at=NOON + 3 * DAY)

    found = Discrepancy.objects.get()

    assert (found.team.slug, found.at_risk_minor, found.currency) == ("revenue-ops", 5_000, "EUR")
    assert found.details["posted_at"] is None
    assert found.rulebook_version == 1


def test_what_is_still_broken_is_seen_again_not_opened_again() -> None:
    mine = unposted()
    judged(mine, at=NOON + 3 * DAY)
    judged(mine, at=NOON + 4 * DAY)

    found = Discrepancy.objects.get()

    assert (found.opened_at, found.last_seen_at) == (NOON + 3 * DAY, NOON + 4 * DAY)


def test_what_holds_again_is_cleared_and_the_trail_says_both() -> None:
    mine = unposted()
    judged(mine, at=NOON + 3 * DAY)
    Order.objects.filter(pk=mine.pk).update(posted_at=NOON, posted_minor=5_000)

    after = judged(mine, at=NOON + 4 * DAY)

    assert after.verdict == "HOLDS"
    assert Discrepancy.objects.get().cleared_at == NOON + 4 * DAY
    assert list(
        AuditEvent.objects.filter(stream="order", subject_id=mine.pk, reason="Paid, not posted")
        .order_by("sequence")
        .values_list("action", "actor", "rulebook_version")
    ) == [
        ("discrepancy.opened", "service:reconcile", 1),
        ("discrepancy.cleared", "service:reconcile", 1),
    ]


def test_what_breaks_again_is_a_new_discrepancy() -> None:
    mine = unposted()
    for totals in ({}, {"posted_at": NOON, "posted_minor": 1}, {"posted_at": None}):
        Order.objects.filter(pk=mine.pk).update(**totals)
        judged(mine, at=NOON + 3 * DAY)

    assert Discrepancy.objects.filter(cleared_at__isnull=False).count() == 1
    assert open_checks() == ["paid_not_posted"]


def test_one_cause_makes_one_discrepancy() -> None:
    mine = order(
        invoiced_minor=9_000, ordered_minor=5_000, paid_minor=5_000, invoiced_at=NOON,
        paid_at=NOON, posted_at=NOON, posted_minor=5_000,
    )  # fmt: skip

    judged(mine, at=NOON + 9 * DAY)

    assert open_checks() == ["invoiced_vs_ordered"]


def test_what_rests_on_a_waiting_check_is_not_judged() -> None:
    mine = order(
        invoiced_minor=5_000, ordered_minor=5_000, invoiced_at=NOON, is_active=True,
        to_activate_quantity=1, activated_at=NOON,
    )  # fmt: skip

    after = judged(mine, at=NOON + 4 * DAY)

    assert (after.verdict, open_checks()) == ("WAITING", [])
    assert after.recheck.reason == "active_not_paid"


def test_an_open_discrepancy_stays_open_while_its_check_only_waits() -> None:
    mine = unposted()
    judged(mine, at=NOON + 3 * DAY)
    Order.objects.filter(pk=mine.pk).update(paid_at=NOON + 3 * DAY)  # paid anew

    after = judged(mine, at=NOON + 3 * DAY)

    assert (after.verdict, open_checks()) == ("WAITING", ["paid_not_posted"])


def owe(mine: Order, state: str) -> None:
    owed = WriteBack.objects.create(
        target=source(), order=mine, action="post_payment", payload={}, idempotency_key="k",
        created_at=NOON,
    )  # fmt: skip
    walk(owed, state, at=NOON)


@pytest.mark.parametrize("state", ["DUE", "SENDING", "UNKNOWN"])
def test_nothing_is_cleared_while_a_write_back_is_under_way(state: str) -> None:
    mine = unposted()
    judged(mine, at=NOON + 3 * DAY)
    owe(mine, state)
    Order.objects.filter(pk=mine.pk).update(posted_at=NOON, posted_minor=5_000)

    after = judged(mine, at=NOON + 4 * DAY)

    assert (after.verdict, open_checks()) == ("WAITING", ["paid_not_posted"])
    assert after.recheck.due_at == NOON + 4 * DAY + timedelta(minutes=1)


def test_a_write_back_that_came_to_its_end_is_waited_for_no_more() -> None:
    mine = unposted(posted_at=NOON, posted_minor=5_000)
    owe(mine, "FAILED")

    assert judged(mine, at=NOON + 4 * DAY).verdict == "HOLDS"


def waived(mine: Order) -> Waiver:
    judged(mine, at=NOON + 3 * DAY)
    return discrepancies.waive(
        discrepancy_id=Discrepancy.objects.get().pk,
        reason="agreed on the phone",
        by=User.objects.create_user("ada"),
        at=NOON + 3 * DAY,
    )


def test_a_waived_check_holds_while_its_values_stay() -> None:
    mine = unposted()
    waived(mine)

    after = judged(mine, at=NOON + 4 * DAY)

    assert (after.verdict, open_checks()) == ("HOLDS", [])


def test_a_waiver_lapses_when_its_values_change() -> None:
    mine = unposted()
    waiver = waived(mine)
    judged(mine, at=NOON + 4 * DAY)
    Order.objects.filter(pk=mine.pk).update(paid_at=NOON + HOUR)

    judged(mine, at=NOON + 5 * DAY)

    waiver.refresh_from_db()
    assert (open_checks(), waiver.lapsed_at) == (["paid_not_posted"], NOON + 5 * DAY)
    assert AuditEvent.objects.filter(action="waiver.lapsed", subject_id=mine.pk).count() == 1


def complete(name: str = "A-1", **totals: object) -> Order:
    """Make an order that is shipped, billed, paid, posted and marked."""
    return order(
        name,
        **{
            "placed_at": NOON, "confirmed_at": NOON, "ordered_minor": 5_000,
            "invoiced_minor": 5_000, "invoiced_at": NOON, "paid_minor": 5_000, "paid_at": NOON,
            "posted_minor": 5_000, "posted_at": NOON, "to_ship_quantity": 1,
            "shipped_quantity": 1, "shipped_at": NOON, "recorded_quantity": 1,
            "recorded_at": NOON, "delivered_at": NOON, "delivered_quantity": 1,
            "last_fact_at": NOON, **totals,
        },
    )  # fmt: skip


def test_an_order_with_which_all_is_well_is_reconciled_and_later_closed() -> None:
    mine = judged(complete(), at=NOON)

    assert (mine.state, mine.verdict, mine.reconciled_at) == ("RECONCILED", "HOLDS", NOON)
    assert (mine.recheck.due_at, mine.recheck.reason) == (NOON + 3 * DAY, "closing")

    reconcile.take(limit=10, at=NOON + 3 * DAY)

    assert Order.objects.get().state == "CLOSED"
    assert not Recheck.objects.exists()


def test_a_cancelled_order_is_closed_once_nothing_is_owed() -> None:
    mine = judged(order(cancelled_at=NOON, paid_minor=500, paid_at=NOON), at=NOON)
    assert (mine.state, mine.verdict) == ("CANCELLED", "WAITING")
    Order.objects.filter(pk=mine.pk).update(refunded_minor=500)

    assert judged(mine, at=NOON + HOUR).state == "CLOSED"


def test_only_what_is_due_is_judged_the_longest_due_first() -> None:
    early, later, never = (complete(name) for name in ("A-1", "A-2", "A-3"))
    due(early, at=NOON)
    due(later, at=NOON + HOUR)
    due(never, at=NOON + 9 * HOUR)

    assert reconcile.take(limit=1, at=NOON + 2 * HOUR) == 1
    assert [order.verdict for order in Order.objects.order_by("pk")] == [
        "HOLDS", "UNJUDGED", "UNJUDGED",
    ]  # fmt: skip
    assert reconcile.take(limit=9, at=NOON + 2 * HOUR) == 1


def test_a_merged_order_is_not_judged() -> None:
    into = complete("A-1")
    gone = unposted("A-2", merged_into=into)

    judged(gone, at=NOON + 9 * DAY)

    assert open_checks() == []
    assert not Recheck.objects.filter(order=gone).exists()


def test_a_pass_is_a_row_whose_counts_add_up() -> None:
    mine = [complete("A-1"), unposted("A-2"), unposted("A-3", paid_at=NOON + 4 * DAY)]
    due(*mine, at=NOON + 4 * DAY)

    reconcile.take(limit=10, at=NOON + 4 * DAY)

    run = Run.objects.get()
    assert (run.scope, run.judged, run.holds, run.waiting, run.broken, run.opened) == (
        "due", 3, 1, 1, 1, 1,
    )  # fmt: skip
    assert run.finished_at is not None


def test_nothing_due_leaves_no_row() -> None:
    assert reconcile.take(limit=10, at=NOON) == 0
    assert not Run.objects.exists()


def test_the_safety_net_finds_what_no_mark_pointed_to() -> None:
    unposted("A-1")
    complete("A-2")

    counts = reconcile.judge_all(at=NOON + 4 * DAY)

    assert (counts.judged, counts.broken, counts.opened) == (2, 1, 1)
    assert Run.objects.get().scope == "all"
    assert reconcile.judge_all(at=NOON + 4 * DAY).opened == 0
