"""Repairs of a case: see before, run once, undo after."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from exceptions import bulk, queries, repair
from exceptions.desk import Conflict, Merged
from exceptions.forms import RunForm, first_error
from exceptions.models import Case, RepairAttempt
from exceptions.permissions import NotAllowed
from exceptions.repairs import NoSuchRepair, kind_named
from exceptions.views.answers import (
    Problem,
    check_visible,
    conflicted,
    deny,
    detail_of,
    done,
    person,
    refused,
    show,
)
from reconciliation import nudge
from reconciliation.clock import now

# Where a repair goes on: what is owed outside is delivered, what is corrected inside is applied.
_ONWARD = ("writeback", "apply")


@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, case_id: int, kind: str) -> HttpResponse:
    """Preview a repair, or run the plan that was shown."""
    at = now()
    check_visible(request, case_id)
    if request.method != "POST":
        return _preview(request, case_id, kind, at=at)
    form = RunForm(request.POST)
    if not form.is_valid():
        return _refuse(request, case_id, f"{first_error(form)} Nothing was run.", at=at)
    return _run(request, case_id, kind, form, at=at)


@require_POST
def undo(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """Take a repair back by its compensating action."""
    at = now()
    attempt = RepairAttempt.objects.filter(pk=attempt_id).first()
    if attempt is None:
        raise Http404
    check_visible(request, attempt.case_id)
    try:
        repair.undo(attempt_id=attempt_id, by=person(request), at=at)
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except Merged as refusal:
        return conflicted(request, attempt.case_id, refusal, at=at)
    except repair.CannotUndo as refusal:
        return _refuse(request, attempt.case_id, str(refusal), at=at)
    nudge.after_commit(*_ONWARD)
    title = kind_named(attempt.kind).TITLE
    said = f"Undo of “{title}” begun for {_subject(request, attempt, at=at)}."
    return done(request, attempt.case_id, said=said, at=at)


def _preview(
    request: HttpRequest,
    case_id: int,
    kind: str,
    *,
    at: datetime,
    problem: Problem | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    try:
        preview = queries.repair_preview(
            case_id=case_id,
            kind=kind,
            user=person(request),
            at=at,
            choice=(request.POST if request.method == "POST" else request.GET).get("to", ""),
        )
    except (Case.DoesNotExist, NoSuchRepair) as missing:
        raise Http404 from missing
    detail = detail_of(request, case_id, at=at)
    return show(request, detail, preview=preview, problem=problem, status=status)


def _run(
    request: HttpRequest, case_id: int, kind: str, form: RunForm, *, at: datetime
) -> HttpResponse:
    sent = form.cleaned_data
    try:
        attempt = repair.run(
            case_id=case_id,
            kind=kind,
            plan_sha256=sent["plan_sha256"],
            idempotency_key=sent["idempotency_key"],
            by=person(request),
            at=at,
            reason=sent["reason"],
            version=sent["version"],
            choice=sent["to"],
        )
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except Merged as refusal:
        return conflicted(request, case_id, refusal, at=at)
    except (repair.PlanChanged, Conflict) as refusal:
        problem = Problem(str(refusal), tone="warn")
        return _preview(request, case_id, kind, at=at, problem=problem, status=HTTPStatus.CONFLICT)
    except repair.NeedsSecond:
        return _ask_second(request, case_id, kind, sent, at=at)
    except repair.CannotRepair as refusal:
        return _refuse(request, case_id, str(refusal), at=at)
    nudge.after_commit(*_ONWARD)
    how = "done" if attempt.state == RepairAttempt.State.DONE else "is on its way"
    said = f"{kind_named(kind).TITLE} {how} for {_subject(request, attempt, at=at)}."
    undo_href = f"/repairs/{attempt.pk}/undo/" if attempt.undo_until else ""
    return done(request, case_id, said=said, at=at, undo=undo_href)


def _ask_second(
    request: HttpRequest, case_id: int, kind: str, sent: dict[str, Any], *, at: datetime
) -> HttpResponse:
    """Leave what moves money to a second person."""
    bulk.ask_for_one(
        case_id=case_id,
        repair=kind,
        plan_sha256=sent["plan_sha256"],
        reason=sent["reason"],
        by=person(request),
        at=at,
    )
    title = kind_named(kind).TITLE
    said = f"{title} waits for another Team lead, who finds it under Bulk. Nothing was done yet."
    return done(request, case_id, said=said, at=at)


def _subject(request: HttpRequest, attempt: RepairAttempt, *, at: datetime) -> str:
    row = queries.case_row(case_id=attempt.case_id, user=person(request), at=at)
    return row.order_id or f"exception #{row.id}"


def _refuse(request: HttpRequest, case_id: int, text: str, *, at: datetime) -> HttpResponse:
    return refused(request, case_id, text=text, at=at, status=HTTPStatus.UNPROCESSABLE_ENTITY)
