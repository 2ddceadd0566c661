"""The alarm loops show that they live, outlive a failing database, and say what is quiet."""

import threading
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError, connection

from config import loops, watch
from exceptions.models import Message
from reconciliation import heartbeat
from reconciliation.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", list(loops.LOOPS))
def test_a_round_of_each_loop_shows_that_it_lives(installed: datetime, name: str) -> None:
    loops.go_round(name)

    assert Heartbeat.objects.filter(component=f"loop:{name}").exists()


def test_a_loop_goes_on_when_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, rounds = threading.Event(), []

    def fail_once(name: str) -> int:
        rounds.append(name)
        if len(rounds) == 1:
            raise OperationalError("away")
        stop.set()
        return 3

    monkeypatch.setattr(loops, "go_round", fail_once)
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setitem(loops.LOOPS, "seal", loops.Loop((), rest_seconds=0))

    assert loops.run("seal", stop=stop) == 3
    assert len(rounds) == 2


def test_the_platform_owner_is_told_once_of_what_is_quiet(installed: datetime) -> None:
    owner = User.objects.create_user("dana")
    owner.groups.add(Group.objects.get(name="Platform owner"))
    for component in ("beat", "loop:escalate", "loop:seal"):
        heartbeat.beat(component=component)

    assert watch.take(limit=5, at=installed) == 1
    assert watch.take(limit=5, at=installed) == 0

    told = Message.objects.get()
    assert told.recipient == owner
    assert told.subject == "No sign of life from worker for a minute."


def test_what_is_well_is_no_problem_and_what_comes_back_is_told_again(installed: datetime) -> None:
    everyone = ("beat", "worker", "loop:escalate", "loop:seal")
    for component in everyone:
        heartbeat.beat(component=component)
    assert watch.look() == []

    Heartbeat.objects.filter(component="beat").update(at=installed - timedelta(days=9_999))

    assert [problem.name for problem in watch.look()] == ["quiet:beat"]
