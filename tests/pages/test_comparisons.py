"""Comparisons on pages: what they found, and the schedule that people set."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from audit.queries import trail
from reconciliation.models import DiffSchedule, DiffWindow
from tests.pages.conftest import find
from tests.pages.people import clients
from tests.pages.test_desk import body
from tests.reconciliation.exporter import Exporter, serve
from tests.world import NOON, place, say, settle, source

ASKED = {
    "export_url": "https://billing.example/export", "types": ["invoice.issued"], "every": "60",
    "lag": "5", "takes_in": "on", "is_on": "on",
}  # fmt: skip


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with serve(Exporter()) as listening:
        yield listening


@pytest.fixture
def window(exporter: Exporter, desk: object) -> DiffWindow:
    """Compare an hour of billing's records, of which one differs and one was never told."""
    DiffSchedule.objects.create(
        source=source("billing"), export_url=exporter.url, types=["invoice.issued"],
        every_seconds=3600, starts_at=NOON,
    )  # fmt: skip
    place("D-1")
    told = say(
        "billing", "invoice.issued", "D-1", NOON, invoice="I-1", amount_minor=1000, currency="EUR"
    )
    exporter.hold(told, amount_minor=1250)
    exporter.hold(told, invoice="I-2", order="D-9")
    settle(NOON + timedelta(hours=3))
    return DiffWindow.objects.order_by("since")[0]


def test_the_page_shows_control_totals_and_what_is_apart(
    window: DiffWindow, operator: Client
) -> None:
    page = body(operator, f"/comparisons/{window.pk}/")

    for words in ("Control totals", "€22.50", "amount_minor: 1000 here", "<strong>1250</strong>",
                  "Different: 1", "Only in the source: 1", "D-9, not known here",
                  'href="/orders/D-1/"'):  # fmt: skip
        assert words in page


def test_the_list_shows_each_window_and_source(window: DiffWindow, operator: Client) -> None:
    page = body(operator, "/comparisons/")

    assert f'href="/comparisons/{window.pk}/"' in page
    assert "2 apart" in page
    assert "Not compared" in page  # the other sources


def test_a_difference_is_an_exception_that_says_what_differs(
    window: DiffWindow, operator: Client
) -> None:
    find()

    assert "Differs from the system of record" in body(operator, "/orders/D-1/")


def test_the_platform_owner_sets_a_schedule_and_the_trail_says_so(desk: object) -> None:
    client = clients()["Platform owner"]

    answer = client.post("/comparisons/schedules/billing/", ASKED)

    assert answer.status_code == 303
    kept = DiffSchedule.objects.get()
    assert (kept.every_seconds, kept.lag_seconds, kept.types) == (3600, 300, ["invoice.issued"])
    rows = trail(stream="source", subject_id=source("billing").pk)
    assert "diff.scheduled" in [row.action for row in rows]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"export_url": "billing"}, "Enter a full address"),
        ({"types": []}, "Choose at least one type"),
        ({"types": ["order.confirmed"]}, "has no outside reference"),
        ({"every": "0"}, "a minute long at least"),
        ({"every": "x", "lag": "-1"}, "Enter zero or more"),
    ],
)
def test_a_schedule_that_cannot_be_says_why_and_keeps_what_was_typed(
    wrong: dict[str, object], words: str, desk: object
) -> None:
    answer = clients()["Admin"].post("/comparisons/schedules/billing/", {**ASKED, **wrong})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not DiffSchedule.objects.exists()


def test_comparing_again_makes_the_window_due(window: DiffWindow) -> None:
    client = clients()["Platform owner"]

    client.post(f"/comparisons/{window.pk}/again/")

    assert DiffWindow.objects.get(pk=window.pk).state == "DUE"
