"""Keeps views of the queue: for oneself, for a team, or for everyone."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.text import slugify

from audit.record import record
from exceptions.arrangement import DEFAULT, Arrangement
from exceptions.models import SavedView
from exceptions.permissions import ADMIN, TEAM_LEAD, NotAllowed, roles, teams_of
from exceptions.shipped_views import SHIPPED
from reconciliation.models import Team

ME, EVERYONE = "me", "everyone"
_SHIPPED = {slug for slug, _, _ in SHIPPED}
_LONGEST = 64
_AFTER_SHIPPED = {EVERYONE: 50, ME: 100}  # a team's stand between them
_OF_TEAMS = 75


class CannotKeep(Exception):
    """The view cannot be kept so; the message may be shown."""


def scopes(by: User) -> list[tuple[str, str]]:
    """List for whom `by` may keep a view: themselves, teams that they lead, everyone."""
    held, found = roles(by), [(ME, "Me")]
    if held & {TEAM_LEAD, ADMIN}:
        led = Team.objects.all() if ADMIN in held else _led(by)
        found += list(led.order_by("name").values_list("slug", "name"))
    return [*found, (EVERYONE, "Everyone")] if ADMIN in held else found


def refusal(by: User, view: SavedView) -> str:
    """Say why `by` may not change or delete a view that they see; "" if they may."""
    if view.slug in _SHIPPED:
        return "This view comes with the product and stays as it is. Save a copy."
    if view.user_id == by.pk or ADMIN in roles(by):
        return ""
    if view.team is None:
        return "Everyone has this view. Needs Admin."
    is_led = TEAM_LEAD in roles(by) and _led(by).filter(slug=view.team.slug).exists()
    return "" if is_led else f"Needs Admin, or a Team lead of {view.team.name}."


@transaction.atomic
def keep(
    *,
    name: str,
    filters: list[dict[str, Any]],
    scope: str,
    by: User,
    at: datetime,
    arranged: Arrangement = DEFAULT,
) -> SavedView:
    """Keep filters and an arrangement under a name.

    One's own of that name is replaced; a shared one never is.
    Raises NotAllowed for a scope that is not for `by`, CannotKeep.
    """
    if scope not in dict(scopes(by)):
        raise NotAllowed("Needs Team lead to share with a team, Admin to share with everyone.")
    _lock(by)
    team = Team.objects.get(slug=scope) if scope not in {ME, EVERYONE} else None
    mark = f"t{team.pk}" if team else {ME: f"u{by.pk}", EVERYONE: "all"}[scope]
    slug = f"{slugify(name)[:32] or 'view'}-{mark}"
    known = SavedView.objects.filter(slug=slug).first()
    if known and scope != ME:
        raise CannotKeep(f"There is a shared view {known.name} already. Nothing was saved.")
    if known and known.name != _name(name):  # they differ by signs that no address has
        raise CannotKeep(f"The name is too like that of {known.name}. Nothing was saved.")
    view = known or SavedView(slug=slug, user=by if scope == ME else None, team=team)
    view.name, view.filters = _name(name), filters
    _arrange(view, arranged)
    view.position = _AFTER_SHIPPED.get(scope, _OF_TEAMS)
    view.save()
    _record(view, "view.saved", by=by, at=at)
    return view


@transaction.atomic
def change(
    *,
    slug: str,
    name: str | None,
    filters: list[dict[str, Any]] | None,
    by: User,
    at: datetime,
    arranged: Arrangement | None = None,
) -> SavedView:
    """Give a view another name, filters, arrangement; None leaves what is there.

    Raises SavedView.DoesNotExist if `by` does not see it, NotAllowed, CannotKeep.
    """
    view = _locked(slug, by)
    view.name = view.name if name is None else _name(name)
    view.filters = view.filters if filters is None else filters
    if arranged is not None:
        _arrange(view, arranged)
    view.save(update_fields=["name", "filters", "sort", "columns", "density"])
    _record(view, "view.changed", by=by, at=at)
    return view


@transaction.atomic
def drop(*, slug: str, by: User, at: datetime) -> SavedView:
    """Delete a view; no exception changes. Raises SavedView.DoesNotExist, NotAllowed."""
    view = _locked(slug, by)
    _record(view, "view.deleted", by=by, at=at)
    SavedView.objects.filter(pk=view.pk).delete()
    return view


def seen_by(user: User) -> QuerySet[SavedView]:
    """Give the views that `user` sees: everyone's, those of their teams, their own."""
    for_all = Q(user__isnull=True, team__isnull=True)
    return SavedView.objects.filter(for_all | Q(user=user) | Q(team__in=teams_of(user)))


def opened_by(user: User) -> QuerySet[SavedView]:
    """Give the views whose address works for `user`: those they see; for an Admin every team's."""
    if ADMIN not in roles(user):
        return seen_by(user)
    return SavedView.objects.filter(Q(user__isnull=True) | Q(user=user))


def _led(by: User) -> QuerySet[Team]:
    return Team.objects.filter(memberships__user=by, memberships__is_lead=True)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST:
        raise CannotKeep(f"Give the view a name of up to {_LONGEST} characters. Nothing was saved.")
    return name


def _arrange(view: SavedView, arranged: Arrangement) -> None:
    view.sort, view.columns = arranged.sort, [*arranged.columns]
    view.density = arranged.density


def _lock(by: User) -> None:
    """Lock who does it: the trail of what one person does goes on one by one."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)


def _locked(slug: str, by: User) -> SavedView:
    _lock(by)
    pk = opened_by(by).values_list("pk", flat=True).get(slug=slug)
    view = SavedView.objects.select_for_update(of=("self",)).select_related("team").get(pk=pk)
    if why_not := refusal(by, view):
        raise NotAllowed(why_not)
    return view


def _record(view: SavedView, action: str, *, by: User, at: datetime) -> None:
    scope = view.team.slug if view.team else ME if view.user_id else EVERYONE
    record(
        stream="access",
        subject_id=by.pk,
        action=action,
        actor=by.get_username(),
        at=at,
        detail={
            "view": view.slug,
            "name": view.name,
            "scope": scope,
            "filters": view.filters,
            "sort": view.sort,
            "columns": view.columns,
            "density": view.density,
        },
    )
