"""Conditions mean the same in SQL, in Python and in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciliation.fields import (
    DISCREPANCY,
    ORDER,
    BadCondition,
    Bucket,
    Buckets,
    Choice,
    Moment,
    Person,
    Registry,
)
from reconciliation.models import Discrepancy, Order, OrderDetail
from tests.reconciliation.worlds import HOUR, NOON, event, order, rules, source

_TEXTS = ("", "acme", "ACME Ltd", "Müller", "müller", "x'y%_", "BROKEN", "CREATED", "shop")
_AMOUNTS = (-1, 0, 1, 500)
_MOMENTS = ("2026-11-02T12:00Z", "2026-11-02", "2026-11-01T12:00:00+00:00")
_LENGTHS = ("0m", "24h", "1d", "2w")
_VALUES: dict[str, tuple[Any, ...]] = {
    "text": _TEXTS, "choice": _TEXTS, "money": _AMOUNTS, "number": _AMOUNTS,
    "date": _MOMENTS, "duration": _LENGTHS, "flag": ("true", "false"),
}  # fmt: skip


@st.composite
def one_condition(draw: st.DrawFn, registry: Registry) -> dict[str, Any]:
    """Draw one field with one of its operators and a value that it can take."""
    field = registry[draw(st.sampled_from(sorted(registry)))]
    operator = draw(st.sampled_from(field.operators))
    values = st.sampled_from(_LENGTHS if operator == "in_last" else _VALUES[field.control])
    if operator == "is_any_of":
        return {"field": field.name, "operator": operator, "value": draw(st.lists(values))}
    if operator.startswith("is_") and operator.endswith("empty"):
        return {"field": field.name, "operator": operator}
    return {"field": field.name, "operator": operator, "value": draw(values)}


def nested(registry: Registry) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw conditions, some inside "any" and "all"."""
    leaf = one_condition(registry)
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        ),
        max_leaves=5,
    )
    return st.lists(tree, max_size=3)


@pytest.fixture
def _rows(db: None) -> None:
    rules()
    bare = order("acme")
    full = order(
        "ACME Ltd", verdict="BROKEN", ordered_minor=500, paid_minor=1, refunded_minor=2,
        returned_quantity=1, placed_at=NOON, paid_at=NOON - 24 * HOUR, last_fact_at=NOON,
        cancelled_at=NOON + HOUR, is_active=True,
    )  # fmt: skip
    named = order("x'y%_", invoiced_minor=1, credited_minor=1)
    for each, name in ((full, "Müller"), (named, "")):
        OrderDetail.objects.create(order=each, source=source(), customer_name=name)
    subjects: tuple[tuple[str, dict[str, Any]], ...] = (
        ("paid_twice", {"order": bare}),
        ("paid_not_posted", {"order": full}),
        ("event_rejected", {"event": event()}),
    )
    for check, subject in subjects:
        Discrepancy.objects.create(
            check_name=check, rulebook_version=1, team_id=source().owner_team_id,
            opened_at=NOON - 24 * HOUR, last_seen_at=NOON, at_risk_minor=500, **subject,
        )  # fmt: skip


def _is_same(registry: Registry, rows: QuerySet[Any], conditions: list[dict[str, Any]]) -> bool:
    found = set(rows.filter(registry.to_q(conditions, at=NOON)).values_list("pk", flat=True))
    told = {
        row.pk for row in rows if registry.evaluate(conditions, registry.values_of(row), at=NOON)
    }
    return found == told


# The rows are made once and only read, so one set of them serves every example.
_many = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.usefixtures("_rows")
@_many
@given(nested(ORDER))
def test_of_orders_python_answers_what_the_database_answers(
    conditions: list[dict[str, Any]],
) -> None:
    assert _is_same(ORDER, Order.objects.all(), conditions)


@pytest.mark.usefixtures("_rows")
@_many
@given(nested(DISCREPANCY))
def test_of_discrepancies_too_whose_order_may_be_missing(
    conditions: list[dict[str, Any]],
) -> None:
    assert _is_same(DISCREPANCY, Discrepancy.objects.all(), conditions)


