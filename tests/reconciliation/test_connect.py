"""Connecting a source: who may sign, what is kept of the secret, and who did it."""

import json
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import AuditEvent
from reconciliation.connect import CannotConnect, connect, connect_native
from reconciliation.encryption import CannotDecrypt, decrypt, encrypt
from reconciliation.management.commands import connect_source
from reconciliation.models import Source, SourceSecret
from reconciliation.sources import FORMATS, keys, standard_webhooks

GIVEN: dict[str, Any] = {
    "slug": "shop", "name": "Shop", "kind": "shop", "team_slug": "fulfilment-ops", "by": "ada",
}  # fmt: skip


@pytest.mark.django_db
def test_a_source_is_made_with_its_secret_and_a_trail(installed: datetime) -> None:
    secret = connect(**GIVEN, at=installed)

    source = Source.objects.get(slug="shop")
    row = AuditEvent.objects.get(stream="source", subject_id=source.pk)
    assert keys.active(source_id=source.pk) == (standard_webhooks.read_secret(secret),)
    assert (source.truth_for, source.owner_team.slug) == (["order."], "fulfilment-ops")
    assert (row.action, row.actor, row.at) == ("source.connected", "ada", installed)
    assert source.history.count() == 1


@pytest.mark.django_db
def test_the_secret_is_kept_nowhere_in_the_clear(installed: datetime) -> None:
    secret = connect(**GIVEN, at=installed)

    body = secret.removeprefix("whsec_").encode()
    kept = bytes(SourceSecret.objects.get().ciphertext)
    assert standard_webhooks.read_secret(secret) not in kept
    assert all(body not in bytes(row.body) for row in AuditEvent.objects.all())


@pytest.mark.django_db
def test_a_secret_moved_to_another_source_does_not_decrypt(installed: datetime) -> None:
    connect(**GIVEN, at=installed)
    connect(**{**GIVEN, "slug": "crm", "name": "CRM", "kind": "crm"}, at=installed)
    crm = Source.objects.get(slug="crm")

    SourceSecret.objects.filter(source__slug="shop").update(source=crm)

    with pytest.raises(CannotDecrypt):
        keys.active(source_id=crm.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"slug": "a b"}, "slug may hold"),
        ({"slug": "a" * 51}, "50 characters"),
        ({"name": ""}, "1 to 64"),
        ({"kind": "internal"}, "kind is one of"),
        ({"team_slug": "nobody"}, "no team 'nobody'; there are: customer-ops"),
        ({"writeback_url": "file:///etc/passwd"}, "full http or https address"),
        ({"slug": "reconcile"}, "already"),
        ({"name": "Reconciliation"}, "already"),
    ],
)
def test_what_cannot_be_connected_is_said(
    installed: datetime, change: dict[str, str], why: str
) -> None:
    with pytest.raises(CannotConnect, match=why):
        connect(**{**GIVEN, **change}, at=installed)

    assert Source.objects.count() == 1


@pytest.mark.django_db
def test_the_command_prints_the_secret_once(installed: datetime) -> None:
    out = StringIO()
    given = ["shop", "--name", "Shop", "--kind", "shop", "--team", "triage"]

    call_command("connect_source", *given, "--truth-for", "order.created", "--json", stdout=out)

    said = json.loads(out.getvalue())
    source = Source.objects.get(slug="shop")
    assert said["address"] == "/ingest/shop/"
    assert keys.active(source_id=source.pk) == (standard_webhooks.read_secret(said["secret"]),)
    assert source.truth_for == ["order.created"]
    with pytest.raises(CommandError, match="already"):
        call_command("connect_source", *given, stdout=StringIO())


@pytest.mark.django_db
def test_a_system_s_own_secret_is_taken_from_a_file_and_never_printed(
    installed: datetime, tmp_path: Path
) -> None:
    out, file = StringIO(), tmp_path / "secret"
    file.write_text(" whsec_of_the_vendor\n")
    given = ["pay", "--name", "Pay", "--format", "stripe", "--team", "triage", "--json"]

    call_command("connect_source", *given, "--secret-file", str(file), stdout=out)

    source = Source.objects.get(slug="pay")
    row = AuditEvent.objects.get(stream="source", subject_id=source.pk)
    assert json.loads(out.getvalue()) == {"slug": "pay", "address": "/ingest/pay/"}
    assert keys.active(source_id=source.pk) == (b"whsec_of_the_vendor",)
    assert (source.kind, source.signing_scheme) == ("payments", "stripe")
    assert source.truth_for == list(FORMATS["stripe"].truth)
    assert b"of_the_vendor" not in bytes(row.body) + bytes(SourceSecret.objects.get().ciphertext)


@pytest.mark.django_db
def test_a_secret_is_asked_for_unseen(installed: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_source, "getpass", lambda _prompt: "typed-by-hand")

    call_command(
        "connect_source", "hub", "--name", "Hub", "--format", "hubspot", "--team", "triage",
        stdout=StringIO(),
    )  # fmt: skip

    source = Source.objects.get(slug="hub")
    assert keys.active(source_id=source.pk) == (b"typed-by-hand",)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "typed", "why"),
    [
        (["--format", "stripe"], "short", "8 to 512 characters"),
        (["--format", "stripe"], "", "8 to 512 characters"),
        (["--format", "stripe"], "a\x00" * 8, "printable"),
        (["--format", "stripe", "--kind", "shop"], "long-enough", "leave out --kind"),
        (
            ["--format", "stripe", "--writeback-url", "https://a.example"],
            "long-enough",
            "leave out",
        ),
        (["--format", "stripe", "--secret-file", "/nowhere"], "long-enough", "cannot be read"),
        ([], "long-enough", "Say its kind"),
    ],
)
def test_what_cannot_be_connected_in_its_own_format_is_said(
    installed: datetime, monkeypatch: pytest.MonkeyPatch, options: list[str], typed: str, why: str
) -> None:
    monkeypatch.setattr(connect_source, "getpass", lambda _prompt: typed)
    before = Source.objects.count()

    with pytest.raises(CommandError, match=why):
        call_command(
            "connect_source",
            "pay",
            "--name",
            "Pay",
            "--team",
            "triage",
            *options,
            stdout=StringIO(),
        )

    assert Source.objects.count() == before


@pytest.mark.django_db
def test_our_own_format_takes_no_secret_of_theirs(installed: datetime) -> None:
    with pytest.raises(CannotConnect, match="The format is one of stripe"):
        connect_native(
            slug="pay", name="Pay", format_name="standard-webhooks", secret="long-enough",  # noqa: S106
            team_slug="triage", by="ada", at=installed,
        )  # fmt: skip


def test_what_is_encrypted_decrypts_for_its_purpose_only() -> None:
    encrypted = encrypt(b"plain", purpose="one")

    assert decrypt(encrypted, purpose="one") == b"plain"
    assert encrypt(b"plain", purpose="one") != encrypted
    for changed, purpose in (
        (encrypted, "two"),
        (encrypted[:-1], "one"),
        (b"\x02" + encrypted[1:], "one"),
        (b"", "one"),
    ):
        with pytest.raises(CannotDecrypt):
            decrypt(changed, purpose=purpose)


def test_another_master_key_does_not_decrypt(settings: Settings) -> None:
    encrypted = encrypt(b"plain", purpose="one")
    settings.MASTER_KEY = "another"

    with pytest.raises(CannotDecrypt):
        decrypt(encrypted, purpose="one")
