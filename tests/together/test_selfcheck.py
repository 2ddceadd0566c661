"""The self-check says what works, and says where it does not."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from config.bench import Bench


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

    assert answer["passed"], answer
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
