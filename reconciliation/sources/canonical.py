"""The canonical types of events: their schemas, and which field names the outside thing."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ENVELOPE = "cloudevents.v1"
# Where a schema is: on our own pages, under any host that they are served from, or by its name.
_ADDRESS = re.compile(
    r"(?:(?:https?://[^/?#\s]+)?/schemas/|urn:reconcile:schema:)([a-z_.]+\.v[0-9]+)(?:\.json)?"
)
_FOLDER = Path(__file__).parent / "schemas"

# Types that only the product itself may say.
INTERNAL = frozenset({"correction.recorded"})

# type → the field of `data` that is the outside reference: charge, invoice, parcel …
# A type that is not here says nothing that could be said twice under another id.
REFERENCE_FIELDS: Mapping[str, str] = {
    "order.created": "order",
    "invoice.issued": "invoice",
    "invoice.voided": "invoice",
    "credit_note.issued": "credit_note",
    "payment.authorised": "payment",
    "payment.captured": "payment",
    "payment.failed": "payment",
    "payment.refunded": "refund",
    "payment.disputed": "dispute",
    "payment.posted": "posting",
    "payment.unposted": "posting",
    "settlement.pending": "settlement",
    "settlement.finalised": "settlement",
    "payout.paid": "payout",
    "shipment.shipped": "shipment",
    "shipment.delivered": "shipment",
    "return.received": "return",
    "fulfilment.recorded": "fulfilment",
    "subscription.activated": "subscription",
    "subscription.deactivated": "subscription",
}


@cache
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Give every schema by name and version, such as `order.created.v1`, sorted by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(_FOLDER.glob("*.json"))}


@cache
def versions() -> Mapping[str, tuple[str, ...]]:
    """Give every type that an event may have, with the names of its schemas, the newest first."""
    found: dict[str, list[int]] = {}
    for name in schemas():
        type_, _, version = name.rpartition(".v")
        if name != ENVELOPE:
            found.setdefault(type_, []).append(int(version))
    return {
        type_: tuple(f"{type_}.v{version}" for version in sorted(numbers, reverse=True))
        for type_, numbers in found.items()
    }


@cache
def types() -> Mapping[str, str]:
    """Give every type that an event may have, with the name of its newest schema."""
    return {type_: names[0] for type_, names in versions().items()}


def schema_at(address: str) -> str:
    """Give the name of the schema that an address means; "" if it is none of ours."""
    found = _ADDRESS.fullmatch(address)
    return found.group(1) if found and found.group(1) in schemas() else ""


def reference(*, type_: str, data: Mapping[str, Any]) -> str:
    """Give the outside reference that an event of this type is about; "" if there is none."""
    return str(data.get(REFERENCE_FIELDS.get(type_, ""), ""))
