"""The pages of teams, handoffs and ownership, in words and without script."""

import re
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.queries import trail
from exceptions import duty
from exceptions.models import Case, Handoff
from exceptions.sla import hours_of
from reconciliation.models import Absence, Calendar, Membership, Team
from reconciliation.working_time import BusinessHours
from tests.pages.people import clients

PANEL = {"HX-Request": "true", "HX-Target": "panel", "HX-Current-URL": "http://x/exceptions/"}


def body(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def version(page: str, action: str) -> str:
    found = re.search(rf'action="{action}".*?name="version" value="(\d+)"', page, re.DOTALL)
    assert found, action
    return found[1]


@pytest.fixture
def receiver(people: dict[str, Client]) -> Client:
    """Sign an operator of revenue ops in."""
    return clients(_other)["Operator"]


def _other(role: str) -> User:
    user = User.objects.filter(username=f"other.{role}").first()
    if user is None:
        known = User.objects.get(username=role.lower().replace(" ", "."))
        user = User.objects.create(username=f"other.{role}", first_name=f"Other {role}")
        user.groups.set(known.groups.all())
        Membership.objects.create(team=Team.objects.get(slug="revenue-ops"), user=user)
    return user


def test_the_list_says_who_owns_how_much_and_the_page_how_they_stand(lead: Client) -> None:
    listed, page = body(lead, "/teams/"), body(lead, "/teams/customer-ops/")

    assert "?f=team:is:customer-ops" in listed
    assert "No members" in listed  # of the teams that the test gave nobody
    assert "leads the team" in page
    assert "Europe/Berlin" in page


def test_a_lead_sets_a_members_hours_by_weekday(lead: Client) -> None:
    pk = Membership.objects.get(user__username="operator").pk
    url = f"/teams/customer-ops/members/{pk}/"
    sent = {"time_zone": "Asia/Tokyo", "opens-2": "08:00", "closes-2": "16:30"}

    answer = lead.post(url, {**sent, "version": version(body(lead, url), url)})

    assert answer["Location"] == "/teams/customer-ops/"
    assert "08:00\u201316:30" in body(lead, "/teams/customer-ops/")
    wrong = lead.post(url, {**sent, "closes-2": "", "version": version(body(lead, url), url)})
    assert (wrong.status_code, "both times" in wrong.content.decode()) == (422, True)
    assert 'value="08:00"' in wrong.content.decode()


def test_an_operator_says_when_they_are_away_and_is_back(operator: Client) -> None:
    url = "/teams/customer-ops/absences/"
    sent = {"username": "operator", "starts_at": "2026-01-01T09:00", "ends_at": "2099-01-02T09:00"}

    operator.post(url, {**sent, "reason": "Sabbatical"})

    page = body(operator, "/teams/customer-ops/")
    assert "Sabbatical" in page
    assert "Away until" in page
    operator.post(f"{url}{Absence.objects.get().pk}/end/")
    assert "Nobody is away" in body(operator, "/teams/customer-ops/")


def test_a_team_is_made_by_an_admin_once(people: dict[str, Client]) -> None:
    admin = people["Admin"]

    made = admin.post("/teams/", {"name": "Night shift"})

    assert made["Location"] == "/teams/night-shift/"
    assert admin.post("/teams/", {"name": "Night shift"}).status_code == 422


def test_a_case_is_handed_over_and_accepted_without_script(
    operator: Client, receiver: Client, a_case: Case
) -> None:
    url = f"/exceptions/{a_case.pk}/"
    assert receiver.get(url).status_code == 404
    sent = {"team": "revenue-ops", "reason": "Billing.", "version": str(a_case.version)}

    operator.post(f"{url}handoff/", sent)

    assert "Customer ops hands it to Revenue ops" in body(receiver, url)
    assert f"/exceptions/{a_case.pk}/" in body(receiver, "/exceptions/?view=handed-to-us")
    told = {"version": version(body(receiver, url), f"{url}handoff/accept/")}
    assert receiver.post(f"{url}handoff/accept/", told).status_code == 303
    assert Handoff.objects.get().state == "ACCEPTED"
    assert operator.get(url).status_code == 404  # it is the others' now


def test_a_case_is_bounced_in_the_panel_and_the_bouncer_is_sent_to_the_queue(
    operator: Client, receiver: Client, a_case: Case
) -> None:
    url = f"/exceptions/{a_case.pk}/"
    operator.post(f"{url}handoff/", {"team": "revenue-ops", "reason": "Billing."}, headers=PANEL)
    without = receiver.post(f"{url}handoff/bounce/", {"reason": ""}, headers=PANEL)
    assert without.status_code == 422

    answer = receiver.post(f"{url}handoff/bounce/", {"reason": "Not billed."}, headers=PANEL)

    assert answer["HX-Redirect"] == "/exceptions/"
    page = body(operator, url)
    assert "Bounced: Customer ops to Revenue ops" in page
    assert "lost" in page


def test_who_owns_an_order_is_one_page_from_the_order(operator: Client, a_case: Case) -> None:
    assert "/who/?q=O-1" in body(operator, "/orders/O-1/")
    page = body(operator, "/who/?q=O-1")
    assert "Customer ops" in page
    assert "Nobody was told yet" in page
    assert "No order is known as x" in body(operator, "/who/?q=x")
    assert "Enter any id" in body(operator, "/who/")


def test_a_day_off_of_the_company_stops_every_clock_and_roster_until_it_is_taken_back(
    people: dict[str, Client],
) -> None:
    admin, day = people["Admin"], date(2099, 12, 24)  # a Thursday
    noon = datetime(2099, 12, 24, 12, tzinfo=UTC)
    member = Membership.objects.select_related("team__calendar").first()
    assert member

    def hours() -> BusinessHours:
        return hours_of(Calendar.objects.get(pk=member.team.calendar_id))

    before = hours().is_work(day)
    sent = {"day": "2099-12-24", "name": "Party"}
    assert admin.post("/company/days-off/", sent).status_code == 303
    assert {"2099-12-24"} == {day for each in Calendar.objects.all() for day in each.company_days}
    assert (before, hours().is_work(day)) == (True, False)
    member.team.calendar.refresh_from_db()
    member.hours = {"4": ["09:00", "17:30"]}
    assert not duty.in_hours(member, at=noon)
    assert "24 Dec 2099: Party" in body(admin, "/teams/")
    assert "already" in admin.post("/company/days-off/", sent).content.decode()
    for wrong in ({"day": "x"}, {"day": "2020-01-01", "name": "Gone"}, {"day": "2099-12-31"}):
        assert admin.post("/company/days-off/", wrong).status_code == 422
    assert admin.post("/company/days-off/", {**sent, "remove": "1"}).status_code == 303
    assert hours().is_work(day)
    trail_of = {row.action for row in trail(stream="team", subject_id=member.team_id)}
    assert {"team.day_off_added", "team.day_off_removed"} <= trail_of
