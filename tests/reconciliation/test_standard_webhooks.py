"""Signatures by Standard Webhooks: the official library is the oracle, and never fails us."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.sources import standard_webhooks as ours
from reconciliation.sources.standard_webhooks import BadSecret, BadSignature

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "vectors" / "webhook_signatures.json"
NOW = 1_614_265_330
KEY = ours.read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
ODD_TIMESTAMPS = (
    "", "nan", "1e9", "1_614265330", "+1614265330", " 1614265330", "1614265330.0", "١٦١٤٢٦٥٣٣٠",
    "9" * 13, "-1",
)  # fmt: skip


def holds(
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = BODY,
    keys: tuple[bytes, ...] = (KEY,),
    now: int = NOW,
) -> bool:
    given_headers = ours.sign(key=KEY, message_id=ID, timestamp=NOW, body=BODY)
    try:
        ours.verify(headers={**given_headers, **(headers or {})}, body=body, keys=keys, now=now)
    except BadSignature:
        return False
    return True


def test_the_published_constant_comes_out() -> None:
    assert ours.sign(key=KEY, message_id=ID, timestamp=NOW, body=BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": str(NOW),
        "webhook-signature": SIGNATURE,
    }


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors do not lie beside the project")
def test_the_collected_vectors_hold() -> None:
    vectors = [
        each for each in json.loads(VECTORS.read_text()) if each["scheme"] == "standard-webhooks"
    ]

    assert len(vectors) > 5
    for vector in vectors:
        verdict = True
        try:
            ours.verify(
                headers=vector["headers"],
                body=vector["body"].encode(),
                keys=(ours.read_secret(vector["secret"]),),
                now=vector["now"],
            )
        except BadSignature:
            verdict = False
        assert verdict is vector["expect"], vector["name"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"webhook-signature": f"v2,AAAA {SIGNATURE}"}, True),
        ({"webhook-signature": f"v1a,not-base64 {SIGNATURE}"}, True),
        ({"webhook-signature": " ".join(["v1,AAAA"] * 4 + [SIGNATURE])}, True),
        ({"webhook-signature": " ".join(["v1,AAAA"] * 5 + [SIGNATURE])}, False),
        ({"webhook-signature": ""}, False),
        ({"webhook-signature": "v1"}, False),
        ({"webhook-signature": "v1,"}, False),
        ({"webhook-signature": "v1,a,b"}, False),
        ({"webhook-signature": "v1,not base64"}, False),
        ({"webhook-signature": f"v1,é {SIGNATURE}"}, False),
        ({"webhook-signature": SIGNATURE.upper()}, False),
        ({"webhook-id": ""}, False),
        ({"webhook-id": "another"}, False),
        ({"webhook-id": "é"}, False),
        ({"webhook-id": "a.b"}, False),
        ({"webhook-id": "a" * 256}, False),
        *(({"webhook-timestamp": text}, False) for text in ODD_TIMESTAMPS),
    ],
)  # fmt: skip
def test_odd_headers(headers: Mapping[str, str], expected: bool) -> None:  # noqa: FBT001
    assert holds(headers=headers) is expected


@pytest.mark.parametrize(
    ("offset", "expected"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_a_message_is_good_for_five_minutes(offset: int, expected: bool) -> None:  # noqa: FBT001
    assert holds(now=NOW + offset) is expected


def test_every_active_key_may_sign() -> None:
    other = ours.new_secret()

    assert holds(keys=(other, KEY))
    assert not holds(keys=(other,))
    assert not holds(keys=())


@settings(deadline=None)
@given(st.integers(0, len(BODY) * 8 - 1))
def test_one_bit_changed_is_noticed(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8

    assert not holds(body=bytes(changed))


@settings(deadline=None)
@given(
    st.text("abc_-", min_size=1, max_size=20),
    st.text(max_size=80),
    st.binary(min_size=24, max_size=64),
)
def test_the_official_library_agrees(message_id: str, text: str, key: bytes) -> None:
    body = json.dumps({"text": text})
    oracle = standardwebhooks.Webhook(base64.b64encode(key).decode())
    now = int(datetime.now(UTC).timestamp())

    headers = ours.sign(key=key, message_id=message_id, timestamp=now, body=body.encode())

    assert headers["webhook-signature"] == oracle.sign(
        message_id, datetime.fromtimestamp(now, UTC), body
    )
    assert oracle.verify(body, headers) == {"text": text}


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.text(max_size=40) | st.sampled_from(["v1,", SIGNATURE, str(NOW), ID])
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        },
    )
)
def test_any_headers_are_good_or_bad_and_nothing_else(headers: dict[str, Any]) -> None:
    assert holds(headers=headers) in {True, False}


def test_a_secret_reads_as_it_was_written() -> None:
    key = ours.new_secret()

    assert len(key) == 32
    assert ours.read_secret(ours.write_secret(key)) == key
    assert ours.read_secret(ours.write_secret(key).removeprefix("whsec_").rstrip("=")) == key


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!", "whsec_é", "a"])
def test_what_is_no_secret_is_said(text: str) -> None:
    with pytest.raises(BadSecret):
        ours.read_secret(text)
