"""The forms that events may come in over HTTP: one a line, and any of them in gzip."""

import gzip
import json
import zlib
from typing import Any

import pytest
from django.http import HttpResponse
from hypothesis import given as drawn
from hypothesis import strategies as st

from reconciliation.inflate import MOST_MEMBERS, NotGzip, TooLong, inflate
from reconciliation.models import Event, RejectedEvent
from reconciliation.views import ingest as view
from tests.reconciliation.front_door import BATCH, STRUCTURED, Sender, confirmed

LINES = "application/x-ndjson"
MOST = 8 * 1024 * 1024


def said(response: HttpResponse) -> dict[str, Any]:
    found = json.loads(response.content)
    assert isinstance(found, dict)
    return found


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def zipped(shop: Sender, raw: bytes, content_type: str = STRUCTURED) -> HttpResponse:
    return shop.post(raw, content_type=content_type, headers={"content-encoding": "gzip"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "given", "status"),
    [
        (b"{", {}, 400),
        (b"{}", {"webhook-signature": "v1,AAAA"}, 401),
        (json.dumps(confirmed(order="taken")).encode(), {}, 409),
        (b" " * (MOST + 1), {}, 413),
        (b"{}", {"content-encoding": "br"}, 415),
        (json.dumps({**confirmed("e-2"), "time": 5, "data": {"order": ""}}).encode(), {}, 422),
    ],
)
def test_every_refusal_is_a_problem_of_one_shape(
    shop: Sender, body: bytes, given: dict[str, str], status: int
) -> None:
    shop.post(confirmed())

    response = shop.post(body, headers=given)

    problem = said(response)
    assert (response.status_code, problem["status"]) == (status, status)
    assert response["Content-Type"] == "application/problem+json"
    assert problem["title"]
    assert problem["detail"].endswith(".")
    pointers = {error["pointer"] for error in problem.get("errors", ())}
    assert pointers == {400: {""}, 422: {"/time", "/data/order"}}.get(status, set())


@pytest.mark.django_db
class TestLines:
    """Newline-delimited JSON: each line an event."""

    def test_each_line_has_its_own_verdict(self, shop: Sender) -> None:
        """A line that is no JSON spoils none of the others."""
        shop.post(confirmed("e-1"))
        good = lines(confirmed("e-1"), confirmed("e-2"), {"id": "e-3"})

        response = shop.post(b"\xff\n{\n" + good, content_type=LINES)

        found = [(each["verdict"], each["status"]) for each in said(response)["results"]]
        assert response.status_code == 202
        assert found == [
            ("rejected", 400), ("rejected", 400), ("seen", 200), ("new", 202), ("rejected", 422),
        ]  # fmt: skip
        assert said(response)["total"] == 5
        assert RejectedEvent.objects.count() == 3

    def test_a_line_is_kept_as_it_was_sent(self, shop: Sender) -> None:
        """Windows line ends and blank lines say nothing; the last line needs no end."""
        first = json.dumps(confirmed("e-1")).encode()
        second = json.dumps(confirmed("e-2")).encode()

        response = shop.post(b"\r\n" + first + b"\r\n\r\n\n" + second, content_type=LINES)

        assert said(response)["new"] == 2
        assert bytes(Event.objects.get(event_id="e-1").raw or b"") == first

    def test_no_line_is_an_empty_batch(self, shop: Sender) -> None:
        """As an empty array is."""
        response = shop.post(b"\n", content_type=LINES)

        assert (response.status_code, said(response)["total"]) == (200, 0)

    def test_so_many_lines_may_come(self, shop: Sender) -> None:
        """One more is too many, and nothing of them is kept."""
        assert shop.post(b"{}\n" * (view.MOST_EVENTS + 1), content_type=LINES).status_code == 413
        assert RejectedEvent.objects.count() == 0

    def test_a_line_and_a_single_post_are_the_same_event(self, shop: Sender) -> None:
        """Its identity and body decide, not the form it came in."""
        shop.post(confirmed())

        response = shop.post(lines(confirmed(), confirmed(order="9")), content_type=LINES)

        assert [each["status"] for each in said(response)["results"]] == [200, 409]
        assert response.status_code == 200


