"""Xero: sales invoices, credit notes and payments, signed in `x-xero-signature`.

A webhook says only which invoice changed; what it is now has to be fetched, or pushed to us as
the Accounting API gives it: `{"Invoices": […]}`, `{"CreditNotes": […]}` or `{"Payments": […]}`,
signed with the same key. What Xero gives is a state, so a fact is known by its document's id: the
same again is seen, and a document that says something else by now is a conflict to look at.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from reconciliation.sources import signature
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Reading, Unused, order_name

_SENDER = "/xero"
_DATE = re.compile(r"/Date\((?P<millis>[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_ISSUED = {"AUTHORISED", "PAID"}


def verify(post: Post, *, keys: Sequence[bytes], now: int) -> None:
    """Check base64 of the body's HMAC. Raises BadSignature. Xero signs no moment."""
    given = signature.header(post.headers, "x-xero-signature")
    signature.check(given=[given], expected=signature.base64_digests(keys, post.body))


def split(body: object) -> list[object]:
    """Take a list of the API, or the events of a webhook, apart.

    The check that an address is ours, before any webhook, has no events and so comes to nothing.
    """
    for name in ("events", *_READERS):
        if isinstance(body, dict) and name in body:
            items = body[name] or []
            return [{name: [item]} for item in items] if isinstance(items, list) else [body]
    return [body]


def kind(message: Fields, _headers: Mapping[str, str]) -> str:
    """Name the list that it came in."""
    return next((name for name in ("events", *_READERS) if message.has(name)), "unknown")


def read(message: Fields, headers: Mapping[str, str]) -> Reading:
    """Read one document, or one notification."""
    name = kind(message, headers)
    if name == "unknown":
        message.refuse("", "It has neither events, Invoices, CreditNotes nor Payments.")
    reader = _READERS.get(name, _notified)
    return [each for document in message.each(name) for each in reader(document)]


def _notified(event: Fields) -> Reading:
    name = f"{event.text('eventCategory')}.{event.text('eventType')}"
    why = "It says that something changed, and not what it is now."
    return [Unused(name, why, event.text("resourceUrl"))]


def _invoice(invoice: Fields) -> Reading:
    """Read a sales invoice and the payments listed in it."""
    status = invoice.text("Status")
    if invoice.text("Type") != "ACCREC":
        return [Unused("Invoices", "It is no sales invoice.")]
    if status not in {*_ISSUED, "VOIDED"}:
        return [Unused("Invoices", f"Its status is {status}; nothing is issued yet.")]
    currency = invoice.currency("CurrencyCode")
    data = {
        **_document(invoice),
        "invoice": _number(invoice),
        "amount_minor": invoice.money("Total", currency),
        "currency": currency,
        "references": {"invoice": invoice.text("InvoiceID")},
    }
    name = f"invoices/{invoice.text('InvoiceID')}"
    facts: Reading = [Fact(f"{name}/issued", _SENDER, "invoice.issued", _date(invoice), data)]
    if status == "VOIDED":
        at = _date(invoice, "UpdatedDateUTC", "UpdatedDateUTC")
        facts.append(Fact(f"{name}/voided", _SENDER, "invoice.voided", at, data))
    for payment in invoice.each("Payments"):
        facts += _posted(payment, invoice, currency)
    return facts


def _credit_note(note: Fields) -> Reading:
    if note.text("Type") != "ACCRECCREDIT" or note.text("Status") not in _ISSUED:
        return [Unused("CreditNotes", "It is no issued credit note of a sale.")]
    currency = note.currency("CurrencyCode")
    allocated = [each.inside("Invoice").text("InvoiceID") for each in note.each("Allocations")]
    data = {
        "order": order_name(note.text("Reference", default="")) or note.text("CreditNoteNumber"),
        "credit_note": note.text("CreditNoteNumber"),
        "amount_minor": note.money("Total", currency),
        "currency": currency,
        "references": {"invoice": allocated[0]} if len(allocated) == 1 else {},
    }
    name = f"creditnotes/{note.text('CreditNoteID')}/issued"
    return [Fact(name, _SENDER, "credit_note.issued", _date(note), data)]


def _payment(payment: Fields) -> Reading:
    """Read a payment listed by itself; where it names no currency, its invoice has to be sent."""
    if payment.text("PaymentType", default="ACCRECPAYMENT") != "ACCRECPAYMENT":
        return [Unused("Payments", "It pays no sales invoice.")]
    invoice = payment.inside("Invoice")
    return _posted(payment, invoice, invoice.currency("CurrencyCode"))


def _posted(payment: Fields, invoice: Fields, currency: str) -> Reading:
    """Read money posted; the same whether it is listed by itself or in its invoice."""
    data = {
        "order": _number(invoice),
        "posting": payment.text("PaymentID"),
        "payment": payment.text("Reference", default=""),
        "amount_minor": payment.money("Amount", currency),
        "currency": currency,
        "references": {"invoice": invoice.text("InvoiceID")},
    }
    name = f"payments/{payment.text('PaymentID')}"
    facts: Reading = [Fact(f"{name}/posted", _SENDER, "payment.posted", _date(payment), data)]
    if payment.text("Status", default="") == "DELETED":
        at = _date(payment, "UpdatedDateUTC", "UpdatedDateUTC")
        facts.append(Fact(f"{name}/unposted", _SENDER, "payment.unposted", at, data))
    return facts


def _document(invoice: Fields) -> dict[str, str]:
    """Name the order: what stands in Reference, else the invoice's number."""
    return {"order": order_name(invoice.text("Reference", default="")) or _number(invoice)}


def _number(invoice: Fields) -> str:
    return invoice.text("InvoiceNumber", default="") or invoice.text("InvoiceID")


def _date(document: Fields, name: str = "Date", text_name: str = "DateString") -> str:
    """Read a date as Xero writes it, `/Date(1518685950940+0000)/`, or as text in UTC."""
    found = _DATE.fullmatch(document.text(name, default=""))
    if not found:
        return document.moment(text_name if document.has(text_name) else name, is_utc=True)
    return Fields({name: int(found["millis"])}, problems=document.problems).since_1970(
        name, per_second=1_000
    )


_READERS: Mapping[str, Callable[[Fields], Reading]] = {
    "Invoices": _invoice,
    "CreditNotes": _credit_note,
    "Payments": _payment,
}
