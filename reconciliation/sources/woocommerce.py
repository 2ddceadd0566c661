"""WooCommerce: new orders, signed in `X-WC-Webhook-Signature`."""

from collections.abc import Mapping, Sequence

from reconciliation.sources import signature
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Reading, Unused


def verify(post: Post, *, keys: Sequence[bytes], now: int) -> None:
    """Check base64 of the body's HMAC. Raises BadSignature. No moment is signed."""
    given = signature.header(post.headers, "x-wc-webhook-signature")
    signature.check(given=[given], expected=signature.base64_digests(keys, post.body))


def split(body: object) -> list[object]:
    """Give the one message that a post is."""
    return [body]


def kind(_message: Fields, headers: Mapping[str, str]) -> str:
    """Name the topic."""
    return headers.get("x-wc-webhook-topic", "") or "unknown"


def read(order: Fields, headers: Mapping[str, str]) -> Reading:
    """Read an order. Its fact has one id, however often it comes."""
    if (topic := kind(order, headers)) != "order.created":
        return [Unused(topic, "No fact is read from this topic.")]
    currency, at = order.currency("currency"), order.moment("date_created_gmt", is_utc=True)
    data: dict[str, object] = {"order": order.text("number"), "currency": currency}
    data["total_minor"] = order.money("total", currency)
    data["lines"] = [_line(line, currency) for line in order.each("line_items")]
    return [Fact(f"orders/{order.text('id')}", "/woocommerce", "order.created", at, data)]


def _line(line: Fields, currency: str) -> dict[str, object]:
    quantity, total = line.integer("quantity"), line.money("subtotal", currency)
    unit = total // max(quantity, 1)
    return {"line": line.text("id"), "quantity": quantity, "unit_minor": unit, "fulfil": "ship"}
