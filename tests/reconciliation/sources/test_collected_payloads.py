"""Payloads that others have published, all of them through the front door, and what each gave.

They contradict one another: ids are shared, amounts do not agree. What is held here is that each
is answered, kept and counted, and that what is read from it says what it says.
Run it with `-s` for the table.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconciliation import apply
from reconciliation.models import Event, RejectedEvent, UnusedMessage
from tests.reconciliation.sources.vendors import Vendor

PAYLOADS = Path(__file__).parents[4] / "shared" / "data" / "payloads"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not PAYLOADS.exists(), reason="the payloads do not lie beside the project"),
]
EVERYTHING = [
    "payment.",
    "invoice.",
    "credit_note.",
    "payout.",
    "settlement.",
    "fulfilment.",
    "return.",
]
TOPICS = {
    "order": "orders/create",
    "orders": "orders/updated",
    "refund": "refunds/create",
    "fulfillment": "fulfillments/create",
    "transaction": "order_transactions/create",
    "transactions": "order_transactions/create",
    "dispute": "disputes/create",
    "disputes": "disputes/create",
    "tender_transactions": "tender_transactions/create",
}


class Sent(NamedTuple):
    """One payload: where it stands, its topic, and itself."""

    place: str
    topic: str
    message: dict[str, Any]


def stripe_events() -> Iterator[Sent]:
    """Give each event under an id of its own: as published they share two."""
    for number, path in enumerate(sorted((PAYLOADS / "stripe/webhook_events").glob("*.json"))):
        event = json.loads(path.read_text())
        yield Sent(path.stem, "", {**event, "id": f"evt_{number}"})


def stripe_objects() -> Iterator[Sent]:
    """Give each object in the event that its making would send."""
    fixtures = json.loads((PAYLOADS / "stripe/openapi/fixtures3.json").read_text())
    for name, thing in sorted(fixtures["resources"].items()):
        if name == "balance_transaction":
            yield Sent(name, "", thing)
            continue
        event = {"id": f"evt_{name}", "created": 1_790_000_000, "data": {"object": thing}}
        types = {
            "charge": "charge.succeeded",
            "dispute": "charge.dispute.created",
            "invoice": "invoice.finalized",
        }
        yield Sent(name, "", {**event, "type": types.get(name, f"{name}.created")})


def shopify_things() -> Iterator[Sent]:
    for path in sorted((PAYLOADS / "shopify/rest_fixtures").glob("*.json")):
        whole = json.loads(path.read_text())
        things = whole.get(path.stem, whole) if isinstance(whole, dict) else whole
        topic = TOPICS.get(path.stem, path.stem)
        for thing in things if isinstance(things, list) else [things]:
            yield Sent(f"{path.stem} {thing.get('id', '')}", topic, thing)


def woocommerce_things() -> Iterator[Sent]:
    for path in sorted((PAYLOADS / "woocommerce").glob("*.json")):
        topic = "order.created" if path.stem.startswith("order") else path.stem
        whole = json.loads(path.read_text())
        for thing in whole if isinstance(whole, list) else [whole]:
            yield Sent(f"{path.stem} {thing.get('id', '')}", topic, thing)


def send_all(vendor: Vendor, payloads: Iterator[Sent]) -> list[tuple[str, str, str]]:
    """Post each; gives place, verdict and what it came to."""
    table = []
    for sent in payloads:
        before = {model: model.objects.count() for model in (Event, RejectedEvent, UnusedMessage)}
        response = vendor.post(sent.message, topic=sent.topic)
        answer = json.loads(response.content)
        assert response.status_code in {200, 202}, sent.place
        ids = [each["event"] for each in answer["results"] if each["event"]]
        types = sorted(Event.objects.filter(pk__in=ids).values_list("type", flat=True))
        verdicts = [
            name for name in ("new", "seen", "conflict", "rejected", "unused") if answer[name]
        ]
        errors = [error for each in answer["results"] for error in each.get("errors", ())]
        told = ", ".join(types) or " ".join(
            f"{each['pointer']} {each['detail']}" for each in errors
        )
        if not told and UnusedMessage.objects.count() > before[UnusedMessage]:
            told = UnusedMessage.objects.latest("id").why
        table.append((sent.place, " + ".join(verdicts), told))
    return table


@pytest.mark.parametrize(
    ("name", "payloads", "least"),
    [
        ("stripe", stripe_events, 7),
        ("stripe", stripe_objects, 6),
        ("shopify", shopify_things, 5),
        ("woocommerce", woocommerce_things, 1),
    ],
    ids=["stripe events", "stripe objects", "shopify", "woocommerce"],
)
def test_every_published_payload_is_answered_and_kept(
    installed: datetime,
    name: str,
    payloads: Callable[[], Iterator[Sent]],
    least: int,
) -> None:
    vendor = Vendor(name, at=installed, truth_for=EVERYTHING)

    table = send_all(vendor, payloads())
    again = send_all(vendor, payloads())
    while apply.take(limit=100, at=installed):
        pass

    counts = Counter(verdict.split(" + ")[0] for _, verdict, _ in table)
    print(f"\n{name}: {len(table)} sent, {dict(counts)}")  # noqa: T201
    for place, verdict, told in table:
        print(f"  {place:<40} {verdict:<16} {told}")  # noqa: T201
    for (type_, status), number in Counter(Event.objects.values_list("type", "status")).items():
        print(f"  {number} {type_}: {status}")  # noqa: T201
    assert all(verdict for _, verdict, _ in table)
    assert counts["new"] >= least
    assert not any("new" in verdict for _, verdict, _ in again)
