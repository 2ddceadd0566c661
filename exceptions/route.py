"""Decides which team works a case, how urgent it is, and whether the product may try first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciliation.rulebook import Automation, Rulebook

CATCH_ALL = ""  # the route of what no rule names


class UnknownOperator(Exception):
    """A condition says something that this product does not understand."""


@dataclass(frozen=True)
class Routing:
    """Where a case goes, and by which rule; `team` is a slug."""

    team: str
    route: str


def routing(
    *, rules: Rulebook, facts: Mapping[str, Any], teams: Collection[str], catch_all: str
) -> Routing:
    """Find the first route whose conditions all hold; else the catch-all team. Always answers.

    `facts` are the discrepancy's (`check_name`, `at_risk_minor`, `currency` …). A route to a team
    that no longer exists does not count.
    """
    for rule in rules.routes:
        if rule.team in teams and holds(rule.when, facts):
            return Routing(team=rule.team, route=rule.name)
    return Routing(team=catch_all, route=CATCH_ALL)


def severity(*, rules: Rulebook, facts: Mapping[str, Any]) -> str:
    """Find the first severity rule that holds; else the check's own, else P3."""
    for rule in rules.severities:
        if holds(rule.when, facts):
            return rule.severity
    own = [check.severity for check in rules.checks if check.name == facts["check_name"]]
    return own[0] if own else "P3"


def automation(*, rules: Rulebook, facts: Mapping[str, Any]) -> Automation | None:
    """Find the automatic repair for a check, unless more is at risk than it may touch."""
    found = rules.automation(facts["check_name"])
    if found is None or (
        found.limit_minor is not None and facts["at_risk_minor"] > found.limit_minor
    ):
        return None
    return found


def holds(conditions: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> bool:
    """Tell whether all conditions hold; `{"any": […]}` and `{"all": […]}` nest."""
    return all(_holds(condition, facts) for condition in conditions)


def _holds(condition: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    if "any" in condition:
        return any(_holds(part, facts) for part in condition["any"])
    if "all" in condition:
        return holds(condition["all"], facts)
    known = facts.get(condition["field"])
    operator = condition["operator"]
    if operator in ("is_empty", "is_not_empty"):
        return (known in (None, "")) == (operator == "is_empty")
    if known is None:  # as in SQL: a comparison with nothing is false
        return False
    return _compares(operator, known, condition["value"])


def _compares(operator: str, known: Any, value: Any) -> bool:  # noqa: ANN401 - JSON values
    match operator:
        case "is":
            return bool(str(known) == str(value))
        case "is_not":
            return bool(str(known) != str(value))
        case "is_any_of":
            return str(known) in {str(one) for one in value}
        case "at_least":
            return bool(known >= value)
        case "at_most":
            return bool(known <= value)
    raise UnknownOperator(f"No operator is called {operator!r}.")
