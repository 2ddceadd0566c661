"""The saved views that everyone has from the first day."""

from typing import Any

from exceptions.models import SavedView


def _is(field: str, value: str) -> dict[str, Any]:
    return {"field": field, "operator": "is", "value": value}


_OPEN_SLA = _is("sla", "over")
_CLOSED_TODAY = {"field": "closed_at", "operator": "in_last", "value": "today"}
SHIPPED: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    ("mine", "Mine", [_is("owner", "me")]),
    ("team", "My teams", [_is("my_teams", "true")]),
    ("handed-to-us", "Handed to us", [_is("handed_to_us", "true")]),
    ("unassigned", "Unassigned", [_is("owner", "unassigned")]),
    ("over-sla", "Over SLA", [_OPEN_SLA]),
    ("sla-today", "SLA today", [_is("sla", "today")]),
    ("p1", "P1", [_is("severity", "P1")]),
    ("enrichment", "Enrichment", [_is("team", "enrichment")]),
    ("snoozed", "Snoozed", [_is("state", "WAITING"), _is("waiting_for", "snooze")]),
    ("verifying", "Verifying", [_is("state", "VERIFYING")]),
    (
        "closed-today",
        "Closed today",
        [_CLOSED_TODAY, _is("closed", "true")],
    ),
    (
        "auto-repaired-today",
        "Auto-repaired today",
        [_CLOSED_TODAY, _is("closed", "true"), _is("by_machine", "true")],
    ),
)


def install() -> None:
    """Add the views that are missing; one that is there may have been changed since, and stays."""
    known = set(SavedView.objects.values_list("slug", flat=True))
    SavedView.objects.bulk_create(
        SavedView(slug=slug, name=name, position=position, filters=filters)
        for position, (slug, name, filters) in enumerate(SHIPPED)
        if slug not in known
    )
