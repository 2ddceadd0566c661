"""How the pages of one case answer: the panel or the whole page, done or refused."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget, trigger_client_event

from exceptions import attachments, queries
from exceptions.desk import Conflict, Merged
from exceptions.forms import SNOOZES, WAITS
from exceptions.models import Case
from exceptions.offered import PLAIN
from exceptions.permissions import can_work_any, readable_cases
from exceptions.rows import CaseDetail, Cell, ComparisonRow, RepairPreview

PANEL, PAGE = "panel", "case"  # the element's id: beside the queue, or a page of its own
_NEWEST = 5
_SHOWN_ABOVE = {"Owner", "Team"}  # facts that the panel has a place of its own for


@dataclass(frozen=True)
class SideBySide:
    """Some rows of a comparison, without the systems that say nothing in any of them."""

    systems: list[str]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Problem:
    """Why something was not done, and where to go on."""

    text: str
    tone: str = "bad"
    href: str = ""
    action: str = ""


def side_by_side(rows: list[ComparisonRow], systems: list[str]) -> SideBySide:
    """Pair each cell with its system, for the screens on which a cell stands alone."""
    speaks = [
        any(row.cells[place].text or row.cells[place].is_missing for row in rows)
        for place in range(len(systems))
    ]

    def cells(row: ComparisonRow) -> list[tuple[str, Cell]]:
        pairs = zip(systems, row.cells, speaks, strict=True)
        return [(system, cell) for system, cell, is_heard in pairs if is_heard]

    return SideBySide(
        systems=[system for system, is_heard in zip(systems, speaks, strict=True) if is_heard],
        rows=[{"field": row.field, "verdict": row.verdict, "cells": cells(row)} for row in rows],
    )


def person(request: HttpRequest) -> User:
    """Give who asks; the middleware lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user


def check_visible(request: HttpRequest, case_id: int) -> None:
    """Raise Http404 unless the case exists for this person."""
    if not readable_cases(person(request)).filter(pk=case_id).exists():
        raise Http404


def detail_of(request: HttpRequest, case_id: int, *, at: datetime) -> CaseDetail:
    """Give a case with all around it; raises Http404 unless it exists for this person."""
    try:
        return queries.case_detail(case_id=case_id, user=person(request), at=at)
    except Case.DoesNotExist as missing:
        raise Http404 from missing


