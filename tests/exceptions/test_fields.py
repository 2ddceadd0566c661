"""Conditions over cases mean the same in SQL and in Python."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions import intake
from exceptions.fields import FIELDS
from exceptions.history_fields import HISTORY
from exceptions.models import Case
from exceptions.waits import SILENT_SOURCE
from reconciliation import discrepancies
from reconciliation.fields import Registry
from tests.reconciliation.worlds import HOUR, NOON, event, order, rules

# Those that look over many rows are asked of the database only.
_ASKED_OF_ROWS = sorted(
    field.name
    for field in FIELDS.values()
    if field.name not in {each.name for each in (*HISTORY, SILENT_SOURCE)}
    and "memberships" not in field.paths[0]
)
ROWS = Registry(FIELDS[name] for name in _ASKED_OF_ROWS)
_VALUES: dict[str, tuple[Any, ...]] = {
    "choice": ("", "same_amount"),  # where what is offered comes with the cases
    "text": ("", "EUR", "A-1"),
    "money": (0, 500),
    "number": (0, 1),
    "date": ("2026-11-02", "2026-11-02T12:00Z"),
    "duration": ("0m", "4h"),
    "flag": ("true", "false"),
}


@st.composite
def conditions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw up to three conditions, one of them perhaps an "any" of two."""
    found = draw(st.lists(st.sampled_from(_ASKED_OF_ROWS), max_size=4))
    drawn = [_condition(draw, name) for name in found]
    drawn = [each for each in drawn if not FIELDS.problems([each])]
    return [{"any": drawn[:2]}, *drawn[2:]] if draw(st.booleans()) else drawn


def _condition(draw: st.DrawFn, name: str) -> dict[str, Any]:
    field = FIELDS[name]
    operator = draw(st.sampled_from(field.operators))
    if operator in ("is_empty", "is_not_empty"):
        return {"field": name, "operator": operator}
    offered = [value for value, _ in field.options()] or _VALUES[field.control]
    values = st.sampled_from(("0m", "4h") if operator == "in_last" else offered)
    chosen = draw(st.lists(values, max_size=3) if operator == "is_any_of" else values)
    return {"field": name, "operator": operator, "value": chosen}


@pytest.fixture
def _cases(db: None) -> None:
    rules()
    ada = User.objects.create_user("ada")
    for number, age in enumerate((0, 4, 30)):
        discrepancies.open_for(
            check_name="paid_not_posted", order=order(f"A-{number}", paid_at=NOON), currency="EUR",
            at=NOON - age * HOUR, at_risk_minor=500 * number,
        )  # fmt: skip
        intake.take(limit=9, at=NOON - age * HOUR)
    discrepancies.open_for(check_name="event_quarantined", event=event(), at=NOON - HOUR)
    intake.take(limit=9, at=NOON - HOUR)
    first = Case.objects.order_by("pk")[0]
    Case.objects.filter(pk=first.pk).update(owner=ada, respond_due_at=None, resolve_due_at=None)


@pytest.mark.usefixtures("_cases")
@settings(
    max_examples=200,
    deadline=timedelta(seconds=2),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_python_answers_what_the_database_answers(data: st.DataObject) -> None:
    asked = data.draw(conditions())

    found = set(
        Case.objects.filter(FIELDS.to_q(asked, at=NOON, me="ada")).values_list("pk", flat=True)
    )

    assert found == {
        case.pk
        for case in Case.objects.all()
        if ROWS.evaluate(asked, ROWS.values_of(case), at=NOON, me="ada")
    }
