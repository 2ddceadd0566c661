"""Sends the webhook of each thing the systems were told to do, a moment after they answered."""

import logging
import queue
import threading
import time
from typing import Any

from config.demo.sender import NotAccepted, Sender
from config.demo.telling import as_bytes

_AFTER_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Echoes:
    """A thread of its own, so that a product that is slow to listen delays no answer."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._due: queue.Queue[tuple[float, str, dict[str, Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send_all, name="echoes", daemon=True)
        self._thread.start()

    def add(self, slug: str, event: dict[str, Any]) -> None:
        """Have this sent soon."""
        self._due.put((time.monotonic() + _AFTER_SECONDS, slug, event))

    def close(self) -> None:
        """Send what is left, then stop."""
        self._due.put(None)
        self._thread.join()

    def _send_all(self) -> None:
        while (due := self._due.get()) is not None:
            moment, slug, event = due
            time.sleep(max(0.0, moment - time.monotonic()))
            try:
                self._sender.post(slug, as_bytes(event))
            except NotAccepted as refusal:
                _log.warning("webhook of %s was not taken: %s", slug, refusal)
