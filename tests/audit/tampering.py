"""Ways to falsify a sealed trail, as its owner could with the guards lifted."""

import random
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db.backends.utils import CursorWrapper

from audit import checkpoint
from audit.merkle import Tree
from audit.note import sign


class Trace(NamedTuple):
    """Where a tampering should show: a place in the tree, and how near to it."""

    position: int | None
    within: int = 0
    row: int | None = None


class Forger:
    """Changes a trail of `size` rows, at random but reproducibly."""

    def __init__(self, cursor: CursorWrapper, seed: int, *, size: int, batch: int) -> None:
        self.cursor, self.size, self.batch = cursor, size, batch
        self.random = random.Random(seed)  # noqa: S311 - reproducible, and no secret

    def tamper(self) -> tuple[str, Trace]:
        """Do one thing to the trail; says what, and where it should show."""
        ways: list[Callable[[], Trace]] = [
            self._change_a_byte, self._change_a_byte, self._change_a_column, self._change_a_column,
            self._delete_a_row, self._delete_a_leaf, self._delete_both, self._swap_bodies,
            self._swap_leaves, self._change_a_leaf, self._rehash_a_row, self._rebuild_the_tree,
            self._sign_with_another_key, self.cut_the_tail, self._delete_a_checkpoint,
            self._change_a_checkpoint, self._put_a_row_behind_the_seal,
        ]  # fmt: skip
        way = self.random.choice(ways)
        return way.__name__.lstrip("_"), way()

    def _change_a_byte(self) -> Trace:
        [(position, row_id)] = self._pick()
        body = bytearray(self._value("SELECT body FROM audit_auditevent WHERE id = %s", row_id))
        at = self.random.randrange(len(body))
        body[at] ^= self.random.randrange(1, 256)
        self._run("UPDATE audit_auditevent SET body = %s WHERE id = %s", bytes(body), row_id)
        return Trace(position)

    def _change_a_column(self) -> Trace:
        [(position, row_id)] = self._pick()
        change = self.random.choice((
            "id = id + 1000", "stream = 'system'", "subject_id = subject_id + 50",
            "sequence = sequence + 1000", "action = 'order.closed'", "actor = 'mallory'",
            "at = at + interval '1 microsecond'", "recorded_at = recorded_at - interval '1 day'",
            "from_state = 'BILLED'", "to_state = ''", "reason = reason || '.'",
            "cause_event_id = NULL", "rulebook_version = 2",
            "transaction_id = (transaction_id::text::bigint + 1)::text::xid8",
        ))  # fmt: skip
        self._run(f"UPDATE audit_auditevent SET {change} WHERE id = %s", row_id)
        return Trace(position)

    def _delete_a_row(self) -> Trace:
        [(position, row_id)] = self._pick()
        self._run("DELETE FROM audit_auditevent WHERE id = %s", row_id)
        return Trace(position)

    def _delete_a_leaf(self) -> Trace:
        [(position, _)] = self._pick()
        self._run("DELETE FROM audit_sealleaf WHERE position = %s", position)
        return Trace(position)

    def _delete_both(self) -> Trace:
        [(position, row_id)] = self._pick()
        self._run("DELETE FROM audit_auditevent WHERE id = %s", row_id)
        self._run("DELETE FROM audit_sealleaf WHERE position = %s", position)
        return Trace(position)

    def _swap_bodies(self) -> Trace:
        (first, one), (_, other) = sorted(self._pick(2))
        self._run(
            "UPDATE audit_auditevent AS changed SET body = other.body"
            " FROM audit_auditevent AS other"
            " WHERE changed.id IN (%s, %s) AND other.id IN (%s, %s) AND other.id <> changed.id",
            one, other, one, other,
        )  # fmt: skip
        return Trace(first)

    def _swap_leaves(self) -> Trace:
        (first, _), (second, _) = sorted(self._pick(2))
        for old, new in ((first, -1), (second, first), (-1, second)):
            self._run("UPDATE audit_sealleaf SET position = %s WHERE position = %s", new, old)
        return Trace(first, within=self.batch)

    def _change_a_leaf(self) -> Trace:
        [(position, _)] = self._pick()
        forged = self.random.randbytes(32)
        self._run("UPDATE audit_sealleaf SET leaf_hash = %s WHERE position = %s", forged, position)
        return Trace(position)

    def _rehash_a_row(self) -> Trace:
        [(position, row_id)] = self._pick()
        self._run(
            "UPDATE audit_auditevent SET actor = 'mallory', body = convert_to(jsonb_set("
            "convert_from(body, 'UTF8')::jsonb, '{actor}', '\"mallory\"')::text, 'UTF8')"
            " WHERE id = %s",
            row_id,
        )
        self._run(
            "UPDATE audit_sealleaf SET leaf_hash = (SELECT sha256('\\x00'::bytea || int8send(id)"
            " || xid8send(transaction_id) || body) FROM audit_auditevent WHERE id = event_id)"
            " WHERE position = %s",
            position,
        )
        return Trace(position, within=self.batch)

    def _rebuild_the_tree(self, sign_as: Ed25519PrivateKey | None = None) -> Trace:
        trace = self._rehash_a_row()
        tree, previous = Tree(), b""
        self.cursor.execute("SELECT leaf_hash FROM audit_sealleaf ORDER BY position")
        leaves = [bytes(leaf) for (leaf,) in self.cursor.fetchall()]
        self.cursor.execute("SELECT size, note FROM audit_checkpoint ORDER BY size")
        for size, note in self.cursor.fetchall():
            tree.extend(leaves[tree.size : size])
            said = checkpoint.read(note.rpartition("\n\n")[0] + "\n")
            text = checkpoint.write(said._replace(root=tree.root, previous_root=previous))
            self._run(
                "UPDATE audit_checkpoint SET root = %s, frontier = %s, note = %s WHERE size = %s",
                tree.root,
                tree.frontier,
                sign(text, name=said.origin, key=sign_as) if sign_as else note,
                size,
            )
            previous = tree.root
        return trace

    def _sign_with_another_key(self) -> Trace:
        return self._rebuild_the_tree(Ed25519PrivateKey.generate())

    def cut_the_tail(self) -> Trace:
        """Go back to an earlier checkpoint."""
        kept = self.batch * self.random.randrange(0, self.size // self.batch)
        self._run("DELETE FROM audit_anchor")
        self._run("DELETE FROM audit_checkpoint WHERE size > %s", kept)
        self._run(
            "DELETE FROM audit_auditevent WHERE id IN"
            " (SELECT event_id FROM audit_sealleaf WHERE position >= %s)",
            kept,
        )
        self._run("DELETE FROM audit_sealleaf WHERE position >= %s", kept)
        return Trace(kept)

    def _delete_a_checkpoint(self) -> Trace:
        self._run("DELETE FROM audit_anchor")
        self._run("DELETE FROM audit_checkpoint WHERE id = %s", self._checkpoint())
        return Trace(None)

    def _change_a_checkpoint(self) -> Trace:
        change = self.random.choice((
            "size = size + 1", "root = sha256(root)", "frontier = sha256(frontier)",
            "at = at + interval '1 second'", "note = replace(note, 'order=', 'order=1')",
            "note = replace(note, 'time 2', 'time 1')", "note = split_part(note, E'\\n\\n', 1)",
        ))  # fmt: skip
        self._run(f"UPDATE audit_checkpoint SET {change} WHERE id = %s", self._checkpoint())
        return Trace(None)

    def _put_a_row_behind_the_seal(self) -> Trace:
        [(_, row_id)] = self._pick()
        self._run(
            "INSERT INTO audit_auditevent (id, stream, subject_id, sequence, action, actor, at,"
            " recorded_at, from_state, to_state, reason, body, transaction_id)"
            " OVERRIDING SYSTEM VALUE"
            " SELECT 100000, stream, 777, 1, action, actor, at, recorded_at, from_state, to_state,"
            " reason, convert_to(jsonb_set(jsonb_set(convert_from(body, 'UTF8')::jsonb,"
            " '{subject}', '777'), '{sequence}', '1')::text, 'UTF8'),"
            " (transaction_id::text::bigint - 1)::text::xid8 FROM audit_auditevent WHERE id = %s",
            row_id,
        )
        return Trace(None, row=100_000)

    def _pick(self, number: int = 1) -> list[tuple[int, int]]:
        positions = self.random.sample(range(self.size), number)
        self.cursor.execute(
            "SELECT position, event_id FROM audit_sealleaf WHERE position = ANY(%s)", [positions]
        )
        return [(int(position), int(row_id)) for position, row_id in self.cursor.fetchall()]

    def _checkpoint(self) -> int:
        self.cursor.execute("SELECT id FROM audit_checkpoint ORDER BY size")
        (picked,) = self.random.choice(self.cursor.fetchall())
        return int(picked)

    def _value(self, statement: str, *parameters: int | str | bytes) -> bytes:
        self.cursor.execute(statement, parameters)
        (value,) = self.cursor.fetchone()
        return bytes(value)

    def _run(self, statement: str, *parameters: int | str | bytes) -> None:
        self.cursor.execute(statement, parameters)
