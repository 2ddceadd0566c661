"""Batches over HTTP: a verdict for each of their events, and each kept as it was sent."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connection, transaction
from django.test import Client

from reconciliation import ingest, validate
from reconciliation.models import Event, RejectedEvent
from reconciliation.views import ingest as view
from tests.reconciliation.front_door import BATCH, Sender, confirmed, said

pytestmark = pytest.mark.django_db


def test_each_event_of_a_batch_has_its_own_verdict(shop: Sender) -> None:
    shop.post(confirmed("e-1"))
    shop.post(confirmed("e-2"))

    response = shop.post_batch(
        [confirmed("e-1"), confirmed("e-2", order="9"), confirmed("e-3"), {"id": "e-4"}, 5]
    )

    verdicts = [(each["id"], each["verdict"], each["status"]) for each in said(response)["results"]]
    assert response.status_code == 202
    assert verdicts == [
        ("e-1", "seen", 200),
        ("e-2", "conflict", 409),
        ("e-3", "new", 202),
        ("e-4", "rejected", 422),
        ("", "rejected", 422),
    ]
    assert said(response)["total"] == 5


def test_an_event_twice_in_one_batch_is_new_then_seen(shop: Sender) -> None:
    response = shop.post_batch([confirmed(), confirmed(), confirmed(order="9")])

    assert [each["verdict"] for each in said(response)["results"]] == ["new", "seen", "conflict"]
    assert Event.objects.get().data == {"order": "1001"}


def test_rows_follow_the_order_of_arrival(shop: Sender) -> None:
    names = [f"e-{number}" for number in range(30, 0, -1)]

    shop.post_batch([confirmed(name) for name in names])

    assert list(Event.objects.order_by("pk").values_list("event_id", flat=True)) == names


def test_each_event_of_a_batch_keeps_its_own_bytes(shop: Sender) -> None:
    first = json.dumps(confirmed("e-1"), indent=1).encode()

    shop.post(
        b" [ " + first + b" , " + json.dumps(confirmed("e-2")).encode() + b"]", content_type=BATCH
    )

    assert bytes(Event.objects.get(event_id="e-1").raw or b"") == first


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["new", "bad"], 202),
        (["known", "bad"], 200),
        (["bad", "taken"], 422),
        (["taken"], 409),
        ([], 200),
    ],
)
def test_a_batch_is_answered_by_the_best_of_its_verdicts(
    shop: Sender, names: list[str], status: int
) -> None:
    shop.post(confirmed("known"))
    events = {
        "new": confirmed("new"),
        "known": confirmed("known"),
        "bad": {},
        "taken": confirmed("known", order="9"),
    }

    assert shop.post_batch([events[name] for name in names]).status_code == status


@pytest.mark.parametrize("raw", [b"{}", b"[{}", b"[{},]", b"[] []", b"5"], ids=str)
def test_a_batch_that_is_no_array_is_kept_whole(shop: Sender, raw: bytes) -> None:
    response = shop.post(raw, content_type=BATCH)

    assert response.status_code == 400
    assert bytes(RejectedEvent.objects.get().raw) == raw


def test_a_batch_may_have_so_many_events(shop: Sender) -> None:
    response = shop.post_batch([{}] * (view.MOST_EVENTS + 1))

    assert response.status_code == 413
    assert RejectedEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_batches_of_one_source_pass_one_by_one(installed: datetime) -> None:
    shop, crm = Sender(at=installed), Sender(at=installed, slug="crm", kind="crm")

    def post(sender: Sender, *names: str) -> int:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '300ms'")
            raw = json.dumps([confirmed(name) for name in names]).encode()
            return sender.post(raw, content_type=BATCH, client=Client()).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as beside, transaction.atomic():
        messages = [validate.said(confirmed(name)) for name in ("e-1", "e-2")]
        ingest.store(source=shop.source, messages=messages, at=installed)

        assert beside.submit(post, shop, "e-3", "e-4").result() == 503
        assert beside.submit(post, shop, "e-3").result() == 202  # alone: it cannot close a circle
        assert beside.submit(post, crm, "e-3", "e-4").result() == 202

    assert post(shop, "e-3", "e-4") == 202
