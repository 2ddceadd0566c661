"""Reads and writes money: integer minor units and an ISO 4217 currency, never a float."""

import re
from decimal import Decimal

_SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = dict.fromkeys(_ZERO.split(), 0) | dict.fromkeys(_THREE.split(), 3)

_AMOUNT = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_RATE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,24})?")  # converted.sql reads the same


class NotMoney(Exception):
    """The text is no amount of its currency; the message says why."""


def exponent(currency: str) -> int:
    """Say how many of a currency's digits are minor. Source: ISO 4217."""
    return _EXPONENTS.get(currency, 2)


def exponent_sql(column: str) -> str:
    """Write `exponent` of a column in SQL."""
    zero = ", ".join(f"'{code}'" for code in _ZERO.split())
    three = ", ".join(f"'{code}'" for code in _THREE.split())
    return f"CASE WHEN {column} IN ({zero}) THEN 0 WHEN {column} IN ({three}) THEN 3 ELSE 2 END"


def as_rate(stated: object) -> Decimal | None:
    """Read an exchange rate as it is stated, with every digit; None if it is none."""
    if isinstance(stated, int | float | Decimal) and not isinstance(stated, bool):
        stated = f"{Decimal(str(stated)):f}"
    if not isinstance(stated, str) or not _RATE.fullmatch(stated):
        return None
    return Decimal(stated) or None


def to_minor(amount: str | int | Decimal, currency: str) -> int:
    """Read an amount in major units, such as "199.00", into minor units. Raises NotMoney.

    Never rounds: 1.005 EUR and 1.5 JPY are no amounts.
    """
    text = f"{amount:f}" if isinstance(amount, Decimal) else str(amount).strip()
    if not _AMOUNT.fullmatch(text):
        raise NotMoney("This is no amount such as 199.00.")
    minor = Decimal(text).scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise NotMoney("This has more digits than its currency.")
    return int(minor)


def as_text(amount_minor: int, currency: str) -> str:
    """Write an amount as people read it: "€1,234.50", "-$3.00", "CHF 12.00", "¥500"."""
    digits = exponent(currency)
    whole, minor = divmod(abs(amount_minor), 10**digits)
    number = f"{whole:,}" + (f".{minor:0{digits}d}" if digits else "")
    sign = "-" if amount_minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency} {number}".strip()


def as_round_text(amount_minor: int, currency: str) -> str:
    """Write an amount without its minor digits, rounded down towards zero: "€214,880"."""
    unit: int = 10 ** exponent(currency)
    whole = abs(amount_minor) // unit * unit
    text = as_text(whole if amount_minor >= 0 else -whole, currency)
    return text.split(".", maxsplit=1)[0]
