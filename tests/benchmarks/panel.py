"""How long a panel takes to open beside the queue: in Chromium, from the click until it rests."""

from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from playwright.sync_api import Page, sync_playwright

from reconciliation.clock import now
from tests.benchmarks import crowd
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.queue import person, session_of
from tests.benchmarks.server import serving
from tests.benchmarks.workload import settle_in

CHROMIUM = Path("/usr/bin/chromium")
OPENED, LIMIT = "panels opened, from the click until they rest", "panels of 150 ms"
_SLOWEST_SECONDS = 0.150
_MOST = 40  # a round
_OPEN = """(place) => new Promise((done) => {
  const began = performance.now();
  const settled = () => requestAnimationFrame(() => done(performance.now() - began));
  document.body.addEventListener("htmx:afterSettle", settled, { once: true });
  document.querySelectorAll("#rows .what a")[place].click();
})"""


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Open the panels of a page, one after the other, among `orders` open cases; by the p95."""
    settle_in()
    crowd.make(orders, at=now())
    name, value = session_of(person("lena")).split("=", 1)
    with serving("config.wsgi") as port, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        address = f"http://127.0.0.1:{port}/exceptions/"
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.context.add_cookies([{"name": name, "value": value, "url": address}])
        found = [_round(page, address, min(orders, _MOST)) for _ in range(rounds)]
        browser.close()
    for seconds in found:
        yield {OPENED: 1 / seconds, LIMIT: 1 / _SLOWEST_SECONDS}


def _round(page: Page, address: str, number: int) -> float:
    """Open so many panels; gives the seconds within which 95 of 100 were there."""
    page.goto(address)
    page.wait_for_selector("html[data-ready=yes]")
    page.evaluate(_OPEN, 0)  # what the first one loads is there from now on
    taken: list[float] = [page.evaluate(_OPEN, place) / 1_000 for place in range(1, number)]
    return quantiles(taken, n=20)[-1]


PANEL = Benchmark("panels", play, (Goal(OPENED, LIMIT, 1),))
