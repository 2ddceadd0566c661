"""HubSpot's deals, from notifications and as the API gives them."""

import pytest

from reconciliation.sources.native import Fact, Unused
from tests.reconciliation.sources.messages import DEAL, NOTIFICATION
from tests.reconciliation.sources.vendors import facts, read, read_badly


@pytest.mark.parametrize(
    ("property_", "value", "type_"),
    [
        ("dealstage", "closedwon", "order.confirmed"),
        ("hs_is_closed_won", "true", "order.confirmed"),
        ("dealstage", "closedlost", "order.cancelled"),
        ("hs_is_closed_lost", "true", "order.cancelled"),
    ],
)
def test_a_deal_won_or_lost_confirms_or_cancels(property_: str, value: str, type_: str) -> None:
    change = {**NOTIFICATION, "propertyName": property_, "propertyValue": value}

    (found,) = read("hubspot", [change])

    assert isinstance(found, Fact)
    assert (found.type, found.sender) == (type_, "/hubspot/33")
    assert found.time == "2026-09-21T14:13:20.123000+00:00"
    assert found.data["references"] == {"deal": "9001"}


def test_another_attempt_is_the_same_fact_and_another_change_is_not() -> None:
    (first,) = read("hubspot", [NOTIFICATION])
    (again,) = read("hubspot", [{**NOTIFICATION, "attemptNumber": 1}])
    (later,) = read("hubspot", [{**NOTIFICATION, "occurredAt": 1_790_000_000_124}])

    assert first == again
    assert isinstance(first, Fact)
    assert isinstance(later, Fact)
    assert first.id != later.id


@pytest.mark.parametrize(
    "change",
    [
        {"subscriptionType": "deal.creation"},
        {"propertyName": "amount", "propertyValue": "49"},
        {"propertyValue": "qualifiedtobuy"},
        {
            "subscriptionType": "object.propertyChange",
            "objectTypeId": "0-3",
            "propertyName": "amount",
        },
    ],
)
def test_a_change_that_does_not_say_what_is_has_to_be_fetched(change: dict[str, str]) -> None:
    (found,) = read("hubspot", [{**NOTIFICATION, **change}])

    assert isinstance(found, Unused)
    assert found.fetch.startswith("/crm/v3/objects/deals/9001?")


def test_other_objects_are_not_read() -> None:
    (found,) = read("hubspot", [{**NOTIFICATION, "subscriptionType": "contact.creation"}])

    assert (type(found), found[2:]) == (Unused, ("",))


def test_a_deal_is_an_order_and_what_it_comes_to_now() -> None:
    (created, began), (amended, stated) = facts(read("hubspot", {"results": [DEAL]}))

    assert (created, amended) == ("order.created", "order.amended")
    assert began == {
        "order": "1001", "currency": "EUR", "total_minor": 0, "lines": [], "channel": "crm",
        "references": {"deal": "9001"},
    }  # fmt: skip
    assert stated["total_minor"] == 4_900


def test_a_deal_pushed_again_after_a_change_is_amended_and_not_begun_anew() -> None:
    later = {
        **DEAL,
        "updatedAt": "2026-03-03T09:00:00Z",
        "properties": {**DEAL["properties"], "amount": "60"},
    }

    first, second = read("hubspot", {"results": [DEAL]}), read("hubspot", {"results": [later]})

    assert first[0] == second[0]
    assert first[1] != second[1]


def test_all_that_is_wrong_is_said_at_once() -> None:
    _, problems = read_badly(
        "hubspot",
        [
            {
                "subscriptionType": "deal.propertyChange",
                "propertyName": "dealstage",
                "propertyValue": "closedwon",
            }
        ],
    )

    assert {pointer for pointer, _ in problems} == {
        "/objectId",
        "/occurredAt",
        "/eventId",
        "/portalId",
    }
