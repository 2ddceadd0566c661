"""Comparing with a source's own records: every window once, and no difference unseen or doubled."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import settings as properties
from hypothesis import strategies as st

from config import invariants
from reconciliation import diff, validate
from reconciliation.models import (
    DiffFinding,
    DiffSchedule,
    DiffWindow,
    Discrepancy,
    Event,
    Source,
)
from reconciliation.sources import keys, standard_webhooks
from tests.reconciliation.exporter import Exporter, serve
from tests.world import NOON, place, say, settle, source, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
HOUR = timedelta(hours=1)
READY = NOON + 2 * HOUR  # when the window from NOON to one o'clock is over and complete
KINDS = ("MATCHED", "DIFFERENT", "ONLY_HERE", "ONLY_THERE")


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with serve(Exporter()) as listening:
        yield listening


def scheduled(exporter: Exporter, **given: Any) -> DiffSchedule:  # noqa: ANN401
    return DiffSchedule.objects.create(
        source=source("billing"),
        export_url=exporter.url,
        **{
            "types": ["invoice.issued"], "every_seconds": 3600, "lag_seconds": 3600,
            "starts_at": NOON, **given,
        },
    )  # fmt: skip


def billed(number: int = 1, at: datetime = NOON, amount_minor: int = 1000) -> Event:
    """Let an order be placed, and billed a minute later."""
    place(f"O-{number}", at)
    return say(
        "billing", "invoice.issued", f"O-{number}", at + timedelta(minutes=1),
        invoice=f"I-{number}", amount_minor=amount_minor, currency="EUR",
    )  # fmt: skip


def compare(at: datetime = READY) -> DiffWindow:
    diff.take(limit=10, at=at)
    return DiffWindow.objects.order_by("since")[0]


def stretches_missing(at: datetime) -> list[str]:
    """Say what the watchdog finds missing, by the hour."""
    (found,) = invariants.check(at=at, names=["comparisons_missing"])
    return [re.sub(r"from \S+ (\d\d:\d\d)\S+", r"from \1", each) for each in found.sample]


def findings() -> dict[str, str]:
    return dict(DiffFinding.objects.filter(cleared_at=None).values_list("reference", "kind"))


def open_checks() -> set[str]:
    found = Discrepancy.objects.filter(cleared_at=None, check_name__startswith="diff_")
    return set(found.values_list("check_name", flat=True))


def test_records_that_agree_are_matched_over_all_pages(exporter: Exporter) -> None:
    scheduled(exporter)
    for number in range(5):
        exporter.hold(billed(number))
    settle()

    window = compare()

    assert (window.state, window.matched, findings()) == ("DONE", 5, {})
    assert [asked.get("after") for asked in exporter.asked] == [None, ["2"], ["4"]]
    assert window.totals == [
        {
            "type": "invoice.issued", "currency": "EUR", "here": 5, "here_minor": 5000,
            "there": 5, "there_minor": 5000,
        }
    ]  # fmt: skip


def test_each_way_to_be_apart_is_found_and_becomes_a_case(exporter: Exporter) -> None:
    scheduled(exporter)
    exporter.hold(billed(1), amount_minor=1100)
    billed(2)
    exporter.hold(billed(3))
    Event.objects.get(reference="I-3").delete()  # it was never told to us
    settle()

    window = compare()
    settle(READY)

    assert (window.matched, window.different, window.only_here, window.only_there) == (0, 1, 1, 1)
    assert findings() == {"I-1": "DIFFERENT", "I-2": "ONLY_HERE", "I-3": "ONLY_THERE"}
    assert DiffFinding.objects.get(reference="I-1").differences == {"amount_minor": [1000, 1100]}
    assert open_checks() == {"diff_different", "diff_only_here", "diff_only_there"}
    assert {found.order.canonical_id for found in Discrepancy.objects.filter(order__isnull=False)
            if found.order} >= {"O-1", "O-2", "O-3"}  # fmt: skip
    assert Discrepancy.objects.get(check_name="diff_different").at_risk_minor == 100


def test_comparing_again_opens_nothing_twice_and_clears_what_agrees(exporter: Exporter) -> None:
    scheduled(exporter)
    record = exporter.hold(billed(1), amount_minor=1100)
    settle()
    first = compare()

    compare(READY + 5 * HOUR)
    assert DiffFinding.objects.count() == 1
    assert Discrepancy.objects.filter(check_name="diff_different").count() == 1
    record["data"]["amount_minor"] = 1000
    compare(READY + 10 * HOUR)

    assert (findings(), open_checks()) == ({}, set())
    assert DiffWindow.objects.get(pk=first.pk).next_attempt_at is None


def test_a_pass_does_not_clear_what_the_comparison_found(exporter: Exporter) -> None:
    scheduled(exporter)
    exporter.hold(billed(1), amount_minor=1100)
    settle()
    compare()

    settle(READY)

    assert open_checks() == {"diff_different"}
    assert the_order().verdict != "HOLDS"


def test_what_we_were_never_told_is_taken_in_where_the_source_lets_us(exporter: Exporter) -> None:
    scheduled(exporter, takes_in=True)
    exporter.hold(billed(1))
    Event.objects.get(reference="I-1").delete()
    settle()

    window = compare()
    settle(READY)

    assert (window.taken_in, window.matched, findings()) == (1, 1, {})
    assert the_order().invoiced_minor == 1000
    exporter.hold(Event.objects.get(reference="I-1"))
    assert not open_checks()


def test_a_record_of_no_order_is_the_sources_case(exporter: Exporter) -> None:
    scheduled(exporter)
    exporter.hold(billed(1), order="O-unknown", invoice="I-unknown")
    settle()

    compare()

    found = Discrepancy.objects.get(check_name="diff_only_there")
    assert found.source == source("billing")
    assert found.details["records"][0]["reference"] == "I-unknown"


def test_many_of_one_kind_are_one_case(exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff, "MOST_CASES", 3)
    scheduled(exporter)
    for number in range(4):
        exporter.hold(billed(number), amount_minor=1100)
    settle()

    compare()

    found = Discrepancy.objects.get(check_name="diff_different")
    assert (found.source, found.details["count"]) == (source("billing"), 4)


def test_windows_are_made_once_each_and_missed_ones_are_caught_up(exporter: Exporter) -> None:
    scheduled(exporter)

    diff.take(limit=3, at=NOON + 6 * HOUR)
    diff.take(limit=30, at=NOON + 6 * HOUR)
    diff.take(limit=30, at=NOON + 6 * HOUR)

    windows = list(DiffWindow.objects.order_by("since"))
    assert [window.since for window in windows] == [NOON + n * HOUR for n in range(5)]
    assert all(before.until == after.since for before, after in zip(windows, windows[1:]))  # noqa: B905, RUF007
    assert {window.state for window in windows} == {"DONE"}
    assert len(exporter.asked) == 5


def test_an_export_that_was_brought_hides_no_window_that_was_missed(exporter: Exporter) -> None:
    schedule = scheduled(exporter)
    for since, until in ((2, 3), (4.5, 7)):
        diff.compare_with(
            source=schedule.source, messages=[], types=["invoice.issued"],
            since=NOON + since * HOUR, until=NOON + until * HOUR, at=NOON + 9 * HOUR,
        )  # fmt: skip
    missing = stretches_missing(at=NOON + 9 * HOUR)

    diff.take(limit=30, at=NOON + 9 * HOUR)

    begun = DiffWindow.objects.order_by("since").values_list("since", flat=True)
    assert [(since - NOON) / HOUR for since in begun] == [0, 1, 2, 3, 4, 4.5, 7]
    assert missing == ["billing from 12:00", "billing from 15:00"]
    assert stretches_missing(at=NOON + 9 * HOUR) == []


def test_a_window_is_not_compared_before_it_is_complete(exporter: Exporter) -> None:
    scheduled(exporter)

    diff.take(limit=1, at=READY - timedelta(microseconds=1))
    assert not DiffWindow.objects.exists()
    diff.take(limit=1, at=READY)

    assert DiffWindow.objects.get().state == "DONE"


@pytest.mark.parametrize("failure", [0, 1, 404, 500, 503])
def test_a_fetch_that_fails_comes_again(exporter: Exporter, failure: int) -> None:
    scheduled(exporter)
    exporter.behave = [failure]

    window = compare()
    assert (window.state, window.attempts, bool(window.error)) == ("DUE", 1, True)
    assert window.next_attempt_at == READY + timedelta(minutes=1)
    window = compare(READY + timedelta(minutes=1))

    assert (window.state, window.error) == ("DONE", "")


def test_a_fetch_that_breaks_off_between_pages_finds_nothing(exporter: Exporter) -> None:
    scheduled(exporter)
    for number in range(5):
        exporter.hold(billed(number))
    settle()
    exporter.behave = [200, 500]

    window = compare()

    assert (window.state, findings(), open_checks()) == ("DUE", {}, set())


def test_the_last_failure_is_a_case_until_a_person_has_it_compared(exporter: Exporter) -> None:
    scheduled(exporter, every_seconds=86_400)
    exporter.behave = [500] * diff.MOST_TRIES
    at = NOON + 25 * HOUR
    for _ in range(diff.MOST_TRIES):
        window = compare(at)
        at = window.next_attempt_at or at
    assert (window.state, window.next_attempt_at, open_checks()) == (
        "FAILED",
        None,
        {"diff_failed"},
    )

    diff.compare_again(window_id=window.pk, by=User.objects.create(username="pia"), at=at + HOUR)
    window = compare(at + HOUR)

    assert (window.state, open_checks()) == ("DONE", set())


def test_a_lost_worker_s_window_is_taken_over_and_its_late_answer_dropped(
    exporter: Exporter,
) -> None:
    schedule = scheduled(exporter)
    exporter.hold(billed(1), amount_minor=1100)
    settle()
    diff._run("diff_plan", {"at": READY, "batch_limit": 10})
    lost = diff._claim(at=READY)
    assert lost
    assert diff._claim(at=READY) is None

    taken_over = diff._claim(at=READY + timedelta(minutes=10))
    assert taken_over
    diff._compare(lost, at=READY + timedelta(minutes=11))
    assert findings() == {}
    diff._compare(taken_over, at=READY + timedelta(minutes=11))

    assert findings() == {"I-1": "DIFFERENT"}
    assert schedule.source == source("billing")


def test_the_question_is_signed(exporter: Exporter) -> None:
    scheduled(exporter)
    keys.add(source=source("billing"), at=NOON)
    (key,) = keys.active(source_id=source("billing").pk)

    compare()

    (headers,), (asked,) = exporter.headers, exporter.asked
    query = "&".join(
        f"{name}={asked[name][0].replace(':', '%3A').replace('+', '%2B')}"
        for name in ("since", "until")
    )
    standard_webhooks.verify(headers=headers, body=query.encode(), keys=[key], now=int(time.time()))


def test_a_paused_source_is_not_asked(exporter: Exporter) -> None:
    scheduled(exporter)
    Source.objects.filter(slug="billing").update(is_paused=True)

    assert diff.take(limit=10, at=READY) == 0
    assert exporter.asked == []


_sides = st.lists(
    st.tuples(
        st.sampled_from(("here", "there", "both")), st.sampled_from((1000, 1001)),
        st.sampled_from((1000, 1001)), st.integers(0, 3),
    ),
    max_size=12,
)  # fmt: skip


@properties(max_examples=25)
@given(sides=_sides)
def test_a_comparison_is_a_plain_comparison_of_two_sets(
    sides: list[tuple[str, int, int, int]],
) -> None:
    Event.objects.filter(source=source("billing")).delete()
    DiffFinding.objects.all().delete()
    DiffWindow.objects.all().delete()
    here: dict[str, int] = {}
    there: dict[str, int] = {}
    exporter = Exporter()
    for number, (side, ours, theirs, minutes) in enumerate(sides):
        event = say(
            "billing", "invoice.issued", f"X-{number}", NOON + timedelta(minutes=minutes),
            invoice=f"I-{number}", amount_minor=ours, currency="EUR",
        )  # fmt: skip
        if side in {"there", "both"}:
            exporter.hold(event, amount_minor=theirs)
            there[f"I-{number}"] = theirs
        if side == "there":
            event.delete()
        else:
            here[f"I-{number}"] = ours

    window = diff.compare_with(
        source=source("billing"),
        messages=[validate.said(event) for event in exporter.events],
        since=NOON, until=NOON + HOUR, types=["invoice.issued"], at=READY,
    )  # fmt: skip

    union = here.keys() | there.keys()
    expected = {
        name: "ONLY_THERE" if name not in here else "ONLY_HERE" if name not in there
        else "DIFFERENT" for name in union if here.get(name) != there.get(name)
    }  # fmt: skip
    assert findings() == expected
    counted = window.matched + window.different + window.only_here + window.only_there
    assert counted == len(union)
    totals = window.totals[0] if window.totals else {"here_minor": 0, "there_minor": 0}
    assert totals["here_minor"] == sum(here.values())
    assert totals["there_minor"] == sum(there.values())


def test_an_export_in_a_file_is_compared_by_command(tmp_path: Path) -> None:
    exporter = Exporter()
    exporter.hold(billed(1))
    exporter.hold(billed(2), amount_minor=999)
    settle()
    export = tmp_path / "invoices.ndjson"
    export.write_text("".join(json.dumps(event) + "\n" for event in exporter.events))
    said = StringIO()

    call_command(
        "compare_export", str(export), "--source=billing", "--since=2026-11-01T12:00Z",
        "--until=2026-11-01T13:00Z", "--json", stdout=said,
    )  # fmt: skip

    facts = json.loads(said.getvalue())
    assert (facts["matched"], facts["different"]) == (1, 1)
    assert findings() == {"I-2": "DIFFERENT"}


def test_a_second_export_of_another_stretch_from_the_same_moment_is_refused(
    tmp_path: Path,
) -> None:
    export = tmp_path / "empty.ndjson"
    export.write_text("")
    source("billing")
    given = (str(export), "--source=billing", "--since=2026-11-01T12:00Z")
    call_command("compare_export", *given, "--until=2026-11-01T13:00Z", stdout=StringIO())

    with pytest.raises(CommandError, match="There is a window from"):
        call_command("compare_export", *given, "--until=2026-11-01T14:00Z")
