"""The case machine and the write-back machine: every move from every state."""

from typing import Any
from uuid import uuid4

import pytest
from django_fsm import TransitionNotAllowed

from exceptions.models import Case
from reconciliation.models import WriteBack
from tests.exceptions.people import WEDNESDAY

OPEN = {"NEW", "IN_PROGRESS", "WAITING", "VERIFYING"}
MOVES = {
    "claim": ({"NEW", "IN_PROGRESS", "WAITING"}, "IN_PROGRESS"),
    "release": ({"NEW", "IN_PROGRESS"}, "NEW"),
    "wait": ({"NEW", "IN_PROGRESS"}, "WAITING"),
    "wake": ({"WAITING"}, "IN_PROGRESS"),
    "verify": ({"NEW", "IN_PROGRESS", "WAITING"}, "VERIFYING"),
    "return_to_owner": ({"VERIFYING"}, "IN_PROGRESS"),
    "return_to_queue": ({"VERIFYING", "WAITING"}, "NEW"),
    "settle": (OPEN, "SETTLED"),
    "dismiss": ({"NEW", "IN_PROGRESS", "WAITING"}, "DISMISSED"),
    "reopen": ({"DISMISSED"}, "IN_PROGRESS"),
}
CLOSING = {"by": "olga", "reason": "fine", "at": WEDNESDAY}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "claim": {"owner": None, "at": WEDNESDAY},
    "wait": {"waiting_for": "snooze", "until": WEDNESDAY, "at": WEDNESDAY},
    "verify": {"at": WEDNESDAY},
    "settle": CLOSING,
    "dismiss": CLOSING,
    "reopen": {"owner": None},
}
SENDING: dict[str, tuple[set[str], str, dict[str, Any]]] = {
    "send": ({"DUE"}, "SENDING", {"token": uuid4(), "until": WEDNESDAY}),
    "deliver": ({"SENDING", "UNKNOWN"}, "DELIVERED", {"answer": {}, "at": WEDNESDAY}),
    "lose": ({"SENDING"}, "UNKNOWN", {"error": "", "look_up_at": WEDNESDAY}),
    "send_again": ({"UNKNOWN"}, "DUE", {"at": WEDNESDAY}),
    "fail": ({"SENDING"}, "FAILED", {"error": "no"}),
    "retry": ({"FAILED"}, "DUE", {"at": WEDNESDAY}),
    "compensate": ({"DELIVERED"}, "COMPENSATED", {}),
    "supersede": ({"DUE", "UNKNOWN", "FAILED"}, "SUPERSEDED", {}),
}


@pytest.mark.parametrize("state", Case.State.values)
@pytest.mark.parametrize("move", MOVES)
def test_a_case_moves_only_along_its_edges(move: str, state: str) -> None:
    sources, target = MOVES[move]
    case = Case(state=state)

    if state in sources:
        getattr(case, move)(**ARGUMENTS.get(move, {}))
        assert case.state == target
    else:
        with pytest.raises(TransitionNotAllowed):
            getattr(case, move)(**ARGUMENTS.get(move, {}))
        assert case.state == state


@pytest.mark.parametrize("state", WriteBack.State.values)
@pytest.mark.parametrize("move", SENDING)
def test_a_write_back_moves_only_along_its_edges(move: str, state: str) -> None:
    sources, target, arguments = SENDING[move]
    owed = WriteBack(state=state)

    if state in sources:
        getattr(owed, move)(**arguments)
        assert owed.state == target
    else:
        with pytest.raises(TransitionNotAllowed):
            getattr(owed, move)(**arguments)
        assert owed.state == state


def test_closing_stops_every_clock_of_a_case() -> None:
    case = Case(state="WAITING", snoozed_until=WEDNESDAY, waiting_for="snooze")
    case.next_automatic_at = case.next_escalation_at = WEDNESDAY

    case.settle(by="service:reconcile", reason="It holds.", at=WEDNESDAY)

    clocks = [case.next_automatic_at, case.next_escalation_at, case.snoozed_until]
    assert not any(clocks)
    assert case.closed_at == WEDNESDAY


def test_only_the_first_answer_stops_the_respond_clock() -> None:
    case = Case(state="NEW", responded_at=None)

    case.wait(waiting_for="customer", until=None, at=WEDNESDAY)
    case.claim(owner=None, at=WEDNESDAY.replace(hour=23))

    assert case.responded_at == WEDNESDAY
