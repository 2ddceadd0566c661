"""The key that signs the trail's seals, and the public keys that they are checked with."""

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audit.note import Verifier, read_verifier


class NoSigningKey(Exception):
    """No key is set to sign with; the message says how to set one."""


def signing_key() -> Ed25519PrivateKey:
    """Read the signing key from the settings; outside production make one on first use.

    Raises NoSigningKey in production without AUDIT_SIGNING_KEY, or if it is no Ed25519 key.
    """
    pem = settings.AUDIT_SIGNING_KEY.encode() or _kept(Path(settings.AUDIT_SIGNING_KEY_FILE))
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise NoSigningKey("AUDIT_SIGNING_KEY is not an Ed25519 key in PEM form.")
    return key


def verifiers() -> list[Verifier]:
    """Give the public keys that seals are checked with: the named ones, else our own.

    A process that only checks needs AUDIT_PUBLIC_KEYS and no signing key.
    """
    if settings.AUDIT_PUBLIC_KEYS:
        return [read_verifier(text) for text in settings.AUDIT_PUBLIC_KEYS]
    return [Verifier(settings.AUDIT_ORIGIN, signing_key().public_key())]


def _kept(path: Path) -> bytes:
    if not path.exists():
        if settings.IS_PRODUCTION:
            raise NoSigningKey("AUDIT_SIGNING_KEY is not set. Production needs it to seal.")
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(pem)
        with contextlib.suppress(FileExistsError):  # another process was first: its key holds
            path.hardlink_to(unfinished)
        unfinished.unlink()
    return path.read_bytes()
