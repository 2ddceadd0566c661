"""What people do with a case, and what they are told when someone was faster."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit.queries import trail
from exceptions import comments, ownership
from exceptions.desk import Conflict
from exceptions.models import Case, Message
from exceptions.permissions import NotAllowed
from reconciliation import reconcile
from reconciliation.models import Discrepancy, Recheck, Waiver
from tests.exceptions.people import (
    WEDNESDAY,
    case,
    fresh,
    lead,
    operator,
)

LATER = WEDNESDAY + timedelta(minutes=5)

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_case(installed: None) -> Case:
    return case()


def test_claiming_gives_it_to_one_and_answers_the_clock(a_case: Case) -> None:
    olga = operator()

    ownership.claim(case_id=a_case.pk, by=olga, at=LATER)

    known = fresh(a_case)
    assert (known.owner, known.state, known.version) == (olga, "IN_PROGRESS", 1)
    assert known.responded_at == LATER
    (row,) = trail(stream="case", subject_id=known.pk)
    assert (row.action, row.actor, row.from_state, row.to_state) == (
        "case.claimed", "olga", "NEW", "IN_PROGRESS",
    )  # fmt: skip
    assert known.history.get(version=1).history_change_reason == "took it"


def test_what_another_holds_cannot_be_claimed(a_case: Case) -> None:
    ownership.claim(case_id=a_case.pk, by=operator(), at=LATER)

    with pytest.raises(ownership.CannotClaim, match="Olga has it"):
        ownership.claim(case_id=a_case.pk, by=operator("otto"), at=LATER)


@pytest.mark.parametrize("state", ["VERIFYING", "SETTLED", "DISMISSED"])
def test_what_is_repaired_or_closed_cannot_be_claimed(installed: None, state: str) -> None:
    done = case(state=state)

    with pytest.raises(ownership.CannotClaim, match="Nothing changed"):
        ownership.claim(case_id=done.pk, by=operator(), at=LATER)


def test_an_old_page_is_told_who_did_what_and_when(a_case: Case) -> None:
    olga, lena = operator(), lead()
    ownership.assign(case_id=a_case.pk, to=olga, by=lena, at=LATER, version=0)

    with pytest.raises(Conflict, match="Lena assigned it to Olga at 10:05 on 04 Nov"):
        ownership.snooze(
            case_id=a_case.pk, until=LATER + timedelta(hours=1), by=olga, at=LATER, version=0
        )


def test_an_assigned_case_waits_for_its_owners_answer_and_tells_them(a_case: Case) -> None:
    olga, lena = operator(), lead()

    ownership.assign(case_id=a_case.pk, to=olga, by=lena, at=LATER)

    assert (fresh(a_case).state, fresh(a_case).responded_at) == ("NEW", None)
    assert Message.objects.get().recipient == olga


def test_a_snoozed_case_is_laid_aside_until_its_moment(a_case: Case) -> None:
    olga, until = operator(), LATER + timedelta(hours=2)

    ownership.snooze(case_id=a_case.pk, until=until, by=olga, at=LATER, reason="Carrier")
    assert (fresh(a_case).state, fresh(a_case).snoozed_until) == ("WAITING", until)

    ownership.wake(case_id=a_case.pk, by=olga, at=LATER)
    assert (fresh(a_case).state, fresh(a_case).snoozed_until) == ("IN_PROGRESS", None)


def test_nobody_snoozes_into_the_past(a_case: Case) -> None:
    with pytest.raises(ownership.Cannot, match="passed"):
        ownership.snooze(case_id=a_case.pk, until=LATER, by=operator(), at=LATER)


def test_a_remark_is_kept_and_moves_nothing(a_case: Case) -> None:
    comments.comment(case_id=a_case.pk, text="Asked the carrier.", by=operator(), at=LATER)

    assert a_case.comments.get().text == "Asked the carrier."
    assert fresh(a_case).version == 0


def test_escalating_by_hand_tells_the_lead_and_can_be_done_again(a_case: Case) -> None:
    olga, lena = operator(), lead()

    for reason in ("VIP", "Still nothing"):
        ownership.escalate(case_id=a_case.pk, reason=reason, by=olga, at=LATER)

    assert list(Message.objects.values_list("recipient", flat=True)) == [lena.pk] * 2
    assert a_case.escalations.count() == 2


def test_dismissing_waives_the_check_until_its_values_change(a_case: Case) -> None:
    olga = operator()
    Discrepancy.objects.update(details={"paid_minor": 1})

    ownership.dismiss(case_id=a_case.pk, reason="Barter", by=olga, at=LATER)

    waiver = Waiver.objects.get()
    assert (fresh(a_case).state, fresh(a_case).closed_by) == ("DISMISSED", "olga")
    assert (waiver.check_name, waiver.reason, waiver.lapsed_at) == (
        "active_not_paid", "Barter", None,
    )  # fmt: skip


def test_nothing_is_dismissed_without_a_reason(a_case: Case) -> None:
    with pytest.raises(ownership.Cannot, match="Say why"):
        ownership.dismiss(case_id=a_case.pk, reason="  ", by=operator(), at=LATER)

    assert not Waiver.objects.exists()


def test_a_dismissal_taken_back_is_work_again(a_case: Case) -> None:
    olga = operator()
    ownership.dismiss(case_id=a_case.pk, reason="Barter", by=olga, at=LATER)
    reconcile.take(limit=10, at=LATER)
    assert Discrepancy.objects.get().cleared_at is not None

    ownership.reopen(case_id=a_case.pk, by=olga, at=LATER)

    known = fresh(a_case)
    assert (known.state, known.owner, known.closed_at) == ("IN_PROGRESS", olga, None)
    assert Discrepancy.objects.get().cleared_at is None
    assert Waiver.objects.get().lapsed_at == LATER
    assert Recheck.objects.exists()


def test_a_case_of_another_team_is_refused_in_every_verb(a_case: Case) -> None:
    stan, moment = operator("stan", team="revenue-ops"), LATER + timedelta(hours=1)
    known: dict[str, Any] = {"case_id": a_case.pk, "by": stan, "at": LATER}
    verbs: list[Callable[[], object]] = [
        lambda: ownership.claim(**known),
        lambda: ownership.assign(**known, to=stan),
        lambda: ownership.snooze(**known, until=moment),
        lambda: ownership.wake(**known),
        lambda: ownership.escalate(**known, reason="x"),
        lambda: comments.comment(**known, text="x"),
        lambda: ownership.dismiss(**known, reason="x"),
        lambda: ownership.reopen(**known),
    ]

    for verb in verbs:
        with pytest.raises(NotAllowed):
            verb()
    assert fresh(a_case).version == 0


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_people_one_gets_the_case(a_case: Case) -> None:
    people = [operator(f"p{number}") for number in range(16)]
    start = Barrier(len(people))

    def claim(by: User) -> bool:
        try:
            start.wait()
            ownership.claim(case_id=a_case.pk, by=by, at=LATER)
        except ownership.CannotClaim:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        won = list(pool.map(claim, people))

    assert won.count(True) == 1
    assert fresh(a_case).owner == people[won.index(True)]
    assert fresh(a_case).version == 1
    assert trail(stream="case", subject_id=a_case.pk).count() == 1
