"""Rebuilds orders from the events that are kept, and says where live differs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from reconciliation import clock, job_runner, replay_job
from reconciliation.management.console import ProductCommand, moment
from reconciliation.models import Job
from reconciliation.put_right import CannotPutRight, NotAllowed
from reconciliation.replay_job import Filter


class Command(ProductCommand):
    """Replays orders here and now, as a job that the jobs page shows too."""

    help = (
        "Rebuild orders from their stored events in a scratch copy, and say where live differs and"
        " from which event on. An order is chosen if one of its events fits; none given: all."
        " Exits 1 if any differs and stays so."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--order", default="", help="canonical order ID")
        parser.add_argument("--source", default="", help="slug of a source")
        parser.add_argument("--type", default="", help="type of an event, as payment.captured")
        parser.add_argument("--status", default="", help="what became of it: APPLIED, DUPLICATE")
        parser.add_argument("--since", type=moment, help="received from this moment on")
        parser.add_argument("--until", type=moment, help="received before this moment")
        parser.add_argument("--estimate", action="store_true", help="only count what it would read")
        parser.add_argument("--apply", action="store_true", help="put right what differs")
        parser.add_argument("--by", help="with --apply: username of a Platform owner or Admin")
        parser.add_argument("--reason", default="", help="with --apply: why, for the trail")

    def handle(self, *args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Replay, answer, and exit 1 if orders differ and stay so."""
        super().handle(*args, **options)
        if self._is_apart:
            raise SystemExit(1)

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Estimate, or replay to the end."""
        chosen, self._is_apart = _filter(options), False
        counts = asdict(replay_job.estimate(chosen))
        if options["estimate"]:
            return counts
        job = _run(chosen, options)
        left = int(job.result.get("differ", 0)) - int(job.result.get("put_right", 0))
        self._is_apart = bool(left) or job.state != Job.State.DONE
        return counts | {"job": job.pk, "state": job.state, **job.result}

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say what was chosen, and which orders differ from which event on."""
        chosen = (
            f"{facts['events_chosen']:,} events chosen; {facts['orders']:,} orders with"
            f" {facts['events']:,} events; {facts['without_order']:,} belong to no order yet."
        )
        lines = [chosen]
        if "job" in facts:
            lines.append(
                f"Job {facts['job']}: {facts.get('differ', 0):,} orders differ,"
                f" {facts.get('put_right', 0):,} put right."
            )
        for row in facts.get("differing", ()):
            since = f" from event {row['event']} on" if row["event"] else ""
            lines.append(
                f"  {row['order']}{since}: {row['what']} is {row['live'] or 'missing'},"
                f" rebuilt {row['rebuilt'] or 'missing'}; {row['more']} more."
            )
        return "\n".join(lines)


def _filter(options: Mapping[str, Any]) -> Filter:
    texts = {name: options[name] for name in ("order", "source", "type", "status")}
    moments = {name: options[name] for name in ("since", "until")}
    return Filter(**texts, **{name: at.isoformat() if at else "" for name, at in moments.items()})


def _run(chosen: Filter, options: Mapping[str, Any]) -> Job:
    by = User.objects.filter(username=options["by"]).first() if options["by"] else None
    if options["by"] and by is None:
        raise CommandError(f"There is no user {options['by']!r}.")
    try:
        job = replay_job.start(
            chosen=chosen,
            by=by,
            at=clock.now(),
            is_applied=options["apply"],
            reason=options["reason"],
        )
    except NotAllowed as refusal:
        raise CommandError(str(refusal)) from refusal
    except CannotPutRight as refusal:
        raise CommandError(f"{refusal} Give --by and --reason.") from refusal
    kinds = {replay_job.KIND: replay_job.step}
    return job_runner.run(job_id=job.pk, kinds=kinds, now=clock.now)
