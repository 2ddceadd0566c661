"""What workers do: one stage of the pipeline, when nudged or when the timetable says."""

from celery import shared_task
from django.db import close_old_connections

from config.pipeline import STAGES
from reconciliation import clock, heartbeat
from reconciliation.nudge import nudge, seen

_NAMES = [stage.name for stage in STAGES]
_STAGES = {stage.name: stage for stage in STAGES}


@shared_task(name="stage")
def run_stage(name: str) -> int:
    """Take one batch of a stage's work; where there was some, look again, here and further on.

    While a demo's past is driven, its driver alone runs the stages, between the steps: in the
    middle of one, orders would be judged by half of what happened.
    """
    close_old_connections()  # the worker keeps its connection: drop one that a restart has cut
    stage = _STAGES[name]
    seen(stage=name)
    if clock.is_simulated():
        return 0
    done = stage.take(limit=stage.limit, at=clock.now())
    if done:
        following = _NAMES[(_NAMES.index(name) + 1) % len(_NAMES)]
        nudge(*dict.fromkeys([name, following, "apply"]))
    return done


@shared_task(name="tick")
def tick() -> None:
    """Look into every stage, nudged or not, and show that the workers live."""
    close_old_connections()
    heartbeat.beat(component="worker")
    nudge(*_NAMES)
