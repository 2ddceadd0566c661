"""Tells of an order's sub-orders: how far each seller is, his share, and what he was paid."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.queries import trail
from exceptions.explain import share_words
from reconciliation.models import Entry, Order
from reconciliation.money import as_text
from reconciliation.order_list import STATE_WORDS
from reconciliation.payouts import Share, shares
from reconciliation.trail import page_of

_DECISIONS = {
    "payout.matches": ("Matches the rule", "ok", "check"),
    "payout.differs": ("Differs from the rule", "bad", "triangle"),
    "payout.awaited": ("Awaited", "info", "clock"),
    "payout.missing": ("Missing", "bad", "triangle"),
}


@dataclass(frozen=True)
class Payout:
    """One payout to a seller."""

    reference: str
    amount: str
    at: datetime
    href: str  # the event that told of it
    seller: str


@dataclass(frozen=True)
class Decision:
    """What was decided last about a seller's payout; without an address nothing was yet."""

    words: str = "Not due yet"
    tone: str = "none"
    icon: str = ""
    href: str = ""  # its row on the sub-order's trail
    at: datetime | None = None


@dataclass(frozen=True)
class PartRow:
    """One sub-order as the page shows it."""

    canonical_id: str
    href: str
    seller: str
    is_current: bool
    state: str
    tone: str
    shipped: str
    delivered: str
    amount: str
    share: str  # "" where no rule fits
    share_words: str
    paid_out: str
    decision: Decision
    payouts: list[Payout] = field(default_factory=list)


@dataclass(frozen=True)
class Family:
    """A whole with its sub-orders, and what they come to."""

    whole: Order
    rows: list[PartRow]
    summary: str
    rule: str  # the check that decides; "" where none does
    unjudged: list[Payout]  # of the whole, and of no sub-order


def family(order: Order, *, at: datetime) -> Family | None:
    """Tell of the family that an order belongs to; None if it is neither a whole nor a part."""
    whole = order.parent or order
    parts = list(
        whole.parts.filter(merged_into=None).select_related("detail").order_by("canonical_id")
    )
    if not parts:
        return None
    due = shares(order_ids=[part.pk for part in parts], at=at)
    paid = _payouts(whole, parts)
    rows = [
        _row(part, order, share=due.get(part.pk), payouts=paid.get(part.pk, [])) for part in parts
    ]
    titles = {share.check for share in due.values()}
    return Family(
        whole, rows, _summary(whole, parts, due), ", ".join(sorted(titles)), paid.get(0, [])
    )


def payouts_alone(order: Order) -> list[Payout]:
    """List the payouts of an order that has no sub-orders: they are held against no share."""
    return _payouts(order, []).get(0, [])


def decision_facts(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what a decision about a payout rests on: seller, share, expected and paid."""
    currency = str(detail["currency"])
    has_share = detail.get("basis_points") is not None
    return [
        ("Seller", str(detail["what"])),
        ("Share", share_words(detail, currency) if has_share else "none, it is cancelled"),
        ("Expected", as_text(int(detail["expected_minor"]), currency)),
        ("Paid out", as_text(int(detail["actual_minor"]), currency)),
        ("Check", str(detail["check"])),
    ]


def _row(part: Order, shown: Order, *, share: Share | None, payouts: list[Payout]) -> PartRow:
    is_ruled = share is not None and share.details.get("basis_points") is not None
    return PartRow(
        canonical_id=part.canonical_id,
        href=page_of(part.canonical_id),
        seller=part.detail.seller if hasattr(part, "detail") else "",
        is_current=part.pk == shown.pk,
        state=STATE_WORDS[part.state],
        tone=_tone(part),
        shipped=f"{part.shipped_quantity} of {part.to_ship_quantity}",
        delivered=f"{part.delivered_quantity} delivered",
        amount=as_text(part.ordered_minor, part.currency),
        share=as_text(share.expected_minor, part.currency) if share else "",
        share_words=share_words(share.details, part.currency) if share and is_ruled else "",
        paid_out=as_text(part.paid_out_minor, part.currency) if part.paid_out_minor else "",
        decision=_decision(part),
        payouts=payouts,
    )


def _tone(part: Order) -> str:
    if part.verdict == Order.Verdict.BROKEN:
        return "warn"
    if part.state in {Order.State.RECONCILED, Order.State.CLOSED}:
        return "ok"
    return "none" if part.state == Order.State.CANCELLED else "info"


def _decision(part: Order) -> Decision:
    decided = trail(stream="order", subject_id=part.pk).filter(action__startswith="payout.")
    newest = decided.order_by("-sequence").first()
    if newest is None:
        return Decision()
    words, tone, icon = _DECISIONS[newest.action]
    href = f"{page_of(part.canonical_id)}#a-{newest.pk}"
    return Decision(words, tone, icon, href, newest.at)


def _payouts(whole: Order, parts: Sequence[Order]) -> dict[int, list[Payout]]:
    """List payouts by sub-order; one that names the whole goes to the part of its seller."""
    sellers = {part.detail.seller: part.pk for part in parts if hasattr(part, "detail")}
    ids = [part.pk for part in parts]
    told = Entry.objects.filter(
        order__in=[whole.pk, *ids], kind="PAID_OUT", reverses__isnull=True, entry__isnull=True
    )
    found: dict[int, list[Payout]] = {}
    for entry in told.select_related("event").order_by("occurred_at", "pk"):
        seller = str(entry.event.data.get("seller", ""))
        part_id = sellers.get(seller, 0) if entry.order_id == whole.pk else entry.order_id
        payout = Payout(
            reference=entry.reference or "No name",
            amount=as_text(entry.amount_minor, entry.currency or whole.currency),
            at=entry.occurred_at,
            href=f"/events/{entry.event_id}/",
            seller=seller,
        )
        found.setdefault(part_id, []).append(payout)
    return found


def _summary(whole: Order, parts: Sequence[Order], due: Mapping[int, Share]) -> str:
    """Say what the sellers are due together, what they got, and what is the marketplace's."""
    standing = [part for part in parts if part.cancelled_at is None]
    amount = sum(part.ordered_minor for part in standing)
    share = sum(due[part.pk].expected_minor for part in standing if part.pk in due)
    paid = sum(part.paid_out_minor for part in parts)
    said = f"Sellers' shares {as_text(share, whole.currency)} of {as_text(amount, whole.currency)}"
    kept = as_text(amount - share, whole.currency)
    return f"{said}, {as_text(paid, whole.currency)} paid out; {kept} stays with the marketplace"


def detail_of(body: bytes) -> dict[str, Any]:
    """Read the detail off a row of the trail."""
    detail = json.loads(body)["detail"]
    assert isinstance(detail, dict)
    return detail
