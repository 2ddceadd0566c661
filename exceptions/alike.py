"""Finds exceptions that may be the same as another."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from exceptions.models import Case
from exceptions.permissions import visible_cases
from reconciliation.models import Order


def same_as(case: Case, *, user: User) -> QuerySet[Case]:
    """Give the open cases that a case may be merged into: of its order's family, or its cause."""
    if not case.is_open or case.merged_into_id is not None:
        return Case.objects.none()
    alike = Q(order__in=family(case)) if case.order_id is not None else Q(pk__in=[])
    if case.cause:
        alike |= Q(cause=case.cause)
    found = visible_cases(user).filter(alike, closed_at__isnull=True, merged_into__isnull=True)
    return found.exclude(pk=case.pk).order_by("resolve_due_at", "pk")


def family(case: Case) -> QuerySet[Order]:
    """Give the order of a case, its whole and its parts."""
    order = case.order
    assert order is not None
    whole = order.parent_id or order.pk
    return Order.objects.filter(Q(pk=whole) | Q(parent_id=whole))
