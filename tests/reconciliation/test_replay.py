"""Replay: what the events that are kept come to, beside what live has."""

from datetime import datetime

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from audit.models import AuditEvent
from reconciliation import apply, job_runner, ledger, put_right, reconcile, replay, replay_job
from reconciliation.models import Alias, Entry, Event, Job, Order
from reconciliation.parting import Parting, partings
from tests.reconciliation.worlds import rules
from tests.world import NOON, later, line, place, say

pytestmark = pytest.mark.django_db


def deliver(at: datetime = NOON) -> None:
    while apply.take(limit=5_000, at=at):
        pass
    while reconcile.take(limit=5_000, at=at):
        pass


def shop_order(name: str = "O-1") -> None:
    """Let an order be placed, shipped, billed and paid."""
    place(name, lines=[line("1", 2)], references={"deal": f"D-{name}"})
    say("carrier", "shipment.shipped", name, later(hours=1), shipment=f"S-{name}",
        lines=[{"line": "1", "quantity": 2}])  # fmt: skip
    say("billing", "invoice.issued", name, later(hours=2), invoice=f"I-{name}",
        amount_minor=1000, currency="EUR")  # fmt: skip
    say("card-payments", "payment.captured", name, later(hours=3), payment=f"P-{name}",
        amount_minor=1000, currency="EUR", fee_minor=25)  # fmt: skip


def differing(*names: str, at: datetime = NOON) -> list[Parting]:
    found = Order.objects.filter(canonical_id__in=names) if names else Order.objects.all()
    ids = list(found.values_list("pk", flat=True))
    return partings(replay.rebuild(order_ids=ids, at=at))


