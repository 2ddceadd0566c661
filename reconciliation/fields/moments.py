"""The kinds of fields that speak of time: moments, ages, stretches around now."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NamedTuple

from django.db.models import Q
from django.utils import timezone

from reconciliation.fields.kinds import Asked, BadCondition, Choice, Choices, Field, Value

_TODAY = "today"  # since midnight, where who asks is


@dataclass(frozen=True)
class Moment(Field):
    """A point in time, in UTC. A bare date is its whole day."""

    control: ClassVar[str] = "date"
    operators: ClassVar[tuple[str, ...]] = (
        "at_least",
        "at_most",
        "in_last",
        "is_empty",
        "is_not_empty",
    )

    def words(self, operator: str, value: Value) -> str:
        """Say the condition."""
        if operator == "in_last" and value == _TODAY:
            return f"{self.label} is today"
        if operator == "in_last":
            return f"{self.label} is in the last {_say_duration(self.clean(operator, value))}"
        said = super().words(operator, value)
        return said.replace("is at least", "is from").replace("is at most", "is until")

    def say(self, value: Value) -> str:
        """Say the moment."""
        return f"{value:%Y-%m-%d %H:%M} UTC"

    def _one(self, operator: str, value: Value) -> Value:
        if operator == "in_last":
            return value if value == _TODAY else _duration(value)
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise BadCondition(f"{self.label} needs a date.") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if operator == "at_most" and len(value) == len("2026-11-01"):
            moment += timedelta(days=1) - timedelta(microseconds=1)
        return moment

    def _leaf(self, operator: str, wanted: Value, asked: Asked) -> Q:
        if operator != "in_last":
            return super()._leaf(operator, wanted, asked)
        path = self._path()
        since, until = _last(wanted, asked.moment())
        return Q(**{f"{path}__gte": since, f"{path}__lte": until})

    def _compare(self, operator: str, wanted: Value, actual: Value, asked: Asked) -> bool:
        if operator != "in_last":
            return super()._compare(operator, wanted, actual, asked)
        since, until = _last(wanted, asked.moment())
        return actual is not None and since <= actual <= until


def _last(wanted: Value, moment: datetime) -> tuple[datetime, datetime]:
    return (_midnight(moment) if wanted == _TODAY else moment - wanted), moment


@dataclass(frozen=True)
class Age(Field):
    """How long ago a moment was: "4h", "3d". The older, the more."""

    control: ClassVar[str] = "duration"
    operators: ClassVar[tuple[str, ...]] = ("at_least", "at_most")

    def say(self, value: Value) -> str:
        """Say how long."""
        return _say_duration(value)

    def _one(self, _operator: str, value: Value) -> Value:
        return _duration(value)

    def _leaf(self, operator: str, wanted: Value, asked: Asked) -> Q:
        turned = "at_most" if operator == "at_least" else "at_least"
        return super()._leaf(turned, asked.moment() - wanted, asked)

    def _compare(self, operator: str, wanted: Value, actual: Value, asked: Asked) -> bool:
        turned = "at_most" if operator == "at_least" else "at_least"
        return super()._compare(turned, asked.moment() - wanted, actual, asked)


class Bucket(NamedTuple):
    """A stretch of time around the moment asked of: from `since` (included) to `until`."""

    value: str
    label: str
    since: timedelta | None
    until: timedelta | Callable[[datetime], datetime] | None


@dataclass(frozen=True)
class Buckets(Choice):
    """A moment as one of several stretches, such as overdue or due within 4 hours."""

    buckets: tuple[Bucket, ...] = ()

    def options(self) -> Choices:
        """Give the stretches."""
        return [(bucket.value, bucket.label) for bucket in self.buckets]

    def _one(self, operator: str, value: Value) -> Value:
        if value not in dict(self.options()):
            raise BadCondition(f"{self.label} has no “{value}”.")
        return super()._one(operator, value)

    def _leaf(self, operator: str, wanted: Value, asked: Asked) -> Q:
        path = self._path()
        if operator == "is_empty":
            return Q(**{f"{path}__isnull": True})
        found = Q(pk__in=[])
        for since, until in self._stretches(operator, wanted, asked):
            bounds = {f"{path}__gte": since, f"{path}__lt": until}
            stretch = {name: bound for name, bound in bounds.items() if bound is not None}
            found |= Q(**stretch) & Q(**{f"{path}__isnull": False})
        return found

    def _compare(self, operator: str, wanted: Value, actual: Value, asked: Asked) -> bool:
        if operator == "is_empty":
            return actual is None
        return actual is not None and any(
            (since is None or actual >= since) and (until is None or actual < until)
            for since, until in self._stretches(operator, wanted, asked)
        )

    def _stretches(
        self, operator: str, wanted: Value, asked: Asked
    ) -> list[tuple[datetime | None, datetime | None]]:
        names = [wanted] if operator == "is" else wanted
        at = asked.moment()
        return [
            (
                None if bucket.since is None else at + bucket.since,
                _end(bucket.until, at),
            )
            for bucket in self.buckets
            if bucket.value in names
        ]


def _end(until: timedelta | Callable[[datetime], datetime] | None, at: datetime) -> datetime | None:
    if until is None or isinstance(until, timedelta):
        return None if until is None else at + until
    return until(at)


_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def day_end(at: datetime) -> datetime:
    """Give the end of the day, where who asks is."""
    return _midnight(at) + timedelta(days=1)


def _midnight(at: datetime) -> datetime:
    return timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


def _duration(value: object) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,5})([mhdw])", str(value))
    if not found:
        raise BadCondition(f"“{value}” is no length of time; write 30m, 4h, 7d or 2w.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _say_duration(length: timedelta) -> str:
    for unit, name in (("d", "day"), ("h", "hour"), ("m", "minute")):
        count, rest = divmod(length, timedelta(**{_UNITS[unit]: 1}))
        if not rest:
            return f"{count} {name}" + ("" if count == 1 else "s")
    return str(length)
