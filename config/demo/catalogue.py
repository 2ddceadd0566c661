"""What the simulated company sells, and to whom."""

from random import Random
from typing import NamedTuple


class Product(NamedTuple):
    """One thing on sale; `fulfil` is what has to happen once it is sold."""

    sku: str
    description: str
    unit_minor: int
    fulfil: str


class Customer(NamedTuple):
    """One buyer."""

    key: str
    name: str
    email: str
    company: str


GOODS = (
    Product("SCAN-H1", "Handheld scanner", 18_900, "ship"),
    Product("SCAN-D2", "Desk scanner", 24_900, "ship"),
    Product("PRNT-L4", "Label printer", 31_500, "ship"),
    Product("LABL-1K", "Labels, roll of 1,000", 1_290, "ship"),
    Product("LABL-5K", "Labels, roll of 5,000", 4_990, "ship"),
    Product("TABL-10", "Counter tablet", 44_900, "ship"),
    Product("DOCK-01", "Charging dock", 5_950, "ship"),
    Product("BATT-02", "Spare battery", 3_475, "ship"),
    Product("CASE-01", "Rugged case", 2_799, "ship"),
    Product("SCAL-15", "Scale, 15 kg", 12_450, "ship"),
)
PLANS = (
    Product("PLAN-TEAM", "Team plan, one month", 9_900, "activate"),
    Product("PLAN-SHOP", "Shop plan, one month", 4_900, "activate"),
    Product("PLAN-PRO", "Pro plan, one month", 24_900, "activate"),
    Product("PLAN-YEAR", "Team plan, one year", 106_900, "activate"),
)

_GIVEN = (
    "Ada", "Amir", "Bea", "Carlos", "Chen", "Dana", "Elif", "Emeka", "Farid", "Greta", "Hana",
    "Ines", "Ivan", "Jonas", "Kaja", "Lena", "Luis", "Mara", "Nadia", "Noor", "Olga", "Paulo",
    "Priya", "Rosa", "Sanna", "Tariq", "Uma", "Viktor", "Wanda", "Yusuf", "Zofia",
)  # fmt: skip
_FAMILY = (
    "Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito",
    "Jansen", "Kowalski", "Larsen", "Moreau", "Novak", "Okafor", "Petrov", "Quinn", "Rossi",
    "Silva", "Tanaka", "Ueda", "Vogel", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip
_TRADES = (
    "Bakery", "Books", "Bikes", "Coffee", "Dental", "Flowers", "Garden", "Interiors", "Logistics",
    "Optics", "Outdoor", "Pharmacy", "Records", "Tools", "Toys", "Wine",
)  # fmt: skip
_CUSTOMERS = 1_200


def customers(*, seed: int) -> tuple[Customer, ...]:
    """Make up the company's customers; six in ten buy for a company."""
    rng = Random(f"customers {seed}")  # noqa: S311 - a simulation, not a secret
    return tuple(_customer(number, rng) for number in range(_CUSTOMERS))


def _customer(number: int, rng: Random) -> Customer:
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    for_company = rng.choices((True, False), (6, 4))[0]
    company = f"{rng.choice(_FAMILY)} {rng.choice(_TRADES)}" if for_company else ""
    return Customer(
        key=f"C-{10_000 + number}",
        name=f"{given} {family}",
        email=f"{given}.{family}.{number}@example.org".lower(),
        company=company,
    )
