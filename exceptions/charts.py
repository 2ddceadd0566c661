"""Draws charts as HTML and SVG: text is HTML, so it reflows and prints; only geometry is SVG.

Pure functions: values in, markup out. No script, no style attribute; every mark is a link with a
name, which is its tooltip too. Lines are drawn in a nested picture of 100 by 100 that stretches.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WEEK = 7
_TICKS = 5
_VITAL_SHARE = 0.8  # the few that cause this much are set off from the many
_LABEL_SHARE = 6.0  # a segment narrower than this, in per cent, has no number inside


@dataclass(frozen=True)
class Day:
    """One day of the series; None where too little happened to say."""

    date: date
    median_hours: float | None
    p90_hours: float | None
    href: str


@dataclass(frozen=True)
class Mark:
    """Something that happened on a day, numbered under the chart."""

    date: date
    text: str


@dataclass(frozen=True)
class Bar:
    """One row of a chart that compares amounts."""

    name: str
    number: int
    text: str  # the number as written
    href: str
    note: str = ""
    is_noted: bool = False  # the note is good news


@dataclass(frozen=True)
class Stack:
    """One row of a stacked chart: a number and an address for each series."""

    name: str
    numbers: tuple[int, ...]
    hrefs: tuple[str, ...]


def nice_ticks(highest: float) -> list[float]:
    """Give round numbers from 0 to at least `highest`, about five of them."""
    raw = max(highest, 1e-9) / _TICKS
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(
        factor * magnitude for factor in (1, 2, 2.5, 5, 10) if raw <= factor * magnitude * 1.0001
    )
    count = math.ceil(highest / step - 1e-9)
    return [round(step * place, 6) for place in range(count + 1)]


def time_series(
    days: Sequence[Day], *, target_hours: float, marks: Sequence[Mark] = ()
) -> SafeString:
    """Draw median and 90th percentile by day against the target; a day links to its list."""
    known = [day.p90_hours for day in days if day.p90_hours is not None]
    highest = max([*known, target_hours]) * 1.05
    ticks = nice_ticks(highest)
    scale = _Scale(len(days), ticks[-1])
    return format_html(
        '<div class="chart-series" role="group" aria-label="{}">'
        '<div class="chart-series__y" aria-hidden="true">{}</div>'
        '<svg class="chart-series__plot" width="100%" height="100%">{}{}{}{}{}{}</svg>'
        '<div class="chart-series__x" aria-hidden="true">{}</div></div>',
        _series_label(days, target_hours),
        format_html_join("", "<span>{} h</span>", ((_short(tick),) for tick in reversed(ticks))),
        _beyond(scale, target_hours),
        _grid(scale, ticks),
        _lines(scale, days),
        _target(scale, target_hours),
        _marks(scale, days, marks),
        _days(scale, days, target_hours),
        _dates(days),
    )


def pareto(bars: Sequence[Bar], *, caption: str, noted: str) -> SafeString:
    """Draw rows from the largest down, with the running share; the vital few come first."""
    total = sum(bar.number for bar in bars)
    highest = max((bar.number for bar in bars), default=0)
    rows, running, is_vital = [], 0, True
    for bar in bars:
        running += bar.number
        is_cut = is_vital and running >= total * _VITAL_SHARE and len(bars) > 1
        rows.append(_pareto_row(bar, highest, running / total, is_vital=is_vital, is_cut=is_cut))
        is_vital = is_vital and not is_cut
    return format_html(
        '<table class="chart-table"><caption class="vh">{}</caption><thead><tr>'
        '<th scope="col">Failure mode</th><th scope="col"><span class="vh">Share</span></th>'
        '<th scope="col" class="num">Count</th><th scope="col" class="num chart-table__wide">'
        'Running</th><th scope="col">{}</th></tr></thead><tbody>{}</tbody></table>',
        caption,
        noted,
        format_html_join("", "{}", ((row,) for row in rows)),
    )


def vital_few(bars: Sequence[Bar]) -> tuple[int, int]:
    """Say how many of the largest bars make up most of all, and what per cent that is."""
    total = sum(bar.number for bar in bars)
    running = 0
    for place, bar in enumerate(bars, start=1):
        running += bar.number
        if running >= total * _VITAL_SHARE:
            return place, round(100 * running / total) if total else 0
    return 0, 0


def stacked(stacks: Sequence[Stack], *, series: Sequence[str], caption: str) -> SafeString:
    """Draw one bar a row, parted by series; each part links to its list."""
    highest = max((sum(stack.numbers) for stack in stacks), default=0)
    return format_html(
        '<ul class="chart-key" role="list">{}</ul>'
        '<table class="chart-table"><caption class="vh">{}</caption><thead class="vh"><tr>'
        '<th scope="col">Owner</th><th scope="col">By state</th><th scope="col">Total</th>'
        "</tr></thead><tbody>{}</tbody></table>",
        format_html_join(
            "",
            '<li><i class="chart-key__{}"></i>{}</li>',
            ((place, name) for place, name in enumerate(series)),
        ),
        caption,
        format_html_join("", "{}", ((_stack_row(stack, series, highest),) for stack in stacks)),
    )


def bars(rows: Sequence[Bar], *, caption: str, heads: tuple[str, str]) -> SafeString:
    """Draw plain rows in their own order; the text beside each is what it comes to."""
    highest = max((bar.number for bar in rows), default=0)
    return format_html(
        '<table class="chart-table"><caption class="vh">{}</caption><thead class="vh"><tr>'
        '<th scope="col">{}</th><th scope="col">Share</th><th scope="col">{}</th></tr></thead>'
        "<tbody>{}</tbody></table>",
        caption,
        *heads,
        format_html_join(
            "",
            '<tr><th scope="row"><a href="{}">{}</a></th><td class="chart-table__bar">{}</td>'
            '<td class="num">{}</td></tr>',
            (
                (bar.href, bar.name, _bar(bar.number, highest, "chart-bar"), bar.text)
                for bar in rows
            ),
        ),
    )


@dataclass(frozen=True)
class _Scale:
    """Turns a day's place and a value into per cent of the picture."""

    days: int
    highest: float

    def x(self, place: float) -> str:
        return _short(100 * (place + 0.5) / max(self.days, 1))

    def y(self, value: float) -> str:
        return _short(100 * (1 - value / self.highest))


