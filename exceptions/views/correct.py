"""Correct what could not be read or applied, and send it again; or let it wait, or try again."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from exceptions import correcting, schema_form
from exceptions.correcting import CannotCorrect, Draft, StillWrong
from exceptions.desk import Conflict
from exceptions.forms import VersionForm, WaitForm, first_error
from exceptions.models import Case
from exceptions.permissions import NotAllowed, refusal_to_work, visible_cases
from exceptions.schema_form import Section
from exceptions.views.answers import check_visible, conflicted, deny, done, person, refused
from reconciliation.clock import now
from reconciliation.sources import canonical
from reconciliation.strict import Problem

_ENVELOPE = ("id", "source", "type", "time")


@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, case_id: int) -> HttpResponse:
    """Show what came as a form, judge what is typed, and send it again when asked."""
    case = _case(request, case_id)
    if why_not := refusal_to_work(person(request), case):
        raise deny(NotAllowed(why_not))
    try:
        draft = correcting.draft_of(case)
    except CannotCorrect as refusal:
        raise Http404 from refusal
    if request.method != "POST":
        return _page(request, case, draft, envelope=_of_type(request, draft))
    is_text = "text" in request.POST
    made = request.POST["text"] if is_text else _typed(request, draft)
    if request.POST.get("do") != "send":
        return _judge(request, case, draft, made)
    return _send(request, case, draft, made)


@require_POST
def retry(request: HttpRequest, case_id: int) -> HttpResponse:
    """Let an event be applied again as it is."""
    by, at, form = person(request), now(), VersionForm(request.POST)
    check_visible(request, case_id)
    if not form.is_valid():
        return _refuse(request, case_id, first_error(form), at=at)
    version = form.cleaned_data["version"]
    try:
        correcting.try_again(case_id=case_id, by=by, at=at, version=version)
    except (NotAllowed, Conflict, CannotCorrect) as refusal:
        return _answer(request, case_id, refusal, at=at)
    return done(request, case_id, said="It is being applied again.", at=at)


@require_POST
def wait(request: HttpRequest, case_id: int) -> HttpResponse:
    """Give the order of a parked event more time."""
    by, at, form = person(request), now(), WaitForm(request.POST)
    check_visible(request, case_id)
    if not form.is_valid():
        return _refuse(request, case_id, f"{first_error(form)} Nothing changed.", at=at)
    days, version = form.cleaned_data["days"], form.cleaned_data["version"]
    try:
        correcting.wait_longer(case_id=case_id, days=days, by=by, at=at, version=version)
    except (NotAllowed, Conflict, CannotCorrect) as refusal:
        return _answer(request, case_id, refusal, at=at)
    days_said = "1 day" if days == 1 else f"{days} days"
    return done(request, case_id, said=f"It waits for its order for {days_said} more.", at=at)


def _case(request: HttpRequest, case_id: int) -> Case:
    related = ("team", "discrepancy__event__source", "discrepancy__rejection__source")
    found = visible_cases(person(request)).select_related(*related).filter(pk=case_id).first()
    if found is None:
        raise Http404
    return found


def _of_type(request: HttpRequest, draft: Draft) -> dict[str, Any] | None:
    """Give the draft under another type, where one is asked for."""
    asked = request.GET.get("type", "")
    if draft.envelope is None and asked in canonical.types():
        return {"specversion": "1.0", "type": asked, "data": {}}
    if draft.envelope is None or asked not in canonical.types():
        return draft.envelope
    return {**draft.envelope, "type": asked}


def _typed(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """Put what was typed into what came."""
    sent = {name: str(value) for name, value in request.POST.items()}
    base = draft.envelope or {"specversion": "1.0", "data": {}}
    known = _envelope_schema()
    made: dict[str, Any] = schema_form.read(schema=known, value=base, sent=sent)
    schema = _schema(str(made.get("type", "")))
    if schema is not None:
        data = base.get("data", {})
        made["data"] = schema_form.read(schema=schema, value=data, sent=sent, pointer="/data")
    return made


def _judge(
    request: HttpRequest, case: Case, draft: Draft, made: Mapping[str, Any] | str
) -> HttpResponse:
    try:
        problems = correcting.judged(made).problems
    except StillWrong as wrong:
        problems = tuple(wrong.problems)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    return _page(
        request, case, draft, envelope=made, problems=problems, is_right=not problems, status=status
    )


def _send(
    request: HttpRequest, case: Case, draft: Draft, made: Mapping[str, Any] | str
) -> HttpResponse:
    form, at = VersionForm(request.POST), now()
    version = form.cleaned_data["version"] if form.is_valid() else None
    try:
        event = correcting.resend(
            case_id=case.pk, envelope=made, by=person(request), at=at, version=version
        )
    except StillWrong as wrong:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        problems = tuple(wrong.problems)
        return _page(request, case, draft, envelope=made, problems=problems, status=status)
    except (Conflict, CannotCorrect) as refusal:
        return _page(
            request, case, draft, envelope=made, refusal=str(refusal), status=HTTPStatus.CONFLICT
        )
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    said = f"Sent again as {event.event_id}. The original is kept as it came."
    return done(request, case.pk, said=said, at=at)


def _page(
    request: HttpRequest,
    case: Case,
    draft: Draft,
    *,
    envelope: Mapping[str, Any] | str | None,
    problems: tuple[Problem, ...] | None = None,
    is_right: bool = False,
    refusal: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    laid_out = _laid_out(envelope)
    given = list(problems if problems is not None else draft.problems)
    left = schema_form.spread_errors(laid_out, [(each.pointer, each.detail) for each in given])
    found = case.discrepancy
    context = {
        "case": case,
        "original": found.event or found.rejection,
        "source": (found.event or found.rejection).source,  # type: ignore[union-attr]
        "is_event": found.event is not None,
        "sections": laid_out,
        "text": envelope if isinstance(envelope, str) else draft.text,
        "is_text": not laid_out,
        "raw": draft.text,
        "types": sorted(set(canonical.types()) - canonical.INTERNAL),
        "type": envelope.get("type", "") if isinstance(envelope, Mapping) else "",
        "left": left,
        "wrong": len(given),
        "is_judged": problems is not None,
        "is_right": is_right,
        "refusal": refusal,
        "sent_as": draft.sent_as,
    }
    return render(request, "exceptions/correct.html", context, status=status)


def _laid_out(envelope: Mapping[str, Any] | str | None) -> list[Section]:
    """Lay out the form; nothing for what is no JSON object or of no known type."""
    if not isinstance(envelope, Mapping):
        return []
    schema = _schema(str(envelope.get("type", "")))
    if schema is None:
        return []
    about = schema_form.sections(
        schema=_envelope_schema(), value=dict(envelope), title="The event itself"
    )
    for section in about:
        for each in section.fields:
            if each.pointer == "/type":
                each.kind = "choice"
                types = sorted(set(canonical.types()) - canonical.INTERNAL)
                each.options = [(name, name) for name in types]
    title = str(schema.get("title", "What it says"))
    inside = schema_form.sections(
        schema=schema, value=envelope.get("data"), title=title, pointer="/data"
    )
    return [*about, *inside]


def _envelope_schema() -> Mapping[str, Any]:
    whole = canonical.schemas()[canonical.ENVELOPE]
    inner = {name: whole["properties"][name] for name in _ENVELOPE}
    return {**whole, "properties": inner}


def _schema(type_: str) -> Mapping[str, Any] | None:
    name = canonical.types().get(type_)
    return None if name is None or type_ in canonical.INTERNAL else canonical.schemas()[name]


def _answer(
    request: HttpRequest, case_id: int, refusal: Exception, *, at: datetime
) -> HttpResponse:
    if isinstance(refusal, NotAllowed):
        raise deny(refusal) from refusal
    if isinstance(refusal, Conflict):
        return conflicted(request, case_id, refusal, at=at)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return refused(request, case_id, text=str(refusal), at=at, status=status)


def _refuse(request: HttpRequest, case_id: int, text: str, *, at: datetime) -> HttpResponse:
    return refused(request, case_id, text=text, at=at, status=HTTPStatus.UNPROCESSABLE_ENTITY)
