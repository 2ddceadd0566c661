"""Speaks the write-back protocol: POST under an idempotency key, GET to ask what became of it.

POST <url> {"action", "order", "payload"} with `Idempotency-Key`, signed by Standard Webhooks; 200
{"status": "done", "event": {…}} says that it is done and how the target's own webhook would tell
it. GET <url>/<key> gives the same answer, or 404 for a key that was never heard of.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from reconciliation.models import WriteBack
from reconciliation.sources import keys, outbound, standard_webhooks

# What a try can end in. After UNKNOWN the target may have acted; after UNREACHABLE it has not.
DELIVERED, REFUSED, UNKNOWN, UNREACHABLE = "DELIVERED", "REFUSED", "UNKNOWN", "UNREACHABLE"
FOUND, ABSENT, NO_ANSWER = "FOUND", "ABSENT", "NO_ANSWER"  # of looking up

# The fact that each action makes: an event of this kind from the target is as good as an answer.
EFFECTS = {
    "activate_subscription": "subscription.activated",
    "deactivate_subscription": "subscription.deactivated",
    "mark_fulfilled": "fulfilment.recorded",
    "unmark_fulfilled": "fulfilment.unrecorded",
    "post_payment": "payment.posted",
    "post_settlement": "payment.posted",
    "unpost_payment": "payment.unposted",
    "issue_invoice": "invoice.issued",
    "void_invoice": "invoice.voided",
    "credit_invoice": "credit_note.issued",
    "refund_payment": "payment.refunded",
    "cancel_order": "order.cancelled",
    "pay_seller": "payout.paid",
}
_NOT_A_REFUSAL = {408, 425, 429}  # says "later", not "no"
_TEXT_KEPT = 2_000


@dataclass(frozen=True)
class Outcome:
    """How one try ended; `answer` is what the target said where it said that it is done."""

    name: str
    error: str = ""
    status_code: int | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    text: str = ""


def send(owed: WriteBack, *, order_name: str) -> Outcome:
    """Ask the target to act."""
    body = orjson.dumps({"action": owed.action, "order": order_name, "payload": owed.payload})
    try:
        answer = outbound.call(
            method="POST",
            url=owed.target.writeback_url,
            headers={"Content-Type": "application/json", **_headers(owed, body)},
            body=body,
        )
    except outbound.Unreachable as failure:
        return Outcome(UNREACHABLE, str(failure))
    except outbound.NoAnswer as failure:
        return Outcome(UNKNOWN, str(failure))
    return _read_sent(owed, answer)


def look_up(owed: WriteBack) -> Outcome:
    """Ask the target what became of the key."""
    try:
        answer = outbound.call(
            method="GET",
            url=f"{owed.target.writeback_url.rstrip('/')}/{owed.idempotency_key}",
            headers=_headers(owed, b""),
        )
    except (outbound.Unreachable, outbound.NoAnswer) as failure:
        return Outcome(NO_ANSWER, str(failure))
    said, text = _parsed(answer.body), _text(answer.body)
    if answer.status_code == 200 and said.get("status") == "done":  # noqa: PLR2004
        return Outcome(FOUND, "", answer.status_code, said, text)
    if answer.status_code == 404:  # noqa: PLR2004
        return Outcome(ABSENT, "", answer.status_code, text=text)
    error = f"{owed.target.name} answered {answer.status_code} when asked for the key."
    return Outcome(NO_ANSWER, error, answer.status_code, text=text)


def _read_sent(owed: WriteBack, answer: outbound.Answer) -> Outcome:
    said, text, status = _parsed(answer.body), _text(answer.body), answer.status_code
    name = owed.target.name
    if status == 200 and said.get("status") == "done":  # noqa: PLR2004
        return Outcome(DELIVERED, "", status, said, text)
    if 300 <= status < 500 and status not in _NOT_A_REFUSAL:  # noqa: PLR2004
        reason = said.get("error") or said.get("detail") or "it gave no reason"
        return Outcome(REFUSED, f"{name} refused it ({status}): {reason}", status, text=text)
    error = f"{name} answered {status}, which does not say that it is done."
    return Outcome(UNKNOWN, error, status, text=text)


def _headers(owed: WriteBack, body: bytes) -> dict[str, str]:
    """Sign as one of our own webhooks, with the target's newest secret."""
    headers = {"Idempotency-Key": owed.idempotency_key}
    active = keys.active(source_id=owed.target_id)
    if not active:
        return headers
    signed = standard_webhooks.sign(
        key=active[0],
        message_id=owed.idempotency_key,
        # The receiver compares with its own clock, so this is the true time, also in a demo's past.
        timestamp=int(time.time()),
        body=body,
    )
    return headers | signed


def _parsed(body: bytes) -> dict[str, Any]:
    """Read an answer as a JSON object; anything else says nothing."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) and b"\\u0000" not in body else {}


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\x00", "")[:_TEXT_KEPT]
