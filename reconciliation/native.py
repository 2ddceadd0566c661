"""Takes what an outside system posts in its own words the one way: read, validate, ingest.

Nothing of it is lost and nothing is asked for again: what makes no fact is kept as unused, what
cannot be read is kept as a rejection, and the sender, who could only send the same bytes again,
is told that it has arrived.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from django.db import transaction

from reconciliation import ingest, strict, validate
from reconciliation.ingest import Receipt
from reconciliation.models import Source, UnusedMessage
from reconciliation.sources import TOPIC_HEADERS, Adapter, format_of
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Unused
from reconciliation.strict import NotJson
from reconciliation.validate import Message

MOST_MESSAGES = 1_000  # in one post
# Statements of an order are weighed by whom they come from; everything else is added up, so two
# systems may not both tell it.
_WEIGHED = "order."
_UNFIT = re.compile("[^ -~]")


class TooMany(Exception):
    """The post holds more messages than are taken at once."""


class Kept(NamedTuple):
    """A message that makes no fact, as it will be kept."""

    unused: Unused
    raw: bytes
    content_type: str


@dataclass(frozen=True)
class Taken:
    """What one post comes to."""

    messages: tuple[Message, ...] = ()
    unused: tuple[Kept, ...] = ()


def read(*, source: Source, post: Post) -> Taken:
    """Read a post of a source with an adapter. Raises TooMany."""
    adapter = format_of(source.signing_scheme).adapter
    assert adapter is not None
    unreadable = _content_type(source, "unreadable")
    try:
        body = strict.read(strict.decode(post.body))
    except NotJson as error:
        detail = str(error)
        message = validate.unreadable(raw=post.body, content_type=unreadable, detail=detail)
        return Taken((message,))
    if body.problems:  # such as a NUL: it could not be stored
        whole = Message(raw=post.body, content_type=unreadable)
        return Taken((validate.refused(whole, body.problems),))
    parts = adapter.split(body.value)
    if len(parts) > MOST_MESSAGES:
        raise TooMany(f"A post may have {MOST_MESSAGES} messages at most.")
    taken = [_read_part(source, adapter, post, part, is_whole=len(parts) == 1) for part in parts]
    return Taken(
        tuple(message for each in taken for message in each.messages),
        tuple(kept for each in taken for kept in each.unused),
    )


def read_again(*, source: Source, raw: bytes, content_type: str) -> Taken:
    """Read what was kept before, as what is understood and believed by now. Raises TooMany.

    `content_type` is the one it was kept under: it holds what the headers said.
    """
    kind = content_type.rpartition("kind=")[2]
    headers = dict.fromkeys(TOPIC_HEADERS, kind)
    return read(source=source, post=Post(headers=headers, body=raw))


@transaction.atomic
def store(*, source: Source, taken: Taken, at: datetime) -> list[Receipt]:
    """Store what a post came to, received at `at`; gives a receipt for each event in it."""
    UnusedMessage.objects.bulk_create(
        [_row(source, kept, at=at) for kept in taken.unused], ignore_conflicts=True
    )
    if not taken.messages:
        return []
    return ingest.store(source=source, messages=taken.messages, at=at)


def _read_part(
    source: Source, adapter: Adapter, post: Post, part: object, *, is_whole: bool
) -> Taken:
    """Read one message; it is kept as it came, or where it came with others, written alone."""
    raw = post.body if is_whole else validate.as_json(part).encode()
    fields = Fields(part)
    kind = adapter.kind(fields, post.headers)
    content_type = _content_type(source, kind)
    found = adapter.read(fields, post.headers)
    if fields.problems:
        whole = Message(raw=raw, content_type=content_type)
        problems = list(dict.fromkeys(fields.problems))
        return Taken((validate.refused(whole, problems),))
    unused = [each for each in found if isinstance(each, Unused)]
    told = [each for each in found if isinstance(each, Fact)]
    unused += [_unbelieved(each) for each in told if not _is_told(source, each.type)]
    return Taken(
        tuple(_message(each, raw, content_type) for each in told if _is_told(source, each.type)),
        tuple(Kept(each, raw, content_type) for each in unused),
    )


def _is_told(source: Source, type_: str) -> bool:
    """Tell whether a source's word counts; a type may be believed whole or by its beginning."""
    believed = (str(prefix).rstrip("*") for prefix in source.truth_for)
    return type_.startswith((_WEIGHED, *believed))


def _unbelieved(fact: Fact) -> Unused:
    return Unused(fact.type, f"This source is not believed for {fact.type}.")


def _message(fact: Fact, raw: bytes, content_type: str) -> Message:
    """Judge a fact by the schemas, and keep with it what it was read from."""
    return replace(validate.said(fact.envelope()), raw=raw, content_type=content_type)


def _content_type(source: Source, kind: str) -> str:
    """Write what the bytes are, so that they can be read again without their headers."""
    return f"application/json; format={source.signing_scheme}; kind={_plain(kind)}"


def _plain(kind: str) -> str:
    """Keep of a kind, which a header may have brought, what can be stored and shown."""
    return _UNFIT.sub("?", kind)[:64]


def _row(source: Source, kept: Kept, *, at: datetime) -> UnusedMessage:
    return UnusedMessage(
        source=source,
        kind=_plain(kept.unused.kind),
        why=kept.unused.why,
        fetch=kept.unused.fetch,
        raw=kept.raw,
        sha256=sha256(kept.raw).digest(),
        content_type=kept.content_type,
        received_at=at,
    )
