"""Why each check of an order holds or does not, on its page."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from exceptions import why
from reconciliation import verdicts
from reconciliation.models import Order
from tests.pages.test_desk import body
from tests.reconciliation.test_checks_in_passes import STORIES, judge, tell
from tests.reconciliation.worlds import HOUR, NOON, rules

pytestmark = pytest.mark.django_db


def test_the_page_shows_both_sides_what_is_behind_them_and_the_rule(operator: Client) -> None:
    page = body(operator, "/orders/O-1/why/")

    for words in (
        "1 broken",
        "Rulebook v1",
        "Invoice sent, subscription off",
        "It has not come right in time. €100.00 is at risk.",
        "Invoiced €100.00",
        "I-O-1",
        'href="/events/',
        "1 hour from “Invoiced on”",
        "Applies if",
        "nothing more, nothing less",  # the tolerance of a balance
        "Both sides are equal.",
        "It would apply if",
    ):
        assert words in page, words
    assert page.index("check-invoice_sent_not_active") < page.index("check-invoiced_vs_ordered")


def test_the_order_leads_to_it_and_it_leads_back(operator: Client) -> None:
    assert 'href="/orders/O-1/why/"' in body(operator, "/orders/O-1/")
    assert 'href="/orders/O-1/"' in body(operator, "/orders/O-1/why/")


def test_a_past_moment_is_shown_as_it_was(operator: Client, desk: datetime) -> None:
    then = desk - timedelta(hours=29, minutes=30)  # half an hour after the invoice of O-1

    page = body(operator, f"/orders/O-1/why/?as_of={then:%Y-%m-%dT%H:%M:%SZ}")

    assert "0 broken" not in page
    assert "1 broken" not in page
    assert "It may still come right" in page
    assert "nothing is changed by it" in page


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("2001-01-01T00:00", 200, "No rules were live then."),
        ("soon", 422, "This is no moment"),
        ("2026-02-30T00:00", 422, "This is no moment"),
        ("2999-01-01T00:00", 422, "has not come yet"),
    ],
)
def test_a_moment_that_cannot_be_shown_is_said(
    asked: str, status: int, words: str, operator: Client
) -> None:
    assert words in body(operator, f"/orders/O-1/why/?as_of={asked}", status)


@pytest.mark.parametrize("check", STORIES)
def test_every_check_is_told_broken_waiting_and_whole(check: str) -> None:
    rules()
    hours, told, remedy = STORIES[check]
    bad, good = tell("bad", told), tell("good", told | remedy)

    is_broken = of(bad, check, hours)
    assert is_broken.word == "Broken"
    assert is_broken.sides or is_broken.lines
    assert is_broken.parameters
    assert judge(bad, hours) == {check}
    if hours:
        assert of(bad, check, hours - 1).said.startswith("It may still come right: due ")
    is_whole = of(good, check, hours)
    assert is_whole.word in {"Holds", "Does not apply"}
    assert is_whole.nearest.endswith((".", "”")), is_whole


def of(order_id: int, check: str, hours: float) -> why.Told:
    order = Order.objects.get(pk=order_id)
    standing = verdicts.now(order=order, at=NOON + hours * HOUR)
    (found,) = (each for each in why.tell(standing).told if each.name == check)
    return found
