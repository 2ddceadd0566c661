"""Taking events in: over HTTP beside one ORM save a request, from a file beside COPY."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import StringIO
from itertools import groupby
from pathlib import Path
from uuid import uuid4

from django.core.management import call_command
from django.db import connection

from config.demo.sender import sign
from config.demo.telling import Delivery
from reconciliation.models import Event, Source
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.server import post_all, request, serving
from tests.benchmarks.workload import batches, rounds_of, settle_in

_BATCH = 500
_SAVES = 2_500  # a round, for one takes half a millisecond
_COLUMNS = (
    "source_id, sender, event_id, type, occurred_at, received_at, data, raw, sha256, reference,"
    " order_reference, status, reasons"
)
HTTP, SAVES = "HTTP, batches of 500", "one ORM save a request"
IMPORT, COPY = "import_events", "COPY of the same rows"


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Bring half of each round's events by HTTP, the other half from a file."""
    secrets = settle_in()
    with serving("config.wsgi") as door, serving("tests.benchmarks.orm_app") as peer:
        for number, told in enumerate(rounds_of(orders, rounds)):
            by_http, by_file = told[::2], told[1::2]
            measures: list[Callable[[], Rates]] = [
                partial(_by_http, door, by_http, secrets),
                partial(_by_saves, peer, by_http),
                partial(_by_file, by_file),
            ]
            # Each goes first in turn, so that a table that grows favours none.
            turn = number % len(measures)
            rates: dict[str, float] = {}
            for measure in measures[turn:] + measures[:turn]:
                rates |= measure()
            yield {what: rates[what] for what in (HTTP, SAVES, IMPORT, COPY)}


def _by_http(port: int, told: Sequence[Delivery], secrets: dict[str, str]) -> Rates:
    requests = [
        _batch(slug, batch, secrets[slug])
        for slug, group in groupby(sorted(told, key=_sender), key=_sender)
        for batch in batches(list(group), _BATCH)
    ]
    return {HTTP: len(told) / post_all(port=port, requests=requests, at_once=4)}


def _sender(delivery: Delivery) -> str:
    return delivery.sender


def _batch(slug: str, batch: Sequence[Delivery], secret: str) -> bytes:
    body = b"[" + b",".join(delivery.body for delivery in batch) + b"]"
    signed = sign(
        secret=secret, message_id=f"msg_{uuid4().hex}", timestamp=int(time.time()), body=body
    )
    return request(
        f"/ingest/{slug}/", body, {"content-type": "application/cloudevents-batch+json", **signed}
    )


def _by_saves(port: int, told: Sequence[Delivery]) -> Rates:
    """Save as another sender's, so that every event is new here, too."""
    source_id = Source.objects.get(slug="crm").pk
    requests = [
        request(f"/{source_id}/", delivery.body.replace(b"demo.example", b"orm.example"), {})
        for delivery in told[:_SAVES]
    ]
    return {SAVES: len(requests) / post_all(port=port, requests=requests, at_once=16)}


def _by_file(told: Sequence[Delivery]) -> Rates:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.ndjson")
        path.write_bytes(b"\n".join(delivery.body for delivery in told))
        newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
        began = time.perf_counter()
        call_command("import_events", str(path), source="shop", stdout=StringIO())
        took = time.perf_counter() - began
    return {IMPORT: len(told) / took, COPY: len(told) / _copy_again(newest)}


def _copy_again(newer_than: int) -> float:
    """Copy what was imported as another sender's; gives the seconds of the COPY alone."""
    chosen = _COLUMNS.replace("sender", "replace(sender, 'demo', 'copy')")
    out = f"COPY (SELECT {chosen} FROM reconciliation_event WHERE id > {newer_than}) TO STDOUT"
    connection.ensure_connection()
    with connection.cursor() as cursor:
        with cursor.copy(out) as copy:
            rows = b"".join(copy)
        began = time.perf_counter()
        with cursor.copy(f"COPY reconciliation_event ({_COLUMNS}) FROM STDIN") as copy:
            copy.write(rows)
        return time.perf_counter() - began


INGEST = Benchmark("events", play, (Goal(HTTP, SAVES, 10), Goal(IMPORT, COPY, 0.33)))
