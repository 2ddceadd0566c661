"""A list in any order, with any columns: no case is lost between its pages, and work follows it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exceptions import live, queries, working
from exceptions.arrangement import COLUMNS, SORTS, Arrangement
from exceptions.fields import FIELDS
from exceptions.models import Case, RepairAttempt
from tests.exceptions.people import WEDNESDAY, case, operator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = WEDNESDAY + timedelta(minutes=5)


def many(count: int = 12) -> None:
    """Open cases, some of which share each value that a list is sorted by."""
    for number in range(count):
        case(
            order=f"O-{number}",
            resolve_due_at=WEDNESDAY + timedelta(hours=number // 3),
            opened_at=WEDNESDAY - timedelta(hours=number // 4),
            at_risk_minor=number % 5 * 100,
        )


def in_order(name: str) -> list[int]:
    return [*SORTS[name].ordered(Case.objects.all()).values_list("pk", flat=True)]


@pytest.mark.parametrize("name", SORTS)
def test_pages_of_every_order_follow_one_another_without_gap_or_double(name: str) -> None:
    many()
    olga, after, found, arranged = operator(), "", list[int](), Arrangement(sort=name)

    while True:
        page = queries.queue_page(
            user=olga, at=LATER, filters=[], after=after, size=5, arranged=arranged
        )
        found += [row.id for row in page.rows]
        after = page.next_cursor
        if not after:
            break

    assert found == in_order(name)


def test_the_orders_say_what_their_names_do() -> None:
    many()
    firsts = {name: Case.objects.get(pk=in_order(name)[0]) for name in SORTS}

    assert firsts["money"].at_risk_minor == 400
    assert firsts["oldest"].opened_at == WEDNESDAY - timedelta(hours=2)
    assert firsts["newest"].opened_at == firsts["sla"].resolve_due_at == WEDNESDAY


def test_a_place_in_one_order_is_none_in_another() -> None:
    many()
    cursor = queries.cursor(Case.objects.all()[0])

    with pytest.raises(queries.BadCursor, match="another order"):
        queries.queue_page(
            user=operator(), at=LATER, filters=[], after=cursor, arranged=Arrangement(sort="money")
        )


@pytest.mark.parametrize("name", SORTS)
def test_work_goes_through_a_view_in_its_order(name: str) -> None:
    many(6)
    olga, walked = operator(), list[int]()

    case_id = working.next_case(user=olga, at=LATER, filters=[], sort=SORTS[name])
    while case_id is not None:
        walked.append(case_id)
        case_id = working.next_case(
            user=olga, at=LATER, filters=[], sort=SORTS[name], after=case_id
        )

    assert walked == in_order(name)
    places = [
        working.place(case_id=pk, user=olga, at=LATER, filters=[], sort=SORTS[name]).number.number
        for pk in walked
    ]
    assert places == [1, 2, 3, 4, 5, 6]


def test_only_what_belongs_on_the_page_is_new_to_it() -> None:
    many(4)
    olga, shown = operator(), in_order("money")[:2]
    since = LATER + timedelta(hours=1)

    def new() -> int:
        found = live.news(
            user=olga, shown=shown, loaded_at=since, since=since, at=since, filters=[],
            sort=SORTS["money"], size=2,
        )  # fmt: skip
        return found.new.number

    case(order="small", at_risk_minor=1, changed_at=since)
    assert new() == 0
    case(order="large", at_risk_minor=10_000, changed_at=since)
    assert new() == 1


def test_added_columns_are_read_with_the_list() -> None:
    many(3)
    first = Case.objects.earliest("resolve_due_at", "pk")
    Case.objects.filter(pk=first.pk).update(route="money-first", next_automatic_at=WEDNESDAY)
    RepairAttempt.objects.create(
        case=first, kind="write_off", plan={}, plan_sha256="", idempotency_key="k", at=WEDNESDAY,
    )  # fmt: skip
    olga, arranged = operator(), Arrangement(columns=tuple(COLUMNS))

    with CaptureQueriesContext(connection) as plain:
        queries.queue_page(user=olga, at=LATER, filters=[])
    with CaptureQueriesContext(connection) as more:
        page = queries.queue_page(user=olga, at=LATER, filters=[], arranged=arranged)

    assert len(more) <= len(plain)

    said = dict(zip(COLUMNS, page.rows[0].more, strict=True))
    assert (said["attempts"], said["route"], said["currency"]) == ("1", "money-first", "EUR")
    assert (said["order_id"], said["order_state"]) == ("O-0", "Created")
    assert (
        said["next_retry"] == said["first_seen"] == f"{timezone.localtime(WEDNESDAY):%d %b %H:%M}"
    )


@pytest.mark.parametrize(
    ("zone", "due"),
    [("UTC", {"soon"}), ("Europe/Berlin", set()), ("Asia/Tokyo", {"soon", "morning"})],
)
def test_today_ends_at_midnight_where_who_asks_is(zone: str, due: set[str]) -> None:
    asked = [{"field": "sla", "operator": "is", "value": "today"}]
    at = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
    case(order="soon", resolve_due_at=at + timedelta(hours=1))
    case(order="morning", resolve_due_at=at + timedelta(hours=10))

    with timezone.override(zone):
        found = Case.objects.filter(FIELDS.to_q(asked, at=at, me=""))
        assert {*found.values_list("order__canonical_id", flat=True)} == due
        for each in Case.objects.all():
            assert each.order is not None
            values = {"sla": each.resolve_due_at}
            assert FIELDS.evaluate(asked, values, at=at) == (each.order.canonical_id in due)


def test_what_was_closed_before_midnight_was_not_closed_today() -> None:
    asked = [{"field": "closed_at", "operator": "in_last", "value": "today"}]
    at = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    done = case(state="SETTLED", closed_at=at - timedelta(hours=1))

    def found() -> bool:
        return Case.objects.filter(FIELDS.to_q(asked, at=at, me="")).exists()

    with timezone.override("UTC"):
        assert found()
        assert FIELDS.evaluate(asked, {"closed_at": done.closed_at}, at=at)
    with timezone.override("Europe/Berlin"):  # half past midnight
        assert not found()
        assert not FIELDS.evaluate(asked, {"closed_at": done.closed_at}, at=at)
