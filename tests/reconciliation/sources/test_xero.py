"""Xero's documents and notifications, and what each is taken to say."""

import pytest

from reconciliation.sources.native import Fact, Unused
from tests.reconciliation.sources.messages import CREDIT_NOTE, INVOICE, XERO_WEBHOOK
from tests.reconciliation.sources.vendors import facts, read, read_badly


def test_an_invoice_tells_of_itself_and_of_its_payments() -> None:
    (issued, invoice), (posted, payment) = facts(read("xero", {"Invoices": [INVOICE]}))

    assert (issued, posted) == ("invoice.issued", "payment.posted")
    assert invoice == {
        "order": "1001", "invoice": "INV-0001", "amount_minor": 4_900, "currency": "EUR",
        "references": {"invoice": "0b6f-1"},
    }  # fmt: skip
    assert (payment["posting"], payment["payment"], payment["amount_minor"]) == (
        "0b6f-2",
        "ch_1",
        4_900,
    )


def test_a_payment_is_one_fact_by_itself_and_in_its_invoice() -> None:
    alone = {
        **INVOICE["Payments"][0],
        "PaymentType": "ACCRECPAYMENT",
        "Status": "AUTHORISED",
        "Invoice": {name: INVOICE[name] for name in ("InvoiceID", "InvoiceNumber", "CurrencyCode")},
    }

    assert read("xero", {"Payments": [alone]}) == read("xero", {"Invoices": [INVOICE]})[1:]


def test_a_payment_without_its_currency_is_refused_with_the_reason() -> None:
    alone = {**INVOICE["Payments"][0], "Invoice": {"InvoiceID": "0b6f-1"}}

    _, problems = read_badly("xero", {"Payments": [alone]})

    assert problems == [("/Payments/0/Invoice/CurrencyCode", "It is missing.")]


@pytest.mark.parametrize(
    ("status", "types"),
    [
        ("DRAFT", []),
        ("SUBMITTED", []),
        ("DELETED", []),
        ("AUTHORISED", ["invoice.issued"]),
        ("PAID", ["invoice.issued"]),
        ("VOIDED", ["invoice.issued", "invoice.voided"]),
    ],
)
def test_an_invoice_is_issued_once_it_is_authorised(status: str, types: list[str]) -> None:
    found = read("xero", {"Invoices": [{**INVOICE, "Status": status, "Payments": []}]})

    assert [type_ for type_, _ in facts(found)] == types


def test_what_is_bought_is_not_read() -> None:
    (found,) = read("xero", {"Invoices": [{**INVOICE, "Type": "ACCPAY"}]})

    assert isinstance(found, Unused)


def test_a_payment_deleted_is_taken_back() -> None:
    updated = {"Status": "DELETED", "UpdatedDateUTC": "/Date(1772500000000+0000)/"}
    payment = {**INVOICE["Payments"][0], **updated}

    found = read("xero", {"Invoices": [{**INVOICE, "Payments": [payment]}]})

    assert [type_ for type_, _ in facts(found)[1:]] == ["payment.posted", "payment.unposted"]


def test_the_same_invoice_in_another_state_is_the_same_fact() -> None:
    paid, open_ = (
        read("xero", {"Invoices": [{**INVOICE, "Status": status}]})[0]
        for status in ("PAID", "AUTHORISED")
    )

    assert paid == open_
    assert isinstance(paid, Fact)
    assert (paid.id, paid.time) == ("invoices/0b6f-1/issued", "2026-03-02T00:00:00+00:00")


def test_a_credit_note_names_the_invoice_it_is_set_against() -> None:
    ((type_, data),) = facts(read("xero", {"CreditNotes": [CREDIT_NOTE]}))

    assert (type_, data["credit_note"], data["amount_minor"]) == (
        "credit_note.issued",
        "CN-1",
        2_450,
    )
    assert data["references"] == {"invoice": "0b6f-1"}


def test_a_notification_says_what_to_fetch() -> None:
    (found,) = read("xero", XERO_WEBHOOK)

    assert isinstance(found, Unused)
    assert (found.kind, found.fetch) == (
        "INVOICE.UPDATE",
        "https://api.xero.com/api.xro/2.0/Invoices/0b6f-1",
    )


def test_a_body_that_is_none_of_them_is_said() -> None:
    _, problems = read_badly("xero", {"Contacts": []})

    assert problems == [("", "It has neither events, Invoices, CreditNotes nor Payments.")]
