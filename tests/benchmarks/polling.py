"""What fifty people with the queue open cost, each asking every ten seconds what is new."""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape

from django.contrib.auth.models import User

from exceptions import ownership
from exceptions.models import Case
from reconciliation.clock import now
from tests.benchmarks import crowd
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.queue import person, session_of
from tests.benchmarks.server import cpu_seconds, serving
from tests.benchmarks.workload import settle_in

_PEOPLE, _EVERY_SECONDS, _SHARE = 50, 10, 0.2
_POLLS = 4  # each person's, in a round
ASKED, ALLOWED = "polls in a second of one core", "what 50 people ask, on a fifth of a core"


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Ask for news of a list among `orders` open cases, one of which changes now and then."""
    settle_in()
    crowd.make(orders, at=now())
    people = [person(f"lead-{number}") for number in range(_PEOPLE)]
    admin = User.objects.create_superuser("root")
    worked = list(Case.objects.order_by("resolve_due_at", "pk")[:50])
    with serving("config.wsgi") as port, _connected(port) as line:
        lists = [(cookie, _open(line, cookie)) for cookie in map(session_of, people)]
        for number in range(rounds):
            ownership.claim(case_id=worked[number % 50].pk, by=admin, at=now())
            before = cpu_seconds(port)
            for _ in range(_POLLS):
                for cookie, address in lists:
                    _ask(line, address, cookie)
            used = cpu_seconds(port) - before
            yield {
                ASKED: _POLLS * len(lists) / used,
                ALLOWED: _PEOPLE / _EVERY_SECONDS / _SHARE,
            }


def _connected(port: int) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection("127.0.0.1", port))


def _open(line: http.client.HTTPConnection, cookie: str) -> str:
    """Open the queue as a browser does; gives the address that it goes on asking."""
    page = _ask(line, "/exceptions/", cookie).decode()
    address = re.search(r'id="live"[^>]* hx-get="([^"]+)"', page)
    assert address, "the queue does not say where to ask for news"
    shown = ",".join(re.findall(r'<tr id="case-(\d+)"', page))
    return f"{unescape(address[1])}&shown={shown}"


def _ask(line: http.client.HTTPConnection, address: str, cookie: str) -> bytes:
    line.request("GET", address, headers={"cookie": cookie, "hx-request": "true"})
    answer = line.getresponse()
    said = answer.read()
    assert answer.status in (http.client.OK, http.client.NO_CONTENT), said[:300]
    return said


POLLING = Benchmark("polls", play, (Goal(ASKED, ALLOWED, 1),))
