"""Says how near a check is to breaking, or what keeps it from applying."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils.timezone import localtime

from exceptions import words
from exceptions.explain import field_label, window_words
from reconciliation.fields import ORDER, BadCondition
from reconciliation.money import as_text
from reconciliation.rulebook import Check, Condition
from reconciliation.verdicts import Standing, Verdict

A_HUNDREDTH = 100


def fields_of(conditions: Iterable[Condition]) -> Iterable[str]:
    """Name the fields that conditions speak of, inner ones too."""
    for each in conditions:
        inner = each.get("any") or each.get("all")
        if inner is None:
            yield each["field"]
        else:
            yield from fields_of(inner)


def total(terms: Sequence[str], standing: Standing) -> int:
    """Add up signed fields of an order."""
    return sum(
        -(standing.values.get(term[1:]) or 0)
        if term.startswith("-")
        else standing.values.get(term) or 0
        for term in terms
    )


def say(name: str, value: Any, standing: Standing) -> str:  # noqa: ANN401 - any field's value
    """Say what a field holds."""
    if name in ORDER and ORDER[name].control == "flag":
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return words.moment(localtime(value))
    if name.endswith("_minor"):
        return as_text(value or 0, standing.currency)
    if value is None or value == "":
        return "not set"
    return str(value)


def amount(number: int, check: Check, standing: Standing) -> str:
    """Say an amount of what a balance compares: money or units."""
    if check.parameters["unit"] == "money":
        return as_text(number, standing.currency)
    return f"{number} unit{'' if number == 1 else 's'}"


def nearest(verdict: Verdict, standing: Standing) -> str:
    """Say how near a check is to breaking, or what keeps it from applying."""
    if verdict.unmet:
        return f"It would apply if {_unmet(verdict.unmet, standing)}."
    if verdict.said == "NOT_APPLICABLE":
        return _of_others(verdict.check, standing)
    if verdict.said != "HOLDS":
        return ""
    if verdict.check.family == "split":
        return _near_split(verdict, standing)
    tell_how = _NEAREST.get(verdict.check.family)
    return tell_how(verdict.check, standing) if tell_how else "Nothing that it compares is off."


def _of_others(check: Check, standing: Standing) -> str:
    """Say why a check of sub-orders, or of orders that have some, is not about this order."""
    if check.family == "parts":
        return "It adds up sub-orders, and this order has none."
    if standing.values.get("is_part"):
        return "The rule names no share for its seller, so what he was paid is not judged."
    paid = standing.values.get("paid_out_minor") or 0
    if not paid:
        return "It judges what sellers are paid for their sub-orders, and this order is none."
    said = as_text(paid, standing.currency)
    if standing.values.get("part_count"):
        return f"Each sub-order is judged by itself; {said} were paid out for all of them."
    return (
        f"{said} were paid out, and are counted but not judged: the order has no sub-orders, so"
        " nothing says which part of it is whose."
    )


def _near_split(verdict: Verdict, standing: Standing) -> str:
    expected, actual = verdict.expected_minor or 0, verdict.actual_minor or 0
    if not actual:
        return "Nothing was paid out yet, so there is nothing to compare."
    gap = actual - expected
    if not gap:
        return "What was paid out is the share."
    side, word = ("above", "more") if gap > 0 else ("below", "less")
    most = as_text(verdict.check.parameters[f"{side}_minor"], standing.currency)
    off = as_text(abs(gap), standing.currency)
    return f"{off} {word} than the share; it breaks beyond {most}."


def _unmet(conditions: Iterable[Condition], standing: Standing) -> str:
    """Say conditions that do not hold, each with what it is instead."""
    said = []
    for each in conditions:
        names = dict.fromkeys(fields_of([each]))
        now = " and ".join(
            f"{field_label(name)} is {say(name, standing.values.get(name), standing)}"
            for name in names
        )
        said.append(f"{ORDER.to_words([each])} (now {now})")
    return " and ".join(said)


def _near_balance(check: Check, standing: Standing) -> str:
    if check.grain == "line":
        return "Each line is within its tolerance."
    expected = total(check.parameters["expected"], standing)
    gap = total(check.parameters["actual"], standing) - expected
    if not gap:
        return "Both sides are equal."
    side, word = ("above", "more") if gap > 0 else ("below", "less")
    least, share = (check.parameters[f"{side}_{name}"] for name in ("minor", "basis_points"))
    off = f"{amount(abs(gap), check, standing)} {word} than expected"
    if least is None:
        return f"{off}; any amount {word} is fine."
    most = max(least, abs(expected) * share // (A_HUNDREDTH * A_HUNDREDTH))
    return f"{off}; it breaks beyond {amount(most, check, standing)}."


def _near_milestone(check: Check, standing: Standing) -> str:
    first, then = (standing.values.get(check.parameters[name]) for name in ("from", "to"))
    names = [field_label(check.parameters[name]) for name in ("from", "to")]
    if first is None:
        return f"“{names[0]}” is not set, so there is nothing to follow."
    if then is None:
        return ""
    if then <= first:
        return f"“{names[1]}” came first."
    took = words.duration(then - first)
    return f"“{names[1]}” followed after {took}; {window_words(check)} is the most."


def _near_conflict(check: Check, standing: Standing) -> str:
    unmet = [each for each in check.parameters["when"] if not _holds(each, standing)]
    number, every = len(check.parameters["when"]) - len(unmet), len(check.parameters["when"])
    return f"{number} of {every} conditions hold. It would clash if {_unmet(unmet, standing)}."


def _holds(condition: Condition, standing: Standing) -> bool:
    try:
        return ORDER.evaluate([condition], standing.values)
    except BadCondition:
        return False


def _near_duplicate(check: Check, standing: Standing) -> str:
    owed = total(check.parameters["owed"], standing)
    found = total(check.parameters["total"], standing)
    spare = owed - found
    gap = _closest(check, standing)
    twins = (
        f"The nearest two of one amount are {words.duration(gap)} apart."
        if gap is not None
        else "No amount is there twice."
    )
    if spare >= 0:
        return f"{twins} No more than is owed: {as_text(found, standing.currency)}."
    return f"{twins} {as_text(-spare, standing.currency)} more than is owed."


def _closest(check: Check, standing: Standing) -> timedelta | None:
    """Find how near in time two entries of one amount under different references are."""
    of_amount: dict[tuple[int, str], dict[str, datetime]] = {}
    for entry in standing.entries:
        if entry.kind == check.parameters["kind"] and entry.pk not in standing.undone:
            name = entry.reference or f"event {entry.event_id}"
            seen = of_amount.setdefault((entry.amount_minor, entry.currency), {})
            seen.setdefault(name, entry.occurred_at)
    gaps = [
        after - before
        for seen in of_amount.values()
        for before, after in pairwise(sorted(seen.values()))
    ]
    return min(gaps, default=None)


def _near_presence(check: Check, standing: Standing) -> str:
    wanted = list(check.parameters["missing_in"])
    for entry in standing.entries:
        if entry.event.source.kind in wanted and entry.pk not in standing.undone:
            since = words.moment(localtime(entry.occurred_at))
            return f"{entry.event.source.name} knows it since {since}."
    return f"It is known there by a sub-order, or no {' or '.join(wanted)} system is listened to."


_NEAREST: Mapping[str, Callable[[Check, Standing], str]] = {
    "balance": _near_balance,
    "milestone": _near_milestone,
    "conflict": _near_conflict,
    "duplicate": _near_duplicate,
    "presence": _near_presence,
}
