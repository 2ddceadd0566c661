"""Files through the front door: events line by line, CSV by a mapping."""

import csv
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from reconciliation import clock, imports, validate
from reconciliation.imports import Item
from reconciliation.models import Discrepancy, Event, EventConflict, Job, Order, RejectedEvent
from reconciliation.strict import Problem
from tests.reconciliation.front_door import Sender, confirmed
from tests.world import settle

pytestmark = pytest.mark.django_db

MAPPINGS = Path(__file__).parent / "mappings"
JAFFLE = Path(__file__).parents[3] / "shared" / "data" / "datasets" / "jaffle_shop"
needs_jaffle = pytest.mark.skipif(
    not JAFFLE.exists(), reason="the jaffle_shop data does not lie beside the project"
)


def run(command: str, *given: str) -> dict[str, Any]:
    out = StringIO()
    call_command(command, *given, "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert isinstance(found, dict)
    return found


def write_lines(path: Path, *lines: dict[str, Any] | str) -> str:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n")
    return str(path)


def funnel(facts: dict[str, Any]) -> list[int]:
    return [facts[name] for name in ("total", "new", "seen", "conflict", "rejected")]


def test_a_file_of_events_adds_up_and_changes_nothing_the_second_time(
    shop: Sender, tmp_path: Path
) -> None:
    shop.post(confirmed("known"))
    path = write_lines(
        tmp_path / "events.ndjson",
        *(confirmed(f"e-{number}") for number in range(1_200)),
        "",
        confirmed("known"),
        confirmed("e-3", order="9"),
        "{",
        confirmed("late", time="soon"),
    )

    first = run("import_events", path, "--source", "shop")
    second = run("import_events", path, "--source", "shop")

    assert funnel(first) == [1204, 1200, 1, 1, 2]
    assert funnel(second) == [1204, 0, 1201, 1, 2]
    assert [error["place"] for error in first["errors"]] == ["line 1203", "line 1204", "line 1205"]
    assert (Event.objects.count(), EventConflict.objects.count()) == (1201, 1)
    assert RejectedEvent.objects.count() == 2


def test_an_import_is_a_job_with_its_result(shop: Sender, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.ndjson", confirmed(), "{")

    facts = run("import_events", path, "--source", "shop")

    job = Job.objects.get(pk=facts["job"])
    assert (job.kind, job.state, job.total, job.done, job.failed) == ("import", "DONE", 2, 2, 1)
    assert job.result["new"] == 1
    assert job.finished_at is not None


def test_a_job_that_is_asked_to_stop_stops_between_batches(shop: Sender) -> None:
    job = imports.begin(source=shop.source, title="x", total=4_000, parameters={}, at=clock.now())
    items = (
        Item(f"line {number}", validate.said(confirmed(f"e-{number}"))) for number in range(4_000)
    )

    def stop() -> datetime:
        Job.objects.update(is_stop_asked=True)
        return clock.now()

    facts = imports.run(job=job, source=shop.source, items=items, now=stop)

    assert (facts["state"], facts["new"], Event.objects.count()) == ("STOPPED", 2_000, 2_000)


def test_a_job_that_breaks_says_so(shop: Sender) -> None:
    job = imports.begin(source=shop.source, title="x", total=1, parameters={}, at=clock.now())

    items = (Item("line 1", validate.structured(b"" * (1 // zero))) for zero in [0])

    with pytest.raises(ZeroDivisionError):
        imports.run(job=job, source=shop.source, items=items, now=clock.now)

    assert Job.objects.get().state == "FAILED"


def test_a_file_that_is_not_there_is_a_failure(shop: Sender, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_events", str(tmp_path / "nothing"), "--source", "shop")
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_events", str(tmp_path), "--source", "shop")

    assert Job.objects.count() == 0


def test_a_source_that_is_not_there_is_a_failure(shop: Sender, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no source 'x'; there are: reconcile, shop"):
        run("import_events", write_lines(tmp_path / "f"), "--source", "x")


MAPPING = {
    "sender": "urn:test",
    "events": [
        {
            "type": "payment.captured",
            "when": {"state": ["paid", "refunded"]},
            "id": "pay-{id}",
            "time": {"column": "day", "as": "date"},
            "data": {
                "order": {"column": "order", "as": "text"},
                "payment": {"text": "P{id}"},
                "amount_minor": {"column": "amount", "as": "money"},
                "fee_minor": {"column": "fee", "as": "integer"},
                "currency": {"value": "EUR"},
            },
        },
        {
            "type": "payment.refunded",
            "when": {"state": ["refunded"]},
            "id": "refund-{id}",
            "time": {"column": "day", "as": "date"},
            "data": {
                "order": {"column": "order", "as": "text"},
                "refund": {"text": "R{id}"},
                "amount_minor": {"column": "amount", "as": "money"},
                "currency": {"value": "EUR"},
            },
        },
    ],
}
HEADER = "id,state,day,order,amount,fee"


def import_rows(tmp_path: Path, *rows: str, mapping: object = MAPPING) -> dict[str, Any]:
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    path = write_lines(tmp_path / "rows.csv", *rows)
    return run("import_csv", path, "--source", "shop", "--mapping", str(tmp_path / "mapping.json"))


def test_a_row_makes_the_events_that_its_mapping_says(shop: Sender, tmp_path: Path) -> None:
    rows = [HEADER, "1,paid,2026-03-02,A,12.50,7", "", "2,refunded,2026-03-03,B,1,", "3,open,,,,"]

    first = import_rows(tmp_path, *rows)
    again = import_rows(tmp_path, *rows)

    assert (funnel(first), funnel(again)) == ([3, 3, 0, 0, 0], [3, 0, 3, 0, 0])
    found = {event.event_id: event for event in Event.objects.all()}
    assert found["pay-1"].occurred_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert found["pay-1"].data == {
        "order": "A", "payment": "P1", "amount_minor": 1250, "fee_minor": 7, "currency": "EUR",
    }  # fmt: skip
    assert "fee_minor" not in found["pay-2"].data
    assert found["refund-2"].data["amount_minor"] == 100


def test_errors_name_row_and_column_all_at_once(shop: Sender, tmp_path: Path) -> None:
    facts = import_rows(
        tmp_path,
        HEADER,
        "1,paid,2026-03-02,A,12.505,7",
        "2,paid,yesterday,,x,1.5",
        f"3,paid,2026-03-02,{'A' * 65},-1,0",
    )

    said = {(error["place"], error["detail"]) for error in facts["errors"]}
    assert funnel(facts) == [3, 0, 0, 0, 3]
    assert said == {
        ("row 2", "row 2, column amount: This is no amount, or has more digits than its currency."),
        ("row 3", "row 3, column day: This is no date such as 2026-03-02."),
        ("row 3", "row 3, column order: The cell is empty."),
        ("row 3", "row 3, column amount: This is no amount, or has more digits than its currency."),
        ("row 3", "row 3, column fee: This is no whole number."),
        ("row 4", "row 4, column order: The value is longer than 64 characters."),
        ("row 4", "row 4, column amount: The value is less than the minimum of 0."),
    }
    assert Event.objects.count() == 0
    assert RejectedEvent.objects.count() == 3


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (["id,state"], "no column amount, day, fee, order; it has id, state"),
        ([HEADER + ",id"], "these columns twice: id"),
        ([HEADER, '1,"paid'], "cannot be read after row 1"),
        ([], "it has none"),
    ],
)
def test_a_file_that_does_not_fit_stores_nothing(
    shop: Sender, tmp_path: Path, rows: list[str], why: str
) -> None:
    with pytest.raises(CommandError, match=why):
        import_rows(tmp_path, *rows)

    assert (Event.objects.count(), RejectedEvent.objects.count()) == (0, 0)


def test_a_row_that_fits_no_header_is_rejected_and_others_go_on(
    shop: Sender, tmp_path: Path
) -> None:
    facts = import_rows(tmp_path, HEADER, "2,paid", "1,paid,2026-03-02,A,1,1")

    assert funnel(facts) == [2, 1, 0, 0, 1]
    assert [error["detail"] for error in facts["errors"]] == [
        "row 2: It has 2 cells, the header 6."
    ]


def test_a_file_that_is_not_utf8_stores_nothing(shop: Sender, tmp_path: Path) -> None:
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    path = tmp_path / "rows.csv"
    path.write_bytes(HEADER.encode() + b"\n1,paid,2026-03-02,\xff,1,1\n")

    with pytest.raises(CommandError, match="cannot be read after row"):
        run(
            "import_csv", str(path), "--source", "shop", "--mapping", str(tmp_path / "mapping.json")
        )

    assert RejectedEvent.objects.count() == 0


def test_a_mapping_says_everything_that_is_wrong_with_it(shop: Sender, tmp_path: Path) -> None:
    bad = {"sender": "a b", "events": [{"type": "x", "id": "1", "time": {}}]}

    with pytest.raises(CommandError) as refusal:
        import_rows(tmp_path, HEADER, mapping=bad)

    for place in ("/sender", '"data" is a required property', "/events/0/time"):
        assert place in str(refusal.value)


def test_a_refused_message_is_no_event() -> None:
    message = validate.refused(validate.said(confirmed()), [Problem("/time", "no")])

    assert (message.problems, message.occurred_at) == ((Problem("/time", "no"),), None)


def import_jaffle() -> list[dict[str, Any]]:
    return [
        run(
            "import_csv", str(JAFFLE / f"raw_{name}.csv"),
            "--source", "shop", "--mapping", str(MAPPINGS / f"jaffle_{name}.json"),
        )
        for name in ("orders", "payments")
    ]  # fmt: skip


@needs_jaffle
def test_the_jaffle_shop_is_stored_whole(shop: Sender) -> None:
    assert [funnel(facts)[:2] for facts in import_jaffle()] == [[202, 202], [226, 226]]
    assert [funnel(facts)[2] for facts in import_jaffle()] == [202, 226]


@needs_jaffle
def test_the_jaffle_shop_has_four_orders_that_are_returned_but_paid(shop: Sender) -> None:
    with (JAFFLE / "raw_orders.csv").open() as file:
        returned = {row["id"] for row in csv.DictReader(file) if row["status"] == "returned"}

    import_jaffle()
    settle(clock.now())

    found = Discrepancy.objects.filter(cleared_at=None).values_list(
        "check_name", "order__canonical_id"
    )
    assert Order.objects.count() == 99
    assert sorted(found) == [("returned_but_paid", name) for name in sorted(returned)]
    assert len(returned) == 4
