"""Says why a case is here: what its check expects, and which rules opened and routed it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from exceptions.models import Case
from reconciliation import rulebook
from reconciliation.fields import ORDER
from reconciliation.models import Discrepancy
from reconciliation.money import as_text
from reconciliation.rulebook import Check

_HOURS_OF_DAY = 24


def why_here(case: Case) -> str:
    """Say what the check found, in one or two sentences."""
    check = rulebook.version(case.rulebook_version).check(case.check_name)
    say = _CHECKS.get(check.name, _FAMILIES[check.family])
    return f"{check.title}: {say(check, case.discrepancy)}"


def rule_of(case: Case) -> str:
    """Say which rules opened and routed it."""
    route = f"route “{case.route}”" if case.route else "no route fitted, so the catch-all team"
    return f"Rulebook v{case.rulebook_version}, {route}"


def _balance(check: Check, found: Discrepancy) -> str:
    if check.grain == "line":
        return _lines(found)
    expected, actual = found.expected_minor, found.actual_minor
    if expected is None or actual is None:
        sides = (sum_words(check.parameters["expected"]), sum_words(check.parameters["actual"]))
        return f"{sides[0]} and {sides[1]} do not agree."
    return (
        f"{as_text(expected, found.currency)} expected"
        f" ({sum_words(check.parameters['expected'])}),"
        f" {as_text(actual, found.currency)} found ({sum_words(check.parameters['actual'])})."
    )


def _lines(found: Discrepancy) -> str:
    said = [
        f"line {line['line'] or 'without a name'}: {line['expected']} ordered,"
        f" {line['actual']} shipped"
        for line in found.details.get("lines", ())
    ]
    return f"{'; '.join(said) or 'the units of its lines do not agree'}."


def _milestone(check: Check, _found: Discrepancy) -> str:
    first, then = check.parameters["from"], check.parameters["to"]
    span = window_words(check)
    return f"“{field_label(first)}” was not followed by “{field_label(then)}” within {span}."


def _conflict(check: Check, _found: Discrepancy) -> str:
    said = ORDER.to_words(check.parameters["when"])
    if check.parameters.get("hours") == 0:
        return f"{said}."
    return f"{said}, for longer than {window_words(check)}."


def _duplicate(check: Check, found: Discrepancy) -> str:
    span = span_words(check.parameters["within_hours"])
    excess = as_text(found.at_risk_minor, found.currency)
    return f"the same amount twice within {span}, {excess} more than is owed."


def _presence(check: Check, _found: Discrepancy) -> str:
    known, unknown = (" or ".join(check.parameters[side]) for side in ("told_by", "missing_in"))
    return f"{known} told of it, and for {window_words(check)} nothing on it came from {unknown}."


def _silence(check: Check, _found: Discrepancy) -> str:
    return f"no system has said anything for {window_words(check)}."


def _split(_check: Check, found: Discrepancy) -> str:
    paid = as_text(found.actual_minor or 0, found.currency)
    if found.details.get("basis_points") is None:
        return f"{paid} paid out for a sub-order that is cancelled."
    share = as_text(found.expected_minor or 0, found.currency)
    return (
        f"the seller's share is {share} ({share_words(found.details, found.currency)}),"
        f" {paid} was paid out."
    )


def share_words(details: Mapping[str, Any], currency: str) -> str:
    """Say a seller's share as the split rule has it: "85 % less €0.50 of the sub-order"."""
    percent = f"{details['basis_points'] / 100:g} %"
    fixed = int(details["fixed_minor"])
    if fixed:
        percent += f" {'plus' if fixed > 0 else 'less'} {as_text(abs(fixed), currency)}"
    return f"{percent} of the sub-order"


def _parts(_check: Check, found: Discrepancy) -> str:
    ordered = as_text(found.expected_minor or 0, found.currency)
    return f"{ordered} ordered, {as_text(found.actual_minor or 0, found.currency)} in sub-orders."


def _stage(_check: Check, found: Discrepancy) -> str:
    details: dict[str, Any] = found.details
    errors = details.get("errors") or details.get("reasons") or []
    first = errors[0] if errors else details.get("error") or details.get("reason", "")
    if isinstance(first, dict):
        first = f"{first.get('pointer', '')} {first.get('detail', '')}".strip()
    if not first and "order" in details:
        named = f"the order “{details['order']}”" if details["order"] else "no order"
        first = (
            f"{details.get('type', 'an event')} names {named}, and none is known by what it says"
        )
    return f"{str(first).rstrip('.') or 'see the technical details'}."


def _late_settlement(check: Check, found: Discrepancy) -> str:
    since = _day(found.details.get("settling_since_at"))
    return f"announced{since}, and not final within {window_words(check)}."


def _rate_missing(check: Check, found: Discrepancy) -> str:
    since = _day(found.details.get("unconverted_since_at"))
    return (
        f"money in another currency came{since}, and no settlement has stated its rate within"
        f" {window_words(check)}. Until one does, it is not counted."
    )


def _day(moment: str | None) -> str:
    """Say the day of a moment as a discrepancy holds it: " on 2 Mar"."""
    if not moment:
        return ""
    at = datetime.fromisoformat(moment)
    return f" on {at.day} {at:%b}"


# Checks of which their own words say more than those of their family.
_CHECKS: dict[str, Callable[[Check, Discrepancy], str]] = {
    "late_settlement": _late_settlement,
    "rate_missing": _rate_missing,
}
_FAMILIES: dict[str, Callable[[Check, Discrepancy], str]] = {
    "balance": _balance,
    "milestone": _milestone,
    "conflict": _conflict,
    "duplicate": _duplicate,
    "presence": _presence,
    "silence": _silence,
    "split": _split,
    "parts": _parts,
    rulebook.STAGE: _stage,
}


def field_label(name: str) -> str:
    """Name a field of an order."""
    field = ORDER.get(name)
    return field.label if field else name


def sum_words(terms: list[str]) -> str:
    """Say a signed sum: "Invoiced less Credited"."""
    said = ""
    for term in terms:
        label = field_label(term.removeprefix("-"))
        joint = " less " if term.startswith("-") else " + "
        said = f"{said}{joint}{label}" if said else label
    return said


def window_words(check: Check) -> str:
    """Say how long a check waits: "2 days", "1 business day"."""
    days = check.parameters.get("business_days")
    if days is None:
        return span_words(check.parameters["hours"])
    return "1 business day" if days == 1 else f"{days} business days"


def span_words(hours: int) -> str:
    """Say a stretch of hours, in days where they are whole."""
    days, rest = divmod(hours, _HOURS_OF_DAY)
    if days and not rest:
        return "1 day" if days == 1 else f"{days} days"
    return "1 hour" if hours == 1 else f"{hours} hours"
