"""Exceptions that are the same are put together, follow one another, and are taken apart."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.models import AuditEvent
from exceptions import (
    comments,
    correcting,
    handoff,
    intake,
    merging,
    ownership,
    queries,
    repair,
    working,
)
from exceptions.desk import Merged
from exceptions.models import Case
from exceptions.permissions import NotAllowed
from reconciliation.clock import now
from reconciliation.models import Discrepancy
from tests.exceptions.people import case, fresh, operator


@pytest.fixture
def olga(installed: None) -> User:
    return operator()


@pytest.fixture
def twins(olga: User) -> tuple[Case, Case]:
    return case("active_not_paid", order="T-1"), case("paid_vs_invoiced", order="T-1")


def listed(user: User) -> set[int]:
    page = queries.queue_page(user=user, at=now(), filters=[])
    return {row.id for row in page.rows}


def test_a_merged_case_leaves_the_queue_and_stands_on_both_trails(
    olga: User, twins: tuple[Case, Case]
) -> None:
    one, other = twins
    comments.comment(case_id=one.pk, text="Seen.", by=olga, at=now())

    merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())

    assert listed(olga) == {other.pk}
    assert fresh(one).comments.count() == 1
    assert (fresh(one).resolve_due_at, fresh(one).next_escalation_at) == (one.resolve_due_at, None)
    rows = AuditEvent.objects.filter(stream="case").order_by("pk").values_list("action", flat=True)
    assert list(rows)[-2:] == ["case.merged", "case.absorbed"]


def test_it_is_taken_apart_again_with_its_own_clocks(olga: User, twins: tuple[Case, Case]) -> None:
    one, other = twins
    merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())

    merging.separate(case_id=one.pk, by=olga, at=now())

    assert listed(olga) == {one.pk, other.pk}
    assert fresh(one).next_escalation_at is not None
    with pytest.raises(merging.CannotMerge, match="not merged"):
        merging.separate(case_id=one.pk, by=olga, at=now())


def test_it_is_dismissed_with_its_target(olga: User, twins: tuple[Case, Case]) -> None:
    one, other = twins
    merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())
    ownership.dismiss(case_id=other.pk, reason="A test order.", by=olga, at=now())

    assert merging.take(limit=10, at=now()) == 1

    assert fresh(one).state == "DISMISSED"
    assert "A test order." in fresh(one).close_reason


def test_it_comes_back_where_the_target_is_settled_and_its_own_check_is_broken(
    olga: User, twins: tuple[Case, Case]
) -> None:
    one, other = twins
    merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())
    Discrepancy.objects.filter(case=other).update(cleared_at=now())
    intake.take(limit=10, at=now())

    merging.take(limit=10, at=now())

    assert listed(olga) == {one.pk}


def test_what_followed_it_goes_along(olga: User, twins: tuple[Case, Case]) -> None:
    one, other = twins
    third = case("charge_failed_but_confirmed", order="T-1")
    merging.merge(case_id=third.pk, into_id=one.pk, by=olga, at=now())

    merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())

    assert fresh(third).merged_into_id == other.pk


def test_nothing_is_done_with_a_case_that_follows_another_but_taking_it_apart(
    olga: User, twins: tuple[Case, Case]
) -> None:
    one, other = twins
    merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())
    by: dict[str, Any] = {"case_id": one.pk, "by": olga, "at": now()}
    verbs: list[Callable[[], object]] = [
        lambda: ownership.claim(**by),
        lambda: ownership.snooze(**by, until=now() + timedelta(hours=1)),
        lambda: ownership.wake(**by),
        lambda: ownership.give_back(**by, to=None),
        lambda: ownership.escalate(**by, reason="now"),
        lambda: comments.comment(**by, text="Seen."),
        lambda: ownership.dismiss(**by, reason="fine"),
        lambda: handoff.send(**by, to_team=other.team, reason="theirs"),
        lambda: handoff.withdraw(**by),
        lambda: merging.merge(**by, into_id=other.pk),
        lambda: working.skip(**by, reason="OTHER"),
        lambda: correcting.try_again(**by),
        lambda: repair.run(**by, kind="cancel_order", plan_sha256="", idempotency_key="k"),
    ]

    for verb in verbs:
        with pytest.raises(Merged, match=f"merged into #{other.pk}, which goes on") as refusal:
            verb()
        assert refusal.value.into_id == other.pk

    shown = queries.case_detail(case_id=one.pk, user=olga, at=now())
    assert {verb for verb, may in shown.actions.items() if may.allowed} == {"separate"}
    assert not any(each.permission.allowed for each in shown.repairs)
    assert fresh(one).version == one.version + 1  # the merge


def test_one_cause_is_enough_and_nothing_in_common_is_refused(
    olga: User, twins: tuple[Case, Case]
) -> None:
    one, stranger = twins[0], case("active_not_paid", order="T-2")
    with pytest.raises(merging.CannotMerge, match="different orders and causes"):
        merging.merge(case_id=one.pk, into_id=stranger.pk, by=olga, at=now())
    Case.objects.filter(pk__in=[one.pk, stranger.pk]).update(cause="silent:billing")

    merging.merge(case_id=one.pk, into_id=stranger.pk, by=olga, at=now())

    assert fresh(one).merged_into_id == stranger.pk


@pytest.mark.parametrize("state", ["SETTLED", "VERIFYING"])
def test_what_is_closed_or_repaired_is_not_merged(olga: User, state: str) -> None:
    one, other = (
        case("active_not_paid", order="T-3", state=state),
        case("paid_vs_invoiced", order="T-3"),
    )

    with pytest.raises(merging.CannotMerge):
        merging.merge(case_id=one.pk, into_id=other.pk, by=olga, at=now())


def test_who_works_for_another_team_merges_nothing(twins: tuple[Case, Case]) -> None:
    one, other = twins
    stranger = operator("otto", team="revenue-ops")

    with pytest.raises((NotAllowed, merging.CannotMerge)):
        merging.merge(case_id=one.pk, into_id=other.pk, by=stranger, at=now())
    assert fresh(one).merged_into_id is None
