"""A list on the screen is told what changed, what came, and who else looks; no more than that."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from exceptions import handoff, live, ownership, presence
from exceptions.models import Case, Escalation, Viewing
from reconciliation.models import Team
from tests.exceptions.people import WEDNESDAY, case, operator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LOADED = WEDNESDAY + timedelta(hours=1)


def after(seconds: float) -> datetime:
    return LOADED + timedelta(seconds=seconds)


def news(
    user: User,
    *shown: Case,
    since: datetime = LOADED,
    at: datetime,
    filters: list[dict[str, str]] | None = None,
    size: int = 50,
) -> live.News:
    return live.news(
        user=user,
        shown=[each.pk for each in shown],
        loaded_at=LOADED,
        since=since,
        at=at,
        filters=filters or [],
        size=size,
    )


def come_in(name: str, *, at: datetime, due: float = 5) -> Case:
    made = case(order=name, resolve_due_at=WEDNESDAY + timedelta(hours=due))
    Case.objects.filter(pk=made.pk).update(opened_at=at, changed_at=at)
    return made


def test_nothing_is_said_while_nothing_happens() -> None:
    olga, one = operator(), case()

    assert news(olga, one, at=after(10)).is_empty


def test_a_row_that_changes_is_told_with_what_it_is_now() -> None:
    olga, one, other = operator(), case(order="A"), case(order="B")

    ownership.claim(case_id=one.pk, by=operator("stan"), at=after(5))

    (change,) = news(olga, one, other, at=after(10)).changes
    assert (change.row.id, change.row.owner, change.gone) == (one.pk, "stan", "")


def test_a_row_that_no_longer_fits_the_view_says_who_took_it_out() -> None:
    olga, one = operator(), case()
    unassigned = [{"field": "owner", "operator": "is", "value": "unassigned"}]

    ownership.claim(case_id=one.pk, by=operator("stan"), at=after(5))

    (change,) = news(olga, one, at=after(10), filters=unassigned).changes
    assert change.gone == f"Moved by stan {after(5):%H:%M}"


def test_a_change_that_was_committed_late_is_not_missed() -> None:
    olga, one = operator(), case()

    ownership.claim(case_id=one.pk, by=operator("stan"), at=after(5))

    assert news(olga, one, since=after(10), at=after(20)).changes
    assert not news(olga, one, since=after(20), at=after(30)).changes


def test_new_ones_are_counted_and_what_is_on_the_screen_is_not() -> None:
    olga, one = operator(), case()

    come_in("NEW", at=after(5))

    assert news(olga, one, at=after(10)).new.number == 1


def test_only_what_would_be_on_this_page_is_new() -> None:
    olga, first, last = operator(), case(order="A"), case(order="B")
    Case.objects.update(resolve_due_at=WEDNESDAY + timedelta(hours=9))

    come_in("SOONER", at=after(5), due=8)
    come_in("LATER", at=after(5), due=10)

    assert news(olga, first, last, at=after(10), size=2).new.number == 1


def test_cases_of_other_teams_are_no_news() -> None:
    one, stan = case(), operator("stan", team="revenue-ops")
    ownership.claim(case_id=one.pk, by=operator(), at=after(5))

    assert news(stan, one, at=after(10)).is_empty


def test_whoever_looks_at_a_case_is_named_to_others_and_forgotten_soon() -> None:
    olga, stan, one = operator(), operator("stan"), case()

    assert presence.look(case_id=one.pk, user=stan, at=LOADED) == []
    assert presence.look(case_id=one.pk, user=olga, at=after(1)) == ["Stan"]
    assert news(olga, one, at=after(2)).changes[0].watchers == ["Stan"]
    assert presence.viewers(case_ids=[one.pk], user=olga, at=after(60)) == {}


def test_that_somebody_ceased_to_look_is_news_too() -> None:
    olga, one = operator(), case()
    presence.look(case_id=one.pk, user=operator("stan"), at=LOADED)

    (change,) = news(olga, one, since=after(40), at=after(50)).changes

    assert change.watchers == []


def test_a_person_looks_at_one_case_and_leaves_no_heap_behind() -> None:
    stan = operator("stan")
    for number in range(5):
        presence.look(case_id=case(order=f"O-{number}").pk, user=stan, at=after(60 * number))

    assert Viewing.objects.filter(user=stan).count() <= 2


HANDED_TO_US = [{"field": "handed_to_us", "operator": "is", "value": "true"}]


def test_what_is_handed_to_us_follows_the_rule_of_its_view() -> None:
    olga, otto = operator(), operator("otto", team="revenue-ops")
    one, other = case(order="A"), case(order="B")
    revenue = Team.objects.get(slug="revenue-ops")
    for each in (one, other):
        handoff.send(case_id=each.pk, to_team=revenue, reason="theirs", by=olga, at=after(1))
    coming = news(otto, at=after(2), filters=HANDED_TO_US)
    ownership.claim(case_id=one.pk, by=olga, at=after(20))

    changed = news(otto, one, other, since=after(15), at=after(21), filters=HANDED_TO_US)
    handoff.withdraw(case_id=one.pk, by=olga, at=after(40))
    left = news(otto, one, other, since=after(35), at=after(41), filters=HANDED_TO_US)
    handoff.accept(case_id=other.pk, by=otto, at=after(60))
    lost = news(olga, one, other, since=after(55), at=after(61))

    assert coming.new.number == 2
    assert [(each.row.id, each.row.owner, each.gone) for each in changed.changes] == [
        (one.pk, "olga", "")
    ]
    assert left.changes == []
    assert left.departed == [live.Departed(one.pk, f"Withdrawn {after(40):%H:%M}")]
    assert lost.departed == [live.Departed(other.pk, f"Accepted {after(60):%H:%M}")]


def test_a_clock_of_ones_own_is_said_once_when_it_comes_to_a_mark() -> None:
    olga, stan = operator(), operator("stan")
    due_at = after(100)
    one = case(order="A", owner=olga, resolve_due_at=due_at)
    case(order="B", owner=stan, resolve_due_at=due_at)
    Escalation.objects.create(case=one, step=200, due_at=after(40), fired_at=after(40), to="owner")

    said = [
        news(olga, one, since=after(start), at=after(start + 20)) for start in range(0, 160, 20)
    ]

    spoken = [each.spoken for each in said if each.spoken]
    assert len(spoken) == 2  # the step of its plan, and the end; not the colleague's
    assert spoken[0].startswith("Yours: Active, not paid, A: ")
    assert spoken[1].endswith("0 min over.")
    assert [bool(each.changes) for each in said].count(True) == 2  # its pill is drawn anew