def live_rows() -> dict[str, int]:
    """Count what this transaction has written to tables that are not scratch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE schemaname = 'public'"
        )
        return dict(cursor.fetchall())


@pytest.fixture(autouse=True)
def _rules(db: None) -> None:
    rules()


def test_a_sound_order_is_rebuilt_equal() -> None:
    shop_order()
    deliver()

    both = replay.rebuild(order_ids=[Order.objects.get().pk], at=NOON)

    assert partings(both) == []
    assert both.scratch["O-1"].position["paid_minor"] == 1000
    assert len(both.scratch["O-1"].entries) == 6
    assert {row["kind"] for row in both.scratch["O-1"].aliases} >= {"order", "invoice", "payment"}


def test_a_replay_writes_to_no_live_table() -> None:
    shop_order()
    deliver()
    before, events = live_rows(), Event.objects.count()

    both = replay.rebuild(order_ids=[Order.objects.get().pk], at=later(days=3))

    assert both.scratch
    assert live_rows() == before
    assert (Event.objects.count(), Order.objects.get().canonical_id) == (events, "O-1")


def test_a_total_that_was_tampered_with_is_found() -> None:
    shop_order()
    deliver()
    Order.objects.update(paid_minor=1)

    (parting,) = differing("O-1")

    found = [(each.part, each.what, each.live, each.rebuilt) for each in parting.differences]
    assert ("position", "paid_minor", "1", "1000") in found
    assert parting.event_id is None


def test_an_entry_that_was_lost_is_found_with_its_event() -> None:
    shop_order()
    deliver()
    entry = Entry.objects.get(kind="INVOICED")
    entry.delete()

    (parting,) = differing("O-1")

    assert parting.event_id == entry.event_id
    assert any(each.what.startswith("INVOICED") for each in parting.differences)


def test_an_alias_that_was_lost_is_found_with_its_event() -> None:
    shop_order()
    deliver()
    alias = Alias.objects.get(kind="invoice")
    alias.delete()

    (parting,) = differing("O-1")

    assert [each.part for each in parting.differences] == ["alias"]
    assert parting.event_id == alias.event_id


def owner(role: str = "Platform owner") -> User:
    user, _ = User.objects.get_or_create(username=role.lower().replace(" ", "."))
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def mend(name: str = "O-1", *, reason: str = "lost", by: User | None = None) -> list[Parting]:
    order = Order.objects.get(canonical_id=name)
    return put_right.put_right(order_id=order.pk, reason=reason, by=by or owner(), at=NOON)


def test_what_differs_is_put_right_with_its_reason_on_the_trail() -> None:
    shop_order()
    deliver()
    Entry.objects.get(kind="INVOICED").delete()
    Alias.objects.get(kind="invoice").delete()
    Order.objects.update(paid_minor=1, invoiced_minor=0, invoiced_at=None)

    mend(reason="Entries were lost in the move")

    assert differing("O-1") == []
    order = Order.objects.get()
    assert (order.paid_minor, order.invoiced_minor) == (1000, 1000)
    row = AuditEvent.objects.get(action="order.put_right")
    assert (row.actor, row.reason) == ("platform.owner", "Entries were lost in the move")
    deliver()
    assert differing("O-1") == []


def test_an_entry_too_many_is_reversed_and_not_removed() -> None:
    shop_order()
    deliver()
    paid = Entry.objects.get(kind="PAID")
    Entry.objects.create(
        order=paid.order, event=paid.event, number=9, kind="PAID", amount_minor=1000,
        currency="EUR", reference="P-O-1", occurred_at=paid.occurred_at,
    )  # fmt: skip
    Order.objects.update(paid_minor=2000)

    mend()

    assert Order.objects.get().paid_minor == 1000
    assert Entry.objects.filter(kind="PAID").count() == 3
    assert differing("O-1") == []


def test_an_event_on_the_wrong_order_is_brought_home() -> None:
    shop_order("O-1")
    shop_order("O-2")
    deliver()
    first, second = Order.objects.order_by("canonical_id")
    Event.objects.filter(type="payment.captured", order=first).update(order=second)
    Entry.objects.filter(kind__in=("PAID", "FEE"), order=first).update(order=second)
    for order in (first, second):
        ledger.recompute([order.pk])

    mend("O-1")

    assert [order.paid_minor for order in Order.objects.order_by("pk")] == [1000, 1000]
    assert differing("O-1", "O-2") == []


@pytest.mark.parametrize("role", ["Operator", "Team lead", "Auditor", "Executive"])
def test_only_the_platforms_owner_puts_orders_right(role: str) -> None:
    shop_order()
    deliver()
    Order.objects.update(paid_minor=1)

    with pytest.raises(put_right.NotAllowed):
        mend(by=owner(role))

    assert Order.objects.get().paid_minor == 1


def test_an_order_that_is_right_is_left_alone_and_a_reason_is_needed() -> None:
    shop_order()
    deliver()

    with pytest.raises(put_right.CannotPutRight, match="Nothing was changed"):
        mend()
    with pytest.raises(put_right.CannotPutRight, match="Say why"):
        mend(by=owner("Admin"), reason=" ")


def replay_all(*, is_applied: bool = False, **chosen: str) -> Job:
    job = replay_job.start(
        chosen=replay_job.Filter(**chosen), by=owner(), at=NOON, is_applied=is_applied, reason="why"
    )
    return job_runner.run(job_id=job.pk, kinds={"replay": replay_job.step}, now=lambda: NOON)


def test_a_job_finds_the_orders_that_differ_and_puts_them_right_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay_job, "_STEP", 2)
    for number in range(5):
        shop_order(f"O-{number}")
    deliver()
    Order.objects.filter(canonical_id__in=("O-1", "O-4")).update(paid_minor=1)

    job = replay_all(source="card-payments")

    assert (job.state, job.done, job.total) == ("DONE", 5, 5)
    assert {row["order"] for row in job.result["differing"]} == {"O-1", "O-4"}
    assert Order.objects.filter(paid_minor=1).count() == 2

    mended = replay_all(type="payment.captured", is_applied=True)

    assert (mended.result["differ"], mended.result["put_right"], mended.failed) == (2, 2, 0)
    assert not Order.objects.exclude(paid_minor=1000).exists()


def test_an_estimate_counts_events_and_orders() -> None:
    shop_order("O-1")
    shop_order("O-2")
    say("card-payments", "payment.captured", "?", NOON, payment="P-?", amount_minor=1,
        currency="EUR")  # fmt: skip
    deliver()

    found = replay_job.estimate(replay_job.Filter(source="card-payments"))

    assert (found.events_chosen, found.orders, found.events, found.without_order) == (3, 2, 8, 1)


def test_a_part_is_rebuilt_with_its_whole() -> None:
    place("WHOLE")
    place("PART", parent="WHOLE", seller="s-1")
    deliver()
    part = Order.objects.get(canonical_id="PART")
    assert part.parent is not None

    both = replay.rebuild(order_ids=[part.pk], at=NOON)

    assert set(both.scratch) == {"PART", "WHOLE"}
    assert partings(both) == []
