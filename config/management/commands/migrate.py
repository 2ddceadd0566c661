"""`manage.py migrate`: Django's own, as the owner role, then the product's rights."""

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as Migrate

from config.database import grant


class Command(Migrate):
    """Changes tables as the role that owns them; the product's own role may not."""

    help = f"{Migrate.help} Works as the owner role, then grants the application role its rights."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's arguments, with the owner's connection where none is named."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: object, **options: object) -> None:
        """Migrate, then grant."""
        super().handle(*args, **options)
        if options["database"] == "owner":
            grant()
