"""Which order an event means, and what waits until that is known."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from reconciliation import names
from reconciliation.models import Alias, Event, Order
from tests.reconciliation.applying import fresh, pay, take
from tests.roles import connect_as_owner
from tests.world import NOON, place, say, source, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("totals_stay_true")]

_MORE = """
INSERT INTO reconciliation_event (
    source_id, sender, event_id, type, occurred_at, received_at, data, sha256, reference,
    order_reference, status, reasons
)
SELECT
    source_id, sender, 'more-' || number, type, occurred_at, received_at,
    data || jsonb_build_object('order', 'NONE-' || number, 'payment', 'NONE-' || number),
    sha256, 'NONE-' || number, 'NONE-' || number, status, reasons
FROM reconciliation_event CROSS JOIN generate_series(1, %(times)s) AS numbers (number)
WHERE id = %(like)s
"""


def _count_events() -> None:
    """Let the planner know what there is; only the owner may."""
    with connect_as_owner(str(settings.DATABASES["owner"]["NAME"])) as owner:
        owner.execute("ANALYZE reconciliation_event")


def _rows_read() -> int:
    """Count the events and aliases that this transaction has read, by index or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('reconciliation_event', 'reconciliation_alias')"
        )
        return int(cursor.fetchone()[0])


def test_an_event_before_its_order_waits_for_it() -> None:
    """It applies by itself when the order comes, within the same sweep."""
    early = pay()
    take()
    assert fresh(early).status == "PARKED"
    assert fresh(early).park_until == NOON + timedelta(days=2)

    place()
    take()
    take()

    assert fresh(early).status == "APPLIED"
    assert the_order().paid_minor == 1000


def test_an_event_that_missed_its_wakeup_is_found_later() -> None:
    """Two workers may pass each other: one parks while the other makes the order."""
    place()
    take()
    late = pay()
    Event.objects.filter(pk=late.pk).update(status="PARKED")

    assert take() == 1
    assert fresh(late).status == "APPLIED"


def test_what_a_batch_teaches_wakes_who_waits_for_it() -> None:
    """Each kind of name does, and nobody needs to be idle for that."""
    place()
    take()
    refund = say("card-payments", "payment.refunded", "x", NOON, refund="R-1",
                 payment="P-1", amount_minor=10, currency="EUR")  # fmt: skip
    deal = say("billing", "invoice.issued", "y", NOON, invoice="I-1", amount_minor=1000,
               currency="EUR", references={"deal": "D-1"})  # fmt: skip
    part = place("O-1-A", parent="O-2")
    merge = say("reconcile", "correction.recorded", "O-1", NOON, repair="r", kind="merge",
                merges="O-2", entries=[])  # fmt: skip
    take()
    assert set(Event.objects.values_list("status", flat=True)) == {"APPLIED", "PARKED"}

    pay()
    place("O-2", references={"deal": "D-1"})
    take()

    woken = Event.objects.filter(status="RECEIVED").values_list("pk", flat=True)
    assert set(woken) == {refund.pk, deal.pk, part.pk, merge.pk}


def test_a_name_of_two_orders_is_nobodys() -> None:
    """Another source's word counts only while it means one order; nothing spins."""
    shop, crm = source("shop"), source("crm")
    for number, owner in enumerate((shop, crm)):
        order = Order.objects.create(canonical_id=f"X-{number}", currency="EUR")
        Alias.objects.create(source=owner, kind="order", value="7", order=order)
    mine = say("shop", "order.confirmed", "7", NOON)
    theirs = pay("7")

    take()

    assert fresh(mine).order == Order.objects.get(canonical_id="X-0")
    assert fresh(theirs).status == "PARKED"
    assert take() == 0


def test_an_unknown_order_is_found_by_the_payment() -> None:
    """A refund may name the order in its own way, and a payment that we know."""
    place()
    pay()
    take()

    refund = say("card-payments", "payment.refunded", "ch-order-9", NOON, refund="R-1",
                 payment="P-1", amount_minor=10, currency="EUR")  # fmt: skip
    take()

    assert fresh(refund).order == the_order()


def test_a_canonical_id_that_is_taken_gets_its_sources_name() -> None:
    """Two companies' shops may count alike."""
    other = Order.objects.create(canonical_id="O-1", currency="EUR")
    place()

    take()

    assert the_order("shop:O-1").ordered_minor == 1000
    assert Order.objects.get(pk=other.pk).ordered_minor == 0


def test_a_part_waits_for_its_parent() -> None:
    """A sub-order that comes first is made once its parent is there."""
    part = place("O-1-a", parent="O-1", seller="Acme")
    take()
    assert fresh(part).status == "PARKED"

    place()
    take()
    take()

    assert the_order("O-1-a").parent == the_order()
    assert the_order("O-1-a").detail.seller == "Acme"


def test_parent_and_part_may_come_in_one_batch() -> None:
    """Whichever is first."""
    place("O-1-a", parent="O-1")
    place()

    take()

    assert the_order("O-1-a").parent == the_order()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("counted", ["never", "before", "after"])
def test_waking_reads_only_those_it_can_wake(counted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait for other orders, and whatever the planner believes of them."""
    orphan = pay("NONE", payment="P-0")
    with connection.cursor() as cursor:
        cursor.execute(_MORE, {"like": orphan.pk, "times": 3_000})
        if counted == "before":
            _count_events()
        cursor.execute("UPDATE reconciliation_event SET status = 'PARKED'")
        if counted == "after":
            _count_events()
    early = pay(payment="P-1")
    take()
    place()
    wake, read = names.wake_parked_for, []

    def watched(**given: Sequence[int]) -> int:
        before = _rows_read()
        woken = wake(**given)
        read.append(_rows_read() - before)
        return woken

    monkeypatch.setattr(names, "wake_parked_for", watched)
    take()

    assert fresh(early).status == "RECEIVED"
    assert [rows for rows in read if rows > 100] == []
    assert read
