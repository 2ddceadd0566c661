"""`manage.py demo_users`: new passwords for the demo company's people."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError

from config.people import NotADemo, set_demo_passwords
from reconciliation import clock
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Sets new passwords and prints them, once."""

    help = "Set new random passwords for the demo company's people and print them."

    def act(self, _options: Mapping[str, Any]) -> dict[str, Any]:
        """Set the passwords."""
        try:
            people = set_demo_passwords(only_new=False, at=clock.now())
        except NotADemo as refusal:
            raise CommandError(str(refusal)) from refusal
        return {"people": [person._asdict() for person in people]}

    def words(self, facts: Mapping[str, Any]) -> str:
        """List role, name and password."""
        return "\n".join(
            f"{person['role']:<15} {person['username']:<9} {person['password']}"
            for person in facts["people"]
        )
