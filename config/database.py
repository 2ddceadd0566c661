"""Prepares a database: tables by the owner role, and just the rights the product needs."""

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from simple_history.models import HistoricalChanges

# Rows that are only ever added. Whoever may write one may still not change or remove it.
_TRAIL = ("audit_auditevent", "audit_sealleaf", "audit_checkpoint", "audit_anchor")
_VERSIONS = (
    "reconciliation_columnmapping",
    "exceptions_clockplan",
)  # what was used stays as it was

# What the product says of an audit row. Its id, transaction and true time are not its to say.
RECORDED = (
    "stream", "subject_id", "sequence", "action", "actor", "at", "from_state", "to_state",
    "reason", "cause_event_id", "rulebook_version", "body",
)  # fmt: skip

_GRANTS = """
GRANT USAGE ON SCHEMA public TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app};
REVOKE UPDATE, DELETE ON {append_only} FROM {app};
REVOKE INSERT ON audit_auditevent FROM {app};
GRANT INSERT ({recorded}) ON audit_auditevent TO {app};
"""


def migrate(*, verbosity: int = 0) -> None:
    """Bring the tables up to date as the owner role, then grant the application role its rights."""
    call_command("migrate", database="owner", verbosity=verbosity, interactive=False)


def append_only() -> tuple[str, ...]:
    """Name the tables whose rows are only ever added: the trail, versions, every history."""
    kept = (model for model in apps.get_models() if issubclass(model, HistoricalChanges))
    return (*_TRAIL, *_VERSIONS, *(model._meta.db_table for model in kept))


def grant() -> None:
    """Give the application role its rights on every table; nothing to do if it is the owner.

    Names the roles by how the two connections sign in, so any names will do.
    """
    app, owner = (str(settings.DATABASES[alias]["USER"]) for alias in ("default", "owner"))
    if app == owner:
        return
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            sql.SQL(_GRANTS).format(
                app=sql.Identifier(app),
                append_only=sql.SQL(", ").join(map(sql.Identifier, append_only())),
                recorded=sql.SQL(", ").join(map(sql.Identifier, RECORDED)),
            )
        )
