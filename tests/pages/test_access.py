"""Every address of the product, for every role and method, whole pages and fragments."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from exceptions.models import Bulk
from reconciliation import brought, mappings, uploads
from reconciliation.models import DiffSchedule, DiffWindow, Job, RejectedEvent, SubjectData, Upload
from tests.exceptions.people import case, install_product
from tests.pages.access import RULES, SIGN_IN, Answer, Rule
from tests.pages.people import clients, member
from tests.reconciliation.test_uploads import MAPPING
from tests.world import NOON, place, source

FRAGMENT = {"HX-Request": "true", "HX-Target": "panel", "HX-Current-URL": "http://x/exceptions/"}
OTHER_METHODS = ("put", "patch", "delete")


def routes() -> Iterator[str]:
    """Write every address that the resolver knows; those of the admin site as one."""
    for entry in get_resolver().url_patterns:
        yield from _written(entry)


def _written(entry: URLPattern | URLResolver, before: str = "") -> Iterator[str]:
    route = before + str(entry.pattern)
    if isinstance(entry, URLPattern) or route == "admin/":
        yield route
        return
    for inner in entry.url_patterns:
        yield from _written(inner, route)


@pytest.fixture
def desk(db: None) -> dict[str, str]:
    """Give an installed product with one new case, and what stands for it in addresses."""
    install_product()
    made = case("charge_failed_but_confirmed", order="O-1")
    asked = Bulk.objects.create(
        verb="snooze", words="1", state="ASKED", created_at=NOON,
        asked_by=User.objects.create(username="asker"),
    )  # fmt: skip
    asked.items.create(case=made, version=made.version)
    job = Job.objects.create(kind="import", title="Import", state="RUNNING", created_at=NOON)
    event = place("O-2")
    rejected = RejectedEvent.objects.create(
        source=source("shop"), raw=b"?", sha256=b"1", errors=[], received_at=NOON
    )
    window = DiffWindow.objects.create(
        source=source("shop"), since=NOON, until=NOON + timedelta(hours=1)
    )
    DiffSchedule.objects.create(
        source=source("shop"), export_url="https://shop.example/export", types=["order.created"],
        every_seconds=3600, starts_at=NOON,
    )  # fmt: skip
    person = SubjectData.objects.create(key="c-1", wrapped_key=None, ciphertext=b"")
    return {
        "person": str(person.pk),
        "case": str(made.pk),
        "bulk": str(asked.pk),
        "order": "O-1",
        "job": str(job.pk),
        "event": str(event.pk),
        "rejected": str(rejected.pk),
        "window": str(window.pk),
        **uploaded(),
    }


def uploaded() -> dict[str, str]:
    """Preview a file of a source that customer ops own."""
    given: dict[str, Any] = {"source": source("subscriptions-app"), "by": None, "at": NOON}
    mapping = mappings.save(name="m", content=MAPPING, **given)
    file = uploads.keep(name="rows.csv", content=b"id,day,order,amount\n", **given)
    job = Job.objects.create(kind="preview_file", title="m", state="DONE", created_at=NOON)
    upload = Upload.objects.create(file=file, mapping=mapping, created_at=NOON, preview_job=job)
    wanted = brought.Wanted(since=NOON, until=NOON + timedelta(hours=1))
    export = brought.begin(
        file=file, mapping=None, wanted=wanted, by=None, at=NOON + timedelta(days=1)
    )
    return {
        "upload": str(upload.pk),
        "file": str(file.pk),
        "mapping": str(mapping.pk),
        "export": str(export.pk),
    }


def test_the_table_has_every_address_and_no_other() -> None:
    assert sorted(RULES) == sorted(set(routes()))


@pytest.mark.parametrize("place", sorted({route.partition("/")[0] for route in RULES}))
def test_every_role_gets_the_answer_that_the_table_states(place: str, desk: dict[str, str]) -> None:
    people, differing = clients(), {}

    for route in (route for route in RULES if route.partition("/")[0] == place):
        rule = RULES[route]
        for method, headers in product(("get", "post"), ({}, FRAGMENT)):
            wanted = rule.get if method == "get" else rule.post
            is_swapped = bool(headers) and rule.is_swapped
            for role, client in people.items():
                found = _ask(rule, method, client, headers, desk)
                expected = 200 if is_swapped and wanted[role] == 303 else wanted[role]
                if found != expected:
                    differing[route, method, bool(headers), role] = (found, expected)

    assert differing == {}, "what was answered, and what the table states"


@pytest.mark.parametrize("method", OTHER_METHODS)
def test_no_address_takes_another_method(method: str, desk: dict[str, str]) -> None:
    admin = clients()["Admin"]
    ours = [rule for route, rule in RULES.items() if route not in {"admin/", "sign-in/"}]

    found = {rule.url: getattr(admin, method)(rule.url.format(**desk)).status_code for rule in ours}

    assert set(found.values()) == {405}, found


def test_a_case_of_another_team_is_not_there_for_an_operator(desk: dict[str, str]) -> None:
    from_elsewhere = clients(lambda role: member(role, team="revenue-ops"))["Operator"]

    for name in ("", "claim/", "comment/", "repairs/cancel_order/"):
        url = f"/exceptions/{desk['case']}/{name}"
        answer = from_elsewhere.get(url) if not name else from_elsewhere.post(url, {"text": "x"})
        assert answer.status_code == 404, url


def _ask(
    rule: Rule, method: str, client: Client, headers: dict[str, str], desk: dict[str, str]
) -> Answer:
    """Ask, then take back what the answer changed."""
    sent = dict(rule.sent) if method == "post" else {}
    with transaction.atomic():
        answer = getattr(client, method)(rule.url.format(**desk), sent, headers=headers)
        transaction.set_rollback(True)
    leads_to = answer.headers.get("Location", answer.headers.get("HX-Redirect", ""))
    return SIGN_IN if leads_to.startswith("/sign-in/") else int(answer.status_code)
