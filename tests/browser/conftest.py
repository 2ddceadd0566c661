"""A real Chromium on the real pages, and a small world that they show."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from exceptions import follow_up, intake
from reconciliation import apply, reconcile, writeback
from reconciliation.clock import now
from tests import chromium, world
from tests.exceptions.people import connect, install_product, person
from tests.exceptions.target import Target, serve

PASSWORD = "a-long-password-1"  # noqa: S105 - of a test
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# The browser's driver keeps an event loop in this thread; the tests still ask the database here.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the browser; without one it is skipped, unless one is demanded."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once."""
    chromium.require()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(chromium.CHROMIUM), args=list(_FLAGS)
        )
        yield started
        started.close()


@dataclass
class Visitor:
    """A person at the browser: opens pages, signs in, and notes every broken policy."""

    browser: Browser
    address: str
    violations: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self,
        path: str,
        *,
        by: User,
        width: int = 1440,
        theme: str = "light",
        script: bool = True,
        is_touch: bool = False,
    ) -> Page:
        """Sign `by` in with the form and open a page."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
            has_touch=is_touch,
            is_mobile=is_touch,
        )
        context.set_default_timeout(10_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._note(message.text))
        page.on("pageerror", lambda error: self.violations.append(str(error)))
        page.goto(f"{self.address}/sign-in/")
        page.fill("#username", by.username)
        page.fill("#password", PASSWORD)
        page.click("button.button--primary")
        page.goto(f"{self.address}{path}")
        return page

    def close(self) -> None:
        """Close every window."""
        for context in self.contexts:
            context.close()

    def _note(self, text: str) -> None:
        if "Content Security Policy" in text or "htmx:evalDisallowed" in text:
            self.violations.append(text)


@pytest.fixture
def visitor(browser: Browser, live_server: LiveServer) -> Iterator[Visitor]:
    """Give someone at the browser; fails the test if a page broke its policy."""
    someone = Visitor(browser, live_server.url)
    yield someone
    someone.close()
    assert not someone.violations


@dataclass
class Desk:
    """The world of these tests: who works, and the systems they write to."""

    operator: User
    lead: User
    auditor: User
    target: Target

    def settle(self) -> None:
        """Let the pipeline do what is due, up to the automatic repairs: those stay off."""
        for _ in range(6):
            at = self.target.at = now()
            apply.take(limit=500, at=at)
            reconcile.take(limit=500, at=at)
            intake.take(limit=500, at=at)
            writeback.take(limit=500, at=at)
            follow_up.take(limit=500, at=at)


@pytest.fixture
def desk(transactional_db: None) -> Iterator[Desk]:
    """Build customer ops with three subscriptions that were invoiced and never switched on."""
    install_product()
    with serve(Target()) as target:
        connect("subscriptions-app", target)
        made = Desk(
            operator=_with_password(person("olga", "Operator")),
            lead=_with_password(person("lena", "Team lead", is_lead=True)),
            auditor=_with_password(person("ivan", "Auditor", team="")),
            target=target,
        )
        for number, hours in ((1, 30), (2, 20), (3, 10)):
            forget_to_activate(f"ORD-{number}", hours=hours, total_minor=10_000 * number)
        made.settle()
        yield made


def _with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


def forget_to_activate(
    order: str, *, hours: float, total_minor: int, currency: str = "EUR"
) -> None:
    at = now() - timedelta(hours=hours)
    line = world.line(unit_minor=total_minor, fulfil="activate")
    world.place(
        order,
        at,
        total_minor=total_minor,
        currency=currency,
        lines=[line],
        customer={"key": "c-1", "name": "Ann", "company": "Northwind Traders"},
    )
    world.say(
        "billing", "invoice.issued", order, at, invoice=f"I-{order}", amount_minor=total_minor,
        currency=currency,
    )  # fmt: skip
