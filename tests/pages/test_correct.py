"""The page that corrects what came, by its schema's form, and the panel that leads there."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from exceptions import intake
from exceptions.models import Case
from reconciliation import apply, ingest, validate
from reconciliation.clock import now
from reconciliation.models import Event, Membership, Order, Team
from reconciliation.sources import canonical
from tests.pages.test_desk import body
from tests.world import place, say, source

WRONG = {
    "specversion": "1.0",
    "id": "evt-1",
    "source": "/shop",
    "type": "order.created",
    "time": "yesterday",
    "data": {
        "order": "O-9",
        "currency": "euro",
        "total_minor": "10,00",
        "lines": [{"line": "1", "quantity": 0, "unit_minor": 1000, "fulfil": "mail"}],
        "references": {"deal": "D-1"},
        "gift": True,
    },
}
NO_SPACE = re.compile(r"\s+")


@pytest.fixture
def enricher(people: dict[str, Client]) -> Client:
    user = User.objects.get(username="operator")
    Membership.objects.create(team=Team.objects.get(slug="enrichment"), user=user)
    return people["Operator"]


def rejected(envelope: dict[str, Any] | bytes) -> Case:
    raw = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    ingest.store(source=source("shop"), messages=[validate.structured(raw)], at=now())
    intake.take(limit=10, at=now())
    return Case.objects.get(check_name="event_rejected")


def fields(page: str) -> dict[str, str]:
    """Read what a browser would send of the form, untouched."""
    form = page[page.index('id="correct"') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf'\s{each}="([^"]*)"', tag) for each in ("name", "value"))
        if name and 'type="checkbox"' not in tag:
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    pattern = r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>'
    for name, inner in re.findall(pattern, form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', inner)
        found[unescape(name)] = unescape(chosen[1]) if chosen else ""
    return found


def errors(page: str) -> dict[str, str]:
    """Read which field says what is wrong with it."""
    found = {}
    pattern = r'id="(f[^"]*)-error"[^>]*>([^<]*)<'
    for key, words in re.findall(pattern, page):
        found[key] = unescape(words)
    return found


def test_a_form_shows_everything_that_is_wrong_at_its_field(enricher: Client, desk: object) -> None:
    page = body(enricher, f"/exceptions/{rejected(WRONG).pk}/correct/")

    assert set(errors(page)) == {
        "f-data-currency", "f-data-total-minor", "f-data-lines-0-quantity",
        "f-data-lines-0-fulfil", "f-time",
    }  # fmt: skip
    assert 'name="/data/total_minor" value="10,00"' in page
    assert 'value="D-1"' in page


def test_it_is_checked_and_sent_without_a_script(enricher: Client, desk: object) -> None:
    case = rejected(WRONG)
    url = f"/exceptions/{case.pk}/correct/"
    sent = fields(body(enricher, url))
    sent |= {"/data/currency": "EUR", "/data/total_minor": "1000"}
    still = enricher.post(url, {**sent, "do": "check"})
    assert still.status_code == 422
    assert set(errors(still.content.decode())) == {
        "f-time", "f-data-lines-0-quantity", "f-data-lines-0-fulfil",
    }  # fmt: skip

    sent |= {
        "/time": "2026-11-04T10:00:00Z",
        "/data/lines/0/quantity": "1",
        "/data/lines/0/fulfil": "ship",
        "/data/lines/1/line": "2",
        "/data/lines/1/quantity": "2",
        "/data/lines/1/unit_minor": "0",
        "/data/lines/1/fulfil": "none",
    }
    right = enricher.post(url, {**sent, "do": "check"})
    assert "All is right" in right.content.decode()
    assert not Event.objects.filter(event_id="evt-1").exists()
    answer = enricher.post(url, {**sent, "do": "send"})

    assert answer.status_code == 303
    event = Event.objects.get(event_id="evt-1")
    assert event.data["lines"][1] == {"line": "2", "quantity": 2, "unit_minor": 0, "fulfil": "none"}
    assert event.data["gift"] is True
    assert event.data["references"] == {"deal": "D-1"}
    assert enricher.post(url, {**sent, "do": "send"}).status_code == 303
    apply.take(limit=10, at=now())
    assert Order.objects.get(canonical_id="O-9").ordered_minor == 1000
    assert "Sent again as" in body(enricher, url)


def test_a_line_is_left_out_and_a_named_value_added(enricher: Client, desk: object) -> None:
    data = {**WRONG["data"], "currency": "EUR", "total_minor": 1, "lines": [  # type: ignore[dict-item]
        {"line": "1", "quantity": 1, "unit_minor": 1, "fulfil": "ship"},
        {"line": "1", "quantity": 0, "unit_minor": 1, "fulfil": "ship"},
    ]}  # fmt: skip
    case = rejected({**WRONG, "time": "2026-11-04T10:00:00Z", "data": data})
    url = f"/exceptions/{case.pk}/correct/"
    sent = fields(body(enricher, url))
    sent |= {"/data/lines/1?remove": "1", "/data/references/1?key": "cart"}
    sent |= {"/data/references/1?value": "c-9", "do": "send"}

    assert enricher.post(url, sent).status_code == 303
    event = Event.objects.get(event_id="evt-1")
    assert len(event.data["lines"]) == 1
    assert event.data["references"] == {"deal": "D-1", "cart": "c-9"}


@pytest.mark.parametrize("raw", [b"{not json", b"[1, 2]", b"\xff\xfe\x00", b'"text"'])
def test_what_is_no_object_is_a_text_to_write_or_a_type_to_choose(
    raw: bytes, enricher: Client, desk: object
) -> None:
    case = rejected(raw)
    url = f"/exceptions/{case.pk}/correct/"
    assert "<textarea" in body(enricher, url)
    assert 'name="/data/order"' in body(enricher, f"{url}?type=order.confirmed")

    written = {**WRONG, "type": "order.confirmed", "time": "2026-11-04T10:00:00Z"}
    answer = enricher.post(url, {"text": json.dumps(written), "do": "send"})

    assert answer.status_code == 303
    assert Event.objects.filter(event_id="evt-1", type="order.confirmed").exists()


@pytest.mark.parametrize("type_", sorted(set(canonical.types()) - canonical.INTERNAL))
def test_every_types_example_goes_through_its_form_unchanged(
    type_: str, enricher: Client, desk: object
) -> None:
    example = canonical.schemas()[canonical.types()[type_]]["examples"][0]
    told = {**WRONG, "id": "", "type": type_, "time": "2026-11-04T10:00:00Z", "data": example}
    url = f"/exceptions/{rejected(told).pk}/correct/"

    answer = enricher.post(url, {**fields(body(enricher, url)), "/id": "evt-2", "do": "send"})

    assert answer.status_code == 303, errors(answer.content.decode())
    assert Event.objects.get(event_id="evt-2").data == example


def test_a_type_that_nobody_knows_is_chosen_first(enricher: Client, desk: object) -> None:
    url = f"/exceptions/{rejected({**WRONG, 'type': 'order.creatd'}).pk}/correct/"

    assert "No form is known for the type order.creatd" in body(enricher, url)
    assert 'value="O-9"' in body(enricher, f"{url}?type=order.created")


def test_the_panel_of_an_event_without_an_order_offers_the_likeliest(
    enricher: Client, desk: object
) -> None:
    days_ago = now() - timedelta(days=3)
    place("1001", days_ago, total_minor=4900)
    say("card-payments", "payment.captured", "SHOP-1001", days_ago, payment="P-1",
        amount_minor=4900, currency="EUR")  # fmt: skip
    for _ in range(3):
        apply.take(limit=50, at=now())
    intake.take(limit=50, at=now())
    case = Case.objects.get(check_name="event_parked_too_long")

    page = body(enricher, f"/exceptions/{case.pk}/")

    assert "Link to order 1001" in page
    assert "one ends with the other" in NO_SPACE.sub(" ", page) or "Other orders" not in page
    assert "Wait longer" in page
    shown = body(enricher, f"/exceptions/{case.pk}/repairs/link_order/?to=nowhere")
    assert "No order goes by “nowhere”" in shown
    sha = re.search(r'name="plan_sha256" value="([0-9a-f]{64})"', page)
    assert sha is not None
    sent = {"plan_sha256": sha[1], "idempotency_key": "k-1", "to": "1001"}
    assert enricher.post(f"/exceptions/{case.pk}/repairs/link_order/", sent).status_code == 303


def test_the_page_of_a_merged_order_says_so_and_leads_on(operator: Client, desk: object) -> None:
    Order.objects.filter(canonical_id="O-2").update(
        merged_into=Order.objects.get(canonical_id="O-1")
    )

    page = body(operator, "/orders/O-2/")

    assert "Merged into" in page
    assert 'href="/orders/O-1/"' in page
    assert 'href="/orders/O-2/"' in body(operator, "/orders/O-1/?tab=sources")


def test_what_was_kept_leads_to_its_exception(enricher: Client, desk: object) -> None:
    case = rejected(WRONG)
    message = case.discrepancy.rejection_id

    page = body(enricher, f"/events/rejected/{message}/")

    assert f'href="/exceptions/?q=message-{message}"' in page
    assert f"/exceptions/{case.pk}/" in body(enricher, f"/exceptions/?q=message-{message}")


def test_the_enrichment_team_has_its_view(enricher: Client, desk: object) -> None:
    case = rejected(WRONG)

    assert f"/exceptions/{case.pk}/" in body(enricher, "/exceptions/?view=enrichment")
