"""A row that cannot be done holds up no other, and is seen until it can."""

from datetime import timedelta
from typing import Any

import pytest

from config import health
from exceptions import escalate, intake
from exceptions.models import Case, Escalation
from reconciliation import heartbeat
from reconciliation.models import Discrepancy, Heartbeat, Stumble
from tests.exceptions.people import WEDNESDAY, broken, case

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATE = WEDNESDAY + timedelta(days=30)


def seen() -> health.Fact:
    heartbeat.beat(component="clock")
    true_at = Heartbeat.objects.get(component="clock").at
    return health._stumbles(true_at=true_at)


def test_an_escalation_that_fails_silences_no_other() -> None:
    poison, healthy = (case(order=name, next_escalation_at=WEDNESDAY) for name in ("O-1", "O-2"))
    Case.objects.filter(pk=poison.pk).update(rulebook_version=999)

    escalate.take(limit=10, at=LATE)

    assert set(Escalation.objects.values_list("case_id", flat=True)) == {healthy.pk}
    stumble = Stumble.objects.get()
    assert (stumble.stage, stumble.row_id, stumble.times) == ("escalate", poison.pk, 1)
    assert "There is no rulebook version 999" in stumble.error
    assert (seen().tone, str(poison.pk) in seen().words) == ("bad", True)


def test_not_even_where_as_many_fail_as_are_taken_at_once() -> None:
    poison = [case(order=name, next_escalation_at=WEDNESDAY) for name in ("O-1", "O-2")]
    Case.objects.filter(pk__in=[each.pk for each in poison]).update(rulebook_version=999)
    escalate.take(limit=2, at=LATE)
    healthy = case(order="O-3", next_escalation_at=WEDNESDAY + timedelta(hours=1))

    escalate.take(limit=2, at=LATE)

    assert set(Escalation.objects.values_list("case_id", flat=True)) == {healthy.pk}
    assert Stumble.objects.count() == 2


def test_it_is_tried_again_and_forgotten_once_it_works() -> None:
    poison = case(order="O-1", next_escalation_at=WEDNESDAY)
    Case.objects.filter(pk=poison.pk).update(rulebook_version=999)
    escalate.take(limit=10, at=LATE)
    escalate.take(limit=10, at=LATE)
    assert Stumble.objects.get().times == 2
    Case.objects.filter(pk=poison.pk).update(rulebook_version=1)

    escalate.take(limit=10, at=LATE)

    assert not Stumble.objects.exists()
    assert Escalation.objects.filter(case=poison).exists()
    assert seen().tone == "ok"


def test_a_discrepancy_that_can_be_no_case_holds_up_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [broken(order=f"O-{number}") for number in range(3)]
    made = intake._case

    def refuse_one(each: Discrepancy, **given: Any) -> Case:  # noqa: ANN401
        if each.pk == found[1].pk:
            raise ValueError("poison")
        return made(each, **given)

    monkeypatch.setattr(intake, "_case", refuse_one)
    intake.take(limit=10, at=WEDNESDAY)
    later = broken(order="O-9")
    intake.take(limit=10, at=WEDNESDAY)

    opened = set(Case.objects.values_list("discrepancy_id", flat=True))
    assert opened == {found[0].pk, found[2].pk, later.pk}
    assert Stumble.objects.get().row_id == found[1].pk
