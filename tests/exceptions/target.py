"""A system of record on this machine that takes write-backs, and misbehaves when told to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MADE = {
    "activate_subscription": ("subscription.activated", "subscription"),
    "deactivate_subscription": ("subscription.deactivated", "subscription"),
    "mark_fulfilled": ("fulfilment.recorded", "fulfilment"),
    "unmark_fulfilled": ("fulfilment.unrecorded", "fulfilment"),
    "post_payment": ("payment.posted", "posting"),
    "post_settlement": ("payment.posted", "posting"),
    "unpost_payment": ("payment.unposted", "posting"),
    "issue_invoice": ("invoice.issued", "invoice"),
    "void_invoice": ("invoice.voided", "invoice"),
    "credit_invoice": ("credit_note.issued", "credit_note"),
    "refund_payment": ("payment.refunded", "refund"),
    "cancel_order": ("order.cancelled", "cancellation"),
    "pay_seller": ("payout.paid", "payout"),
}


@dataclass
class Target:
    """What it was told to do, what it did, and how it behaves on the next calls.

    `behave` holds one word a POST, used up in order: act, drop, act_and_drop, act_and_500, 500,
    refuse, nonsense, slow, redirect, huge, silent (acts and answers without an event).
    """

    url: str = ""
    at: datetime | None = None
    behave: list[str] = field(default_factory=list)
    effects: list[tuple[str, str]] = field(default_factory=list)  # key, action
    calls: list[dict[str, Any]] = field(default_factory=list)
    look_ups: int = 0
    forgets: bool = False
    is_look_up_broken: bool = False
    done: dict[str, dict[str, Any]] = field(default_factory=dict)

    def act(self, key: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Do it once a key, as a good system does, unless keys are forgotten."""
        if key in self.done:
            return self.done[key]
        self.effects.append((key, asked["action"]))
        kind, name = MADE[asked["action"]]
        assert self.at is not None
        event = {
            "specversion": "1.0",
            "id": f"made-{key[:12]}",
            "source": "/target",
            "type": kind,
            "time": self.at.isoformat(),
            "data": {"order": asked["order"], name: f"M-{key[:8]}", **asked["payload"]},
        }
        answer = {"status": "done", "event": event}
        if not self.forgets:
            self.done[key] = answer
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: Target

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(body)
        key = self.headers["Idempotency-Key"]
        self.target.calls.append({"body": body, "headers": dict(self.headers.items()), **asked})
        word = self.target.behave.pop(0) if self.target.behave else "act"
        getattr(self, f"_{word}")(key, asked)

    def do_GET(self) -> None:
        self.target.look_ups += 1
        key = self.path.rpartition("/")[2]
        if self.target.is_look_up_broken:
            self._say(500, {})
        elif key in self.target.done:
            self._say(200, self.target.done[key])
        else:
            self._say(404, {"error": "never heard of it"})

    def _act(self, key: str, asked: dict[str, Any]) -> None:
        self._say(200, self.target.act(key, asked))

    def _silent(self, key: str, asked: dict[str, Any]) -> None:
        self.target.act(key, asked)
        self._say(200, {"status": "done"})

    def _drop(self, _key: str, _asked: dict[str, Any]) -> None:
        self.close_connection = True

    def _act_and_drop(self, key: str, asked: dict[str, Any]) -> None:
        self.target.act(key, asked)
        self.close_connection = True

    def _act_and_500(self, key: str, asked: dict[str, Any]) -> None:
        self.target.act(key, asked)
        self._say(500, {"error": "fell over after the act"})

    def _500(self, _key: str, _asked: dict[str, Any]) -> None:
        self._say(500, {})

    def _refuse(self, _key: str, _asked: dict[str, Any]) -> None:
        self._say(409, {"error": "the order is locked"})

    def _nonsense(self, key: str, asked: dict[str, Any]) -> None:
        self.target.act(key, asked)
        self._say(200, {"status": "error", "error": "cannot say"})

    def _slow(self, key: str, asked: dict[str, Any]) -> None:
        time.sleep(1.0)
        try:
            self._say(200, self.target.act(key, asked))
        except BrokenPipeError:
            self.close_connection = True

    def _redirect(self, _key: str, _asked: dict[str, Any]) -> None:
        self.send_response(302)
        self.send_header("Location", f"{self.target.url}elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _huge(self, key: str, asked: dict[str, Any]) -> None:
        self.target.act(key, asked)
        self._say(200, {"status": "done", "padding": "x" * 1_100_000})

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        pass


@contextmanager
def serve(target: Target) -> Iterator[Target]:
    """Let `target` listen for as long as the block runs."""
    handler = type("Handler", (_Handler,), {"target": target})
    server = _Server(("127.0.0.1", 0), handler)
    target.url = f"http://127.0.0.1:{server.server_address[1]}/writebacks/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