def _series_label(days: Sequence[Day], target_hours: float) -> str:
    over = sum(1 for day in days if day.p90_hours is not None and day.p90_hours > target_hours)
    return (
        f"Time to reconcile per day against a target of {_short(target_hours)} hours."
        f" {over} of {len(days)} days over."
    )


def _beyond(scale: _Scale, target_hours: float) -> SafeString:
    return format_html(
        '<rect class="chart-beyond" x="0" y="0" width="100%" height="{}%"/>', scale.y(target_hours)
    )


def _grid(scale: _Scale, ticks: Sequence[float]) -> SafeString:
    return format_html_join(
        "",
        '<line class="chart-grid" x1="0" x2="100%" y1="{}%" y2="{}%"/>',
        ((scale.y(tick), scale.y(tick)) for tick in ticks),
    )


def _lines(scale: _Scale, days: Sequence[Day]) -> SafeString:
    """Draw the band between the lines, then the lines; days without a value leave a gap."""
    bands, medians, p90s = [], [], []
    for run in _runs(days):
        low = [(place, day.median_hours or 0.0) for place, day in run]
        high = [(place, day.p90_hours or 0.0) for place, day in run]
        bands.append(f"M{_path(scale, high)}L{_path(scale, low[::-1])}Z")
        medians.append(f"M{_path(scale, low)}")
        p90s.append(f"M{_path(scale, high)}")
    return format_html(
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%"'
        ' aria-hidden="true"><path class="chart-band" d="{}"/><path class="chart-p90" d="{}"/>'
        '<path class="chart-median" d="{}"/></svg>',
        "".join(bands),
        "".join(p90s),
        "".join(medians),
    )


def _runs(days: Sequence[Day]) -> list[list[tuple[int, Day]]]:
    """Part the days into stretches in which each has both values."""
    runs: list[list[tuple[int, Day]]] = [[]]
    for place, day in enumerate(days):
        if day.median_hours is None or day.p90_hours is None:
            runs.append([])
        else:
            runs[-1].append((place, day))
    return [run for run in runs if run]


def _path(scale: _Scale, points: Sequence[tuple[int, float]]) -> str:
    return "L".join(f"{scale.x(place)} {scale.y(value)}" for place, value in points)


def _target(scale: _Scale, target_hours: float) -> SafeString:
    y = scale.y(target_hours)
    return format_html('<line class="chart-target" x1="0" x2="100%" y1="{}%" y2="{}%"/>', y, y)


def _marks(scale: _Scale, days: Sequence[Day], marks: Sequence[Mark]) -> SafeString:
    places = {day.date: place for place, day in enumerate(days)}
    known = [
        (number, places[mark.date]) for number, mark in enumerate(marks, 1) if mark.date in places
    ]
    return format_html_join(
        "",
        '<line class="chart-mark" x1="{}%" x2="{}%" y1="0" y2="100%"/>'
        '<circle class="chart-mark__dot" cx="{}%" cy="10" r="8"/>'
        '<text class="chart-mark__number" x="{}%" y="14" text-anchor="middle">{}</text>',
        ((*[scale.x(place)] * 4, number) for number, place in known),
    )


