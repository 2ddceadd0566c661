"""The Merkle tree of RFC 9162: one root stands for every row, in order."""

import hashlib
from collections.abc import Iterable

SIZE = hashlib.sha256().digest_size
_LEAF, _NODE = b"\x00", b"\x01"  # RFC 9162 2.1: so that a node can never pass for a leaf


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf."""
    return hashlib.sha256(_LEAF + data).digest()


def row_hash(*, row_id: int, transaction_id: int, body: bytes) -> bytes:
    """Hash one audit row: its number and its transaction, 8 bytes each, then its body as stored."""
    return leaf_hash(row_id.to_bytes(8, "big") + transaction_id.to_bytes(8, "big") + body)


class Tree:
    """A tree that grows at its right edge, kept as the hashes of its full subtrees."""

    def __init__(self, size: int = 0, frontier: bytes = b"") -> None:
        """Go on from a tree of `size` leaves whose full subtrees hash to `frontier`."""
        self.size = size
        self._subtrees = [frontier[at : at + SIZE] for at in range(0, len(frontier), SIZE)]
        assert len(self._subtrees) == size.bit_count()

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Append leaves, given by their hashes."""
        sha256, subtrees, size = hashlib.sha256, self._subtrees, self.size
        for leaf in hashes:
            grown, carry = leaf, size
            while carry & 1:  # two subtrees of one height become one
                grown = sha256(_NODE + subtrees.pop() + grown).digest()
                carry >>= 1
            subtrees.append(grown)
            size += 1
        self.size = size

    @property
    def frontier(self) -> bytes:
        """Give the hashes of the full subtrees, largest first."""
        return b"".join(self._subtrees)

    @property
    def root(self) -> bytes:
        """Give the one hash that stands for all leaves."""
        if not self._subtrees:
            return hashlib.sha256().digest()
        root = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            root = hashlib.sha256(_NODE + left + root).digest()
        return root
