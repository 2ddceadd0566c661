"""Drives a demo's past, day by day in simulated time, and then lets the company go on living.

The company itself is in `config/demo` and knows nothing of the product. This side marks the
database, connects the company's systems, turns the clock, and runs the pipeline between steps.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from audit.record import record
from config import embedded, pipeline
from config.demo import truth
from config.demo.company import Company
from config.demo.sender import Sender
from config.demo.telling import LONGEST_STORY, Telling, tales
from reconciliation import clock
from reconciliation.connect import connect
from reconciliation.models import Event, Installation, Job, Order

ACTOR = "service:demo"
JOB_KIND = "demo"
STEP = timedelta(hours=4)
_NEARLY_NOW = timedelta(minutes=1)
_LONG_SILENCE = timedelta(hours=1)  # away for longer than this, the company tells it as past
_TRICKLE_SECONDS = 5.0


class CannotLoad(Exception):
    """The demo company may not move in here; the message says why."""


class System(NamedTuple):
    """One of the company's systems, as it is connected."""

    slug: str
    name: str
    kind: str
    team: str
    truth_for: tuple[str, ...]


_LEDGER = ("invoice.", "credit_note.", "payment.posted", "payment.unposted")
# fmt: off
SYSTEMS = (
    System("subscriptions-app", "Subscription app", "subscriptions", "customer-ops",
           ("subscription.",)),
    System("shop", "Web shop", "shop", "fulfilment-ops", ("order.", "fulfilment.")),
    System("billing", "Billing", "billing", "revenue-ops", _LEDGER),
    System("card-payments", "Card payments", "payments", "revenue-ops", ("payment.",)),
    System("carrier", "Carrier", "carrier", "fulfilment-ops", ("shipment.", "return.")),
    System("crm", "CRM", "crm", "revenue-ops", ("order.",)),
)
# fmt: on
_TAKE_NO_WRITEBACKS = ("carrier", "crm")


@dataclass(frozen=True)
class Setup:
    """Which company is simulated, and where it and the product find each other."""

    seed: int
    orders: int
    days: int
    starts_at: datetime
    base_url: str
    systems_url: str
    fault_factor: int = 1
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def company(self) -> Company:
        """Give the company."""
        return Company(seed=self.seed, starts_at=self.starts_at, days=self.days, orders=self.orders)

    def is_same_company(self, other: "Setup") -> bool:
        """Tell whether both speak of one company, wherever it stands in time."""
        names = ("seed", "orders", "days", "fault_factor")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class Progress(NamedTuple):
    """How far the telling has come."""

    told_until: datetime
    done: int
    total: int
    messages: int
    work: Mapping[str, int]


def setup_path() -> Path:
    """Name the file that the processes of the demo share; it holds secrets of the demo alone."""
    return embedded.data_dir() / "demo.json"


def truth_path() -> Path:
    """Name the company's own record of what it did wrong."""
    return embedded.data_dir() / "demo" / "truth.jsonl"


def journal_path() -> Path:
    """Name the record of what the company's systems were told to do."""
    return embedded.data_dir() / "demo" / "systems.jsonl"


def clock_path() -> Path:
    """Name the file that tells the company's systems the simulated time."""
    return embedded.data_dir() / "demo" / "clock"


def known_setup() -> Setup:
    """Read how the demo is set up; raises CannotLoad where it is not."""
    try:
        known = json.loads(setup_path().read_text())
    except FileNotFoundError as missing:
        raise CannotLoad("There is no demo here yet: run `manage.py demo load`.") from missing
    return Setup(**known | {"starts_at": datetime.fromisoformat(known["starts_at"])})


@transaction.atomic
def move_in(setup: Setup, *, at: datetime) -> tuple[Setup, Job]:
    """Mark an empty database as the demo's and connect its systems; or find it as it was left.

    Raises CannotLoad if the database holds other events, or another demo company.
    """
    installation, _ = Installation.objects.select_for_update().get_or_create(id=1)
    job = Job.objects.filter(kind=JOB_KIND).order_by("pk").last()
    if job is not None:
        known = known_setup()
        if not known.is_same_company(setup):
            raise CannotLoad("This database holds another demo company. Load into an empty one.")
        known = replace(known, base_url=setup.base_url)
        _keep(known)
        return known, job
    if Event.objects.exists():
        raise CannotLoad("This database holds real events. A demo needs an empty one.")
    installation.is_demo = True
    record(
        stream="system",
        subject_id=installation.pk,
        action="system.marked_as_demo",
        actor=ACTOR,
        at=at,
    )
    installation.save()
    setup = connect_systems(setup, at=at)
    job = Job.objects.create(
        kind=JOB_KIND,
        title=f"Demo company: {setup.orders:,} orders over {setup.days} days",
        state=Job.State.RUNNING,
        total=-(-timedelta(days=setup.days) // STEP),
        parameters={"told_until": setup.starts_at.isoformat()},
        created_at=at,
        started_at=at,
    )
    _clear_away()
    _keep(setup)
    return setup, job


def connect_systems(setup: Setup, *, at: datetime) -> Setup:
    """Connect the company's systems; gives the setup with their secrets."""
    secrets = {
        system.slug: connect(
            slug=system.slug,
            name=system.name,
            kind=system.kind,
            team_slug=system.team,
            truth_for=list(system.truth_for),
            writeback_url=_writeback_url(setup, system.slug),
            by=ACTOR,
            at=at,
        )
        for system in SYSTEMS
    }
    return replace(setup, secrets=secrets)


def _writeback_url(setup: Setup, slug: str) -> str:
    return "" if slug in _TAKE_NO_WRITEBACKS else f"{setup.systems_url}/{slug}/writebacks/"


def _clear_away() -> None:
    """Drop what an earlier company left on disk."""
    truth_path().parent.mkdir(parents=True, exist_ok=True)
    for left_over in (truth_path(), journal_path(), clock_path()):
        left_over.unlink(missing_ok=True)


def _keep(setup: Setup) -> None:
    """Write the file that the demo's processes share."""
    path = setup_path()
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(setup) | {"starts_at": setup.starts_at.isoformat()}))


