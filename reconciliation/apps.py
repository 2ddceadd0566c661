"""Django's name card of this app."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Names the app and the type of its keys."""

    name = "reconciliation"
    default_auto_field = "django.db.models.BigAutoField"
