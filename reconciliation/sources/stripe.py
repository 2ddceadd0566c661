"""Stripe: its events, signed in `Stripe-Signature`, and balance transactions pushed to us.

Charges tell of money; what a PaymentIntent or an invoice says of the same money is not used. A
refund and a dispute are told of by several events, so each is known by its own id. Webhooks
carry no fees and no lines of a payout: those are balance transactions, which have to be fetched,
or pushed as the API lists them.
"""

from collections.abc import Callable, Mapping, Sequence

from reconciliation.money import exponent
from reconciliation.sources import signature
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Reading, Unused, order_name
from reconciliation.sources.standard_webhooks import BadSignature

_ORDER_KEYS = ("order_id", "order", "order_number")  # of metadata, the first that is there
# Where the digits that Stripe counts in are not ISO 4217's. Source: docs.stripe.com/currencies.
_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}


def verify(post: Post, *, keys: Sequence[bytes], now: int) -> None:
    """Check `t=…,v1=…`: HMAC of the moment, a dot and the body. Raises BadSignature."""
    pairs = [
        part.strip().partition(b"=")
        for part in signature.header(post.headers, "stripe-signature").split(b",")
    ]
    moments = [value for name, _, value in pairs if name == b"t"]
    if len(moments) != 1:
        raise BadSignature
    signature.check_moment(moments[0], now=now)
    signature.check(
        given=[value for name, _, value in pairs if name == b"v1"],
        expected=signature.hex_digests(keys, moments[0] + b"." + post.body),
    )


def split(body: object) -> list[object]:
    """Take a list of the API apart; an event is one message."""
    if isinstance(body, dict) and body.get("object") == "list":
        found = body.get("data")
        return found if isinstance(found, list) else [body]
    return [body]


def kind(message: Fields, _headers: Mapping[str, str]) -> str:
    """Name what came, as Stripe does."""
    return message.text("type", default=message.text("object", default="")) or "unknown"


def read(message: Fields, _headers: Mapping[str, str]) -> Reading:
    """Read one event or balance transaction."""
    if message.text("object", default="") == "balance_transaction":
        return _balance_transaction(message)
    name = message.text("type")
    if reader := _READERS.get(name):
        return reader(message, message.inside("data").inside("object"))
    if name in _FETCHED:
        thing = message.inside("data").inside("object").text("id", default="")
        return [Unused(name, _FETCHED[name], f"/v1/balance_transactions?payout={thing}")]
    return [Unused(name, _UNUSED.get(name, "No fact is read from this type."))]


def _told(event: Fields, type_: str, data: Mapping[str, object]) -> Reading:
    """Make the one fact of an event, known by the event's own id."""
    occurred_at = event.since_1970("created")
    return [Fact(event.text("id"), _sender(event), type_, occurred_at, data)]


def _sender(event: Fields) -> str:
    account = event.text("account", default="")
    return f"/stripe/{account}" if account else "/stripe"


def _order(thing: Fields, *others: str) -> str:
    """Name the order: by metadata, else by the first of the thing's other ids, else by its own.

    A name that nobody knows parks the fact until somebody ties it to an order.
    """
    metadata = thing.inside("metadata")
    for key in _ORDER_KEYS:
        if metadata.has(key):
            return order_name(metadata.text(key))
    return next((thing.text(name) for name in others if thing.has(name)), thing.text("id"))


def _references(thing: Fields, **fields: str) -> dict[str, str]:
    """Give the other ids that mean the same order, by kind; a shop may put a deal's with it."""
    metadata = thing.inside("metadata")
    deal = {"deal": metadata.text("deal_id")} if metadata.has("deal_id") else {}
    return deal | {name: thing.text(field) for name, field in fields.items() if thing.has(field)}


def _amount(thing: Fields, name: str) -> dict[str, object]:
    currency = thing.currency("currency")
    return {"amount_minor": _minor(thing, name, currency), "currency": currency}


def _minor(thing: Fields, name: str, currency: str) -> int:
    """Turn an amount as Stripe counts it into ISO 4217's minor units."""
    amount = thing.integer(name)
    counted, wanted = _EXPONENTS.get(currency, exponent(currency)), exponent(currency)
    whole, rest = divmod(amount * int(10**wanted), int(10**counted))
    if rest:
        thing.refuse(name, "This has more digits than its currency.")
    return whole


def _charge(event: Fields, charge: Fields) -> Reading:
    """Read money taken, or only put aside until it is captured."""
    is_captured = charge.flag("captured")
    name = "amount_captured" if is_captured and charge.has("amount_captured") else "amount"
    type_ = "payment.captured" if is_captured else "payment.authorised"
    return _told(event, type_, {**_payment(charge), **_amount(charge, name)})


def _charge_failed(event: Fields, charge: Fields) -> Reading:
    failure = {"failure_code": charge.text("failure_code", default="")}
    data = {**_payment(charge), **_amount(charge, "amount"), **failure}
    return _told(event, "payment.failed", data)


def _payment(charge: Fields) -> dict[str, object]:
    return {
        "order": _order(charge, "payment_intent", "invoice"),
        "payment": charge.text("id"),
        "references": _references(charge, payment="payment_intent", invoice="invoice"),
    }


def _intent_failed(event: Fields, intent: Fields) -> Reading:
    """Read a failure that made no charge; of one that did, the charge tells."""
    error = intent.inside("last_payment_error")
    if error.has("charge") or intent.has("latest_charge"):
        return [Unused("payment_intent.payment_failed", "charge.failed tells of it.")]
    data = {
        "order": _order(intent),
        "payment": intent.text("id"),
        **_amount(intent, "amount"),
        "failure_code": error.text("code", default=""),
    }
    return _told(event, "payment.failed", data)


