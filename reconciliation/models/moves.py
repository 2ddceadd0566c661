"""The order machine: what each state needs, and every move between them, declared once.

Bodies are empty: an effect in a body would be invisible to SQL, and `lifecycle` moves one order
and a million by the same declarations. Moves are tried in the order they stand here.
"""

from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from reconciliation.predicates import holds


class OrderState(models.TextChoices):
    """How far the order's facts have taken it."""

    CREATED = "CREATED"
    CONFIRMED = "CONFIRMED"
    FULFILLED = "FULFILLED"
    BILLED = "BILLED"
    RECONCILED = "RECONCILED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


_CONFIRMED = Q(confirmed_at__isnull=False) | (
    Q(ordered_minor__gt=0)
    & (Q(paid_minor__gte=F("ordered_minor")) | Q(authorised_minor__gte=F("ordered_minor")))
)
_FULFILLED = (
    Q(placed_at__isnull=False, unshipped_quantity=0)  # what was ordered is known
    & (Q(to_activate_quantity=0) | Q(is_active=True))
)
_BILLED = (
    Q(ordered_minor=0)
    | Q(invoiced_minor__gt=F("credited_minor"))
    | Q(parent_id__isnull=False, invoiced_at__isnull=False)  # on an invoice of its whole
)

# What can be said of an order, from its row alone. A state's fact includes those of the states
# before it: an invoice before the parcel is kept, and counts once the parcel is there.
FACTS: dict[str, Q] = {
    "cancelled": Q(cancelled_at__isnull=False),
    "confirmed": _CONFIRMED,
    "fulfilled": _CONFIRMED & _FULFILLED,
    "billed": _CONFIRMED & _FULFILLED & _BILLED,
    # An order not judged since its last fact neither rises by its verdict nor falls by it.
    "agreed": Q(verdict="HOLDS"),
    "disagreed": Q(verdict__in=["WAITING", "BROKEN"]),
    "closable": Q(verdict="HOLDS", is_closable=True),
}

# Which facts carry another with them, and which cannot be true together: how the facts above are
# written makes it so, and a test tries it on random rows.
IMPLIES = (("fulfilled", "confirmed"), ("billed", "fulfilled"), ("closable", "agreed"))
EXCLUDES = (("agreed", "disagreed"),)


def facts_of(order: object) -> dict[str, bool]:
    """Answer every fact for one order, without a query."""
    return {
        name: holds(fact, lambda column: getattr(order, column)) for name, fact in FACTS.items()
    }


def _if(condition: Q, *, says: str, stamp: str = "") -> dict[str, Any]:
    """Spell out a move's condition over FACTS, its name on the trail, and what it stamps.

    `stamp` is "set" or "clear", of `reconciled_at`. Every move is made by itself, by `advance`.
    """

    def is_met(order: object) -> bool:
        return holds(condition, facts_of(order).__getitem__)

    conditions: list[Callable[[object], bool]] = [is_met]
    custom = {"condition": condition, "says": says, "stamp": stamp, "by_itself": True}
    return {"conditions": conditions, "custom": custom}


_S = OrderState
_OPEN = [_S.CREATED, _S.CONFIRMED, _S.FULFILLED, _S.BILLED, _S.RECONCILED]
_STANDS = Q(cancelled=False)


class OrderMoves:
    """Every move an order may make. PostgreSQL refuses all others (`reconciliation/guard.py`)."""

    @transition(
        field="state", source=_OPEN, target=_S.CANCELLED,
        **_if(Q(cancelled=True), says="order.cancelled", stamp="clear"),
    )  # fmt: skip
    def cancel(self) -> None:
        """Stop an order that its source of truth has cancelled."""

    @transition(
        field="state", source=_S.CANCELLED, target=_S.CLOSED,
        **_if(Q(cancelled=True, closable=True), says="order.closed"),
    )  # fmt: skip
    def close_cancelled(self) -> None:
        """Put a cancelled order away: nothing is owed either way and nothing is out."""

    @transition(
        field="state", source=_S.CANCELLED, target=_S.CREATED,
        **_if(_STANDS, says="order.reinstated"),
    )  # fmt: skip
    def reinstate(self) -> None:
        """Take an order up again whose cancellation was reversed."""

    @transition(
        field="state", source=_S.CLOSED, target=_S.RECONCILED,
        **_if(
            Q(cancelled=True, agreed=False)
            | (_STANDS & (Q(billed=False) | Q(disagreed=True))),
            says="order.reopened",
        ),
    )  # fmt: skip
    def reopen(self) -> None:
        """Open a closed order that a late fact has changed."""

    @transition(
        field="state", source=_S.RECONCILED, target=_S.BILLED,
        **_if(
            _STANDS & (Q(billed=False) | Q(disagreed=True)),
            says="order.reconciliation_lost", stamp="clear",
        ),
    )  # fmt: skip
    def lose_reconciliation(self) -> None:
        """Lower an order whose checks no longer all hold."""

    @transition(
        field="state", source=_S.BILLED, target=_S.FULFILLED,
        **_if(_STANDS & Q(billed=False), says="order.billing_reversed"),
    )  # fmt: skip
    def reverse_billing(self) -> None:
        """Lower an order whose invoices were credited or voided."""

    @transition(
        field="state", source=_S.FULFILLED, target=_S.CONFIRMED,
        **_if(_STANDS & Q(fulfilled=False), says="order.fulfilment_short"),
    )  # fmt: skip
    def find_fulfilment_short(self) -> None:
        """Lower an order that was enlarged, or whose activation or parcel was taken back."""

    @transition(
        field="state", source=_S.CONFIRMED, target=_S.CREATED,
        **_if(_STANDS & Q(confirmed=False), says="order.confirmation_withdrawn"),
    )  # fmt: skip
    def withdraw_confirmation(self) -> None:
        """Lower an order whose confirmation was reversed."""

    @transition(
        field="state", source=_S.CREATED, target=_S.CONFIRMED,
        **_if(_STANDS & Q(confirmed=True), says="order.confirmed"),
    )  # fmt: skip
    def confirm(self) -> None:
        """Believe an order that its source confirms, or that is paid or authorised in full."""

    @transition(
        field="state", source=_S.CONFIRMED, target=_S.FULFILLED,
        **_if(_STANDS & Q(fulfilled=True), says="order.fulfilled"),
    )  # fmt: skip
    def fulfil(self) -> None:
        """Note that every line is shipped in full, or activated, or needs nothing."""

    @transition(
        field="state", source=_S.FULFILLED, target=_S.BILLED,
        **_if(_STANDS & Q(billed=True), says="order.billed"),
    )  # fmt: skip
    def bill(self) -> None:
        """Note that the order stands on an invoice, or that there is nothing to bill."""

    @transition(
        field="state", source=_S.BILLED, target=_S.RECONCILED,
        **_if(_STANDS & Q(billed=True, agreed=True), says="order.reconciled", stamp="set"),
    )  # fmt: skip
    def reconcile(self) -> None:
        """Note that every check that applies holds."""

    @transition(
        field="state", source=_S.RECONCILED, target=_S.CLOSED,
        **_if(_STANDS & Q(billed=True, closable=True), says="order.closed"),
    )  # fmt: skip
    def close(self) -> None:
        """Put an order away that has been reconciled for the rulebook's days."""
