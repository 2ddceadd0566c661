"""Work on many cases at once: its set is frozen, shown, agreed to where it is large, then a job.

Each case is done by the very verb that does one, by whoever asked, and stands on the trail as if it
had been done alone. See `bulk_verbs` for what can be done and `bulk_steps` for the job.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from audit.record import record
from exceptions import messages, queries
from exceptions.bulk_steps import KIND
from exceptions.bulk_verbs import HANDOFF, REPAIR, VERBS
from exceptions.models import Bulk, BulkItem, Case, Handoff, RepairAttempt
from exceptions.permissions import (
    ADMIN,
    OPERATOR,
    SENIOR_TIER,
    TEAM_LEAD,
    NotAllowed,
    check_can_repair,
    name_of,
    roles,
    teams_of,
    visible_cases,
)
from exceptions.repairs import KINDS, ChoosingKind, plan_for
from exceptions.repairs.plan import Refusal
from reconciliation.models import Installation, Job
from reconciliation.money import as_text
from reconciliation.nudge import after_commit

MOST_TICKED = 500
MOST = 10_000
_AGAIN = ("REFUSED", "CHANGED", "FAILED")
_PINNED = 50  # plans that are made when they are shown; beyond, the version of the case guards
_DRAFT_KEPT = timedelta(days=1)
_UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)


class CannotBulk(Exception):
    """It cannot be done with these cases now; the message may be shown."""


class SetChanged(CannotBulk):
    """Since the person looked, the view has come to hold other cases."""

    def __init__(self, *, now: int, new: int, gone: int, digest: str) -> None:
        super().__init__(f"Now {now:,} match ({new:,} new, {gone:,} gone). Nothing was done yet.")
        self.now, self.new, self.gone, self.digest = now, new, gone, digest


@transaction.atomic
def draft(
    *,
    verb: str,
    by: User,
    at: datetime,
    case_ids: Iterable[int] = (),
    view: Mapping[str, Any] | None = None,
    words: str = "",
) -> Bulk:
    """Freeze the set that a person means: what they ticked, or all that a view holds.

    `view` has `filters` and `search`. Raises NotAllowed, CannotBulk.
    """
    check_may_ask(by)
    if verb not in VERBS:
        raise CannotBulk("There is no such action. Nothing changed.")
    Bulk.objects.filter(
        asked_by=by, state=Bulk.State.DRAFT, created_at__lt=at - _DRAFT_KEPT
    ).delete()
    ticked = sorted(set(case_ids))
    if view is None and len(ticked) > MOST_TICKED:
        raise CannotBulk(f"At most {MOST_TICKED} can be ticked. Choose all in the view instead.")
    made = Bulk.objects.create(
        verb=verb, asked_by=by, created_at=at, asked_for=view or {}, words=words or "-"
    )
    _freeze(made, visible_cases(by).filter(pk__in=ticked) if view is None else _held(made, at=at))
    number = made.items.count()
    if not number:
        raise CannotBulk("No exception is ticked. Tick some rows first; nothing changed.")
    if number > MOST:
        raise CannotBulk(f"More than {MOST:,} match. Filter them first; nothing changed.")
    if verb == REPAIR and number <= _PINNED:
        _pin(made)
    made.words = words or f"{number:,} ticked exception{'' if number == 1 else 's'}"
    made.save()
    return made


@transaction.atomic
def confirm(
    *,
    bulk_id: int,
    digest: str,
    arguments: Mapping[str, Any],
    by: User,
    at: datetime,
    is_set_kept: bool = False,
) -> Bulk:
    """Begin what was shown, or leave it to a second person where it is large.

    Raises NotAllowed, CannotBulk, and SetChanged unless the view still holds what was shown:
    `is_set_kept` goes on with what was shown, the digest of the new set goes on with that.
    """
    asked = _locked(bulk_id)
    _check_mine(asked, by)
    if asked.state != Bulk.State.DRAFT:
        return asked  # the same form twice
    if asked.asked_for and not is_set_kept:
        _follow_view(asked, digest=digest, at=at)
    asked.arguments = dict(arguments)
    _skip(asked)
    if not asked.items.filter(outcome="DUE").exists():
        raise CannotBulk("None of these can be done. Nothing changed.")
    if asked.verb == REPAIR and is_senior(asked) and not asked.arguments.get("reason"):
        raise CannotBulk("Say why: some of these move money or cannot be undone.")
    _begin_or_ask(asked, by=by, at=at)
    return asked


@transaction.atomic
def ask_for_one(
    *, case_id: int, repair: str, plan_sha256: str, reason: str, by: User, at: datetime
) -> Bulk:
    """Leave one repair that moves money to a second person, by the plan that was shown.

    The same again while it waits gives the same. Raises NotAllowed.
    """
    Installation.objects.select_for_update().first()
    case = Case.objects.select_related("team").get(pk=case_id)
    check_can_repair(by, case, tier=SENIOR_TIER)
    waiting = Bulk.objects.filter(
        state=Bulk.State.ASKED, items__case=case, items__repair=repair, asked_by=by
    )
    if (known := waiting.first()) is not None:
        return known
    made = Bulk.objects.create(
        verb=REPAIR,
        asked_by=by,
        created_at=at,
        words=f"exception #{case.pk}: {KINDS[repair].TITLE}",
        arguments={"reason": reason},
        state=Bulk.State.ASKED,
        needs="It moves money or cannot be undone.",
    )
    made.items.create(case=case, version=case.version, repair=repair, plan_sha256=plan_sha256)
    _record("bulk.asked", made, by=by, at=at, reason=reason)
    _ask_leads(made, at=at)
    return made


@transaction.atomic
def approve(*, bulk_id: int, by: User, at: datetime) -> Bulk:
    """Let a large one begin. Raises NotAllowed for whoever asked, and for all but leads."""
    asked = _locked(bulk_id)
    if refusal := refusal_to_decide(asked, by):
        raise NotAllowed(refusal)
    _check_waits(asked)
    asked.decided_by, asked.decided_at = by, at
    _record("bulk.approved", asked, by=by, at=at)
    _begin(asked, by=by, at=at)
    _answer(asked, f"{name_of(by)} agreed: {title_of(asked)}", at=at)
    return asked


@transaction.atomic
def refuse(*, bulk_id: int, reason: str, by: User, at: datetime) -> Bulk:
    """Say no to a large one, or take back one's own; nothing is done. Raises NotAllowed."""
    asked = _locked(bulk_id)
    if asked.asked_by_id != by.pk and (refusal := refusal_to_decide(asked, by)):
        raise NotAllowed(refusal)
    _check_waits(asked)
    asked.state = Bulk.State.REFUSED
    asked.decided_by, asked.decided_at, asked.decision_reason = by, at, reason
    _record("bulk.refused", asked, by=by, at=at, reason=reason)
    asked.save()
    if asked.asked_by_id != by.pk:
        _answer(asked, f"{name_of(by)} refused: {title_of(asked)}", text=reason, at=at)
    return asked


