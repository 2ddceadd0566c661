"""The queue's page through HTTP among very many exceptions, and what people looking on cost."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import quantiles

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils.http import urlencode

from exceptions import queries
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
FIRST, DEEP = "first page, all open", "a page in the middle, all open"
BY_ID, BY_NAME = "a search by an id, all open", "a search by a customer, all open"
BY_ID_OF_FEW = "a search by an id, one in 50 open"
BY_NAME_OF_FEW = "a search by a customer, one in 50 open"
FIRST_OF_FEW, DEEP_OF_FEW = "first page, one in 50 open", "a page in the middle, one in 50 open"
SQL = "the page's rows in bare SQL"
LIMIT, SQL_LIMIT = "pages of 150 ms", "statements of 1 ms"


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Ask for pages among `orders` open cases, then with one in fifty of them open; by the p95."""
    settle_in()
    at = now()
    crowd.make(orders, at=at)
    lead = person("lena")
    with serving("config.wsgi") as port:
        pages = min(orders, _MOST_PAGES)
        of_all = [_round(port, lead, pages, (FIRST, DEEP, BY_ID, BY_NAME)) for _ in range(rounds)]
        crowd.close_all_but(max(orders // _OPEN_SHARE, 2), at=at)
        few = (FIRST_OF_FEW, DEEP_OF_FEW, BY_ID_OF_FEW, BY_NAME_OF_FEW)
        of_few = [_round(port, lead, pages, few) for _ in range(rounds)]
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


def _round(port: int, user: User, pages: int, names: tuple[str, ...]) -> Rates:
    headers = {"cookie": session_of(user)}
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as line:
        return _asked(line, headers, pages, names)


def _asked(
    line: http.client.HTTPConnection, headers: dict[str, str], pages: int, names: tuple[str, ...]
) -> Rates:

    def ask(address: str) -> None:
        line.request("GET", address, headers=headers)
        answer = line.getresponse()
        page = answer.read()
        assert answer.status == http.client.OK, page[:300]

    deep = f"/exceptions/?after={_middle()}"
    by_id, by_name = _known()
    ask("/exceptions/")  # a connection, templates and statistics are there from now on
    return {
        names[0]: 1 / _p95(lambda: ask("/exceptions/"), pages),
        names[1]: 1 / _p95(lambda: ask(deep), pages),
        names[2]: 1 / _p95(lambda: ask(by_id), pages),
        names[3]: 1 / _p95(lambda: ask(by_name), pages),
        SQL: 1 / _p95(_bare_page, pages),
    }


def _p95(do: Callable[[], None], times: int) -> float:
    """Do it so many times; gives the seconds within which 95 of 100 were done."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - began)
    return quantiles(seconds, n=20)[-1]


def _middle() -> str:
    opened = Case.objects.filter(closed_at__isnull=True).order_by("resolve_due_at", "pk")
    return queries.cursor(opened[opened.count() // 2])


def _known() -> tuple[str, str]:
    """Ask for one that is open by its order's name, and by how its customer's begins."""
    detail = OrderDetail.objects.select_related("order")
    found = detail.filter(order__cases__closed_at__isnull=True).order_by("-pk")[0]
    asked = (found.order.canonical_id, found.customer_name)
    by_id, by_name = (f"/exceptions/?{urlencode({'q': text})}" for text in asked)
    return by_id, by_name


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
        Goal(FIRST, LIMIT, 1),
        Goal(DEEP, LIMIT, 1),
        Goal(FIRST_OF_FEW, LIMIT, 1),
        Goal(DEEP_OF_FEW, LIMIT, 1),
        Goal(BY_ID, LIMIT, 1),
        Goal(BY_NAME, LIMIT, 1),
        Goal(BY_ID_OF_FEW, LIMIT, 1),
        Goal(BY_NAME_OF_FEW, LIMIT, 1),
        Goal(DEEP, FIRST, 0.8),
        Goal(SQL, SQL_LIMIT, 1),
    ),
)
