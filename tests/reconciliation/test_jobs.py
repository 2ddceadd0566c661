"""Jobs: shown with how far they are, and stopped by those who may."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from audit.models import AuditEvent
from reconciliation.models import Installation, Job, Run
from tests.world import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _installation() -> None:
    Installation.objects.create()


def _person(name: str, role: str = "Operator") -> User:
    user = User.objects.create_user(name, first_name=name.capitalize())
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _job(**fields: object) -> Job:
    return Job.objects.create(
        **{"kind": "import", "title": "Import orders.csv", "state": "RUNNING", "total": 200,
           "done": 50, "created_at": NOON, **fields}
    )  # fmt: skip


def test_a_running_job_shows_how_far_it_is_and_asks_for_itself() -> None:
    job, olga = _job(failed=3), _client(_person("olga"))

    page = olga.get(f"/jobs/{job.pk}/").content.decode()

    assert "50 of 200 · 3 failed" in page
    assert 'max="200" value="50"' in page
    assert 'hx-trigger="every 1s"' in page


def test_a_finished_job_asks_no_more_and_has_no_stop_button() -> None:
    job, dana = _job(state="DONE", done=200), _client(_person("dana", "Platform owner"))

    page = dana.get(f"/jobs/{job.pk}/").content.decode()

    assert "hx-trigger" not in page.split('id="main"')[1].split("</main>")[0]
    assert 'id="stop"' not in page


def test_a_swap_gets_the_piece_alone() -> None:
    job, olga = _job(), _client(_person("olga"))

    for address, piece in ((f"/jobs/{job.pk}/", "job"), ("/jobs/", "jobs")):
        answer = olga.get(address, headers={"HX-Request": "true", "HX-Target": piece})
        assert answer.content.decode().strip().startswith(f'<div id="{piece}"')


def test_whoever_started_a_job_stops_it_once_and_it_is_on_the_trail() -> None:
    olga = _person("olga")
    job = _job(started_by=olga)

    answers = [_client(olga).post(f"/jobs/{job.pk}/stop/") for _ in range(2)]

    assert [answer["Location"] for answer in answers] == [f"/jobs/{job.pk}/"] * 2
    assert Job.objects.get().is_stop_asked
    row = AuditEvent.objects.get()
    assert (row.action, row.actor) == ("job.stopped", "olga")
    assert json.loads(bytes(row.body))["detail"]["what"] == "Import orders.csv"


@pytest.mark.parametrize(("role", "status"), [("Operator", 403), ("Platform owner", 303)])
def test_a_job_of_someone_else_needs_the_platform_owner(role: str, status: int) -> None:
    job, client = _job(started_by=_person("olga")), _client(_person("other", role))

    page = client.get(f"/jobs/{job.pk}/").content.decode()
    answer = client.post(f"/jobs/{job.pk}/stop/")

    assert answer.status_code == status
    assert ("Needs Platform owner" in page) == (status == 403)
    assert Job.objects.get().is_stop_asked == (status == 303)


def test_a_job_that_is_over_cannot_be_stopped_and_says_so() -> None:
    dana = _client(_person("dana", "Platform owner"))
    job = _job(state="DONE")

    answer = dana.post(f"/jobs/{job.pk}/stop/")

    assert answer.status_code == 409
    assert "Import orders.csv is done already. Nothing changed." in answer.content.decode()
    assert not AuditEvent.objects.exists()


def test_a_job_that_is_not_there_is_not_found() -> None:
    dana = _client(_person("dana", "Platform owner"))

    assert dana.get("/jobs/404/").status_code == 404
    assert dana.post("/jobs/404/stop/").status_code == 404
    assert dana.get("/jobs/99999999999999999999/").status_code == 404


def test_the_list_goes_on_after_fifty_and_shows_passes() -> None:
    olga = _client(_person("olga"))
    for number in range(55):
        _job(title=f"Import {number}", state="DONE")
    Run.objects.create(scope="due", rulebook_version=7, at=NOON, judged=31, holds=20, broken=11)

    first = olga.get("/jobs/")
    second = olga.get(first.context["older_href"])

    assert [row.title for row in first.context["jobs"]][:2] == ["Import 54", "Import 53"]
    assert [row.title for row in second.context["jobs"]] == [f"Import {n}" for n in (4, 3, 2, 1, 0)]
    assert "v7" in first.content.decode()
    assert olga.get("/jobs/?after=x").status_code == 400


def test_an_empty_list_says_what_will_be_here() -> None:
    page = _client(_person("olga")).get("/jobs/").content.decode()

    assert "No job has run yet" in page
    assert "No order has been judged yet" in page
