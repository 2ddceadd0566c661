"""Finds cases of one cause: the same check with the same pattern, or one silent source."""

import json
from collections.abc import Sequence
from pathlib import Path

from django.db import connection

from exceptions.models import Case
from reconciliation import rulebook, silent
from reconciliation.fields import DISCREPANCY
from reconciliation.models import Source
from reconciliation.money import as_text

LEAST = 3  # open cases with one pattern; two may be chance
_FOLDER = Path(__file__).parent / "sql"


def join(*, case_ids: Sequence[int]) -> None:
    """Write down the patterns of new cases, and put each with those it shares most with.

    When one of them says that a source is silent, what waits for that source is looked at too.
    """
    rules = rulebook.live()
    sources = [
        {"slug": each.slug, "checks": silent.checks_waiting(each, rules=rules)}
        for each in silent.sources()
    ]
    ids = list(case_ids)
    is_news = Case.objects.filter(pk__in=ids, check_name=silent.CHECK).exists()
    if is_news:
        checks = {name for each in sources for name in each["checks"]}
        waiting = Case.objects.filter(check_name__in=checks, closed_at__isnull=True)
        ids += waiting.values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute(_sql("sign_cases"), {"case_ids": ids, "silent": json.dumps(sources)})
        cursor.execute(_sql("group_cases"), {"case_ids": ids, "least": LEAST})


def words_of(sign: str) -> str:
    """Say what cases of one cause have in common: "each €0.30 less"."""
    kind, _, rest = sign.partition(":")
    if kind == "silent":
        name = Source.objects.filter(slug=rest).values_list("name", flat=True).first()
        return f"Waiting for {name or rest}, which is silent"
    check, _, value = rest.partition(":")
    say = {"amount": _amount, "percent": _percent, "days": _days, "suffix": _suffix}.get(kind)
    return f"{_title(check)}, {say(value)}" if say else sign


def _amount(value: str) -> str:
    currency, _, minor = value.partition(":")
    by = int(minor)
    return f"each {as_text(abs(by), currency)} {'less' if by < 0 else 'more'}"


def _percent(value: str) -> str:
    less = value.startswith("-")
    return f"each {value.removeprefix('-')} % {'less' if less else 'more'}"


def _days(value: str) -> str:
    return "each one day apart" if value == "1" else f"each {value} days apart"


def _suffix(value: str) -> str:
    return f"each with “{value}” after the order's name"


def _title(check_name: str) -> str:
    titles = dict(DISCREPANCY["check_name"].options())
    return str(titles.get(check_name, check_name.replace("_", " ").capitalize()))


def _sql(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text()
