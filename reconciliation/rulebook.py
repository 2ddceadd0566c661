"""The rulebook: the one set of checks, routes, clocks and automations that decides."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
from django.db import transaction

from audit.record import record
from reconciliation.models import RulebookVersion
from reconciliation.working_time import BusinessHours

Condition = dict[str, Any]  # {"field", "operator", "value"}, {"any": […]} or {"all": […]}

INSTALLER = "installer"
_SEVERITIES = ("P1", "P2", "P3")
STAGE = "stage"  # the family of checks that a stage of the flow opens by itself
_HERE = Path(__file__).parent
_SCHEMA = jsonschema_rs.validator_for(
    json.loads((_HERE / "rulebook_schema.json").read_text()), offline=True
)


class BadRulebook(Exception):
    """The content cannot be a rulebook; `problems` says everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class NoRulebook(Exception):
    """No rulebook version is live, so nothing can be judged."""


# Compared by identity: a version is parsed once a process, and what is compiled from a check is
# kept beside it.
@dataclass(frozen=True, eq=False)
class Check:
    """One expectation. `parameters` are those of its family; `at_risk` names an amount."""

    name: str
    title: str
    family: str
    team: str
    severity: str
    rests_on: tuple[str, ...]
    at_risk: str
    applies: tuple[Condition, ...]
    parameters: Mapping[str, Any]
    grain: str = "order"  # or line: the order's lines one by one


@dataclass(frozen=True, eq=False)
class Route:
    """Cases for which all of `when` holds go to `team`; the first route that fits decides."""

    name: str
    when: tuple[Condition, ...]
    team: str


@dataclass(frozen=True, eq=False)
class SeverityRule:
    """Discrepancies for which all of `when` holds have `severity`; the first that fits decides."""

    name: str
    when: tuple[Condition, ...]
    severity: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Speaks of cases of a severity; of some checks or teams only, where any are named."""

    severity: str
    checks: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def fits(self, *, severity: str, check: str, team: str) -> bool:
        """Tell whether it speaks of such a case."""
        is_meant = not self.checks or check in self.checks
        return self.severity == severity and is_meant and (not self.teams or team in self.teams)


@dataclass(frozen=True, kw_only=True)
class Clock(Timing):
    """How long a case may take, in minutes inside `calendar`; without one, always.

    It rests while the case waits for one of `pauses`: system, customer, snooze.
    """

    respond_minutes: int
    resolve_minutes: int
    calendar: str
    pauses: tuple[str, ...] = ()
    accept_minutes: int = 120  # in which another team answers a handoff


@dataclass(frozen=True)
class Step:
    """One step of an escalation: when `share` of the time to resolve is gone, tell `to`.

    `how`: each person as they prefer, or their team's own channels too.
    """

    share: float
    to: str
    how: tuple[str, ...] = ("person",)


@dataclass(frozen=True, kw_only=True)
class EscalationPlan(Timing):
    """Who is told when such a case takes too long."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Automation:
    """A repair that is run without asking, up to `limit_minor` (no limit: None)."""

    check: str
    repair: str
    limit_minor: int | None
    attempts: int


