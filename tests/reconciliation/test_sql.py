"""What the product writes for PostgreSQL by itself, PostgreSQL reads back the same."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from reconciliation.sql import array

MOMENT = datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
HARD = st.text(st.sampled_from('\\"{},\n\t\x01\x7fNnuUlL é😀'))


def read_back(written: str, type_: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{type_}[]", [written])
        (found,) = cursor.fetchone()
    assert isinstance(found, list)
    return found


class TestArrays(TestCase):
    """Every column comes back as it was."""

    @given(st.lists(TEXT | HARD | st.none(), max_size=6))
    def test_of_text(self, values: list[str | None]) -> None:
        """Whatever stands in it."""
        assert read_back(array(values), "text") == values

    @given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=6))
    def test_of_numbers(self, values: list[int | None]) -> None:
        """As large as PostgreSQL holds them."""
        assert read_back(array(values), "bigint") == values


@pytest.mark.django_db
def test_arrays_of_moments_keep_their_microseconds() -> None:
    assert read_back(array([MOMENT, None]), "timestamptz") == [MOMENT, None]


def test_a_number_beyond_what_a_bigint_holds_is_refused() -> None:
    with pytest.raises(TypeError):
        array([10**30])
