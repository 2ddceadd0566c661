"""Keeps personal fields apart from everything else, each person's under a key of their own."""

import hashlib
import hmac
import json
import os
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection

from reconciliation.encryption import decrypt, encrypt
from reconciliation.models import SubjectData

_KEPT = ("key", "company")  # of a customer, what stays in the event: nothing personal
_NONCE_BYTES = 12
_LONGEST_KEY = 64


class Person(NamedTuple):
    """One customer as a source tells of them."""

    key: str  # the pseudonym used everywhere else
    fields: Mapping[str, Any]


def pseudonym(key: str) -> str:
    """Give the name to use for a customer: the source's own, unless that is personal itself."""
    if "@" not in key and len(key) <= _LONGEST_KEY:
        return key
    digest = hmac.new(settings.MASTER_KEY.encode(), key.encode(), hashlib.sha256)
    return f"p-{digest.hexdigest()[:32]}"


def person_in(customer: Mapping[str, Any]) -> Person:
    """Take the personal fields out of what a source says of a customer."""
    personal = {name: value for name, value in customer.items() if name not in _KEPT}
    return Person(key=pseudonym(str(customer["key"])), fields=personal)


def stays(customer: Mapping[str, Any], *, erased: Container[str] = ()) -> dict[str, Any]:
    """Give what may stay of a customer in the event: of those `erased` the key alone."""
    key = pseudonym(str(customer["key"]))
    if key in erased:
        return {"key": key}
    return {**{name: value for name, value in customer.items() if name in _KEPT}, "key": key}


def keep(people: Sequence[Person]) -> set[str]:
    """Store each person's fields, the newest last. Gives who is erased, and stays so."""
    newest = {person.key: person for person in people if person.fields}
    if not newest:
        return set()
    known = dict(SubjectData.objects.filter(key__in=newest).values_list("key", "wrapped_key"))
    rows = [
        (key, *_seal(newest[key], known.get(key)))
        for key in sorted(newest)
        if key not in known or known[key] is not None
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reconciliation_subjectdata AS known (key, wrapped_key, ciphertext)
            SELECT * FROM unnest(%s::text[], %s::bytea[], %s::bytea[])
            ON CONFLICT (key) DO UPDATE SET ciphertext = excluded.ciphertext
            -- Another worker may have made the key, or the person have been erased meanwhile.
            WHERE known.wrapped_key = excluded.wrapped_key
            """,
            [[row[place] for row in rows] for place in range(3)],
        )
    return {key for key, wrapped_key in known.items() if wrapped_key is None}


def is_erased(key: str) -> bool:
    """Tell whether the person of this key was erased."""
    return SubjectData.objects.filter(key=key, erased_at__isnull=False).exists()


def fields_of(key: str) -> dict[str, Any]:
    """Read a person's fields; nothing for one who is unknown or erased."""
    known = SubjectData.objects.filter(key=key, wrapped_key__isnull=False).first()
    if known is None:
        return {}
    assert known.wrapped_key is not None
    own_key = decrypt(known.wrapped_key, purpose=_purpose(key))
    sealed = bytes(known.ciphertext)
    opened = AESGCM(own_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], key.encode())
    fields: dict[str, Any] = json.loads(opened)
    return fields


def _seal(person: Person, wrapped_key: bytes | memoryview | None) -> tuple[bytes, bytes]:
    """Encrypt a person's fields under their key, which is made on first sight."""
    purpose = _purpose(person.key)
    if wrapped_key is None:
        own_key = AESGCM.generate_key(bit_length=256)
        wrapped_key = encrypt(own_key, purpose=purpose)
    else:
        own_key = decrypt(wrapped_key, purpose=purpose)
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(dict(person.fields), default=str).encode()
    return bytes(wrapped_key), nonce + AESGCM(own_key).encrypt(nonce, plain, person.key.encode())


def _purpose(key: str) -> str:
    return f"subject-key:{key}"
