"""Checks the whole trail from the bytes as stored, and names the first row that is wrong.

Knows no database and no Django, so that an outsider can run it on an export: the standard
library and `cryptography` are enough.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from audit import checkpoint
from audit.merkle import Tree, row_hash
from audit.note import BadNote, Verifier, open_note

MOST_PROBLEMS = 100


class Row(NamedTuple):
    """One place in the tree beside the audit row that stands there; either may be missing.

    Given in the order of the places, then the rows not sealed yet by transaction and id.
    Moments are text, as in the body.
    """

    position: int | None
    leaf_event_id: int | None
    leaf_hash: bytes | None
    id: int | None
    transaction_id: int
    stream: str
    subject_id: int
    sequence: int
    action: str
    actor: str
    at: str
    recorded_at: str
    from_state: str
    to_state: str
    reason: str
    cause_event_id: int | None
    rulebook_version: int | None
    body: bytes


# What the body says under its own names, beside the columns of a row, in one order.
_SAID = ("stream", "subject", "sequence", "action", "actor", "at", "recorded_at", "from", "to",
         "reason", "cause_event", "rulebook")  # fmt: skip
_named = itemgetter(*_SAID)
_FIRST_SAID = Row._fields.index("stream")
_BODY = Row._fields.index("body")


class Sealed(NamedTuple):
    """A checkpoint as the database holds it."""

    size: int
    root: bytes
    frontier: bytes
    at: str
    note: str


class Problem(NamedTuple):
    """One thing that is wrong, and the row where it shows."""

    what: str
    row: int | None = None
    position: int | None = None
    subject: str = ""


@dataclass
class Report:
    """What the check came to."""

    rows: int = 0
    sealed: int = 0
    checkpoints: int = 0
    anchored: int = 0
    root: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems

    @property
    def first_bad(self) -> Problem | None:
        """Give the first problem that names a row, else the first there is."""
        named = (problem for problem in self.problems if problem.row is not None)
        return next(named, self.problems[0] if self.problems else None)


def verify(
    *,
    rows: Iterable[Row],
    checkpoints: Iterable[Sealed],
    anchored: Iterable[str],
    verifiers: list[Verifier],
) -> Report:
    """Recompute everything: each row, its place, its sequence, every root, signature and copy.

    `anchored` are the notes kept outside the database; they show a trail that was cut back.
    """
    check = _Check(verifiers)
    for sealed in checkpoints:
        check.expect_sealed(sealed)
    for note in anchored:
        check.expect_anchored(note)
    for row in rows:
        check.row(row)
    check.finish()
    return check.report


class _Sequences:
    """Follows the numbering of every subject, whatever order its rows come in."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], int] = {}
        self._early: dict[tuple[str, int], dict[int, Row]] = {}

    def is_taken(self, row: Row) -> bool:
        """Count a row in; tells whether its number was there already."""
        subject = (row.stream, row.subject_id)
        due = self._next.get(subject, 1)
        if row.sequence == due:
            early = self._early.get(subject)
            due += 1
            while early and early.pop(due, None):
                due += 1
            self._next[subject] = due
            return False
        early = self._early.setdefault(subject, {})
        is_taken = row.sequence < due or row.sequence in early
        early.setdefault(row.sequence, row)
        return is_taken

    def gaps(self) -> Iterator[tuple[Row, int]]:
        """Give each subject's first row after a gap, and the number that is missing."""
        for subject, early in self._early.items():
            due = self._next.get(subject, 1)
            late = [number for number in early if number > due]
            if late:
                yield early[min(late)], due


