"""The app that puts the product together: settings, pages' addresses, timetable, start-up."""

from django.apps import AppConfig

from config.celery import app as celery_app

__all__ = ["ConfigConfig", "celery_app"]  # the app must exist before a task is sent


class ConfigConfig(AppConfig):
    """Puts `manage.py up` and its relatives within reach."""

    name = "config"
