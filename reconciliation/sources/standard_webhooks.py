"""Signs and checks messages by Standard Webhooks (symmetric, `v1`), always on bytes.

Source: standardwebhooks.com, specification 1.0.0. A secret is written `whsec_` and base64.
"""

import base64
import binascii
import hmac
import re
import secrets as randomness
from collections.abc import Mapping, Sequence
from hashlib import sha256

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_SECRET_BYTES = 32
_MOST_SIGNATURES = 5
_LONGEST_ID = 255
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")


class BadSignature(Exception):
    """Nobody who holds a secret has sent this now. Senders are not told more."""


class BadSecret(Exception):
    """The text is not a secret of Standard Webhooks."""


def new_secret() -> bytes:
    """Make the key of a new secret."""
    return randomness.token_bytes(_SECRET_BYTES)


def write_secret(key: bytes) -> str:
    """Write a key as people and libraries exchange it."""
    return _PREFIX + base64.b64encode(key).decode()


def read_secret(text: str) -> bytes:
    """Read a secret, with or without its prefix and padding. Raises BadSecret."""
    body = text.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadSecret("A secret is whsec_ and base64.") from error
    if not key:
        raise BadSecret("The secret is empty.")
    return key


def sign(*, key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Give the headers that prove `body` to whoever holds `key`."""
    signature = base64.b64encode(_digest(key, message_id.encode(), b"%d" % timestamp, body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature.decode()}",
    }


def verify(*, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: int) -> None:
    """Check a message against every key, whichever fits. Raises BadSignature, never else.

    `headers` is looked up in lower case; `now` are true seconds since 1970.
    """
    message_id = _header(headers, "webhook-id")
    timestamp = _header(headers, "webhook-timestamp")
    if not message_id or len(message_id) > _LONGEST_ID or b"." in message_id:
        raise BadSignature
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature
    given = _signatures(_header(headers, "webhook-signature"))
    expected = [_digest(key, message_id, timestamp, body) for key in keys]
    # All pairs are compared, so that the time taken tells nothing.
    fits = [hmac.compare_digest(one, other) for one in given for other in expected]
    if not any(fits):
        raise BadSignature


def _header(headers: Mapping[str, str], name: str) -> bytes:
    try:
        return headers.get(name, "").encode("ascii")
    except UnicodeEncodeError as error:
        raise BadSignature from error


def _signatures(header: bytes) -> list[bytes]:
    """Read the digests of version `v1`; other versions are skipped."""
    parts = header.split(b" ")
    if len(parts) > _MOST_SIGNATURES:
        raise BadSignature
    found = []
    for part in parts:
        version, _, signature = part.partition(b",")
        if version == b"v1":
            try:
                found.append(base64.b64decode(signature, validate=True))
            except binascii.Error as error:
                raise BadSignature from error
    return found


def _digest(key: bytes, message_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    return hmac.new(key, b".".join((message_id, timestamp, body)), sha256).digest()
