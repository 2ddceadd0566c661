"""Every list, panel and job in its states: first day, clear, filtered to nothing, and each refusal.

What a browser alone can show (loading, offline, a lost connection) is in tests/browser.
"""

import pytest
from django.test import Client

from config.install import ROLES, install
from exceptions.models import Case
from reconciliation.clock import now
from tests.pages.access import CHANGED, DENIED, OK, REFUSED, RULES
from tests.pages.people import clients

# What each page says on the first day, before any source has spoken.
FIRST_DAY = {
    "/exceptions/": "No sources connected yet",
    "/exceptions/bulk/": "Nothing in bulk yet",
    "/orders/": "No orders yet",
    "/events/": "No events yet",
    "/events/?view=rejected": "No message was rejected",
    "/sources/": "No source is connected yet",
    "/comparisons/": "No source is connected yet",
    "/imports/": "No file has been uploaded yet",
    "/jobs/": "No job has run yet",
    "/inbox/": "Nothing yet.",
    "/notifications/": "None yet.",
    "/who/": "Enter any id of an order.",
    "/teams/": "None is coming.",
    "/metrics/": "Nothing to measure yet",
    "/health/": "No source is connected",
    "/audit/": "Nothing is sealed yet.",
}
# What each list says when nothing is left of it, though there is something.
NOTHING_LEFT = {
    "/exceptions/?view=mine": "Queue clear",
    "/exceptions/?q=zzz": "No exception matches this search",
    "/exceptions/?f=severity:is:P3": "No exception matches these filters",
    "/orders/?q=zzz": "No order matches",
    "/events/?q=zzz": "Nothing matches",
    "/events/?view=rejected&q=1": "Nothing matches",
    "/audit/?actor=system": "Nothing on the trail matches",
    "/inbox/?show=unread": "Nothing unread.",
    "/who/?q=zzz": "No order is known as zzz",
    "/orders/O-1/?kind=comment": "Nothing of this kind happened",
}
BACK = "Back to my work"

# What addresses name by a number.
NUMBERED = (
    "case", "bulk", "job", "event", "rejected", "window", "person", "upload", "file", "export",
)  # fmt: skip


def main(client: Client, address: str, status: int = 200) -> str:
    """Give the part of a page that is its own."""
    answer = client.get(address, follow=True)
    assert answer.status_code == status, address
    page = answer.content.decode()
    return page[page.index("<main") : page.index("</main>")]


def test_every_page_says_on_the_first_day_what_comes_first(db: None) -> None:
    install(at=now())
    admin = clients()["Admin"]

    silent = {url for url, words in FIRST_DAY.items() if words not in main(admin, url)}

    assert silent == set()


def test_every_list_says_why_nothing_is_left_of_it(lead: Client) -> None:
    silent = {url for url, words in NOTHING_LEFT.items() if words not in main(lead, url)}

    assert silent == set()


def test_who_lacks_the_role_is_told_which_and_whom_to_ask(people: dict[str, Client]) -> None:
    closed = [
        (rule.url, role)
        for route, rule in RULES.items()
        for role in ROLES
        if rule.get[role] == DENIED and "{" not in rule.url and route != "admin/"
    ]

    silent = {
        (url, role)
        for url, role in closed
        if not all(
            words in main(people[role], url, status=403)
            for words in (f"You are {role}", "Roles are granted by Admin", BACK)
        )
    }

    assert silent == set()
    assert len(closed) > 10


def test_what_is_not_there_or_another_teams_has_a_way_back(
    people: dict[str, Client], desk: object
) -> None:
    names = dict.fromkeys(NUMBERED, "0")
    gone = [
        rule.url.format(**names, mapping="0", order="zzz")
        for rule in RULES.values()
        if rule.get["Admin"] == OK and "{" in rule.url
    ]

    silent = {url for url in gone if BACK not in main(people["Admin"], url, status=404)}

    assert silent == set()
    assert len(gone) > 10


@pytest.mark.parametrize(
    ("verb", "sent", "status", "says"),
    [
        ("snooze", {}, REFUSED, "Choose how long, or enter a moment."),
        ("comment", {"text": ""}, REFUSED, "Write something first. Nothing changed."),
        ("claim", {"version": "0"}, CHANGED, "changed it at"),
    ],
)
def test_a_refusal_is_said_in_the_slot_of_the_case_and_leaves_the_rest(
    lead: Client, a_case: Case, verb: str, sent: dict[str, str], status: int, says: str
) -> None:
    Case.objects.filter(pk=a_case.pk).update(version=1, changed_by="lena")
    address, slot = f"/exceptions/{a_case.pk}/{verb}/", f"problem-{a_case.pk}"

    page = lead.post(address, sent)
    piece = lead.post(address, sent, headers={"HX-Request": "true", "HX-Target": "panel"})

    for answer in (page, piece):
        assert answer.status_code == status
        assert says in answer.text
        assert 'role="alert"' in answer.text
    assert piece["HX-Retarget"] == f"#{slot}"
    assert f'id="{slot}"' in page.text


def test_a_failure_of_our_own_is_a_page_too_and_says_what_was_not_done(
    lead: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead.raise_request_exception = False
    monkeypatch.setattr("exceptions.views.metrics.now", lambda: 1 / 0)

    answer = lead.get("/metrics/")

    assert answer.status_code == 500
    assert "That failed on our side" in answer.text


def test_every_answer_carries_the_strict_policy(people: dict[str, Client], desk: object) -> None:
    names = dict.fromkeys(NUMBERED, "1")
    admin, loose = people["Admin"], set()

    for rule in RULES.values():
        answer = admin.get(rule.url.format(**names, mapping="1", order="O-1"))
        policy = answer.headers.get("Content-Security-Policy", "")
        is_strict = "script-src 'self'" in policy and "unsafe" not in policy
        if not is_strict or answer.headers.get("X-Content-Type-Options") != "nosniff":
            loose.add(rule.url)

    assert loose == set()
