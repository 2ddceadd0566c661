"""Senders that post all the time and remember what they were told is kept."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import httpx2

from config.demo.sender import sign

_BATCH = 20
_PATH = "/ingest/shop/"
_SINGLE, _SEVERAL = "application/cloudevents+json", "application/cloudevents-batch+json"
_KEPT = {"new", "seen"}
_LATER = 503
_PAUSE_SECONDS = 0.02


class Answer(NamedTuple):
    """When an answer came, and how long it took."""

    at: float
    seconds: float


class Load:
    """Posts orders and their confirmations, alone and in batches; what fails is sent again."""

    def __init__(self, *, base_url: str, secret: str, senders: int = 3) -> None:
        self._secret, self._senders = secret, senders
        self._base_url = base_url
        self._numbers = count(1)
        self._over = threading.Event()
        self.kept: list[str] = []  # ids of events that were acknowledged
        self.answers: list[Answer] = []
        self.odd: list[str] = []  # answers that no sender should see, whatever is killed

    @contextmanager
    def going(self) -> Iterator[None]:
        """Post from several threads until the block ends."""
        threads = [threading.Thread(target=self._send) for _ in range(self._senders)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _send(self) -> None:
        with httpx2.Client(base_url=self._base_url, timeout=20.0, trust_env=False) as line:
            while not self._over.is_set():
                number = next(self._numbers)
                size = _BATCH if number % 4 == 0 else 1
                self._send_until_kept(line, [f"{number}-{part}" for part in range(size)])

    def _send_until_kept(self, line: httpx2.Client, names: list[str]) -> None:
        """Post the same events until they are acknowledged."""
        events = [_event(name) for name in names]
        body = json.dumps(events if len(events) > 1 else events[0]).encode()
        while not self._over.is_set():
            try:
                answer = self._post(line, body, is_batch=len(events) > 1)
            except httpx2.TransportError:
                time.sleep(_PAUSE_SECONDS)
                continue
            if answer.status_code in {200, 202}:
                self.kept += _kept(answer.json())
                return
            if answer.status_code != _LATER:
                self.odd.append(f"{answer.status_code} {answer.text[:200]}")
            time.sleep(_PAUSE_SECONDS)

    def _post(self, line: httpx2.Client, body: bytes, *, is_batch: bool) -> httpx2.Response:
        signed = sign(
            secret=self._secret, message_id="msg_load", timestamp=int(time.time()), body=body
        )
        began = time.monotonic()
        headers = {"content-type": _SEVERAL if is_batch else _SINGLE, **signed}
        answer = line.post(_PATH, content=body, headers=headers)
        self.answers.append(Answer(time.monotonic(), time.monotonic() - began))
        return answer


def _event(name: str) -> dict[str, object]:
    """Write an order, or of an even number the confirmation of one, whichever comes first."""
    number = int(name.partition("-")[0])
    order = f"C-{number - number % 2}-{name.partition('-')[2]}"
    envelope = {
        "specversion": "1.0", "id": name, "source": "/shop", "time": "2026-03-02T09:00:00Z",
    }  # fmt: skip
    if number % 2 == 0:
        return {**envelope, "type": "order.confirmed", "data": {"order": order}}
    lines = [{"line": "1", "quantity": 1, "unit_minor": 1000, "fulfil": "ship"}]
    data = {"order": order, "currency": "EUR", "total_minor": 1000, "lines": lines}
    return {**envelope, "type": "order.created", "data": data}


def _kept(said: dict[str, object]) -> list[str]:
    results = said.get("results", [said])
    assert isinstance(results, list)
    return [str(each["id"]) for each in results if each["verdict"] in _KEPT]
