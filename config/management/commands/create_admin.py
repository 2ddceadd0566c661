"""`manage.py create_admin`: the first person who can sign in to an empty product."""

import getpass
import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.people import CannotCreate, create_admin
from reconciliation import clock
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Makes an administrator."""

    help = "Make an administrator, who may then make everyone else. Asks for what is not given."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name; a password is never an argument, which others could see."""
        super().add_arguments(parser)
        parser.add_argument("--username", help="the name to sign in with")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for what is missing, then make the account."""
        username = options["username"] or _ask("Username: ")
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else _ask_twice()
        try:
            user = create_admin(
                username=username, password=password, by="command:create_admin", at=clock.now()
            )
        except CannotCreate as refusal:
            raise CommandError(str(refusal)) from refusal
        return {"username": user.username, "role": "Admin"}

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say who may sign in."""
        return f"{facts['username']} may sign in as Admin."


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise CommandError("Nobody to ask: give --username and --password-stdin.")
    return input(question).strip()


def _ask_twice() -> str:
    if not sys.stdin.isatty():
        raise CommandError("Nobody to ask: give --username and --password-stdin.")
    password = getpass.getpass()
    if getpass.getpass("Password again: ") != password:
        raise CommandError("The two passwords differ.")
    return password