@dataclass(frozen=True, eq=False)
class Rulebook:
    """One version, read."""

    number: int
    checks: tuple[Check, ...]
    severities: tuple[SeverityRule, ...]
    routes: tuple[Route, ...]
    clocks: tuple[Clock, ...]
    escalations: tuple[EscalationPlan, ...]
    automations: tuple[Automation, ...]
    close_after_days: int
    calendars: tuple[Mapping[str, Any], ...]

    def check(self, name: str) -> Check:
        """Give the check called `name`; KeyError if there is none."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def order_checks(self) -> tuple[Check, ...]:
        """Give the checks that are judged on orders."""
        return tuple(check for check in self.checks if check.family != STAGE)

    def stage_checks(self) -> list[str]:
        """Name the checks that other stages of the flow open and clear by themselves."""
        return [check.name for check in self.checks if check.family == STAGE]

    def calendar(self, name: str) -> BusinessHours:
        """Give a calendar's hours; KeyError if there is none."""
        named = {calendar["name"]: calendar for calendar in self.calendars}[name]
        return BusinessHours(
            zone=named["time_zone"],
            opens=time.fromisoformat(named["opens"]),
            closes=time.fromisoformat(named["closes"]),
            weekdays=frozenset(named["weekdays"]),
            country=named["holidays_country"],
        )

    def clock(self, *, severity: str, check: str, team: str) -> Clock:
        """Give the first clock that fits; a rulebook has one for each severity."""
        fitting = (
            each for each in self.clocks if each.fits(severity=severity, check=check, team=team)
        )
        return next(fitting)

    def escalation(self, *, severity: str, check: str, team: str) -> tuple[Step, ...]:
        """Give the steps of the first escalation that fits; none if none does."""
        fitting = (
            each
            for each in self.escalations
            if each.fits(severity=severity, check=check, team=team)
        )
        found = next(fitting, None)
        return found.steps if found else ()

    def automation(self, check_name: str) -> Automation | None:
        """Give the repair that is run by itself for a check, if there is one."""
        return next((auto for auto in self.automations if auto.check == check_name), None)

    def foundations(self, name: str) -> frozenset[str]:
        """Name every check that `name` rests on, directly or through another."""
        found: set[str] = set()
        wanted = list(self.check(name).rests_on)
        while wanted:
            each = wanted.pop()
            if each not in found:
                found.add(each)
                wanted.extend(self.check(each).rests_on)
        return frozenset(found)


def live() -> Rulebook:
    """Give the version that decides now. Raises NoRulebook if none does."""
    known = (
        RulebookVersion.objects.filter(state=RulebookVersion.State.LIVE)
        .values_list("number", "content_sha256")
        .first()
    )
    if known is None:
        raise NoRulebook("No rulebook version is live.")
    return _parsed(*known)


def version(number: int) -> Rulebook:
    """Give one version, whatever its state. Raises NoRulebook if there is none of this number."""
    known = (
        RulebookVersion.objects.filter(number=number)
        .values_list("number", "content_sha256")
        .first()
    )
    if known is None:
        raise NoRulebook(f"There is no rulebook version {number}.")
    return _parsed(*known)


def problems(content: object) -> list[str]:
    """Say everything that keeps `content` from being a rulebook; nothing if it is one."""
    found = [f"{_pointer(error)}: {error.message}" for error in _SCHEMA.iter_errors(content)]
    if found:
        return sorted(found)
    assert isinstance(content, dict)
    return _reference_problems(content)


def parse(*, number: int, content: dict[str, Any]) -> Rulebook:
    """Turn content into a rulebook. Raises BadRulebook with every problem."""
    if found := problems(content):
        raise BadRulebook(found)
    return Rulebook(
        number=number,
        checks=tuple(
            Check(
                **{**each, "rests_on": tuple(each["rests_on"]), "applies": tuple(each["applies"])}
            )
            for each in content["checks"]
        ),
        severities=tuple(
            SeverityRule(**{**each, "when": tuple(each["when"])}) for each in content["severities"]
        ),
        routes=tuple(Route(**{**each, "when": tuple(each["when"])}) for each in content["routes"]),
        clocks=tuple(Clock(**_frozen(each)) for each in content["clocks"]),
        escalations=tuple(
            EscalationPlan(
                **{**_frozen(each), "steps": tuple(Step(**_frozen(step)) for step in each["steps"])}
            )
            for each in content["escalations"]
        ),
        automations=tuple(Automation(**each) for each in content["automations"]),
        close_after_days=content["close_after_days"],
        calendars=tuple(content["calendars"]),
    )


def shipped() -> dict[str, Any]:
    """Read the content that the product brings as version 1."""
    content = json.loads((_HERE / "rulebook_v1.json").read_text())
    assert isinstance(content, dict)
    return content


