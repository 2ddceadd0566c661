"""What outside systems' own signature schemes share: headers as bytes, HMAC-SHA256, moments."""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from reconciliation.sources.standard_webhooks import TOLERANCE_SECONDS, BadSignature

_DIGITS = re.compile(rb"[0-9]{1,15}")
_LONGEST = 4_096


def header(headers: Mapping[str, str], name: str) -> bytes:
    """Give a header as the bytes that came. Raises BadSignature without it."""
    try:
        found = headers.get(name, "").encode("ascii")
    except UnicodeEncodeError as error:
        raise BadSignature from error
    if not found or len(found) > _LONGEST:
        raise BadSignature
    return found


def hex_digests(keys: Sequence[bytes], signed: bytes) -> list[bytes]:
    """Give what each key signs `signed` with, as hexadecimal text."""
    return [hmac.new(key, signed, sha256).hexdigest().encode() for key in keys]


def base64_digests(keys: Sequence[bytes], signed: bytes) -> list[bytes]:
    """Give what each key signs `signed` with, in base64."""
    return [base64.b64encode(hmac.new(key, signed, sha256).digest()) for key in keys]


def check(*, given: Sequence[bytes], expected: Sequence[bytes]) -> None:
    """Ask that one of the signatures given is one expected. Raises BadSignature.

    All pairs are compared, so that the time taken tells nothing.
    """
    fits = [hmac.compare_digest(one, other) for one in given for other in expected]
    if not any(fits):
        raise BadSignature


def check_moment(digits: bytes, *, now: int, per_second: int = 1) -> None:
    """Ask that a moment since 1970 is at most five minutes away. Raises BadSignature."""
    if not _DIGITS.fullmatch(digits):
        raise BadSignature
    if abs(now * per_second - int(digits)) > TOLERANCE_SECONDS * per_second:
        raise BadSignature
