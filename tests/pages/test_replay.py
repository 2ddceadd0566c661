"""Rebuild from zero, replay, and people: what the pages say, and that they do it."""

import pytest
from django.test import Client

from reconciliation import job_runner, replay_job
from reconciliation.clock import now
from reconciliation.models import Discrepancy, Entry, Event, Job, Order, SubjectData
from tests import world
from tests.pages.conftest import find
from tests.pages.test_desk import body


@pytest.fixture
def owner(people: dict[str, Client]) -> Client:
    return people["Platform owner"]


def test_an_order_that_is_as_its_events_say_shows_every_step(operator: Client) -> None:
    page = body(operator, "/orders/O-1/replay/")

    assert "Live is the same" in page
    assert page.index("order.created") < page.index("invoice.issued")
    assert "Invoiced €100.00" in page
    assert 'href="/orders/O-1/replay/"' in body(operator, "/orders/O-1/")


def test_an_order_that_lost_an_entry_shows_the_event_where_they_part(
    operator: Client, owner: Client
) -> None:
    entry = Entry.objects.get(kind="INVOICED", order__canonical_id="O-1")
    entry.delete()

    page = body(operator, "/orders/O-1/replay/")
    assert "Live differs" in page
    assert f'From event <a href="#event-{entry.event_id}">' in page
    assert "Live parts here" in page
    assert 'id="put-right-why"' in page

    answer = owner.post("/orders/O-1/replay/", {"reason": "lost in the move"}, follow=True)
    assert "Live is the same" in answer.content.decode()
    assert Order.objects.get(canonical_id="O-1").invoiced_minor == 10_000


def test_a_page_never_changes_what_it_rebuilds(operator: Client) -> None:
    before = list(Order.objects.order_by("pk").values()), list(Event.objects.values())

    body(operator, "/orders/O-1/replay/")

    assert (list(Order.objects.order_by("pk").values()), list(Event.objects.values())) == before


def test_a_replay_is_estimated_and_then_a_job_lists_what_differs(owner: Client) -> None:
    Order.objects.filter(canonical_id="O-2").update(invoiced_minor=1)
    page = body(owner, "/replay/?source=billing")
    assert "Orders to rebuild</dt><dd>2" in page

    answer = owner.post("/replay/", {"source": "billing"})
    job = Job.objects.get(kind="replay")
    assert (answer.status_code, answer["Location"]) == (303, f"/jobs/{job.pk}/")
    job_runner.run(job_id=job.pk, kinds={"replay": replay_job.step}, now=now)

    page = body(owner, f"/jobs/{job.pk}/")
    assert "1 order differs" in page
    assert 'href="/orders/O-2/replay/"' in page


def test_a_moment_that_is_none_is_said(owner: Client) -> None:
    answer = owner.get("/replay/?since=yesterday")

    assert answer.status_code == 422
    assert "is no moment" in answer.content.decode()


def test_a_person_is_found_held_and_erased(owner: Client) -> None:
    customer = {"key": "c-17", "name": "Ada Byron", "email": "ada@example.com", "company": "Byron"}
    world.place("O-9", now(), customer=customer)
    find()
    Discrepancy.objects.update(cleared_at=now())

    answer = owner.post("/people/", {"key": "c-17"}, follow=True)
    page = answer.content.decode()
    url = answer.redirect_chain[-1][0]
    assert "email, name" in page
    assert "ada@example.com" not in page

    owner.post(f"{url}hold/", {"reason": "Case 12"})
    refused = owner.post(f"{url}erase/", {"typed": "c-17", "reason": "asked"})
    assert (refused.status_code, "Case 12" in refused.content.decode()) == (422, True)
    owner.post(f"{url}hold/", {"reason": "closed", "lift": "on"})
    answer = owner.post(f"{url}erase/", {"typed": "c-17", "reason": "asked"}, follow=True)

    assert "cannot be read any more" in answer.content.decode()
    assert SubjectData.objects.get().wrapped_key is None
    order = body(owner, "/orders/O-9/")
    assert "Customer erased" in order
    assert "Byron" not in order


def test_a_key_of_nobody_is_said(owner: Client) -> None:
    answer = owner.post("/people/", {"key": "c-0"})

    assert answer.status_code == 422
    assert "Nothing personal is held" in answer.content.decode()
