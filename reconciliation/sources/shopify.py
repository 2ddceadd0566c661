"""Shopify: its webhooks by topic, signed in `X-Shopify-Hmac-Sha256`.

Only the body is signed: no topic, no webhook id, no moment. So a fact is known by what the body
itself says, such as this refund, and a delivery that is made again, by whomever, is seen.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import orjson

from reconciliation.sources import signature
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Reading, Unused, order_name

_SENDER = "/shopify"
_TOPIC = "x-shopify-topic"
# Attributes that a shop puts on an order to say where it came from.
_NOTES = {"deal": "deal", "deal_id": "deal", "lead": "lead", "lead_id": "lead"}


def verify(post: Post, *, keys: Sequence[bytes], now: int) -> None:
    """Check base64 of the body's HMAC. Raises BadSignature. Shopify signs no moment."""
    given = signature.header(post.headers, "x-shopify-hmac-sha256")
    signature.check(given=[given], expected=signature.base64_digests(keys, post.body))


def split(body: object) -> list[object]:
    """Give the one thing that a post is; the Admin API wraps it in its name, webhooks do not."""
    if isinstance(body, dict) and len(body) == 1:
        ((name, inner),) = body.items()
        if name in {"order", "refund", "fulfillment", "transaction", "dispute"}:
            return [inner]
    return [body]


def kind(_message: Fields, headers: Mapping[str, str]) -> str:
    """Name the topic: a header, which is kept beside the body."""
    return headers.get(_TOPIC, "") or "unknown"


def read(message: Fields, headers: Mapping[str, str]) -> Reading:
    """Read one message by its topic."""
    topic = kind(message, headers)
    if reader := _READERS.get(topic):
        return reader(message)
    return [Unused(topic, _UNUSED.get(topic, "No fact is read from this topic."))]


def _created(order: Fields) -> Reading:
    """Read an order; its name, 1001, is what people call it, its id what Shopify does."""
    currency = order.currency("currency")
    data = {
        **_stated(order, currency),
        "currency": currency,
        "customer": _customer(order),
        "channel": order.text("source_name", default="")[:32],
        "confirmed": order.flag("confirmed"),
        "references": _references(order),
    }
    name = f"orders/{order.text('id')}/created"
    return [Fact(name, _SENDER, "order.created", order.moment("created_at"), data)]


def _updated(order: Fields) -> Reading:
    """Read an order's lines and total as they are now. Several may be of one second."""
    data = _stated(order, order.currency("currency"))
    digest = sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:8]
    at = order.moment("updated_at")
    name = f"orders/{order.text('id')}/stated/{at}/{digest}"
    return [Fact(name, _SENDER, "order.amended", at, data)]


def _cancelled(order: Fields) -> Reading:
    data = {"order": _name(order), "reason": order.text("cancel_reason", default="")}
    at = order.moment("cancelled_at")
    return [Fact(f"orders/{order.text('id')}/cancelled/{at}", _SENDER, "order.cancelled", at, data)]


def _name(order: Fields) -> str:
    return order_name(order.text("name", default="")) or order.text("id")


def _stated(order: Fields, currency: str) -> dict[str, object]:
    lines = order.each("line_items")
    if not order.has("line_items"):
        order.refuse("line_items", "It is missing.")
    return {
        "order": _name(order),
        "total_minor": order.money("total_price", currency),
        "lines": [_line(line, currency) for line in lines if line.integer("quantity") > 0],
    }


def _line(line: Fields, currency: str) -> dict[str, object]:
    return {
        "line": line.text("id"),
        "sku": line.text("sku", default="")[:64],
        "description": line.text("name", default=line.text("title", default=""))[:255],
        "quantity": line.integer("quantity"),
        "unit_minor": line.money("price", currency),
        "fulfil": "ship" if line.flag("requires_shipping") else "none",
    }


def _customer(order: Fields) -> dict[str, object]:
    customer = order.inside("customer")
    if not customer.has("id"):
        return {}
    names = (customer.text(part, default="") for part in ("first_name", "last_name"))
    company = customer.inside("default_address").text("company", default="")
    return {
        "key": customer.text("id"),
        "name": " ".join(filter(None, names))[:255],
        "email": customer.text("email", default="")[:254],
        "company": company[:255],
    }


def _references(order: Fields) -> dict[str, str]:
    """Tie the order's id, which refunds and parcels carry, to its name; and where it began."""
    fields = {"order": "id", "checkout": "checkout_id", "cart": "cart_token"}
    found = {name: order.text(field)[:255] for name, field in fields.items() if order.has(field)}
    for note in order.each("note_attributes"):
        name = _NOTES.get(note.text("name", default="").lower())
        if name and note.has("value"):
            found[name] = note.text("value")[:255]
    return found


