"""Gathers everything about one case: why it is here, what the systems say, what may be done."""

from datetime import datetime

from django.contrib.auth.models import User

from exceptions import attempts, snoozes, waits, words
from exceptions.alike import same_as
from exceptions.comparison import compare
from exceptions.desk import follows
from exceptions.explain import rule_of, why_here
from exceptions.handed import handoffs_of
from exceptions.kept import kept_of
from exceptions.models import Case, RepairAttempt
from exceptions.offered import Offered, actions_of, offered, repairs_of
from exceptions.permissions import (
    ADMIN,
    OPERATOR,
    TEAM_LEAD,
    name_of,
    readable_cases,
    refusal_to_repair,
    refusal_to_work,
    visible_cases,
)
from exceptions.previews import previewed
from exceptions.repairs import kind_named
from exceptions.rows import (
    AttemptRow,
    CaseDetail,
    Comparison,
    Count,
    Fact,
    Permission,
    RepairOffer,
    RepairPreview,
)
from exceptions.table import RELATED, Names, row
from exceptions.timeline import timeline
from reconciliation.fields import DISCREPANCY
from reconciliation.models import Source, WriteBack

__all__ = ["Offered", "case_detail", "offered", "repair_preview", "repair_title", "window_ends"]

_ATTEMPT_STATES = {
    "RUNNING": "Under way",
    "DONE": "Done",
    "FAILED": "Failed",
    "UNDOING": "Being undone",
    "UNDONE": "Undone",
}


def case_detail(*, case_id: int, user: User, at: datetime) -> CaseDetail:
    """Give one case with all around it; raises Case.DoesNotExist if `user` may not see it."""
    related = (*RELATED, "team__calendar", "discrepancy__order")
    case = readable_cases(user).select_related(*related).get(pk=case_id)
    why_not = refusal_to_work(user, case) or follows(case)
    offers = repairs_of(case, user=user)
    recommended = next((offer for offer in offers if offer.is_recommended), None)
    tried = list(
        case.repairs.select_related("by", "writeback__target", "correction").order_by("-pk")
    )
    same = Case.objects.filter(check_name=case.check_name, order__isnull=False)
    same = same.filter(order=case.order)
    return CaseDetail(
        row=row(case, names=Names.read(), at=at),
        why=why_here(case),
        rule=rule_of(case),
        order_state=case.order.get_state_display() if case.order else "",
        respond_due=words.respond_clock(case, at=at),
        resolve_due=words.resolve_clock(case, at=at),
        next_escalation=_next_escalation(case),
        facts=_facts(case),
        silent=waits.silent_sources(case),
        comparison=_comparison(case),
        repairs=offers,
        preview=_preview(case, recommended, user=user) if _goes_on(case) else None,
        attempts=[_attempt(each, user=user, case=case, at=at) for each in tried],
        timeline=timeline(case=case, attempts=tried),
        similar=_similar(case, user=user),
        earlier_id=same.filter(pk__lt=case.pk).order_by("-pk").values_list("pk", flat=True).first(),
        later_id=same.filter(pk__gt=case.pk).order_by("pk").values_list("pk", flat=True).first(),
        actions=actions_of(case, user=user),
        assignable=_assignable(case, user=user, why_not=why_not),
        kept=kept_of(case, why_not=why_not),
        same=[(each.pk, _named(each)) for each in same_as(case, user=user)[:20]],
        merged_into=case.merged_into_id,
        merged=list(case.merged.order_by("pk").values_list("pk", flat=True)),
        wake_on=snoozes.offered(case),
        window_ends=snoozes.window_ends(case, at=at),
        handoffs=handoffs_of(case, user=user, why_not=why_not, at=at),
    )


def repair_preview(
    *, case_id: int, kind: str, user: User, at: datetime, choice: str = ""
) -> RepairPreview:
    """Say what a repair would do as of `at`; raises Case.DoesNotExist, NoSuchRepair.

    The plan is derived from the order as it stands; `at` is when that is.
    """
    case = readable_cases(user).select_related("team", "order").get(pk=case_id)
    module = kind_named(kind)
    assert at >= case.opened_at
    return previewed(case, kind=module.KIND, user=user, choice=choice)


def window_ends(*, case_id: int, at: datetime) -> datetime | None:
    """Say when the window of a case's check would end, did it begin now."""
    case = Case.objects.filter(pk=case_id).first()
    return snoozes.window_ends(case, at=at) if case else None


