"""How money, moments and raw facts are written on every page."""

import json
import re
from datetime import UTC, datetime
from functools import cache

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from reconciliation import money as amounts

register = template.Library()


@register.filter
def money(amount_minor: int | None, currency: str) -> str:
    """Write minor units of a currency: "€3,175.28"; nothing known is a dash."""
    return "—" if amount_minor is None else amounts.as_text(amount_minor, currency)


@register.filter
def round_money(amount_minor: int | None, currency: str) -> str:
    """Write minor units without the minor digits: "€214,880"."""
    return "—" if amount_minor is None else amounts.as_round_text(amount_minor, currency)


@register.filter
def grouped(number: int) -> str:
    """Write a count with its thousands apart: "20,529"."""
    return f"{number:,}"


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """Write a moment as "22 Nov 07:20" in the reader's zone; the full form is in its tooltip."""
    if at is None:
        return "—"
    local = timezone.localtime(at)
    is_this_year = local.year == timezone.localtime().year
    text = f"{local:%-d %b %H:%M}" if is_this_year else f"{local:%-d %b %Y %H:%M}"
    return _time(at, text)


@register.filter
def stamp(at: datetime) -> str:
    """Write a moment for machines, as short as it gets: "2026-11-22T07:20:00Z"."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@register.filter
def day_moment(at: datetime | None) -> SafeString | str:
    """Write a moment with seconds and zone, for a trail that proves something."""
    return "—" if at is None else _time(at, f"{timezone.localtime(at):%-d %b %Y %H:%M:%S}")


@register.filter
def pretty(value: object) -> str:
    """Lay out JSON for reading; the template escapes it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Draw an icon beside words that say the same; its strokes are in the style sheet."""
    shapes = re.sub(r">\s+<", "><", lucide(name)).partition(">")[2]
    return mark_safe(  # noqa: S308 - the library's own drawing
        f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{shapes}'
    )


def _time(at: datetime, text: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        f"{timezone.localtime(at):%A %-d %B %Y %H:%M:%S %Z}",
        text,
    )