class _Check:
    """One run of the check, row after row."""

    def __init__(self, verifiers: list[Verifier]) -> None:
        self.report = Report()
        self._verifiers = verifiers
        self._tree = Tree()
        self._statements: dict[int, list[tuple[str, bytes, bytes | None]]] = {}
        self._sealed: list[checkpoint.Statement] = []
        self._sequences = _Sequences()
        self._streams: list[str] = []  # of the rows since the last checkpoint
        self._since: Row | None = None  # the first of them
        self._last = (0, 0)  # transaction and id of the row before
        self._root_holds = True

    def expect_sealed(self, sealed: Sealed) -> None:
        """Take a checkpoint's statement, if it is signed and says what its columns say."""
        self.report.checkpoints += 1
        statement = self._read(sealed.note, f"checkpoint of {sealed.size} rows")
        if statement is None:
            return
        said = (statement.size, statement.root, statement.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        if said != (sealed.size, sealed.root, sealed.at):
            self._problem(f"The checkpoint of {sealed.size} rows differs from its signed text.")
        before = self._sealed[-1] if self._sealed else None
        if statement.previous_root != (before.root if before else b""):
            self._problem(f"A checkpoint is missing before the one of {statement.size} rows.")
        self._sealed.append(statement)
        expected = ("checkpoint", statement.root, sealed.frontier)
        self._statements.setdefault(statement.size, []).append(expected)

    def expect_anchored(self, note: str) -> None:
        """Take the statement of a copy kept outside."""
        self.report.anchored += 1
        statement = self._read(note, "anchored checkpoint")
        if statement is not None:
            expected = ("anchored checkpoint", statement.root, None)
            self._statements.setdefault(statement.size, []).append(expected)

    def row(self, row: Row) -> None:
        """Check one row, and the place in the tree that it has."""
        if row.id is None:
            self._problem(f"Row {row.leaf_event_id} was sealed and is gone.", row)
        else:
            self.report.rows += 1
            self._row_itself(row)
        if row.position is not None:
            self._place(row)

    def finish(self) -> None:
        """Check what only the end can tell."""
        for row, missing in self._sequences.gaps():
            self._problem(f"Number {missing} of {row.stream} {row.subject_id} is missing.", row)
        size = self._tree.size
        told = max(self._statements, default=0)
        if told > size:
            what = f"The trail was cut back: {told} rows were sealed, {size} are here."
            self.report.problems.append(Problem(what, position=size))
        if size not in self._statements and size:
            self._problem("The newest leaves stand under no checkpoint.", self._since)
        self.report.sealed = size
        self.report.root = self._tree.root.hex()

    def _row_itself(self, row: Row) -> None:
        number = (row.transaction_id, row.id or 0)
        if number <= self._last:
            self._problem("The row is out of order, or was put behind the seal.", row)
        else:
            self._last = number
        said = _said(row.body)
        if said is None:
            self._problem("The body is not the JSON that was written.", row)
        elif said != row[_FIRST_SAID:_BODY]:
            wrong = [
                name
                for name, body, column in zip(_SAID, said, row[_FIRST_SAID:_BODY], strict=True)
                if body != column
            ]
            self._problem(f"The columns differ from the body: {', '.join(wrong)}.", row)
        if self._sequences.is_taken(row):
            self._problem(f"Number {row.sequence} of its subject is there twice.", row)

    def _place(self, row: Row) -> None:
        if row.position != self._tree.size:
            what = f"Place {self._tree.size} of the tree is empty or filled twice."
            self._problem(what, row._replace(position=self._tree.size))
        leaf = bytes(row.leaf_hash or b"")
        if row.id is not None:
            found = row_hash(row_id=row.id, transaction_id=row.transaction_id, body=bytes(row.body))
            if found != leaf:
                self._problem("The row is not the one that was sealed.", row)
            leaf = found
        self._since = self._since or row
        if row.id is not None:
            self._streams.append(row.stream)
        self._tree.extend((leaf,))
        if self._tree.size in self._statements:
            self._compare_roots()

    def _compare_roots(self) -> None:
        root, frontier = self._tree.root, self._tree.frontier
        stated = self._statements[self._tree.size]
        for kind, said, kept in stated:
            if not self._root_holds:
                break  # every later root differs for the same reason
            if said != root or (kept is not None and kept != frontier):
                self._root_holds = False
                what = f"The {kind} of {self._tree.size} rows has another root: a row changed after"
                self._problem(
                    f"{what} it was sealed, this one or one that follows it.", self._since
                )
        for statement in self._sealed:
            if statement.size == self._tree.size:
                if statement.streams != checkpoint.count(self._streams):
                    self._problem("The checkpoint counts other streams.", self._since)
                self._streams = []
        if self._root_holds:
            self._since = None

    def _read(self, note: str, what: str) -> checkpoint.Statement | None:
        try:
            return checkpoint.read(open_note(note, verifiers=self._verifiers))
        except (BadNote, checkpoint.Unreadable) as refusal:
            self._problem(f"The {what} is not to be believed: {refusal}")
            return None

    def _problem(self, what: str, row: Row | None = None) -> None:
        if len(self.report.problems) >= MOST_PROBLEMS:
            return
        if row is None:
            self.report.problems.append(Problem(what))
            return
        number = row.id if row.id is not None else row.leaf_event_id
        subject = f"{row.stream} {row.subject_id} #{row.sequence}" if row.id is not None else ""
        self.report.problems.append(Problem(what, number, row.position, subject))


def _said(body: bytes) -> tuple[Any, ...] | None:
    try:
        # Decoded first: json would look for the encoding of every single row.
        return tuple(_named(json.loads(bytes(body).decode())))
    except (ValueError, KeyError, TypeError):
        return None
