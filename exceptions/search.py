"""Finds exceptions by what a person typed: any exact id first, then how a name begins."""

from django.db.models import Q

from reconciliation import search
from reconciliation.models import Discrepancy


def exactly(text: str) -> Q:
    """Ask for what carries exactly this id: the exception's own, or one of its order or message.

    It speaks of the case's own columns only, so that each has its index.
    """
    named = search.named(text)
    about = Q(event__in=named.events)
    if rejection := search.number(text.removeprefix("message-")):
        about |= Q(rejection=rejection)
    messages = Discrepancy.objects.filter(about).values_list("pk", flat=True)
    return (
        Q(order__in=named.orders)
        | Q(discrepancy__in=list(messages))
        | Q(pk=search.number(text.removeprefix("#")))
    )


def begun(text: str) -> Q:
    """Ask for those of orders whose name, or whose customer's, begins so."""
    return search.begun(text, order="order")
