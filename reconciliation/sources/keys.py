"""Keeps the keys that sign a source's messages: encrypted, two while one is being changed."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from reconciliation.encryption import decrypt, encrypt
from reconciliation.models import Source, SourceSecret
from reconciliation.sources import standard_webhooks

_IS_ACTIVE = Q(retired_at__isnull=True) | Q(retired_at__gt=Now())


def active_secrets(*, source_id: int) -> QuerySet[SourceSecret]:
    """Give the rows of the secrets that sign for a source now, without what they hold."""
    kept = SourceSecret.objects.filter(_IS_ACTIVE, source_id=source_id)
    return kept.defer("ciphertext").order_by("-pk")


def add(*, source: Source, at: datetime) -> str:
    """Make a secret of a source and give it, `whsec_…`: it is never shown again."""
    key = standard_webhooks.new_secret()
    ciphertext = encrypt(key, purpose=_purpose(source.pk))
    SourceSecret.objects.create(source=source, ciphertext=ciphertext, created_at=at)
    return standard_webhooks.write_secret(key)


def add_given(*, source: Source, secret: str, at: datetime) -> None:
    """Keep the secret that an outside system signs with, as it gave it."""
    ciphertext = encrypt(secret.encode(), purpose=_purpose(source.pk))
    SourceSecret.objects.create(source=source, ciphertext=ciphertext, created_at=at)


def active(*, source_id: int) -> tuple[bytes, ...]:
    """Give the keys that sign for a source now, newest first.

    A secret is retired by the true clock, as its signatures are.
    """
    kept = SourceSecret.objects.filter(_IS_ACTIVE, source_id=source_id)
    ciphertexts = kept.order_by("-pk").values_list("ciphertext", flat=True)
    return tuple(decrypt(each, purpose=_purpose(source_id)) for each in ciphertexts)


def _purpose(source_id: int) -> str:
    return f"secret of source {source_id}"
