"""Discrepancies that stages open for one subject, and waivers."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from audit.models import AuditEvent
from reconciliation import discrepancies
from reconciliation.models import Discrepancy, Recheck, WriteBack
from tests.reconciliation.worlds import HOUR, NOON, event, order, rules, source

pytestmark = pytest.mark.django_db


def test_an_open_discrepancy_is_seen_again_not_opened_again() -> None:
    rules()
    parked = event()

    first = discrepancies.open_for(check_name="event_parked_too_long", at=NOON, event=parked)
    again = discrepancies.open_for(check_name="event_parked_too_long", at=NOON + HOUR, event=parked)

    assert first.pk == again.pk
    assert (again.opened_at, again.last_seen_at) == (NOON, NOON + HOUR)
    assert again.team.slug == "enrichment"


def test_an_older_look_does_not_move_last_seen_back() -> None:
    rules()
    parked = event()

    discrepancies.open_for(check_name="event_quarantined", at=NOON, event=parked)
    again = discrepancies.open_for(check_name="event_quarantined", at=NOON - HOUR, event=parked)

    assert again.last_seen_at == NOON


def test_clearing_says_whether_there_was_one() -> None:
    rules()
    parked = event()
    discrepancies.open_for(check_name="event_quarantined", at=NOON, event=parked)

    assert discrepancies.clear(check_name="event_quarantined", at=NOON + HOUR, event=parked)
    assert not discrepancies.clear(check_name="event_quarantined", at=NOON + HOUR, event=parked)
    assert Discrepancy.objects.get().cleared_at == NOON + HOUR


def test_what_broke_again_is_a_new_discrepancy() -> None:
    rules()
    parked = event()
    first = discrepancies.open_for(check_name="event_quarantined", at=NOON, event=parked)
    discrepancies.clear(check_name="event_quarantined", at=NOON, event=parked)

    second = discrepancies.open_for(check_name="event_quarantined", at=NOON + HOUR, event=parked)

    assert second.pk != first.pk


def test_a_write_backs_discrepancy_is_on_the_write_backs_trail() -> None:
    rules()
    owed = WriteBack.objects.create(
        target=source(),
        order=order(),
        action="mark_fulfilled",
        payload={},
        idempotency_key="k",
        created_at=NOON,
    )

    discrepancies.open_for(check_name="writeback_failed", at=NOON, writeback=owed)
    discrepancies.clear(check_name="writeback_failed", at=NOON, writeback=owed)

    assert [
        (row.action, row.reason, row.rulebook_version)
        for row in AuditEvent.objects.filter(stream="writeback", subject_id=owed.pk)
    ] == [
        ("discrepancy.opened", "Write-back failed", 1),
        ("discrepancy.cleared", "Write-back failed", 1),
    ]


def test_there_is_exactly_one_subject() -> None:
    rules()

    with pytest.raises(AssertionError, match="exactly one subject, not 0"):
        discrepancies.open_for(check_name="event_quarantined", at=NOON)


def test_a_waiver_replaces_the_one_before_and_asks_for_a_new_judgement() -> None:
    rules()
    ada = User.objects.create_user("ada")
    mine = order()
    found = discrepancies.open_for(
        check_name="paid_twice", at=NOON, order=mine, details={"paid_minor": 2}
    )

    first = discrepancies.waive(discrepancy_id=found.pk, reason="agreed", by=ada, at=NOON)
    second = discrepancies.waive(
        discrepancy_id=found.pk, reason="again", by=ada, at=NOON + timedelta(minutes=1)
    )

    first.refresh_from_db()
    assert first.lapsed_at is not None
    assert (second.lapsed_at, first.values_sha256) == (None, second.values_sha256)
    assert Recheck.objects.get(order=mine).due_at == NOON + timedelta(minutes=1)
