"""The metrics page: every number is the length of the list that it links to."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from exceptions import handoff, handoff_pairs, ownership, scorecard
from exceptions.models import Case
from reconciliation.clock import now
from reconciliation.models import Membership, Team
from tests import world
from tests.pages.conftest import find
from tests.pages.test_desk import body


def length_of(client: Client, href: str) -> int:
    """Count the rows of a list, page after page."""
    rows = 0
    while href:
        page = body(client, href)
        rows += len(re.findall(r'<tr (?:id="case-|class="order-row")', page))
        older = re.search(r'href="([^"]+)" rel="next"', page)
        href = unescape(older[1]) if older else ""
    return rows


@pytest.fixture
def busy(desk: datetime, people: dict[str, Client]) -> datetime:
    """Let one case be taken and settled by its system, one be dismissed; two more are new."""
    lead = User.objects.get(username="team.lead")
    first = Case.objects.get(order__canonical_id="O-1")
    second = Case.objects.exclude(pk=first.pk).get()
    ownership.claim(case_id=first.pk, by=lead, at=now())
    world.say("subscriptions-app", "subscription.activated", "O-1", now(), subscription="S-1")
    ownership.dismiss(case_id=second.pk, by=lead, reason="fine", at=now())
    at = desk - timedelta(hours=60)
    world.place("P-1", at)
    for number in (1, 2):
        world.say(
            "card-payments", "payment.captured", "P-1", at, payment=f"ch-{number}",
            amount_minor=1000, currency="EUR",
        )  # fmt: skip
    world.place("P-2", at)
    world.say(
        "carrier", "shipment.shipped", "P-2", at, shipment="K", lines=[{"line": "1", "quantity": 1}]
    )
    return find()


@pytest.mark.parametrize("team", ["", "customer-ops", "revenue-ops"])
def test_every_tile_is_as_long_as_its_list(
    team: str, busy: datetime, people: dict[str, Client]
) -> None:
    period = scorecard.period_of(days=7, team=team, at=busy)

    found = {tile.name: (tile.listed, tile.href) for tile in scorecard.tiles(period)}

    for name, (listed, href) in found.items():
        assert (name, length_of(people["Executive"], href)) == (name, listed)


def test_the_tiles_count_something(busy: datetime) -> None:
    tiles = scorecard.tiles(scorecard.period_of(days=7, team="", at=busy))

    assert [tile.listed for tile in tiles if not tile.listed] in ([], [0])


def test_every_mark_of_every_chart_is_as_long_as_its_list(
    busy: datetime, people: dict[str, Client]
) -> None:
    reader, period = people["Executive"], scorecard.period_of(days=7, team="", at=busy)
    bars = [*scorecard.pareto(period).bars, *scorecard.ageing(at=busy, team="")]
    parts = [
        (href, number)
        for stack in scorecard.open_work("")
        for href, number in zip(stack.hrefs, stack.numbers, strict=True)
    ]

    for href, number in [*((bar.href, bar.number) for bar in bars), *parts]:
        assert (href, length_of(reader, href)) == (href, number)


def test_every_number_of_the_handoffs_is_as_long_as_its_list(
    desk: datetime, people: dict[str, Client]
) -> None:
    lead = User.objects.get(username="team.lead")
    Membership.objects.get_or_create(user=lead, team=Team.objects.get(slug="revenue-ops"))
    theirs = Team.objects.get(slug="revenue-ops")
    one, two = Case.objects.order_by("pk")
    at = desk - timedelta(hours=5)
    for number, each in enumerate((one, one, two)):
        sent_at = at + timedelta(hours=number)
        handoff.send(case_id=each.pk, to_team=theirs, reason="theirs", by=lead, at=sent_at)
        answered_at = sent_at + timedelta(minutes=30)
        handoff.bounce(case_id=each.pk, reason="no", by=lead, at=answered_at)
    handoff.send(case_id=two.pk, to_team=theirs, reason="theirs", by=lead, at=desk)
    handoff.accept(case_id=two.pk, by=lead, at=desk)
    period = scorecard.period_of(days=7, team="", at=desk)

    (pair,) = handoff_pairs.pairs(since=period.since, until=period.until)

    assert [(cell.number, cell.times) for cell in pair.cells] == [(1, 1), (2, 3), (0, 0), (0, 0)]
    assert pair.lost_text == "1 h 30 min"
    for cell in pair.cells:
        assert length_of(people["Executive"], cell.href) == cell.number
    page = body(people["Executive"], "/metrics/?days=7")
    assert "1 h 30 min" in page
    assert "Came back 2 times, 1 h lost" in body(people["Admin"], f"/exceptions/{one.pk}/")


def test_every_link_of_the_page_leads_somewhere(busy: datetime, people: dict[str, Client]) -> None:
    page = body(people["Executive"], "/metrics/?days=7")

    for href in {unescape(href) for href in re.findall(r'href="(/(?:exc|ord|met)[^"]*)"', page)}:
        assert people["Executive"].get(href).status_code == 200, href


def test_the_page_holds_its_charts_and_no_style(busy: datetime, people: dict[str, Client]) -> None:
    page = body(people["Executive"], "/metrics/?days=7")

    assert "Are we inside the SLA?" in page
    assert "chart-median" in page
    assert " style=" not in page


def test_a_period_that_is_not_offered_is_not_found(people: dict[str, Client]) -> None:
    assert people["Executive"].get("/metrics/?days=8").status_code == 404
