"""Where the demo company stands: its setup, its files, and how its systems are connected.

The company itself is in `config/demo` and knows nothing of the product; this is the product's side.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from audit.record import record
from config import embedded
from config.demo.company import Company
from config.demo.records import BOOKS
from config.people import become_demo
from reconciliation.connect import connect
from reconciliation.models import DiffSchedule, Event, Job, Source

ACTOR = "service:demo"
JOB_KIND = "demo"
STEP = timedelta(hours=4)  # of the past, told at once


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
    System("marketplace", "Marketplace", "marketplace", "fulfilment-ops",
           ("order.", "payout.", "fulfilment.")),
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

    Raises NotADemo if the database is in real use, CannotLoad if it holds another demo company.
    """
    become_demo(at=at)
    job = Job.objects.filter(kind=JOB_KIND).order_by("pk").last()
    if job is not None:
        known = known_setup()
        if not known.is_same_company(setup):
            raise CannotLoad("This database holds another demo company. Load into an empty one.")
        known = replace(known, base_url=setup.base_url, systems_url=setup.systems_url)
        _readdress_systems(known, at=at)
        _keep(known)
        return known, job
    if Event.objects.exists():
        raise CannotLoad("This database holds real events. A demo needs an empty one.")
    setup = connect_systems(setup, at=at)
    _compare_with_books(setup, at=at)
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


def _compare_with_books(setup: Setup, *, at: datetime) -> None:
    """Have what some systems told compared, day by day, with what they hold."""
    for source in Source.objects.filter(slug__in=BOOKS).order_by("pk"):
        wanted = {
            "export_url": _export_url(setup, source.slug),
            "types": [BOOKS[source.slug][0]],
            "every_seconds": timedelta(days=1) // timedelta(seconds=1),
        }
        record(
            stream="source",
            subject_id=source.pk,
            action="diff.scheduled",
            actor=ACTOR,
            at=at,
            detail={name: [None, value] for name, value in wanted.items()},
        )
        DiffSchedule.objects.create(source=source, starts_at=setup.starts_at, **wanted)


def _readdress_systems(setup: Setup, *, at: datetime) -> None:
    """Send write-backs to where the systems listen this time, and ask for their books there."""
    for schedule in DiffSchedule.objects.select_related("source").filter(source__slug__in=BOOKS):
        schedule.export_url = _export_url(setup, schedule.source.slug)
        schedule.save()
    for source in Source.objects.select_for_update().filter(slug__in=setup.secrets).order_by("pk"):
        url = _writeback_url(setup, source.slug)
        if source.writeback_url == url:
            continue
        record(
            stream="source",
            subject_id=source.pk,
            action="source.changed",
            actor=ACTOR,
            at=at,
            detail={"writeback_url": url},
        )
        source.writeback_url = url
        source.save()


def _writeback_url(setup: Setup, slug: str) -> str:
    return "" if slug in _TAKE_NO_WRITEBACKS else f"{setup.systems_url}/{slug}/writebacks/"


def _export_url(setup: Setup, slug: str) -> str:
    return f"{setup.systems_url}/{slug}/export"


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
