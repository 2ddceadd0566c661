"""The order machine: facts decide, one statement moves, PostgreSQL refuses the rest."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEvent
from config import invariants
from reconciliation.lifecycle import advance, history_columns, possible_moves
from reconciliation.machine import edges, path_from
from reconciliation.models import Order
from reconciliation.models.moves import EXCLUDES, FACTS, IMPLIES, facts_of
from reconciliation.predicates import UnknownLookup, as_sql, holds
from tests.world import NOON

ROW: dict[str, dict[str, Any]] = {
    "CREATED": {},
    "CONFIRMED": {"confirmed_at": NOON},
    "FULFILLED": {"confirmed_at": NOON, "placed_at": NOON, "ordered_minor": 1000},
}
ROW["BILLED"] = {**ROW["FULFILLED"], "invoiced_minor": 1000}
ROW["RECONCILED"] = {**ROW["BILLED"], "verdict": "HOLDS"}
ROW["CLOSED"] = {**ROW["RECONCILED"], "is_closable": True}
ROW["CANCELLED"] = {**ROW["FULFILLED"], "cancelled_at": NOON}
EVERY = sorted(ROW)


def make(**columns: object) -> Order:
    number = Order.objects.count() + 1
    return Order.objects.create(canonical_id=f"O-{number}", currency="EUR", **columns)


def standing_in(state: str) -> Order:
    order = make(**ROW[state])
    advance(order_ids=[order.pk], actor="service:test", at=NOON)
    return fresh(order)


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def change(order: Order, **columns: object) -> Order:
    Order.objects.filter(pk=order.pk).update(**columns)
    advance(order_ids=[order.pk], actor="service:test", at=NOON + timedelta(hours=1))
    return fresh(order)


@pytest.mark.django_db
@pytest.mark.parametrize("state", EVERY)
def test_an_order_goes_as_far_as_its_facts_allow(state: str) -> None:
    assert standing_in(state).state == state


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "fact", "becomes"),
    [
        ("CONFIRMED", {"confirmed_at": None}, "CREATED"),
        ("FULFILLED", {"unshipped_quantity": 1}, "CONFIRMED"),
        ("FULFILLED", {"to_activate_quantity": 1}, "CONFIRMED"),
        ("BILLED", {"credited_minor": 1000}, "FULFILLED"),
        ("BILLED", {"credited_minor": 999}, "BILLED"),
        ("RECONCILED", {"verdict": "BROKEN"}, "BILLED"),
        ("RECONCILED", {"verdict": "WAITING"}, "BILLED"),
        ("RECONCILED", {"verdict": "UNJUDGED"}, "RECONCILED"),
        ("CLOSED", {"verdict": "UNJUDGED"}, "CLOSED"),
        ("CLOSED", {"verdict": "BROKEN"}, "BILLED"),
        ("CLOSED", {"unshipped_quantity": 1}, "CONFIRMED"),
        ("CLOSED", {"cancelled_at": NOON, "verdict": "UNJUDGED"}, "CANCELLED"),
        ("CREATED", {"cancelled_at": NOON}, "CANCELLED"),
        ("CANCELLED", {"cancelled_at": None}, "FULFILLED"),
        ("CANCELLED", {"verdict": "HOLDS"}, "CANCELLED"),
        ("CANCELLED", {"verdict": "HOLDS", "is_closable": True}, "CLOSED"),
        ("CREATED", {"ordered_minor": 1000, "paid_minor": 999}, "CREATED"),
        ("CREATED", {"ordered_minor": 1000, "paid_minor": 1000}, "CONFIRMED"),
        ("CREATED", {"ordered_minor": 1000, "authorised_minor": 1000}, "CONFIRMED"),
    ],
)
def test_a_fact_moves_an_order(state: str, fact: dict[str, Any], becomes: str) -> None:
    assert change(standing_in(state), **fact).state == becomes


@pytest.mark.django_db
def test_every_hop_leaves_a_history_row_and_an_audit_row() -> None:
    order = make(**ROW["BILLED"])

    advance(order_ids=[order.pk], actor="service:apply", at=NOON, causes={order.pk: 7})

    trail = AuditEvent.objects.filter(stream="order", subject_id=order.pk).order_by("sequence")
    assert [(row.action, row.to_state, row.cause_event_id) for row in trail] == [
        ("order.confirmed", "CONFIRMED", 7),
        ("order.fulfilled", "FULFILLED", 7),
        ("order.billed", "BILLED", 7),
    ]
    assert json.loads(bytes(trail[0].body))["from"] == "CREATED"
    history = Order.history.filter(id=order.pk, history_type="~").order_by("history_date")
    assert [(row.state, row.version) for row in history] == [
        ("CONFIRMED", 1),
        ("FULFILLED", 2),
        ("BILLED", 3),
    ]
    assert fresh(order).version == 3


@pytest.mark.django_db
def test_an_order_is_seen_as_it_was() -> None:
    order = standing_in("BILLED")
    change(order, credited_minor=1000)

    assert order.history.as_of(NOON + timedelta(minutes=1)).state == "BILLED"
    assert order.history.as_of(NOON + timedelta(hours=2)).state == "FULFILLED"


@pytest.mark.django_db
def test_moving_again_changes_nothing() -> None:
    order = standing_in("BILLED")

    assert advance(order_ids=[order.pk], actor="service:test", at=NOON) == 0
    assert fresh(order).version == order.version


@pytest.mark.django_db
def test_reconciled_is_stamped_and_losing_it_clears_the_stamp() -> None:
    order = standing_in("RECONCILED")
    assert order.reconciled_at == NOON

    assert change(order, verdict="BROKEN").reconciled_at is None


@pytest.mark.django_db
def test_a_set_moves_as_its_members_would() -> None:
    orders = [make(**ROW[state]) for state in EVERY]

    moved = advance(order_ids=[order.pk for order in orders], actor="service:test", at=NOON)

    assert moved == len(EVERY) - 1  # the one with no facts stays
    assert [fresh(order).state for order in orders] == EVERY


def test_history_has_every_column_of_an_order() -> None:
    assert set(history_columns()) >= {"state", "version", "ordered_minor", "reconciled_at"}


@pytest.mark.django_db
def test_the_database_guards_what_the_code_declares() -> None:
    (finding,) = invariants.check(at=NOON, names=["guards_lifted"])

    assert finding.holds, finding.sentence


# The guard looks for audit rows of the same transaction, so these commit.


@pytest.mark.django_db(transaction=True)
def test_a_move_needs_its_audit_row_in_the_same_transaction() -> None:
    order = make()
    forged = (
        "INSERT INTO audit_auditevent (stream, subject_id, sequence, action, actor, at,"
        " from_state, to_state, reason, body) SELECT 'order', %s,"
        " (SELECT COALESCE(max(sequence), 0) + 1 FROM audit_auditevent"
        "  WHERE stream = 'order' AND subject_id = %s), 'x', 'x', now(), %s, %s, '', ''"
    )
    move = "UPDATE reconciliation_order SET state = %s, version = version + %s WHERE id = %s"

    def attempt(edge: tuple[str, str], to_state: str, step: int, *, at_once: bool) -> None:
        with connection.cursor() as cursor:
            if not at_once:
                cursor.execute(forged, [order.pk, order.pk, *edge])
            with transaction.atomic():
                if at_once:
                    cursor.execute(forged, [order.pk, order.pk, *edge])
                cursor.execute(move, [to_state, step, order.pk])

    up = ("CREATED", "CONFIRMED")
    for edge, to_state, step, at_once in [
        (up, "CONFIRMED", 1, False),  # in another transaction
        (up, "CONFIRMED", 2, True),  # skips a version
        (up, "CONFIRMED", 0, True),  # keeps the version
        (up, "FULFILLED", 1, True),  # ends elsewhere
        (("CREATED", "CLOSED"), "CLOSED", 1, True),  # not declared
        (("CONFIRMED", "FULFILLED"), "FULFILLED", 1, True),  # begins elsewhere
    ]:
        with pytest.raises(DatabaseError, match="may not move so"):
            attempt(edge, to_state, step, at_once=at_once)
    attempt(up, "CONFIRMED", 1, at_once=True)
    assert fresh(order).state == "CONFIRMED"


@pytest.mark.django_db
@pytest.mark.parametrize("columns", [{"state": "BILLED"}, {"version": 1}])
def test_an_order_begins_at_the_beginning(columns: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError, match="begins as CREATED"), transaction.atomic():
        make(**columns)


@pytest.mark.django_db
def test_orders_are_never_deleted() -> None:
    order = make()

    with pytest.raises(DatabaseError, match="never deleted"), transaction.atomic():
        order.delete()


@pytest.mark.django_db
def test_an_orders_key_does_not_change() -> None:
    order = make()

    with pytest.raises(DatabaseError, match="may not move so"), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(id=order.pk + 1000)


moment = st.none() | st.just(NOON)
amount = st.sampled_from([0, 1, 1000])
rows = st.fixed_dictionaries(
    {
        "confirmed_at": moment,
        "cancelled_at": moment,
        "placed_at": moment,
        "ordered_minor": amount,
        "paid_minor": amount,
        "authorised_minor": amount,
        "invoiced_minor": amount,
        "credited_minor": amount,
        "unshipped_quantity": st.sampled_from([0, 1]),
        "to_activate_quantity": st.sampled_from([0, 1]),
        "is_active": st.booleans(),
        "verdict": st.sampled_from(Order.Verdict.values),
        "is_closable": st.booleans(),
    }
)


class TestOneDeclaration(TestCase):
    """One declaration serves Python and SQL."""

    @settings(max_examples=60, deadline=None)
    @given(st.lists(rows, min_size=1, max_size=4))
    def test_serves_one_order_in_python_and_a_set_in_sql_alike(
        self, steps: list[dict[str, Any]]
    ) -> None:
        """Moves are the same."""
        order = make()
        for step in steps:
            Order.objects.filter(pk=order.pk).update(**step)
            before = fresh(order)
            expected = path_from(before.state, facts_of(before))

            advance(order_ids=[order.pk], actor="service:test", at=NOON)

            after = fresh(order)
            assert after.version - before.version == len(expected)
            assert after.state == (expected[-1].target if expected else before.state)
            assert not possible_moves(after)

    @settings(max_examples=60, deadline=None)
    @given(rows)
    def test_answers_every_fact_alike(self, row: dict[str, Any]) -> None:
        """Facts are the same."""
        order = make(**row)
        said = ", ".join(as_sql(fact, table="orders") for fact in FACTS.values())

        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {said} FROM reconciliation_order AS orders WHERE id = %s", [order.pk]
            )
            in_sql = dict(zip(FACTS, cursor.fetchone(), strict=True))

        facts = facts_of(order)
        assert facts == in_sql
        for name, fact in FACTS.items():
            assert Order.objects.filter(fact, pk=order.pk).exists() is facts[name]
        assert all(facts[other] for fact, other in IMPLIES if facts[fact])
        assert not any(facts[fact] and facts[other] for fact, other in EXCLUDES)


def test_every_declared_move_is_named_once_for_each_state_it_leaves() -> None:
    pairs = [(edge.source, edge.target) for edge in edges()]

    assert len(pairs) == len(set(pairs))


def test_a_condition_that_python_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownLookup, match="no comparison"):
        holds(Q(state__regex="x"), lambda _: "x")
