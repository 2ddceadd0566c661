"""Django's name card of this app."""

from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    """Names the app and the type of its keys."""

    name = "exceptions"
    default_auto_field = "django.db.models.BigAutoField"
