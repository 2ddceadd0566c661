"""Prepares a database: tables by the owner role, and just the rights the product needs."""

from django.core.management import call_command
from django.db import connections

from config.embedded import APP

_GRANTS = f"""
GRANT USAGE ON SCHEMA public TO {APP};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP};
REVOKE UPDATE, DELETE ON audit_auditevent, audit_sealleaf, audit_checkpoint, audit_anchor FROM {APP};
"""


def migrate(*, verbosity: int = 0) -> None:
    """Bring the tables up to date as the owner role, then grant the application role its rights."""
    call_command("migrate", database="owner", verbosity=verbosity, interactive=False)
    with connections["owner"].cursor() as cursor:
        cursor.execute(_GRANTS)