@pytest.mark.django_db
class TestGzip:
    """Compressed requests: the signature is over the bytes as sent."""

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            (STRUCTURED, json.dumps(confirmed()).encode()),
            (BATCH, json.dumps([confirmed()]).encode()),
            (LINES, lines(confirmed())),
        ],
    )
    def test_every_form_may_be_compressed(
        self, shop: Sender, content_type: str, body: bytes
    ) -> None:
        """What is kept is what it unpacks to."""
        response = zipped(shop, gzip.compress(body), content_type)

        assert response.status_code == 202
        assert json.loads(bytes(Event.objects.get().raw or b"")) == confirmed()

    def test_binary_mode_may_be_compressed(self, shop: Sender) -> None:
        """Attributes in headers, data in gzip."""
        headers = {
            "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "order.confirmed",
            "ce-time": "2026-03-02T09:00:00Z", "content-encoding": "x-gzip",
        }  # fmt: skip

        response = shop.post(
            gzip.compress(b'{"order":"1"}'), content_type="application/json", headers=headers
        )

        assert response.status_code == 202

    def test_the_signature_is_over_the_bytes_as_sent(self, shop: Sender) -> None:
        """One over what they unpack to does not count."""
        plain = json.dumps(confirmed()).encode()

        response = shop.post(
            gzip.compress(plain), headers={**shop.headers(plain), "content-encoding": "gzip"}
        )

        assert response.status_code == 401

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{}",
            gzip.compress(b"{}")[:-1],
            gzip.compress(b"{}")[:12],
            gzip.compress(b"{}") + b"more",
            zlib.compress(b"{}"),
            gzip.compress(b"{}")[:-8] + bytes(8),
        ],
        ids=["empty", "plain", "cut", "cut early", "followed", "zlib", "wrong checksum"],
    )
    def test_what_cannot_be_unpacked_is_refused(self, shop: Sender, raw: bytes) -> None:
        """It is answered 400, and nothing of it is kept."""
        assert zipped(shop, raw).status_code == 400
        assert RejectedEvent.objects.count() == 0

    def test_a_bomb_is_refused_before_it_is_unpacked(self, shop: Sender) -> None:
        """Eight kilobytes that would be eight megabytes and one."""
        bomb = gzip.compress(b" " * (MOST + 1))

        response = zipped(shop, bomb)

        assert (response.status_code, len(bomb) < 10_000) == (413, True)

    def test_one_event_may_have_a_mebibyte_unpacked(self, shop: Sender) -> None:
        """Compression does not stretch the limit of a single event."""
        raw = json.dumps(confirmed(note="x" * 1024 * 1024)).encode()

        assert zipped(shop, gzip.compress(raw)).status_code == 413

    @pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd"])
    def test_other_codings_are_told_what_is_taken(self, shop: Sender, coding: str) -> None:
        """As RFC 9110 asks for."""
        response = shop.post(confirmed(), headers={"content-encoding": coding})

        assert (response.status_code, response["Accept-Encoding"]) == (415, "gzip")


class TestInflating:
    """Unpacking itself."""

    @drawn(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
    def test_members_are_put_together(self, parts: list[bytes]) -> None:
        """A gzip file may have several members; they come out as one."""
        whole = b"".join(parts)
        packed = b"".join(gzip.compress(part) for part in parts)

        assert inflate(packed, most=len(whole)) == whole

    @drawn(st.binary(min_size=1, max_size=300), st.integers(0, 299))
    def test_one_byte_too_many_is_too_long(self, raw: bytes, most: int) -> None:
        """The limit is exact, over all members."""
        packed = gzip.compress(raw[:5]) + gzip.compress(raw[5:])
        if len(raw) <= most:
            assert inflate(packed, most=most) == raw
            return
        with pytest.raises(TooLong):
            inflate(packed, most=most)

    @drawn(st.binary(min_size=1, max_size=200), st.data())
    def test_whatever_is_cut_off_is_missed(self, raw: bytes, data: st.DataObject) -> None:
        """No beginning of gzip data is whole."""
        packed = gzip.compress(raw)

        with pytest.raises(NotGzip):
            inflate(packed[: data.draw(st.integers(0, len(packed) - 1))], most=1000)

    def test_members_are_counted(self) -> None:
        """Thousands of empty members would only burn time."""
        empty = gzip.compress(b"")

        assert inflate(empty * MOST_MEMBERS, most=0) == b""
        with pytest.raises(NotGzip):
            inflate(empty * (MOST_MEMBERS + 1), most=0)
