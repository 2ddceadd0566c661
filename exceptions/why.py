"""Says why each check of an order holds or does not: both sides, what is behind them, how near."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.timezone import localtime

from exceptions import words
from exceptions.explain import field_label, span_words, sum_words, window_words
from exceptions.nearest import A_HUNDREDTH, amount, fields_of, nearest, say, total
from reconciliation.fields import ORDER
from reconciliation.models import Entry
from reconciliation.money import as_text
from reconciliation.rulebook import Check
from reconciliation.verdicts import Standing, Verdict

# verdict → its words, its tone, and its place on the page
_VERDICTS = {
    "BROKEN": ("Broken", "bad"),
    "WAITING": ("Not due yet", "info"),
    "WAIVED": ("Waived", "info"),
    "NOT_JUDGED": ("Not judged", "neutral"),
    "HOLDS": ("Holds", "ok"),
    "NOT_APPLICABLE": ("Does not apply", "neutral"),
}
# What entries move a column; every other column names no entry.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "ordered_minor": ("ORDERED",), "placed_at": ("ORDERED",), "confirmed_at": ("CONFIRMED",),
    "cancelled_at": ("CANCELLED",),
    "invoiced_minor": ("INVOICED",), "invoiced_at": ("INVOICED",), "credited_minor": ("CREDITED",),
    "authorised_minor": ("AUTHORISED",), "paid_minor": ("PAID",), "paid_at": ("PAID",),
    "payment_failed_at": ("PAYMENT_FAILED",), "refunded_minor": ("REFUNDED",),
    "refunded_at": ("REFUNDED",), "disputed_minor": ("DISPUTED",), "fee_minor": ("FEE",),
    "posted_minor": ("POSTED",), "posted_at": ("POSTED",), "settled_minor": ("SETTLED",),
    "settled_at": ("SETTLED",), "paid_out_minor": ("PAID_OUT",), "paid_out_at": ("PAID_OUT",),
    "written_off_minor": ("WRITTEN_OFF",),
    "to_ship_quantity": ("ORDERED",), "to_activate_quantity": ("ORDERED",),
    "unshipped_quantity": ("ORDERED", "SHIPPED"), "shipped_quantity": ("SHIPPED",),
    "shipped_at": ("SHIPPED",), "delivered_quantity": ("DELIVERED",),
    "delivered_at": ("DELIVERED",), "returned_quantity": ("RETURNED",),
    "returned_at": ("RETURNED",), "recorded_quantity": ("FULFILMENT_RECORDED",),
    "recorded_at": ("FULFILMENT_RECORDED",), "is_active": ("ACTIVATED", "DEACTIVATED"),
    "activated_at": ("ACTIVATED",), "deactivated_at": ("DEACTIVATED",),
}  # fmt: skip
_Named = tuple[str, Sequence[str]]  # one side: its words, and the fields that it adds up


@dataclass(frozen=True)
class Behind:
    """One entry behind a side, and the event that put it there."""

    text: str
    reference: str
    at: datetime
    source: str
    event_id: int
    is_undone: bool


@dataclass(frozen=True)
class Side:
    """One side of a check: what it is, what it comes to, and what is behind it."""

    name: str
    text: str
    entries: Sequence[Behind]


@dataclass(frozen=True)
class Line:
    """One line of the order that is off."""

    name: str
    expected: int
    actual: int


@dataclass(frozen=True)
class Told:
    """One check, told whole."""

    name: str
    title: str
    family: str
    word: str
    tone: str
    said: str
    sides: Sequence[Side]
    lines: Sequence[Line]
    parameters: Sequence[tuple[str, str]]  # tolerance, window, what it rests on, when it applies
    nearest: str  # how near it is to the other answer; "" where it is broken


@dataclass(frozen=True)
class Why:
    """Every check of an order at a moment."""

    at: datetime
    state: str
    rulebook: int
    told: Sequence[Told]
    counts: Sequence[tuple[str, str, int]] = field(default_factory=tuple)


def tell(standing: Standing) -> Why:
    """Tell every check, what is broken first."""
    order = list(_VERDICTS)
    rows = sorted(standing.verdicts, key=lambda each: order.index(each.said))
    return Why(
        at=standing.at,
        state=standing.state.replace("_", " ").capitalize(),
        rulebook=standing.rules.number,
        told=[_told(each, standing) for each in rows],
        counts=[
            (word, tone, number)
            for said, (word, tone) in _VERDICTS.items()
            if (number := sum(each.said == said for each in rows))
        ],
    )


def _told(verdict: Verdict, standing: Standing) -> Told:
    check = verdict.check
    word, tone = _VERDICTS[verdict.said]
    return Told(
        name=check.name,
        title=check.title,
        family=check.family,
        word=word,
        tone=tone,
        said=_said(verdict, standing),
        sides=[_side(name, terms, standing) for name, terms in _sides(check)],
        lines=[
            Line(each["line"] or "without a name", each["expected"], each["actual"])
            for each in (verdict.details or {}).get("lines", ())
            if "line" in each
        ],
        parameters=list(_parameters(check, standing)),
        nearest="" if verdict.said == "BROKEN" else nearest(verdict, standing),
    )


def _said(verdict: Verdict, standing: Standing) -> str:
    """Say the verdict in a sentence."""
    if verdict.said == "WAITING" and verdict.due_at:
        left = words.duration(verdict.due_at - standing.at)
        return f"It may still come right: due {words.moment(localtime(verdict.due_at))}, in {left}."
    if verdict.said == "NOT_JUDGED":
        under = ", ".join(standing.rules.check(name).title for name in verdict.rests_on)
        return f"It rests on what is itself broken or not due yet: {under}."
    if verdict.waiver is not None:
        waiver = verdict.waiver
        return f"{waiver.by.username} took it as it is on {waiver.at:%-d %b}: “{waiver.reason}”."
    if verdict.said == "BROKEN":
        risk = verdict.at_risk_minor
        at_risk = f" {as_text(risk, standing.currency)} is at risk." if risk else ""
        return f"It has not come right in time.{at_risk}"
    return "Nothing is wrong here." if verdict.said == "HOLDS" else "It is about other orders."


def _sides(check: Check) -> list[_Named]:
    """Name both sides of a check by the fields that they are made of."""
    parameters = check.parameters
    pairs: Mapping[str, Callable[[], list[_Named]]] = {
        "balance": lambda: [
            (f"Expected: {sum_words(parameters['expected'])}", parameters["expected"]),
            (f"Found: {sum_words(parameters['actual'])}", parameters["actual"]),
        ],
        "milestone": lambda: [
            (field_label(parameters["from"]), [parameters["from"]]),
            (field_label(parameters["to"]), [parameters["to"]]),
        ],
        "conflict": lambda: [
            (field_label(name), [name]) for name in dict.fromkeys(fields_of(parameters["when"]))
        ],
        "duplicate": lambda: [
            (f"Owed: {sum_words(parameters['owed'])}", parameters["owed"]),
            (f"Found: {sum_words(parameters['total'])}", parameters["total"]),
        ],
    }
    since: list[_Named] = [(field_label(name), [name]) for name in parameters.get("since", ())]
    return pairs[check.family]() if check.family in pairs else since


def _side(name: str, terms: Sequence[str], standing: Standing) -> Side:
    columns = [path.removeprefix("-") for term in terms for path in _paths(term)]
    kinds = {kind for column in columns for kind in _KINDS.get(column, ())}
    found = [entry for entry in standing.entries if entry.kind in kinds]
    if "last_fact_at" in columns:
        found = list(standing.entries)[-1:]
    return Side(name, _value(terms, standing), [_behind(each, standing) for each in found])


def _paths(term: str) -> Sequence[str]:
    known = ORDER.get(term.removeprefix("-"))
    return known.paths if known else (term,)


def _value(terms: Sequence[str], standing: Standing) -> str:
    """Say what a signed sum of fields comes to, or what one field holds."""
    first = terms[0].removeprefix("-")
    if len(terms) == 1 and not terms[0].startswith("-"):
        return say(first, standing.values.get(first), standing)
    return say(first, total(terms, standing), standing)


def _behind(entry: Entry, standing: Standing) -> Behind:
    kind = entry.get_kind_display().replace("_", " ").capitalize()
    what = ""
    if entry.amount_minor:
        what = f" {as_text(entry.amount_minor, entry.currency or standing.currency)}"
    elif entry.line:
        what = f" {entry.quantity} of line {entry.line}"
    return Behind(
        text=f"{kind}{what}",
        reference=entry.reference,
        at=entry.occurred_at,
        source=entry.event.source.name,
        event_id=entry.event_id,
        is_undone=entry.pk in standing.undone,
    )


def _parameters(check: Check, standing: Standing) -> Iterable[tuple[str, str]]:
    if check.family == "balance":
        yield "Tolerance", _tolerance(check, standing)
    if check.family == "duplicate":
        yield "Window", f"the same amount within {span_words(check.parameters['within_hours'])}"
    elif "hours" in check.parameters or "business_days" in check.parameters:
        yield "Window", _window(check)
    if check.family == "presence":
        yield "Told by", " or ".join(check.parameters["told_by"])
        yield "Missing in", " or ".join(check.parameters["missing_in"])
    if check.applies:
        yield "Applies if", ORDER.to_words(check.applies)
    if check.rests_on:
        yield "Rests on", ", ".join(standing.rules.check(name).title for name in check.rests_on)


def _window(check: Check) -> str:
    if not check.parameters.get("hours", 1):
        return "none: it must hold at once"
    since = check.parameters.get("since") or [check.parameters.get("from", "")]
    calendar = check.parameters.get("calendar")
    named = f" of “{calendar}”" if calendar else ""
    latest = "the latest of " if len(since) > 1 else ""
    return f"{window_words(check)}{named} from {latest}{_list(map(field_label, since))}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _tolerance(check: Check, standing: Standing) -> str:
    sides = [
        _allowed(check, standing, side=side, word=word)
        for side, word in (("above", "more"), ("below", "less"))
    ]
    return ", ".join(sides)


def _allowed(check: Check, standing: Standing, *, side: str, word: str) -> str:
    """Say what one side may be off by: "up to 0.02 or 1 % less", "any amount less"."""
    least = check.parameters[f"{side}_minor"]
    share = check.parameters[f"{side}_basis_points"]
    if least is None:
        return f"any amount {word}"
    if not least and not share:
        return f"nothing {word}"
    said = amount(least, check, standing)
    percent = f" or {share / A_HUNDREDTH:g} %, whichever is more," if share else ""
    return f"up to {said}{percent} {word}"
