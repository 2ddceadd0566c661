"""Opens a case for every open discrepancy, owned and timed, and settles those whose check holds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from simple_history.utils import bulk_create_with_history

from audit.record import record_all
from exceptions import causes, clocks, dealing, messages, route, sla
from exceptions.desk import keep
from exceptions.models import Case, RepairAttempt
from exceptions.permissions import name_of
from exceptions.repairs import recommended_for
from reconciliation import one_by_one, rulebook, writeback
from reconciliation.fields import DISCREPANCY
from reconciliation.models import Discrepancy, Order, Team
from reconciliation.rulebook import Rulebook

ACTOR = "service:intake"
_log = structlog.get_logger(__name__)
_REOPENS_WITHIN = timedelta(days=30)
_BY_ITSELF = "service:reconcile"
_SUBJECT = (
    "team",
    "order__detail__source",
    "event__order",
    "writeback__order",
    "source__owner_team",
)


def take(*, limit: int, at: datetime) -> int:
    """Open up to `limit` cases and settle up to `limit`; says how many."""
    return _open_all(limit=limit, at=at) + _settle_all(limit=limit, at=at)


def _open_all(*, limit: int, at: datetime) -> int:
    """Open cases a set at a time; a set that fails is taken apart, and its others go on."""
    waiting = Discrepancy.objects.filter(cleared_at__isnull=True, case__isnull=True)
    together, alone = one_by_one.part(waiting.order_by("pk"), stage="intake", limit=limit)
    try:
        opened = _open(together, at=at)
    except one_by_one.PASSING:
        raise
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is found out one by one
        _log.warning("intake.set_failed", discrepancies=len(together), error=str(failure))
        opened, alone = 0, [*together, *alone]
    return opened + one_by_one.do(stage="intake", ids=alone, each=lambda pk: _open([pk], at=at))


@transaction.atomic
def _open(discrepancy_ids: Sequence[int], *, at: datetime) -> int:
    """Open a case for each of these discrepancies that is open still and has none."""
    found = list(
        Discrepancy.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related(*_SUBJECT)
        .filter(pk__in=discrepancy_ids, cleared_at__isnull=True, case__isnull=True)
        .order_by("pk")
    )
    # Asked again under the locks: who held one until now may have opened its case.
    has_one = Case.objects.filter(discrepancy__in=found).values_list("discrepancy_id", flat=True)
    begun = set(has_one) if found else set()
    found = [each for each in found if each.pk not in begun]
    if not found:
        return 0
    rules = rulebook.live()
    teams = {team.slug: team for team in Team.objects.select_related("calendar")}
    earlier = _earlier(found, at=at)
    undone = _undone(found)
    plans = clocks.Plans()
    cases = [
        _case(
            each,
            rules=rules,
            teams=teams,
            earlier=earlier.get(_key(each)),
            is_barred=_key(each) in undone,
            plans=plans,
            at=at,
        )
        for each in found
    ]
    dealing.pass_over(cases, at=at)
    dealt = dealing.deal(cases, at=at)
    opened = bulk_create_with_history(
        cases, Case, default_date=at, default_change_reason="opened it"
    )
    clocks.begin(opened, at=at)
    causes.join(case_ids=[case.pk for case in opened])
    record_all(_opening(case, rules=rules, at=at) for case in opened)
    for case in dealt:
        messages.tell(
            case=case,
            to=messages.OWNER,
            subject=f"Exception #{case.pk} is yours: it was your turn",
            text=f"{case.severity}, {case.team.name}.",
            at=at,
        )
    return len(opened)


def _case(
    found: Discrepancy,
    *,
    rules: Rulebook,
    teams: Mapping[str, Team],
    earlier: Case | None,
    is_barred: bool,
    plans: clocks.Plans,
    at: datetime,
) -> Case:
    """Decide team, severity, clocks and whether the product may try first."""
    facts = DISCREPANCY.values_of(found)
    catch_all = next(slug for slug, team in teams.items() if team.is_catch_all)
    chosen = route.routing(
        rules=rules,
        facts=facts,
        teams=teams.keys(),
        catch_all=catch_all,
        source_owner=found.source.owner_team.slug if found.source else "",
    )
    team = teams[chosen.team]
    severity = route.severity(rules=rules, facts=facts)
    plan = sla.plan_of(
        rules=rules,
        severity=severity,
        check=found.check_name,
        team=team.slug,
        team_hours=sla.hours_of(team.calendar),
    )
    times = sla.clocks(plan=plan, since=at)
    automation = route.automation(
        rules=rules, check_name=found.check_name, at_risk_minor=found.at_risk_minor
    )
    return Case(
        discrepancy=found,
        check_name=found.check_name,
        order=_order_of(found),
        team=team,
        owner=earlier.owner if earlier else None,
        severity=severity,
        at_risk_minor=found.at_risk_minor,
        currency=found.currency,
        rulebook_version=rules.number,
        route=chosen.route,
        recommended_repair=automation.repair if automation else recommended_for(found),
        is_automation_barred=is_barred,
        next_automatic_at=at if automation and not is_barred else None,
        clock_plan=plans.row(plan),
        opened_at=at,
        respond_due_at=times.respond_due_at,
        resolve_due_at=times.resolve_due_at,
        next_escalation_at=times.steps[0].due_at if times.steps else None,
        reopened_count=earlier.reopened_count + 1 if earlier else 0,
        changed_at=at,
        changed_by=ACTOR,
    )


def _order_of(found: Discrepancy) -> Order | None:
    """Give the order behind the subject, if there is one."""
    if found.event is not None:
        return found.event.order
    return found.writeback.order if found.writeback is not None else found.order


def _key(found: Discrepancy) -> tuple[str, int | None]:
    return found.check_name, found.order_id


def _same(found: Iterable[Discrepancy]) -> Q:
    """Find what is about the same checks and orders, and perhaps more; the key decides."""
    by_order = [each for each in found if each.order_id is not None]
    return Q(
        check_name__in={each.check_name for each in by_order},
        order_id__in={each.order_id for each in by_order},
    )


def _earlier(found: Sequence[Discrepancy], *, at: datetime) -> dict[tuple[str, int | None], Case]:
    """Find the newest case of the same check and order that was settled lately."""
    settled = Case.objects.filter(
        _same(found), state=Case.State.SETTLED, closed_at__gte=at - _REOPENS_WITHIN
    )
    return {
        (case.check_name, case.order_id): case
        for case in settled.select_related("owner").order_by("closed_at", "pk")
    }


def _undone(found: Sequence[Discrepancy]) -> set[tuple[str, int | None]]:
    """Find the checks and orders on which a person has undone a repair: automation stays away."""
    cases = Case.objects.filter(_same(found), repairs__state__in=["UNDOING", "UNDONE"])
    return set(cases.values_list("check_name", "order_id"))


def _opening(case: Case, *, rules: Rulebook, at: datetime) -> dict[str, object]:
    reopens = "It broke again within 30 days. " if case.reopened_count else ""
    owner = f" It is {name_of(case.owner)}'s." if case.owner else ""
    return {
        "stream": "case",
        "subject_id": case.pk,
        "action": "case.opened",
        "actor": ACTOR,
        "at": at,
        "to_state": case.state,
        "reason": f"{reopens}Routed to {case.team.name} by “{case.route or 'catch-all'}”.{owner}",
        "rulebook_version": case.rulebook_version,
        "detail": {
            "check": case.check_name,
            "title": rules.check(case.check_name).title,
            "discrepancy": case.discrepancy_id,
            "order": case.order_id,
            "team": case.team.slug,
            "team_name": case.team.name,
            "owner": case.owner.get_username() if case.owner else "",
            "severity": case.severity,
            "at_risk_minor": case.at_risk_minor,
            "currency": case.currency,
            "resolve_due_at": case.resolve_due_at.isoformat() if case.resolve_due_at else None,
        },
    }


def _settle_all(*, limit: int, at: datetime) -> int:
    """Close open cases whose check holds again, whatever state they are in."""
    held = Case.objects.filter(closed_at__isnull=True, discrepancy__cleared_at__isnull=False)
    case_ids = one_by_one.line_up(held.order_by("pk"), stage="settle", limit=limit)
    return one_by_one.do(stage="settle", ids=case_ids, each=lambda pk: _settle(case_id=pk, at=at))


@transaction.atomic
def _settle(*, case_id: int, at: datetime) -> bool:
    case = (
        Case.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("discrepancy")
        .filter(pk=case_id, closed_at__isnull=True, discrepancy__cleared_at__isnull=False)
        .first()
    )
    if case is None:
        return False
    tried = case.repairs.filter(state__in=["DONE", "RUNNING"]).exclude(writeback__state="DUE")
    attempt = tried.order_by("-pk").first()
    by, reason = _credit(attempt)
    before = case.state
    _drop_undelivered(case, at=at)
    case.settle(by=by, reason=reason, at=at)
    keep(
        case,
        action="case.settled",
        words="settled it: the check holds",
        actor=ACTOR,
        at=at,
        from_state=before,
        reason=reason,
        detail={"by": by, "attempt": attempt.pk if attempt else None},
    )
    return True


def _credit(attempt: RepairAttempt | None) -> tuple[str, str]:
    """Say who put it right: a repair, or the systems themselves."""
    if attempt is None:
        return _BY_ITSELF, "The check holds again, without a repair of ours."
    by = "service:repair" if attempt.by is None else attempt.by.username
    return by, f"“{attempt.plan['title']}” held: the check holds again."


def _drop_undelivered(case: Case, *, at: datetime) -> None:
    """Supersede what the case still owes: it is no longer needed, and must not be sent late."""
    given_up = Q(writeback__state="UNKNOWN", writeback__next_attempt_at__isnull=True)
    undelivered = Q(writeback__state__in=["DUE", "FAILED"]) | given_up
    for attempt in case.repairs.filter(undelivered).order_by("writeback_id"):
        assert attempt.writeback_id is not None
        writeback.supersede(
            writeback_id=attempt.writeback_id,
            reason="No longer needed: the check holds again.",
            actor=ACTOR,
            at=at,
        )
