"""Turns what a source said into entries and names: pure, one reader for each type of event."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reconciliation.money import as_rate

Data = Mapping[str, Any]


class Unreadable(Exception):
    """The event has the right shape and yet makes no sense; the message says why."""


class Draft(NamedTuple):
    """One entry before it knows its order. No currency means the order's own."""

    kind: str
    amount_minor: int = 0
    currency: str = ""
    quantity: int = 0
    line: str = ""
    reference: str = ""


class Name(NamedTuple):
    """An outside id: what it is an id of, and its value."""

    kind: str
    value: str


class Taught(NamedTuple):
    """A name that a correction teaches: what which source means by it."""

    source: str  # slug
    name: Name


class Reading(NamedTuple):
    """What one event comes to."""

    entries: tuple[Draft, ...] = ()
    names: tuple[Name, ...] = ()  # other ids that mean the same order
    reverses_event: int | None = None  # what it takes back
    teaches: tuple[Taught, ...] = ()
    merges: str = ""  # the order, as we call it, that is the same one


# Fields of `data` whose value means one order, and so finds it again. A settlement or a payout
# may hold several orders.
NAMING = (
    "payment", "invoice", "credit_note", "refund", "dispute", "posting", "shipment", "return",
    "fulfilment", "subscription",
)  # fmt: skip
# Kinds of `references` by which a first statement is known to speak of an order that another
# source has told of. Of a lead there may come two orders; of these there is one.
TYING = frozenset({"order", "deal", "opportunity", "quote", "cart", "checkout"})


def read(*, type_: str, data: Data) -> Reading:
    """Read one event by its type; raises Unreadable."""
    reader = _READERS.get(type_)
    if reader is None:
        raise Unreadable(f"No reader knows events of type '{type_}'.")
    try:
        reading = reader(data)
    except KeyError as missing:
        raise Unreadable(f"'{missing.args[0]}' is missing.") from missing
    except (TypeError, ValueError, AttributeError) as wrong:
        raise Unreadable(f"A value has the wrong form: {wrong}.") from wrong
    return reading._replace(names=(*reading.names, *names_in(data)))


def names_in(data: Data) -> tuple[Name, ...]:
    """List the ids of outside things that belong to one order."""
    own = tuple(Name(kind, str(data[kind])) for kind in NAMING if data.get(kind))
    return (*own, *references_in(data))


def references_in(data: Data) -> tuple[Name, ...]:
    """List the other names that an event gives its order: deal, lead, cart."""
    given = data.get("references") or {}
    return tuple(Name(kind, str(value)) for kind, value in given.items())


def _money(kind: str, data: Data, *, reference: str, field: str = "amount_minor") -> Draft:
    """Draft one amount under the outside id that `data` holds as `reference`, if it does."""
    return Draft(
        kind,
        amount_minor=int(data[field]),
        currency=data.get("currency", ""),
        reference=str(data.get(reference, "")),
    )


def _fee(data: Data, *, reference: str) -> tuple[Draft, ...]:
    if not data.get("fee_minor"):
        return ()
    return (_money("FEE", data, reference=reference, field="fee_minor"),)


def _quantities(kind: str, data: Data, *, reference: str) -> tuple[Draft, ...]:
    return tuple(
        Draft(
            kind,
            quantity=int(line["quantity"]),
            line=str(line["line"]),
            reference=str(data[reference]),
        )
        for line in data["lines"]
    )


def _ordered(data: Data) -> Draft:
    names = [str(line["line"]) for line in data["lines"]]
    if len(names) != len(set(names)):
        raise Unreadable("Two lines of the order have the same name.")
    return Draft(
        "ORDERED", amount_minor=int(data["total_minor"]), currency=data.get("currency", "")
    )


def _order_created(data: Data) -> Reading:
    confirmed = (Draft("CONFIRMED"),) if data.get("confirmed") else ()
    return Reading((_ordered(data), *confirmed))


def _order_amended(data: Data) -> Reading:
    return Reading((_ordered(data),))


def _order_confirmed(_data: Data) -> Reading:
    return Reading((Draft("CONFIRMED"),))


def _order_cancelled(_data: Data) -> Reading:
    return Reading((Draft("CANCELLED"),))


def _invoice_issued(data: Data) -> Reading:
    return Reading((_money("INVOICED", data, reference="invoice"),))


def _invoice_voided(data: Data) -> Reading:
    return Reading((_money("CREDITED", data, reference="invoice"),))


def _credit_note_issued(data: Data) -> Reading:
    return Reading((_money("CREDITED", data, reference="credit_note"),))


def _payment_authorised(data: Data) -> Reading:
    return Reading((_money("AUTHORISED", data, reference="payment"),))


def _payment_captured(data: Data) -> Reading:
    paid = _money("PAID", data, reference="payment")
    return Reading((paid, *_fee(data, reference="payment")))


def _payment_failed(data: Data) -> Reading:
    return Reading((_money("PAYMENT_FAILED", data, reference="payment"),))


def _payment_refunded(data: Data) -> Reading:
    return Reading((_money("REFUNDED", data, reference="refund"),))


