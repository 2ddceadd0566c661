"""The queue's page through HTTP among very many exceptions, and what people looking on cost."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from statistics import quantiles

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.utils.http import urlencode

from exceptions import queries
from exceptions.arrangement import SLA, SORTS
from exceptions.models import Case
from reconciliation.clock import now
from reconciliation.models import OrderDetail
from tests.benchmarks import crowd
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.server import serving
from tests.benchmarks.workload import settle_in

_MOST_PAGES = 40  # a round
_OPEN_SHARE = 50  # one in so many stays open
_SLOWEST_SECONDS, _SLOWEST_SQL_SECONDS = 0.150, 0.001
FIRST, DEEP = "first page", "a page in the middle"
BY_AMOUNT, BY_AGE = "a page in the middle, by amount", "a page in the middle, by age"
BY_ID, BY_NAME = "a search by an id", "a search by a customer"
PANEL = "the panel of a case"
_ASKED = (FIRST, DEEP, BY_AMOUNT, BY_AGE, BY_ID, BY_NAME, PANEL)
_ALL, _FEW = "all open", "one in 50 open"
SQL = "the page's rows in bare SQL"
_AS_PANEL = {"HX-Request": "true", "HX-Target": "panel"}
LIMIT, SQL_LIMIT = "pages of 150 ms", "statements of 1 ms"


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Ask for pages among `orders` open cases, then with one in fifty of them open; by the p95."""
    settle_in()
    at = now()
    crowd.make(orders, at=at)
    lead = person("lena")
    with serving("config.wsgi") as port:
        pages = min(orders, _MOST_PAGES)
        of_all = [_round(port, lead, pages, _ALL) for _ in range(rounds)]
        crowd.close_all_but(max(orders // _OPEN_SHARE, 2), at=at)
        of_few = [_round(port, lead, pages, _FEW) for _ in range(rounds)]
    for one, other in zip(of_all, of_few, strict=True):
        limits = {LIMIT: 1 / _SLOWEST_SECONDS, SQL_LIMIT: 1 / _SLOWEST_SQL_SECONDS}
        yield {**one, **other, **limits}


def person(name: str) -> User:
    """Make a team lead who sees everything."""
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name="Team lead"))
    return user


def session_of(user: User) -> str:
    """Sign someone in; gives the cookie."""
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _round(port: int, user: User, pages: int, shape: str) -> Rates:
    headers = {"cookie": session_of(user)}
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as line:

        def ask(address: str, **more: str) -> None:
            line.request("GET", address, headers={**headers, **more})
            answer = line.getresponse()
            page = answer.read()
            assert answer.status == http.client.OK, page[:300]

        ask("/exceptions/")  # a connection, templates and statistics are there from now on
        found = {name: 1 / _p95(partial(ask, href), pages) for name, href in _hrefs().items()}
        as_panel = partial(ask, f"/exceptions/{_opened()[0].pk}/", **_AS_PANEL)
        found[PANEL] = 1 / _p95(as_panel, pages)
    return {
        **{f"{name}, {shape}": rate for name, rate in found.items()},
        SQL: 1 / _p95(_bare_page, pages),
    }


def _hrefs() -> dict[str, str]:
    """Give the addresses, by what is asked for."""
    detail = OrderDetail.objects.select_related("order")
    known = detail.filter(order__cases__closed_at__isnull=True).order_by("-pk")[0]
    asked = {
        FIRST: {},
        DEEP: _middle(SLA),
        BY_AMOUNT: _middle("money"),
        BY_AGE: _middle("oldest"),
        BY_ID: {"q": known.order.canonical_id},
        BY_NAME: {"q": known.customer_name},
    }
    return {name: f"/exceptions/?{urlencode(given)}" for name, given in asked.items()}


def _opened() -> QuerySet[Case]:
    return Case.objects.filter(closed_at__isnull=True)


def _middle(sort: str) -> dict[str, str]:
    opened = SORTS[sort].ordered(_opened())
    middle = opened[opened.count() // 2]
    return {"sort": sort, "after": queries.cursor(middle, sort=sort)}


def _p95(do: Callable[[], None], times: int) -> float:
    """Do it so many times; gives the seconds within which 95 of 100 were done."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - began)
    return quantiles(seconds, n=20)[-1]


def _bare_page() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM exceptions_case WHERE closed_at IS NULL"
            " ORDER BY resolve_due_at, id LIMIT 51"
        )
        cursor.fetchall()


QUEUE = Benchmark(
    "pages",
    play,
    (
        *(Goal(f"{name}, {shape}", LIMIT, 1) for shape in (_ALL, _FEW) for name in _ASKED),
        Goal(f"{DEEP}, {_ALL}", f"{FIRST}, {_ALL}", 0.8),
        Goal(f"{DEEP}, {_FEW}", f"{FIRST}, {_FEW}", 0.8),
        Goal(SQL, SQL_LIMIT, 1),
    ),
)
