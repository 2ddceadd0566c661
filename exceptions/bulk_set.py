"""The set of a bulk: frozen as it was shown, pinned to plans, and followed while its view moves."""

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from hashlib import sha256
from operator import or_

from django.contrib.auth.models import User
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet, Sum

from exceptions import queries
from exceptions.bulk_verbs import HANDOFF, REPAIR
from exceptions.models import Bulk, BulkItem, Case, Handoff
from exceptions.permissions import ADMIN, roles, teams_of, visible_cases
from exceptions.repairs import KINDS, ChoosingKind, plan_for
from exceptions.repairs.plan import Refusal

MOST = 10_000


class CannotBulk(Exception):
    """It cannot be done with these cases now; the message may be shown."""


class SetChanged(CannotBulk):
    """Since the person looked, the view has come to hold other cases."""

    def __init__(self, *, now: int, new: int, gone: int, digest: str) -> None:
        super().__init__(f"Now {now:,} match ({new:,} new, {gone:,} gone). Nothing was done yet.")
        self.now, self.new, self.gone, self.digest = now, new, gone, digest


def freeze(asked: Bulk, *, cases: QuerySet[Case]) -> None:
    """Write down each case and its version: one statement, however many there are."""
    rows = cases.order_by("resolve_due_at", "pk").values("id", "version", "recommended_repair")
    try:
        text, given = rows[: MOST + 1].query.sql_with_params()
    except EmptyResultSet:  # nothing ticked, a filter that nothing meets
        return
    is_repair = asked.verb == REPAIR
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO exceptions_bulkitem (
                bulk_id, case_id, version, repair, plan_sha256, outcome, why, before
            )
            SELECT %s, meant.id, meant.version, CASE WHEN %s THEN meant.recommended_repair ELSE ''
                END, '', 'DUE', '', '{{}}'
            FROM ({text}) AS meant
            ORDER BY meant.id
            ON CONFLICT (bulk_id, case_id) DO NOTHING
            """,  # noqa: S608 - of the ORM
            [asked.pk, is_repair, *given],
        )


def pin(asked: Bulk) -> None:
    """Hold each case to the plan of the moment when the person looked."""
    items = list(asked.items.exclude(passed_over(asked)).select_related("case__order"))
    for item in items:
        plan = plan_for(case=item.case, kind=item.repair)
        item.plan_sha256 = "" if isinstance(plan, Refusal) else plan.sha256()
    BulkItem.objects.bulk_update(items, ["plan_sha256"])


def held_by_view(asked: Bulk, *, at: datetime) -> QuerySet[Case]:
    """Find what the view that was asked for holds now."""
    return queries.found_cases(
        visible_cases(asked.asked_by),
        user=asked.asked_by,
        at=at,
        filters=asked.asked_for["filters"],
        search=asked.asked_for["search"],
    )


def follow_view(asked: Bulk, *, digest: str, at: datetime) -> None:
    """Raise SetChanged unless the view holds what was shown, or the new set was chosen."""
    held = set(held_by_view(asked, at=at).values_list("pk", flat=True)[: MOST + 1])
    shown = set(asked.items.values_list("case_id", flat=True))
    if held == shown:
        return
    now = _hash(sorted(held))
    if now != digest:
        raise SetChanged(now=len(held), new=len(held - shown), gone=len(shown - held), digest=now)
    asked.items.exclude(case_id__in=held).delete()
    freeze(asked, cases=Case.objects.filter(pk__in=held - shown))


def skip(asked: Bulk) -> None:
    """Pass over the cases that the verb cannot do, each with the reason."""
    for why, which in skipped(asked).items():
        due = asked.items.filter(which, outcome="DUE").values("pk")
        BulkItem.objects.filter(pk__in=due).update(outcome="SKIPPED", why=why)


def sums(items: QuerySet[BulkItem]) -> list[tuple[int, str]]:
    """Add up what is at risk, by currency."""
    found = items.filter(case__at_risk_minor__gt=0).values_list("case__currency")
    added = found.annotate(sum=Sum("case__at_risk_minor")).order_by("case__currency")
    return [(amount_minor, currency) for currency, amount_minor in added]


def digest_of(asked: Bulk) -> str:
    """Hash the set that was shown."""
    return _hash(asked.items.order_by("case_id").values_list("case_id", flat=True))


def skipped(asked: Bulk) -> dict[str, Q]:
    """Say which cases it passes over, by the reason that the person is told."""
    verb, found = asked.verb, _of_others(asked.asked_by)
    found |= {
        "Closed": Q(case__closed_at__isnull=False),
        "Merged into another, which goes on": Q(case__merged_into__isnull=False),
    }
    if verb == HANDOFF:
        coming = Handoff.objects.filter(state=Handoff.State.WAITING)
        found["Handed over already, and waits for an answer"] = Q(case__in=coming.values("case"))
    if verb != REPAIR:
        return found
    choosing = [name for name, kind in KINDS.items() if isinstance(kind, ChoosingKind)]
    return {
        **found,
        "Repaired already, and waits for its check": Q(case__state=Case.State.VERIFYING),
        "No safe repair": Q(repair=""),
        "Its repair asks which order is meant": Q(repair__in=choosing),
    }


def passed_over(asked: Bulk) -> Q:
    """Say which cases it passes over, whatever the reason."""
    return reduce(or_, skipped(asked).values())


def _of_others(by: User) -> dict[str, Q]:
    if ADMIN in roles(by):
        return {}
    return {"Another team's: accept it first": ~Q(case__team__in=teams_of(by))}


def _hash(ids: Iterable[int]) -> str:
    return sha256(",".join(map(str, ids)).encode()).hexdigest()
