"""Requests to the front door that are nearly right: every form, every type, broken somewhere."""

import copy
import gzip
import json
import time
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from reconciliation.sources import canonical, standard_webhooks
from tests.reconciliation.sources.messages import EVERY
from tests.reconciliation.sources.vendors import sign as sign_as_vendor

STRUCTURED = "application/cloudevents+json"
_MEDIA = [
    STRUCTURED, "application/cloudevents-batch+json", "application/json", "application/x-ndjson",
    "application/cloudevents+json; charset=utf-8", "application/json; charset=latin-1", "text/xml",
    "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/;", "",
    "a" * 300, "application/cloudevents+avro",
]  # fmt: skip
_TEXTS = [
    "", "\x00", "\ud800", "\ufeff", "1" * 5_000, "é" * 300, "order.created", "2026-02-30T00:00:00Z",
    "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "../../etc", "%00",
    "order.created.v9", "/schemas/order.created.v1", "NaN", "' OR 1=1 --", "\u202e", "😀",
]  # fmt: skip
_VALUES: list[Any] = [
    None, True, False, -1, 0, 2**31, 2**63 - 1, 2**63, 10**30, 0.5, 1e300, {}, [], [[]], {"": {}},
    [None] * 50, {"order": {"order": {"order": []}}},
]  # fmt: skip
_BYTES = [
    b"", b"\x00", b"\\u0000", b"\\ud800", b"\xff", b"NaN", b"1e400", b"9" * 5_000, b"{", b"]", b'"',
    b",", b'"id":"x",', b"\\", b"-0", b"[" * 7_000, b"\xef\xbb\xbf", b"\n", b"\r\n\r\n",
]  # fmt: skip
_HEADERS = [
    "ce-id", "ce-type", "ce-time", "ce-source", "ce-specversion", "ce-data", "ce-", "ce-dataschema",
    "webhook-id", "webhook-timestamp", "webhook-signature", "content-encoding", "content-length",
    "transfer-encoding", "host", "cookie", "expect", "x-forwarded-for", "stripe-signature",
    "x-shopify-topic", "x-shopify-hmac-sha256", "x-hubspot-signature-v3", "x-xero-signature",
    "x-hubspot-request-timestamp", "x-wc-webhook-signature", "x-wc-webhook-topic", "accept",
]  # fmt: skip
_SAID = [
    "", "1.0", "%00", "%ED%A0%80", "%", "gzip", "gzip, gzip", "identity", "deflate", "v1,", "v1,é",
    "v1,a v1,b,c", "t=1,v1=2", "9" * 30, "9" * 5_000, "-1", "1764000000.9", "176_4000000", "nan",
    "chunked", "order.confirmed", "2026-03-02T09:00:00Z", "\xa0", "\xff" * 40,
    "a" * 9_000, "localhost:99999",
]  # fmt: skip
_PATHS = ["", "x", "nobody", "shop/x", "%00", "..", "é", "a" * 300, "shop%2f", "SHOP"]
_METHODS = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"]


class Mutant(NamedTuple):
    """One request as it goes to the application."""

    method: str
    path: str
    content_type: str
    headers: dict[str, str]
    body: bytes


