#!/usr/bin/env python
"""Django's command line, with the product's own commands."""

import json
import os
import signal
import sys

from django.core.management import execute_from_command_line

from config import embedded


def main(arguments: list[str]) -> None:
    """Run a command, with the bundled PostgreSQL there unless only help is asked for."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # A plain SIGTERM would skip the leave-taking from the bundled server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    is_help = not arguments[1:] or {"help", "--help", "-h", "--version"} & set(arguments)
    if embedded.is_bundled() and not is_help:
        try:
            embedded.ensure_postgres()
        except embedded.CannotStart as refusal:
            if "--json" in arguments:
                sys.stdout.write(json.dumps({"error": str(refusal)}) + "\n")
            sys.exit(str(refusal))
    execute_from_command_line(arguments)


if __name__ == "__main__":
    main(sys.argv)
