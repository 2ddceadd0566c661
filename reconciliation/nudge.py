"""Tells the workers that there may be work. Rows are the work: a nudge may be lost or repeated."""

import time
from functools import cache, partial

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

_TIMEOUT_SECONDS = 1.0  # for a connection and for an answer: a dead broker costs a request 2 s
_PAUSE_SECONDS = 5.0  # how long a broker that did not answer is left alone
_PENDING_SECONDS = 5  # a nudge that was lost in a worker is forgotten after this
_log = structlog.get_logger(__name__)
_away = {"until": 0.0}


def after_commit(*stages: str) -> None:
    """Nudge these stages once the transaction at work is in the database."""
    transaction.on_commit(partial(nudge, *stages), robust=True)


def nudge(*stages: str) -> None:
    """Ask the workers to run these stages now, unless that is asked already.

    Never raises and never waits longer than 2 s: without a broker the work is found a little
    later, by the timetable or by `manage.py sweep`.
    """
    if time.monotonic() < _away["until"]:
        return
    try:
        for stage in stages:
            if _broker().set(_pending(stage), 1, nx=True, ex=_PENDING_SECONDS):
                current_app.send_task("stage", [stage], retry=False, expires=60)
    except (RedisError, OperationalError, OSError) as failure:
        _away["until"] = time.monotonic() + _PAUSE_SECONDS
        _log.warning("nudge.lost", stages=stages, error=str(failure))


def seen(*, stage: str) -> None:
    """Take note that a worker begins this stage, so that work stored from now on is asked for."""
    try:
        _broker().delete(_pending(stage))
    except (RedisError, OSError) as failure:
        _log.warning("nudge.not_cleared", stage=stage, error=str(failure))


@cache
def _broker() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        protocol=2,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
    )


def _pending(stage: str) -> str:
    return f"recon:pending:{stage}"
