"""The world that pages show in tests, and the people who open them."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from exceptions import intake
from exceptions.models import Case
from reconciliation import apply, reconcile
from reconciliation.clock import now
from tests import world
from tests.exceptions.people import connect, install_product
from tests.exceptions.target import Target, serve
from tests.pages.people import clients


@pytest.fixture
def desk(db: None) -> datetime:
    """Give an installed product whose customer ops have two subscriptions left off."""
    install_product()
    with serve(Target()) as target:
        connect("subscriptions-app", target)
    for number, hours in ((1, 30), (2, 20)):
        forget_to_activate(f"O-{number}", at=now() - timedelta(hours=hours))
    return find()


@pytest.fixture
def people(desk: datetime) -> dict[str, Client]:
    return clients()


@pytest.fixture
def operator(people: dict[str, Client]) -> Client:
    return people["Operator"]


@pytest.fixture
def lead(people: dict[str, Client]) -> Client:
    return people["Team lead"]


@pytest.fixture
def a_case(desk: datetime) -> Case:
    return Case.objects.order_by("resolve_due_at", "pk")[0]


def forget_to_activate(order: str, *, at: datetime, total_minor: int = 10_000) -> None:
    """Let an order be placed and invoiced, and its subscription never be switched on."""
    line = world.line(unit_minor=total_minor, fulfil="activate")
    world.place(order, at, total_minor=total_minor, lines=[line])
    world.say(
        "billing", "invoice.issued", order, at, invoice=f"I-{order}", amount_minor=total_minor,
        currency="EUR",
    )  # fmt: skip


def find() -> datetime:
    """Apply what was said, judge it, open cases; repair nothing by itself."""
    at = now()
    apply.take(limit=500, at=at)
    reconcile.take(limit=500, at=at)
    intake.take(limit=500, at=at)
    return at
