"""Serves the demo company's systems of record, in a process of their own or beside the loader."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

from config import premises
from config.demo.echo import Echoes
from config.demo.records import Records
from config.demo.sender import Sender
from config.demo.systems import Systems, SystemsServer
from config.premises import Setup


@contextmanager
def serve(setup: Setup, sender: Sender, *, true_now: Callable[[], datetime]) -> Iterator[Systems]:
    """Have the systems answer, and their webhooks follow, as long as the context lasts."""

    def company_now() -> datetime:
        try:
            return datetime.fromisoformat(premises.clock_path().read_text())
        except (FileNotFoundError, ValueError):
            return true_now()

    echoes = Echoes(sender)
    systems = Systems(
        seed=setup.seed,
        clock=company_now,
        echo=echoes.add,
        journal=premises.journal_path(),
        truth_path=premises.truth_path(),
    )
    records = Records(
        company=setup.company,
        fault_factor=setup.fault_factor,
        clock=company_now,
        done=systems.done_by,
    )
    server = SystemsServer(
        port=_port(setup), systems=systems, secrets=setup.secrets, records=records
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="systems")
    thread.start()
    try:
        yield systems
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        echoes.close()


@contextmanager
def ours_or_theirs(
    setup: Setup, sender: Sender, *, true_now: Callable[[], datetime]
) -> Iterator[None]:
    """Use the systems that answer already, or else serve them."""
    host = urlsplit(setup.systems_url).hostname or ""
    try:
        socket.create_connection((host, _port(setup)), timeout=1).close()
    except OSError:
        with serve(setup, sender, true_now=true_now):
            yield
    else:
        yield


def _port(setup: Setup) -> int:
    port = urlsplit(setup.systems_url).port
    assert port is not None, "the systems' address names a port"
    return port
