"""Signed notes as the C2SP specifies them: a text that people can read, and who signed it."""

import base64
import binascii
import hashlib
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_SIGNED_BY = "\u2014 "  # an em dash and a space begin a signature line


class BadNote(Exception):
    """The note cannot be read, or nobody we know has signed it."""


class Verifier(NamedTuple):
    """A public key and the name that it signs under."""

    name: str
    key: Ed25519PublicKey

    @property
    def key_id(self) -> bytes:
        """Give the four bytes that a signature names its key by."""
        named = self.name.encode() + b"\n" + _ED25519 + self.key.public_bytes_raw()
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        public = base64.b64encode(_ED25519 + self.key.public_bytes_raw()).decode()
        return f"{self.name}+{self.key_id.hex()}+{public}"


def read_verifier(text: str) -> Verifier:
    """Read a public key as `name+id+base64`. Raises BadNote if it is not one."""
    try:
        name, _, public = text.strip().split("+", 2)
        raw = base64.b64decode(public, validate=True)
        verifier = Verifier(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
    except (ValueError, binascii.Error) as refusal:
        raise BadNote(f"{text!r} is no public key of a note.") from refusal
    if raw[:1] != _ED25519 or str(verifier) != text.strip():
        raise BadNote(f"{text!r} is no public key of a note.")
    return verifier


def sign(text: str, *, name: str, key: Ed25519PrivateKey) -> str:
    """Give `text`, which ends with a line break, with the signature of `key` under it."""
    assert text.endswith("\n")
    key_id = Verifier(name, key.public_key()).key_id
    signature = base64.b64encode(key_id + key.sign(text.encode())).decode()
    return f"{text}\n{_SIGNED_BY}{name} {signature}\n"


def open_note(note: str, *, verifiers: list[Verifier]) -> str:
    """Give the text of a note that one of `verifiers` has signed. Raises BadNote otherwise."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise BadNote("The note has no signature.")
    text += "\n"
    for line in signatures.splitlines():
        if _is_signed(text, line, verifiers):
            return text
    raise BadNote("No known key has signed this note.")


def _is_signed(text: str, line: str, verifiers: list[Verifier]) -> bool:
    try:
        name, encoded = line.removeprefix(_SIGNED_BY).rsplit(" ", 1)
        signature = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return False
    for verifier in verifiers:
        if (verifier.name, verifier.key_id) == (name, signature[:4]):
            try:
                verifier.key.verify(signature[4:], text.encode())
            except InvalidSignature:
                continue
            return True
    return False
