"""Sixteen people give one case away at once: one wins, the others are told who and what."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit.queries import trail
from exceptions import handoff, ownership
from exceptions.desk import Conflict
from exceptions.models import Case, Handoff
from exceptions.permissions import name_of
from reconciliation.models import Team
from tests.exceptions.people import WEDNESDAY, case, fresh, install_product, lead

LATER = WEDNESDAY + timedelta(minutes=5)


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_people_who_reassign_one_case_one_wins_and_the_others_hear_who() -> None:
    install_product()
    shared, people = case(), [lead(f"p{number}") for number in range(16)]
    to_team, start = Team.objects.get(slug="revenue-ops"), Barrier(len(people))

    def give(number: int) -> str:
        by, to = people[number], people[(number + 1) % len(people)]
        try:
            start.wait()
            _reassign(shared, number, by=by, to=to, to_team=to_team)
        except (Conflict, handoff.CannotHandOff) as refusal:
            return str(refusal)
        else:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        told = list(pool.map(give, range(len(people))))

    assert told.count("") == 1
    winner = people[told.index("")]
    did = "handed it to Revenue ops" if Handoff.objects.exists() else "assigned it to P"
    refused = [text for text in told if text]
    assert all(did in text for text in refused), refused
    assert all(winner.username in text or name_of(winner) in text for text in refused), refused
    assert fresh(shared).version == 1
    assert trail(stream="case", subject_id=shared.pk).count() == 1
    assert shared.history.count() == 2


def _reassign(shared: Case, number: int, *, by: User, to: User, to_team: Team) -> None:
    """Let every second person assign it, and the others hand it to another team."""
    if number % 2:
        ownership.assign(case_id=shared.pk, to=to, by=by, at=LATER, version=0)
    else:
        handoff.send(
            case_id=shared.pk, to_team=to_team, reason="Theirs.", by=by, at=LATER, version=0
        )