AGES = Registry(
    [
        Buckets(
            "sla", "Due", ("d",),
            buckets=(
                Bucket("OVER", "overdue", None, timedelta()),
                Bucket("SOON", "within 4 hours", timedelta(), 4 * HOUR),
            ),
        ),
        Moment("opened_at", "Opened", ("o",)),
        Person("owner", "Owner", ("owner__username",), choices=[("ada", "Ada")]),
        Choice("state", "State", ("state",), choices=[("NEW", "New")]),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("due", "value", "expected"),
    [
        (NOON - timedelta(microseconds=1), "OVER", True),
        (NOON, "OVER", False),
        (NOON, "SOON", True),
        (NOON + 4 * HOUR, "SOON", False),
        (None, "OVER", False),
    ],
)
def test_a_stretch_includes_its_beginning_and_not_its_end(
    due: datetime | None,
    value: str,
    expected: bool,  # noqa: FBT001
) -> None:
    asked = [{"field": "sla", "operator": "is", "value": value}]

    assert AGES.evaluate(asked, {"sla": due}, at=NOON) is expected


@pytest.mark.parametrize(
    ("owner", "value", "expected"),
    [("ada", "me", True), ("bob", "me", False), (None, "me", False), (None, "unassigned", True)],
)
def test_me_is_who_asks(owner: str | None, value: str, expected: bool) -> None:  # noqa: FBT001
    asked = [{"field": "owner", "operator": "is", "value": value}]

    assert AGES.evaluate(asked, {"owner": owner}, at=NOON, me="ada") is expected


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"field": "state", "operator": "is", "value": "CREATED"}, "Order state is Created"),
        ({"field": "paid_minor", "operator": "at_least", "value": 123450},
         "Paid is at least 1,234.50"),
        ({"field": "cancelled_at", "operator": "is_empty"}, "Cancelled is not set"),
        ({"field": "placed_at", "operator": "in_last", "value": "7d"},
         "Placed is in the last 7 days"),
        ({"field": "placed_at", "operator": "at_least", "value": "2026-11-02"},
         "Placed is from 2026-11-02 00:00 UTC"),
        ({"field": "is_active", "operator": "is", "value": "true"}, "Active is yes"),
        (
            {"any": [
                {"field": "order", "operator": "contains", "value": "A"},
                {"field": "currency", "operator": "is_any_of", "value": ["EUR", "USD"]},
            ]},
            "(Order contains A or Currency is any of EUR, USD)",
        ),
    ],
)  # fmt: skip
def test_conditions_are_said_in_words(condition: dict[str, Any], words: str) -> None:
    assert ORDER.to_words([condition]) == words


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "password", "operator": "is", "value": "x"},
        {"field": "paid_minor", "operator": "contains", "value": "1"},
        {"field": "paid_minor", "operator": "at_least", "value": "much"},
        {"field": "paid_minor", "operator": "at_least", "value": True},
        {"field": "paid_minor", "operator": "at_least"},
        {"field": "placed_at", "operator": "at_least", "value": "soon"},
        {"field": "placed_at", "operator": "in_last", "value": "7"},
        {"field": "currency", "operator": "is_any_of", "value": "EUR"},
        {"field": "currency", "operator": "is", "value": 1},
        {"field": "is_active", "operator": "is", "value": "maybe"},
        {"operator": "is"},
    ],
)
def test_a_condition_without_a_meaning_is_refused(condition: dict[str, Any]) -> None:
    assert len(ORDER.problems([condition])) == 1
    with pytest.raises(BadCondition):
        ORDER.to_q([condition], at=NOON)


def test_a_bare_date_is_its_whole_day() -> None:
    asked = [{"field": "placed_at", "operator": "at_most", "value": "2026-11-02"}]
    last = datetime(2026, 11, 2, 23, 59, 59, 999_999, tzinfo=UTC)

    assert ORDER.evaluate(asked, {"placed_at": last})
    assert not ORDER.evaluate(asked, {"placed_at": last + timedelta(microseconds=1)})


def test_a_field_offers_its_choices_and_says_how_it_is_asked() -> None:
    field = ORDER["state"]

    assert (field.control, dict(field.options())["CLOSED"]) == ("choice", "Closed")
    assert ORDER["paid_minor"].control == "money"
