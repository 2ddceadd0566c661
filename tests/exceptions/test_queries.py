"""What the pages are given: rows, pages, counts, and everything about one case."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from exceptions import clocks, comments, intake, ownership, queries, repair, words
from exceptions.fields import FIELDS
from exceptions.models import Case, RepairAttempt, SavedView
from exceptions.repairs import kinds_for
from exceptions.rows import Row
from reconciliation import rulebook, writeback
from reconciliation.models import Order
from tests.exceptions.people import WEDNESDAY, broken, case, connect, lead, operator, person
from tests.exceptions.target import Target

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = WEDNESDAY + timedelta(minutes=5)


def many(count: int) -> None:
    """Open cases, three of which share each due moment."""
    for number in range(count):
        due_at = WEDNESDAY + timedelta(hours=number // 3)
        case(order=f"O-{number}", resolve_due_at=due_at)


def ids(rows: list[Row]) -> list[int]:
    return [row.id for row in rows]


def test_pages_follow_one_another_without_gap_or_double() -> None:
    many(20)
    olga, after, found = operator(), "", []

    while True:
        page = queries.queue_page(user=olga, at=LATER, filters=[], after=after, size=7)
        found += ids(page.rows)
        after = page.next_cursor
        if not after:
            break

    wanted = Case.objects.order_by("resolve_due_at", "pk").values_list("pk", flat=True)
    assert found == list(wanted)


@pytest.mark.parametrize("cursor", ["x", "WzFd:abc:def", ":", "\x00"])
def test_a_made_up_place_in_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(queries.BadCursor):
        queries.queue_page(user=operator(), at=LATER, filters=[], after=cursor)


def test_a_page_costs_the_same_few_queries_whatever_it_holds(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    many(30)
    plan = clocks.pin(clocks.plan_for(Case.objects.all()[0]))
    Case.objects.update(clock_plan=plan)
    olga = operator()

    with django_assert_max_num_queries(12):
        page = queries.queue_page(user=olga, at=LATER, filters=[])
        queries.overview(user=olga, at=LATER, filters=[])

    assert len(page.rows) == 30


def test_people_see_their_own_teams_and_leads_see_all() -> None:
    seen = case()
    stan, lena = operator("stan", team="revenue-ops"), lead(team="revenue-ops")

    assert queries.queue_page(user=stan, at=LATER, filters=[]).rows == []
    assert ids(queries.queue_page(user=lena, at=LATER, filters=[]).rows) == [seen.pk]
    with pytest.raises(Case.DoesNotExist):
        queries.case_detail(case_id=seen.pk, user=stan, at=LATER)


def test_closed_cases_come_only_when_asked_for() -> None:
    olga = operator()
    done = case(state="SETTLED")
    asked = [{"field": "closed", "operator": "is_any_of", "value": ["true", "false"]}]

    assert queries.queue_page(user=olga, at=LATER, filters=[]).rows == []
    assert ids(queries.queue_page(user=olga, at=LATER, filters=asked).rows) == [done.pk]


@pytest.mark.parametrize(
    ("field", "operator_", "value", "is_found"),
    [
        ("owner", "is", "me", True),
        ("owner", "is", "unassigned", False),
        ("my_teams", "is", "true", True),
        ("team", "is", "customer-ops", True),
        ("severity", "is", "P1", False),
        ("sla", "is", "over", True),
        ("sla", "is", "1h", False),
        ("state", "is", "NEW", True),
        ("at_risk_minor", "at_least", "5000", True),
        ("at_risk_minor", "at_least", "5001", False),
        ("by_machine", "is", "true", False),
        ("order", "is", "O-1", True),
        ("age", "at_least", "3d", False),
        ("commented", "is", "true", True),
        ("commented", "is", "false", False),
        ("attempts", "is", "1", True),
        ("attempts", "at_least", "2", False),
        ("attempts", "at_most", "0", False),
        ("destination", "is", "erp", False),
    ],
)
def test_filters_ask_what_they_say(
    field: str,
    operator_: str,
    value: str,
    is_found: bool,  # noqa: FBT001
) -> None:
    olga = operator()
    known = case(owner=olga, resolve_due_at=WEDNESDAY)
    comments.comment(case_id=known.pk, text="On it.", by=olga, at=WEDNESDAY)
    RepairAttempt.objects.create(
        case=known, kind="link_order", plan={}, state="FAILED", at=WEDNESDAY
    )
    asked = [{"field": field, "operator": operator_, "value": value}]

    page = queries.queue_page(user=olga, at=LATER, filters=asked)

    assert bool(page.rows) == is_found


def test_every_shipped_view_has_a_meaning_and_a_count() -> None:
    olga = operator()
    case(owner=olga)
    _, tabs = queries.overview(user=olga, at=LATER, filters=[])
    shown = {tab.slug: tab.count.number for tab in tabs}

    for view in SavedView.objects.all():
        assert FIELDS.problems(view.filters) == []
    assert shown["mine"] == shown["team"] == 1
    assert shown["p1"] == shown["unassigned"] == 0


def test_a_count_stops_at_a_thousand() -> None:
    assert words.count(1_001).text == "1,000+"
    assert words.count(1_000).text == "1,000"


def test_a_case_explains_itself(target: Target) -> None:
    connect("subscriptions-app", target)
    broken(
        to_activate_quantity=1, invoiced_minor=1000, ordered_minor=1000, paid_minor=1000,
        posted_minor=1000,
        invoiced_at=WEDNESDAY,
    )  # fmt: skip
    intake.take(limit=10, at=WEDNESDAY)
    olga = operator()

    detail = queries.case_detail(case_id=Case.objects.get().pk, user=olga, at=LATER)

    assert detail.row.title == "Invoice sent, subscription off"
    assert detail.row.systems == "Billing vs Subscriptions app"
    assert "was not followed by" in detail.why
    assert detail.comparison is not None
    (row,) = detail.comparison.differing
    texts = dict(zip(detail.comparison.systems, row.cells, strict=True))
    assert (row.field, row.verdict) == ("Subscription", "differs")
    assert texts["Subscriptions app"].is_truth
    assert texts["Billing"].is_different
    assert [row.field for row in detail.comparison.matching] == ["Amount", "Ledger"]
    assert detail.preview is not None
    assert detail.preview.permission.allowed
    assert detail.preview.plan_sha256
    assert detail.actions["claim"].allowed
    assert not detail.actions["assign"].allowed
    assert detail.timeline[-1].text == "Opened and given to Customer ops"


def test_what_happened_to_a_case_is_told_newest_first(target: Target) -> None:
    target.at = WEDNESDAY
    connect("subscriptions-app", target)
    broken(to_activate_quantity=1, invoiced_minor=1000, ordered_minor=1000)
    intake.take(limit=10, at=WEDNESDAY)
    case_id, olga = Case.objects.get().pk, operator()
    ownership.claim(case_id=case_id, by=olga, at=LATER)
    comments.comment(case_id=case_id, text="On it.", by=olga, at=LATER + timedelta(minutes=1))
    shown = queries.repair_preview(
        case_id=case_id, kind="activate_subscription", user=olga, at=LATER
    )
    repair.run(
        case_id=case_id, kind=shown.kind, plan_sha256=shown.plan_sha256,
        idempotency_key=shown.idempotency_key, by=olga, at=LATER + timedelta(minutes=2),
    )  # fmt: skip
    writeback.take(limit=10, at=LATER + timedelta(minutes=3))
    repair.take(limit=10, at=LATER + timedelta(minutes=4))

    detail = queries.case_detail(case_id=case_id, user=olga, at=LATER + timedelta(minutes=5))

    told = [entry.text for entry in detail.timeline if not entry.is_future]
    assert told == [
        "Activate subscription: confirmed by the target",
        "Activate subscription: Subscriptions app says that it is done",
        "Activate subscription: begun",
        "On it.",
        "Took it",
        "Opened and given to Customer ops",
    ]
    (attempt,) = detail.attempts
    assert attempt.undo.allowed
    assert attempt.writeback_text == "Delivered to Subscriptions app at try 1"
    assert detail.row.state_text == "Verifying"


def test_a_reader_sees_why_they_may_not() -> None:
    known, ada = case(), person("ada", "Auditor", team="")

    detail = queries.case_detail(case_id=known.pk, user=ada, at=LATER)

    assert not any(permission.allowed for permission in detail.actions.values())
    assert "Operator" in detail.actions["claim"].why_not


def test_a_repair_that_cannot_be_planned_says_why() -> None:
    broken("paid_not_posted", paid_minor=1000)
    intake.take(limit=10, at=WEDNESDAY)
    olga = operator(team="revenue-ops")

    shown = queries.repair_preview(
        case_id=Case.objects.get().pk, kind="post_payment", user=olga, at=LATER
    )

    assert not shown.permission.allowed
    assert "billing" in shown.refusal


def test_a_reopened_case_knows_the_earlier_one() -> None:
    first = case(state="SETTLED")
    second = case(order="O-2")
    Case.objects.filter(pk=second.pk).update(order=first.order)

    found = queries.case_detail(case_id=second.pk, user=operator(), at=LATER)

    assert (found.earlier_id, found.later_id) == (first.pk, None)


@pytest.mark.parametrize("check", rulebook.shipped()["checks"], ids=lambda check: check["name"])
def test_every_check_can_be_shown_and_planned(check: dict[str, str], target: Target) -> None:
    for slug in ("shop", "billing", "card-payments", "subscriptions-app"):
        connect(slug, target)
    known = case(check["name"])
    Order.objects.update(
        ordered_minor=1000, invoiced_minor=1000, paid_minor=1500, shipped_quantity=1,
        to_ship_quantity=1, to_activate_quantity=1, returned_quantity=1,
    )  # fmt: skip

    lena = lead()
    detail = queries.case_detail(case_id=known.pk, user=lena, at=LATER)

    assert detail.row.title == check["title"]
    assert detail.why.startswith(check["title"])
    for kind in kinds_for(check["name"]):
        shown = queries.repair_preview(case_id=known.pk, kind=kind.KIND, user=lena, at=LATER)
        assert shown.title == kind.TITLE
