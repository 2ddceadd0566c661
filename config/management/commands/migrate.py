"""`manage.py migrate`: Django's own, as the owner role, then the product's rights."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from config.database import grant


class Command(Migrate):
    """Changes tables as the role that owns them; the product's own role may not."""

    help = f"{Migrate.help} Works as the owner role, then grants the application role its rights."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments, with the owner's connection where none is named."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def handle(self, *args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Migrate, then grant."""
        if not options.get("json"):
            self._migrate(*args, **options)
            return
        recorder = MigrationRecorder(connections[options["database"]])
        before = set(recorder.applied_migrations())
        try:
            self._migrate(*args, **options | {"verbosity": 0})
        except CommandError as failure:
            self.stdout.write(json.dumps({"error": str(failure)}))
            raise
        applied = sorted(set(recorder.applied_migrations()) - before)
        self.stdout.write(json.dumps({"applied": [f"{app}.{name}" for app, name in applied]}))

    def _migrate(self, *args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        super().handle(*args, **options)
        if options["database"] == "owner":
            grant()
