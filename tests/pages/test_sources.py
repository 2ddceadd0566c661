"""The pages of sources: what each shows, what people change, and what nobody is shown again."""

import re
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from django.db import connection
from django.test import Client

from reconciliation import clock, source_settings
from reconciliation.models import Event, EventConflict, RejectedEvent, Source, SourceSecret
from reconciliation.sources import keys, standard_webhooks
from tests import world
from tests.pages.test_desk import body
from tests.reconciliation.front_door import Sender, confirmed

SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def owner(people: dict[str, Client]) -> Client:
    return people["Platform owner"]


@pytest.fixture
def sender(desk: datetime) -> Sender:
    return Sender(at=desk, slug="till", kind="shop")


def settings(slug: str, **changed: str) -> dict[str, str]:
    """Fill in the form as it is shown, but for what is `changed`."""
    source = Source.objects.get(slug=slug)
    shown = vars(source_settings.settings_of(source))
    return {"version": str(source_settings.version_of(source)), **shown, **changed}


def trail(slug: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action || ' ' || convert_from(body, 'UTF8') FROM audit_auditevent"
            " WHERE stream = 'source' AND subject_id = %s ORDER BY sequence",
            [Source.objects.get(slug=slug).pk],
        )
        return [row for (row,) in cursor.fetchall()]


def accepts(sender: Sender, secret: str, name: str) -> int:
    sender.key = standard_webhooks.read_secret(secret)
    return sender.post(confirmed(name)).status_code


def test_a_source_shows_what_came_and_links_each_number_to_its_list(
    owner: Client, desk: datetime
) -> None:
    shop = world.source("shop")
    one = world.say("shop", "order.confirmed", "O-1", desk - timedelta(minutes=5))
    twice = world.say("shop", "order.confirmed", "O-1", desk - timedelta(minutes=4))
    Event.objects.filter(pk=twice.pk).update(status="DUPLICATE", duplicate_of=one)
    EventConflict.objects.create(event=one, raw=b"{}", sha256=b"1", received_at=desk)
    RejectedEvent.objects.create(
        source=shop, raw=b"?", sha256=sha256(b"?").digest(), errors=[], received_at=desk
    )

    page = body(owner, "/sources/shop/")
    tile = r'<a class="tile" href="([^"]+)"><span class="tile__name">([^<]+)</span>[^>]+>1</span>'
    facts = {name: href for href, name in re.findall(tile, page)}

    assert {"Rejected, 24 h", "Other bodies, 24 h", "Duplicates, 24 h"} <= set(facts)
    for href in facts.values():
        assert "1 of 1, newest first" in body(owner, href.replace("&amp;", "&"))


def test_every_hour_of_the_chart_leads_to_what_came_in_it(owner: Client, desk: datetime) -> None:
    world.say("crm", "order.confirmed", "O-1", desk - timedelta(hours=3))

    page = body(owner, "/sources/crm/")
    bars = re.findall(r"<a href=\"([^\"]+)\" aria-label=\"([^\"]+)\"><title>", page)

    assert len(bars) == 48
    ((href, label),) = [(href, label) for href, label in bars if not label.endswith("nothing")]
    assert label.endswith(": 1")
    assert "1 of 1, newest first" in body(owner, href.replace("&amp;", "&"))


def test_settings_are_saved_with_a_row_on_the_trail_and_in_the_history(
    owner: Client, desk: datetime
) -> None:
    sent = settings("shop", name="Web shop", expected_minutes="20", truth_for="order., fulfilment.")

    assert owner.post("/sources/shop/change/", sent).status_code == 303

    shop = Source.objects.get(slug="shop")
    assert (shop.name, shop.expected_gap_seconds) == ("Web shop", 1200)
    assert shop.truth_for == ["order.", "fulfilment."]
    (row,) = [row for row in trail("shop") if row.startswith("source.changed")]
    assert '"expected_gap_seconds": [null, 1200]' in row
    assert "platform.owner" in row
    assert shop.history.latest("history_id").name == "Web shop"
    assert "Source&#x27;s settings changed" in body(owner, "/sources/shop/")


def test_what_nobody_touched_stays_to_the_second(owner: Client, desk: datetime) -> None:
    Source.objects.filter(slug="shop").update(expected_gap_seconds=90, parks_for_seconds=100)

    owner.post("/sources/shop/change/", settings("shop", name="Web shop"))

    shop = Source.objects.get(slug="shop")
    assert (shop.expected_gap_seconds, shop.parks_for_seconds) == (90, 100)


def test_everything_wrong_is_said_at_once_and_nothing_is_saved(
    owner: Client, desk: datetime
) -> None:
    sent = settings(
        "shop", name="Billing", kind="x", team="x", truth_for="x. order.", expected_minutes="-1",
        dedupe_hours="", parks_hours="1e9", writeback_url="ftp://x",
    )  # fmt: skip

    answer = owner.post("/sources/shop/change/", sent)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert page.count('class="form__error"') == 8
    assert 'value="ftp://x"' in page
    assert Source.objects.get(slug="shop").name == "Shop"
    assert not [row for row in trail("shop") if row.startswith("source.changed")]