def drive(
    setup: Setup,
    *,
    job: Job,
    sender: Sender,
    true_now: Callable[[], datetime],
    on_step: Callable[[Progress], None],
) -> int:
    """Tell everything from where it was left up to now, in simulated time; says how many messages.

    Each step is sent whole, then the pipeline runs until nothing is left to do. A step that was
    cut off is told again: what was stored is known by its id.
    """
    told_until = _told_until(job)
    telling = _telling_from(setup, told_until)
    messages, step = 0, job.done
    while true_now() - told_until > _NEARLY_NOW:
        step += 1
        told_until = min(told_until + STEP, true_now())
        deliveries, expected = telling.until(told_until)
        truth.add(truth_path(), expected)
        _set_clock(told_until)
        sender.send(deliveries)
        messages += len(deliveries)
        work = pipeline.sweep(at=clock.now)
        is_stopped = _note(job, told_until, step=step)
        on_step(Progress(told_until, step, job.total or step, len(deliveries), work))
        if is_stopped:
            return messages
    _arrive(job, at=true_now())
    pipeline.sweep(at=clock.now)
    return messages


def trickle(
    setup: Setup,
    *,
    sender: Sender,
    true_now: Callable[[], datetime],
    stopped: threading.Event,
) -> int:
    """Go on telling as things happen, until `stopped`; says how many messages."""
    job = Job.objects.filter(kind=JOB_KIND).latest("pk")
    telling = _telling_from(setup, _told_until(job))
    messages = 0
    while not stopped.wait(_TRICKLE_SECONDS):
        told_until = true_now()
        deliveries, expected = telling.until(told_until)
        truth.add(truth_path(), expected)
        sender.send(deliveries)
        messages += len(deliveries)
        job.parameters = {"told_until": told_until.isoformat()}
        job.save(update_fields=["parameters"])
    return messages


def was_silent_for_long(*, job: Job, at: datetime) -> bool:
    """Tell whether so much is untold that it should be told as past."""
    return at - _told_until(job) > _LONG_SILENCE


def _told_until(job: Job) -> datetime:
    return datetime.fromisoformat(job.parameters["told_until"])


def _telling_from(setup: Setup, told_until: datetime) -> Telling:
    """Go to the place where the story was left."""
    start = setup.company.first_after(told_until - LONGEST_STORY)
    telling = Telling(tales(setup.company, start=start, fault_factor=setup.fault_factor))
    telling.until(told_until)
    return telling


def _set_clock(at: datetime) -> None:
    """Turn the product's clock, and that of the company's systems."""
    Installation.objects.filter(id=1).update(simulated_now=at)
    clock_path().write_text(at.isoformat())


def _note(job: Job, told_until: datetime, *, step: int) -> bool:
    """Write down that a step is finished; says whether a person asked to stop."""
    job.refresh_from_db(fields=["is_stop_asked"])
    job.state = Job.State.STOPPED if job.is_stop_asked else Job.State.RUNNING
    job.done, job.total = step, max(step, job.total or 0)
    job.is_stop_asked = False
    job.parameters = {"told_until": told_until.isoformat()}
    job.save(update_fields=["state", "done", "total", "is_stop_asked", "parameters"])
    return job.state == Job.State.STOPPED


@transaction.atomic
def _arrive(job: Job, *, at: datetime) -> None:
    """Let the true clock rule from here on."""
    installation = Installation.objects.select_for_update().get(id=1)
    if installation.simulated_now is not None:
        record(
            stream="system",
            subject_id=installation.pk,
            action="system.simulated_time_ended",
            actor=ACTOR,
            at=at,
        )
    installation.simulated_now = None
    installation.save()
    clock_path().unlink(missing_ok=True)
    job.state, job.finished_at = Job.State.DONE, at
    job.save(update_fields=["state", "finished_at"])


def counts() -> dict[str, int]:
    """Count what the demo has put into the product."""
    return {"orders": Order.objects.count(), "events": Event.objects.count()}
