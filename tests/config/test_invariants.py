"""What must always be true: it holds after real work, and each breach is seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections, transaction

from config import invariants, watch
from exceptions.models import Message
from reconciliation.models import Event, Heartbeat, Installation
from tests.exceptions.people import install_product, operator, person
from tests.world import NOON, place, say, settle

LATER = NOON + timedelta(days=4)
CHECKED = LATER + timedelta(minutes=10)
GUARDED = (
    "reconciliation_order",
    "exceptions_case",
    "audit_auditevent",
    "reconciliation_writeback",
)

# What is done to the database behind the product's back, and which question finds it.
BREACHES = [
    ("orders_off_position", "UPDATE reconciliation_order SET paid_minor = paid_minor + 1"),
    ("orders_off_position", "DELETE FROM reconciliation_entry WHERE kind = 'PAID'"),
    ("orders_off_trail", "UPDATE reconciliation_order SET version = version + 1"),
    ("orders_off_trail", "UPDATE reconciliation_order SET state = 'CLOSED'"),
    ("orders_off_history", "DELETE FROM reconciliation_historicalorder"),
    ("states_undeclared", "UPDATE reconciliation_order SET state = 'LOST'"),
    ("states_undeclared", "UPDATE exceptions_case SET state = 'LOST'"),
    (
        "discrepancies_without_case",
        "UPDATE exceptions_case SET state = 'SETTLED', closed_at = now()",
    ),
    (
        "events_waiting",
        "UPDATE reconciliation_event SET status = 'RECEIVED', recorded_at = '2026-01-01'",
    ),
    (
        "events_parked_too_long",
        "UPDATE reconciliation_event SET status = 'PARKED', park_until = '2026-11-02'",
    ),
    (
        "rejections_forgotten",
        "UPDATE reconciliation_event SET status = 'QUARANTINED'",
    ),
    (
        "rejections_forgotten",
        (
            "INSERT INTO reconciliation_rejectedevent"
            " (source_id, raw, sha256, content_type, errors, received_at)"
            " SELECT min(id), '', '', '', '[]', '2026-11-02' FROM reconciliation_source"
        ),
    ),
    (
        "names_of_merged_orders",
        "UPDATE reconciliation_order SET merged_into_id = id",
    ),
    (
        "merged_orders_counting",
        "UPDATE reconciliation_order SET merged_into_id = id",
    ),
    (
        "comparisons_missing",
        (
            "INSERT INTO reconciliation_diffschedule (source_id, export_url, types, every_seconds,"
            " lag_seconds, starts_at, takes_in, is_on)"
            " SELECT min(id), 'http://x', '[]', 3600, 3600, '2026-11-02', FALSE, TRUE"
            " FROM reconciliation_source"
        ),
    ),
    (
        "escalations_overdue",
        "UPDATE exceptions_case SET next_escalation_at = '2026-11-02'",
    ),
    ("escalations_missing", "UPDATE exceptions_case SET next_escalation_at = NULL"),
    ("clocks_off_intervals", "UPDATE exceptions_case SET resolve_due_at = now()"),
    ("clocks_off_intervals", "DELETE FROM exceptions_clockinterval"),
    (
        "clocks_off_intervals",
        "UPDATE exceptions_clockinterval SET began_at = began_at - interval '1 hour'",
    ),
    (
        "cases_in_catch_all",
        "UPDATE exceptions_case SET team_id = t.id FROM reconciliation_team t WHERE is_catch_all",
    ),
    ("cases_without_people", "UPDATE auth_user SET is_active = false"),
    ("trail_cut", "INSERT INTO audit_sealleaf VALUES (0, 1, '')"),
]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def _worked() -> None:
    """Leave an order that is paid and not posted, with its exception, after a real pass."""
    install_product()
    for team in ("revenue-ops", "fulfilment-ops", "customer-ops"):
        operator(team, team=team)
    place("O-1", NOON)
    say("card-payments", "payment.captured", "O-1", NOON, payment="P-1", amount_minor=1000,
        currency="EUR")  # fmt: skip
    settle(NOON)
    settle(LATER)
    settle(CHECKED)


@contextmanager
def _lifted_guards() -> Iterator[None]:
    with connections["owner"].cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    with connections["owner"].cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_auditevent_no_truncate")


def _broken() -> set[str]:
    return {finding.name for finding in invariants.check(at=CHECKED) if not finding.holds}


@pytest.mark.usefixtures("_worked")
def test_everything_holds_after_real_work() -> None:
    assert _broken() == set()


@pytest.mark.usefixtures("_worked")
@pytest.mark.parametrize(("name", "breach"), BREACHES)
def test_each_breach_is_found(name: str, breach: str) -> None:
    with _lifted_guards(), connections["owner"].cursor() as cursor:
        cursor.execute(breach)

    assert name in _broken()


@pytest.mark.usefixtures("_worked")
@pytest.mark.parametrize("table", ["reconciliation_order", "exceptions_case"])
def test_a_guard_that_was_lifted_is_found(table: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            found = _broken()
        finally:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    assert found == {"guards_lifted"}


@pytest.mark.usefixtures("_worked")
def test_a_trail_that_nobody_seals_is_found() -> None:
    with _lifted_guards(), connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE audit_auditevent SET recorded_at = now() - interval '1 minute'")

    assert "trail_unsealed" in _broken()


@pytest.mark.usefixtures("_worked")
def test_the_minutes_question_goes_round_all_orders() -> None:
    for number in range(2, 6):
        place(f"O-{number}", NOON)
    settle(NOON)
    windows = []

    for _ in range(4):
        invariants.take(limit=2, at=LATER)
        kept = Heartbeat.objects.get(component=invariants.COMPONENT)
        windows.append(kept.details["orders_to"])
        Heartbeat.objects.update(at=kept.at - timedelta(minutes=2))

    first = windows[0]
    assert windows == [first, first + 2, first + 3, first]


@pytest.mark.usefixtures("_worked")
def test_it_is_asked_once_a_minute_and_its_answers_stay() -> None:
    assert invariants.take(limit=10, at=LATER) == 0
    findings, at = invariants.last_findings()

    with _lifted_guards(), connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE reconciliation_order SET state = 'LOST'")

    assert invariants.take(limit=10, at=LATER) == 0
    assert invariants.last_findings() == (findings, at)
    assert {finding.name for finding in findings} == set(invariants.INVARIANTS)


@pytest.mark.usefixtures("_worked")
def test_nothing_is_late_while_a_past_is_driven() -> None:
    Installation.objects.update(is_demo=True, simulated_now=LATER)

    invariants.take(limit=10, at=LATER)

    names = {finding.name for finding in invariants.last_findings()[0]}
    assert "orders_off_position" in names
    assert "escalations_overdue" not in names


@pytest.mark.usefixtures("_worked")
def test_a_question_that_cannot_be_answered_is_not_taken_for_a_yes() -> None:
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("LOCK TABLE reconciliation_team IN ACCESS EXCLUSIVE MODE")
        with connections["default"].cursor() as waiting:
            waiting.execute("SET lock_timeout = '100ms'")
        finding = next(f for f in invariants.check(at=LATER, names=["cases_in_catch_all"]))
        with connections["default"].cursor() as waiting:
            waiting.execute("RESET lock_timeout")

    assert (finding.rows, finding.holds) == (None, False)
    assert finding.sentence.startswith("Every exception is routed by a rule: not known")


@pytest.mark.usefixtures("_worked")
def test_the_watchdog_tells_the_platform_owner_once() -> None:
    person("dana", "Platform owner", team="platform")
    Event.objects.update(status="RECEIVED", recorded_at=NOON)
    invariants.take(limit=10, at=LATER)

    watch.take(limit=5, at=LATER)
    watch.take(limit=5, at=LATER)

    told = Message.objects.filter(recipient__username="dana", subject__contains="to be applied")
    assert told.count() == 1
