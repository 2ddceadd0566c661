"""The canonical types of events: their schemas, and which field names the outside thing."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ENVELOPE = "cloudevents.v1"
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
def types() -> Mapping[str, str]:
    """Give every type that an event may have, with the name of its newest schema."""
    named = (name.rpartition(".v") for name in schemas() if name != ENVELOPE)
    newest: dict[str, int] = {}
    for type_, _, version in named:
        newest[type_] = max(int(version), newest.get(type_, 0))
    return {type_: f"{type_}.v{version}" for type_, version in newest.items()}


def reference(*, type_: str, data: Mapping[str, Any]) -> str:
    """Give the outside reference that an event of this type is about; "" if there is none."""
    return str(data.get(REFERENCE_FIELDS.get(type_, ""), ""))
