"""A scratch database for one process: made by the owner role, used as the product, dropped."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from config.database import migrate

_ALIASES = ("default", "owner")


class NoScratch(Exception):
    """The owner role may not make a database; the message says why."""


@contextmanager
def scratch_database(*, name: str) -> Iterator[None]:
    """Have this process work on an empty database of its own, which is dropped whatever happens.

    Nothing of it reaches the installation's files: checkpoints are copied into a folder that
    goes with it, and write-backs may go to this machine. Raises NoScratch.
    """
    before = {alias: connections[alias].settings_dict["NAME"] for alias in _ALIASES}
    try:
        _as_owner("CREATE DATABASE {}", name, via=before["owner"])
    except psycopg.Error as failure:
        raise NoScratch(f"The owner role cannot make a scratch database: {failure}") from failure
    try:
        with tempfile.TemporaryDirectory() as folder, _settings(Path(folder)):
            _switch(dict.fromkeys(_ALIASES, name))
            migrate()
            connections["owner"].close()
            yield
    finally:
        _switch(before)
        # Waits some seconds for sessions that are ending; the owner may not end those of the other.
        _as_owner("DROP DATABASE {}", name, via=before["owner"])


@contextmanager
def _settings(folder: Path) -> Iterator[None]:
    """Change what must not be the installation's own."""
    names = ("AUDIT_ANCHOR_FILE", "RECON_ALLOW_LOCAL_TARGETS")
    before = {name: getattr(settings, name) for name in names}
    settings.AUDIT_ANCHOR_FILE = folder / "anchors.jsonl"
    settings.RECON_ALLOW_LOCAL_TARGETS = True
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def _switch(names: dict[str, str]) -> None:
    for alias, name in names.items():
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def _as_owner(statement: str, name: str, *, via: str) -> None:
    """Run a statement about a database while connected to another."""
    owner = connections["owner"].settings_dict
    conninfo = psycopg.conninfo.make_conninfo(
        dbname=via,
        user=owner["USER"] or None,
        password=owner["PASSWORD"] or None,
        host=owner["HOST"] or None,
        port=owner["PORT"] or None,
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
