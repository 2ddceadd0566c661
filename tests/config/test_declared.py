"""What models declare of keys and indexes stands in the database, whatever migrations did since."""

import pytest
from django.apps import apps
from django.db import connection

OURS = ("audit", "exceptions", "reconciliation")


@pytest.mark.django_db
def test_every_constraint_and_index_that_a_model_declares_is_in_the_database() -> None:
    declared = {
        each.name
        for label in OURS
        for model in apps.get_app_config(label).get_models()
        for each in (*model._meta.constraints, *model._meta.indexes)
    }

    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class UNION SELECT conname FROM pg_constraint")
        known = {name for (name,) in cursor.fetchall()}

    assert declared - known == set()
