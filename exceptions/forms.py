"""What people send about a case, checked and in Python's types."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from exceptions.models import Skip

SNOOZES = (
    ("1h", "1 hour"),
    ("4h", "4 hours"),
    ("tomorrow", "Tomorrow 09:00"),
    ("monday", "Monday 09:00"),
    ("7d", "7 days"),
)
WINDOW = "window"
WAITS = (("snooze", "Nothing in particular"), ("customer", "The customer"))
_LENGTHS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "7d": timedelta(days=7)}
_MORNING = time(9)
_WEEK = 7


class VersionForm(forms.Form):
    """Every form on a case says which version of it was on the screen."""

    version = forms.IntegerField(required=False)


class AssignForm(VersionForm):
    """Give a case to a colleague."""

    to = forms.CharField(max_length=150, error_messages={"required": "Choose a person."})


class MergeForm(VersionForm):
    """Put a case to another."""

    into = forms.IntegerField(min_value=1, error_messages={"required": "Choose an exception."})


class SnoozeForm(VersionForm):
    """Put a case aside: for a while, or until a moment in the reader's own zone.

    `on` names what wakes it before. `window` is when the window of its check would end.
    """

    reason = forms.CharField(max_length=500, required=False)
    until = forms.DateTimeField(
        required=False,
        input_formats=["%Y-%m-%dT%H:%M"],
        error_messages={"invalid": "Enter a date and a time, such as 2026-11-23 09:00."},
    )

    waiting_for = forms.ChoiceField(choices=WAITS, required=False)
    on = forms.CharField(max_length=32, required=False)

    def __init__(
        self,
        data: Any,  # noqa: ANN401 - what Django takes
        *,
        at: datetime,
        window: datetime | None = None,
    ) -> None:
        super().__init__(data)
        self._at, self._window = at, window
        choices = [*SNOOZES, *([(WINDOW, "")] if window else [])]
        self.fields["for"] = forms.ChoiceField(choices=choices, required=False)

    def clean(self) -> dict[str, Any]:
        """Turn the choice into a moment after now."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = cleaned.get("for", "")
        moment = self._window if chosen == WINDOW else _moment(chosen, at=self._at)
        until = cleaned.get("until") or moment
        if until is None:
            raise forms.ValidationError("Choose how long, or enter a moment.")
        if until <= self._at:
            raise forms.ValidationError("Enter a moment after now.")
        cleaned["until"] = until
        return cleaned


class ReasonForm(VersionForm):
    """Escalate or dismiss: never without saying why."""

    reason = forms.CharField(
        max_length=500, error_messages={"required": "Say why, in a few words."}
    )


class SkipForm(forms.Form):
    """Pass a case over: one of four reasons, which say where routing goes wrong."""

    reason = forms.ChoiceField(
        choices=Skip.Reason.choices,
        error_messages={"required": "Say why.", "invalid_choice": "Choose one of the reasons."},
    )


class HandoffForm(ReasonForm):
    """Hand a case to another team, or to one person of it."""

    team = forms.SlugField(error_messages={"required": "Choose a team."})
    person = forms.CharField(max_length=150, required=False)


class CommentForm(VersionForm):
    """Write a remark."""

    text = forms.CharField(max_length=5_000, error_messages={"required": "Write something first."})


class WaitForm(VersionForm):
    """Give a parked event's order more time."""

    days = forms.IntegerField(
        min_value=1, max_value=90, error_messages={"required": "Say how many days."}
    )


class RunForm(VersionForm):
    """Run a repair: exactly the plan that was shown, once."""

    plan_sha256 = forms.RegexField(r"^[0-9a-f]{64}$")
    idempotency_key = forms.CharField(max_length=64)
    to = forms.CharField(max_length=255, required=False)
    reason = forms.CharField(max_length=500, required=False)


def first_error(form: forms.Form) -> str:
    """Give the first thing that is wrong with a form, as a sentence."""
    for name, errors in form.errors.items():
        known = {"version", "plan_sha256", "idempotency_key"}
        return "This form is incomplete. Open the page again." if name in known else str(errors[0])
    return ""


def _moment(choice: str, *, at: datetime) -> datetime | None:
    """Say when a choice of `SNOOZES` ends; mornings are in the reader's zone."""
    if choice in _LENGTHS:
        return at + _LENGTHS[choice]
    local = timezone.localtime(at)
    days = {"tomorrow": 1, "monday": _WEEK - local.weekday()}.get(choice)
    if days is None:
        return None
    return datetime.combine(local.date() + timedelta(days=days), _MORNING, local.tzinfo)
