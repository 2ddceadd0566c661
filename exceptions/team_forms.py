"""What people send about a team, checked and in Python's types."""

from datetime import datetime
from typing import Any

from django import forms

_CHOOSE = {"required": "Choose a person."}
_MOMENT = "Enter a date and a time, such as 2026-11-23 09:00."


class TeamForm(forms.Form):
    """A team's own settings."""

    name = forms.CharField(required=False)
    calendar = forms.CharField(required=False)
    hand_out = forms.CharField(required=False)
    version = forms.IntegerField(error_messages={"required": "Open the page again."})


class CalendarForm(forms.Form):
    """The calendar of a team."""

    time_zone = forms.CharField(required=False)
    opens = forms.CharField(required=False)
    closes = forms.CharField(required=False)
    country = forms.CharField(required=False)
    version = forms.IntegerField(error_messages={"required": "Open the page again."})


class MemberForm(forms.Form):
    """A member's lead and hours; the weekdays are `opens-1` to `closes-7`."""

    is_lead = forms.BooleanField(required=False)
    time_zone = forms.CharField(required=False)
    version = forms.IntegerField(error_messages={"required": "Open the page again."})

    def hours(self) -> dict[str, tuple[str, str]]:
        """Give what was entered for each weekday."""
        return {
            str(day): (
                self.data.get(f"opens-{day}", "").strip(),
                self.data.get(f"closes-{day}", "").strip(),
            )
            for day in range(1, 8)
        }


class AbsenceForm(forms.Form):
    """Who is away from when to when, in the reader's own zone, and who stands in."""

    username = forms.CharField(max_length=150, error_messages=_CHOOSE)
    stand_in = forms.CharField(max_length=150, required=False)
    reason = forms.CharField(max_length=200, required=False)
    starts_at = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M"],
        error_messages={"required": _MOMENT, "invalid": _MOMENT},
    )
    ends_at = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M"],
        error_messages={"required": _MOMENT, "invalid": _MOMENT},
    )

    def moments(self) -> tuple[datetime, datetime]:
        """Give begin and end."""
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned["starts_at"], cleaned["ends_at"]
