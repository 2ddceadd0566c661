"""`manage.py migrate`: Django's own, as the owner role, then the product's rights."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config.database import grant

_OURS = ("audit", "exceptions", "reconciliation")
# With all that came before the tables were created at once, a database is as 0001 makes it.
_AS_0001 = {
    ("audit", "0003_guards"),
    ("exceptions", "0014_queue_sorts"),
    ("reconciliation", "0027_search"),
}


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
        _refuse_another_version(options["database"])
        super().handle(*args, **options)
        if options["database"] == "owner" and options.get("migration_name") != "zero":
            grant()


def _refuse_another_version(database: str) -> None:
    loader = MigrationLoader(connections[database])
    applied = loader.applied_migrations.keys()
    strange = sorted(each for each in applied - loader.disk_migrations.keys() if each[0] in _OURS)
    if strange and not applied >= _AS_0001:
        app, name = strange[-1]
        raise CommandError(
            f"Another version of the product made this database: its migration {app}.{name} is"
            " unknown here. Run that version, or begin with an empty database; nothing was changed."
        )