def show(
    request: HttpRequest,
    detail: CaseDetail,
    *,
    preview: RepairPreview | None = None,
    problem: Problem | None = None,
    around: dict[str, Any] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Show a case: the panel for a swap, else the page with what stands `around` it."""
    template = "exceptions/_panel.html" if is_swap(request) else "exceptions/case.html"
    context = _context(request, detail, preview=preview, problem=problem)
    return render(request, template, {**context, **(around or {})}, status=status)


def done(
    request: HttpRequest, case_id: int, *, said: str, at: datetime, undo: str = ""
) -> HttpResponse:
    """Say that something was done: the panel, its row and a toast, or a page to go to."""
    if not is_swap(request):
        messages.info(request, said, extra_tags=undo)
        return HttpResponseRedirect(_page_of(request, case_id), status=HTTPStatus.SEE_OTHER)
    context = _context(request, detail_of(request, case_id, at=at))
    response = render(request, "exceptions/_worked.html", {**context, "said": said, "undo": undo})
    return trigger_client_event(response, "worked", {"case": case_id}, after="settle")


def left(request: HttpRequest, *, said: str) -> HttpResponse:
    """Say that something was done to a case which this person may not open any more."""
    messages.info(request, said)
    if is_swap(request):
        return HttpResponseClientRedirect("/exceptions/")
    return HttpResponseRedirect("/exceptions/", status=HTTPStatus.SEE_OTHER)


def conflicted(
    request: HttpRequest, case_id: int, refusal: Conflict, *, at: datetime
) -> HttpResponse:
    """Say who was faster, with the way to what is there now: the case, or what it follows."""
    if isinstance(refusal, Merged):
        href, action = f"/exceptions/{refusal.into_id}/", f"Open #{refusal.into_id}"
    else:
        href, action = f"/exceptions/{case_id}/", "Show the new version"
    problem = Problem(str(refusal), tone="warn", href=href, action=action)
    return _refused(request, case_id, problem, at=at, status=HTTPStatus.CONFLICT)


def refused(
    request: HttpRequest,
    case_id: int,
    *,
    text: str,
    at: datetime,
    status: HTTPStatus,
    around: dict[str, Any] | None = None,
) -> HttpResponse:
    """Say that nothing was done and why, in the slot that the case keeps for it."""
    return _refused(request, case_id, Problem(text), at=at, status=status, around=around)


def _refused(
    request: HttpRequest,
    case_id: int,
    problem: Problem,
    *,
    at: datetime,
    status: HTTPStatus,
    around: dict[str, Any] | None = None,
) -> HttpResponse:
    if not is_swap(request):
        detail = detail_of(request, case_id, at=at)
        return show(request, detail, problem=problem, around=around, status=status)
    context = {
        "text": problem.text,
        "tone": problem.tone,
        "href": problem.href,
        "action": problem.action,
    }
    response = render(request, "components/_problem.html", context, status=status)
    return reswap(retarget(response, f"#problem-{case_id}"), "innerHTML")


def is_swap(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a piece; its history restore asks for the whole page."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"
    )


def deny(refusal: Exception) -> PermissionDenied:
    """Turn a refusal of the verbs into the one that Django answers with 403."""
    return PermissionDenied(str(refusal))


def _context(
    request: HttpRequest,
    detail: CaseDetail,
    *,
    preview: RepairPreview | None = None,
    problem: Problem | None = None,
) -> dict[str, Any]:
    region = _region(request)
    shown = preview or detail.preview
    timeline = detail.timeline if region == PAGE else detail.timeline[:_NEWEST]
    return {
        "region": region,
        "detail": detail,
        "facts": [fact for fact in detail.facts if fact.name not in _SHOWN_ABOVE],
        **_compared(detail),
        "row": detail.row,
        "can_tick": can_work_any(person(request)),
        "preview": shown,
        "others": [offer for offer in detail.repairs if not shown or offer.kind != shown.kind],
        "timeline": timeline,
        "earlier": len(detail.timeline) - len(timeline),
        "plain_actions": [
            {"verb": verb, "title": title}
            for verb, title in PLAIN.items()
            if verb != "claim" and _allows(detail, verb)
        ],
        "has_actions": not detail.row.closed_at
        or _allows(detail, "reopen")
        or _allows(detail, "comment"),
        "snoozes": SNOOZES,
        "waits": WAITS,
        "accepted": attachments.ENDINGS,
        "limits": attachments.LIMITS,
        "problem": problem,
        "asked_to_do": request.GET.get("do", ""),
    }


def _compared(detail: CaseDetail) -> dict[str, Any]:
    found = detail.comparison
    if found is None:
        return {}
    return {
        "differing": side_by_side(found.differing, found.systems),
        "matching": side_by_side(found.matching, found.systems),
    }


def _allows(detail: CaseDetail, verb: str) -> bool:
    return verb in detail.actions and detail.actions[verb].allowed


def _page_of(request: HttpRequest, case_id: int) -> str:
    """Give the case's page, still in the midst of a view if it was sent from there."""
    page = f"/exceptions/{case_id}/"
    sent_from = urlsplit(request.headers.get("Referer", ""))
    is_working = sent_from.path == page and "work=1" in sent_from.query
    return f"{page}?{sent_from.query}" if is_working else page


def _region(request: HttpRequest) -> str:
    is_beside_queue = is_swap(request) and request.headers.get("HX-Target") == PANEL
    return PANEL if is_beside_queue else PAGE
