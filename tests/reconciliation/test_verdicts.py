"""Every check of one order, now and as of a past moment, without a trace."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from audit.models import AuditEvent
from reconciliation import reconcile, rulebook, verdicts
from reconciliation.models import Discrepancy, Order, Recheck, RulebookVersion
from tests import world
from tests.moves import walk
from tests.reconciliation.companies import build, odd_order, with_families
from tests.reconciliation.worlds import HOUR, NOON, rules
from tests.world import settle

pytestmark = pytest.mark.django_db


def said(standing: verdicts.Standing) -> dict[str, str]:
    return {each.check.name: each.said for each in standing.verdicts}


def broken(standing: verdicts.Standing) -> set[str]:
    return {name for name, verdict in said(standing).items() if verdict == "BROKEN"}


def test_one_order_is_told_what_a_pass_finds() -> None:
    rules()
    dice = random.Random(5)  # noqa: S311 - repeatable on purpose
    orders = build([odd_order(dice.choice) for _ in range(24)], "told")
    with_families(orders, dice.choice)

    told = {
        pk: broken(verdicts.now(order=order, at=NOON))
        for pk, order in Order.objects.in_bulk(list(orders)).items()
    }

    reconcile.judge(order_ids=list(orders), at=NOON)
    found: dict[int, set[str]] = {pk: set() for pk in orders}
    for pk, name in Discrepancy.objects.values_list("order_id", "check_name"):
        found[pk].add(name)
    assert told == found
    assert any(found.values())


@pytest.fixture
def story(installed: datetime) -> datetime:
    """Give the moment at which an invoice went out whose subscription was never switched on."""
    at = installed + timedelta(days=1)
    world.place("O-1", at, lines=[world.line(unit_minor=10_000, fulfil="activate")])
    world.say(
        "billing", "invoice.issued", "O-1", at, invoice="I-1", amount_minor=10_000, currency="EUR"
    )
    settle(at + HOUR / 2)
    settle(at + 2 * HOUR)
    world.say(
        "subscriptions-app", "subscription.activated", "O-1", at + 3 * HOUR, subscription="S-1"
    )
    settle(at + 3 * HOUR)
    return at


@pytest.mark.parametrize(
    ("hours", "verdict"), [(0.5, "WAITING"), (2, "BROKEN"), (2.999, "BROKEN"), (3, "HOLDS")]
)
def test_a_past_moment_is_told_as_it_was_then(hours: float, verdict: str, story: datetime) -> None:
    moment = story + hours * HOUR

    standing = verdicts.as_of(order=Order.objects.get(), moment=moment)

    assert said(standing)["invoice_sent_not_active"] == verdict
    kinds = {entry.kind for entry in standing.entries}
    assert kinds >= {"ORDERED", "INVOICED"}
    assert ("ACTIVATED" in kinds) == (hours == 3)


def everything() -> dict[str, Any]:
    """Give a picture of what looking must not change."""
    return {
        "orders": list(Order.objects.values()),
        "histories": list(Order.history.values()),
        "found": list(Discrepancy.objects.order_by("pk").values()),
        "due": list(Recheck.objects.values()),
        "trail": AuditEvent.objects.count(),
    }


def test_looking_changes_nothing(story: datetime) -> None:
    before, order = everything(), Order.objects.get()

    verdicts.now(order=order, at=story + 9 * HOUR)
    verdicts.as_of(order=order, moment=story + 2 * HOUR)

    assert everything() == before
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert "pg_temp" not in cursor.fetchone()[0]


def test_the_rules_of_then_decide_and_the_state_of_then_is_shown(story: datetime) -> None:
    content = rulebook.shipped()
    (check,) = (c for c in content["checks"] if c["name"] == "invoice_sent_not_active")
    check["parameters"]["hours"] = 24
    walk(RulebookVersion.objects.get(), "RETIRED", at=story)
    second = RulebookVersion.objects.create(
        number=2, content=content, content_sha256=rulebook.content_sha256(content), author="ann",
        created_at=story, published_at=story + 2 * HOUR,
    )  # fmt: skip
    walk(second, "LIVE", at=story)
    order = Order.objects.get()

    before = verdicts.as_of(order=order, moment=story + 1.9 * HOUR)
    after = verdicts.as_of(order=order, moment=story + 2 * HOUR)

    assert (before.rules.number, after.rules.number) == (1, 2)
    assert said(before)["invoice_sent_not_active"] == "BROKEN"
    assert said(after)["invoice_sent_not_active"] == "WAITING"
    assert (before.state, order.state) == ("CONFIRMED", "BILLED")


def test_before_the_first_word_nothing_is_known(story: datetime) -> None:
    with pytest.raises(verdicts.NothingKnown):
        verdicts.as_of(order=Order.objects.get(), moment=story - HOUR)
