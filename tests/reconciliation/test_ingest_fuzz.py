"""Whatever is sent, the front door has an answer for it that is no failure of ours."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciliation import ingest, validate
from reconciliation.models import Event, EventConflict, RejectedEvent
from reconciliation.sources import canonical
from reconciliation.strict import Problem
from tests.reconciliation.front_door import BATCH, STRUCTURED, Sender, confirmed

pytestmark = pytest.mark.django_db

ANSWERS = {200, 202, 400, 401, 409, 413, 415, 422}
TYPES = sorted(canonical.types())
# What parsers, schemas or PostgreSQL stumble over.
NASTY_TEXT = [
    "\x00", "\ud800", "\ufeff", "1" * 70, "é" * 300, "", "order.created", "2026-02-30T00:00:00Z",
    "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59",
    "2026-03-02t09:00:00z",
]  # fmt: skip
NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 2**31, 2**63 - 1, 10**15 + 1, 0.5, {}, [], [[]], {"": {}}, *NASTY_TEXT]
).map(copy.deepcopy)
NASTY_BYTES = st.sampled_from(
    [
        b"", b"\x00", b"\\u0000", b"\\ud800", b"\xff", b"NaN", b"1e400", b"9" * 30, b"{", b"]",
        b'"', b",", b'"id":"x",', b"\\", b"1.50", b"-0", b"[" * 70, b"\xef\xbb\xbf",
    ]
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "ce-id", "ce-type", "ce-time", "ce-source", "ce-specversion", "ce-data", "ce-",
            "webhook-id", "webhook-timestamp", "webhook-signature", "content-encoding",
            "content-type", "host", "cookie",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=30)
    | st.sampled_from(["1.0", "%00", "%ED%A0%80", "%", "order.confirmed", "2026-03-02T09:00:00Z"]),
)  # fmt: skip


def fuzz(examples: int) -> settings:
    """Try so many; a database of one transaction serves all of them."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture
def shop(installed: datetime, monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setattr(ingest, "MOST_REJECTIONS", 10**6)
    return Sender(at=installed)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Give an event of any type with some places of it replaced by what is nasty."""
    type_ = draw(st.sampled_from(TYPES))
    example = canonical.schemas()[canonical.types()[type_]]["examples"][0]
    event: dict[str, Any] = json.loads(json.dumps(confirmed(type=type_, data=example)))
    event["id"] = draw(st.sampled_from(["e-1", "e-2", "e-3"]))
    for _ in range(draw(st.integers(0, 3))):
        holder = draw(st.sampled_from(list(_holders(event))))
        key = draw(
            st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder)))
        )
        holder[key] = draw(NASTY)
    return event


def _holders(value: object) -> Iterator[Any]:
    """Give every object and array that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _holders(each)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Give the bytes of an event or a batch with some of them cut out or replaced."""
    said = draw(events() | st.lists(events(), max_size=3))
    raw = json.dumps(said).encode()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(NASTY_BYTES) + raw[at + draw(st.integers(0, 12)) :]
    return raw


@fuzz(200)
@given(events())
def test_any_event_is_answered(shop: Sender, event: dict[str, Any]) -> None:
    assert shop.post(event).status_code in ANSWERS


@fuzz(60)
@given(st.lists(events() | NASTY, max_size=4))
def test_any_batch_is_answered_in_full(shop: Sender, said: list[Any]) -> None:
    response = shop.post_batch(said)

    assert response.status_code in ANSWERS
    assert len(json.loads(response.content)["results"]) == len(said)


@fuzz(200)
@given(broken(), st.sampled_from([STRUCTURED, BATCH, "application/json"]))
def test_any_bytes_are_answered_and_none_are_lost(
    shop: Sender, raw: bytes, content_type: str
) -> None:
    before = _kept()

    response = shop.post(raw, content_type=content_type)

    assert response.status_code in ANSWERS
    # Known again, kept before, or kept now.
    assert _kept() > before or response.status_code != 202


@fuzz(500)
@given(HEADERS, events())
def test_any_headers_are_answered(
    shop: Sender, headers: dict[str, str], event: dict[str, Any]
) -> None:
    assert shop.post(event["data"], headers=headers).status_code in ANSWERS


@fuzz(1_200)
@given(broken())
def test_any_bytes_are_read_or_explained(raw: bytes) -> None:
    message = validate.structured(raw)

    assert message.problems or validate.canonical_bytes(message)
    assert all(can_be_stored(problem) for problem in message.problems)


def can_be_stored(problem: Problem) -> bool:
    return not any(
        "\ud800" <= letter <= "\udfff" or letter == "\x00" for letter in "".join(problem)
    )


def _kept() -> int:
    return Event.objects.count() + RejectedEvent.objects.count() + EventConflict.objects.count()