def _refunded(refund: Fields) -> Reading:
    """Read what was given back, by transaction, and what came back, if it did."""
    facts: Reading = []
    for transaction in refund.each("transactions"):
        facts += _transaction(transaction)
    lines = [
        {"line": each.text("line_item_id"), "quantity": each.integer("quantity")}
        for each in refund.each("refund_line_items")
        if each.text("restock_type", default="") == "return"
    ]
    if lines:
        data = {"order": refund.text("order_id"), "return": refund.text("id"), "lines": lines}
        name, at = f"refunds/{refund.text('id')}/returned", refund.moment("created_at")
        facts.append(Fact(name, _SENDER, "return.received", at, data))
    return facts or [Unused("refunds/create", "No money and no goods came back by it.")]


def _transaction(transaction: Fields) -> Reading:
    """Read one movement of money; a topic of its own and a refund may both tell of it."""
    what = (transaction.text("kind"), transaction.text("status"))
    if what not in _MOVEMENTS:
        return [Unused("order_transactions/create", f"{' '.join(what)} moves no money.")]
    type_, field = _MOVEMENTS[what]
    currency = transaction.currency("currency")
    references = {"payment": transaction.text("parent_id", default="")}
    data = {
        "order": transaction.text("order_id"),
        field: transaction.text("id"),
        "amount_minor": transaction.money("amount", currency),
        "currency": currency,
        "references": {name: value for name, value in references.items() if value},
    }
    name = f"transactions/{transaction.text('id')}/{type_}"
    return [Fact(name, _SENDER, type_, transaction.moment("created_at"), data)]


def _fulfilled(fulfilment: Fields) -> Reading:
    """Read the shop's own mark of fulfilment; it ties the parcel's number to the order.

    That a parcel is on its way is the carrier's to say.
    """
    status = fulfilment.text("status", default="")
    name, order = fulfilment.text("id"), fulfilment.text("order_id")
    data: dict[str, object] = {"order": order, "fulfilment": name}
    if status == "cancelled":
        at = fulfilment.moment("updated_at")
        fact = Fact(f"fulfillments/{name}/{status}", _SENDER, "fulfilment.unrecorded", at, data)
        return [fact]
    if status != "success":
        return [Unused("fulfillments", f"It is {status or 'without status'}; nothing is done yet.")]
    data["lines"] = [
        {"line": line.text("id"), "quantity": line.integer("quantity")}
        for line in fulfilment.each("line_items")
    ]
    if fulfilment.has("tracking_number"):
        data["references"] = {"shipment": fulfilment.text("tracking_number")}
    at = fulfilment.moment("created_at")
    return [Fact(f"fulfillments/{name}/{status}", _SENDER, "fulfilment.recorded", at, data)]


def _disputed(dispute: Fields) -> Reading:
    if dispute.text("type", default="") != "chargeback":
        return [Unused("disputes/create", "It is an inquiry; no money was taken back.")]
    currency = dispute.currency("currency")
    data = {
        "order": dispute.text("order_id"),
        "dispute": dispute.text("id"),
        "amount_minor": dispute.money("amount", currency),
        "currency": currency,
    }
    name, at = f"disputes/{dispute.text('id')}", dispute.moment("initiated_at")
    return [Fact(name, _SENDER, "payment.disputed", at, data)]


_MOVEMENTS = {
    ("authorization", "success"): ("payment.authorised", "payment"),
    ("capture", "success"): ("payment.captured", "payment"),
    ("sale", "success"): ("payment.captured", "payment"),
    ("authorization", "failure"): ("payment.failed", "payment"),
    ("capture", "failure"): ("payment.failed", "payment"),
    ("sale", "failure"): ("payment.failed", "payment"),
    ("refund", "success"): ("payment.refunded", "refund"),
}
_READERS: Mapping[str, Callable[[Fields], Reading]] = {
    "orders/create": _created,
    "orders/updated": _updated,
    "orders/cancelled": _cancelled,
    "refunds/create": _refunded,
    "order_transactions/create": _transaction,
    "fulfillments/create": _fulfilled,
    "fulfillments/update": _fulfilled,
    "disputes/create": _disputed,
}
_UNUSED = {
    "orders/paid": "order_transactions/create tells of the money.",
    "orders/fulfilled": "fulfillments/create tells of it, line by line.",
    "orders/partially_fulfilled": "fulfillments/create tells of it, line by line.",
    "tender_transactions/create": "order_transactions/create tells of the money.",
}
