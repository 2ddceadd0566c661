"""Files brought by people: previewed, imported once, counted to their end, errors handed back."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEvent
from config.install import install
from reconciliation import job_runner, mappings, upload_page, upload_steps, uploads
from reconciliation.importers import NotAllowed
from reconciliation.mappings import CannotSave
from reconciliation.models import (
    ColumnMapping,
    Event,
    ImportFile,
    ImportFilePart,
    Job,
    RejectedEvent,
    Source,
    Upload,
    UploadRow,
)
from reconciliation.uploads import CannotImport
from tests import world
from tests.exceptions.people import install_product, person
from tests.world import NOON, settle

HEADER = "id,day,order,amount"
MAPPING: dict[str, Any] = {
    "sender": "urn:test",
    "events": [
        {
            "type": "payment.captured",
            "id": "pay-{id}",
            "time": {"column": "day", "as": "date"},
            "data": {
                "order": {"column": "order", "as": "text"},
                "payment": {"text": "P{id}"},
                "amount_minor": {"column": "amount", "as": "money"},
                "currency": {"value": "EUR"},
            },
        }
    ],
}


def begun(*rows: str, content: dict[str, Any] = MAPPING, slug: str = "shop") -> Upload:
    source = world.source(slug)
    mapping = mappings.save(source=source, name="payments", content=content, by=None, at=NOON)
    text = "\n".join([HEADER, *rows]).encode()
    file = uploads.keep(source=source, name="rows.csv", content=text, by=None, at=NOON)
    return uploads.begin(file=file, mapping=mapping, by=None, at=NOON)


def work(job: Job) -> Job:
    return job_runner.run(job_id=job.pk, kinds=upload_steps.KINDS, now=lambda: NOON)


def imported(*rows: str, **given: Any) -> Upload:  # noqa: ANN401 - as `begun`
    upload = begun(*rows, **given)
    work(upload.preview_job)
    return committed(upload)


def committed(upload: Upload) -> Upload:
    upload = uploads.commit(upload_id=upload.pk, by=None, at=NOON)
    assert upload.import_job
    work(upload.import_job)
    return Upload.objects.get(pk=upload.pk)


def counts(job: Job | None) -> list[int]:
    assert job
    return [
        Job.objects.get(pk=job.pk).result[name] for name in ("new", "seen", "conflict", "rejected")
    ]


ROWS = st.lists(
    st.builds(
        "{},2026-03-0{},{},{}".format,
        st.integers(1, 4),
        st.integers(1, 2),
        st.sampled_from(["A", ""]),
        st.sampled_from(["1.50", "2", "x"]),
    ),
    max_size=8,
)


class PreviewEqualsImport(TestCase):
    """Whatever a file holds, and whatever is known already."""

    @settings(max_examples=20)
    @given(known=ROWS, rows=ROWS)
    def test_an_import_gives_the_verdicts_that_its_preview_foresaw(
        self, known: list[str], rows: list[str]
    ) -> None:
        """Compare row by row."""
        install(at=NOON)
        imported(*known)
        upload = begun(*rows)
        work(upload.preview_job)
        foreseen = list(upload.items.order_by("row", "place").values("row", "verdict", "problems"))

        upload = committed(upload)

        found = list(upload.items.order_by("row", "place").values("row", "verdict", "problems"))
        assert found == foreseen
        assert counts(upload.preview_job) == counts(upload.import_job)
        assert sum(counts(upload.import_job)) == len(rows)


@pytest.fixture
def shop(db: None) -> datetime:
    install_product()
    return NOON


pytestmark = pytest.mark.django_db


def test_a_preview_stores_nothing_but_says_everything(shop: datetime) -> None:
    upload = begun("1,2026-03-02,A,12.50", "2,2026-03-02,A,7.505", "1,2026-03-02,A,12.50")

    work(upload.preview_job)

    assert counts(upload.preview_job) == [1, 1, 0, 1]
    assert (Event.objects.count(), RejectedEvent.objects.count()) == (0, 0)
    (total,) = upload_page.totals(upload)
    assert (total.type, total.currency, total.events, total.amount_minor) == (
        "payment.captured", "EUR", 2, 2500,
    )  # fmt: skip
    (error,) = upload_page.errors(upload)
    assert (error.row, error.pointer) == (3, "/data/amount_minor")
    assert "row 3, column amount: This is no amount" in error.detail


def test_the_same_file_twice_changes_nothing(shop: datetime) -> None:
    first = imported("1,2026-03-02,A,12.50")
    before = Event.objects.count(), AuditEvent.objects.count()

    again = committed(begun("1,2026-03-02,A,12.50"))

    assert again == first
    assert (Event.objects.count(), AuditEvent.objects.count()) == before
    assert (ImportFile.objects.count(), ImportFilePart.objects.count()) == (1, 1)


def test_the_same_rows_by_another_version_are_all_known(shop: datetime) -> None:
    imported("1,2026-03-02,A,12.50")

    again = imported("1,2026-03-02,A,12.50", content={**MAPPING, "title": "New words"})

    assert again.mapping.version == 2
    assert counts(again.import_job) == [0, 1, 0, 0]


def test_the_funnel_follows_every_event_to_its_outcome(shop: datetime) -> None:
    world.place("A")
    settle()
    upload = imported(
        "1,2026-03-02,A,10", "1,2026-03-02,A,10", "1,2026-03-02,A,11", "2,2026-03-02,B,5", "3,x,A,1"
    )
    waiting = upload_page.funnel(upload)

    settle()

    funnel = upload_page.funnel(upload)
    assert (waiting.total, waiting.waiting) == (5, 2)
    assert funnel.total == 5
    assert (funnel.applied, funnel.parked, funnel.duplicate, funnel.rejected) == (1, 1, 1, 2)
    assert funnel.waiting == 0


def test_the_error_file_has_each_bad_row_as_it_was_with_every_reason(shop: datetime) -> None:
    upload = imported("1,2026-03-02,A,10", '=1+1,"@x",,"-7.5\t"', "5,2026-03-02")

    lines = list(csv.reader(io.StringIO("".join(upload_page.error_file(upload)))))

    assert lines[0] == ["row", "reasons", "id", "day", "order", "amount"]
    assert [line[0] for line in lines[1:]] == ["3", "4"]
    assert lines[1][2:] == ["'=1+1", "'@x", "", "'-7.5\t"]
    for reason in ("column day: This is no date", "column order: The cell is empty"):
        assert reason in lines[1][1]
    assert "2 cells, the header 4" in lines[2][1]


def test_an_import_asked_to_stop_goes_on_where_it_was(shop: datetime) -> None:
    rows = [f"{n},2026-03-02,A,1" for n in range(1_500)]
    upload = begun(*rows)
    work(upload.preview_job)
    upload = uploads.commit(upload_id=upload.pk, by=None, at=NOON)
    job_runner.take(kinds=upload_steps.KINDS, limit=1, at=NOON)
    Job.objects.update(is_stop_asked=True)
    assert upload.import_job
    stopped = work(upload.import_job)

    upload = committed(upload)

    assert (stopped.state, stopped.done) == ("STOPPED", 1_000)
    assert counts(upload.import_job) == [1_500, 0, 0, 0]
    assert upload.import_job
    assert upload.import_job.state == "DONE"


def test_a_file_whose_mapping_names_no_column_says_so_and_can_be_tried_by_another(
    shop: datetime,
) -> None:
    bad = json.loads(json.dumps(MAPPING).replace('"amount"', '"betrag"'))

    job = work(begun("1,2026-03-02,A,1", content=bad).preview_job)

    assert job.state == "FAILED"
    assert "no column betrag; it has id, day, order, amount" in job.result["error"]
    assert counts(imported("1,2026-03-02,A,1").import_job) == [1, 0, 0, 0]


def test_a_mapping_never_changes_and_each_save_is_a_version(shop: datetime) -> None:
    source = world.source("shop")
    first = mappings.save(source=source, name="m", content=MAPPING, by=None, at=NOON)

    same = mappings.save(source=source, name="m", content=MAPPING, by=None, at=NOON)
    other = mappings.save(
        source=source, name="m", content={**MAPPING, "delimiter": ";"}, by=None, at=NOON
    )

    assert (first.version, same, other.version) == (1, first, 2)
    assert AuditEvent.objects.filter(action="mapping.saved").count() == 2
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        ColumnMapping.objects.filter(pk=first.pk).update(content={})
    with pytest.raises(CannotSave):
        mappings.save(source=source, name="a@2", content=MAPPING, by=None, at=NOON)


def test_whoever_brings_a_file_must_own_its_source(shop: datetime) -> None:
    source = world.source("shop")
    people = {
        "lead": person("lena", "Team lead", team=source.owner_team.slug, is_lead=True),
        "other": person("otto", "Team lead", team="", is_lead=True),
        "operator": person("olga", "Operator", team=source.owner_team.slug),
        "owner": person("dana", "Platform owner", team=""),
    }

    allowed = {name: may_keep(source, by) for name, by in people.items()}

    assert allowed == {"lead": True, "other": False, "operator": False, "owner": True}


def may_keep(source: Source, by: Any) -> bool:  # noqa: ANN401 - a person
    try:
        uploads.keep(source=source, name="x", content=b"a", by=by, at=NOON)
    except NotAllowed:
        return False
    return True


def test_nothing_is_imported_for_the_product_itself(shop: datetime) -> None:
    internal = Source.objects.get(kind="internal")

    with pytest.raises(NotAllowed, match="the product itself"):
        uploads.keep(source=internal, name="x", content=b"a", by=None, at=NOON)


@pytest.mark.parametrize("content", [b"", b"x" * (uploads.MOST_BYTES + 1)])
def test_a_file_that_is_empty_or_too_large_is_refused(shop: datetime, content: bytes) -> None:
    with pytest.raises(CannotImport):
        uploads.keep(source=world.source("shop"), name="x", content=content, by=None, at=NOON)

    assert ImportFile.objects.count() == 0


def test_a_file_that_was_not_read_to_its_end_is_not_imported(shop: datetime) -> None:
    upload = begun("1,2026-03-02,A,1")

    with pytest.raises(CannotImport, match="has not been read"):
        uploads.commit(upload_id=upload.pk, by=None, at=NOON)


def test_a_paused_source_takes_no_import(shop: datetime) -> None:
    upload = begun("1,2026-03-02,A,1")
    work(upload.preview_job)
    Source.objects.filter(slug="shop").update(is_paused=True)

    with pytest.raises(CannotImport, match="is paused"):
        uploads.commit(upload_id=upload.pk, by=None, at=NOON)


def test_bytes_and_rows_are_dropped_after_their_time_and_what_became_of_them_stays(
    shop: datetime,
) -> None:
    upload = imported("1,2026-03-02,A,1", "2,x,A,1")
    content = uploads.content(upload.file)

    early = uploads.forget(limit=10, at=world.later(days=90))
    late = uploads.forget(limit=10, at=world.later(days=91))

    assert (early, late, content[:4]) == (0, 1, b"id,d")
    assert (ImportFilePart.objects.count(), UploadRow.objects.count()) == (0, 0)
    assert upload_page.funnel(upload).total == 2
    assert "column day" in "".join(upload_page.error_file(upload))
