"""The front door over HTTP: what it takes, what it refuses, and in which words."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reconciliation import ingest, validate
from reconciliation.models import Discrepancy, Event, EventConflict, Installation, RejectedEvent
from reconciliation.sources import canonical
from tests.reconciliation.front_door import BATCH, STRUCTURED, Sender, confirmed, said

pytestmark = pytest.mark.django_db


def test_a_new_event_is_kept_as_it_was_sent(shop: Sender) -> None:
    raw = json.dumps(confirmed(), indent=3).encode()

    response = shop.post(raw)

    event = Event.objects.get()
    assert response.status_code == 202
    assert said(response) == {"id": "e-1", "verdict": "new", "status": 202, "event": event.pk}
    assert (event.source, event.sender, event.event_id) == (shop.source, "/shop", "e-1")
    assert (event.type, event.occurred_at.isoformat()) == (
        "order.confirmed",
        "2026-03-02T09:00:00+00:00",
    )
    assert (event.data, bytes(event.raw or b"")) == ({"order": "1001"}, raw)
    assert (event.status, event.order_reference, event.reference) == ("RECEIVED", "1001", "")
    assert event.reasons == []


def test_the_reference_is_the_outside_thing_that_the_event_is_about(shop: Sender) -> None:
    for number, type_ in enumerate(canonical.types()):
        example = canonical.schemas()[canonical.types()[type_]]["examples"][0]
        shop.post(confirmed(f"e-{number}", type=type_, data=example))

    found = dict(Event.objects.exclude(reference="").values_list("type", "reference"))
    assert found.keys() == canonical.REFERENCE_FIELDS.keys()
    assert (found["payment.captured"], found["payment.refunded"]) == ("ch_301", "re_31")


def test_the_same_event_again_is_seen(shop: Sender) -> None:
    shop.post(confirmed())

    again = shop.post(json.dumps(confirmed(traceparent="00-1"), sort_keys=True, indent=1).encode())

    assert (again.status_code, said(again)["verdict"]) == (200, "seen")
    assert Event.objects.count() == 1


def test_another_body_under_a_known_id_is_kept_and_never_applied(shop: Sender) -> None:
    shop.post(confirmed(order="1001"))

    answers = [shop.post(confirmed(order="1002")) for _ in range(2)]

    conflict = EventConflict.objects.get()
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0]["Content-Type"] == "application/problem+json"
    assert json.loads(bytes(conflict.raw))["data"] == {"order": "1002"}
    assert Event.objects.get().data == {"order": "1001"}
    found = Discrepancy.objects.get()
    assert (found.check_name, found.event) == ("event_id_reused", Event.objects.get())


def test_another_source_may_use_the_same_ids(shop: Sender, installed: datetime) -> None:
    other = Sender(at=installed, slug="crm", kind="crm")
    shop.post(confirmed())

    response = other.post(confirmed(order="2002"))

    assert response.status_code == 202
    assert Event.objects.count() == 2


def test_what_is_no_event_is_kept_with_every_error(shop: Sender) -> None:
    raw = json.dumps(confirmed(type="payment.captured", time="soon", data={"order": 7})).encode()

    answers = [shop.post(raw) for _ in range(2)]

    rejection = RejectedEvent.objects.get()
    errors = said(answers[0])["errors"]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert {error["pointer"] for error in errors} == {"/time", "/data", "/data/order"}
    assert '"amount_minor" is a required property.' in {error["detail"] for error in errors}
    assert (bytes(rejection.raw), rejection.errors) == (raw, errors)
    assert Discrepancy.objects.get().rejection == rejection


def test_errors_quote_no_values(shop: Sender) -> None:
    response = shop.post(confirmed(data={"order": ["4111 1111 1111 1111"]}))

    assert b"4111" not in response.content


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"a":NaN}', b'{"a":1,"a":1}', b'{"a":"\\u0000"}'],
    ids=["empty", "cut", "not UTF-8", "deep", "NaN", "doubled", "NUL"],
)
def test_what_is_not_strict_json_is_kept_and_answered_400(shop: Sender, raw: bytes) -> None:
    response = shop.post(raw)

    assert response.status_code == 400
    assert said(response)["errors"]
    assert bytes(RejectedEvent.objects.get().raw) == raw


def test_only_the_product_itself_may_record_a_correction(shop: Sender) -> None:
    example = canonical.schemas()["correction.recorded.v1"]["examples"][0]

    response = shop.post(confirmed(type="correction.recorded", data=example))

    assert response.status_code == 422
    assert [error["pointer"] for error in said(response)["errors"]] == ["/type"]
    assert Event.objects.count() == 0


def test_an_unknown_type_is_refused_by_name(shop: Sender) -> None:
    response = shop.post(confirmed(type="order.eaten"))

    assert response.status_code == 422
    assert said(response)["errors"][0]["pointer"] == "/type"


def test_one_event_may_have_a_mebibyte(shop: Sender) -> None:
    raw = json.dumps(confirmed(note="x" * validate.MAX_BYTES)).encode()

    assert shop.post(raw).status_code == 413
    assert shop.post(raw[: validate.MAX_BYTES]).status_code == 400
    response = shop.post(
        b"[" + raw + b"," + json.dumps(confirmed()).encode() + b"]", content_type=BATCH
    )
    assert [each["verdict"] for each in said(response)["results"]] == ["rejected", "new"]


def test_a_request_that_is_too_long_is_not_read(shop: Sender) -> None:
    assert shop.post(b" " * (8 * 1024 * 1024 + 1)).status_code == 413


def test_a_body_that_broke_off_is_not_taken(shop: Sender) -> None:
    raw = json.dumps(confirmed()).encode()
    broken_off: dict[str, Any] = {"CONTENT_LENGTH": str(len(raw) + 5), "wsgi.input": BytesIO(raw)}

    response = shop.client.generic(
        "POST", "/ingest/shop/", raw, STRUCTURED, headers=shop.headers(raw), **broken_off
    )

    assert response.status_code == 400
    assert Event.objects.count() == 0


@pytest.mark.parametrize("length", ["gzip", "-1", "1.5", "²", "9" * 5_000])
def test_a_length_that_is_no_number_is_refused(shop: Sender, length: str) -> None:
    response = shop.post(confirmed(), headers={"content-length": length})

    assert response.status_code == 400
    assert Event.objects.count() == 0


def test_a_body_of_unknown_length_is_asked_for_its_length(shop: Sender) -> None:
    chunked: dict[str, Any] = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}

    response = shop.client.generic("POST", "/ingest/shop/", b"{}", STRUCTURED, **chunked)

    assert response.status_code == 411


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("application/cloudevents+json; charset=UTF-8", 202),
        ("application/cloudevents+json; charset=latin-1", 415),
        ("application/cloudevents+xml", 415),
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        ("\u00e9", 415),
    ],
)
def test_media_types(shop: Sender, content_type: str, status: int) -> None:
    assert shop.post(confirmed(), content_type=content_type).status_code == status


@pytest.mark.parametrize("mode", [to_structured_event, to_binary_event])
def test_the_official_client_is_understood(
    shop: Sender, mode: Callable[[CloudEvent], HTTPMessage]
) -> None:
    event = CloudEvent(
        attributes={
            "id": "grün 1%",
            "source": "/shop",
            "type": "payment.captured",
            "time": datetime.fromisoformat("2026-03-02T10:00:00+01:00"),
            "datacontenttype": "application/json",
            "traceparent": "00-1",
        },
        data={"order": "1", "payment": "ch_1", "amount_minor": 5, "currency": "EUR"},
    )
    message = mode(event)
    headers = dict(message.headers)
    content_type = headers.pop("content-type")

    response = shop.post(message.body, content_type=content_type, headers=headers)

    stored = Event.objects.get()
    assert response.status_code == 202
    assert (stored.event_id, stored.reference) == ("grün 1%", "ch_1")
    assert stored.occurred_at.isoformat() == "2026-03-02T09:00:00+00:00"


def test_an_event_is_the_same_in_every_mode(shop: Sender) -> None:
    event = CloudEvent(
        attributes={
            "id": "e-1",
            "source": "/shop",
            "type": "order.confirmed",
            "time": datetime.fromisoformat("2026-03-02T09:00:00+00:00"),
            "datacontenttype": "application/json",
        },
        data={"order": "1001"},
    )
    binary = to_binary_event(event)
    headers = dict(binary.headers)
    content_type = headers.pop("content-type")

    answers = [
        shop.post(confirmed()),
        shop.post(binary.body, content_type=content_type, headers=headers),
        shop.post_batch([confirmed()]),
    ]

    assert [answer.status_code for answer in answers] == [202, 200, 200]


def test_the_body_of_binary_mode_cannot_add_attributes(shop: Sender) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/s",
        "ce-type": "order.confirmed",
    }

    response = shop.post(
        b'{"order":"1"},"time":"2026-03-02T09:00:00Z"',
        content_type="application/json",
        headers=headers,
    )

    assert response.status_code == 400
    assert Event.objects.count() == 0


def test_a_nul_in_a_header_is_no_attribute(shop: Sender) -> None:
    headers = {
        "ce-specversion": "1.0", "ce-id": "1%00", "ce-source": "/s", "ce-type": "order.confirmed",
        "ce-time": "2026-03-02T09:00:00Z",
    }  # fmt: skip

    response = shop.post({"order": "1"}, content_type="application/json", headers=headers)

    assert response.status_code == 400
    assert said(response)["errors"][0]["pointer"] == "/id"


@pytest.mark.parametrize("offset", [-301, 330])  # time passes until it is read
def test_an_old_signature_is_refused_by_the_true_clock(shop: Sender, offset: int) -> None:
    Installation.objects.update(
        is_demo=True, simulated_now=datetime.fromisoformat("2020-01-01T00Z")
    )
    raw = json.dumps(confirmed()).encode()
    headers = shop.headers(raw, timestamp=int(time.time()) + offset)

    assert shop.post(raw, headers=headers).status_code == 401
    assert shop.post(raw).status_code == 202
    assert Event.objects.get().received_at.year == 2020
    assert Event.objects.get().recorded_at.year > 2020


def test_an_unknown_source_and_a_bad_signature_look_the_same(shop: Sender) -> None:
    bad = shop.post(confirmed(), headers={"webhook-signature": "v1,AAAA"})
    shop.slug = "nobody"
    unknown = shop.post(confirmed())

    assert (bad.status_code, bad.content) == (401, unknown.content)
    assert bad["WWW-Authenticate"] == unknown["WWW-Authenticate"]
    assert RejectedEvent.objects.count() == 0


def test_a_source_without_a_secret_takes_nothing(shop: Sender) -> None:
    shop.source.secrets.update(retired_at=datetime.fromisoformat("2026-03-02T09Z"))

    assert shop.post(confirmed()).status_code == 401


def test_another_sources_secret_does_not_sign(shop: Sender, installed: datetime) -> None:
    other = Sender(at=installed, slug="crm", kind="crm")
    shop.slug = "crm"

    assert shop.post(confirmed()).status_code == 401
    assert other.post(confirmed()).status_code == 202


def test_a_paused_source_is_asked_to_come_back(shop: Sender) -> None:
    source = shop.source
    source.is_paused = True
    source.save()

    response = shop.post(confirmed())

    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert Event.objects.count() == 0


def test_a_flood_of_unreadable_messages_is_held_back(
    shop: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MOST_REJECTIONS", 2)
    answers = [shop.post({"number": number}) for number in range(4)]

    assert [answer.status_code for answer in answers] == [422, 422, 429, 429]
    assert answers[-1]["Retry-After"]
    assert RejectedEvent.objects.count() == 2
    assert shop.post(confirmed()).status_code == 202


def test_rejections_of_an_hour_ago_do_not_count_as_a_flood(
    shop: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MOST_REJECTIONS", 1)
    shop.post({"number": 1})
    at = RejectedEvent.objects.get().received_at

    assert ingest.is_flooded(source=shop.source, at=at + timedelta(minutes=59))
    assert not ingest.is_flooded(source=shop.source, at=at + timedelta(minutes=61))


def test_a_database_that_is_away_asks_to_come_back(
    shop: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_given: object) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(ingest, "store", away)

    response = shop.post(confirmed())

    assert (response.status_code, response["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_posts_are_taken(client: Client, method: str) -> None:
    assert getattr(client, method)("/ingest/shop/").status_code == 405


def test_a_post_needs_no_cookie_and_takes_few_queries(
    shop: Sender, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = Client(enforce_csrf_checks=True)

    with django_assert_max_num_queries(6):  # source, secret, clock, begin, store, commit
        response = shop.post(confirmed(), client=client)

    assert response.status_code == 202
    assert "Set-Cookie" not in response


def test_schemas_are_public_and_may_be_kept(client: Client, db: None) -> None:
    index = client.get("/schemas/index.json")
    listed = {each["name"] for each in index.json()["schemas"]}

    assert listed == set(canonical.schemas())
    for each in index.json()["schemas"]:
        response = client.get(each["url"])
        assert response.json() == canonical.schemas()[each["name"]]
        assert response["Cache-Control"] == "public, max-age=3600"
    missing = client.get("/schemas/nothing.json")
    assert missing.status_code == 404
    assert "no-store" in missing["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_that_send_one_event_make_one_row(installed: datetime) -> None:
    shop = Sender(at=installed)

    def post(_number: int) -> int:
        try:
            return shop.post(confirmed(), client=Client()).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        statuses = sorted(threads.map(post, range(64)))

    assert statuses == [200] * 63 + [202]
    assert Event.objects.count() == 1
