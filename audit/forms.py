"""What the audit list may be asked for."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from audit import subjects
from audit.presenters import streams
from audit.queries import Filters


class FilterForm(forms.Form):
    """The filters of the audit list, as the address has them; all may be empty."""

    stream = forms.ChoiceField(
        required=False, choices=[("", "Everything"), *streams().items()], label="About"
    )
    subject = forms.CharField(required=False, max_length=64, label="Which one")
    actor = forms.CharField(required=False, max_length=150, label="Who")
    action = forms.CharField(required=False, max_length=64, label="Action")
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(required=False, label="To")

    def clean(self) -> dict[str, Any]:
        """Find the subject by the name that people use, or by its number."""
        cleaned = super().clean() or {}
        name, stream = cleaned.get("subject", ""), cleaned.get("stream", "")
        if name:
            found = subjects.found(name, stream=stream)
            if found is None and name.isascii() and name.isdigit() and stream:
                found = (stream, int(name))
            if found is None:
                self.add_error("subject", f"Nothing on the trail is called “{name}”.")
            else:
                cleaned["found"] = found
        return cleaned

    def filters(self) -> Filters:
        """Give what the form asks for; days are those of the reader's time zone."""
        asked = self.cleaned_data
        stream, subject_id = asked.get("found", (asked["stream"], None))
        return Filters(
            stream=stream,
            subject_id=subject_id,
            actor=asked["actor"].strip(),
            action=asked["action"].strip(),
            since=_midnight(asked["since"]),
            until=_midnight(asked["until"], days=1),
        )

    def asked(self) -> dict[str, str]:
        """Give the filters that are set, as the address writes them."""
        given = {name: self.data.get(name, "").strip() for name in self.fields}
        return {name: value for name, value in given.items() if value}


def _midnight(day: date | None, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min))
