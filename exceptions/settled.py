"""Writes the settlements of an order, and its foreign amounts, as its page shows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciliation.models import Order
from reconciliation.money import as_text
from reconciliation.settlements import Amount, Settlement, due_at, settlements_of

_NOT_KNOWN, _NOT_FINAL = "no rate yet", "once it is final"
# Kinds of totals that the settlements themselves show.
_OF_SETTLEMENTS = {"SETTLED", "SETTLED_GROSS", "SETTLING"}


@dataclass(frozen=True)
class AmountRow:
    """One amount, in its own currency and in the order's."""

    name: str
    text: str
    own_text: str  # "" where both are the same currency


@dataclass(frozen=True)
class SettlementRow:
    """One settlement: how far it is, what it comes to, and who says at which rate."""

    reference: str
    payment: str
    state: str
    tone: str  # ok, info or warn
    moment_word: str  # what `moment` is: since when it is final, or until when it may take
    moment: datetime | None
    amounts: list[AmountRow]
    currency: str  # "" where it is the order's
    rate: str
    is_final: bool
    source: str
    event_href: str


def settlement_rows(order: Order, *, at: datetime) -> list[SettlementRow]:
    """Tell the settlements of an order, the oldest first."""
    return [_row(each, order=order, at=at) for each in settlements_of(order)]


def foreign_rows(order: Order) -> list[AmountRow]:
    """Tell the order's other totals in currencies that are not its own."""
    all_of_it = list(order.totals.order_by("kind", "currency"))
    settled_in = {total.currency for total in all_of_it if total.kind == "SETTLED"}
    totals = [
        total
        for total in all_of_it
        if total.kind not in _OF_SETTLEMENTS
        and not (total.kind == "FEE" and total.currency in settled_in)
    ]
    return [
        AmountRow(
            total.kind.replace("_", " ").capitalize(),
            as_text(total.amount_minor, total.currency),
            _own(total.own_minor, order.currency),
        )
        for total in totals
    ]


def _row(settlement: Settlement, *, order: Order, at: datetime) -> SettlementRow:
    is_foreign = settlement.currency != order.currency
    state, tone, word, moment = _standing(settlement, at=at)
    return SettlementRow(
        reference=settlement.reference,
        payment=settlement.payment,
        state=state,
        tone=tone,
        moment_word=word,
        moment=moment,
        amounts=list(_amounts(settlement, order_currency=order.currency)),
        currency=settlement.currency if is_foreign else "",
        rate=_rate(settlement, order_currency=order.currency),
        is_final=settlement.is_final,
        source=settlement.event.source.name,
        event_href=f"/events/{settlement.event.pk}/",
    )


def _standing(settlement: Settlement, *, at: datetime) -> tuple[str, str, str, datetime | None]:
    if settlement.is_final and settlement.withheld_minor > 0:
        return "Final, short", "warn", "since", settlement.at
    if settlement.is_final:
        return "Final", "ok", "since", settlement.at
    due = due_at(settlement)
    if due is not None and due <= at:
        return "Late", "warn", "was due by", due
    return "Pending", "info", "due by", due


def _amounts(settlement: Settlement, *, order_currency: str) -> Iterator[AmountRow]:
    yield _amount("Gross", settlement.gross, settlement, order_currency)
    yield _amount("Fee", _negative(settlement.fee), settlement, order_currency)
    withheld = _withheld(settlement)
    if withheld.minor:
        yield _amount("Withheld", _negative(withheld), settlement, order_currency)
    yield _amount("Net", settlement.net, settlement, order_currency)


def _amount(name: str, amount: Amount, settlement: Settlement, order_currency: str) -> AmountRow:
    is_foreign = settlement.currency != order_currency
    if not is_foreign:
        own = ""
    elif settlement.is_final:
        own = _own(amount.own_minor, order_currency)
    else:
        own = _NOT_FINAL
    return AmountRow(name, as_text(amount.minor, settlement.currency), own)


def _negative(amount: Amount) -> Amount:
    own_minor = None if amount.own_minor is None else -amount.own_minor
    return Amount(-amount.minor, own_minor)


def _withheld(settlement: Settlement) -> Amount:
    """Give what is missing between gross, fee and net, in both currencies."""
    gross, fee, net = (
        amount.own_minor for amount in (settlement.gross, settlement.fee, settlement.net)
    )
    is_known = gross is not None and fee is not None and net is not None
    own_minor = gross - fee - net if is_known else None  # type: ignore[operator]
    return Amount(settlement.withheld_minor, own_minor)


def _rate(settlement: Settlement, *, order_currency: str) -> str:
    """Say the stated rate, where it is from the order's currency: "1 USD = 0.9213 EUR"."""
    if not settlement.rate:
        return ""
    if settlement.currency == order_currency:
        return f"{settlement.rate} {order_currency} for one of the payment's currency"
    return f"1 {order_currency} = {settlement.rate} {settlement.currency}"


def _own(minor: int | None, currency: str) -> str:
    return _NOT_KNOWN if minor is None else as_text(minor, currency)
