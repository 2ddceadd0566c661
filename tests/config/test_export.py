"""`manage.py export`."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exceptions import intake
from reconciliation import discrepancies
from reconciliation.export import cell
from reconciliation.models import OrderDetail
from tests.reconciliation.worlds import NOON, order, rules, source

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_case() -> None:
    rules()
    mine = order("A-1", ordered_minor=1234, placed_at=NOON)
    OrderDetail.objects.create(order=mine, source=source(), customer_name="=HYPERLINK(1)")
    discrepancies.open_for(
        check_name="paid_twice", order=mine, at=NOON, details={"paid_minor": 2468}
    )
    intake.take(limit=5, at=NOON)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("export", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("orders", {"canonical_id": "A-1", "ordered_minor": 1234, "customer": "=HYPERLINK(1)"}),
        ("discrepancies", {"check_name": "paid_twice", "order": "A-1", "team": "revenue-ops"}),
        ("cases", {"check_name": "paid_twice", "state": "NEW", "order": "A-1", "owner": None}),
    ],
)
def test_every_row_is_one_line_of_json(what: str, names: dict[str, object]) -> None:
    (row,) = map(json.loads, said(what).splitlines())

    assert names.items() <= row.items()


def test_the_trail_comes_with_the_bodies_that_were_sealed() -> None:
    rows = [json.loads(line) for line in said("audit").splitlines()]

    assert {"case.opened", "discrepancy.opened", "rulebook.published"} <= {
        row["action"] for row in rows
    }


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    (row,) = csv.DictReader(StringIO(said("orders", "--format", "csv")))

    assert row["customer"] == "'=HYPERLINK(1)"
    assert row["placed_at"] == "2026-11-02T12:00:00+00:00"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("a=1", "a=1"), (-1, -1), (None, ""), (True, "true"),
        ({"a": 1}, '{"a": 1}'),
    ],
)  # fmt: skip
def test_only_text_that_could_run_is_changed(value: object, written: object) -> None:
    assert cell(value) == written


def test_a_file_is_written_and_the_answer_counts_its_rows(tmp_path: Path) -> None:
    target = tmp_path / "cases.csv"

    answer = json.loads(said("cases", "--format", "csv", "--output", str(target), "--json"))

    assert answer == {"what": "cases", "rows": 1, "output": str(target)}
    assert len(target.read_text().splitlines()) == 2


def test_rows_and_an_answer_in_json_do_not_mix() -> None:
    with pytest.raises(CommandError, match="--json needs --output"):
        said("cases", "--json")


def test_a_file_that_cannot_be_written_is_said() -> None:
    with pytest.raises(CommandError, match="No such file or directory"):
        said("cases", "--output", "/nowhere/at/all")
