"""The front door: signed CloudEvents over HTTP, answered once they are in the database.

One event is answered 202 (new), 200 (seen before), 400 (not JSON), 409 (its id is taken by
another body) or 422 (not an event). A batch, as a JSON array or one event a line (NDJSON), is
answered by a verdict for each event, under 202 if any is new, else 200 if any was seen before, else
422 if any is no event, else 409. Refusals are problem details (RFC 9457); a refusal of the whole
request stores nothing. Whatever it is may come in gzip; the signature is over the bytes as sent.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from reconciliation import clock, native, validate
from reconciliation import ingest as front_door
from reconciliation.inflate import NotGzip, TooLong, inflate
from reconciliation.ingest import Receipt, Verdict
from reconciliation.models import Source
from reconciliation.nudge import nudge
from reconciliation.sources import STANDARD, format_of, keys, standard_webhooks
from reconciliation.sources.native import Post
from reconciliation.strict import NotJson
from reconciliation.validate import Message

MOST_EVENTS = 1_000  # in one batch
_BATCH = "application/cloudevents-batch+json"
_LINES = frozenset({"application/x-ndjson", "application/ndjson"})
_GZIP = frozenset({"gzip", "x-gzip"})
_RETRY_SECONDS = 5
_PAUSED_SECONDS = 60
_LONGEST_LENGTH = 18  # digits of a Content-Length
_UTF8 = {None, "utf-8", "utf8"}
_STATUS = {
    Verdict.NEW: HTTPStatus.ACCEPTED,
    Verdict.SEEN: HTTPStatus.OK,
    Verdict.CONFLICT: HTTPStatus.CONFLICT,
    Verdict.REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY,
}
# What a batch as a whole is answered: the first of these that any of its events has.
_PRECEDENCE = (Verdict.NEW, Verdict.SEEN, Verdict.REJECTED, Verdict.CONFLICT)

_log = structlog.get_logger(__name__)
# A broker that is slow or away must not delay an answer, so the nudge goes beside it.
_beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nudge")


class _Refused(Exception):
    """The request as a whole is not taken; nothing of it was stored."""

    def __init__(self, status: HTTPStatus, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


@csrf_exempt
@login_not_required
@transaction.non_atomic_requests
@require_POST
def ingest(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one event or a batch of a source."""
    try:
        return _taken(request, slug)
    except _Refused as refused:
        return _problem(refused.status, refused.detail, retry_after=refused.retry_after)
    except (OperationalError, InterfaceError) as error:
        _log.warning("ingest.database_away", source=slug, error=str(error))
        detail = "It cannot be stored right now. Nothing was taken; send it again."
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after=_RETRY_SECONDS)


def _taken(request: HttpRequest, slug: str) -> HttpResponse:
    body = _body(request)
    source = _signer(request, slug, body)
    if format_of(source.signing_scheme).adapter is not None:
        return _taken_natively(request, source, _unpacked(request, body))
    is_batch, messages = _read(request, _unpacked(request, body))
    at = clock.now()
    _check_flood(source, messages, at)
    receipts = front_door.store(source=source, messages=messages, at=at)
    _nudge_for(receipts)
    return _batch_answer(receipts) if is_batch else _answer(receipts[0])


def _taken_natively(request: HttpRequest, source: Source, body: bytes) -> HttpResponse:
    """Take what a system says in its own words.

    Whatever is kept is answered 2xx: the sender could only send the same bytes again, and some
    stop sending altogether after a few refusals.
    """
    if len(body) > validate.MAX_BYTES:
        detail = f"A post may have {validate.MAX_BYTES} bytes at most."
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    try:
        taken = native.read(source=source, post=_post(request, body))
    except native.TooMany as error:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from error
    at = clock.now()
    _check_flood(source, taken.messages, at)
    receipts = native.store(source=source, taken=taken, at=at)
    _nudge_for(receipts)
    if format_of(source.signing_scheme).is_answered_blank:
        return HttpResponse(status=HTTPStatus.OK)
    return JsonResponse(
        {
            **front_door.funnel(receipts),
            "unused": len(taken.unused),
            "results": [_verdict(receipt) for receipt in receipts],
        },
        status=HTTPStatus.ACCEPTED if _is_any_new(receipts) else HTTPStatus.OK,
    )


def _post(request: HttpRequest, body: bytes) -> Post:
    address = request.headers.get("host", "") + request.get_full_path()
    return Post(headers=request.headers, body=body, address=address)


def _check_flood(source: Source, messages: Sequence[Message], at: datetime) -> None:
    if any(message.problems for message in messages) and front_door.is_flooded(
        source=source, at=at
    ):
        raise _Refused(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"More than {front_door.MOST_REJECTIONS} messages of this source could not be read in"
            " an hour; nothing of this request was kept.",
            retry_after=_PAUSED_SECONDS,
        )


def _is_any_new(receipts: Sequence[Receipt]) -> bool:
    return any(receipt.verdict is Verdict.NEW for receipt in receipts)


def _nudge_for(receipts: Sequence[Receipt]) -> None:
    if _is_any_new(receipts):
        with suppress(RuntimeError):  # at shutdown nobody is left to nudge; the rows are the work
            _beside.submit(nudge, "apply")


def _body(request: HttpRequest) -> bytes:
    """Read the bytes, all of them or none."""
    if "transfer-encoding" in request.headers and not request.META.get("CONTENT_LENGTH"):
        raise _Refused(HTTPStatus.LENGTH_REQUIRED, "Say how long the body is: Content-Length.")
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdecimal() or len(declared) > _LONGEST_LENGTH:
        raise _Refused(HTTPStatus.BAD_REQUEST, "Content-Length is a whole number.")
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long.") from error
    except UnreadablePostError as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, "The request broke off.") from error
    if int(declared) > len(body):
        raise _Refused(HTTPStatus.BAD_REQUEST, "The body is shorter than its Content-Length.")
    return body


