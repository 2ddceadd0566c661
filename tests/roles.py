"""The two roles that tests connect as, made where an outside server was named with one only."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

_ALIASES = ("default", "owner")
_Connection = psycopg.Connection[tuple[str, ...]]


def connect_as_owner(database: str) -> _Connection:
    """Connect past Django, which forbids the owner's connection inside a test."""
    owner = settings.DATABASES["owner"]
    parts = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {part: str(owner[name]) for part, name in parts.items() if owner[name]}
    conninfo = psycopg.conninfo.make_conninfo(dbname=database, **given)
    return psycopg.connect(conninfo, autocommit=True)


def recreate_database(name: str) -> None:
    """Make an empty database, as the owner role."""
    with connect_as_owner("postgres") as connection:
        _drop_database(connection, name)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@contextmanager
def two_roles(name: str) -> Iterator[None]:
    """Connect as an owner and an application role of this worker's own, made and removed here.

    DATABASE_URL alone names one role. Were it both, or a superuser, no test of a right would
    prove anything. Where two are named, or the bundled server has them, there is nothing to do.
    """
    given = {alias: dict(settings.DATABASES[alias]) for alias in _ALIASES}
    if given["default"]["USER"] != given["owner"]["USER"]:
        yield
        return
    with connect_as_owner("postgres") as connection:
        _drop_all(connection, name)
        for alias, options in (("default", "LOGIN"), ("owner", "LOGIN CREATEDB")):
            password = secrets.token_hex(16)
            _make_role(connection, f"{name}_{alias}", options, password)
            _connect_with(alias, {"USER": f"{name}_{alias}", "PASSWORD": password})
    yield
    for alias in _ALIASES:
        connections[alias].close()
        _connect_with(alias, {part: given[alias][part] for part in ("USER", "PASSWORD")})
    with connect_as_owner("postgres") as connection:
        _drop_all(connection, name)


def _connect_with(alias: str, parts: dict[str, object]) -> None:
    settings.DATABASES[alias] |= parts
    connections[alias].settings_dict |= parts


def _make_role(connection: _Connection, role: str, options: str, password: str) -> None:
    statement = sql.SQL("CREATE ROLE {} " + options + " PASSWORD {}")
    try:
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
    except psycopg.errors.InsufficientPrivilege as refusal:
        pytest.exit(
            "The tests need two roles: name the application's in DATABASE_URL and the owner's, "
            f"which may create databases, in OWNER_DATABASE_URL ({refusal})."
        )


def _drop_all(connection: _Connection, name: str) -> None:
    _drop_database(connection, name)
    for alias in _ALIASES:
        role = sql.Identifier(f"{name}_{alias}")
        found = connection.execute(
            "SELECT FROM pg_roles WHERE rolname = %s", [f"{name}_{alias}"]
        ).fetchone()
        if found is not None:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def _drop_database(connection: _Connection, name: str) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    connection.execute(statement.format(sql.Identifier(name)))
