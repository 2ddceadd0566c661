"""The import pages, without script: upload, map, preview, import, follow, hand errors back."""

from datetime import datetime
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from reconciliation import job_runner, mappings, upload_page, upload_steps
from reconciliation.clock import now
from reconciliation.models import ColumnMapping, Event, ImportFile, Job, Upload
from tests import world
from tests.reconciliation.test_uploads import MAPPING
from tests.world import NOON, settle

pytestmark = pytest.mark.django_db

ROWS = b"id,day,order,amount\n1,2026-03-02,O-1,12.50\n2,2026-03-02,O-1,x\n3,2026-03-02,O-77,1\n"


@pytest.fixture
def owner(people: dict[str, Client]) -> Client:
    return people["Platform owner"]


@pytest.fixture
def mapping(desk: datetime) -> ColumnMapping:
    source = world.source("card-payments")
    return mappings.save(source=source, name="payments", content=MAPPING, by=None, at=NOON)


def send(client: Client, content: bytes, chosen: str, name: str = "rows.csv", **more: Any) -> Any:  # noqa: ANN401 - Django's answer
    file = SimpleUploadedFile(name, content)
    return client.post("/imports/", {"file": file, "mapping": chosen, **more}, follow=True)


def work() -> None:
    while job_runner.take(kinds=upload_steps.KINDS, limit=20, at=now()):
        pass


def test_a_file_is_previewed_imported_and_followed_to_its_outcome(
    owner: Client, mapping: ColumnMapping
) -> None:
    page = send(owner, ROWS, f"m{mapping.pk}")
    upload = Upload.objects.get()
    assert page.redirect_chain == [(f"/imports/{upload.pk}/", 303)]
    text = page.content.decode()
    for said in ("Import 2 new events", "row 3, column amount: This is no amount", "€13.50"):
        assert said in text
    assert not Event.objects.filter(sender="urn:test").exists()

    running = owner.post(f"/imports/{upload.pk}/commit/", follow=True).content.decode()
    work()
    settle(now)
    done = owner.get(f"/imports/{upload.pk}/")

    assert "Importing" in running
    assert 'hx-trigger="every 1s"' in running
    funnel = done.context["funnel"]
    assert (funnel.total, funnel.applied, funnel.parked, funnel.rejected) == (3, 1, 1, 1)
    for outcome in upload_page.LISTED:
        shown = owner.get(f"/imports/{upload.pk}/?show={outcome}").context["listed"]
        assert len(shown) == getattr(funnel, outcome), outcome
    errors = owner.get(f"/imports/{upload.pk}/errors.csv").getvalue()
    assert errors.splitlines()[1].startswith(b'3,"row 3, column amount')


def test_the_same_file_again_leads_to_its_page_and_changes_nothing(
    owner: Client, mapping: ColumnMapping
) -> None:
    send(owner, ROWS, f"m{mapping.pk}")
    upload = Upload.objects.get()
    for _ in range(2):  # a double click
        owner.post(f"/imports/{upload.pk}/commit/")
    work()
    before = Event.objects.count()

    page = send(owner, ROWS, f"m{mapping.pk}", name="other-name.csv")
    work()

    assert "was imported by payments v1 before. Nothing changed." in page.content.decode()
    assert (Upload.objects.count(), Event.objects.count()) == (1, before)
    assert Job.objects.filter(kind="import_file").count() == 1


