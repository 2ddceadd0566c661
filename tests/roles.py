"""The two roles that tests connect as, made where an outside server was named with one only."""

import secrets

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql


def connect_as_owner(database: str) -> psycopg.Connection[tuple[str, ...]]:
    """Connect past Django, which forbids the owner's connection inside a test."""
    owner = settings.DATABASES["owner"]
    conninfo = psycopg.conninfo.make_conninfo(
        dbname=database,
        user=owner["USER"],
        password=owner["PASSWORD"],
        host=owner["HOST"],
        port=owner["PORT"] or None,
    )
    return psycopg.connect(conninfo, autocommit=True)


def recreate_database(name: str) -> None:
    """Make an empty database, as the owner role."""
    with connect_as_owner("postgres") as connection:
        for statement in ("DROP DATABASE IF EXISTS {} WITH (FORCE)", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def make_two_roles(name: str) -> None:
    """Make an owner and an application role for this worker, and connect as them from now on.

    DATABASE_URL alone names one role. Were it both, or a superuser, no test of a right would
    prove anything. The database `name` of an earlier run goes with its roles.
    """
    with connect_as_owner("postgres") as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        for alias, options in (("owner", "LOGIN CREATEDB"), ("default", "LOGIN")):
            role, password = f"{name}_{alias}", secrets.token_hex(16)
            try:
                _make_role(connection, role, options, password)
            except psycopg.errors.InsufficientPrivilege as refusal:
                pytest.exit(
                    "The tests need two roles: name the application's in DATABASE_URL and the "
                    f"owner's, which may create databases, in OWNER_DATABASE_URL ({refusal})."
                )
            settings.DATABASES[alias] |= {"USER": role, "PASSWORD": password}
            connections[alias].settings_dict |= {"USER": role, "PASSWORD": password}


def _make_role(
    connection: psycopg.Connection[tuple[str, ...]], role: str, options: str, password: str
) -> None:
    name = sql.Identifier(role)
    connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
    statement = sql.SQL("CREATE ROLE {} " + options + " PASSWORD {}")
    connection.execute(statement.format(name, sql.Literal(password)))
