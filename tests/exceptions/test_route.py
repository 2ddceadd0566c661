"""Routing: total, by rules alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.install import TEAMS
from exceptions import route
from reconciliation import rulebook
from reconciliation.fields import DISCREPANCY

RULES = rulebook.parse(number=1, content=rulebook.shipped())


def facts(**known: object) -> dict[str, Any]:
    return {**dict.fromkeys(DISCREPANCY), "at_risk_minor": 5_000, "currency": "EUR", **known}


def team_for(check_name: str, teams: frozenset[str] = frozenset(TEAMS)) -> str:
    return route.routing(
        rules=RULES, facts=facts(check_name=check_name), teams=teams, catch_all="triage"
    ).team


@pytest.mark.parametrize(
    ("check_name", "team"),
    [
        ("paid_not_posted", "revenue-ops"),
        ("invoice_sent_not_active", "customer-ops"),
        ("shipped_not_recorded", "fulfilment-ops"),
        ("event_rejected", "enrichment"),
        ("writeback_failed", "platform"),
        ("a_check_of_tomorrow", "triage"),
    ],
)
def test_every_check_has_its_team(check_name: str, team: str) -> None:
    assert team_for(check_name) == team


def test_a_route_to_a_team_that_is_gone_falls_to_the_catch_all() -> None:
    assert team_for("paid_not_posted", frozenset({"triage"})) == "triage"


@given(check_name=st.text(max_size=20) | st.sampled_from([c.name for c in RULES.checks]))
def test_routing_always_answers(check_name: str) -> None:
    assert team_for(check_name) in TEAMS


@pytest.mark.parametrize(
    ("at_risk_minor", "severity"),
    [(0, "P2"), (1, "P3"), (1_000, "P3"), (1_001, "P2"), (99_999, "P2"), (100_000, "P1")],
)
def test_money_makes_it_urgent(at_risk_minor: int, severity: str) -> None:
    known = facts(check_name="paid_not_posted", at_risk_minor=at_risk_minor)

    assert route.severity(rules=RULES, facts=known) == severity


@pytest.mark.parametrize(("at_risk_minor", "is_tried"), [(100, True), (101, False)])
def test_automation_stops_at_its_limit(at_risk_minor: int, is_tried: bool) -> None:  # noqa: FBT001
    found = route.automation(
        rules=RULES, check_name="paid_vs_invoiced", at_risk_minor=at_risk_minor
    )

    assert (found is not None) == is_tried
