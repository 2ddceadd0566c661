"""Each system's own signature: known answers, what is refused, and that nothing is ever worse."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.sources import FORMATS
from reconciliation.sources.native import Post
from reconciliation.sources.standard_webhooks import BadSignature, read_secret
from tests.reconciliation.sources.vendors import HOST, post_of, sign

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "vectors" / "webhook_signatures.json"
SCHEMES = {"shopify-webhook": "shopify", "woocommerce-webhook": "woocommerce"}
NOW = 1_790_000_000
NAMES = [name for name, each in FORMATS.items() if not each.is_secret_ours]
BODY, KEY = b'{"id":1}', b"hush"
# Made once by openssl: what each system signs, under the key "hush".
KNOWN = {
    "stripe": {
        "stripe-signature": "t=1790000000,"
        "v1=eabea39067a153aafdd33d4caf786089a543940f9fd2355c5d34e3ee6003fcd0"
    },
    "shopify": {"x-shopify-hmac-sha256": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="},
    "xero": {"x-xero-signature": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="},
    "woocommerce": {"x-wc-webhook-signature": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="},
    "hubspot": {
        "x-hubspot-request-timestamp": "1790000000000",
        "x-hubspot-signature-v3": "QsY8jJ2e6VsHrGuI5UatitBSQ4DVF7Pfa2SciJPRO1Y=",
    },
}
ADDRESS = f"{HOST}/ingest/hub/?a=b"


def holds(name: str, post: Post, *, keys: tuple[bytes, ...] = (KEY,), now: int = NOW) -> bool:
    try:
        FORMATS[name].verify(post, keys=keys, now=now)
    except BadSignature:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_the_known_answer_comes_out(name: str) -> None:
    post = post_of(BODY, KNOWN[name], ADDRESS)

    assert holds(name, post)
    assert holds(name, post, keys=(b"an older one", KEY))
    assert not holds(name, post, keys=(b"another",))
    assert not holds(name, post, keys=())
    assert not holds(name, post_of(BODY + b" ", KNOWN[name], ADDRESS))


@pytest.mark.parametrize("name", ["stripe", "hubspot"])
@pytest.mark.parametrize(
    ("away", "verdict"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_a_moment_more_than_five_minutes_away_is_refused(
    name: str,
    away: int,
    verdict: bool,  # noqa: FBT001
) -> None:
    assert holds(name, post_of(BODY, KNOWN[name], ADDRESS), now=NOW + away) is verdict


@pytest.mark.parametrize(
    "moment", ["", "nan", "1e9", "1_790000000", "+1790000000", "١٧٩", "9" * 16]
)
def test_a_moment_that_is_none_is_refused(moment: str) -> None:
    digest = KNOWN["stripe"]["stripe-signature"].partition("v1=")[2]

    assert not holds("stripe", post_of(BODY, {"stripe-signature": f"t={moment},v1={digest}"}))
    headers = {**KNOWN["hubspot"], "x-hubspot-request-timestamp": moment}
    assert not holds("hubspot", post_of(BODY, headers, ADDRESS))


def test_hubspot_signs_the_address_that_was_called() -> None:
    assert not holds("hubspot", post_of(BODY, KNOWN["hubspot"], f"{HOST}/ingest/other/"))
    encoded = f"{HOST}/ingest/hub/?a=%62"
    assert holds("hubspot", post_of(BODY, KNOWN["hubspot"], encoded))


def test_an_old_version_of_stripe_s_signature_does_not_count() -> None:
    header = KNOWN["stripe"]["stripe-signature"].replace("v1=", "v0=")

    assert not holds("stripe", post_of(BODY, {"stripe-signature": header}))


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_of_one_system_does_not_sign_for_another(name: str) -> None:
    for other in NAMES:
        post = post_of(
            BODY, sign(other, BODY, path="/ingest/hub/?a=b", signer="hush", now=NOW), ADDRESS
        )
        assert holds(name, post) is (other == name)


HEADERS = st.dictionaries(
    st.sampled_from([name for headers in KNOWN.values() for name in headers]),
    st.text(max_size=80)
    | st.sampled_from(
        [
            "t=1790000000",
            "v1=",
            "t=1790000000,v1=é",
            ",",
            "=",
            "t=,v1=",
            "\x00",
            "====",
            "1790000000000",
        ]
    ),
)


@settings(max_examples=300)
@given(headers=HEADERS, body=st.binary(max_size=40), address=st.text(max_size=40))
def test_whatever_is_sent_is_a_bad_signature_and_nothing_else(
    headers: dict[str, str], body: bytes, address: str
) -> None:
    for name in NAMES:
        assert not holds(name, Post(headers=headers, body=body, address=address))


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors do not lie beside the project")
def test_the_collected_vectors_hold() -> None:
    vectors: list[dict[str, Any]] = json.loads(VECTORS.read_text())

    seen = set()
    for vector in vectors:
        name = SCHEMES.get(vector["scheme"], vector["scheme"])
        key = vector["secret"].encode()
        if FORMATS[name].is_secret_ours:
            key = read_secret(vector["secret"])
        post = post_of(vector["body"].encode(), vector["headers"])
        assert holds(name, post, keys=(key,), now=vector.get("now", NOW)) is vector["expect"], (
            vector["name"]
        )
        seen.add(name)
    assert seen >= {"standard-webhooks", "stripe", "shopify"}
