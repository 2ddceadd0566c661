"""Working through a view goes from one to the next, round what others hold and what was skipped."""

import json
from datetime import timedelta

import pytest

from audit.models import AuditEvent
from exceptions import presence, working
from exceptions.models import Case, Skip
from exceptions.permissions import NotAllowed
from tests.exceptions.people import WEDNESDAY, case, operator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = WEDNESDAY + timedelta(minutes=5)


def three() -> list[Case]:
    """Open three cases; two of them are due at once."""
    return [
        case(order=f"O-{number}", resolve_due_at=WEDNESDAY + timedelta(hours=due))
        for number, due in enumerate((1, 2, 2))
    ]


def test_a_view_is_walked_from_its_first_to_its_last() -> None:
    olga, cases, walked = operator(), three(), list[int]()

    case_id = working.next_case(user=olga, at=LATER, filters=[])
    while case_id is not None:
        walked.append(case_id)
        case_id = working.next_case(user=olga, at=LATER, filters=[], after=case_id)

    assert walked == [each.pk for each in cases]


def test_what_a_colleague_looks_at_is_left_to_them() -> None:
    olga, (first, second, _) = operator(), three()
    presence.look(case_id=first.pk, user=operator("stan"), at=LATER)

    assert working.next_case(user=olga, at=LATER, filters=[]) == second.pk
    long_after = LATER + timedelta(minutes=5)
    assert working.next_case(user=olga, at=long_after, filters=[]) == first.pk


def test_what_one_skips_comes_again_tomorrow_and_to_others_now() -> None:
    olga, (first, second, _) = operator(), three()
    working.skip(case_id=first.pk, reason=Skip.Reason.NOT_MINE, by=olga, at=LATER)

    assert working.next_case(user=olga, at=LATER, filters=[]) == second.pk
    assert working.next_case(user=operator("stan"), at=LATER, filters=[]) == first.pk
    tomorrow = LATER + timedelta(days=1)
    assert working.next_case(user=olga, at=tomorrow, filters=[]) == first.pk
    said = AuditEvent.objects.get(action="case.skipped")
    assert json.loads(bytes(said.body))["reason"] == "Not mine"


def test_nobody_skips_for_another_team() -> None:
    first, *_ = three()

    with pytest.raises(NotAllowed):
        working.skip(
            case_id=first.pk, reason="OTHER", by=operator("stan", team="revenue-ops"), at=LATER
        )

    assert not Skip.objects.exists()


def test_the_place_in_a_view_is_told() -> None:
    olga, (_, second, third) = operator(), three()

    places = [
        working.place(case_id=each.pk, user=olga, at=LATER, filters=[]) for each in (second, third)
    ]

    assert [(place.number.number, place.of.number) for place in places] == [(2, 3), (3, 3)]
