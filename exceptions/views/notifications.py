"""How a person is told: channels, quiet hours, the morning digest; and the channels of teams."""

from datetime import datetime, time
from http import HTTPStatus
from zoneinfo import available_timezones

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from exceptions import channels, notify, outward, preferences
from exceptions.models import Case, Channel
from exceptions.permissions import NotAllowed
from exceptions.views.answers import deny, person
from reconciliation.clock import now

PAGE = "/notifications/"
_QUIETLY = (("inbox", "Inbox only"), ("digest", "In the morning digest"))


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Show how a person is told, or keep what they chose."""
    if request.method != "POST":
        return _page(request)
    by, sent = person(request), request.POST
    try:
        channels.choose(
            by=by,
            by_severity={name: sent[name] for name in Case.Severity.values if sent.get(name)},
            time_zone=sent.get("time_zone", ""),
            quiet=_quiet(sent.get("quiet_from", ""), sent.get("quiet_to", "")),
            digest_at=_hour(sent.get("digest_at", "")),
            at=now(),
        )
    except channels.CannotKeep as refusal:
        return _page(request, error=str(refusal))
    return _done(request, "Saved.")


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Keep a new channel."""
    by = person(request)
    team = channels.teams_led_by(by).filter(slug=request.POST.get("team", "")).first()
    if request.POST.get("team") and team is None:
        raise deny(NotAllowed("Needs a lead of that team. Nothing changed."))
    try:
        added = channels.add(
            name=request.POST.get("name", ""),
            address=request.POST.get("address", ""),
            by=by,
            at=now(),
            team=team,
        )
    except channels.CannotKeep as refusal:
        return _page(request, error=str(refusal))
    return _done(request, f"{added.name} added. Send a test to see that it works.")


@require_POST
def try_out(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Send a test message over a channel."""
    channel = _channel(request, channel_id)
    error = outward.send(
        [notify.address_of(channel)],
        subject="Test from Reconcile",
        text=f"{channel.name} works.",
        is_guarded=True,
    )
    if error:
        return _page(request, error=f"{channel.name}: {error}")
    return _done(request, f"Sent to {channel.name}.")


@require_POST
def remove(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Forget a channel."""
    channel = _channel(request, channel_id)
    channels.remove(channel_id=channel.pk, by=person(request), at=now())
    return _done(request, f"{channel.name} removed.")


def _channel(request: HttpRequest, channel_id: int) -> Channel:
    channel = channels.kept_by(person(request)).filter(pk=channel_id).first()
    if channel is None:
        raise Http404
    return channel


def _page(request: HttpRequest, *, error: str = "") -> HttpResponse:
    by, at = person(request), now()
    chosen = preferences.preferences_of([by])[by.pk]
    context = {
        "error": error,
        "chosen": chosen,
        "sent": request.POST,
        "severities": _severities(by),
        "channels": channels.kept_by(by).select_related("team"),
        "teams": channels.teams_led_by(by),
        "services": outward.services().items(),
        "time_zones": sorted(available_timezones()),
        "next_digest": preferences.next_digest(chosen, at=at),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return render(request, "exceptions/notifications.html", context, status=status)


def _severities(by: User) -> list[dict[str, object]]:
    """List what may be chosen for each severity, and what is."""
    chosen = preferences.preferences_of([by])[by.pk]
    outside = [(way.key, way.name) for way in preferences.ways_of([by])[by.pk]]
    outside = outside or [(preferences.MAIL, "E-mail, once it is set up")]
    return [
        {
            "name": name,
            "choices": outside if name == preferences.URGENT else [*outside, *_QUIETLY],
            "chosen": chosen.by_severity.get(name, preferences.MAIL),
        }
        for name in Case.Severity.values
    ]


def _quiet(begins: str, ends: str) -> tuple[time, time] | None:
    """Read quiet hours; raises CannotKeep."""
    first, last = _hour(begins), _hour(ends)
    if first is not None and last is not None:
        return first, last
    if first is None and last is None:
        return None
    raise channels.CannotKeep("Quiet hours need a beginning and an end. Nothing changed.")


def _hour(text: str) -> time | None:
    """Read "07:30"; raises CannotKeep."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - an hour has no zone
    except ValueError as error:
        raise channels.CannotKeep("Enter an hour such as 07:30. Nothing changed.") from error


def _done(request: HttpRequest, said: str) -> HttpResponse:
    messages.info(request, said)
    return HttpResponseRedirect(PAGE, status=HTTPStatus.SEE_OTHER)
