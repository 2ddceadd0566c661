"""The pages of teams: who is in them, their hours, who is away, and what is changed about them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exceptions import absences, company, staffing, team_page
from exceptions.forms import first_error
from exceptions.permissions import NotAllowed, name_of, refusal_to_run
from exceptions.team_forms import AbsenceForm, CalendarForm, MemberForm, TeamForm
from exceptions.views.answers import person
from reconciliation.clock import now
from reconciliation.models import Absence, Calendar, Membership, Team
from reconciliation.working_time import known_countries

TEAMS = "/teams/"
_MISSING = (Team.DoesNotExist, Membership.DoesNotExist, Absence.DoesNotExist)


@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: HttpRequest) -> HttpResponse:
    """List the teams, or make one."""
    if request.method != "POST":
        return show_all(request)
    name = request.POST.get("name", "")
    try:
        made = staffing.create_team(name=name, by=person(request), at=now())
    except staffing.CannotStaff as refused:
        return show_all(request, problem=f"{refused} Nothing was made.", name=name)
    except NotAllowed as refused:
        raise PermissionDenied(str(refused)) from refused
    return _go(request, made.slug, f"{made.name} is there. Add its people.")


@require_safe
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one team."""
    return _show(request, slug)


@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Save a team's settings."""

    def do(sent: dict[str, Any]) -> str:
        changed = staffing.change_team(slug=slug, by=person(request), at=now(), **sent)
        return f"Saved the settings of {changed.name}."

    return _work(request, slug, TeamForm(request.POST), do)


@require_POST
def calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the calendar of a team."""

    def do(sent: dict[str, Any]) -> str:
        span = sent.pop("opens"), sent.pop("closes")
        days = request.POST.getlist("weekdays")
        changed = staffing.change_calendar(
            slug=slug, span=span, weekdays=days, by=person(request), at=now(), **sent
        )
        return f"Saved {changed.name}. Clocks that run keep the time they were due."

    return _work(request, slug, CalendarForm(request.POST), do)


@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a person into a team."""

    def do(_sent: dict[str, Any]) -> str:
        added = staffing.add_member(
            slug=slug,
            username=request.POST.get("username", ""),
            is_lead="is_lead" in request.POST,
            by=person(request),
            at=now(),
        )
        return f"{name_of(added.user)} is on the team."

    return _work(request, slug, forms.Form(request.POST), do)