def _payment_disputed(data: Data) -> Reading:
    return Reading((_money("DISPUTED", data, reference="dispute"),))


def _payment_posted(data: Data) -> Reading:
    return Reading((_money("POSTED", data, reference="posting"),))


def _payment_unposted(data: Data) -> Reading:
    posted = _money("POSTED", data, reference="posting")
    return Reading((posted._replace(amount_minor=-posted.amount_minor),))


def _settlement_pending(data: Data) -> Reading:
    """Read an announcement: nothing is settled by it, and from now on a settlement is awaited."""
    _check_rate(data)
    return Reading((_money("SETTLING", data, reference="settlement", field="net_minor"),))


def _settlement_finalised(data: Data) -> Reading:
    _check_rate(data)
    settled = _money("SETTLED", data, reference="settlement", field="net_minor")
    gross = _money("SETTLED_GROSS", data, reference="settlement", field="gross_minor")
    return Reading((settled, *_fee(data, reference="settlement"), gross))


def _check_rate(data: Data) -> None:
    """Make sure that a stated rate is one; position.sql reads it from the event, digit by digit."""
    rate = data.get("rate")
    if rate is not None and as_rate(rate) is None:
        raise Unreadable(f"“{rate}” is no exchange rate such as 1.0842.")


def _payout_paid(data: Data) -> Reading:
    return Reading((_money("PAID_OUT", data, reference="payout"),))


def _shipment_shipped(data: Data) -> Reading:
    return Reading(_quantities("SHIPPED", data, reference="shipment"))


def _shipment_delivered(data: Data) -> Reading:
    """Read a delivery; without lines it is the whole parcel, whatever that held."""
    if "lines" not in data:
        return Reading((Draft("DELIVERED", reference=str(data["shipment"])),))
    return Reading(_quantities("DELIVERED", data, reference="shipment"))


def _return_received(data: Data) -> Reading:
    return Reading(_quantities("RETURNED", data, reference="return"))


def _fulfilment_recorded(data: Data) -> Reading:
    """Read a mark of fulfilment; without lines it is for all of them, whatever they are."""
    if "lines" not in data:
        whole = Draft("FULFILMENT_RECORDED", quantity=1, reference=str(data["fulfilment"]))
        return Reading((whole,))
    return Reading(_quantities("FULFILMENT_RECORDED", data, reference="fulfilment"))


def _fulfilment_unrecorded(data: Data) -> Reading:
    """Read a mark taken back: it cancels every mark under the same reference, early or late."""
    taken_back = Draft("FULFILMENT_RECORDED", quantity=-1, reference=str(data["fulfilment"]))
    return Reading((taken_back,))


def _subscription_activated(data: Data) -> Reading:
    return Reading((Draft("ACTIVATED", quantity=1, reference=str(data["subscription"])),))


def _subscription_deactivated(data: Data) -> Reading:
    return Reading((Draft("DEACTIVATED", quantity=1, reference=str(data["subscription"])),))


def _nothing(_data: Data) -> Reading:
    return Reading()


def _correction_recorded(data: Data) -> Reading:
    entries = tuple(
        Draft(
            str(entry["kind"]),
            amount_minor=int(entry.get("amount_minor", 0)),
            currency=entry.get("currency", ""),
            quantity=int(entry.get("quantity", 0)),
            line=str(entry.get("line", "")),
            reference=str(data["repair"]),
        )
        for entry in data.get("entries", ())
    )
    reverses = data.get("reverses_event")
    return Reading(
        entries,
        reverses_event=None if reverses is None else int(reverses),
        teaches=tuple(
            Taught(str(each["source"]), Name(str(each["kind"]), str(each["value"])))
            for each in data.get("names", ())
        ),
        merges=str(data.get("merges", "")),
    )


_READERS: Mapping[str, Callable[[Data], Reading]] = {
    "order.created": _order_created,
    "order.amended": _order_amended,
    "order.confirmed": _order_confirmed,
    "order.cancelled": _order_cancelled,
    "invoice.issued": _invoice_issued,
    "invoice.voided": _invoice_voided,
    "credit_note.issued": _credit_note_issued,
    "payment.authorised": _payment_authorised,
    "payment.captured": _payment_captured,
    "payment.failed": _payment_failed,
    "payment.refunded": _payment_refunded,
    "payment.disputed": _payment_disputed,
    "payment.posted": _payment_posted,
    "payment.unposted": _payment_unposted,
    "settlement.pending": _settlement_pending,
    "settlement.finalised": _settlement_finalised,
    "payout.paid": _payout_paid,
    "shipment.shipped": _shipment_shipped,
    "shipment.delivered": _shipment_delivered,
    "return.received": _return_received,
    "fulfilment.recorded": _fulfilment_recorded,
    "fulfilment.unrecorded": _fulfilment_unrecorded,
    "subscription.activated": _subscription_activated,
    "subscription.deactivated": _subscription_deactivated,
    "writeback.confirmed": _nothing,
    "correction.recorded": _correction_recorded,
}
TYPES = frozenset(_READERS)