def _checkout(event: Fields, session: Fields) -> Reading:
    """Read who paid for which order: it ties the PaymentIntent to the order's name."""
    name = order_name(session.text("client_reference_id", default="")) or _order(session)
    has_name = name != session.text("id")
    is_paid = session.text("payment_status", default="") == "paid"
    if not (has_name and is_paid and session.has("payment_intent")):
        why = "It names no order, or nothing was paid; the charge tells of the money."
        return [Unused(event.text("type"), why)]
    data = {"order": name, "payment": session.text("payment_intent")}
    return _told(event, "payment.authorised", {**data, **_amount(session, "amount_total")})


def _charge_refunded(event: Fields, charge: Fields) -> Reading:
    """Read the refunds a charge lists; newer versions of the API list none."""
    refunds = charge.inside("refunds").each("data")
    facts = [fact for each in refunds for fact in _refund(event, each)]
    why = "It lists no refund; subscribe to refund.created and refund.updated."
    return facts or [Unused("charge.refunded", why)]


def _refund(event: Fields, refund: Fields) -> Reading:
    """Read a refund that went through, known by its own id: several events tell of one."""
    status = refund.text("status", default="")
    if status == "succeeded":
        data = {
            "order": _order(refund, "payment_intent", "charge"),
            "refund": refund.text("id"),
            **_amount(refund, "amount"),
            "references": _references(refund, payment="charge"),
        }
        name, at = f"{refund.text('id')}/refunded", refund.since_1970("created")
        return [Fact(name, _sender(event), "payment.refunded", at, data)]
    before = event.inside("data").inside("previous_attributes").text("status", default="")
    if before == "succeeded":
        refund.refuse("status", "A refund that went through has failed; take it back by hand.")
    return [Unused(event.text("type"), f"The refund is {status or 'not done'}; nothing was given.")]


def _dispute(event: Fields, dispute: Fields) -> Reading:
    """Read a dispute, known by its own id; an inquiry is none yet."""
    if dispute.text("status", default="").startswith("warning_"):
        return [Unused(event.text("type"), "It is an inquiry; no money was taken back.")]
    data = {
        "order": _order(dispute, "payment_intent", "charge"),
        "dispute": dispute.text("id"),
        **_amount(dispute, "amount"),
        "references": _references(dispute, payment="charge"),
    }
    name, at = f"{dispute.text('id')}/disputed", dispute.since_1970("created")
    return [Fact(name, _sender(event), "payment.disputed", at, data)]


def _invoice_issued(event: Fields, invoice: Fields) -> Reading:
    return _told(event, "invoice.issued", _invoice(invoice))


def _invoice_voided(event: Fields, invoice: Fields) -> Reading:
    return _told(event, "invoice.voided", _invoice(invoice))


def _invoice(invoice: Fields) -> dict[str, object]:
    return {
        "order": _order(invoice, "subscription"),
        "invoice": invoice.text("id"),
        **_amount(invoice, "total"),
        "references": _references(invoice, payment="charge", subscription="subscription"),
    }


def _credit_note(event: Fields, note: Fields) -> Reading:
    data = {
        "order": _order(note, "invoice"),
        "credit_note": note.text("id"),
        "invoice": note.text("invoice", default=""),
        **_amount(note, "total"),
    }
    return _told(event, "credit_note.issued", data)


def _transfer(event: Fields, transfer: Fields) -> Reading:
    """Read what a marketplace hands on to a seller's account."""
    data = {
        "order": _order(transfer, "transfer_group", "source_transaction"),
        "payout": transfer.text("id"),
        **_amount(transfer, "amount"),
        "seller": transfer.text("destination", default=""),
        "references": _references(transfer, payment="source_transaction"),
    }
    return _told(event, "payout.paid", data)


def _balance_transaction(line: Fields) -> Reading:
    """Read what became of a charge: gross, fee, net and rate in the currency of the account."""
    type_ = line.text("type")
    if type_ not in _SETTLED:
        return [Unused("balance_transaction", f"Of type {type_}: no settlement of a charge.")]
    status = "finalised" if line.text("status") == "available" else "pending"
    currency = line.currency("currency")
    data = {
        "order": line.text("source"),
        "settlement": line.text("id"),
        "gross_minor": _minor(line, "amount", currency),
        "fee_minor": _minor(line, "fee", currency),
        "net_minor": _minor(line, "net", currency),
        "currency": currency,
        "rate": line.value.get("exchange_rate") if isinstance(line.value, dict) else None,
        "references": _references(line, payment="source"),
    }
    name = f"{line.text('id')}/{status}"
    at = line.since_1970("available_on" if status == "finalised" else "created")
    return [Fact(name, "/stripe", f"settlement.{status}", at, data)]


_SETTLED = {"charge", "payment"}
_READERS: Mapping[str, Callable[[Fields, Fields], Reading]] = {
    "charge.succeeded": _charge,
    "charge.captured": _charge,
    "charge.failed": _charge_failed,
    "charge.refunded": _charge_refunded,
    "charge.refund.updated": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "checkout.session.completed": _checkout,
    "checkout.session.async_payment_succeeded": _checkout,
    "payment_intent.payment_failed": _intent_failed,
    "invoice.finalized": _invoice_issued,
    "invoice.voided": _invoice_voided,
    "credit_note.created": _credit_note,
    "transfer.created": _transfer,
}
_FETCHED = dict.fromkeys(
    ("payout.paid", "payout.reconciliation_completed"),
    "Its lines are balance transactions, which no webhook carries.",
)
_UNUSED = {
    "payment_intent.succeeded": "charge.succeeded tells of it.",
    "invoice.paid": "charge.succeeded tells of it.",
    "invoice.payment_succeeded": "charge.succeeded tells of it.",
    "invoice.payment_failed": "charge.failed tells of it.",
}
