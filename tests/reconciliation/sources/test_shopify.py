"""Shopify's topics, and what each is taken to say."""

import pytest

from reconciliation.sources.native import Fact, Unused
from tests.reconciliation.sources.messages import FULFILMENT, ORDER, SHOPIFY_REFUND
from tests.reconciliation.sources.vendors import facts, read, read_badly


def test_an_order_has_its_name_and_every_other_id() -> None:
    order = {
        **ORDER,
        "note_attributes": [
            {"name": "Deal_ID", "value": "9001"},
            {"name": "colour", "value": "red"},
        ],
    }

    ((type_, data),) = facts(read("shopify", order, topic="orders/create"))

    assert type_ == "order.created"
    assert (data["order"], data["currency"], data["total_minor"]) == ("1001", "EUR", 4_900)
    assert data["references"] == {
        "order": "450789469", "checkout": "7", "cart": "cart-1", "deal": "9001",
    }  # fmt: skip
    assert data["customer"]["name"] == "Ada Byron"
    assert data["lines"] == [
        {
            "line": "1", "sku": "MUG-01", "description": "Mug", "quantity": 2,
            "unit_minor": 2_450, "fulfil": "ship",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("total", "currency", "minor"),
    [
        ("199.00", "USD", 19_900),
        ("199", "JPY", 199),
        ("199.00", "JPY", 199),
        ("1.234", "KWD", 1_234),
    ],
)
def test_amounts_are_exact(total: str, currency: str, minor: int) -> None:
    order = {**ORDER, "total_price": total, "currency": currency, "line_items": []}
    found, _ = read_badly("shopify", order, topic="orders/create")

    assert facts(found)[0][1]["total_minor"] == minor


@pytest.mark.parametrize("total", ["199.005", "1e3", "NaN", "", None, True, "1,00", " "])
def test_what_is_no_amount_is_said(total: object) -> None:
    _, problems = read_badly("shopify", {**ORDER, "total_price": total}, topic="orders/create")

    assert [pointer for pointer, _ in problems] == ["/total_price"]


def test_the_same_order_again_is_the_same_fact_and_a_changed_one_is_not() -> None:
    first, again = (read("shopify", ORDER, topic="orders/updated") for _ in range(2))
    changed = read("shopify", {**ORDER, "total_price": "50.00"}, topic="orders/updated")

    assert first == again
    assert isinstance(first[0], Fact)
    assert isinstance(changed[0], Fact)
    assert first[0].type == "order.amended"
    assert first[0].id != changed[0].id


def test_a_cancelled_order_says_when_and_why() -> None:
    order = {**ORDER, "cancelled_at": "2026-03-03T09:00:00Z", "cancel_reason": "fraud"}

    (found,) = read("shopify", order, topic="orders/cancelled")

    assert isinstance(found, Fact)
    assert (found.type, found.time) == ("order.cancelled", "2026-03-03T09:00:00+00:00")
    assert found.data == {"order": "1001", "reason": "fraud"}


def test_a_refund_tells_of_money_and_of_goods() -> None:
    told = facts(read("shopify", SHOPIFY_REFUND, topic="refunds/create"))
    transaction = read(
        "shopify", SHOPIFY_REFUND["transactions"][0], topic="order_transactions/create"
    )

    (_, money), (_, goods) = told
    assert [type_ for type_, _ in told] == ["payment.refunded", "return.received"]
    assert (money["order"], money["refund"], money["amount_minor"]) == ("450789469", "179", 2_450)
    assert money["references"] == {"payment": "178"}
    assert goods["lines"] == [{"line": "1", "quantity": 1}]
    assert read("shopify", SHOPIFY_REFUND, topic="refunds/create")[0] == transaction[0]


@pytest.mark.parametrize(
    ("kind", "status", "type_"),
    [
        ("authorization", "success", "payment.authorised"),
        ("capture", "success", "payment.captured"),
        ("sale", "success", "payment.captured"),
        ("sale", "failure", "payment.failed"),
        ("refund", "success", "payment.refunded"),
        ("void", "success", None),
        ("sale", "pending", None),
        ("refund", "failure", None),
    ],
)
def test_a_transaction_is_what_it_did(kind: str, status: str, type_: str | None) -> None:
    transaction = {**SHOPIFY_REFUND["transactions"][0], "kind": kind, "status": status}

    (found,) = read("shopify", transaction, topic="order_transactions/create")

    assert (found.type if isinstance(found, Fact) else None) == type_


def test_a_fulfilment_is_the_shop_s_mark_and_ties_the_parcel() -> None:
    ((type_, data),) = facts(read("shopify", FULFILMENT, topic="fulfillments/create"))
    ((undone, _),) = facts(
        read("shopify", {**FULFILMENT, "status": "cancelled"}, topic="fulfillments/update")
    )
    (open_,) = read("shopify", {**FULFILMENT, "status": "open"}, topic="fulfillments/create")

    assert (type_, undone) == ("fulfilment.recorded", "fulfilment.unrecorded")
    assert (data["order"], data["lines"]) == ("450789469", [{"line": "1", "quantity": 2}])
    assert data["references"] == {"shipment": "1Z2345"}
    assert isinstance(open_, Unused)


@pytest.mark.parametrize("topic", ["", "orders/paid", "products/create"])
def test_other_topics_are_kept_unused(topic: str) -> None:
    (found,) = read("shopify", ORDER, topic=topic)

    assert isinstance(found, Unused)
    assert found.kind == (topic or "unknown")
