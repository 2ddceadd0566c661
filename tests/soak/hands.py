"""A worker in a process of its own: takes stages of the pipeline until it is killed."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import django
import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - only now can models be read
from django.db import OperationalError, connection, connections  # noqa: E402

from config.pipeline import STAGES  # noqa: E402
from tests.soak.crowd import AT  # noqa: E402

_IDLE_SECONDS = 0.02


def connect(database: Mapping[str, Any]) -> None:
    """Work on this database from now on."""
    settings.DATABASES["default"].update(database)
    connections["default"].settings_dict.update(database)


def work(database: Mapping[str, Any], names: Sequence[str], batch: int) -> None:
    """Take what these stages find, until killed or left behind."""
    parent = os.getppid()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    connect(database)
    stages = [stage for stage in STAGES if stage.name in names]
    while os.getppid() == parent:
        done = 0
        for stage in stages:
            try:
                done += stage.take(limit=batch, at=AT[stage.name])
            except OperationalError:  # a deadlock, or a database that recovers: it comes again
                connection.close()
        if not done:
            time.sleep(_IDLE_SECONDS)
