"""Django's name card of this app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Names the app and the type of its keys."""

    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"
