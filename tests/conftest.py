"""What every test stands on: a real PostgreSQL, and the role that the product works as."""

import os

from config import embedded

if embedded.is_bundled():  # before Django reads its settings
    embedded.ensure_postgres()

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as properties
from pytest_django import DjangoDbBlocker

from config.database import migrate
from config.install import install
from tests.roles import connect_as_owner, recreate_database, two_roles

LONGEST = {"benchmarks", "chaos", "soak", "together"}  # folders of tests

# Properties say what must stay true, not how fast: benchmarks do, and a busy machine is no bug.
properties.register_profile(
    "calm", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
properties.load_profile("calm")


def pytest_xdist_auto_num_workers() -> int:
    """Take one worker more than there are cores: who waits for a killed process needs none."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left with it while the others idle."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def allow_truncate() -> None:
    """Switch off the guards against TRUNCATE in the test database: tests empty it in between."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname)"
            " FROM pg_trigger WHERE tgname LIKE '%_no_truncate'"
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make this worker's database as the owner; the tests then connect as the application."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with django_db_blocker.unblock(), two_roles(name):
        recreate_database(name)
        for alias in ("default", "owner"):
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = name
            settings.DATABASES[alias]["NAME"] = name
        migrate()
        allow_truncate()
        connections["owner"].close()
        with django_db_blocker.block():
            yield
        connections["default"].close()


@pytest.fixture
def installed(db: None) -> datetime:
    """Give a database as the installer leaves it, and the moment that it was installed at."""
    at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, 9:00 in Berlin
    install(at=at)
    return at


def empty_all_tables(_self: object = None) -> None:
    """Empty the tables as the owner: the application role may not, and must not."""
    with connect_as_owner(str(settings.DATABASES["owner"]["NAME"])) as connection:
        found = connection.execute(
            "SELECT string_agg(format('%I', tablename), ', ') FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename NOT IN ('django_migrations',"
            " 'django_content_type', 'auth_permission')"
        ).fetchone()
        assert found is not None
        connection.execute(f"TRUNCATE {found[0]} RESTART IDENTITY")


TransactionTestCase._fixture_teardown = empty_all_tables  # type: ignore[attr-defined]
