"""Says why each check of an order holds or does not: both sides, what is behind them, how near."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.timezone import localtime

from exceptions import words
from exceptions.explain import field_label, span_words, window_words
from exceptions.nearest import A_HUNDREDTH, amount, nearest
from exceptions.why_sides import Side, sides
from reconciliation.fields import ORDER
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


_SIDES = (("above", "more"), ("below", "less"))
_OF_MANY = {"HOLDS": "Hold", "NOT_APPLICABLE": "Do not apply"}


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
            (word if number == 1 else _OF_MANY.get(said, word), tone, number)
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
        sides=sides(verdict, standing),
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


def _parameters(check: Check, standing: Standing) -> Iterable[tuple[str, str]]:
    if check.family == "balance":
        yield "Tolerance", _tolerance(check, standing)
    if check.family == "split":
        yield "Tolerance", _of_share(check, standing)
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
    return ", ".join(_allowed(check, standing, side=side, word=word) for side, word in _SIDES)


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


def _of_share(check: Check, standing: Standing) -> str:
    """Say how much more and less than the share may be paid out."""
    most = {word: check.parameters[f"{side}_minor"] for side, word in _SIDES}
    said = (
        f"up to {as_text(minor, standing.currency)} {word}" if minor else f"nothing {word}"
        for word, minor in most.items()
    )
    return f"{', '.join(said)} than the share"
