"""An event without an order is linked to one; two orders that are one become one; both undone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection

from exceptions import intake, repair
from exceptions.desk import Conflict
from exceptions.models import Case, RepairAttempt
from exceptions.repair import CannotRepair, PlanChanged
from exceptions.repairs.plan import Plan, Refusal
from reconciliation import apply, likely, reconcile
from reconciliation.models import Event
from reconciliation.queries import positions_that_differ
from tests.exceptions.people import WEDNESDAY, fresh, operator
from tests.world import line, place, say, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
EARLIER = WEDNESDAY - timedelta(days=3)
LATER = WEDNESDAY + timedelta(minutes=5)


def pay(order: str = "SHOP-1001", amount: int = 4900, payment: str = "P-1") -> Event:
    return say("card-payments", "payment.captured", order, EARLIER, payment=payment,
               amount_minor=amount, currency="EUR")  # fmt: skip


def sweep(at: datetime = WEDNESDAY) -> None:
    for _ in range(3):
        apply.take(limit=100, at=at)
        reconcile.take(limit=100, at=at)
        intake.take(limit=100, at=at)
        repair.take(limit=100, at=at)


def order(name: str, minor: int = 4900, slug: str = "shop", at: datetime = EARLIER) -> None:
    place(name, at, slug=slug, total_minor=minor, lines=[line(unit_minor=minor)])


@pytest.fixture
def enricher() -> User:
    return operator("erin", team="enrichment")


@pytest.fixture
def lost() -> Case:
    """Leave a payment without an order, among three orders."""
    order("1001")
    order("1002", 100)
    order("2001", 4900, at=EARLIER - timedelta(days=9))
    pay()
    sweep()
    return Case.objects.get(check_name="event_parked_too_long")


def plan_of(case: Case, kind: str = "link_order", choice: str = "") -> Plan:
    found = repair.preview(case_id=case.pk, kind=kind, choice=choice)
    assert isinstance(found, Plan)
    return found


def run(
    case: Case, by: User, *, kind: str = "link_order", choice: str = "", key: str = "k-1",
    version: int | None = None,
) -> RepairAttempt:  # fmt: skip
    sha = plan_of(case, kind, choice).sha256()
    return repair.run(
        case_id=case.pk, kind=kind, plan_sha256=sha, idempotency_key=key, by=by, at=LATER,
        choice=choice, version=version,
    )  # fmt: skip


def test_the_likeliest_orders_come_first_with_their_reasons(lost: Case) -> None:
    event = Event.objects.get(type="payment.captured")

    found = likely.of_event(event)

    assert [each.canonical_id for each in found] == ["1001", "2001"]
    assert found[0].reasons == (
        "€49.00 was ordered, and nothing is paid",
        "SHOP-1001 and 1001: one ends with the other",
        "Placed within the hour",
    )


def test_one_click_links_it_and_teaches_the_name(lost: Case, enricher: User) -> None:
    assert lost.recommended_repair == "link_order"

    run(lost, enricher)
    sweep(LATER)
    pay(amount=1, payment="P-2")
    sweep(LATER)

    assert the_order("1001").paid_minor == 4901
    assert fresh(lost).state == "SETTLED"
    assert positions_that_differ() == []


def test_it_may_be_linked_to_any_order_by_any_of_its_names(lost: Case, enricher: User) -> None:
    say("billing", "invoice.issued", "1002", EARLIER, invoice="I-7", amount_minor=1, currency="EUR")
    sweep()

    run(lost, enricher, choice="I-7")
    sweep(LATER)

    assert the_order("1002").paid_minor == 4900


def test_a_link_is_undone_and_the_event_waits_again(lost: Case, enricher: User) -> None:
    attempt = run(lost, enricher)
    sweep(LATER)

    repair.undo(attempt_id=attempt.pk, by=enricher, at=LATER)
    sweep(LATER)

    assert the_order("1001").paid_minor == 0
    assert Event.objects.get(type="payment.captured").status == "PARKED"
    assert RepairAttempt.objects.get().state == "UNDONE"
    assert Case.objects.filter(check_name="event_parked_too_long").count() == 2


def test_an_order_that_nobody_knows_is_refused_in_words(lost: Case) -> None:
    refusal = repair.preview(case_id=lost.pk, kind="link_order", choice="nowhere")

    assert isinstance(refusal, Refusal)
    assert "No order goes by “nowhere”" in refusal.why


def test_a_link_that_came_by_itself_meanwhile_is_not_made(lost: Case, enricher: User) -> None:
    sha = plan_of(lost).sha256()
    order("SHOP-1001", 5)
    apply.take(limit=100, at=WEDNESDAY)
    apply.take(limit=100, at=WEDNESDAY)

    with pytest.raises(PlanChanged):
        repair.run(case_id=lost.pk, kind="link_order", plan_sha256=sha, idempotency_key="k",
                   by=enricher, at=LATER)  # fmt: skip


def test_the_second_of_two_people_is_told_who_was_faster(lost: Case, enricher: User) -> None:
    seen = fresh(lost).version
    run(lost, enricher)

    with pytest.raises(Conflict, match="Erin began “Link to order 1001”"):
        run(lost, operator("emil", team="enrichment"), key="k-2", version=seen)


@pytest.mark.django_db(transaction=True)
def test_two_people_who_link_the_same_event_at_once_link_it_once(
    lost: Case, enricher: User
) -> None:
    emil = operator("emil", team="enrichment")

    def link(number: int) -> str:
        try:
            run(lost, (enricher, emil)[number], key=f"k-{number}", choice=("1001", "2001")[number])
        except (CannotRepair, Conflict) as refusal:
            return str(refusal)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(link, range(2)))
    sweep(LATER)

    assert said[0] == ""
    assert said[1]
    assert the_order("1001").paid_minor + the_order("2001").paid_minor == 4900


@pytest.fixture
def twins() -> Case:
    """Leave one order told of twice: by the shop, and under another name by the CRM, paid there."""
    order("1001")
    order("D-77", slug="crm")
    pay("D-77")
    sweep(EARLIER)
    sweep()
    return Case.objects.get(order=the_order("D-77"), check_name="paid_not_posted")


def test_two_orders_that_are_one_become_one(twins: Case) -> None:
    olga = operator(team="revenue-ops")
    plan = plan_of(twins, "merge_order", "1001")
    assert [tuple(change)[1:] for change in plan.changes] == [
        ("D-77", "an order", "1001"), ("Paid", "€0.00", "€49.00"),
    ]  # fmt: skip

    run(twins, olga, kind="merge_order", choice="1001")
    sweep(LATER)

    assert the_order("D-77").merged_into == the_order("1001")
    assert the_order("1001").paid_minor == 4900
    assert fresh(twins).state == "SETTLED"
    assert not Case.objects.filter(order=the_order("D-77"), closed_at=None).exists()
    assert positions_that_differ() == []


def test_a_merge_is_undone_and_both_are_as_they_were(twins: Case) -> None:
    olga = operator(team="revenue-ops")
    attempt = run(twins, olga, kind="merge_order", choice="1001")
    sweep(LATER)

    repair.undo(attempt_id=attempt.pk, by=olga, at=LATER)
    sweep(LATER)

    assert the_order("D-77").merged_into is None
    assert (the_order("1001").paid_minor, the_order("D-77").paid_minor) == (0, 4900)
    assert Case.objects.filter(order=the_order("D-77"), closed_at=None).exists()
    assert positions_that_differ() == []


def test_the_likeliest_twin_is_proposed(twins: Case) -> None:
    found = likely.of_order(the_order("D-77"))

    assert [each.canonical_id for each in found] == ["1001"]


def test_an_order_cannot_be_merged_into_itself(twins: Case) -> None:
    plan = plan_of(twins, "merge_order", "D-77")

    assert not plan.is_possible


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [("1001", "1001", 0), ("1001", "1010", 1), ("1001", "101", 1), ("1001", "2002", 2),
     ("1001", "999999", 3), ("abcdef", "ghijkl", 3)],
)  # fmt: skip
def test_how_far_two_ids_are_apart(one: str, other: str, steps: int) -> None:
    assert likely.distance(one, other) == likely.distance(other, one) == steps
