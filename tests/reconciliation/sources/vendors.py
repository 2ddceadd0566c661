"""Outside systems for tests: each signs as the real one does, and posts what the real one would."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.http import HttpResponse
from django.test import Client

from reconciliation import strict
from reconciliation.connect import connect_native
from reconciliation.models import Source
from reconciliation.sources import FORMATS
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Fact, Post, Unused

SIGNER = "a-secret-of-the-vendor"
HOST = "testserver"


def sign(
    name: str, body: bytes, *, path: str = "/", signer: str = SIGNER, now: int
) -> dict[str, str]:
    """Sign a body as the system does that the format is named after."""
    key = signer.encode()
    in_base64 = base64.b64encode(hmac.digest(key, body, sha256)).decode()
    if name == "stripe":
        digest = hmac.digest(key, b"%d." % now + body, sha256).hex()
        return {"stripe-signature": f"t={now},v1={digest}"}
    if name == "hubspot":
        moment = str(now * 1_000)
        signed = f"POSThttps://{HOST}{path}".encode() + body + moment.encode()
        digest = base64.b64encode(hmac.digest(key, signed, sha256)).decode()
        return {"x-hubspot-signature-v3": digest, "x-hubspot-request-timestamp": moment}
    header = {
        "shopify": "x-shopify-hmac-sha256",
        "xero": "x-xero-signature",
        "woocommerce": "x-wc-webhook-signature",
    }[name]
    return {header: in_base64}


class Vendor:
    """One source that posts in its own format."""

    def __init__(self, name: str, *, at: datetime, truth_for: list[str] | None = None) -> None:
        self.name = name
        self.path = f"/ingest/{name}/"
        connect_native(
            slug=name,
            name=FORMATS[name].label,
            format_name=name,
            secret=SIGNER,
            team_slug="triage",
            truth_for=truth_for,
            by="service:test",
            at=at,
        )
        self.client = Client(raise_request_exception=True)

    @property
    def source(self) -> Source:
        """Read the source anew."""
        return Source.objects.get(slug=self.name)

    def post(
        self,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        topic: str = "",
        signer: str = SIGNER,
    ) -> HttpResponse:
        """Post a body, signed; given headers win over the signature's."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = sign(self.name, raw, path=self.path, signer=signer, now=int(time.time()))
        topics = {"x-shopify-topic": topic, "x-wc-webhook-topic": topic} if topic else {}
        return self.client.generic(  # type: ignore[return-value]
            "POST",
            self.path,
            raw,
            headers={"host": HOST, **signed, **topics, **(headers or {})},
            CONTENT_TYPE="application/json",
        )


def read(name: str, message: object, *, topic: str = "") -> list[Fact | Unused]:
    """Read one message that has nothing wrong with it."""
    found, problems = read_badly(name, message, topic=topic)
    assert problems == []
    return found


def read_badly(
    name: str, message: object, *, topic: str = ""
) -> tuple[list[Fact | Unused], list[tuple[str, str]]]:
    """Read a post; gives what it comes to, and everything that is wrong with it."""
    adapter = FORMATS[name].adapter
    assert adapter is not None
    headers = {"x-shopify-topic": topic, "x-wc-webhook-topic": topic}
    found, problems = [], []
    for part in adapter.split(strict.read(json.dumps(message)).value):
        fields = Fields(part)
        found += adapter.read(fields, headers)
        problems += [(problem.pointer, problem.detail) for problem in fields.problems]
    return found, problems


def facts(found: list[Fact | Unused]) -> list[tuple[str, dict[str, Any]]]:
    """Give the type and data of each fact, as they would be posted."""
    return [(each.type, each.envelope()["data"]) for each in found if isinstance(each, Fact)]


def post_of(body: bytes, headers: Mapping[str, str], address: str = "") -> Post:
    """Make a post as the front door does, whose headers are found in any case."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return Post(headers=lowered, body=body, address=address)
