"""The metrics page: how fast, how often, how much, and who has it now."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from exceptions import charts, handoff_pairs, scorecard
from exceptions.models import Case
from reconciliation.clock import now
from reconciliation.models import Order, Team

PERIODS = (7, 30, 90)
USUAL = "30"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the tiles and charts of a period, for one team or all."""
    at = now()
    days, team = request.GET.get("days", USUAL), request.GET.get("team", "")
    teams = list(Team.objects.order_by("name"))
    if days not in map(str, PERIODS) or team not in {"", *(each.slug for each in teams)}:
        raise Http404
    period = scorecard.period_of(days=int(days), team=team, at=at)
    if not Order.objects.exists():
        return render(request, "exceptions/metrics.html", {"is_empty": True})
    context: dict[str, Any] = {
        "at": at,
        "period": period,
        "tiles": scorecard.tiles(period),
        "urgent": Case.objects.filter(closed_at__isnull=True, severity="P1").count(),
        "days": [_choice(f"{each} days", str(each), team, each == int(days)) for each in PERIODS],
        "teams": [
            _choice("All teams", days, "", not team),
            *(_choice(each.name, days, each.slug, each.slug == team) for each in teams),
        ],
        **_handoffs(period),
        **_charts(period, at=at),
    }
    return render(request, "exceptions/metrics.html", context)


def _handoffs(period: scorecard.Period) -> dict[str, Any]:
    found = handoff_pairs.pairs(since=period.since, until=period.until, team=period.team)
    return {
        "pairs": found,
        "pairs_takeaway": handoff_pairs.takeaway(found),
        "pair_ends": handoff_pairs.ENDS.values(),
    }


def _charts(period: scorecard.Period, *, at: Any) -> dict[str, Any]:  # noqa: ANN401
    series, marks = scorecard.series(period), scorecard.marks(period)
    target = scorecard.target_hours()
    pareto = scorecard.pareto(period)
    work = scorecard.open_work(period.team)
    ageing = scorecard.ageing(at=at, team=period.team)
    known = [day for day in series if day.p90_hours is not None]
    over = sum(1 for day in known if (day.p90_hours or 0) > target)
    return {
        "series": series,
        "series_known": len(known),
        "series_over": over,
        "series_chart": charts.time_series(series, target_hours=target, marks=marks),
        "target": target,
        "latest": known[-1] if known else None,
        "marks": marks,
        "pareto": pareto,
        "pareto_chart": charts.pareto(
            pareto.bars, caption="Failure modes by number of exceptions", noted="Auto-repair"
        ),
        "work": work,
        "states": scorecard.state_names(),
        "work_chart": charts.stacked(
            work, series=scorecard.state_names(), caption="Open exceptions by team and state"
        ),
        "ageing": ageing,
        "ageing_chart": charts.bars(
            ageing, caption="Open exceptions by age", heads=("Age", "Exceptions and amount")
        ),
    }


def _choice(name: str, days: str, team: str, is_chosen: bool) -> dict[str, Any]:  # noqa: FBT001
    parts = [("days", days), *([("team", team)] if team else [])]
    return {"name": name, "href": f"/metrics/?{urlencode(parts)}", "is_chosen": is_chosen}