@transaction.atomic
def publish_first(*, at: datetime) -> Rulebook:
    """Install version 1 and let it decide; does nothing where a version exists.

    The release itself stands for the review: the installer is the author, nobody the approver.
    What a later release ships never replaces the rules of an installation; it comes in as a draft.
    """
    if RulebookVersion.objects.exists():
        return live()
    content = shipped()
    parse(number=1, content=content)
    first = RulebookVersion(
        number=1,
        content=content,
        content_sha256=content_sha256(content),
        author=INSTALLER,
        comment="Shipped with the product.",
        created_at=at,
    )
    first.save()
    _recorded(first, action="rulebook.drafted", from_state="", at=at)
    for move, action in (
        (first.submit, "rulebook.submitted"),
        (first.approve, "rulebook.approved"),
        (first.publish, "rulebook.published"),
    ):
        before = first.state
        move()
        if action == "rulebook.published":
            first.published_at = at
        _recorded(first, action=action, from_state=before, at=at)
        first.save()
    return live()


def content_sha256(content: dict[str, Any]) -> str:
    """Hash content so that equal rules have equal hashes, whatever the order of their keys."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _recorded(version: RulebookVersion, *, action: str, from_state: str, at: datetime) -> None:
    record(
        stream="rulebook",
        subject_id=version.pk,
        action=action,
        actor=INSTALLER,
        at=at,
        from_state=from_state,
        to_state=version.state,
        reason=version.comment,
        rulebook_version=version.number,
        detail={"content_sha256": version.content_sha256},
    )


# The hash is part of the key because numbers come again in another database (tests, selfcheck).
@lru_cache(maxsize=32)
def _parsed(number: int, content_hash: str) -> Rulebook:
    content = RulebookVersion.objects.get(number=number, content_sha256=content_hash).content
    return parse(number=number, content=content)


def _frozen(content: Mapping[str, Any]) -> dict[str, Any]:
    """Turn lists into tuples, which nobody can change."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in content.items()}


def _pointer(error: jsonschema_rs.ValidationError) -> str:
    """Name the place of an error as a JSON pointer."""
    return "".join(f"/{step}" for step in error.instance_path) or "/"


def _reference_problems(content: dict[str, Any]) -> list[str]:
    """Find names said twice, names that nothing has, and checks that rest on themselves."""
    names = [check["name"] for check in content["checks"]]
    found = [
        f"check {name} stands twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    calendars = {"", *(calendar["name"] for calendar in content["calendars"])}
    rests_on = {check["name"]: check["rests_on"] for check in content["checks"]}
    found += [
        f"{name} rests on {base}, which is no check"
        for name, bases in rests_on.items()
        for base in bases
        if base not in rests_on
    ]
    found += [
        f"the automation {each['repair']} names {each['check']}, which is no check"
        for each in content["automations"]
        if each["check"] not in rests_on
    ]
    found += [
        f"the clock of {each['severity']} names the calendar {each['calendar']}, which is missing"
        for each in content["clocks"]
        if each["calendar"] not in calendars
    ]
    found += [
        f"the window of {check['name']} names the calendar {named}, which is missing"
        for check in content["checks"]
        if (named := check["parameters"].get("calendar", "")) not in calendars
    ]
    found += _timing_problems(content, checks=rests_on.keys())
    return found or [f"{name} rests on itself" for name in rests_on if _is_circular(name, rests_on)]


def _timing_problems(content: dict[str, Any], *, checks: Collection[str]) -> list[str]:
    """Find severities without a clock for every case, and clocks of checks that do not exist."""
    for_all = {
        each["severity"]
        for each in content["clocks"]
        if not each.get("checks") and not each.get("teams")
    }
    found = [f"no clock fits every {name}" for name in _SEVERITIES if name not in for_all]
    return found + [
        f"a clock or escalation of {each['severity']} names {named}, which is no check"
        for each in (*content["clocks"], *content["escalations"])
        for named in each.get("checks", ())
        if named not in checks
    ]


def _is_circular(name: str, rests_on: Mapping[str, Sequence[str]]) -> bool:
    seen: set[str] = set()
    wanted = list(rests_on[name])
    while wanted:
        each = wanted.pop()
        if each == name:
            return True
        if each not in seen:
            seen.add(each)
            wanted.extend(rests_on[each])
    return False
