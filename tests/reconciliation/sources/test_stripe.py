"""Stripe's events, and what each is taken to say."""

from typing import Any

import pytest

from reconciliation.sources.native import Fact, Unused
from tests.reconciliation.sources.messages import (
    BALANCE_TRANSACTION,
    CHARGE,
    REFUND,
    stripe_event,
)
from tests.reconciliation.sources.vendors import facts, read, read_badly


def told(type_: str, thing: object) -> list[tuple[str, dict[str, Any]]]:
    return facts(read("stripe", stripe_event(type_, thing)))


def only_fact(message: object) -> Fact:
    (found,) = read("stripe", message)
    assert isinstance(found, Fact)
    return found


def test_a_charge_captured_is_money_taken() -> None:
    assert told("charge.succeeded", CHARGE) == [
        (
            "payment.captured",
            {
                "order": "1001",
                "payment": "ch_1",
                "references": {"payment": "pi_1"},
                "amount_minor": 4_900,
                "currency": "EUR",
            },
        )
    ]
    assert only_fact(stripe_event("charge.succeeded", CHARGE)).id == "evt_1"


def test_only_what_was_captured_counts() -> None:
    part = {**CHARGE, "amount_captured": 1_000}
    ((captured, data),) = told("charge.captured", part)
    ((authorised, whole),) = told("charge.succeeded", {**CHARGE, "captured": False})

    assert (captured, data["amount_minor"]) == ("payment.captured", 1_000)
    assert (authorised, whole["amount_minor"]) == ("payment.authorised", 4_900)


@pytest.mark.parametrize(
    ("change", "order"),
    [
        ({"metadata": {"order_id": "#1001"}}, "1001"),
        ({"metadata": {"order_number": "77"}}, "77"),
        ({"metadata": {}}, "pi_1"),
        ({"metadata": None, "payment_intent": None, "invoice": "in_1"}, "in_1"),
        ({"metadata": {}, "payment_intent": None}, "ch_1"),
    ],
)
def test_the_order_is_what_names_it_best(change: dict[str, Any], order: str) -> None:
    ((_, data),) = told("charge.succeeded", {**CHARGE, **change})

    assert data["order"] == order


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("usd", 1_999, 1_999),
        ("jpy", 500, 500),
        ("kwd", 1_230, 1_230),
        ("isk", 50_000, 500),
        ("ugx", 50_000, 500),
        ("mga", 500, 50_000),
    ],
)
def test_amounts_become_the_minor_units_of_iso_4217(currency: str, amount: int, minor: int) -> None:
    ((_, data),) = told(
        "charge.succeeded", {**CHARGE, "currency": currency, "amount_captured": amount}
    )

    assert data["amount_minor"] == minor


def test_an_amount_with_too_many_digits_is_said_and_never_rounded() -> None:
    charge = {**CHARGE, "currency": "isk", "amount_captured": 50_050}

    _, problems = read_badly("stripe", stripe_event("charge.succeeded", charge))

    assert problems == [("/data/object/amount_captured", "This has more digits than its currency.")]


def test_a_refund_is_one_fact_whichever_event_tells_of_it() -> None:
    charge = {**CHARGE, "refunds": {"data": [REFUND, {**REFUND, "id": "re_0"}]}}

    from_refund = only_fact(stripe_event("refund.created", REFUND, id_="evt_2"))
    from_charge = read("stripe", stripe_event("charge.refunded", charge, id_="evt_3"))

    assert from_refund == from_charge[0]
    assert from_refund.id == "re_1/refunded"
    assert facts(from_charge)[1][1]["refund"] == "re_0"
    assert from_refund.envelope()["data"]["references"] == {"payment": "ch_1"}


@pytest.mark.parametrize("status", ["pending", "failed", "canceled", "requires_action"])
def test_a_refund_that_is_not_done_gives_nothing_back(status: str) -> None:
    (found,) = read("stripe", stripe_event("refund.updated", {**REFUND, "status": status}))

    assert isinstance(found, Unused)


def test_a_refund_that_fails_after_all_is_for_a_person_to_look_at() -> None:
    event = stripe_event(
        "refund.updated",
        {**REFUND, "status": "failed"},
        previous_attributes={"status": "succeeded"},
    )

    _, problems = read_badly("stripe", event)

    assert problems[0][0] == "/data/object/status"


def test_a_failure_without_a_charge_is_told_by_its_intent() -> None:
    intent = {
        "id": "pi_1", "amount": 4_900, "currency": "eur", "created": 1, "metadata": {},
        "last_payment_error": {"code": "card_declined"},
    }  # fmt: skip
    of_charge = {**intent, "last_payment_error": {"charge": "ch_1"}}

    ((type_, data),) = told("payment_intent.payment_failed", intent)
    (unused,) = read("stripe", stripe_event("payment_intent.payment_failed", of_charge))

    assert (type_, data["payment"], data["failure_code"]) == (
        "payment.failed",
        "pi_1",
        "card_declined",
    )
    assert isinstance(unused, Unused)


def test_a_checkout_ties_the_intent_to_the_order() -> None:
    session = {
        "id": "cs_1", "client_reference_id": "#1001", "payment_intent": "pi_1",
        "payment_status": "paid", "amount_total": 4_900, "currency": "eur", "metadata": {},
    }  # fmt: skip

    ((type_, data),) = told("checkout.session.completed", session)
    (unnamed,) = read(
        "stripe",
        stripe_event("checkout.session.completed", {**session, "client_reference_id": None}),
    )

    assert (type_, data["order"], data["payment"]) == ("payment.authorised", "1001", "pi_1")
    assert isinstance(unnamed, Unused)


def test_an_inquiry_is_no_dispute() -> None:
    dispute = {
        "id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 4_900,
        "currency": "eur", "created": 1, "status": "needs_response",
    }  # fmt: skip

    created = only_fact(stripe_event("charge.dispute.created", dispute, id_="evt_2"))
    withdrawn = only_fact(stripe_event("charge.dispute.funds_withdrawn", dispute, id_="evt_3"))
    (inquiry,) = read(
        "stripe",
        stripe_event("charge.dispute.created", {**dispute, "status": "warning_needs_response"}),
    )

    assert created == withdrawn
    assert isinstance(inquiry, Unused)


def test_a_list_of_balance_transactions_is_taken_apart_and_settles_charges() -> None:
    refund = {**BALANCE_TRANSACTION, "id": "txn_2", "type": "refund"}

    found = read("stripe", {"object": "list", "data": [BALANCE_TRANSACTION, refund]})

    ((type_, data),) = facts(found)
    assert (type_, found[0].id) == ("settlement.finalised", "txn_1/finalised")  # type: ignore[union-attr]
    assert (data["gross_minor"], data["fee_minor"], data["net_minor"]) == (5_300, 184, 5_116)
    assert (data["references"], str(data["rate"])) == ({"payment": "ch_1"}, "1.0816")


def test_all_that_is_wrong_is_said_at_once() -> None:
    _, problems = read_badly(
        "stripe", {"type": "charge.succeeded", "data": {"object": {"captured": True}}}
    )

    assert {pointer for pointer, _ in problems} == {
        "/id", "/created", "/data/object/id", "/data/object/amount", "/data/object/currency",
    }  # fmt: skip
