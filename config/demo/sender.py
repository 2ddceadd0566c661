"""Posts the systems' messages to the front door, signed as Standard Webhooks says."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from types import TracebackType
from typing import Self

import httpx2

from config.demo.telling import Delivery

_BATCH = 500
_AT_ONCE = 3  # systems that post at one time
_BATCH_TYPE = "application/cloudevents-batch+json"
_SINGLE_TYPE = "application/cloudevents+json"
_VERDICTS = {409, 422}  # on the messages in it
_TRIES, _MOST_WAIT_SECONDS = 40, 5.0


class NotAccepted(Exception):
    """The front door would not take a message, and asking again will not help."""


def sign(*, secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Make the three headers of Standard Webhooks for `body`; `secret` is `whsec_…`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def is_signed(*, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether `body` carries the signature of whoever shares our secret."""
    expected = sign(
        secret=secret,
        message_id=headers.get("webhook-id", ""),
        timestamp=int(headers.get("webhook-timestamp", "0")),
        body=body,
    )["webhook-signature"]
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(one.encode(), expected.encode()) for one in given)


class Sender:
    """One line to the product's front door, kept open."""

    def __init__(self, *, base_url: str, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._closing = threading.Event()
        self._systems = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="system")
        self._line = httpx2.Client(base_url=base_url, timeout=60.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._systems.shutdown(cancel_futures=True)
        self._line.close()

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """Post messages, batched by the system that sends them; systems do not wait for each other.

        Raises NotAccepted.
        """
        by_sender = sorted(deliveries, key=lambda delivery: delivery.sender)  # keeps their order
        waits = [
            self._systems.submit(self._send_all, sender, [delivery.body for delivery in group])
            for sender, group in groupby(by_sender, key=lambda delivery: delivery.sender)
        ]
        for wait in waits:
            wait.result()

    def _send_all(self, sender: str, bodies: Sequence[bytes]) -> None:
        for start in range(0, len(bodies), _BATCH):
            self.post_batch(sender, bodies[start : start + _BATCH])

    def post_batch(self, sender: str, bodies: Sequence[bytes]) -> None:
        """Post one batch of one system."""
        self._post(sender, b"[" + b",".join(bodies) + b"]", _BATCH_TYPE)

    def post(self, sender: str, body: bytes) -> None:
        """Post one message of one system."""
        self._post(sender, body, _SINGLE_TYPE)

    def _post(self, sender: str, body: bytes, content_type: str) -> None:
        """Post until it is taken: what was sent twice is known by its id.

        Raises NotAccepted on a refusal of the whole. That a message cannot be read, or that its id
        is taken, is no such refusal: some of the company's are meant to be like that.
        """
        message_id = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
        wait, reason = 0.1, ""
        for _ in range(_TRIES):
            headers = {"content-type": content_type} | sign(
                secret=self._secrets[sender],
                message_id=message_id,
                timestamp=int(time.time()),
                body=body,
            )
            try:
                answer = self._line.post(f"/ingest/{sender}/", content=body, headers=headers)
            except httpx2.TransportError as failure:
                reason = str(failure) or type(failure).__name__
            else:
                if answer.status_code < 300 or answer.status_code in _VERDICTS:  # noqa: PLR2004
                    return
                reason = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code < 500 and answer.status_code != 429:  # noqa: PLR2004
                    break
            if self._closing.wait(wait):
                break
            wait = min(wait * 2, _MOST_WAIT_SECONDS)
        raise NotAccepted(f"{sender} could not post: {reason}")