@require_http_methods(["GET", "HEAD", "POST"])
def member(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Show a member's hours, or save them."""
    if request.method != "POST":
        return _member(request, slug, member_id)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _member(request, slug, member_id, problem=f"{first_error(form)} Nothing changed.")
    try:
        changed = staffing.change_member(
            member_id=member_id,
            slug=slug,
            hours=form.hours(),
            by=person(request),
            at=now(),
            **form.cleaned_data,
        )
    except staffing.CannotStaff as refused:
        return _member(request, slug, member_id, problem=f"{refused} Nothing changed.")
    except staffing.StaffedMeanwhile as refused:
        status = HTTPStatus.CONFLICT
        return _member(request, slug, member_id, problem=str(refused), status=status)
    except NotAllowed as refused:
        raise PermissionDenied(str(refused)) from refused
    except _MISSING as missing:
        raise Http404 from missing
    return _go(request, slug, f"Saved the hours of {name_of(changed.user)}.")


@require_POST
def remove(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Take a person out of a team."""

    def do(_sent: dict[str, Any]) -> str:
        name = staffing.remove_member(member_id=member_id, slug=slug, by=person(request), at=now())
        return f"{name} is off the team. Their open exceptions of it are unassigned now."

    return _work(request, slug, forms.Form(request.POST), do)


@require_POST
def away(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that a member is away."""
    form = AbsenceForm(request.POST)

    def do(sent: dict[str, Any]) -> str:
        found = {
            name: User.objects.filter(username=sent[name], memberships__team__slug=slug).first()
            for name in ("username", "stand_in")
        }
        user, stand_in = found["username"], found["stand_in"]
        if user is None or (sent["stand_in"] and stand_in is None):
            raise absences.CannotBeAway("Choose people of this team. Nothing was saved.")
        starts_at, ends_at = form.moments()
        absences.enter(
            user=user,
            stand_in=stand_in,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=sent["reason"],
            by=person(request),
            at=now(),
        )
        return f"{name_of(user)} is away then. When it begins, their exceptions are passed on."

    return _work(request, slug, form, do)


@require_POST
def back(request: HttpRequest, slug: str, absence_id: int) -> HttpResponse:
    """Let an absence end now."""

    def do(_sent: dict[str, Any]) -> str:
        ended = absences.end(absence_id=absence_id, by=person(request), at=now())
        return f"{name_of(ended.user)} is back. What was passed on stays where it is."

    return _work(request, slug, forms.Form(request.POST), do)


def _work(
    request: HttpRequest, slug: str, form: forms.Form, do: Callable[[dict[str, Any]], str]
) -> HttpResponse:
    """Do one verb with what the form says; answer what came of it."""
    if not Team.objects.filter(slug=slug).exists():
        raise Http404
    if not form.is_valid():
        return _refused(request, slug, f"{first_error(form)} Nothing changed.")
    try:
        said = do(dict(form.cleaned_data))
    except (staffing.CannotStaff, absences.CannotBeAway) as refused:
        return _refused(request, slug, str(refused))
    except staffing.StaffedMeanwhile as refused:
        return _show(request, slug, problem=str(refused), status=HTTPStatus.CONFLICT)
    except NotAllowed as refused:
        raise PermissionDenied(str(refused)) from refused
    except _MISSING as missing:
        raise Http404 from missing
    return _go(request, slug, said)


def show_all(request: HttpRequest, *, problem: str = "", name: str = "") -> HttpResponse:
    """Show the teams and the company's days off, with what went wrong if something did."""
    today = now().date()
    context = {
        "days_off": [(day, name) for day, name in company.days() if day >= today],
        "days_off_refusal": company.refusal(person(request)),
        "sent": request.POST,
        "rows": team_page.team_rows(at=now()),
        "can_make": team_page.can_make_teams(person(request)),
        "problem": problem,
        "name": name,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "exceptions/teams.html", context, status=status)


def _refused(request: HttpRequest, slug: str, problem: str) -> HttpResponse:
    return _show(request, slug, problem=problem, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _show(
    request: HttpRequest, slug: str, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    try:
        detail = team_page.team_detail(slug=slug, user=person(request), at=now())
    except Team.DoesNotExist as missing:
        raise Http404 from missing
    team = detail.row.team
    context = {
        "detail": detail,
        "team": team,
        "problem": problem,
        "weekdays": [
            (str(number), name, number in team.calendar.weekdays)
            for number, name in enumerate(team_page.WEEKDAYS, start=1)
        ],
        "calendars": Calendar.objects.order_by("name").values_list("name", flat=True),
        "hand_outs": (
            (Team.HandOut.OFF, "People take them, or are given them"),
            (Team.HandOut.ROUND_ROBIN, "In turn, to whoever is on duty"),
        ),
        "countries": sorted(known_countries().items(), key=lambda pair: pair[1]),
        "time_zones": sorted(available_timezones()) if not detail.refusal else (),
        "version": staffing.version_of(team),
        "calendar_version": staffing.version_of(team.calendar),
        "sent": request.POST,
    }
    return render(request, "exceptions/team.html", context, status=status)


def _member(
    request: HttpRequest,
    slug: str,
    member_id: int,
    *,
    problem: str = "",
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> HttpResponse:
    related = Membership.objects.select_related("user", "team__calendar")
    found = related.filter(pk=member_id, team__slug=slug).first()
    if found is None:
        raise Http404
    typed = MemberForm(request.POST).hours() if problem else found.hours
    context = {
        "member": found,
        "team": found.team,
        "name": name_of(found.user),
        "refusal": refusal_to_run(person(request), found.team),
        "days": [
            (number, name, *typed.get(str(number), ("", "")))
            for number, name in enumerate(team_page.WEEKDAYS, start=1)
        ],
        "calendar_text": team_page.calendar_text(found.team.calendar),
        "time_zones": sorted(available_timezones()),
        "time_zone": request.POST.get("time_zone", found.time_zone),
        "version": staffing.version_of(found),
        "problem": problem,
    }
    answer = status if problem else HTTPStatus.OK
    return render(request, "exceptions/member.html", context, status=answer)


def _go(request: HttpRequest, slug: str, said: str) -> HttpResponse:
    messages.info(request, said)
    return HttpResponseRedirect(f"{TEAMS}{slug}/", status=HTTPStatus.SEE_OTHER)
