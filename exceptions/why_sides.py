"""Lays the two sides of a check beside each other, with the entries and events behind them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from exceptions.explain import field_label, share_words, sum_words
from exceptions.nearest import fields_of, say, total
from reconciliation.fields import ORDER
from reconciliation.models import Entry
from reconciliation.money import as_text
from reconciliation.rulebook import Check
from reconciliation.verdicts import Standing, Verdict

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


def sides(verdict: Verdict, standing: Standing) -> list[Side]:
    """Give both sides of a check, as it was judged."""
    of_family = _OF_FAMILY.get(verdict.check.family)
    if of_family and verdict.said != "NOT_APPLICABLE":
        return of_family(verdict, standing)
    return [_side(name, terms, standing) for name, terms in _sides(verdict.check)]


def _split(verdict: Verdict, standing: Standing) -> list[Side]:
    details = verdict.details or {}
    is_ruled = details.get("basis_points") is not None
    share = share_words(details, standing.currency) if is_ruled else "none, it is cancelled"
    return [
        Side(
            f"Seller's share: {share}",
            as_text(verdict.expected_minor or 0, standing.currency),
            _of_kinds({"ORDERED"}, standing),
        ),
        _side("Paid out", ["paid_out_minor"], standing),
    ]


def _parts(verdict: Verdict, standing: Standing) -> list[Side]:
    told = [entry for entry in standing.relatives if entry.kind == "ORDERED"]
    return [
        _side("The whole", ["ordered_minor"], standing),
        Side(
            "Its sub-orders together",
            as_text(verdict.actual_minor or 0, standing.currency),
            [_behind(entry, standing) for entry in told],
        ),
    ]


def _presence(verdict: Verdict, standing: Standing) -> list[Side]:
    told_by, missing_in = (verdict.check.parameters[name] for name in ("told_by", "missing_in"))
    return [
        _told_by("Told by", told_by, standing),
        _told_by("Missing in", missing_in, standing),
    ]


def _told_by(word: str, systems: Sequence[str], standing: Standing) -> Side:
    found = [
        entry
        for entry in (*standing.entries, *standing.relatives)
        if entry.event.source.kind in systems
    ]
    return Side(
        f"{word} {' or '.join(systems)}",
        "known" if any(entry.pk not in standing.undone for entry in found) else "unknown",
        [_behind(entry, standing) for entry in found],
    )


_OF_FAMILY: Mapping[str, Callable[[Verdict, Standing], list[Side]]] = {
    "split": _split,
    "parts": _parts,
    "presence": _presence,
}


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
    if "last_fact_at" in columns:
        last = list(standing.entries)[-1:]
        return Side(name, _value(terms, standing), [_behind(each, standing) for each in last])
    return Side(name, _value(terms, standing), _of_kinds(kinds, standing))


def _of_kinds(kinds: Collection[str], standing: Standing) -> list[Behind]:
    """Find what was told of the order, and of its family where that counts here."""
    own = [entry for entry in standing.entries if entry.kind in kinds]
    family = [entry for entry in standing.relatives if entry.kind in {*kinds} - {"ORDERED"}]
    found = sorted([*own, *family], key=lambda entry: (entry.occurred_at, entry.pk))
    return [_behind(entry, standing) for entry in found]


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
    is_own = entry in standing.entries
    return Behind(
        text=f"{kind}{what}" if is_own else f"{kind}{what}, told of {entry.order}",
        reference=entry.reference,
        at=entry.occurred_at,
        source=entry.event.source.name,
        event_id=entry.event_id,
        is_undone=entry.pk in standing.undone,
    )
