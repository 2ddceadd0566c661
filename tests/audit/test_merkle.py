"""The tree, against known answers and against the definition."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import Tree, leaf_hash

# The leaves of RFC 6962's reference tests, and the root of all eight.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def _root(leaves: Sequence[bytes]) -> bytes:
    """Compute the root as RFC 9162 2.1.1 defines it."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def test_the_known_tree_has_the_known_root() -> None:
    tree = Tree()

    tree.extend(map(leaf_hash, LEAVES))

    assert tree.root.hex() == ROOT


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])
def test_a_tree_of_any_size_has_the_root_of_its_definition(size: int) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    tree = Tree()

    tree.extend(leaves)

    assert tree.root == _root(leaves)


@given(st.lists(st.binary(max_size=3), max_size=70), st.integers(0, 70))
def test_a_tree_that_was_put_away_goes_on_where_it_was(data: list[bytes], stop: int) -> None:
    leaves = [leaf_hash(item) for item in data]
    first = Tree()
    first.extend(leaves[:stop])

    second = Tree(first.size, first.frontier)
    second.extend(leaves[stop:])

    assert (second.size, second.root) == (len(leaves), _root(leaves))
