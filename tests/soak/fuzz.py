"""Tries the front door with requests that are nearly right: whatever comes, it has an answer."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.test import Client

from config.install import install
from reconciliation import ingest
from reconciliation.sources import standard_webhooks
from tests.reconciliation.front_door import Sender
from tests.reconciliation.sources.vendors import Vendor
from tests.soak.mutants import Maker, Mutant

_VENDORS = ("stripe", "shopify", "hubspot", "xero", "woocommerce")
_TRUTH = ["payment.", "settlement.", "invoice.", "credit_note.", "return.", "payout."]
_MOST_SHOWN = 20


@dataclass
class Outcome:
    """What the requests were answered, and those that failed, by number."""

    seed: int
    answers: Counter[int] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values."""
        return {
            "seed": self.seed,
            "requests": self.answers.total(),
            "answers": dict(sorted(self.answers.items())),
            "failures": dict(list(self.failures.items())[:_MOST_SHOWN]),
            "seconds": round(self.seconds, 1),
        }


def settle_in(*, at: datetime) -> Mapping[str, bytes]:
    """Connect a sender of every form; gives what signs for those of our own."""
    install(at=at)
    for name in _VENDORS:
        Vendor(name, at=at, truth_for=_TRUTH)
    return {"shop": standard_webhooks.read_secret(Sender(at=at).secret)}


def fuzz(*, requests: int, seed: int, keys: Mapping[str, bytes]) -> Outcome:
    """Send so many requests through Django's handler, to the database at hand."""
    outcome, began = Outcome(seed), time.monotonic()
    client = Client(raise_request_exception=False)
    before, ingest.MOST_REJECTIONS = ingest.MOST_REJECTIONS, 10**9
    try:
        for number, mutant in enumerate(Maker(keys=dict(keys), seed=seed).mutants(requests)):
            status = _send(client, mutant)
            outcome.answers[status] += 1
            if status >= 500:
                outcome.failures[number] = f"{status}: {mutant!r}"[:2_000]
    finally:
        ingest.MOST_REJECTIONS = before
    outcome.seconds = time.monotonic() - began
    return outcome


def _send(client: Client, mutant: Mutant) -> int:
    return client.generic(
        mutant.method,
        mutant.path,
        mutant.body,
        headers={"host": "testserver", **mutant.headers},
        CONTENT_TYPE=mutant.content_type,
    ).status_code