@transaction.atomic
def again(*, bulk_id: int, by: User, at: datetime) -> Bulk:
    """Try again what failed and go on with what was stopped; what is done is left alone.

    Raises NotAllowed, CannotBulk while it is under way or where nothing is left.
    """
    asked = _locked(bulk_id)
    _check_mine(asked, by)
    _check_rests(asked)
    undelivered = Q(outcome="DONE", attempt__state=RepairAttempt.State.FAILED)
    failed = asked.items.filter(Q(outcome__in=_AGAIN) | undelivered)
    for item in failed.select_related("case"):
        item.version, item.outcome, item.plan_sha256 = item.case.version, "DUE", ""
        item.save(update_fields=["version", "outcome", "plan_sha256"])
    if not asked.items.filter(outcome="DUE").exists():
        raise CannotBulk("Nothing of it failed. Nothing changed.")
    _begin_or_ask(asked, by=by, at=at)
    return asked


@transaction.atomic
def undo(*, bulk_id: int, by: User, at: datetime) -> Bulk:
    """Take back all that was done: a bulk of its own, by the undo of each verb.

    Raises NotAllowed, CannotBulk while it is under way or where nothing is left to take back.
    """
    asked = _locked(bulk_id)
    _check_mine(asked, by)
    _check_rests(asked)
    done = asked.items.filter(outcome="DONE")
    if asked.undoes_id is not None or not done.exists():
        raise CannotBulk("There is nothing to undo. Nothing changed.")
    made = Bulk.objects.create(
        verb=asked.verb,
        asked_by=by,
        created_at=at,
        words=asked.words,
        state=Bulk.State.BEGUN,
        undoes=asked,
    )
    BulkItem.objects.bulk_create(
        BulkItem(
            bulk=made,
            case_id=item.case_id,
            version=item.version_after if item.version_after is not None else item.version,
            before=item.before,
            attempt_id=item.attempt_id,
            at=item.at,
        )
        for item in done.order_by("pk")
    )
    _record("bulk.undone", made, by=by, at=at)
    _begin(made, by=by, at=at)
    return made


