"""Gets results out: rows of cases, streamed."""

from collections.abc import Iterator
from typing import Any

from exceptions.models import Case
from reconciliation.export import stream


def cases() -> Iterator[dict[str, Any]]:
    """Stream every case, open or closed, oldest first."""
    names = {"order__canonical_id": "order", "team__slug": "team", "owner__username": "owner"}
    rows = Case.objects.order_by("pk").values(
        "id", "discrepancy_id", "check_name", "severity", "state", "waiting_for", "at_risk_minor",
        "currency", "rulebook_version", "route", "recommended_repair", "automatic_attempts",
        "opened_at", "respond_due_at", "resolve_due_at", "responded_at", "snoozed_until",
        "closed_at", "closed_by", "close_reason", "reopened_count", "changed_at", "changed_by",
        *names,
    )  # fmt: skip
    return stream(rows, names=names)
