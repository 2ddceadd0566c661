"""The self-check says what works, and says where it does not."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from audit import queries
from audit.record import record
from config.bench import Bench
from config.selfcheck import _seal
from tests.roles import connect_as_owner
from tests.world import NOON


@pytest.fixture(autouse=True)
def any_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let the command change databases, which no test's own transaction survives."""
    with django_db_blocker.unblock():
        yield


def scratch_databases() -> list[str]:
    """List those of this process; other workers may have theirs."""
    owner = connections["owner"].settings_dict
    with psycopg.connect(
        dbname=owner["NAME"],
        user=owner["USER"],
        host=owner["HOST"],
        port=owner["PORT"] or None,
        password=owner["PASSWORD"],
    ) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s",
            [f"recon_selfcheck_{os.getpid()}%"],
        )
        return [name for (name,) in found]


def answer_of_selfcheck() -> dict[str, object]:
    answer = StringIO()
    with suppress(SystemExit):  # the answer says why
        call_command("selfcheck", "--json", stdout=answer)
    found: dict[str, object] = json.loads(answer.getvalue())
    return found


def test_every_story_passes_and_the_scratch_database_is_gone() -> None:
    before = scratch_databases()

    answer = answer_of_selfcheck()

    assert answer["passed"], json.dumps(answer, indent=1)
    assert scratch_databases() == before


def test_a_story_that_breaks_is_named_with_its_reason_and_fails_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(bench: Bench) -> None:
        with bench.story("9 Story"), bench.step("Something happens"):
            raise LookupError("it did not")

    monkeypatch.setattr("config.selfcheck.tell_all", broken)
    answer = StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("selfcheck", stdout=answer)

    assert end.value.code == 1
    assert "FAILED  Something happens" in answer.getvalue()
    assert "it did not" in answer.getvalue()
    assert not scratch_databases()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_it_waits_for_a_transaction_that_holds_the_seal_up(tmp_path: Path) -> None:
    record(stream="system", subject_id=1, action="a", actor="b", at=NOON)
    elsewhere = connect_as_owner("postgres")
    elsewhere.execute("BEGIN; SELECT pg_current_xact_id()")
    record(stream="system", subject_id=1, action="b", actor="b", at=NOON)
    ending = threading.Timer(1, elsewhere.close)
    ending.start()

    with override_settings(AUDIT_SIGNING_KEY_FILE=tmp_path / "key.pem"):
        _seal(at=NOON)

    ending.join()
    assert queries.unsealed(at=NOON)[0] == 0
