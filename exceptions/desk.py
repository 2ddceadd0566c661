"""Shares what every verb on a case does: lock it, look at its version, record and save."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from audit.record import record
from exceptions import clocks, snoozes
from exceptions.models import Case
from exceptions.permissions import name_of
from reconciliation.meanwhile import overtaken


class Conflict(Exception):
    """Someone was faster. The message names who, what and when, and may be shown."""


class Merged(Conflict):
    """The case follows another, `into_id`, and that is the one to work on."""

    def __init__(self, why: str, into_id: int) -> None:
        super().__init__(f"{why} Nothing changed.")
        self.into_id = into_id


def follows(case: Case) -> str:
    """Say which open case this open one follows, so that nothing is done with it; "" if none.

    One whose target is closed goes its own way: the sweep dismisses it too or takes it apart.
    """
    target = case.merged_into
    if target is None or not case.is_open or not target.is_open:
        return ""
    return f"It is merged into #{target.pk}, which goes on. Work on that, or take this apart."


def check_goes_on(case: Case) -> None:
    """Raise Merged where another case goes on for this one."""
    if why := follows(case):
        assert case.merged_into_id is not None
        raise Merged(why, case.merged_into_id)


def locked(case_id: int) -> Case:
    """Lock a case for the rest of the transaction; raises Case.DoesNotExist."""
    return Case.objects.select_for_update(of=("self",)).select_related("team").get(pk=case_id)


def check_unchanged(case: Case, *, version: int | None) -> None:
    """Raise Conflict if the case is not the one that was on the screen; None asks for no check."""
    if version is None or version == case.version:
        return
    newest = case.history.filter(version__gt=version).order_by("-version").first()
    what = newest.history_change_reason if newest and newest.history_change_reason else "changed it"
    raise Conflict(overtaken(who=known_as(case.changed_by), what=what, at=case.changed_at))


def known_as(username: str) -> str:
    """Name who did something as colleagues do."""
    if username.startswith("service:"):
        return "The product"
    known = User.objects.filter(username=username).first()
    return name_of(known) if known else username or "Somebody"


def keep(  # noqa: PLR0913 - the columns of a row of the trail
    case: Case,
    *,
    action: str,
    words: str,
    actor: str,
    at: datetime,
    from_state: str,
    reason: str = "",
    detail: dict[str, Any] | None = None,
    cause_event_id: int | None = None,
) -> None:
    """Let its clocks follow, record what was done to a locked case, save it with its history.

    `words` finish "Priya …" where a second person is told that they were too late: "took it".
    """
    snoozes.follow(case, from_state=from_state, by=actor, at=at)
    clocks.follow(case, from_state=from_state, at=at)
    case.version += 1
    case.changed_at, case.changed_by = at, actor
    record(
        stream="case",
        subject_id=case.pk,
        action=action,
        actor=actor,
        at=at,
        from_state=from_state,
        to_state=case.state,
        reason=reason,
        cause_event_id=cause_event_id,
        rulebook_version=case.rulebook_version,
        detail=detail,
    )
    # How simple_history is told what goes into the row that the save makes.
    vars(case).update(_change_reason=words[:100], _history_date=at)
    case.save()
