"""Draws what a source sent hour by hour: HTML and SVG, every hour a link to its events.

Pure: values in, markup out. Drawn as `exceptions/charts.py` draws, with the same style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_EVERY = 6  # hours between two that are named below
_GAP_SHARE = 0.15  # of an hour's width, left and right together


@dataclass(frozen=True)
class Hour:
    """One hour and what came in it."""

    at: datetime
    events: int
    rejected: int
    href: str


def draw(hours: Sequence[Hour], *, name: str) -> SafeString:
    """Draw one bar an hour, the oldest first."""
    highest = max((hour.events for hour in hours), default=0)
    return format_html(
        '<div class="chart-series" role="group" aria-label="{}">'
        '<div class="chart-series__y" aria-hidden="true"><span>{}</span><span>0</span></div>'
        '<svg class="chart-series__plot" width="100%" height="100%">{}</svg>'
        '<div class="chart-series__x" aria-hidden="true">{}</div></div>',
        f"Events of {name} in each of the last {len(hours)} hours, {highest:,} at most.",
        f"{highest:,}",
        format_html_join("", "{}", ((_bar(hours, place, highest),) for place in range(len(hours)))),
        format_html_join("", "<span>{}</span>", ((_short(hour.at),) for hour in hours[::_EVERY])),
    )


def _bar(hours: Sequence[Hour], place: int, highest: int) -> SafeString:
    hour, width = hours[place], 100 / len(hours)
    height = 100 * hour.events / highest if highest else 0.0
    label = _label(hour)
    return format_html(
        '<a href="{}" aria-label="{}"><title>{}</title>'
        '<rect class="chart-hit" x="{}%" y="0" width="{}%" height="100%"/>'
        '<rect class="chart-bar" x="{}%" y="{}%" width="{}%" height="{}%"/></a>',
        hour.href,
        label,
        label,
        _number(place * width),
        _number(width),
        _number(place * width + width * _GAP_SHARE / 2),
        _number(100 - height),
        _number(width * (1 - _GAP_SHARE)),
        _number(height),
    )


def _label(hour: Hour) -> str:
    rejected = f", {hour.rejected:,} rejected" if hour.rejected else ""
    events = "nothing" if not hour.events else f"{hour.events:,}"
    return f"{timezone.localtime(hour.at):%a %-d %b %H:%M}: {events}{rejected}"


def _short(at: datetime) -> str:
    return f"{timezone.localtime(at):%H:%M}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
