"""The trail in words."""

import pytest

from audit.presenters import actor_words, words


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"action": "order.billed", "from_state": "FULFILLED", "to_state": "BILLED"},
            "State Fulfilled to Billed",
        ),
        ({"action": "order.created"}, "Order opened"),
        (
            {"action": "discrepancy.opened", "reason": "Charged twice"},
            "Check broken: Charged twice",
        ),
        (
            {"action": "case.opened", "detail": {"check": "paid_not_posted"}},
            "Exception opened: Paid not posted",
        ),
        (
            {"action": "case.claimed", "from_state": "NEW", "to_state": "IN_PROGRESS"},
            "Exception taken",
        ),
        (
            {"action": "repair.begun", "detail": {"title": "Activate subscription"}},
            "Repair begun: Activate subscription",
        ),
        (
            {"action": "writeback.delivered", "detail": {"action": "mark_fulfilled"}},
            "Write-back delivered: Mark fulfilled",
        ),
        ({"action": "something.nobody_named"}, "Something nobody named"),
    ],
)
def test_an_action_reads_as_a_sentence(row: dict[str, object], said: str) -> None:
    assert words(**row) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("actor", "said"),
    [
        ("service:reconcile", "Reconcile (service)"),
        ("priya.n", "Priya Nair"),
        ("gone", "gone"),
        ("", "Unknown"),
    ],
)
def test_an_actor_reads_as_a_name(actor: str, said: str) -> None:
    assert actor_words(actor, people={"priya.n": "Priya Nair"}) == said
