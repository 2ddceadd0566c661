"""The broker is stopped, flushed and frozen under load: no answer is lost, none is late."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from tests.chaos.load import Load
from tests.chaos.product import DOUBLED, Processes, a_product, count
from tests.chaos.proxy import Proxy

LATE_SECONDS = 0.9  # the broker's own time-outs begin at one second
PHASE_SECONDS = 4.0
SENDERS = 8
MOST_LATE = 3  # a busy machine stumbles; a web server that waits lets all senders wait


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Processes]:
    with a_product(tmp_path) as processes:
        yield processes


@pytest.fixture
def proxy(product: Processes, tmp_path: Path) -> Iterator[Proxy]:
    listens_at = tmp_path / "proxy.sock"
    proxy = Proxy(listens_at=listens_at, leads_to=product.valkey_socket())
    with proxy.running():
        product.environment["REDIS_URL"] = f"unix://{listens_at}"
        yield proxy
        proxy.thaw()
        del product.environment["REDIS_URL"]


@pytest.mark.timeout(300)
def test_no_answer_waits_for_the_broker_and_nothing_is_lost(
    product: Processes, proxy: Proxy
) -> None:
    said = product.manage(
        "connect_source", "shop", "--name", "Shop", "--kind", "shop", "--team", "triage", "--json"
    )
    product.start_web_and_worker()
    load = Load(base_url=product.web_url, secret=json.loads(said)["secret"], senders=SENDERS)

    with load.going():
        flush_for(product, PHASE_SECONDS)
        assert_in_time(load, since=time.monotonic() - PHASE_SECONDS)
        product.kill("valkey")
        assert_in_time(load, since=pass_by())
        product.start_valkey()
        proxy.freeze()
        assert_in_time(load, since=pass_by())

    proxy.thaw()
    product.manage("sweep", "--json")
    with product.connect() as connection:
        rows = connection.cursor()
        assert_all_kept_and_applied(rows, load)


def flush_for(product: Processes, seconds: float) -> None:
    """Forget all that the broker holds every two seconds."""
    with Redis(unix_socket_path=str(product.valkey_socket())) as broker:
        for _ in range(int(seconds // 2)):
            broker.flushall()
            time.sleep(2)  # while messages come in again


def pass_by() -> float:
    """Let the load go on for a while; gives when that began."""
    began = time.monotonic()
    time.sleep(PHASE_SECONDS)  # the load itself is what is waited for: it has no end to wait on
    return began


def assert_in_time(load: Load, *, since: float) -> None:
    took = [answer.seconds for answer in load.answers if answer.at > since]
    late = sorted(seconds for seconds in took if seconds > LATE_SECONDS)
    assert len(took) > 20
    assert load.odd == []
    assert len(late) <= MOST_LATE, f"{len(late)} of {len(took)} were late: {late}"


def assert_all_kept_and_applied(rows: psycopg.Cursor[tuple[int]], load: Load) -> None:
    stored = {name for (name,) in rows.execute("SELECT event_id FROM reconciliation_event")}
    assert set(load.kept) - stored == set()
    assert count(rows, "SELECT count(*) FROM reconciliation_event WHERE status = 'RECEIVED'") == 0
    assert count(rows, DOUBLED) == 0
