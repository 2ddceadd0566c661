"""Whatever is posted to an adapter, the answer to it is no failure of ours."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation import ingest
from reconciliation.models import Event, RejectedEvent, UnusedMessage
from tests.reconciliation.sources.messages import EVERY
from tests.reconciliation.sources.vendors import Vendor
from tests.reconciliation.test_ingest_fuzz import NASTY, NASTY_BYTES, fuzz

pytestmark = pytest.mark.django_db

NAMES = ["stripe", "shopify", "hubspot", "xero", "woocommerce"]
TOPICS = st.sampled_from([topic for _, topic, _ in EVERY]) | st.text(
    st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=100
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "stripe-signature", "x-shopify-hmac-sha256", "x-hubspot-signature-v3",
            "x-xero-signature", "x-hubspot-request-timestamp", "x-wc-webhook-signature",
            "content-encoding", "host",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=40)
    | st.sampled_from(["t=1,v1=2", "v1=", "t=", "====", "9" * 30, "gzip"]),
    max_size=3,
)  # fmt: skip


@pytest.fixture
def vendors(installed: datetime, monkeypatch: pytest.MonkeyPatch) -> dict[str, Vendor]:
    monkeypatch.setattr(ingest, "MOST_REJECTIONS", 10**6)
    everything = ["payment.", "settlement.", "invoice.", "credit_note.", "return.", "payout."]
    return {name: Vendor(name, at=installed, truth_for=everything) for name in NAMES}


def holders(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Give every object and list that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from holders(inner)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Give a post with some places of it replaced, taken away, or broken as bytes."""
    name, topic, message = draw(st.sampled_from(EVERY))
    whole = [copy.deepcopy(message)]
    for _ in range(draw(st.integers(1, 3))):
        holder = draw(st.sampled_from(list(holders(whole))))
        key = draw(
            st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder)))
        )
        if draw(st.booleans()) or holder is whole:
            holder[key] = draw(NASTY)
        else:
            del holder[key]
    body = json.dumps(whole[0] if whole else None).encode()
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(NASTY_BYTES) + body[at + draw(st.integers(0, 2)) :]
    return name, topic, body


def kept(vendor: Vendor) -> int:
    return sum(
        model.objects.filter(source=vendor.source).count()
        for model in (Event, RejectedEvent, UnusedMessage)
    )


@fuzz(400)
@given(post=mutated())
def test_a_signed_post_is_always_taken_and_kept(
    vendors: dict[str, Vendor], post: tuple[str, str, bytes]
) -> None:
    name, topic, body = post

    response = vendors[name].post(body, topic=topic)

    assert response.status_code in {200, 202}
    if name != "xero" and json.loads(response.content)["total"]:
        assert kept(vendors[name])


@fuzz(200)
@given(post=mutated(), topic=TOPICS, headers=HEADERS)
def test_headers_of_any_kind_are_answered(
    vendors: dict[str, Vendor], post: tuple[str, str, bytes], topic: str, headers: dict[str, str]
) -> None:
    name, _, body = post

    response = vendors[name].post(body, topic=topic, headers=headers)

    assert response.status_code in {200, 202, 400, 401, 415}
