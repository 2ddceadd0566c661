"""Companies that others made, through the front door: what is found is what is wrong with them.

What is read here lies beside the project, and these tests skip where it does not.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from exceptions.explain import why_here
from exceptions.models import Case
from reconciliation import clock
from reconciliation.models import Discrepancy, Order
from tests.reconciliation.front_door import Sender
from tests.world import settle

pytestmark = pytest.mark.django_db
MAPPINGS = Path(__file__).parent / "mappings"
DATASETS = Path(__file__).parents[3] / "shared" / "data" / "datasets"
NORTHWIND = DATASETS / "northwind2007" / "northwind-data.sql"
XERO = DATASETS / "fivetran_xero"
Row = dict[str, str]

_INSERT = re.compile(r"INSERT INTO `(\w+)` \(([^)]*)\) VALUES \((.*)\);")
_VALUE = re.compile(r"'((?:[^']|'')*)'|([^,\s']+)")


@pytest.fixture
def systems(installed: datetime) -> None:
    """Connect what the files come from."""
    for slug, kind in {
        "shop": "shop", "billing": "billing", "card-payments": "payments", "carrier": "carrier",
    }.items():  # fmt: skip
        Sender(at=installed, slug=slug, kind=kind)


def bring(tmp_path: Path, rows: Iterable[Row], *, mapping: str, source: str) -> dict[str, Any]:
    """Write rows as CSV and import them by a mapping, as anyone would."""
    told = list(rows)
    path = tmp_path / f"{mapping}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(told[0]))
        writer.writeheader()
        writer.writerows(told)
    out = StringIO()
    call_command(
        "import_csv", str(path), "--json", stdout=out,
        source=source, mapping=str(MAPPINGS / f"{mapping}.json"),
    )  # fmt: skip
    facts: dict[str, Any] = json.loads(out.getvalue())
    assert (facts["rejected"], facts["conflict"]) == (0, 0), facts["errors"][:3]
    return facts


def found() -> dict[str, set[str]]:
    """Judge everything now, and again much later, when nothing waits any more."""
    for ahead in (timedelta(), timedelta(days=60)):
        settle(clock.now() + ahead)
    assert not Order.objects.filter(verdict__in=["UNJUDGED", "WAITING"]).exists()
    broken = defaultdict(set)
    for name, order in Discrepancy.objects.filter(cleared_at=None).values_list(
        "check_name", "order__canonical_id"
    ):
        broken[name].add(order)
    return dict(broken)


def reasons(check: str) -> dict[str, str]:
    """Say why each order's case is there, as its page does."""
    cases = Case.objects.filter(check_name=check, closed_at=None)
    return {str(case.order): why_here(case) for case in cases}


def northwind(table: str) -> Iterator[Row]:
    """Read one table's rows out of the SQL."""
    for name, columns, values in _INSERT.findall(NORTHWIND.read_text()):
        if name == table:
            cells = [quoted or bare.replace("NULL", "") for quoted, bare in _VALUE.findall(values)]
            yield dict(zip([each.strip(" `") for each in columns.split(",")], cells, strict=True))


def northwind_orders() -> list[Row]:
    """Give each order with what its details, fee and taxes come to, and days without a time."""
    worth: dict[str, Decimal] = defaultdict(Decimal)
    for line in northwind("order_details"):
        share = 1 - Decimal(line["discount"])
        worth[line["order_id"]] += Decimal(line["quantity"]) * Decimal(line["unit_price"]) * share
    kept = ("id", "status_id", "order_date", "shipped_date", "paid_date")
    return [
        {name: each[name][:10] for name in kept}
        | {
            "total": str(
                (
                    worth[each["id"]] + Decimal(each["shipping_fee"]) + Decimal(each["taxes"])
                ).quantize(Decimal("0.01"))
            )
        }
        for each in northwind("orders")
    ]


@pytest.mark.skipif(not NORTHWIND.exists(), reason="northwind2007 does not lie beside the project")
def test_northwind_has_seven_parcels_without_invoice_and_three_invoices_without_parcel(
    systems: None, tmp_path: Path
) -> None:
    orders = northwind_orders()
    totals = {each["id"]: each["total"] for each in orders}
    shipped = [each for each in orders if each["shipped_date"]]
    invoices = [
        {
            "id": each["id"], "order_id": each["order_id"],
            "invoice_date": each["invoice_date"][:10], "total": totals[each["order_id"]],
        }
        for each in northwind("invoices")
    ]  # fmt: skip
    paid = [each for each in orders if each["paid_date"]]
    assert (len(orders), len(invoices)) == (48, 35)

    bring(tmp_path, orders, mapping="northwind_orders", source="shop")
    bring(tmp_path, shipped, mapping="northwind_shipments", source="carrier")
    bring(tmp_path, invoices, mapping="northwind_invoices", source="billing")
    bring(tmp_path, paid, mapping="northwind_payments", source="card-payments")

    billed = {each["order_id"] for each in invoices}
    sent = {each["id"] for each in shipped}
    assert found() == {
        "shipped_not_billed": sent - billed,
        "billed_not_fulfilled": billed - sent,
        # Besides: shipped and billed, and no payment is known.
        "paid_vs_invoiced": {"42"},
    }
    assert (len(sent - billed), len(billed - sent)) == (7, 3)
    assert set(reasons("shipped_not_billed").values()) == {
        "Shipped, not billed: “Shipped on” was not followed by “Invoiced on” within 7 days."
    }
    assert set(reasons("billed_not_fulfilled").values()) == {
        "Billed, not fulfilled: “Invoiced on” was not followed by “Shipped on” within 5 days."
    }


def xero(name: str) -> list[Row]:
    with (XERO / f"xero_{name}_data.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not XERO.exists(), reason="fivetran_xero does not lie beside the project")
def test_xero_is_clean_but_for_one_cent_and_what_is_still_due(
    systems: None, tmp_path: Path
) -> None:
    invoices = xero("invoice")
    net: dict[str, Decimal] = defaultdict(Decimal)
    tax: dict[str, Decimal] = defaultdict(Decimal)
    for line in xero("invoice_line_item"):
        net[line["invoice_id"]] += Decimal(line["line_amount"])
        tax[line["invoice_id"]] += Decimal(line["tax_amount"])
    kept = ("invoice_id", "date", "currency_code")
    lines = [
        {name: each[name] for name in kept}
        | {
            "total": str(
                net[each["invoice_id"]]
                + (tax[each["invoice_id"]] if each["line_amount_types"] == "Exclusive" else 0)
            )
        }
        for each in invoices
    ]

    bring(tmp_path, lines, mapping="xero_lines", source="shop")
    bring(tmp_path, invoices, mapping="xero_invoices", source="billing")

    due = {each["invoice_id"] for each in invoices if Decimal(each["amount_due"])}
    assert found() == {
        "invoiced_vs_ordered": {"1a30e4f4-674b-401e-943a-f974054709e2"},
        "paid_vs_invoiced": due,  # invoices that the file itself says are not paid
    }
    assert (Order.objects.count(), len(due)) == (601, 16)
    (said,) = reasons("invoiced_vs_ordered").values()
    assert said == (
        "Invoice differs from order: CAD 71.42 expected (Ordered), CAD 71.43 found"
        " (Invoiced less Credited)."
    )
