"""Keeps copies of the trail's checkpoints where the database cannot reach."""

import json
import os
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from audit.models import Anchor, Checkpoint

FILE = "file"


@transaction.atomic
def copy_due() -> int:
    """Append every checkpoint without a copy to the anchor file; says how many.

    The file is flushed to disk before the copy counts as made. A crash in between leaves the
    same checkpoint in it twice, which proves no less. Only the sealer calls this.
    """
    newest = Anchor.objects.filter(kind=FILE).select_related("checkpoint").order_by("-pk").first()
    copied = newest.checkpoint.size if newest else 0
    due = list(Checkpoint.objects.filter(size__gt=copied).order_by("size"))
    if not due:
        return 0
    path = Path(settings.AUDIT_ANCHOR_FILE)
    _append(path, [json.dumps({"note": checkpoint.note}) for checkpoint in due])
    Anchor.objects.bulk_create(
        Anchor(checkpoint=checkpoint, kind=FILE, location=str(path), at=Now()) for checkpoint in due
    )
    return len(due)


def anchored_notes() -> list[str]:
    """Read the notes of the anchor file, leaving out a line that a crash cut off.

    Such a line was written again: a later one begins with it. Any other line that cannot be read
    is given as it stands, for the check to stumble over.
    """
    path = Path(settings.AUDIT_ANCHOR_FILE)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    notes = []
    for number, line in enumerate(lines):
        try:
            notes.append(json.loads(line)["note"])
        except (ValueError, KeyError, TypeError):
            later = lines[number + 1 :]
            if later and not any(whole.startswith(line) for whole in later):
                notes.append(line)
    return notes


def _append(path: Path, lines: list[str]) -> None:
    """Add lines, on disk when it returns; closes a line that a crash cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines = ["", *lines]
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())
