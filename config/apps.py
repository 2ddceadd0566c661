"""The app that puts the product together: settings, pages' addresses, timetable, start-up."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Puts `manage.py up` and its relatives within reach."""

    name = "config"
