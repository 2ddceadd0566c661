"""How long a panel takes to open beside the queue: in Chromium, from the click until it rests."""

from collections.abc import Iterator
from statistics import quantiles

from playwright.sync_api import Page, sync_playwright

from reconciliation.clock import now
from tests.benchmarks import crowd
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.queue import person, session_of
from tests.benchmarks.server import serving
from tests.benchmarks.workload import settle_in
from tests.chromium import CHROMIUM

OPENED, LIMIT = "panels opened, from the click until they rest", "panels of 150 ms"
_SLOWEST_SECONDS = 0.150
_MOST = 40  # a round
# What else settles meanwhile does not count, such as who is looking at the panel before.
_OPEN = """(place) => new Promise((done, fail) => {
  const link = document.querySelectorAll("#rows .what a")[place];
  const wanted = link.closest("tr").id.replace("case-", "");
  const over = new AbortController();
  const on = (name, heed) =>
    document.body.addEventListener(name, heed, { signal: over.signal });
  const began = performance.now();
  on("htmx:afterSettle", ({ target }) => {
    if (target.id !== "panel" || target.dataset.case !== wanted) return;
    over.abort();
    requestAnimationFrame(() => done(performance.now() - began));
  });
  const failed = (why) => { over.abort(); fail(new Error(`${why}: the panel of ${wanted}`)); };
  for (const name of ["htmx:responseError", "htmx:sendError"]) on(name, () => failed(name));
  setTimeout(failed, 10_000, "not there after 10 s");
  link.click();
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
