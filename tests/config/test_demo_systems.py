"""The systems of record: each thing done once, whatever the line does."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from config.demo import truth
from config.demo.sender import is_signed, sign
from config.demo.systems import LineLost, Refused, Systems, SystemsServer

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBkZW1vIGNvbXBhbnk="
OTHER_SECRET = "whsec_" + "c29tZWJvZHkgZWxzZSdzIHNlY3JldA=="
Echoed = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def echoed() -> Echoed:
    return []


@pytest.fixture
def desk(tmp_path: Path, echoed: Echoed) -> Systems:
    return opened(tmp_path, echoed)


def opened(folder: Path, echoed: Echoed) -> Systems:
    return Systems(
        seed=7,
        clock=lambda: AT,
        echo=lambda slug, event: echoed.append((slug, event)),
        journal=folder / "systems.jsonl",
        truth_path=folder / "truth.jsonl",
    )


def asked(order: str, action: str = "mark_fulfilled") -> dict[str, Any]:
    return {"action": action, "order": order, "payload": {}}


def order_that_is(fate: str, desk: Systems) -> str:
    orders = (f"SO-{number}" for number in range(100_000))
    return next(order for order in orders if desk._fate(asked(order)) == fate)


def test_what_is_asked_twice_under_one_key_is_done_once(desk: Systems, echoed: Echoed) -> None:
    order = order_that_is("done", desk)

    first = desk.act("shop", "key-1", asked(order))
    second = desk.act("shop", "key-1", asked(order))

    assert first == second
    assert echoed == [("shop", first)]
    assert first["type"] == "fulfilment.recorded"
    assert first["data"]["order"] == order


def test_a_refusal_is_for_good_and_stands_in_the_truth(desk: Systems, tmp_path: Path) -> None:
    order = order_that_is("refused", desk)

    for key in ("key-1", "key-2"):
        with pytest.raises(Refused):
            desk.act("shop", key, asked(order))

    (expected,) = truth.read(tmp_path / "truth.jsonl")
    assert (expected.order, expected.check) == (order, "writeback_failed")


def test_a_line_lost_after_acting_leaves_the_deed_to_be_looked_up(desk: Systems) -> None:
    order = order_that_is("lost", desk)

    with pytest.raises(LineLost):
        desk.act("shop", "key-1", asked(order))

    assert desk.look_up("shop", "key-1") == desk.act("shop", "key-1", asked(order))


def test_what_was_forgotten_was_not_done_and_can_be_asked_again(
    desk: Systems, echoed: Echoed
) -> None:
    order = order_that_is("forgotten", desk)

    with pytest.raises(LineLost):
        desk.act("shop", "key-1", asked(order))

    assert desk.look_up("shop", "key-1") is None
    assert not echoed
    assert desk.act("shop", "key-1", asked(order))["data"]["order"] == order


def test_a_restart_forgets_nothing(desk: Systems, tmp_path: Path, echoed: Echoed) -> None:
    order = order_that_is("done", desk)
    done = desk.act("shop", "key-1", asked(order))

    restarted = opened(tmp_path, echoed)

    assert restarted.look_up("shop", "key-1") == done


def test_our_signature_is_the_one_of_the_reference_library() -> None:
    body = '{"specversion":"1.0"}'

    ours = sign(
        secret=SECRET, message_id="msg_1", timestamp=int(AT.timestamp()), body=body.encode()
    )

    theirs = Webhook(SECRET).sign(msg_id="msg_1", timestamp=AT, data=body)
    assert ours["webhook-signature"] == theirs
    assert is_signed(secret=SECRET, headers=ours, body=body.encode())
    assert not is_signed(secret=SECRET, headers=ours, body=b"other")


@pytest.fixture
def address(desk: Systems) -> Iterator[str]:
    server = SystemsServer(port=0, systems=desk, secrets={"shop": SECRET})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def post(url: str, body: bytes, *, secret: str = SECRET) -> tuple[int, dict[str, Any]]:
    headers = sign(secret=secret, message_id="key-1", timestamp=1, body=body)
    request = urllib.request.Request(  # noqa: S310
        url, data=body, headers={"Idempotency-Key": "key-1", **headers}
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def test_a_signed_write_back_is_answered_with_its_message(desk: Systems, address: str) -> None:
    body = json.dumps(asked(order_that_is("done", desk))).encode()

    status, answer = post(f"{address}/shop/writebacks/", body)

    assert status == 200
    assert answer == {"status": "done", "event": desk.look_up("shop", "key-1")}


def test_an_unsigned_write_back_is_not_done(desk: Systems, address: str) -> None:
    body = json.dumps(asked(order_that_is("done", desk))).encode()

    status, _ = post(f"{address}/shop/writebacks/", body, secret=OTHER_SECRET)

    assert status == 401
    assert desk.look_up("shop", "key-1") is None
