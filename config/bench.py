"""What the self-check works on: a whole product without a network, whose time it turns."""

import io
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.handlers.wsgi import WSGIHandler

from config import pipeline
from config.demo.company import Company, Purchase
from config.demo.facts import Fact
from config.demo.market import Market, MarketPurchase
from config.demo.sender import sign
from config.demo.systems import Chances, Systems, SystemsServer
from config.demo.telling import as_bytes, cloud_event
from config.install import install
from config.premises import Setup, connect_systems
from exceptions.models import Case
from reconciliation import clock
from reconciliation.models import Discrepancy, Installation, Membership, Order, Team

OBLIGING, REFUSING = Chances(0, 0, 0), Chances(1000, 0, 0)
_BEGINS_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday morning


class StoryBroken(Exception):
    """A step did not come out as it should; the message says how."""


class Step(NamedTuple):
    """One step of a story, and why it failed where it did."""

    story: str
    name: str
    passed: bool
    reason: str = ""


class Bench:
    """One company with its systems, and the product that looks after it."""

    def __init__(self, folder: Path) -> None:
        self.at = _BEGINS_AT
        self.steps: list[Step] = []
        self.echoes: list[tuple[str, dict[str, Any]]] = []
        self.systems = Systems(
            seed=1,
            clock=lambda: self.at,
            echo=lambda slug, event: self.echoes.append((slug, event)),
            journal=folder / "systems.jsonl",
            truth_path=folder / "truth.jsonl",
            chances=OBLIGING,
        )
        self.secrets: dict[str, str] = {}
        self._company = Company(seed=1, starts_at=_BEGINS_AT, days=1, orders=1)
        self._bought = 0
        self._front_door = WSGIHandler()
        self._story = ""

    def open(self, *, systems_url: str) -> None:
        """Install the product and connect the company's systems."""
        install(at=self.at)
        Installation.objects.filter(id=1).update(is_demo=True, simulated_now=self.at)
        setup = Setup(
            seed=1,
            orders=1,
            days=1,
            starts_at=self.at,
            base_url="",
            systems_url=systems_url,
        )
        self.secrets.update(connect_systems(setup, at=self.at).secrets)

    @contextmanager
    def story(self, name: str) -> Iterator[None]:
        """Tell one story; what breaks it is noted, and the next one is told all the same."""
        self._story = name
        try:
            yield
        except StoryBroken:
            return

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take one step of the story, and note how it came out.

        Anything at all may go wrong in the product that is being checked, so all of it is caught.
        """
        try:
            yield
        except Exception as failure:
            reason = str(failure) or type(failure).__name__
            self.steps.append(Step(self._story, name, passed=False, reason=reason))
            raise StoryBroken(reason) from failure
        self.steps.append(Step(self._story, name, passed=True))

    def buy(self, kind: str) -> Purchase:
        """Have a customer order something of this kind, now."""
        self._bought += 1
        return self._company.purchase(self._bought, (kind,))._replace(placed_at=self.at)

    def buy_from_sellers(self) -> MarketPurchase:
        """Have a customer order something of several sellers, now."""
        self._bought += 1
        return Market(self._company).purchase(self._bought).placed(self.at)

    def say(self, *facts: Fact) -> None:
        """Have the company's systems tell what happened."""
        for fact in facts:
            self.post(fact.sender, as_bytes(cloud_event(fact)))

    def post(self, slug: str, body: bytes) -> None:
        """Bring signed bytes to the front door, as the web server would."""
        headers = sign(
            secret=self.secrets[slug],
            message_id=f"msg_{uuid4().hex}",
            timestamp=int(time()),
            body=body,
        )
        status, answer = self._ask(f"/ingest/{slug}/", headers, body)
        if not status.startswith("2"):
            raise StoryBroken(f"The front door answered {status}: {answer.decode()[:300]}")

    def go_on(self, **passed: float) -> None:
        """Let this much time pass, then run the pipeline until it is idle."""
        self.at += timedelta(**passed)
        Installation.objects.filter(id=1).update(simulated_now=self.at)
        pipeline.sweep(at=clock.now)

    def order(self, purchase: Purchase) -> Order:
        """Read the order as the product believes it to be."""
        return Order.objects.get(canonical_id=purchase.order)

    def case(self, purchase: Purchase, check_name: str) -> Case:
        """Read the newest case of a check about an order."""
        found = Case.objects.select_related("team", "discrepancy").filter(
            check_name=check_name, order__canonical_id=purchase.order
        )
        return found.latest("pk")

    def person(self, *, role: str, team: str, name: str = "") -> User:
        """Have somebody of a role on a team; another one by another name."""
        called = f"{name} {role} of {team}".strip().replace(" ", "-").lower()
        user, _ = User.objects.get_or_create(username=called)
        user.groups.add(Group.objects.get(name=role))
        Membership.objects.get_or_create(user=user, team=Team.objects.get(slug=team))
        return user

    def _ask(self, path: str, headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
        """Put a request to the application in this process."""
        answered: list[str] = []

        def start(status: str, _headers: Sequence[tuple[str, str]], _: object = None) -> None:
            answered.append(status)

        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SERVER_NAME": _host(),
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/cloudevents+json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            **{f"HTTP_{name.upper().replace('-', '_')}": given for name, given in headers.items()},
        }
        response = self._front_door(environ, start)  # type: ignore[arg-type]
        answer = b"".join(response)
        response.close()
        return answered[0], answer


@contextmanager
def bench() -> Iterator[Bench]:
    """Set everything up in the database at hand, which is empty."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(Path(folder))
        with SystemsServer(port=0, systems=made.systems, secrets=made.secrets) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="systems")
            thread.start()
            try:
                made.open(systems_url=f"http://127.0.0.1:{server.server_address[1]}")
                yield made
            finally:
                server.shutdown()
                thread.join()


def expect(what: str, *, found: object, wanted: object) -> None:
    """Raise StoryBroken unless both are equal."""
    if found != wanted:
        raise StoryBroken(f"{what} should be {wanted}, and is {found}.")


def expect_nothing_found(purchase: Purchase) -> None:
    """Raise StoryBroken if anything was found wrong with the order."""
    found = Discrepancy.objects.filter(
        order__canonical_id=purchase.order, cleared_at__isnull=True
    ).values_list("check_name", flat=True)
    if found:
        raise StoryBroken(f"Nothing is wrong, and this was found: {', '.join(found)}.")


def _host() -> str:
    """Name a host that this installation answers to."""
    named = next((host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"), "")
    return named or "localhost"
