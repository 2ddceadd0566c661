"""Says what sellers are due of their sub-orders by the live split rule."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from reconciliation import rulebook
from reconciliation.checks import compiled, working_days
from reconciliation.sql import array, load


@dataclass(frozen=True)
class Share:
    """One seller's share of his sub-order, and what he got."""

    check: str  # its title
    expected_minor: int
    actual_minor: int
    details: Mapping[str, Any]  # basis_points and fixed_minor; None of a cancelled one


def shares(*, order_ids: Sequence[int], at: datetime) -> dict[int, Share]:
    """Give the share of each of these sub-orders that a rule fits, as of now."""
    rules = rulebook.live()
    found: dict[int, Share] = {}
    for check in (check for check in rules.order_checks() if check.family == "split"):
        query = compiled(check, "asked")
        with connection.cursor() as cursor:
            cursor.execute(
                load("payout_shares").format(query=query.text),
                {
                    **query.parameters,
                    **working_days(check, rules=rules, at=at),
                    "order_ids": array(order_ids),
                    "at": at,
                },
            )
            rows = cursor.fetchall()
        found |= {
            order_id: Share(check.title, expected, actual, json.loads(details))
            for order_id, expected, actual, details in rows
        }
    return found
