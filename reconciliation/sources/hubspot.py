"""HubSpot: deals, from webhook subscriptions and as the CRM API gives them, signed by version 3.

A notification names one deal and at most one property of it. A deal's amount and currency have to
be fetched, or pushed to us as `/crm/v3/objects/deals` lists them.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from reconciliation.sources import signature
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Reading, Unused, order_name

_DEALS = "0-3"  # HubSpot's number for the type of object
_ORDER_KEYS = ("order_number", "order_id")  # properties of a deal that name a shop's order
_FETCH = "/crm/v3/objects/deals/{id}?properties=amount,deal_currency_code,order_number"
_OUTCOMES = {
    ("dealstage", "closedwon"): "order.confirmed",
    ("hs_is_closed_won", "true"): "order.confirmed",
    ("dealstage", "closedlost"): "order.cancelled",
    ("hs_is_closed_lost", "true"): "order.cancelled",
}


def verify(post: Post, *, keys: Sequence[bytes], now: int) -> None:
    """Check base64 of the HMAC of method, address, body and moment. Raises BadSignature."""
    moment = signature.header(post.headers, "x-hubspot-request-timestamp")
    signature.check_moment(moment, now=now, per_second=1_000)
    given = signature.header(post.headers, "x-hubspot-signature-v3")
    expected = [
        digest
        for scheme in ("https", "http")
        for address in (post.address, unquote(post.address))
        for digest in signature.base64_digests(
            keys, f"POST{scheme}://{address}".encode(errors="replace") + post.body + moment
        )
    ]
    signature.check(given=[given], expected=expected)


def split(body: object) -> list[object]:
    """Take a batch of notifications, or a page of deals, apart."""
    if isinstance(body, dict) and isinstance(body.get("results"), list):
        return list(body["results"])
    return body if isinstance(body, list) else [body]


def kind(message: Fields, _headers: Mapping[str, str]) -> str:
    """Name the subscription's type; a deal as the API gives it has none."""
    return message.text("subscriptionType", default="deal")


def read(message: Fields, headers: Mapping[str, str]) -> Reading:
    """Read one notification, or one deal."""
    if not message.has("subscriptionType"):
        return _deal(message)
    name = kind(message, headers)
    if not name.startswith("deal.") and message.text("objectTypeId", default="") != _DEALS:
        return [Unused(name, "Only deals are read.")]
    changed = (message.text("propertyName", default=""), message.text("propertyValue", default=""))
    if name.endswith(".propertyChange") and (type_ := _OUTCOMES.get(changed)):
        return [_outcome(message, type_, changed)]
    fetch = _FETCH.format(id=message.text("objectId"))
    return [Unused(name, "It says that a deal changed, and not what it is now.", fetch)]


def _outcome(message: Fields, type_: str, changed: tuple[str, str]) -> Fact:
    """Read a deal won or lost. HubSpot does not promise that `eventId` is unique by itself."""
    deal, at = message.text("objectId"), message.integer("occurredAt")
    data: dict[str, object] = {"order": deal, "references": {"deal": deal}}
    if type_ == "order.cancelled":
        data["reason"] = "Deal lost"
    return Fact(
        f"deals/{deal}/{'/'.join(changed)}/{message.text('eventId')}/{at}",
        f"/hubspot/{message.text('portalId')}",
        type_,
        message.since_1970("occurredAt", per_second=1_000),
        data,
    )


def _deal(deal: Fields) -> Reading:
    """Read a deal as it is: that there is one, and what it comes to by now."""
    name, properties = deal.text("id"), deal.inside("properties")
    if deal.flag("archived"):
        return [Unused("deal", "It is archived.")]
    named = (order_name(properties.text(key)) for key in _ORDER_KEYS if properties.has(key))
    order = next(named, name)
    currency = properties.currency("deal_currency_code")
    amount = properties.money("amount", currency) if properties.has("amount") else 0
    created_at, updated_at = deal.moment("createdAt"), deal.moment("updatedAt")
    common = {"order": order, "lines": [], "references": {"deal": name}}
    began = {**common, "currency": currency, "total_minor": 0, "channel": "crm"}
    return [
        Fact(f"deals/{name}/created/{order}", "/hubspot", "order.created", created_at, began),
        Fact(
            f"deals/{name}/stated/{updated_at}/{order}",
            "/hubspot",
            "order.amended",
            updated_at,
            {**common, "total_minor": amount},
        ),
    ]
