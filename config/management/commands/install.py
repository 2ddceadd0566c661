"""`manage.py install`: tables, rights, and what the product cannot work without."""

from collections.abc import Mapping
from typing import Any

from config.database import migrate
from config.install import install
from reconciliation import clock
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Brings a database up to date; safe to run again."""

    help = (
        "Bring the database up to date: migrate as the owner role, grant the application role its "
        "rights, and add roles, teams, calendars and rulebook version 1 where missing."
    )

    def act(self, _options: Mapping[str, Any]) -> dict[str, Any]:
        """Migrate and install."""
        migrate()
        install(at=clock.now())
        return {"installed": True}

    def words(self, _facts: Mapping[str, Any]) -> str:
        """Say that it is done."""
        return "The database is ready."
