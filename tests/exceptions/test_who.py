"""One answer to who owns an order, whatever name it is asked by."""

from datetime import timedelta

import pytest

from exceptions import handoff, ownership
from exceptions.models import Message
from exceptions.who import Answer, who_owns
from reconciliation.models import Alias, Order, Team
from tests import world
from tests.exceptions.people import WEDNESDAY, case, lead, operator, person

LATER = WEDNESDAY + timedelta(minutes=5)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]


def asked(name: str, *, by: str = "ada") -> list[Answer]:
    user = person(by, "Auditor", team="")
    return who_owns(asked=name, user=user, at=LATER)


def test_any_name_of_an_order_tells_owner_team_next_action_and_deadline() -> None:
    made = case()
    ownership.claim(case_id=made.pk, by=operator(), at=WEDNESDAY)
    Alias.objects.create(
        source=world.source("shop"), kind="payment", value="ch_9", order=Order.objects.get()
    )

    by_id, by_alias = asked("O-1"), asked("ch_9", by="ivo")

    (owned,) = by_id[0].open
    assert (owned.owner, owned.team) == ("Olga", "Customer ops")
    assert owned.next_action.startswith("Olga: ")
    assert owned.due.due_at == made.resolve_due_at
    assert (by_alias[0].open, by_alias[0].known_as) == (by_id[0].open, "ch_9")


def test_the_last_notification_is_proved_by_its_row() -> None:
    made = case()
    ownership.assign(case_id=made.pk, to=operator(), by=lead(), at=LATER)
    Message.objects.create(
        recipient=made.messages.get().recipient, case=made, channel="mail", subject="x", text="x",
        state="FAILED", attempts=5, error="The channel did not take it.", created_at=LATER,
    )  # fmt: skip

    told = asked("O-1")[0].open[0].told

    assert told is not None
    assert (told.whom, told.channel, told.is_good) == ("Olga", "mail", False)
    assert told.outcome == "Failed after 5 tries: The channel did not take it."


def test_a_handoff_on_its_way_is_the_next_action_and_the_sender_still_the_owner() -> None:
    made, olga = case(), operator()
    ownership.claim(case_id=made.pk, by=olga, at=WEDNESDAY)
    handoff.send(
        case_id=made.pk, to_team=Team.objects.get(slug="revenue-ops"), reason="Theirs.", by=olga,
        at=WEDNESDAY,
    )  # fmt: skip

    (owned,) = asked("O-1")[0].open

    assert (owned.owner, owned.team) == ("Olga", "Customer ops")
    assert owned.next_action == "Revenue ops accepts or bounces the handoff by 12:00 on 4 Nov UTC"


def test_an_order_without_open_exceptions_has_an_answer_too() -> None:
    world.place("O-7")
    world.settle(at=WEDNESDAY)

    (answer,) = asked("O-7")

    assert not answer.open
    assert answer.steward == "Fulfilment ops"


def test_a_merged_order_answers_for_what_it_became() -> None:
    made = case()
    Order.objects.create(canonical_id="O-2", currency="EUR", merged_into=made.order)

    assert [answer.canonical_id for answer in asked("O-2")] == ["O-1"]


def test_who_may_not_open_it_is_told_who_owns_it_all_the_same() -> None:
    case()
    user = operator("rita", team="revenue-ops")

    (owned,) = who_owns(asked="O-1", user=user, at=LATER)[0].open

    assert (owned.team, owned.may_open) == ("Customer ops", False)


def test_what_nobody_knows_has_no_answer() -> None:
    assert asked("nothing") == []