def _signer(request: HttpRequest, slug: str, body: bytes) -> Source:
    """Find the source that has signed; whether one exists is told to nobody else."""
    source = Source.objects.filter(slug=slug).first()
    # Nothing is signed by a key that is made for it here.
    known = keys.active(source_id=source.pk) if source else ()
    try:
        format_of(source.signing_scheme if source else STANDARD).verify(
            _post(request, body),
            keys=known or (standard_webhooks.new_secret(),),
            now=int(time.time()),  # the sender's signature is of now, also in a demo's past
        )
    except standard_webhooks.BadSignature as error:
        detail = "No active secret of such a source has signed this just now."
        raise _Refused(HTTPStatus.UNAUTHORIZED, detail) from error
    assert source is not None
    if source.is_paused:
        detail = "This source is paused. Nothing was taken; send it again."
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after=_PAUSED_SECONDS)
    return source


def _read(request: HttpRequest, body: bytes) -> tuple[bool, Sequence[Message]]:
    """Read by mode: a batch, structured, or binary; tells whether it is a batch."""
    _check_charset(request)
    media = (request.content_type or "").lower()
    if media == _BATCH:
        return _read_batch(body)
    if media in _LINES:
        return True, _read_lines(body)
    if len(body) > validate.MAX_BYTES:
        detail = f"One event may have {validate.MAX_BYTES} bytes at most."
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    is_binary = "ce-specversion" in request.headers and media != validate.STRUCTURED
    if is_binary and _is_json(media):
        return False, [validate.binary(attributes=_attributes(request), body=body)]
    if not is_binary and media in {validate.STRUCTURED, "application/json"}:
        return False, [validate.structured(body)]
    detail = (
        f"Send {validate.STRUCTURED}, {_BATCH}, application/x-ndjson, or JSON with ce- headers."
    )
    raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def _unpacked(request: HttpRequest, body: bytes) -> bytes:
    """Undo the compression that the request names."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return body
    if coding not in _GZIP:
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send it in gzip, or uncompressed.")
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert most is not None
    try:
        return inflate(body, most=most)
    except TooLong as error:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from error
    except NotGzip as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error


def _check_charset(request: HttpRequest) -> None:
    charset = (request.content_params or {}).get("charset")
    if (charset.lower() if charset else None) not in _UTF8:
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is sent in UTF-8.")


def _read_lines(body: bytes) -> Sequence[Message]:
    lines = validate.lines(body)
    _check_number(lines)
    return [validate.structured(line) for line in lines]


def _check_number(events: Sequence[object]) -> None:
    if len(events) > MOST_EVENTS:
        detail = f"A batch may have {MOST_EVENTS} events at most."
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _read_batch(body: bytes) -> tuple[bool, Sequence[Message]]:
    try:
        messages = validate.batch(body)
    except NotJson as error:  # kept whole, as one message
        return False, [validate.unreadable(raw=body, content_type=_BATCH, detail=str(error))]
    _check_number(messages)
    return True, messages


def _is_json(media: str) -> bool:
    return media == "application/json" or (
        media.startswith("application/")
        and media.endswith("+json")
        and not media.startswith("application/cloudevents")
    )


def _attributes(request: HttpRequest) -> dict[str, str]:
    """Take the attributes of binary mode out of the headers, percent-decoded."""
    given = {
        name[3:].lower(): _decoded(value)
        for name, value in request.headers.items()
        if name.lower().startswith("ce-")
    }
    for name in ("data", "data_base64"):
        given.pop(name, None)
    return {**given, "datacontenttype": request.headers.get("content-type", "")}


def _decoded(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value


def _answer(receipt: Receipt) -> HttpResponse:
    status = _STATUS[receipt.verdict] if receipt.is_json else HTTPStatus.BAD_REQUEST
    if receipt.verdict is Verdict.CONFLICT:
        detail = "This id is taken by an event with another body. This one was kept, not applied."
        return _problem(status, detail, id=receipt.event_id, event=receipt.row_id)
    if receipt.verdict is Verdict.REJECTED:
        detail = "It cannot be read as an event. It was kept, and can be corrected."
        return _problem(status, detail, id=receipt.event_id, errors=_errors(receipt))
    return JsonResponse(_verdict(receipt), status=status)


def _batch_answer(receipts: Sequence[Receipt]) -> HttpResponse:
    met = {receipt.verdict for receipt in receipts}
    overall = next((each for each in _PRECEDENCE if each in met), Verdict.SEEN)
    return JsonResponse(
        {**front_door.funnel(receipts), "results": [_verdict(receipt) for receipt in receipts]},
        status=_STATUS[overall],
    )


def _verdict(receipt: Receipt) -> dict[str, Any]:
    status = _STATUS[receipt.verdict] if receipt.is_json else HTTPStatus.BAD_REQUEST
    said = {
        "id": receipt.event_id,
        "verdict": receipt.verdict.value,
        "status": status,
        "event": receipt.row_id,
    }
    return {**said, "errors": _errors(receipt)} if receipt.problems else said


def _errors(receipt: Receipt) -> list[dict[str, str]]:
    return [problem._asdict() for problem in receipt.problems]


def _problem(
    status: HTTPStatus, detail: str, *, retry_after: int | None = None, **more: object
) -> HttpResponse:
    """Write problem details (RFC 9457)."""
    said = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    response = JsonResponse(
        {**said, **more}, status=status, content_type="application/problem+json"
    )
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        response["Accept-Encoding"] = "gzip"
    if status is HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Webhook-Signature realm="ingest"'
    return response
