"""The messages of each system in short: what tests post, and what the fuzzer begins with."""

from typing import Any

CHARGE: dict[str, Any] = {
    "id": "ch_1",
    "object": "charge",
    "amount": 4_900,
    "amount_captured": 4_900,
    "captured": True,
    "created": 1_790_000_000,
    "currency": "eur",
    "invoice": None,
    "metadata": {"order_id": "#1001"},
    "payment_intent": "pi_1",
    "failure_code": None,
    "refunds": {"object": "list", "data": []},
}
REFUND: dict[str, Any] = {
    "id": "re_1",
    "object": "refund",
    "amount": 900,
    "charge": "ch_1",
    "created": 1_790_000_100,
    "currency": "eur",
    "metadata": {},
    "payment_intent": "pi_1",
    "status": "succeeded",
}
BALANCE_TRANSACTION: dict[str, Any] = {
    "id": "txn_1",
    "object": "balance_transaction",
    "amount": 5_300,
    "available_on": 1_790_200_000,
    "created": 1_790_000_000,
    "currency": "usd",
    "exchange_rate": 1.0816,
    "fee": 184,
    "net": 5_116,
    "source": "ch_1",
    "status": "available",
    "type": "charge",
}
ORDER: dict[str, Any] = {
    "id": 450_789_469,
    "name": "#1001",
    "confirmed": True,
    "created_at": "2026-03-02T04:00:00-05:00",
    "updated_at": "2026-03-02T05:00:00-05:00",
    "cancelled_at": None,
    "cancel_reason": None,
    "currency": "EUR",
    "total_price": "49.00",
    "source_name": "web",
    "cart_token": "cart-1",
    "checkout_id": 7,
    "customer": {"id": 17, "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"},
    "line_items": [
        {
            "id": 1,
            "sku": "MUG-01",
            "name": "Mug",
            "quantity": 2,
            "price": "24.50",
            "requires_shipping": True,
        }
    ],
}
SHOPIFY_REFUND: dict[str, Any] = {
    "id": 509,
    "order_id": 450_789_469,
    "created_at": "2026-03-03T09:00:00Z",
    "refund_line_items": [{"line_item_id": 1, "quantity": 1, "restock_type": "return"}],
    "transactions": [
        {
            "id": 179,
            "order_id": 450_789_469,
            "amount": "24.50",
            "currency": "EUR",
            "kind": "refund",
            "status": "success",
            "parent_id": 178,
            "created_at": "2026-03-03T09:00:00Z",
        }
    ],
}
FULFILMENT: dict[str, Any] = {
    "id": 255,
    "order_id": 450_789_469,
    "status": "success",
    "created_at": "2026-03-02T12:00:00Z",
    "updated_at": "2026-03-02T13:00:00Z",
    "tracking_number": "1Z2345",
    "line_items": [{"id": 1, "quantity": 2}],
}
NOTIFICATION: dict[str, Any] = {
    "eventId": 100,
    "subscriptionId": 1,
    "portalId": 33,
    "appId": 9,
    "occurredAt": 1_790_000_000_123,
    "subscriptionType": "deal.propertyChange",
    "attemptNumber": 0,
    "objectId": 9_001,
    "propertyName": "dealstage",
    "propertyValue": "closedwon",
    "changeSource": "CRM",
}
DEAL: dict[str, Any] = {
    "id": "9001",
    "properties": {
        "amount": "49.00",
        "deal_currency_code": "EUR",
        "order_number": "#1001",
        "dealname": "Mugs",
    },
    "createdAt": "2026-03-01T09:00:00.123Z",
    "updatedAt": "2026-03-02T09:00:00.123Z",
    "archived": False,
}
INVOICE: dict[str, Any] = {
    "Type": "ACCREC",
    "InvoiceID": "0b6f-1",
    "InvoiceNumber": "INV-0001",
    "Reference": "#1001",
    "Status": "PAID",
    "Date": "/Date(1772409600000+0000)/",
    "DateString": "2026-03-02T00:00:00",
    "UpdatedDateUTC": "/Date(1772500000000+0000)/",
    "CurrencyCode": "EUR",
    "Total": 49.00,
    "Payments": [
        {
            "PaymentID": "0b6f-2",
            "Date": "/Date(1772496000000+0000)/",
            "Amount": 49.00,
            "Reference": "ch_1",
        }
    ],
}
CREDIT_NOTE: dict[str, Any] = {
    "Type": "ACCRECCREDIT",
    "CreditNoteID": "0b6f-3",
    "CreditNoteNumber": "CN-1",
    "Status": "AUTHORISED",
    "Date": "/Date(1772496000000+0000)/",
    "CurrencyCode": "EUR",
    "Total": 24.50,
    "Allocations": [{"Amount": 24.50, "Invoice": {"InvoiceID": "0b6f-1"}}],
}
XERO_WEBHOOK: dict[str, Any] = {
    "events": [
        {
            "resourceUrl": "https://api.xero.com/api.xro/2.0/Invoices/0b6f-1",
            "resourceId": "0b6f-1",
            "eventDateUtc": "2026-03-02T09:00:00.123",
            "eventType": "UPDATE",
            "eventCategory": "INVOICE",
            "tenantId": "t-1",
        }
    ],
    "firstEventSequence": 1,
    "lastEventSequence": 1,
    "entropy": "S0m3r4nd0m",
}
WOO_ORDER: dict[str, Any] = {
    "id": 727,
    "number": "727",
    "currency": "USD",
    "date_created_gmt": "2026-03-02T19:28:02",
    "total": "29.35",
    "line_items": [
        {"id": 315, "name": "Single", "quantity": 2, "subtotal": "6.00"},
        {"id": 316, "name": "Shirt", "quantity": 1, "subtotal": "12.00"},
    ],
}


def stripe_event(
    type_: str, thing: object, *, id_: str = "evt_1", **data: object
) -> dict[str, Any]:
    """Wrap an object as Stripe's events do."""
    return {
        "id": id_,
        "object": "event",
        "created": 1_790_000_200,
        "data": {"object": thing, **data},
        "type": type_,
    }


# format, topic, message: each of them comes to a fact, but for the webhook of Xero.
EVERY: list[tuple[str, str, object]] = [
    ("stripe", "", stripe_event("charge.succeeded", CHARGE)),
    ("stripe", "", stripe_event("charge.failed", {**CHARGE, "captured": False})),
    ("stripe", "", stripe_event("refund.created", REFUND)),
    ("stripe", "", BALANCE_TRANSACTION),
    ("shopify", "orders/create", ORDER),
    ("shopify", "orders/updated", ORDER),
    ("shopify", "refunds/create", SHOPIFY_REFUND),
    ("shopify", "fulfillments/create", FULFILMENT),
    ("hubspot", "", [NOTIFICATION]),
    ("hubspot", "", {"results": [DEAL]}),
    ("xero", "", {"Invoices": [INVOICE]}),
    ("xero", "", {"CreditNotes": [CREDIT_NOTE]}),
    ("xero", "", XERO_WEBHOOK),
    ("woocommerce", "order.created", WOO_ORDER),
]