def check_may_ask(by: User) -> None:
    """Raise NotAllowed unless `by` works exceptions at all; each case is asked about once more."""
    if not roles(by) & {OPERATOR, TEAM_LEAD, ADMIN}:
        raise NotAllowed("Needs Operator or Team lead. An Admin can give you that role.")


def refusal_to_decide(asked: Bulk, by: User) -> str:
    """Say why `by` may not agree to it; "" if they may."""
    held = roles(by)
    if not held & {TEAM_LEAD, ADMIN}:
        return "Needs Team lead: a second person agrees to large ones."
    if asked.asked_by_id == by.pk:
        return "You asked for it: another Team lead agrees to it."
    others = Q(case__team__in=teams_of(by))
    if ADMIN not in held and asked.items.exclude(others).exists():
        return "Needs a lead of every team whose exceptions are in it, or an Admin."
    return ""


def needs_second(asked: Bulk) -> str:
    """Say why a second person agrees to it first; "" if none is needed."""
    due = asked.items.filter(outcome="DUE")
    number = due.count()
    if number > settings.BULK_ALONE_ITEMS:
        return f"{number:,} exceptions: more than {settings.BULK_ALONE_ITEMS} need a second person."
    for amount_minor, currency in sums(due):
        if amount_minor > settings.BULK_ALONE_MINOR:
            limit = as_text(settings.BULK_ALONE_MINOR, currency)
            return f"{as_text(amount_minor, currency)} at risk: more than {limit} needs a second."
    if asked.verb == REPAIR and is_senior(asked):
        return "Some of it moves money or cannot be undone."
    return ""


def is_senior(asked: Bulk) -> bool:
    """Tell whether a repair in it moves money or cannot be undone."""
    senior = [name for name, kind in KINDS.items() if kind.TIER >= SENIOR_TIER]
    return asked.items.filter(outcome="DUE", repair__in=senior).exists()


def sums(items: QuerySet[BulkItem]) -> list[tuple[int, str]]:
    """Add up what is at risk, by currency."""
    found = items.filter(case__at_risk_minor__gt=0).values_list("case__currency")
    added = found.annotate(sum=Sum("case__at_risk_minor")).order_by("case__currency")
    return [(amount_minor, currency) for currency, amount_minor in added]


def digest_of(asked: Bulk) -> str:
    """Hash the set that was shown."""
    return _hash(asked.items.order_by("case_id").values_list("case_id", flat=True))


