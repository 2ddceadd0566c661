"""The company's systems of record, as far as they can be told what to do.

Takes write-backs at `/<slug>/writebacks/`, does each once by its `Idempotency-Key`, answers with
the message that the system's own webhook brings, and sends that webhook too, a moment later. Like
real systems they refuse some, lose the line after acting on some, and forget some outright. What
some of them hold can be had at `/<slug>/export`.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from config.demo import truth
from config.demo.facts import Fact
from config.demo.records import BOOKS, Records
from config.demo.sender import is_signed
from config.demo.telling import Expected, cloud_event

_MOST_BYTES = 1024 * 1024
_GIVEN_UP_WITHIN = timedelta(hours=12)  # whoever was refused may ask a few times more

# What each action makes the system say, the id that this carries, and how such ids begin.
_MESSAGES = {
    "activate_subscription": ("subscription.activated", "subscription", "S"),
    "deactivate_subscription": ("subscription.deactivated", "subscription", "S"),
    "mark_fulfilled": ("fulfilment.recorded", "fulfilment", "F"),
    "unmark_fulfilled": ("fulfilment.unrecorded", "fulfilment", "F"),
    "post_payment": ("payment.posted", "posting", "JE"),
    "post_settlement": ("payment.posted", "posting", "JE"),
    "unpost_payment": ("payment.unposted", "posting", "JE"),
    "issue_invoice": ("invoice.issued", "invoice", "INV"),
    "void_invoice": ("invoice.voided", "invoice", "INV"),
    "credit_invoice": ("credit_note.issued", "credit_note", "CN"),
    "refund_payment": ("payment.refunded", "refund", "re"),
    "cancel_order": ("order.cancelled", "cancellation", "X"),
    "pay_seller": ("payout.paid", "payout", "PO"),
}

Event = dict[str, Any]
Clock = Callable[[], datetime]
Echo = Callable[[str, Event], None]


class Chances(NamedTuple):
    """How many of a thousand write-backs come to nothing good, and how."""

    refused: int
    lost: int  # done, and the answer does not come
    forgotten: int  # not done, and nobody knows of it


LIFELIKE = Chances(refused=20, lost=15, forgotten=15)


class Refused(Exception):
    """The system will not do it; the message goes to whoever asked."""


class LineLost(Exception):
    """Nothing comes back, whether it was done or not."""


class Systems:
    """All systems of one company: what each was asked, under which key, and what it did.

    What is done is written to `journal`, so that a
    restart forgets nothing that was not meant to be forgotten.
    """

    def __init__(
        self,
        *,
        seed: int,
        clock: Clock,
        echo: Echo,
        journal: Path,
        truth_path: Path,
        chances: Chances = LIFELIKE,
    ) -> None:
        self.chances = chances
        self._seed = seed
        self._clock = clock
        self._echo = echo
        self._journal = journal
        self._truth_path = truth_path
        self._lock = threading.Lock()
        self._done: dict[tuple[str, str], Event] = {}
        self._had_their_turn: set[tuple[str, str]] = set()
        for line in journal.read_text().splitlines() if journal.exists() else ():
            slug, key, event = json.loads(line)
            self._done[slug, key] = event

    def act(self, slug: str, key: str, asked: Mapping[str, Any]) -> Event:
        """Do what is asked, once per key; gives the message that says so.

        Raises Refused or LineLost, by the luck of the order and the action.
        """
        with self._lock:
            if (slug, key) in self._done:
                return self._done[slug, key]
            fate = self._fate(asked)
            if fate == "refused":
                self._refuse(asked)
            is_first = (slug, key) not in self._had_their_turn
            self._had_their_turn.add((slug, key))
            if is_first and fate == "forgotten":
                raise LineLost
            event = self._do(slug, key, asked)
            self._echo(slug, event)
            if is_first and fate == "lost":
                raise LineLost
            return event

    def done_by(self, slug: str) -> list[Event]:
        """List what one system did."""
        with self._lock:
            return [event for (system, _), event in self._done.items() if system == slug]

    def look_up(self, slug: str, key: str) -> Event | None:
        """Say what was done under a key; None if nothing is known of it."""
        with self._lock:
            return self._done.get((slug, key))

    def _fate(self, asked: Mapping[str, Any]) -> str:
        """Draw what becomes of it: always the same for the same order and action."""
        drawn = f"{self._seed}/{asked['order']}/{asked['action']}"
        number = int.from_bytes(hashlib.sha256(drawn.encode()).digest()[:4]) % 1000
        ends_at = accumulate(self.chances)
        fates = zip(self.chances._fields, ends_at, strict=True)
        return next((fate for fate, end in fates if number < end), "done")

    def _refuse(self, asked: Mapping[str, Any]) -> None:
        due_at = self._clock() + _GIVEN_UP_WITHIN
        expected = Expected(
            asked["order"], "writeback_failed", due_at, f"{asked['action']} refused"
        )
        truth.add(self._truth_path, [expected])
        raise Refused("the order is locked by another process")

    def _do(self, slug: str, key: str, asked: Mapping[str, Any]) -> Event:
        kind, id_name, prefix = _MESSAGES[asked["action"]]
        made_id = f"{prefix}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
        data = {"order": asked["order"], id_name: made_id} | asked["payload"]
        event = cloud_event(Fact(self._clock(), slug, kind, data))
        self._done[slug, key] = event
        with self._journal.open("a") as journal:
            journal.write(json.dumps([slug, key, event]) + "\n")
        return event


class SystemsServer(ThreadingHTTPServer):
    """Serves the systems on this machine only."""

    daemon_threads = True

    def __init__(
        self,
        *,
        port: int,
        systems: Systems,
        secrets: Mapping[str, str],
        records: Records | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.systems = systems
        self.records = records
        self.secrets = secrets


class _Handler(BaseHTTPRequestHandler):
    server: SystemsServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a write-back."""
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), _MOST_BYTES))
        slug, rest = self._address()
        secret = self.server.secrets.get(slug)
        if secret is None or rest:
            return self._say(HTTPStatus.NOT_FOUND, {"error": "no such system"})
        if not is_signed(secret=secret, headers=self.headers, body=body):  # type: ignore[arg-type]
            return self._say(HTTPStatus.UNAUTHORIZED, {"error": "the signature does not fit"})
        try:
            event = self.server.systems.act(slug, self.headers["idempotency-key"], json.loads(body))
        except Refused as refusal:
            return self._say(HTTPStatus.CONFLICT, {"error": str(refusal)})
        except LineLost:
            self.close_connection = True
            return None
        return self._say(HTTPStatus.OK, {"status": "done", "event": event})

    def do_GET(self) -> None:
        """Say what became of a key, or what the books hold."""
        where, _, query = self.path.partition("?")
        slug, _, rest = where.strip("/").partition("/")
        if rest == "export":
            return self._give_out(slug, query)
        slug, key = self._address()
        event = self.server.systems.look_up(slug, key)
        if event is None:
            return self._say(HTTPStatus.NOT_FOUND, {"error": "never heard of it"})
        return self._say(HTTPStatus.OK, {"status": "done", "event": event})

    def _give_out(self, slug: str, query: str) -> None:
        """Give out what a system holds of the stretch of time that is asked for."""
        secret, records = self.server.secrets.get(slug), self.server.records
        if secret is None or records is None or slug not in BOOKS:
            return self._say(HTTPStatus.NOT_FOUND, {"error": "no such books"})
        if not is_signed(secret=secret, headers=self.headers, body=query.encode()):  # type: ignore[arg-type]
            return self._say(HTTPStatus.UNAUTHORIZED, {"error": "the signature does not fit"})
        asked = dict(parse_qsl(query))
        since, until = (datetime.fromisoformat(asked[name]) for name in ("since", "until"))
        page = records.page(slug, since, until, int(asked.get("after", "0")))
        return self._say(HTTPStatus.OK, page)

    def _address(self) -> tuple[str, str]:
        """Split `/<slug>/writebacks/<key>` into slug and key."""
        slug, _, rest = self.path.strip("/").partition("/writebacks")
        return slug, rest.strip("/")

    def _say(self, status: HTTPStatus, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Stay quiet: the product logs every try."""