def repair_title(kind: str) -> str:
    """Give a repair's name on buttons; raises NoSuchRepair."""
    return kind_named(kind).TITLE


def _goes_on(case: Case) -> bool:
    """Tell whether it is worked as itself: open, and not merged into another."""
    return case.is_open and not follows(case)


def _preview(case: Case, offer: RepairOffer | None, *, user: User) -> RepairPreview | None:
    return None if offer is None else previewed(case, kind=offer.kind, user=user)


def _attempt(attempt: RepairAttempt, *, user: User, case: Case, at: datetime) -> AttemptRow:
    tier = attempt.plan["tier"]
    why_not = (
        attempts.refusal_to_undo(attempt, at=at)
        or follows(case)
        or refusal_to_repair(user, case, tier=tier)
    )
    return AttemptRow(
        id=attempt.pk,
        kind=attempt.kind,
        title=attempt.plan["title"],
        state=attempt.state,
        state_text=_ATTEMPT_STATES[attempt.state],
        by="the product" if attempt.by is None else name_of(attempt.by),
        at=attempt.at,
        reason=attempt.reason,
        error=attempt.error,
        writeback_text=_writeback_text(attempt.writeback),
        undo_until=attempt.undo_until,
        undo=Permission(not why_not, why_not),
    )


def _writeback_text(owed: WriteBack | None) -> str:
    """Say how far the correction has come: "Delivered to Shop at try 2"."""
    if owed is None:
        return ""
    target = owed.target.name
    if owed.state in ("DELIVERED", "COMPENSATED"):
        back = ", and taken back" if owed.state == "COMPENSATED" else ""
        return f"Delivered to {target} at try {owed.attempts}{back}"
    if owed.state == "SUPERSEDED":
        return f"Never sent to {target}" if owed.attempts == 0 else f"Given up at {target}"
    if owed.state == "FAILED":
        return f"Failed at {target}: {owed.error}"
    if owed.state == "UNKNOWN":
        return f"Sent to {target}, no answer yet; it is being asked"
    return f"On its way to {target}"


def _comparison(case: Case) -> Comparison | None:
    if case.order is None:
        return None
    knowing = Source.objects.filter(events__order=case.order).distinct()
    known = list(knowing.order_by("pk"))
    others = Source.objects.exclude(kind="internal").exclude(pk__in=[each.pk for each in known])
    return compare(order=case.order, sources=[*known, *others.order_by("pk")])


def _next_escalation(case: Case) -> Fact | None:
    if case.next_escalation_at is None or not case.is_open:
        return None
    return Fact("Next escalation", words.moment(case.next_escalation_at), case.next_escalation_at)


def _facts(case: Case) -> list[Fact]:
    facts = [
        Fact("Owner", name_of(case.owner) if case.owner else "Nobody yet"),
        Fact("Team", case.team.name),
        Fact("Opened", words.moment(case.opened_at), case.opened_at),
    ]
    if case.snoozed_until is not None:
        name = "At the latest" if case.waits_until else "Waits until"
        facts.append(Fact(name, words.moment(case.snoozed_until), case.snoozed_until))
    if case.reopened_count:
        times = "once" if case.reopened_count == 1 else f"{case.reopened_count} times"
        facts.append(Fact("Reopened", f"{times} within 30 days"))
    if case.is_automation_barred:
        facts.append(Fact("Automation", "Off for this exception: a repair was undone or failed"))
    if case.closed_at is not None:
        facts.append(Fact("Closed", case.close_reason, case.closed_at))
    return facts


def _similar(case: Case, *, user: User) -> Count:
    others = visible_cases(user).filter(check_name=case.check_name, closed_at__isnull=True)
    return words.count(others.exclude(pk=case.pk)[: words.MOST_COUNTED + 1].count())


def _assignable(case: Case, *, user: User, why_not: str) -> list[tuple[str, str]]:
    """List whom `user` could give it to: the team's people who work cases."""
    if why_not:
        return []
    people = User.objects.filter(
        is_active=True,
        memberships__team_id=case.team_id,
        groups__name__in=[OPERATOR, TEAM_LEAD, ADMIN],
    )
    found = people.distinct().order_by("first_name", "last_name", "username")
    return [(person.get_username(), name_of(person)) for person in found]


def _named(case: Case) -> str:
    order = f", {case.order.canonical_id}" if case.order else ""
    titles = dict(DISCREPANCY["check_name"].options())
    return f"#{case.pk} {titles.get(case.check_name, case.check_name)}{order}"
