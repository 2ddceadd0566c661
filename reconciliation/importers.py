"""Says who may bring files for a source, and who may read them. Refusals fit the screen."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from reconciliation.models import Membership, Source

_BRING_ALL = frozenset({"Platform owner", "Admin"})
_LEAD = "Team lead"
READERS = _BRING_ALL | {_LEAD, "Auditor"}
_INTERNAL = "internal"
_SERVICE = "service:import"


class NotAllowed(Exception):
    """This person may not do this; the message may be shown to them."""


def check_can_read(by: User) -> None:
    """Raise NotAllowed unless `by` may see files and what they hold."""
    if not can_read(by):
        raise NotAllowed("Needs Team lead, Platform owner or Auditor: files hold customers' data.")


def can_read(by: User) -> bool:
    """Tell whether `by` may see files and what they hold."""
    return bool(_roles(by) & READERS)


def check_can_import(by: User | None, source: Source) -> None:
    """Raise NotAllowed unless `by` may bring files for a source; without `by` it is a command.

    The owner of the platform may for every source, a lead for those that a team of theirs owns.
    """
    if source.kind == _INTERNAL:
        raise NotAllowed(f"{source.name} is the product itself: nothing is imported for it.")
    if by is None or _roles(by) & _BRING_ALL:
        return
    if _LEAD not in _roles(by):
        raise NotAllowed("Needs Team lead or Platform owner.")
    if not open_sources(by).filter(pk=source.pk).exists():
        raise NotAllowed(f"Needs a lead of {source.owner_team.name}, which owns {source.name}.")


def open_sources(by: User) -> QuerySet[Source]:
    """Give the sources that `by` may bring files for."""
    held = _roles(by)
    outside = Source.objects.exclude(kind=_INTERNAL).order_by("name")
    if held & _BRING_ALL:
        return outside
    teams = Membership.objects.filter(user=by).values("team")
    return outside.filter(Q(owner_team__in=teams) if _LEAD in held else Q(pk=None))


def username(by: User | None) -> str:
    """Name whoever acts, as the trail does."""
    return by.get_username() if by else _SERVICE


def _roles(by: User) -> frozenset[str]:
    names = frozenset(by.groups.values_list("name", flat=True))
    return names | {"Admin"} if by.is_superuser else names
