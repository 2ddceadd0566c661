"""The Celery app and its timetable. Tasks are nudges: losing, repeating or delaying one is safe."""

import os
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from django.conf import settings
from django.db import DatabaseError, connection

from reconciliation import heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TICK_SECONDS = 5.0
_BEAT_SECONDS = 10.0

app = Celery("reconcile")
app.conf.update(
    broker_url=settings.REDIS_URL.replace("unix://", "redis+socket://", 1),
    broker_transport_options={
        "socket_timeout": 5,  # kombu's own default hangs for ever on a dead peer
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "visibility_timeout": 300,  # longer than the time limit of a task
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "global_keyprefix": "recon:",
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=120,
    task_soft_time_limit=100,
    task_ignore_result=True,
    result_backend=None,  # beat stops without a word on a dead result connection
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_soft_shutdown_timeout=10,
    worker_enable_soft_shutdown_on_idle=True,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_scheduler="config.celery:LivingScheduler",
    beat_schedule={
        "tick": {"task": "tick", "schedule": TICK_SECONDS, "options": {"expires": TICK_SECONDS}},
    },
    # A fresh connection for each task costs nearly three times the task.
    CELERY_DB_REUSE_MAX=100,
)
app.autodiscover_tasks()


class LivingScheduler(PersistentScheduler):
    """Celery's own scheduler, which writes down that it lives."""

    _beaten_at = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:  # noqa: ANN401 - as Celery has it
        """Send what is due, and beat from time to time; a database away does not stop the clock."""
        wait: float = super().tick(*args, **kwargs)
        moment = self.app.now().timestamp()
        if moment - self._beaten_at >= _BEAT_SECONDS:
            self._beaten_at = moment
            try:
                heartbeat.beat(component="beat")
            except DatabaseError:
                connection.close()
        return min(wait, _BEAT_SECONDS)
