"""Makes the people, the systems and the broken orders that tests of the desk are about."""

from datetime import datetime, timedelta

from django.contrib.auth.models import Group, User

from config.install import install
from exceptions.models import Case
from exceptions.models.cases import CLOSED
from reconciliation.models import Discrepancy, Membership, Order, Source, Team
from reconciliation.sources import keys
from tests import world
from tests.exceptions.target import Target
from tests.moves import walk

WEDNESDAY = datetime.fromisoformat("2026-11-04T10:00:00+00:00")


def install_product() -> None:
    """Put into the database what every installation has, and the demo company's systems."""
    install(at=world.NOON - timedelta(days=90))
    for slug in world.SOURCES:
        world.source(slug)


def person(
    name: str, *roles: str, team: str = "customer-ops", is_lead: bool = False, email: str = ""
) -> User:
    """Make a person with roles, in one team; "" for none."""
    user = User.objects.create(username=name, first_name=name.capitalize(), email=email)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    if team:
        Membership.objects.create(team=Team.objects.get(slug=team), user=user, is_lead=is_lead)
    return user


def operator(name: str = "olga", *, team: str = "customer-ops") -> User:
    return person(name, "Operator", team=team)


def lead(name: str = "lena", *, team: str = "customer-ops") -> User:
    return person(name, "Team lead", team=team, is_lead=True)


def connect(slug: str, target: Target) -> Source:
    """Let a source take write-backs at the stand-in."""
    source = world.source(slug)
    source.writeback_url = target.url
    source.save()
    keys.add(source=source, at=world.NOON)
    return source


def broken(
    check_name: str = "invoice_sent_not_active",
    *,
    order: str = "O-1",
    at: datetime = WEDNESDAY,
    at_risk_minor: int = 5_000,
    **totals: object,
) -> Discrepancy:
    """Open a discrepancy on an order with these totals, as reconcile would."""
    found, _ = Order.objects.get_or_create(
        canonical_id=order, defaults={"currency": "EUR", **totals}
    )
    return Discrepancy.objects.create(
        check_name=check_name,
        rulebook_version=1,
        order=found,
        team=Team.objects.get(slug="customer-ops"),
        at_risk_minor=at_risk_minor,
        currency="EUR",
        opened_at=at,
        last_seen_at=at,
    )


def case(
    check_name: str = "active_not_paid",
    *,
    state: str = "NEW",
    order: str = "O-1",
    at: datetime = WEDNESDAY,
    **fields: object,
) -> Case:
    """Make a case of customer ops, and bring it to any state by the machine's moves."""
    usual: dict[str, object] = {
        "discrepancy": broken(check_name, order=order, at=at),
        "check_name": check_name,
        "order": Order.objects.get(canonical_id=order),
        "team": Team.objects.get(slug="customer-ops"),
        "severity": "P2",
        "rulebook_version": 1,
        "opened_at": at,
        "respond_due_at": at + timedelta(hours=4),
        "resolve_due_at": at + timedelta(hours=16),
        "changed_at": at,
        "changed_by": "service:intake",
        "at_risk_minor": 5_000,
        "currency": "EUR",
    }
    closed_at = fields.pop("closed_at", at) if state in CLOSED else None
    made = Case.objects.create(**{**usual, **fields})
    walk(made, state, at=at, closed_at=closed_at)
    return made


def fresh(known: Case) -> Case:
    """Read a case anew."""
    return Case.objects.get(pk=known.pk)
