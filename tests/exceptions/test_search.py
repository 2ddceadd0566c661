"""Search: the queue, the list of orders and the command menu give one answer."""

import pytest
from django.contrib.auth.models import User

from config import palette
from exceptions import queries
from exceptions.models import Case
from reconciliation import order_list
from reconciliation.models import Alias, Event, Order, OrderDetail
from tests.exceptions.people import WEDNESDAY, case, operator
from tests.world import say, source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
OWN = ("O-1", "O", "acme", "ACME CORP", "evt-9", "PARCEL-5")
NOBODYS = ("cme", "-1", "%", "_", "A%", "O_1", "\\", "a\x00", "9" * 40, "'")
KINDS = ("payment", "invoice", "shipment", "refund", "payout", "subscription")


def known(order: str, *, customer: str = "") -> Case:
    """Open a case of an order that has a customer."""
    made = case(order=order)
    assert made.order
    OrderDetail.objects.create(order=made.order, source=source("shop"), customer_name=customer)
    return made


def call(known_case: Case, name: str, *, kind: str = "invoice") -> None:
    """Let an outside id mean the order of a case."""
    assert known_case.order
    Alias.objects.create(source=source("shop"), kind=kind, value=name, order=known_case.order)


def in_queue(asked: str, user: User, *, size: int = 50) -> list[int]:
    """Read every page of the queue's search."""
    found, after = list[int](), ""
    while True:
        page = queries.queue_page(
            user=user, at=WEDNESDAY, filters=[], search=asked, after=after, size=size
        )
        found += [row.id for row in page.rows]
        if not (after := page.next_cursor):
            return found


def in_orders(asked: str) -> list[str]:
    page = order_list.order_page(conditions=[], search=asked, older_than=0, at=WEDNESDAY)
    return [order.canonical_id for order in page.orders]


def in_menu(asked: str, user: User) -> tuple[list[str], list[str]]:
    """Give the exceptions and the orders that the menu finds, by their addresses."""
    sections = palette.found(asked=asked, case_id=None, user=user, at=WEDNESDAY)
    hrefs = [hit.href for each in sections if each.name == "Found" for hit in each.hits]
    cases = [href.split("/")[2] for href in hrefs if href.startswith("/exceptions/")]
    return cases, [href.split("/")[2] for href in hrefs if href.startswith("/orders/")]


def test_every_id_and_the_beginning_of_a_name_find_it_wherever_one_asks() -> None:
    olga, meant = operator(), known("O-1", customer="Acme Corporation")
    known("P-2", customer="Macme")
    for kind in KINDS:
        call(meant, f"{kind}-77", kind=kind)
    told = say("carrier", "shipment.shipped", "O-1", WEDNESDAY, event_id="evt-9")
    Event.objects.filter(pk=told.pk).update(order=meant.order, reference="PARCEL-5")

    for asked in (*OWN, *(f"{kind}-77" for kind in KINDS)):
        assert in_queue(asked, olga) == [meant.pk], asked
        assert in_orders(asked) == ["O-1"], asked
        assert in_menu(asked, olga) == ([str(meant.pk)], ["O-1"]), asked
    for asked in (f"#{meant.pk}", str(meant.pk)):
        assert in_queue(asked, olga) == [meant.pk]
        assert in_menu(asked, olga)[0] == [str(meant.pk)]


def test_what_has_exactly_this_name_comes_first_and_no_page_gaps_or_doubles() -> None:
    olga = operator()
    begun = [known(f"O-1{number}") for number in range(4)]
    exact = known("O-1")
    call(begun[2], "O-1")

    for size in (1, 2, 50):
        assert in_queue("O-1", olga, size=size) == [
            begun[2].pk, exact.pk, begun[0].pk, begun[1].pk, begun[3].pk,
        ]  # fmt: skip
    assert in_orders("O-1") == ["O-1", "O-12", "O-13", "O-11", "O-10"]
    assert in_menu("O-1", olga)[1] == ["O-1", "O-12", "O-10", "O-11", "O-13"]


def test_what_stands_in_the_middle_and_wild_cards_find_nothing() -> None:
    olga = operator()
    known("O-1", customer="Acme")

    for asked in NOBODYS:
        assert in_queue(asked, olga) == [], asked
        assert in_orders(asked) == [], asked
        assert in_menu(asked, olga) == ([], []), asked


def test_what_a_person_may_not_see_no_search_finds() -> None:
    stan, theirs = operator("stan", team="revenue-ops"), known("O-1", customer="Acme")

    for asked in ("O-1", "O", "acme", f"#{theirs.pk}"):
        assert in_queue(asked, stan) == []
        assert in_menu(asked, stan)[0] == []


def test_a_beginning_of_very_many_is_met_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciliation.search._MOST_BEGUN", 1)
    olga, one, other = operator(), known("O-1", customer="Acme"), known("O-2", customer="Acme")
    known("P-3", customer="Base")

    assert in_queue("acme", olga) == [one.pk, other.pk] == in_queue("O", olga)
    assert in_orders("acme") == ["O-2", "O-1"] == in_orders("O-")
    assert in_menu("acme", olga)[1] == ["O-1", "O-2"]


def test_a_name_of_very_many_orders_is_listed_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "PAGE_SIZE", 2)
    made = [known(f"O-{number}") for number in range(5)]
    known("RUN-7-more")
    for each in made:
        call(each, "RUN-7", kind=f"payout{each.pk}")
    found, older_than = list[str](), 0

    while True:
        page = order_list.order_page(
            conditions=[], search="RUN-7", older_than=older_than, at=WEDNESDAY
        )
        found += [order.canonical_id for order in page.orders]
        if not (older_than := page.older_than):
            break

    assert found == ["O-4", "O-3", "O-2", "O-1", "O-0", "RUN-7-more"]
    assert Order.objects.count() == 6
