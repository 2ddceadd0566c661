"""Comparisons on pages: what they found, and the schedule that people set."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.queries import trail
from reconciliation import brought_steps, job_runner, mappings
from reconciliation.clock import now
from reconciliation.models import (
    DiffFinding,
    DiffSchedule,
    DiffWindow,
    Discrepancy,
    Event,
    ImportFile,
    Job,
)
from tests.pages.conftest import find
from tests.pages.people import clients, member
from tests.pages.test_desk import body
from tests.reconciliation.exporter import Exporter, serve
from tests.reconciliation.test_uploads import MAPPING
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

    for words in ("Control totals", "€22.50", "Amount: €10.00 here", "<strong>€12.50</strong>",
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


def export_of(*amounts: int) -> bytes:
    """Write billing's export: one invoice an order, as it would have told us."""
    lines = [
        json.dumps({
            "specversion": "1.0", "id": f"x-{number}", "source": "/billing",
            "type": "invoice.issued", "time": (NOON + timedelta(minutes=number)).isoformat(),
            "data": {"order": f"D-{number}", "invoice": f"I-{number}", "amount_minor": amount,
                     "currency": "EUR"},
        })
        for number, amount in enumerate(amounts, start=1)
    ]  # fmt: skip
    return "\n".join(lines).encode()


def bring(client: Client, content: bytes, **said: str) -> Any:  # noqa: ANN401 - Django's answer
    asked = {
        "mapping": f"s{source('billing').pk}", "since": NOON.isoformat(),
        "until": (NOON + timedelta(hours=1)).isoformat(), **said,
    }  # fmt: skip
    given = {"file": SimpleUploadedFile("billing.ndjson", content)} if content else {}
    return client.post("/comparisons/", {**asked, **given}, follow=True)


def work() -> None:
    while job_runner.take(kinds=brought_steps.KINDS, limit=20, at=now()):
        pass


@pytest.fixture
def told(desk: object) -> None:
    """Let billing tell of two invoices."""
    for number in (1, 2):
        place(f"D-{number}")
        say(
            "billing", "invoice.issued", f"D-{number}", NOON + timedelta(minutes=number),
            invoice=f"I-{number}", amount_minor=1000, currency="EUR",
        )  # fmt: skip
    settle(NOON + timedelta(hours=2))


@pytest.mark.usefixtures("told")
def test_a_full_export_is_compared_in_the_background_and_opens_nothing_twice() -> None:
    client, content = clients()["Platform owner"], export_of(1000, 1250, 500)

    page = bring(client, content).content.decode()
    assert "waits for a worker" in page
    for _ in range(2):
        work()
        job = Job.objects.filter(kind="compare_export").latest("pk")
        page = body(client, f"/comparisons/exports/{job.pk}/")
        for words in ("2 apart", "See both sides", "invoice.issued"):
            assert words in page
        bring(client, content)  # once more: the same file, compared anew
    work()

    assert Job.objects.filter(kind="compare_export", state="DONE").count() == 3
    assert DiffWindow.objects.count() == 1
    kinds = sorted(DiffFinding.objects.values_list("kind", "reference"))
    assert kinds == [("DIFFERENT", "I-2"), ("ONLY_THERE", "I-3")]
    opened = Discrepancy.objects.filter(check_name__startswith="diff_")
    assert sorted(opened.values_list("check_name", flat=True)) == [
        "diff_different", "diff_only_there",
    ]  # fmt: skip
    assert not Event.objects.filter(reference="I-3").exists()
    rows = trail(stream="source", subject_id=source("billing").pk)
    actions = [(row.action, row.actor) for row in rows if row.action.startswith("diff.")]
    assert actions == [("diff.brought", "platform.owner"), ("diff.compared", "service:diff")] * 3
    listed = body(client, "/comparisons/")
    assert listed.count("billing.ndjson") == 3
    refused = client.post(f"/comparisons/{DiffWindow.objects.get().pk}/again/")
    assert refused.status_code == 409
    assert "Upload its export again" in refused.content.decode()


@pytest.mark.usefixtures("told")
def test_everything_that_is_wrong_with_an_export_is_said_at_once_and_nothing_is_compared() -> None:
    client = clients()["Platform owner"]
    good, second = export_of(1000, 1000).split(b"\n")
    early = good.replace(b"12:01", b"11:01").replace(b"I-1", b"I-0")
    content = b"\n".join([good, b"", b"{nonsense", second.replace(b"1000", b'"ten"'), early])

    bring(client, content)
    work()

    job = Job.objects.get(kind="compare_export")
    page = body(client, f"/comparisons/exports/{job.pk}/")
    for words in ("3 records are wrong, of 4", "Nothing was compared", "line 3", "line 4",
                  "line 5", "outside the time to compare", "Not compared"):  # fmt: skip
        assert words in page
    assert not DiffWindow.objects.exists()
    kept = client.get(f"/comparisons/exports/{job.pk}/errors.csv").getvalue().decode().splitlines()
    assert [line.partition(",")[0] for line in kept] == ["place", "line 3", "line 4", "line 5"]
    assert ImportFile.objects.get().size_bytes == len(content)


@pytest.mark.usefixtures("told")
def test_a_table_is_compared_by_a_saved_mapping() -> None:
    lead = clients(lambda role: member(role, team="revenue-ops"))["Team lead"]
    mapping = mappings.save(
        source=source("card-payments"), name="payments", content=MAPPING, by=None, at=NOON
    )
    rows = b"id,day,order,amount\n1,2026-03-02,D-1,12.50\n2,2026-03-02,D-1,1\n"

    bring(lead, rows, mapping=f"m{mapping.pk}", since="2026-03-01T00:00", until="2026-03-04T00:00")
    work()

    found = DiffWindow.objects.get()
    assert (found.source, found.only_there) == (source("card-payments"), 2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"since": "2026-11-02T00:00", "until": "2026-11-01T00:00"}, "must lie before the last"),
        ({"since": "x", "until": "2999-01-01T00:00"}, "Enter a day and a time"),
        ({"until": "2999-01-01T00:00"}, "has not come yet"),
        ({"types": "order.confirmed"}, "has no outside reference"),
        ({"mapping": "s999999"}, "Choose the source"),
    ],
)
def test_an_export_that_cannot_be_compared_as_asked_is_not_kept(
    wrong: dict[str, str], words: str, desk: object
) -> None:
    answer = bring(clients()["Admin"], export_of(1000), **wrong)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ImportFile.objects.exists()


def test_a_window_that_is_there_with_another_end_is_said_before_anything_is_kept(
    window: DiffWindow,
) -> None:
    answer = bring(
        clients()["Admin"], export_of(1000), until=(NOON + timedelta(minutes=30)).isoformat()
    )

    assert answer.status_code == 422
    assert "A window from this moment is there already" in answer.content.decode()


def test_a_lead_brings_exports_for_the_sources_of_their_team_alone(desk: object) -> None:
    lead = clients()["Team lead"]

    assert "Compare a full export" in body(lead, "/comparisons/")
    assert bring(lead, export_of(1000)).status_code == 403
