"""Systems that post in their own words: what they are answered, and what is kept of it."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.http import HttpResponse

from reconciliation import apply, native
from reconciliation.models import Discrepancy, Event, Order, RejectedEvent, Source, UnusedMessage
from tests.reconciliation.sources.messages import (
    CHARGE,
    EVERY,
    FULFILMENT,
    INVOICE,
    NOTIFICATION,
    ORDER,
    SHOPIFY_REFUND,
    XERO_WEBHOOK,
    stripe_event,
)
from tests.reconciliation.sources.vendors import Vendor

pytestmark = pytest.mark.django_db
EVERYTHING = ["payment.", "settlement.", "invoice.", "credit_note.", "return.", "fulfilment."]
SUCCEEDED = stripe_event("charge.succeeded", CHARGE)


def said(response: HttpResponse) -> dict[str, Any]:
    found = json.loads(response.content)
    assert isinstance(found, dict)
    return found


def raws(model: type[Event | UnusedMessage]) -> list[bytes]:
    return [bytes(raw or b"") for raw in model.objects.values_list("raw", flat=True)]


@pytest.mark.parametrize(
    ("name", "topic", "message"),
    EVERY,
    ids=[f"{each[0]} {number}" for number, each in enumerate(EVERY)],
)
def test_a_post_is_kept_once_with_its_bytes(
    installed: datetime, name: str, topic: str, message: object
) -> None:
    vendor = Vendor(
        name,
        at=installed,
        truth_for=EVERYTHING,
    )
    body = json.dumps(message).encode()

    first, again = vendor.post(body, topic=topic), vendor.post(body, topic=topic)

    kept = {raw for model in (Event, UnusedMessage) for raw in raws(model)}
    assert kept == {body}
    assert again.status_code == 200
    assert first.status_code == (200 if name == "xero" else 202)
    assert not RejectedEvent.objects.exists()
    assert not Discrepancy.objects.exists()


def test_an_unsigned_post_is_refused_and_not_kept(installed: datetime) -> None:
    for name in ("stripe", "shopify", "hubspot", "xero", "woocommerce"):
        vendor = Vendor(name, at=installed)
        assert vendor.post(SUCCEEDED, signer="somebody else").status_code == 401

    assert not Event.objects.exists()
    assert not UnusedMessage.objects.exists()


def test_a_type_that_is_not_used_is_kept_and_not_sent_again(installed: datetime) -> None:
    stripe = Vendor("stripe", at=installed)

    response = stripe.post(stripe_event("product.created", {"id": "prod_1"}))

    kept = UnusedMessage.objects.get()
    assert (response.status_code, said(response)["unused"]) == (200, 1)
    assert (kept.kind, kept.why) == ("product.created", "No fact is read from this type.")
    assert kept.content_type == "application/json; format=stripe; kind=product.created"


def test_a_used_type_that_makes_no_sense_is_kept_with_all_that_is_wrong(
    installed: datetime,
) -> None:
    stripe = Vendor("stripe", at=installed)
    charge = {**CHARGE, "amount_captured": "a lot", "currency": "euros"}

    response = stripe.post(stripe_event("charge.succeeded", charge))

    rejection = RejectedEvent.objects.get()
    assert (response.status_code, said(response)["rejected"]) == (200, 1)
    assert [error["pointer"] for error in rejection.errors] == [
        "/data/object/currency",
        "/data/object/amount_captured",
    ]
    assert Discrepancy.objects.get(check_name="event_rejected").rejection == rejection


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"a":"\\u0000"}', b"[[1]]"]
)
def test_what_is_no_message_is_kept_as_it_came(installed: datetime, body: bytes) -> None:
    stripe = Vendor("stripe", at=installed)

    assert stripe.post(body).status_code == 200
    assert bytes(RejectedEvent.objects.get().raw) == body


def test_what_is_added_up_is_told_only_by_a_source_that_is_believed_for_it(
    installed: datetime,
) -> None:
    shop = Vendor("shopify", at=installed)

    response = shop.post(SHOPIFY_REFUND, topic="refunds/create")

    assert said(response)["unused"] == 1
    assert [event.type for event in Event.objects.all()] == ["return.received"]
    assert UnusedMessage.objects.get().why == "This source is not believed for payment.refunded."


def test_what_was_kept_can_be_read_again_once_its_source_is_believed(installed: datetime) -> None:
    shop = Vendor("shopify", at=installed)
    shop.post(SHOPIFY_REFUND, topic="refunds/create")
    kept = UnusedMessage.objects.get()
    Source.objects.filter(slug="shopify").update(truth_for=["payment.*", "return."])

    taken = native.read_again(
        source=shop.source, raw=bytes(kept.raw or b""), content_type=kept.content_type
    )
    native.store(source=shop.source, taken=taken, at=installed)

    told = Event.objects.order_by("id").values_list("type", flat=True)
    assert list(told) == ["return.received", "payment.refunded"]


def test_the_intent_to_receive_is_answered_by_the_signature_alone(installed: datetime) -> None:
    xero = Vendor("xero", at=installed)
    check = {"events": [], "firstEventSequence": 0, "lastEventSequence": 0, "entropy": "x"}

    right, wrong = xero.post(check), xero.post(check, signer="somebody else")

    assert (right.status_code, right.content, wrong.status_code) == (200, b"", 401)
    assert not UnusedMessage.objects.exists()


def test_what_only_points_to_a_thing_is_kept_with_where_to_fetch_it(installed: datetime) -> None:
    Vendor("xero", at=installed).post(XERO_WEBHOOK)
    Vendor("hubspot", at=installed).post([{**NOTIFICATION, "subscriptionType": "deal.creation"}])
    Vendor("stripe", at=installed).post(stripe_event("payout.paid", {"id": "po_1"}))

    assert [each.fetch for each in UnusedMessage.objects.exclude(fetch="").order_by("id")] == [
        "https://api.xero.com/api.xro/2.0/Invoices/0b6f-1",
        "/crm/v3/objects/deals/9001?properties=amount,deal_currency_code,order_number",
        "/v1/balance_transactions?payout=po_1",
    ]


def test_a_batch_has_a_verdict_for_each_message(installed: datetime) -> None:
    hubspot = Vendor("hubspot", at=installed)
    bad = {**NOTIFICATION, "occurredAt": "soon"}

    response = hubspot.post([NOTIFICATION, bad, {**NOTIFICATION, "propertyName": "amount"}])

    found = said(response)
    assert response.status_code == 202
    assert (found["new"], found["rejected"], found["unused"]) == (1, 1, 1)
    assert json.loads(bytes(RejectedEvent.objects.get().raw)) == bad


def test_too_much_at_once_is_refused_whole(installed: datetime) -> None:
    hubspot = Vendor("hubspot", at=installed)

    assert hubspot.post([NOTIFICATION] * 1_001).status_code == 413
    assert hubspot.post(b" " * (1024 * 1024 + 1)).status_code == 413
    assert not Event.objects.exists()


def test_a_paused_source_is_asked_to_come_again(installed: datetime) -> None:
    stripe = Vendor("stripe", at=installed)
    Source.objects.filter(slug="stripe").update(is_paused=True)

    assert stripe.post(SUCCEEDED).status_code == 503


def test_the_facts_of_four_systems_meet_on_one_order(installed: datetime) -> None:
    Vendor("stripe", at=installed).post(SUCCEEDED)
    Vendor("xero", at=installed).post({"Invoices": [INVOICE]})
    shop = Vendor("shopify", at=installed)
    shop.post(FULFILMENT, topic="fulfillments/create")
    shop.post(ORDER, topic="orders/create")

    while apply.take(limit=100, at=installed):
        pass

    order = Order.objects.get()
    assert order.canonical_id == "1001"
    assert (order.ordered_minor, order.paid_minor, order.invoiced_minor) == (4_900, 4_900, 4_900)
    assert (order.posted_minor, order.recorded_quantity) == (4_900, 2)
