"""Tells which sources are silent now, and which checks wait for what they would say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciliation.models import Discrepancy
from reconciliation.rulebook import Check, Rulebook

CHECK = "source_silent"
# field of an order → the event types that move it
_MOVED_BY: Mapping[str, tuple[str, ...]] = {
    "ordered_minor": ("order.amended",),
    "invoiced_minor": ("invoice.issued",),
    "credited_minor": ("credit_note.issued", "invoice.voided"),
    "net_invoiced_minor": ("invoice.issued", "credit_note.issued"),
    "authorised_minor": ("payment.authorised",),
    "paid_minor": ("payment.captured",),
    "refunded_minor": ("payment.refunded",),
    "net_paid_minor": ("payment.captured", "payment.refunded"),
    "disputed_minor": ("payment.disputed",),
    "posted_minor": ("payment.posted",),
    "settled_gross_minor": ("settlement.finalised",),
    "settled_minor": ("settlement.finalised",),
    "paid_out_minor": ("payout.paid",),
    "unshipped_quantity": ("shipment.shipped",),
    "shipped_quantity": ("shipment.shipped",),
    "delivered_quantity": ("shipment.delivered",),
    "returned_quantity": ("return.received",),
    "recorded_quantity": ("fulfilment.recorded",),
    "out_quantity": ("shipment.shipped", "return.received"),
    "is_active": ("subscription.activated", "subscription.deactivated"),
    "confirmed_at": ("order.confirmed",),
    "cancelled_at": ("order.cancelled",),
    "invoiced_at": ("invoice.issued",),
    "paid_at": ("payment.captured",),
    "payment_failed_at": ("payment.captured",),
    "posted_at": ("payment.posted",),
    "settled_at": ("settlement.finalised",),
    "settling_since_at": ("settlement.finalised",),
    "unconverted_since_at": ("settlement.finalised",),
    "paid_out_at": ("payout.paid",),
    "shipped_at": ("shipment.shipped",),
    "delivered_at": ("shipment.delivered",),
    "recorded_at": ("fulfilment.recorded",),
    "activated_at": ("subscription.activated",),
    "deactivated_at": ("subscription.deactivated",),
}
# kind of source → what it would say first of an order it knows
_FIRST_SAID: Mapping[str, tuple[str, ...]] = {
    "shop": ("order.created",),
    "crm": ("order.created",),
    "billing": ("invoice.issued", "payment.posted"),
    "payments": ("payment.captured",),
    "carrier": ("shipment.shipped",),
    "subscriptions": ("subscription.activated",),
}
# What a stage's checks wait for.
_OF_STAGES: Mapping[str, tuple[str, ...]] = {"event_parked_too_long": ("order.created",)}


@dataclass(frozen=True)
class Silent:
    """One source that is silent, since when, and what it is believed for."""

    source_id: int
    slug: str
    name: str
    since: datetime
    truth_for: tuple[str, ...]

    def would_say(self, types: Iterable[str]) -> bool:
        """Tell whether one of these facts is this source's to say."""
        return any(type_.startswith(self.truth_for) for type_ in types)


def sources() -> list[Silent]:
    """List the sources that are reported as silent, the longest silent first."""
    found = Discrepancy.objects.filter(
        check_name=CHECK, cleared_at__isnull=True, source__isnull=False
    ).select_related("source")
    silent = [
        Silent(
            source_id=each.source.pk,
            slug=each.source.slug,
            name=each.source.name,
            since=datetime.fromisoformat(each.details["since"]),
            truth_for=tuple(each.source.truth_for),
        )
        for each in found
        if each.source is not None
    ]
    return sorted(silent, key=lambda each: (each.since, each.slug))


def facts_awaited(check: Check) -> frozenset[str]:
    """Name the event types that could put a broken check right."""
    if check.name in _OF_STAGES:
        return frozenset(_OF_STAGES[check.name])
    if check.family == "presence":
        kinds = check.parameters["missing_in"]
        return frozenset(type_ for kind in kinds for type_ in _FIRST_SAID.get(kind, ()))
    fields = _FIELDS.get(check.family, _in_parameters)(check)
    return frozenset(type_ for field in fields for type_ in _MOVED_BY.get(field, ()))


def checks_waiting(silent: Silent, *, rules: Rulebook) -> list[str]:
    """Name the checks that wait for what a source would say."""
    return [check.name for check in rules.checks if silent.would_say(facts_awaited(check))]


def _of_milestone(check: Check) -> set[str]:
    """Wait for the second milestone only: the first has come."""
    return {str(check.parameters["to"]), *_named(check.parameters.get("done", ()))}


def _of_silence(check: Check) -> set[str]:
    """Read what must still happen off the conditions under which silence counts."""
    return _named(check.applies)


def _in_parameters(check: Check) -> set[str]:
    """Leave out the moments that the window counts from: they have come."""
    return _named({name: each for name, each in check.parameters.items() if name != "since"})


def _of_split(_check: Check) -> set[str]:
    return {"paid_out_minor"}


def _of_parts(_check: Check) -> set[str]:
    return {"ordered_minor"}


_FIELDS = {
    "milestone": _of_milestone,
    "silence": _of_silence,
    "split": _of_split,
    "parts": _of_parts,
}


def _named(value: object) -> set[str]:
    """Collect every text in nested parameters; those that are no field move nothing."""
    if isinstance(value, str):
        return {value.removeprefix("-")}
    if isinstance(value, Mapping):
        if value.get("operator") == "is_not_empty":  # that fact has come
            return set()
        return set().union(*map(_named, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(_named, value))
    return set()
