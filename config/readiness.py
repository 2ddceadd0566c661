"""Tells within a second whether the database answers."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import Error, connections

SECONDS = 1.0
# One probe at a time: a database that does not answer must not gather threads.
_prober = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ready")
_is_free = threading.Semaphore()


def is_ready() -> bool:
    """Ask the database over a connection of its own; False if it fails or takes too long.

    While an earlier question hangs, the answer is no, after the same second.
    """
    if not _is_free.acquire(timeout=SECONDS):
        return False
    try:
        return _prober.submit(_probe).result(timeout=SECONDS)
    except (Error, TimeoutError):
        return False


def _probe() -> bool:
    own = connections["default"].copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    finally:
        own.close()
        _is_free.release()
