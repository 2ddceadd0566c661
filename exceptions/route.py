"""Decides which team works a case, how urgent it is, and whether the product may try first.

`facts` are a discrepancy's values by field name, as `DISCREPANCY.values_of` reads them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reconciliation.fields import DISCREPANCY
from reconciliation.rulebook import Automation, Rulebook

CATCH_ALL = ""  # the route of what no rule names
SOURCE_OWNER = "source-owner"  # as a route's team: the team that owns the source it is about
_LOWEST = "P3"


@dataclass(frozen=True)
class Routing:
    """Where a case goes, and by which rule; `team` is a slug."""

    team: str
    route: str


def routing(
    *,
    rules: Rulebook,
    facts: Mapping[str, Any],
    teams: Collection[str],
    catch_all: str,
    source_owner: str = "",
) -> Routing:
    """Find the first route whose conditions all hold; else the catch-all team. Always answers.

    A route to a team that no longer exists does not count, nor one to the owner of a source where
    the case is about none.
    """
    for rule in rules.routes:
        team = source_owner if rule.team == SOURCE_OWNER else rule.team
        if team in teams and DISCREPANCY.evaluate(rule.when, facts):
            return Routing(team=team, route=rule.name)
    return Routing(team=catch_all, route=CATCH_ALL)


def severity(*, rules: Rulebook, facts: Mapping[str, Any]) -> str:
    """Find the first severity rule that holds; else the check's own, else the lowest."""
    for rule in rules.severities:
        if DISCREPANCY.evaluate(rule.when, facts):
            return rule.severity
    own = [check.severity for check in rules.checks if check.name == facts["check_name"]]
    return own[0] if own else _LOWEST


def automation(*, rules: Rulebook, check_name: str, at_risk_minor: int) -> Automation | None:
    """Find the automatic repair for a check, unless more is at risk than it may touch."""
    found = rules.automation(check_name)
    if found is None or (found.limit_minor is not None and at_risk_minor > found.limit_minor):
        return None
    return found
