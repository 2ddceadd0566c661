"""Money is written exactly, in the currency's own digits."""

import pytest

from reconciliation.money import as_round_text, as_text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (123_450, "EUR", "€1,234.50"),
        (-300, "USD", "-$3.00"),
        (5, "GBP", "£0.05"),
        (500, "JPY", "¥500"),
        (1_234, "KWD", "KWD 1.234"),
        (1_200, "CHF", "CHF 12.00"),
        (0, "", "0.00"),
    ],
)
def test_an_amount_is_written_in_its_currency(amount_minor: int, currency: str, text: str) -> None:
    assert as_text(amount_minor, currency) == text


@pytest.mark.parametrize(
    ("amount_minor", "text"), [(21_488_099, "€214,880"), (-199, "-€1"), (99, "€0")]
)
def test_a_round_amount_never_says_more_than_there_is(amount_minor: int, text: str) -> None:
    assert as_round_text(amount_minor, "EUR") == text
