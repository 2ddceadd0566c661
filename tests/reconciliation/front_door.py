"""A sender for tests: a connected source, events, and signed posts to the front door."""

import json
import time
from datetime import datetime
from itertools import count
from typing import Any

from django.http import HttpResponse
from django.test import Client

from reconciliation.connect import connect
from reconciliation.models import Source
from reconciliation.sources import standard_webhooks

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_numbers = count(1)


class Sender:
    """One source that signs what it posts."""

    def __init__(self, *, at: datetime, slug: str = "shop", kind: str = "shop") -> None:
        self.slug = slug
        self.secret = connect(
            slug=slug,
            name=slug.capitalize(),
            kind=kind,
            team_slug="triage",
            by="service:test",
            at=at,
        )
        self.key = standard_webhooks.read_secret(self.secret)
        self.client = Client(raise_request_exception=True)

    @property
    def source(self) -> Source:
        """Read the source anew."""
        return Source.objects.get(slug=self.slug)

    def headers(self, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
        """Sign `body`."""
        return standard_webhooks.sign(
            key=self.key,
            message_id=f"msg_{next(_numbers)}",
            timestamp=int(time.time()) if timestamp is None else timestamp,
            body=body,
        )

    def post(
        self,
        body: bytes | dict[str, Any] | list[Any],
        *,
        content_type: str = STRUCTURED,
        headers: dict[str, str] | None = None,
        client: Client | None = None,
    ) -> HttpResponse:
        """Post one body, signed unless other headers are given."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = self.headers(raw)
        return (client or self.client).generic(  # type: ignore[return-value]
            "POST",
            f"/ingest/{self.slug}/",
            raw,
            headers={**signed, **(headers or {})},
            CONTENT_TYPE=content_type,  # also of an empty body
        )

    def post_batch(self, events: list[Any]) -> HttpResponse:
        """Post a batch."""
        return self.post(events, content_type=BATCH)


def confirmed(name: str = "e-1", order: str = "1001", **more: object) -> dict[str, Any]:
    """Write the smallest event: an order is confirmed."""
    return {
        "specversion": "1.0",
        "id": name,
        "source": "/shop",
        "type": "order.confirmed",
        "time": "2026-03-02T09:00:00Z",
        "data": {"order": order},
        **more,
    }


def said(response: HttpResponse) -> dict[str, Any]:
    """Read an answer."""
    found = json.loads(response.content)
    assert isinstance(found, dict)
    return found
