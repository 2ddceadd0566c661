"""Silence of a source: one report after its gap, none while paused, gone when it speaks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.install import install
from reconciliation import heartbeat, rhythm, rulebook, silence, silent, sql
from reconciliation.models import (
    Discrepancy,
    Event,
    Installation,
    RejectedEvent,
    RulebookVersion,
    Source,
    SourceRhythm,
)
from reconciliation.rhythm import BUCKET
from tests import world
from tests.moves import walk
from tests.world import NOON, later

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def product(db: None) -> None:
    install(at=NOON - timedelta(days=90))


@pytest.fixture
def shop() -> Source:
    """Give a source that should say something every quarter of an hour, and did at noon."""
    source = world.source("shop")
    Source.objects.filter(pk=source.pk).update(expected_gap_seconds=900)
    world.say("shop", "order.confirmed", "O-1", NOON)
    return source


def look(at: datetime, *, limit: int = 100) -> int:
    """Look as the loop does, which has looked a moment ago."""
    looked_at = (at - timedelta(seconds=15)).isoformat()
    heartbeat.beat(
        component="silence", details={"looked_at": looked_at, "back_at": "", "was_late": False}
    )
    return silence.take(limit=limit, at=at)


def reports() -> list[Discrepancy]:
    return list(Discrepancy.objects.filter(check_name="source_silent", cleared_at__isnull=True))


@pytest.mark.parametrize(("minutes", "number"), [(15, 0), (16, 1)])
def test_a_source_is_silent_after_its_stated_gap(minutes: int, number: int, shop: Source) -> None:
    assert look(later(minutes=minutes)) == number
    assert len(reports()) == number


def test_silence_is_reported_once_however_often_one_looks(shop: Source) -> None:
    looks = [look(later(minutes=minutes)) for minutes in (16, 17, 60, 600)]

    assert looks == [1, 0, 0, 0]
    (found,) = reports()
    assert found.source == shop
    assert found.details["reasons"] == [
        "Shop has said nothing since 12:00 on 1 Nov UTC. Something is expected every 15 min."
    ]


def test_a_word_takes_it_back_and_the_next_silence_is_a_new_one(shop: Source) -> None:
    look(later(minutes=20))
    world.say("shop", "order.confirmed", "O-1", later(minutes=21))

    assert look(later(minutes=22)) == 1
    assert reports() == []
    assert look(later(minutes=40)) == 1
    assert Discrepancy.objects.filter(check_name="source_silent").count() == 2


def test_what_cannot_be_read_is_a_sign_of_life_too(shop: Source) -> None:
    RejectedEvent.objects.create(
        source=shop, raw=b"?", sha256=sha256(b"?").digest(), errors=[],
        received_at=later(minutes=10),
    )  # fmt: skip

    assert look(later(minutes=20)) == 0
    assert look(later(minutes=26)) == 1


def test_a_paused_source_is_not_silent_and_starts_anew_when_resumed(shop: Source) -> None:
    look(later(minutes=20))
    Source.objects.filter(pk=shop.pk).update(is_paused=True)

    assert look(later(minutes=21)) == 1
    assert reports() == []

    Source.objects.filter(pk=shop.pk).update(is_paused=False, listening_since=later(hours=5))
    assert look(later(hours=5, minutes=15)) == 0
    assert look(later(hours=5, minutes=16)) == 1


def test_a_source_that_never_spoke_is_silent_after_its_gap_since_it_was_connected() -> None:
    source = world.source("billing")
    Source.objects.filter(pk=source.pk).update(expected_gap_seconds=900, listening_since=NOON)

    assert look(later(minutes=15)) == 0
    assert look(later(minutes=16)) == 1
    assert "since it was connected or resumed, 12:00" in reports()[0].details["reasons"][0]


def test_of_a_source_without_a_rhythm_nothing_is_said() -> None:
    world.say("billing", "invoice.voided", "O-1", NOON)

    assert look(later(days=300)) == 0


def test_the_report_and_its_end_are_on_the_sources_trail(shop: Source) -> None:
    look(later(minutes=20))
    world.say("shop", "order.confirmed", "O-1", later(minutes=21))
    look(later(minutes=22))

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action FROM audit_auditevent WHERE stream = 'source' AND subject_id = %s"
            " ORDER BY sequence",
            [shop.pk],
        )
        actions = [action for (action,) in cursor.fetchall()]

    assert actions == ["discrepancy.opened", "discrepancy.cleared"]


def test_after_an_absence_of_ours_senders_get_time_to_come_back(shop: Source) -> None:
    looks = [
        silence.take(limit=100, at=later(minutes=minutes)) for minutes in (1, *range(180, 216, 5))
    ]

    assert looks == [0, 0, 0, 0, 0, 0, 0, 1, 0]


def test_looking_seldom_is_no_absence(shop: Source) -> None:
    looks = [silence.take(limit=100, at=later(hours=hours)) for hours in range(1, 4)]

    assert sum(looks) == 1


def test_nobody_is_silent_while_a_demos_past_is_driven(shop: Source) -> None:
    Installation.objects.update(is_demo=True, simulated_now=later(hours=5))

    assert silence.take(limit=100, at=later(hours=5)) == 0
    assert reports() == []


def test_a_rulebook_without_the_check_stops_no_alarm(shop: Source) -> None:
    walk(RulebookVersion.objects.get(), "RETIRED", at=NOON)

    assert look(later(hours=5)) == 0


def test_no_more_sources_change_at_once_than_asked_for(shop: Source) -> None:
    for slug in ("billing", "carrier"):
        source = world.source(slug)
        Source.objects.filter(pk=source.pk).update(expected_gap_seconds=60, listening_since=NOON)

    assert look(later(hours=1), limit=2) == 2
    assert look(later(hours=1), limit=2) == 1


# Learnt rhythms: the carrier speaks every quarter of an hour from eight to five, on weekdays.
def office_hours(until: datetime, weeks: int = 4) -> Iterator[datetime]:
    at = until - timedelta(weeks=weeks)
    while at <= until:
        if at.weekday() < 5 and 8 <= at.hour < 17:
            yield at
        at += QUARTER


@pytest.fixture
def carrier() -> Source:
    """Give a source with four weeks of office hours behind it; the last was a Friday."""
    source = world.source("carrier")
    friday = datetime(2026, 10, 30, 17, tzinfo=UTC)
    Event.objects.bulk_create(
        Event(
            source=source, sender="/c", event_id=f"{number}-{twice}", type="shipment.shipped",
            occurred_at=at, received_at=at + timedelta(seconds=twice), data={}, sha256=b"",
            status="APPLIED", applied_at=at,
        )
        for number, at in enumerate(office_hours(friday))
        for twice in (0, 20)
    )  # fmt: skip
    return source


def test_a_weekend_is_no_silence_and_a_quiet_monday_is(carrier: Source) -> None:
    monday = datetime(2026, 11, 2, tzinfo=UTC)

    assert look(monday - timedelta(hours=12)) == 0
    assert look(monday + timedelta(hours=8)) == 0
    assert look(monday + timedelta(hours=11)) == 1
    (reason,) = reports()[0].details["reasons"]
    assert "since 16:45 on 30 Oct" in reason
    assert "the last 4 weeks let expect" in reason


def test_a_learnt_silence_ends_by_a_word(carrier: Source) -> None:
    monday = datetime(2026, 11, 2, 11, tzinfo=UTC)
    look(monday)
    world.say("carrier", "shipment.delivered", "O-1", monday)

    assert look(monday + timedelta(minutes=1)) == 1
    assert reports() == []


def test_a_stated_rhythm_goes_before_the_learnt_one(carrier: Source) -> None:
    Source.objects.filter(pk=carrier.pk).update(expected_gap_seconds=7 * 86_400)

    assert look(datetime(2026, 11, 2, 11, tzinfo=UTC)) == 0


def test_a_rhythm_is_kept_for_some_hours_and_then_learnt_anew(carrier: Source) -> None:
    look(datetime(2026, 10, 30, 17, tzinfo=UTC))
    (first,) = SourceRhythm.objects.all()
    look(datetime(2026, 10, 30, 20, tzinfo=UTC))
    (same,) = SourceRhythm.objects.all()
    look(datetime(2026, 10, 31, 1, tzinfo=UTC))
    (anew,) = SourceRhythm.objects.all()

    assert first.learnt_at == same.learnt_at
    assert anew.learnt_at > same.learnt_at
    assert silence.learnt_rhythm(source_id=carrier.pk) is not None


def test_arrivals_are_read_once_a_bucket(carrier: Source) -> None:
    everything = Event.objects.filter(source=carrier).order_by("received_at")
    moments = list(everything.values_list("received_at", flat=True))

    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("arrivals"),
            {
                "source_id": carrier.pk,
                "since": moments[0],
                "until": moments[-1],
                "bucket": f"{BUCKET.total_seconds()} seconds",
            },
        )
        found = [at for (at,) in cursor.fetchall()]

    assert found == moments[::2]
    assert rhythm.learn(found, zone="UTC") is not None


def test_looking_costs_the_same_however_many_events_there_are(carrier: Source) -> None:
    look(datetime(2026, 10, 30, 17, tzinfo=UTC))

    with CaptureQueriesContext(connection) as captured:
        look(datetime(2026, 10, 30, 17, 1, tzinfo=UTC))

    assert len(captured) <= 7


@pytest.mark.parametrize(
    ("slug", "checks"),
    [
        ("billing", {"paid_not_posted", "paid_vs_invoiced", "order_unknown_to_billing"}),
        ("carrier", {"recorded_not_shipped", "silent_order", "shipped_less_than_ordered"}),
        ("subscriptions-app", {"invoice_sent_not_active"}),
    ],
)
def test_checks_wait_for_the_source_that_would_put_them_right(slug: str, checks: set[str]) -> None:
    rules = rulebook.live()
    truth_for = tuple(world.SOURCES[slug][2])
    source = silent.Silent(1, slug, slug, NOON, truth_for)

    waiting = set(silent.checks_waiting(source, rules=rules))

    assert checks <= waiting
    assert "charge_failed_but_confirmed" not in waiting
