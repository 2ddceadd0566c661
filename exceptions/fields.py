"""The fields that filters and saved views of the queue may speak of: the case's and its order's."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db.models import Q

from exceptions import causes
from exceptions.history_fields import HISTORY
from exceptions.models import BulkItem, Case, Handoff
from exceptions.repairs import KINDS
from exceptions.waits import SILENT_SOURCE
from reconciliation.fields import (
    DISCREPANCY,
    Age,
    Bucket,
    Buckets,
    Choice,
    Moment,
    Money,
    Person,
    Registry,
    Text,
    day_end,
)
from reconciliation.fields.kinds import Asked
from reconciliation.fields.registered import team_names

_STATES = (
    ("NEW", "New"),
    ("IN_PROGRESS", "In progress"),
    ("WAITING", "Waiting"),
    ("VERIFYING", "Verifying"),
    ("SETTLED", "Settled"),
    ("DISMISSED", "Dismissed"),
)
_WAITING_FOR = (("system", "A system"), ("customer", "The customer"), ("snooze", "Snoozed"))
CLOSED = "closed"
HANDED_TO_US = "handed_to_us"  # asked for by itself, it opens what another team still owns
_MOST_DIGITS = 18  # of what fits a bigint
NEED_A_PERSON = Q(outcome__in=["REFUSED", "CHANGED", "FAILED"]) | Q(
    outcome="DONE", attempt__state="FAILED"
)  # of a bulk's items
_SLA = (
    Bucket("over", "over", None, timedelta()),
    Bucket("1h", "due within the hour", timedelta(), timedelta(hours=1)),
    Bucket("today", "due today", timedelta(), day_end),
    Bucket("24h", "due within 24 hours", timedelta(), timedelta(hours=24)),
)
_OF_THE_CASE = {"check_name", "team", "at_risk_minor", "currency", "opened_at", "cleared_at", "age"}


@dataclass(frozen=True)
class Closed(Choice):
    """Whether a moment is set: "true" once it is closed."""

    operators: ClassVar[tuple[str, ...]] = ("is", "is_any_of")

    def _leaf(self, operator: str, wanted: Any, _asked: Any) -> Q:  # noqa: ANN401 - as its base
        wants = {wanted} if operator == "is" else set(wanted)
        found = Q(pk__in=[])
        for word, is_null in (("true", False), ("false", True)):
            if word in wants:
                found |= Q(**{f"{self._path()}__isnull": is_null})
        return found

    def _compare(self, operator: str, wanted: Any, actual: Any, _asked: Any) -> bool:  # noqa: ANN401
        wants = {wanted} if operator == "is" else set(wanted)
        return ("true" if actual is not None else "false") in wants


@dataclass(frozen=True)
class ByMachine(Closed):
    """Whether a person or the product closed it."""

    def _leaf(self, operator: str, wanted: Any, _asked: Any) -> Q:  # noqa: ANN401 - as its base
        wants = {wanted} if operator == "is" else set(wanted)
        by_machine = Q(**{f"{self._path()}__startswith": "service:"})
        found = Q(pk__in=[])
        if "true" in wants:
            found |= by_machine
        if "false" in wants:
            found |= ~by_machine
        return found

    def _compare(self, operator: str, wanted: Any, actual: Any, _asked: Any) -> bool:  # noqa: ANN401
        wants = {wanted} if operator == "is" else set(wanted)
        return ("true" if str(actual).startswith("service:") else "false") in wants


@dataclass(frozen=True)
class MyTeams(Choice):
    """Whether who asks is a member of the team."""

    operators: ClassVar[tuple[str, ...]] = ("is",)

    def _leaf(self, _operator: str, _wanted: Any, asked: Asked) -> Q:  # noqa: ANN401 - as its base
        return Q(**{self._path(): asked.me})

    def _compare(self, _operator: str, _wanted: Any, actual: Any, asked: Asked) -> bool:  # noqa: ANN401
        return bool(actual == asked.me)


@dataclass(frozen=True)
class HandedToMe(MyTeams):
    """Whether it is on its way to a team of who asks, and waits for an answer."""

    def _leaf(self, _operator: str, _wanted: Any, asked: Asked) -> Q:  # noqa: ANN401 - as its base
        coming = Handoff.objects.filter(
            state=Handoff.State.WAITING, to_team__memberships__user__username=asked.me
        )
        return Q(pk__in=coming.values("case"))


@dataclass(frozen=True)
class Cause(Choice):
    """What cases of one group have in common, by its sign."""

    operators: ClassVar[tuple[str, ...]] = ("is", "is_not", "is_empty", "is_not_empty")

    def say(self, value: Any) -> str:  # noqa: ANN401 - as its base
        """Say what they have in common."""
        return causes.words_of(str(value))


@dataclass(frozen=True)
class FailedIn(Choice):
    """What a bulk left to people: refused, changed meanwhile, failed, or not delivered."""

    operators: ClassVar[tuple[str, ...]] = ("is",)

    def say(self, value: Any) -> str:  # noqa: ANN401 - as its base
        """Name the bulk."""
        return f"bulk {value}"

    def _leaf(self, _operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        is_number = wanted.isascii() and wanted.isdigit() and len(wanted) <= _MOST_DIGITS
        number = int(wanted) if is_number else 0
        left = BulkItem.objects.filter(bulk=number).filter(NEED_A_PERSON)
        return Q(pk__in=left.values("case"))


def _people() -> list[tuple[str, str]]:
    found = User.objects.filter(is_active=True, memberships__isnull=False).distinct()
    return [(user.username, user.get_full_name() or user.username) for user in found]


FIELDS = Registry(
    [
        DISCREPANCY["check_name"],
        DISCREPANCY["team"],
        Person("owner", "Owner", ("owner__username",), choices=_people),
        Choice("state", "State", ("state",), choices=_STATES),
        Choice(
            "severity",
            "Priority",
            ("severity",),
            choices=[(value, value) for value in Case.Severity.values],
        ),
        Buckets("sla", "SLA", ("resolve_due_at",), buckets=_SLA),
        MyTeams(
            "my_teams",
            "In my teams",
            ("team__memberships__user__username",),
            choices=[("true", "yes")],
        ),
        HandedToMe(
            HANDED_TO_US,
            "Handed to my teams",
            ("handoffs__to_team__memberships__user__username",),
            choices=[("true", "yes")],
        ),
        FailedIn("bulk_failed", "Left to people by", ("pk",)),
        Cause("group", "Group", ("cause",)),
        Moment("due_at", "Due", ("resolve_due_at",)),
        Money("at_risk_minor", "Amount at risk", ("at_risk_minor",)),
        Text("currency", "Currency", ("currency",)),
        Choice("waiting_for", "Waiting for", ("waiting_for",), choices=_WAITING_FOR),
        Choice(
            "repair",
            "Repair",
            ("recommended_repair",),
            choices=[(name, kind.TITLE) for name, kind in KINDS.items()],
        ),
        Moment("opened_at", "Opened", ("opened_at",)),
        Age("age", "Age", ("opened_at",)),
        Closed(CLOSED, "Closed", ("closed_at",), choices=[("true", "yes"), ("false", "no")]),
        Moment("closed_at", "Closed on", ("closed_at",)),
        ByMachine(
            "by_machine",
            "Closed by itself",
            ("closed_by",),
            choices=[("true", "yes"), ("false", "no")],
        ),
        Text("route", "Rule that routed it", ("route",)),
        Moment("found_at", "Difference found", ("discrepancy__opened_at",)),
        Moment("cleared_at", "Difference gone", ("discrepancy__cleared_at",)),
        Choice("check_team", "Team of the check", ("discrepancy__team__slug",), choices=team_names),
        Text("destination", "Written to", ("discrepancy__writeback__target__slug",)),
        SILENT_SOURCE,
        *HISTORY,
        *(field for name, field in DISCREPANCY.items() if name not in _OF_THE_CASE),
    ]
)
