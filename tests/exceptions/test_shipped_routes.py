"""Who owns what on the first day is data of the rulebook: changing the data changes the team."""

from pathlib import Path

import pytest

from exceptions import route
from reconciliation import rulebook

TEAMS = ("revenue-ops", "customer-ops", "fulfilment-ops", "enrichment", "platform", "triage")
OWNED = {
    "paid_vs_invoiced": "revenue-ops",
    "invoiced_twice": "revenue-ops",
    "paid_not_posted": "revenue-ops",
    "delivered_not_billed": "revenue-ops",
    "invoice_sent_not_active": "customer-ops",
    "active_not_paid": "customer-ops",
    "cancelled_but_paid": "customer-ops",
    "shipped_not_recorded": "fulfilment-ops",
    "recorded_not_shipped": "fulfilment-ops",
    "shipped_more_than_ordered": "fulfilment-ops",
}


def _team_of(check: str, content: dict[str, object]) -> str:
    return route.routing(
        rules=rulebook.parse(number=1, content=content),
        facts={"check_name": check},
        teams=TEAMS,
        catch_all="triage",
    ).team


@pytest.mark.parametrize("check", OWNED)
def test_the_shipped_routes_give_billing_fulfilment_and_shipment_their_owners(check: str) -> None:
    assert _team_of(check, rulebook.shipped()) == OWNED[check]


@pytest.mark.parametrize("check", OWNED)
def test_another_rulebook_gives_them_others_and_none_leaves_them_to_the_catch_all(
    check: str,
) -> None:
    moved, empty = rulebook.shipped(), {**rulebook.shipped(), "routes": []}
    for each in moved["routes"]:
        each["team"] = "platform"

    assert (_team_of(check, moved), _team_of(check, empty)) == ("platform", "triage")


def test_no_code_of_the_desk_names_one_of_these_teams() -> None:
    code = [path for path in Path("exceptions").rglob("*.py") if "migrations" not in path.parts]
    named = {
        (path.name, team)
        for path in code
        for team in ("revenue-ops", "customer-ops", "fulfilment-ops")
        if f'"{team}"' in path.read_text()
    }

    assert named == set()