def skipped(verb: str) -> dict[str, Q]:
    """Say which cases a verb passes over, by the reason that the person is told."""
    closed = {
        "Closed": Q(case__closed_at__isnull=False),
        "Merged into another, which goes on": Q(case__merged_into__isnull=False),
    }
    if verb == HANDOFF:
        coming = Handoff.objects.filter(state=Handoff.State.WAITING)
        closed["Handed over already, and waits for an answer"] = Q(case__in=coming.values("case"))
    if verb != REPAIR:
        return closed
    choosing = [name for name, kind in KINDS.items() if isinstance(kind, ChoosingKind)]
    return {
        **closed,
        "Repaired already, and waits for its check": Q(case__state=Case.State.VERIFYING),
        "No safe repair": Q(repair=""),
        "Its repair asks which order is meant": Q(repair__in=choosing),
    }


def _freeze(asked: Bulk, found: QuerySet[Case]) -> None:
    """Write down each case and its version: one statement, however many there are."""
    rows = found.order_by("resolve_due_at", "pk").values("id", "version", "recommended_repair")
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


def _pin(asked: Bulk) -> None:
    """Hold each case to the plan of the moment when the person looked."""
    passed_over = Q(pk__in=[])
    for which in skipped(asked.verb).values():
        passed_over |= which
    items = list(asked.items.exclude(passed_over).select_related("case__order"))
    for item in items:
        plan = plan_for(case=item.case, kind=item.repair)
        item.plan_sha256 = "" if isinstance(plan, Refusal) else plan.sha256()
    BulkItem.objects.bulk_update(items, ["plan_sha256"])


def _held(asked: Bulk, *, at: datetime) -> QuerySet[Case]:
    return queries.found_cases(
        visible_cases(asked.asked_by),
        user=asked.asked_by,
        at=at,
        filters=asked.asked_for["filters"],
        search=asked.asked_for["search"],
    )


def _follow_view(asked: Bulk, *, digest: str, at: datetime) -> None:
    """Raise SetChanged unless the view holds what was shown, or the new set was chosen."""
    held = set(_held(asked, at=at).values_list("pk", flat=True)[: MOST + 1])
    shown = set(asked.items.values_list("case_id", flat=True))
    if held == shown:
        return
    now = _hash(sorted(held))
    if now != digest:
        raise SetChanged(now=len(held), new=len(held - shown), gone=len(shown - held), digest=now)
    asked.items.exclude(case_id__in=held).delete()
    _freeze(asked, Case.objects.filter(pk__in=held - shown))


def _skip(asked: Bulk) -> None:
    for why, which in skipped(asked.verb).items():
        due = asked.items.filter(which, outcome="DUE").values("pk")
        BulkItem.objects.filter(pk__in=due).update(outcome="SKIPPED", why=why)


def _begin_or_ask(asked: Bulk, *, by: User, at: datetime) -> None:
    asked.decided_by = asked.decided_at = None
    asked.needs = needs_second(asked)
    if not asked.needs:
        _record("bulk.begun", asked, by=by, at=at)
        _begin(asked, by=by, at=at)
        return
    asked.state = Bulk.State.ASKED
    _record("bulk.asked", asked, by=by, at=at, reason=asked.needs)
    asked.save()
    _ask_leads(asked, at=at)


def _begin(asked: Bulk, *, by: User, at: datetime) -> None:
    asked.job = Job.objects.create(
        kind=KIND,
        title=title_of(asked)[:255],
        started_by=asked.asked_by,
        total=asked.items.filter(outcome="DUE").count(),
        parameters={"bulk": asked.pk, "begun_by": by.get_username()},
        created_at=at,
    )
    asked.state = Bulk.State.BEGUN
    asked.save()
    after_commit("jobs")


def title_of(asked: Bulk) -> str:
    """Say in words what it does: "Repair 3 ticked exceptions"."""
    verb = VERBS[asked.verb].title
    return f"Undo “{verb}” of {asked.words}" if asked.undoes_id else f"{verb} {asked.words}"


