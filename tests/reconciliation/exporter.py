"""A source that gives out its own records over HTTP, page by page, and misbehaves when told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconciliation.models import Event


@dataclass
class Exporter:
    """The records it holds, and how it answers: `behave` holds a status a call, used up in order.

    A status of 0 cuts the line, 1 answers something that is no JSON.
    """

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    behave: list[int] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def hold(self, event: Event, **data: object) -> dict[str, Any]:
        """Hold the record of an event that it has told, with some of its data another."""
        record = {
            "specversion": "1.0",
            "id": event.event_id,
            "source": event.sender,
            "type": event.type,
            "time": event.occurred_at.isoformat(),
            "data": {**event.data, **data},
        }
        self.events.append(record)
        return record

    def page(self, since: datetime, until: datetime, after: int) -> dict[str, Any]:
        """Give one page of the records in [since, until)."""
        inside = [
            event for event in self.events if since <= datetime.fromisoformat(event["time"]) < until
        ]
        ends = after + self.page_size
        return {
            "events": inside[after:ends],
            "next": str(ends) if ends < len(inside) else None,
        }


class _Handler(BaseHTTPRequestHandler):
    exporter: Exporter

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        self.exporter.asked.append(asked)
        self.exporter.headers.append({name.lower(): text for name, text in self.headers.items()})
        status = self.exporter.behave.pop(0) if self.exporter.behave else 200
        if status == 0:
            self.close_connection = True
            return
        since, until = (datetime.fromisoformat(asked[name][0]) for name in ("since", "until"))
        body = json.dumps(self.exporter.page(since, until, int(asked.get("after", ["0"])[0])))
        self.send_response(200 if status == 1 else status)
        self.end_headers()
        self.wfile.write(b"<html>" if status == 1 else body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        pass


@contextmanager
def serve(exporter: Exporter) -> Iterator[Exporter]:
    """Let `exporter` listen for as long as the block runs."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"exporter": exporter})
    )
    exporter.url = f"http://127.0.0.1:{server.server_address[1]}/export/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield exporter
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
