"""Keeps secrets encrypted at rest: AES-256-GCM under a key derived from MASTER_KEY."""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_VERSION = b"\x01"  # of this layout: version, nonce, ciphertext with its tag
_NONCE_BYTES = 12


class CannotDecrypt(Exception):
    """The bytes were not encrypted for this purpose under this MASTER_KEY, or were changed."""


def encrypt(plain: bytes, *, purpose: str) -> bytes:
    """Encrypt bytes so that they decrypt only for the same `purpose`.

    The purpose names the row that holds them, so that ciphertexts cannot be swapped.
    """
    nonce = os.urandom(_NONCE_BYTES)
    cipher = _cipher(settings.MASTER_KEY)
    return _VERSION + nonce + cipher.encrypt(nonce, plain, purpose.encode())


def decrypt(encrypted: bytes | memoryview, *, purpose: str) -> bytes:
    """Give back what `encrypt` was given. Raises CannotDecrypt."""
    given = bytes(encrypted)
    nonce, ciphertext = given[1 : 1 + _NONCE_BYTES], given[1 + _NONCE_BYTES :]
    if given[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
        raise CannotDecrypt("The bytes are not in a known layout.")
    try:
        return _cipher(settings.MASTER_KEY).decrypt(nonce, ciphertext, purpose.encode())
    except InvalidTag as error:
        raise CannotDecrypt("The bytes were changed, or MASTER_KEY was.") from error


@lru_cache(maxsize=4)
def _cipher(master_key: str) -> AESGCM:
    key = HKDF(SHA256(), length=32, salt=None, info=b"reconcile at rest").derive(
        master_key.encode()
    )
    return AESGCM(key)
