"""Processes are killed in the middle of the demo's load: nothing is missing, nothing is doubled."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.chaos.product import DOUBLED, SECONDS, Processes, a_product, count, wait_until

LOAD = ("--orders", "110", "--days", "6", "--seed", "3", "--fault-factor", "16")


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Processes]:
    with a_product(tmp_path) as processes:
        yield processes


@pytest.fixture
def rows(product: Processes) -> Iterator[psycopg.Cursor[tuple[int]]]:
    with product.connect() as connection:
        yield connection.cursor()


def start_load(product: Processes) -> None:
    """Start or resume the demo's load."""
    where = ("--base-url", product.web_url, "--systems-url", product.systems_url)
    product.start("load", "manage.py", "demo", "load", "--json", *LOAD, *where)


@pytest.mark.timeout(300)
def test_a_load_whose_processes_are_all_killed_ends_as_if_nothing_had_been(
    product: Processes, rows: psycopg.Cursor[tuple[int]]
) -> None:
    product.start_web_and_worker()
    start_load(product)
    for least in (9, 23):  # steps done; the next is under way whenever the kill comes
        wait_until(partial(has_done, rows, least))
        time.sleep(0.07)  # into the step that follows
        product.kill("load", "worker", "web")
        product.start_web_and_worker()
        start_load(product)

    assert product.running["load"].wait(SECONDS) == 0

    comparison = json.loads(product.manage("demo", "compare", "--json"))
    assert comparison["equal"], comparison
    assert comparison["found"] > 10
    assert count(rows, "SELECT count(*) FROM reconciliation_event WHERE status = 'RECEIVED'") == 0
    assert count(rows, "SELECT count(*) FROM reconciliation_order") >= 110
    assert count(rows, DOUBLED) == 0
    assert product.manage("verify_audit", "--json")


def has_done(rows: psycopg.Cursor[tuple[int]], steps: int) -> bool:
    return count(rows, "SELECT coalesce(max(done), 0) FROM reconciliation_job") >= steps
