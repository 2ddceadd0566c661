"""Outside systems, and the secrets that tell their messages from anyone else's."""

from typing import ClassVar

from django.db import models
from simple_history.models import HistoricalRecords

from reconciliation.models.teams import Team


class Source(models.Model):
    """An outside system that sends facts and may take corrections."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=64, unique=True)
    # crm, shop, payments, billing, carrier, subscriptions, marketplace, bank, internal
    kind = models.CharField(max_length=16)
    owner_team = models.ForeignKey(Team, on_delete=models.PROTECT)
    truth_for = models.JSONField(default=list)  # event types it is believed for, as prefixes
    signing_scheme = models.CharField(max_length=32, default="standard-webhooks")
    expected_gap_seconds = models.IntegerField(null=True)
    dedupe_window_seconds = models.IntegerField(default=86_400)
    parks_for_seconds = models.IntegerField(default=172_800)
    writeback_url = models.URLField(blank=True, default="")
    is_paused = models.BooleanField(default=False)
    listening_since = models.DateTimeField(null=True)  # connected, or resumed; silence counts on
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name


class SourceSecret(models.Model):
    """One signing secret, encrypted; two may be valid while it is being changed."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="secrets")
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["source", "retired_at"], name="secret_active")]

    def __str__(self) -> str:
        return f"secret of {self.source}"


class SourceRhythm(models.Model):
    """How a source speaks through the week, as last learnt; see `reconciliation.rhythm`."""

    source = models.OneToOneField(
        Source, on_delete=models.CASCADE, primary_key=True, related_name="rhythm"
    )
    learnt_at = models.DateTimeField()
    learnt = models.JSONField(null=True)  # the fields of `Rhythm`; null: too little is known

    def __str__(self) -> str:
        return f"rhythm of {self.source}"