def test_a_form_opened_before_another_change_is_refused(owner: Client, desk: datetime) -> None:
    opened = settings("shop", name="Mine")
    owner.post("/sources/shop/change/", settings("shop", name="Theirs"))

    answer = owner.post("/sources/shop/change/", opened)

    assert answer.status_code == 409
    assert "Platform owner changed name at" in answer.content.decode()
    assert Source.objects.get(slug="shop").name == "Theirs"


def test_a_paused_source_is_answered_503_until_it_is_resumed(owner: Client, sender: Sender) -> None:
    owner.post("/sources/till/pause/")
    assert sender.post(confirmed("e-1")).status_code == 503
    assert owner.post("/sources/till/pause/").status_code == 422

    owner.post("/sources/till/resume/")
    assert sender.post(confirmed("e-1")).status_code == 202
    assert [row.split()[0] for row in trail("till")][-2:] == ["source.paused", "source.resumed"]


def test_a_new_secret_is_shown_once_and_both_sign_until_the_old_one_retires(
    owner: Client, sender: Sender
) -> None:
    old = sender.secret

    page = owner.post("/sources/till/rotate/", {"overlap": "1h"}).content.decode()

    (new,) = SECRET.findall(page)
    assert not SECRET.findall(body(owner, "/sources/till/"))
    assert (accepts(sender, new, "e-1"), accepts(sender, old, "e-2")) == (202, 202)
    assert owner.post("/sources/till/rotate/", {"overlap": "1h"}).status_code == 422

    SourceSecret.objects.filter(retired_at__isnull=False).update(retired_at=clock.now())
    assert (accepts(sender, new, "e-3"), accepts(sender, old, "e-4")) == (202, 401)


def test_a_secret_is_retired_at_once_but_never_the_last(owner: Client, sender: Sender) -> None:
    first = keys.active_secrets(source_id=sender.source.pk)[0].pk
    url = f"/sources/till/secrets/{first}/retire/"
    assert owner.post(url).status_code == 422

    owner.post("/sources/till/rotate/", {"overlap": "7d"})

    assert owner.post(url).status_code == 303
    assert accepts(sender, sender.secret, "e-1") == 401


def test_no_secret_is_on_the_trail_in_a_log_or_readable_in_the_database(
    owner: Client, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    (new,) = SECRET.findall(owner.post("/sources/till/rotate/", {"overlap": "1h"}).content.decode())
    key = standard_webhooks.read_secret(new)

    assert new not in "".join(trail("till")) + caplog.text
    assert all(key not in bytes(each.ciphertext) for each in SourceSecret.objects.all())


def test_a_source_is_connected_by_a_form_and_its_secret_signs(
    owner: Client, desk: datetime
) -> None:
    given = {
        "slug": "kiosk", "name": "Kiosk", "team": "fulfilment-ops", "kind": "shop",
        "format": "standard-webhooks",
    }  # fmt: skip

    page = owner.post("/connect-source/", given).content.decode()

    (secret,) = SECRET.findall(page)
    source = Source.objects.get(slug="kiosk")
    assert keys.active(source_id=source.pk) == (standard_webhooks.read_secret(secret),)
    assert source.listening_since is not None
    assert owner.post("/connect-source/", given).status_code == 422


def test_a_system_with_a_format_of_its_own_gives_its_secret(owner: Client, desk: datetime) -> None:
    given = {
        "slug": "cards", "name": "Cards", "team": "revenue-ops", "format": "stripe",
        "secret": "its-own-signing-secret",
    }  # fmt: skip

    page = owner.post("/connect-source/", given).content.decode()
    again = owner.post("/sources/cards/rotate/", {"overlap": "1d", "secret": "short"})
    kept = owner.post("/sources/cards/rotate/", {"overlap": "1d", "secret": "its-next-secret"})

    assert "its-own-signing-secret" not in page
    assert (again.status_code, kept.status_code) == (422, 303)
    source = Source.objects.get(slug="cards")
    assert keys.active(source_id=source.pk) == (b"its-next-secret", b"its-own-signing-secret")


def test_who_may_not_manage_reads_without_a_form_that_works(
    operator: Client, desk: datetime
) -> None:
    page = body(operator, "/sources/shop/")

    assert "Needs Platform owner or Admin." in page
    assert "Save settings" not in page
    assert "Make a new secret" not in page
    assert 'id="pause"' not in page


def test_the_list_shows_every_outside_source(operator: Client, desk: datetime) -> None:
    page = body(operator, "/sources/")

    slugs = set(re.findall(r'id="source-([a-z-]+)"', page))
    assert slugs == set(world.SOURCES) - {"reconcile"}
