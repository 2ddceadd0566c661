"""Sealing: finished rows only, in one order, under a signature, with a copy outside."""

import json
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import Settings

from audit import anchor, keys, queries, seal
from audit.merkle import row_hash
from audit.models import Anchor, AuditEvent, Checkpoint, SealLeaf
from audit.note import BadNote, Verifier, open_note, read_verifier, sign
from audit.record import record
from tests.audit.conftest import NOON

pytestmark = pytest.mark.django_db(transaction=True)


def _record(*subjects: int) -> None:
    for subject_id in subjects:
        record(stream="order", subject_id=subject_id, action="order.moved", actor="x", at=NOON)


def _in_thread(work: Callable[[], object]) -> object:
    """Run `work` over a connection of its own."""
    found: list[object] = []

    def _run() -> None:
        found.append(work())
        connection.close()

    thread = threading.Thread(target=_run)
    thread.start()
    thread.join()
    return found[0]


def test_every_row_becomes_the_leaf_of_its_stored_bytes(seal_all: Callable[[], None]) -> None:
    _record(1, 2, 1)

    seal_all()

    rows = AuditEvent.objects.order_by("transaction_id", "id")
    assert [bytes(leaf.leaf_hash) for leaf in SealLeaf.objects.order_by("position")] == [
        row_hash(row_id=row.pk, transaction_id=int(row.transaction_id), body=bytes(row.body))
        for row in rows
    ]


def test_many_seals_make_the_tree_of_one(seal_all: Callable[[], None]) -> None:
    for size, more in ((1, 1), (3, 2), (7, 4), (11, 4)):
        _record(*range(size - more + 1, size + 1))
        seal_all()

    last = Checkpoint.objects.order_by("-size").first()
    assert last is not None
    assert last.size == 11
    call_command("verify_audit")


def test_a_row_whose_transaction_is_still_open_waits_and_none_is_passed_over(
    seal_all: Callable[[], None],
) -> None:
    with transaction.atomic():
        _record(1)
        _in_thread(lambda: _record(2))  # a later row, committed earlier
        sealed_meanwhile = _in_thread(lambda: seal.take(limit=10, at=NOON))

    seal_all()

    assert sealed_meanwhile == 0
    assert SealLeaf.objects.count() == 2


@pytest.mark.usefixtures("outside")
def test_only_one_sealer_seals() -> None:
    _record(1)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [seal._LOCK])
        sealed = _in_thread(lambda: seal.take(limit=10, at=NOON))

    assert sealed == 0
    assert not Checkpoint.objects.exists()


def test_a_checkpoint_is_signed_and_copied_outside(
    seal_all: Callable[[], None], outside: Path
) -> None:
    _record(1, 2)

    seal_all()

    notes = list(Checkpoint.objects.order_by("size").values_list("note", flat=True))
    copies = (outside / "anchors.jsonl").read_text().splitlines()
    assert [json.loads(line)["note"] for line in copies] == notes
    assert Anchor.objects.count() == len(notes)
    assert open_note(notes[-1], verifiers=keys.verifiers()).startswith("reconcile/audit\n2\n")


def test_a_copy_that_a_crash_cut_off_is_left_out_because_it_was_made_again(
    seal_all: Callable[[], None], outside: Path
) -> None:
    _record(1)
    seal_all()
    copies = outside / "anchors.jsonl"
    whole = copies.read_text()

    copies.write_text(f"{whole[:50]}\n{whole}{whole[:40]}")

    assert anchor.anchored_notes() == [Checkpoint.objects.get().note]


def test_a_copy_goes_on_a_line_of_its_own_and_rubbish_is_not_passed_over(
    seal_all: Callable[[], None], outside: Path
) -> None:
    (outside / "anchors.jsonl").write_text("rubbish")
    _record(1)

    seal_all()

    assert anchor.anchored_notes() == ["rubbish", Checkpoint.objects.get().note]


def test_nothing_new_makes_no_checkpoint(seal_all: Callable[[], None]) -> None:
    _record(1)
    seal_all()
    before = Checkpoint.objects.count()

    assert seal.take(limit=10, at=NOON) == 0

    assert Checkpoint.objects.count() == before


@pytest.mark.usefixtures("seal_all")
def test_the_tail_is_counted_with_its_age() -> None:
    _record(1, 2)
    newest = AuditEvent.objects.order_by("-recorded_at").values_list("recorded_at", flat=True)[0]

    rows, age = queries.unsealed(at=newest)

    assert rows == 2
    assert 0 <= age.total_seconds() < 5


def test_the_key_is_made_once_and_only_its_owner_reads_it(outside: Path) -> None:
    made, kept = keys.signing_key(), keys.signing_key()

    assert made.public_key() == kept.public_key()
    assert stat.S_IMODE((outside / "key.pem").stat().st_mode) == 0o600
    assert [path.name for path in outside.iterdir()] == ["key.pem"]


@pytest.mark.usefixtures("outside")
def test_production_makes_no_key_by_itself(settings: Settings) -> None:
    settings.IS_PRODUCTION = True

    with pytest.raises(keys.NoSigningKey):
        keys.signing_key()


@pytest.mark.usefixtures("outside")
def test_a_note_signed_by_nobody_we_know_is_refused() -> None:
    key = keys.signing_key()
    note = sign("reconcile/audit\n1\nAAAA\n", name="reconcile/audit", key=key)
    known = read_verifier(str(Verifier("reconcile/audit", key.public_key())))
    other = Verifier("other/audit", key.public_key())

    assert open_note(note, verifiers=[known]) == "reconcile/audit\n1\nAAAA\n"
    for bad, verifiers in (
        (note.replace("\n1\n", "\n2\n"), [known]),
        (note, [other]),
        ("x", [known]),
    ):
        with pytest.raises(BadNote):
            open_note(bad, verifiers=verifiers)