def test_columns_are_mapped_on_a_form_and_saved_as_versions(owner: Client, desk: datetime) -> None:
    source = world.source("card-payments")
    content = "Order;Payment;Amount;Date\nO-1;ch_1;1.234,50;02.03.2026\n".encode("utf-8-sig")
    form = send(owner, content, f"s{source.pk}")
    file = ImportFile.objects.get()
    assert form.redirect_chain == [(f"/imports/files/{file.pk}/", 303)]
    assert form.context["header"] == ["Order", "Payment", "Amount", "Date"]
    chosen = {
        "type": "payment.captured", "delimiter": ";", "encoding": "utf-8", "header_row": "1",
        "decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y", "id": "pay-{Payment}",
        "time": "Date", "time_as": "date", "column.order": "Order", "column.payment": "Payment",
        "column.amount_minor": "Amount", "fixed.currency": "EUR", "name": "bank",
        "sender": "urn:bank",
    }  # fmt: skip

    bad = owner.post(f"/imports/files/{file.pk}/", {**chosen, "column.amount_minor": "", "id": "x"})
    good = owner.post(f"/imports/files/{file.pk}/", chosen, follow=True)

    assert bad.status_code == 422
    for said in ("amount_minor is needed", "needs a column, such as pay-{id}"):
        assert said in bad.content.decode()
    assert "€1,234.50" in good.content.decode()
    saved = ColumnMapping.objects.get()
    assert (saved.name, saved.version) == ("bank", 1)
    assert "v1" in owner.get(f"/imports/mappings/{saved.pk}/").content.decode()
    again = owner.get(f"/imports/files/{file.pk}/?from={saved.pk}").content.decode()
    assert 'value="pay-{Payment}"' in again


def test_a_workbook_is_taken_by_the_same_mapping(owner: Client, mapping: ColumnMapping) -> None:
    book, out = openpyxl.Workbook(), BytesIO()
    for row in (["id", "day", "order", "amount"], [1, datetime(2026, 3, 2), "O-1", 12.1]):  # noqa: DTZ001
        book.active.append(row)
    book.save(out)

    send(owner, out.getvalue(), f"m{mapping.pk}", name="rows.xlsx")

    (item,) = Upload.objects.get().items.all()
    assert (item.identity, item.verdict, item.amount_minor) == ("pay-1", "new", 1210)


def test_a_mapping_may_come_as_a_file(owner: Client, mapping: ColumnMapping) -> None:
    bad = SimpleUploadedFile("mine.json", b'{"sender": "urn:x"}')

    page = send(owner, ROWS, f"s{mapping.source_id}", written=bad)

    assert page.status_code == 422
    assert "events" in page.content.decode()
    assert not ImportFile.objects.exists()


@pytest.mark.parametrize(
    ("content", "chosen", "why"),
    [
        (b"", "", "Choose how the columns are read"),
        (b"", "m999999", "Choose how the columns are read"),
        (b"x", "mx", "Choose how the columns are read"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_kept(
    owner: Client, desk: datetime, content: bytes, chosen: str, why: str
) -> None:
    page = send(owner, content, chosen)

    assert page.status_code == 422
    assert why in page.content.decode()
    assert not ImportFile.objects.exists()


def test_a_file_that_is_too_large_is_refused_while_it_comes_in(
    owner: Client, mapping: ColumnMapping
) -> None:
    page = send(owner, b"x" * (33 * 2**20), f"m{mapping.pk}")

    assert page.status_code == 400
    assert "up to 32 MiB" in page.content.decode()


def test_an_unreadable_file_says_why_and_offers_the_form(
    owner: Client, mapping: ColumnMapping
) -> None:
    page = send(owner, b"a,b\n1,2\n", f"m{mapping.pk}").content.decode()

    assert "The file has no column amount, day, id, order" in page
    assert "Nothing was imported." in page
    assert "Map the columns again" in page


def test_a_lead_of_another_team_sees_the_preview_and_why_they_may_not_import(
    people: dict[str, Client], mapping: ColumnMapping
) -> None:
    send(people["Platform owner"], ROWS, f"m{mapping.pk}")
    upload = Upload.objects.get()

    page = people["Team lead"].get(f"/imports/{upload.pk}/").content.decode()
    answer = people["Team lead"].post(f"/imports/{upload.pk}/commit/")

    assert "Needs a lead of Revenue ops" in page
    assert answer.status_code == 403


def test_an_empty_list_says_what_will_be_here(owner: Client, desk: datetime) -> None:
    page = owner.get("/imports/").content.decode()

    assert "No file has been uploaded yet" in page
    assert owner.get("/imports/?after=x").status_code == 400