def _days(scale: _Scale, days: Sequence[Day], target_hours: float) -> SafeString:
    width = _short(100 / max(len(days), 1))
    return format_html_join(
        "",
        '<a href="{}" aria-label="{}"><title>{}</title>'
        '<rect class="chart-hit" x="{}%" y="0" width="{}%" height="100%"/>{}</a>',
        (
            (
                day.href,
                _day_label(day, target_hours),
                _day_label(day, target_hours),
                _short(100 * place / len(days)),
                width,
                _dot(scale, place, day, target_hours),
            )
            for place, day in enumerate(days)
        ),
    )


def _dot(scale: _Scale, place: int, day: Day, target_hours: float) -> SafeString:
    if day.p90_hours is None:
        return SafeString()
    is_over = day.p90_hours > target_hours
    return format_html(
        '<circle class="chart-dot{}" cx="{}%" cy="{}%" r="{}"/>',
        " chart-dot--over" if is_over else "",
        scale.x(place),
        scale.y(day.p90_hours),
        4.5 if is_over else 2.5,
    )


def _day_label(day: Day, target_hours: float) -> str:
    if day.median_hours is None or day.p90_hours is None:
        return f"{day.date:%a %-d %b}: nothing was reconciled"
    over = ", over the target" if day.p90_hours > target_hours else ""
    return f"{day.date:%a %-d %b}: median {day.median_hours:.1f} h, p90 {day.p90_hours:.1f} h{over}"


def _dates(days: Sequence[Day]) -> SafeString:
    every = _WEEK if len(days) > 2 * _WEEK else 1
    every = every * 2 if len(days) > 8 * _WEEK else every
    return format_html_join(
        "", "<span>{}</span>", ((f"{day.date:%-d %b}",) for day in days[::every])
    )


def _pareto_row(
    bar: Bar, highest: int, running: float, *, is_vital: bool, is_cut: bool
) -> SafeString:
    return format_html(
        '<tr{}><th scope="row"><a href="{}">{}</a></th><td class="chart-table__bar">{}</td>'
        '<td class="num">{}</td><td class="num chart-table__wide">{}%</td>'
        '<td><span class="pill{}">{}</span></td></tr>',
        SafeString(' class="chart-table__cut"') if is_cut else "",
        bar.href,
        bar.name,
        _bar(bar.number, highest, "chart-bar" if is_vital else "chart-bar chart-bar--mute"),
        bar.text,
        round(100 * running),
        " pill--ok" if bar.is_noted else "",
        bar.note,
    )


def _bar(number: int, highest: int, css_class: str) -> SafeString:
    return format_html(
        '<svg width="100%" height="18" aria-hidden="true">'
        '<rect class="{}" width="{}%" height="18" rx="2"/></svg>',
        css_class,
        _short(100 * number / highest) if highest else "0",
    )


def _stack_row(stack: Stack, series: Sequence[str], highest: int) -> SafeString:
    parts, start = [], 0.0
    for place, number in enumerate(stack.numbers):
        width = 100 * number / highest if highest else 0.0
        if number:
            label = f"{stack.name}, {series[place]}: {number}"
            parts.append(_segment(place, stack.hrefs[place], label, number, start, width))
        start += width
    return format_html(
        '<tr><th scope="row">{}</th><td class="chart-table__bar">'
        '<svg width="100%" height="24" role="group" aria-label="{}">{}</svg></td>'
        '<td class="num">{}</td></tr>',
        stack.name,
        stack.name,
        format_html_join("", "{}", ((part,) for part in parts)),
        f"{sum(stack.numbers):,}",
    )


def _segment(
    place: int, href: str, label: str, number: int, start: float, width: float
) -> SafeString:
    text = SafeString()
    if width > _LABEL_SHARE:
        text = format_html(
            '<text class="chart-inside" x="{}%" y="16.5" text-anchor="middle">{}</text>',
            _short(start + width / 2),
            number,
        )
    return format_html(
        '<a href="{}" aria-label="{}"><title>{}</title>'
        '<rect class="chart-segment chart-segment--{}" x="{}%" width="{}%" height="24"/>{}</a>',
        href,
        label,
        label,
        place,
        _short(start),
        _short(width),
        text,
    )


def _short(value: float) -> str:
    """Write a number with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
