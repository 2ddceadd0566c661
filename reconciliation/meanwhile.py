"""What somebody is told whose form was overtaken: another person saved theirs in between."""

from datetime import datetime

from django.utils import timezone


def overtaken(*, who: str, what: str, at: datetime | None) -> str:
    """Say who did what, and when, where that is known."""
    when = f" at {timezone.localtime(at):%H:%M on %d %b}" if at else ""
    return f"{who} {what}{when}, after you opened this page. Nothing of yours was saved."