def _locked(bulk_id: int) -> Bulk:
    """Lock one, and before it the trail's subject of such rows; raises Bulk.DoesNotExist."""
    Installation.objects.select_for_update().first()
    found = Bulk.objects.select_for_update(of=("self",)).select_related(
        "asked_by", "decided_by", "job"
    )
    return found.get(pk=bulk_id)


def _check_mine(asked: Bulk, by: User) -> None:
    check_may_ask(by)
    if asked.asked_by_id != by.pk and not roles(by) & {TEAM_LEAD, ADMIN}:
        raise NotAllowed(f"{name_of(asked.asked_by)} asked for it. A Team lead may go on with it.")


def _check_waits(asked: Bulk) -> None:
    if asked.state == Bulk.State.ASKED:
        return
    if asked.decided_by is None or asked.decided_at is None:
        raise CannotBulk("It does not wait for anyone. Nothing changed.")
    did = "refused it" if asked.state == Bulk.State.REFUSED else "agreed to it"
    when = f"{timezone.localtime(asked.decided_at):%H:%M on %d %b}"
    raise CannotBulk(f"{name_of(asked.decided_by)} {did} at {when}. Nothing changed.")


def _check_rests(asked: Bulk) -> None:
    if asked.state != Bulk.State.BEGUN:
        raise CannotBulk("It has not begun. Nothing changed.")
    if asked.job is not None and asked.job.state in _UNDER_WAY:
        raise CannotBulk("It is under way. Stop it first, or wait for its end.")


def _record(action: str, asked: Bulk, *, by: User, at: datetime, reason: str = "") -> None:
    record(
        stream="system",
        subject_id=1,
        action=action,
        actor=by.get_username(),
        at=at,
        reason=reason or str(asked.arguments.get("reason", "")),
        detail={
            "what": title_of(asked),
            "bulk": asked.pk,
            "items": asked.items.filter(outcome="DUE").count(),
            "asked_by": asked.asked_by.get_username(),
        },
    )


def deciders(asked: Bulk) -> list[User]:
    """Find who may agree to it: leads of every team whose exceptions are in it, else the admins."""
    others = User.objects.filter(is_active=True).exclude(pk=asked.asked_by_id).order_by("pk")
    leads = others.filter(groups__name=TEAM_LEAD)
    for team_id in asked.items.order_by().values_list("case__team", flat=True).distinct():
        leads = leads.filter(memberships__team=team_id)
    admins = others.filter(Q(is_superuser=True) | Q(groups__name=ADMIN))
    return list(leads.distinct()) or list(admins.distinct())


def _ask_leads(asked: Bulk, *, at: datetime) -> None:
    """Tell whoever may agree to it that it waits for them."""
    number = asked.items.filter(outcome="DUE").count()
    at_risk = ", ".join(as_text(*each) for each in sums(asked.items.filter(outcome="DUE")))
    reason = str(asked.arguments.get("reason", ""))
    lines = [
        f"{number:,} exception{'' if number == 1 else 's'}; {at_risk or 'nothing'} at risk.",
        asked.needs,
        reason and f"Reason: {reason}",
        "Nothing is done before a second person agrees.",
    ]
    messages.address(
        deciders(asked),
        subject=f"{name_of(asked.asked_by)} asks you to agree: {title_of(asked)}",
        text="\n".join(filter(None, lines)),
        severity=min(asked.items.values_list("case__severity", flat=True)),
        at=at,
        href=_href(asked),
    )


def _answer(asked: Bulk, said: str, *, at: datetime, text: str = "") -> None:
    """Tell whoever asked what a second person said."""
    messages.address(
        [asked.asked_by], subject=said, text=text, severity="P3", at=at, href=_href(asked)
    )


def _href(asked: Bulk) -> str:
    return f"/exceptions/bulk/{asked.pk}/"


def _hash(ids: Iterable[int]) -> str:
    return sha256(",".join(map(str, ids)).encode()).hexdigest()
