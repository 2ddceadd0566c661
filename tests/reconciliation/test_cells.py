"""Numbers, amounts and days as files write them: exact, or refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.sources import cells
from reconciliation.sources.cells import MOMENT, NUMBER, Typed, Unfit

SIGNS = st.sampled_from(
    [(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u00a0")]
)


def grouped(whole: int, thousands: str) -> str:
    return f"{whole:,}".replace(",", thousands)


@given(
    minor=st.integers(0, 10**15), signs=SIGNS, sign=st.sampled_from(["-{}", "{}-", "({})", "{}"])
)
def test_an_amount_is_read_to_the_cent_however_it_is_written(
    minor: int, signs: tuple[str, str], sign: str
) -> None:
    decimal, thousands = signs
    text = sign.format(f"{grouped(minor // 100, thousands)}{decimal}{minor % 100:02d}")
    spec = {
        "as": "money",
        "factor": 100,
        "decimal": decimal,
        "thousands": " " if thousands == "\u00a0" else thousands,
    }

    assert cells.value(text, spec) == (minor if sign == "{}" else -minor)


@given(text=st.text(max_size=12), signs=SIGNS)
def test_any_text_is_a_number_or_refused(text: str, signs: tuple[str, str]) -> None:
    spec = {"as": "decimal", "decimal": signs[0], "thousands": signs[1]}

    try:
        found = cells.value(text, spec)
    except Unfit:
        return

    assert found is None or found.is_finite()


@given(minor=st.integers(0, 10**15 - 1))
def test_a_spreadsheets_number_is_read_to_the_cent_of_fifteen_digits(minor: int) -> None:
    typed = Typed(NUMBER, format(Decimal(f"{minor / 100:.15g}"), "f"))

    assert cells.value(typed, {"as": "money", "factor": 100, "decimal": ","}) == minor


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1_000", {}), ("1e3", {}), ("NaN", {}), ("Infinity", {}), ("1,5", {}), ("", {"as": "x"}),
        ("1.2.3", {"thousands": "."}), ("12.34,5", {"thousands": ".", "decimal": ","}),
        ("1234.567,00", {"thousands": ".", "decimal": ","}), ("12.505", {}), ("--1", {}),
        ("(1", {}), ("١٢", {}), ("0x10", {}), ("9" * 41, {}), ("1 000", {}),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str, spec: dict[str, Any]) -> None:
    if not text:
        assert cells.value(text, spec) is None
        return
    with pytest.raises(Unfit):
        cells.value(text, {"as": "money", "factor": 100, **spec})


@pytest.mark.parametrize(
    ("cell", "spec", "wanted"),
    [
        ("10", {"as": "text", "pad": 6}, "000010"),
        ("000010", {"as": "text"}, "000010"),
        (Typed(NUMBER, "10"), {"as": "text", "pad": 6}, "000010"),
        ("A10", {"as": "text", "pad": 6}, "A10"),
        ("1.000", {"as": "integer", "thousands": ".", "decimal": ","}, 1000),
        (Typed(NUMBER, "1000"), {"as": "integer"}, 1000),
        ("02.03.2026", {"as": "date", "date_format": "%d.%m.%Y"}, "2026-03-02"),
        (Typed(MOMENT, "2026-03-02T00:00:00"), {"as": "date"}, "2026-03-02"),
        (Typed(MOMENT, "2026-03-02T00:00:00"), {"as": "text"}, "2026-03-02"),
        ("02.03.2026 09:00", {"as": "moment", "date_format": "%d.%m.%Y %H:%M",
                              "zone": "Europe/Berlin"}, "2026-03-02T09:00:00+01:00"),
        (Typed(MOMENT, "2026-07-02T09:00:00"), {"as": "moment", "zone": "Europe/Berlin"},
         "2026-07-02T09:00:00+02:00"),
        ("  ", {"as": "money", "factor": 100}, None),
        ("500", {"as": "money", "factor": 1}, 500),
    ],
)  # fmt: skip
def test_a_cell_is_what_its_mapping_says(
    cell: cells.Cell, spec: dict[str, Any], wanted: object
) -> None:
    assert cells.value(cell, spec) == wanted


@pytest.mark.parametrize(
    ("cell", "spec", "why"),
    [
        ("31.02.2026", {"as": "date", "date_format": "%d.%m.%Y"}, "no date such as 02.03.2026"),
        ("2026-03-02 09:00", {"as": "moment"}, "no offset"),
        (Typed("error", "#N/A"), {"as": "text"}, "holds the error #N/A"),
        (Typed(MOMENT, "2026-03-02T00:00:00"), {"as": "money", "factor": 100}, "no amount"),
    ],
)
def test_a_cell_that_does_not_fit_says_why(
    cell: cells.Cell, spec: dict[str, Any], why: str
) -> None:
    with pytest.raises(Unfit, match=why):
        cells.value(cell, spec)