class Maker:
    """Makes requests, each from its own seed: a failure is made again by its number."""

    def __init__(self, *, keys: dict[str, bytes], seed: int) -> None:
        self._keys, self._seed = keys, seed  # source → what signs; vendors sign by their own secret
        self._types = sorted(canonical.types().items())

    def mutants(self, number: int) -> Iterator[Mutant]:
        """Make so many."""
        return (self.mutant(each) for each in range(number))

    def mutant(self, number: int) -> Mutant:
        """Make the request of this number."""
        rng = Random(f"{self._seed}/{number}")  # noqa: S311
        made = self._by_vendor(rng) if rng.random() < 0.25 else self._by_shop(rng)
        return self._twisted(made, rng)

    def _by_vendor(self, rng: Random) -> Mutant:
        """Have one of the systems with a format of their own post one of its messages."""
        name, topic, message = rng.choice(EVERY)
        body = _bent(_changed(copy.deepcopy(message), rng), rng)
        path = f"/ingest/{name}/"
        signed = sign_as_vendor(name, body, path=path, now=int(time.time()))
        topics = {"x-shopify-topic": topic, "x-wc-webhook-topic": topic} if topic else {}
        host = {"host": "testserver"}
        return Mutant("POST", path, "application/json", {**host, **signed, **topics}, body)

    def _by_shop(self, rng: Random) -> Mutant:
        """Have the shop post in one of the forms of CloudEvents over HTTP."""
        media, more, body = rng.choice((_structured, _binary, _batch, _lines))(self._types, rng)
        body = _bent(body, rng)
        if rng.random() < 0.2:
            body, more = gzip.compress(body, 1), {**more, "content-encoding": "gzip"}
            body = _bent(body, rng) if rng.random() < 0.3 else body
        signed = standard_webhooks.sign(
            key=self._keys["shop"],
            message_id=f"msg_{rng.randrange(10**9)}",
            timestamp=int(time.time()) + rng.choice([0, 0, 0, 0, 299, -299, 301, -(10**9)]),
            body=body,
        )
        return Mutant("POST", "/ingest/shop/", media, {**more, **signed}, body)

    def _twisted(self, made: Mutant, rng: Random) -> Mutant:
        """Now and then change what stands around the body, which is not signed."""
        if rng.random() < 0.15:
            made = made._replace(content_type=rng.choice(_MEDIA))
        if rng.random() < 0.03:
            made = made._replace(method=rng.choice(_METHODS))
        if rng.random() < 0.03:
            made = made._replace(path=f"/ingest/{rng.choice(_PATHS)}/")
        if rng.random() < 0.3:
            twisted = {rng.choice(_HEADERS): rng.choice(_SAID) for _ in range(rng.randint(1, 3))}
            made = made._replace(headers={**made.headers, **twisted})
        if rng.random() < 0.05:  # the body that was signed is not the one that comes
            made = made._replace(body=_cut(made.body, rng))
        return made


def _event(types: list[tuple[str, str]], rng: Random) -> dict[str, Any]:
    type_, schema = rng.choice(types)
    return {
        "specversion": "1.0",
        "id": f"e-{rng.randrange(10**7) if rng.random() < 0.7 else rng.randrange(5)}",
        "source": "/shop",
        "type": type_,
        "time": "2026-03-02T09:00:00Z",
        "data": copy.deepcopy(canonical.schemas()[schema]["examples"][0]),
    }


def _structured(types: list[tuple[str, str]], rng: Random) -> tuple[str, dict[str, str], bytes]:
    return STRUCTURED, {}, _written(_changed(_event(types, rng), rng))


def _batch(types: list[tuple[str, str]], rng: Random) -> tuple[str, dict[str, str], bytes]:
    events = [_changed(_event(types, rng), rng) for _ in range(rng.randint(0, 4))]
    return "application/cloudevents-batch+json", {}, _written(events)


def _lines(types: list[tuple[str, str]], rng: Random) -> tuple[str, dict[str, str], bytes]:
    events = [_changed(_event(types, rng), rng) for _ in range(rng.randint(0, 4))]
    return "application/x-ndjson", {}, b"\n".join(_written(event) for event in events)


def _binary(types: list[tuple[str, str]], rng: Random) -> tuple[str, dict[str, str], bytes]:
    event = _event(types, rng)
    data = _changed(event.pop("data"), rng)
    headers = {f"ce-{name}": str(value) for name, value in event.items()}
    if rng.random() < 0.3:
        headers[rng.choice(list(headers))] = rng.choice(_SAID)
    return "application/json", headers, _written(data)


def _changed(value: Any, rng: Random) -> Any:  # noqa: ANN401 - JSON
    """Replace, take away or double up to three places in a JSON value."""
    whole = [value]
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        holder = rng.choice(list(_holders(whole)))
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if rng.random() < 0.2 and holder is not whole:
            del holder[key]
        elif rng.random() < 0.1 and isinstance(holder, dict):
            holder[rng.choice(_TEXTS)] = holder[key]
        else:
            holder[key] = copy.deepcopy(rng.choice(rng.choice([_TEXTS, _VALUES])))
    return whole[0]


def _holders(value: object) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def _written(value: object) -> bytes:
    return json.dumps(value).encode()


def _bent(body: object, rng: Random) -> bytes:
    """Now and then put other bytes into a body."""
    raw = body if isinstance(body, bytes) else _written(body)
    for _ in range(rng.choice([0, 0, 0, 0, 1, 2])):
        at = rng.randint(0, len(raw))
        raw = raw[:at] + rng.choice(_BYTES) + raw[at + rng.randint(0, 12) :]
    return raw


def _cut(body: bytes, rng: Random) -> bytes:
    at = rng.randint(0, len(body))
    return rng.choice([body[:at], body[at:], body + body, b""])
