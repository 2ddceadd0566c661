"""`python -m config.keeper`: uses the bundled PostgreSQL until it is told to end, and so keeps it.

`manage.py up` starts it first. Should `up` be killed, the system tells this process to end, and
the last user of the server stops it.
"""

import signal
import sys

from config import embedded


def keep() -> None:
    """Use the server until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    embedded.ensure_postgres()
    while True:
        signal.pause()


if __name__ == "__main__":
    keep()
