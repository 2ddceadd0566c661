"""How people are told: their channels, fallbacks, quiet hours and mornings; and what stays shut."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from exceptions import channels, digest, inbox, messages, notify, outward, preferences
from exceptions.models import Channel, Message, MessageAttempt, NotificationPreference
from exceptions.permissions import NotAllowed
from exceptions.sla import StepTime
from reconciliation.models import Team
from tests.chaos.product import free_port
from tests.exceptions.people import WEDNESDAY, case, lead, operator, person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("installed"),
    # apprise imports what Python drops in 3.13, and catches its absence.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]
HOUR = timedelta(hours=1)


class _Hook(BaseHTTPRequestHandler):
    received: list[dict[str, str]]
    status = 200
    url = ""

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        pass


@pytest.fixture
def hook() -> Iterator[type[_Hook]]:
    """Listen on HTTP; `url` is its address."""
    handler: type[_Hook] = type("Hook", (_Hook,), {"received": [], "status": 200, "url": ""})
    server = HTTPServer(("127.0.0.1", 0), handler)
    handler.url = f"json://127.0.0.1:{server.server_address[1]}/secret-path"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


class _Mailbox:
    def __init__(self) -> None:
        self.letters: list[tuple[list[str], str]] = []

    async def handle_DATA(self, _server: SMTP, _session: object, letter: Envelope) -> str:  # noqa: N802
        assert isinstance(letter.content, bytes)
        self.letters.append((letter.rcpt_tos, letter.content.decode()))
        return "250 OK"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[_Mailbox]:
    """Listen on SMTP, as the installation's own mail server."""
    box = _Mailbox()
    port = free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    settings.NOTIFY_URLS = [
        f"mailto://127.0.0.1:{port}/?from=desk@example.com&to={{email}}&mode=insecure"
    ]
    yield box
    server.stop()


def own(user: User, address: str, name: str = "Phone") -> Channel:
    return channels.add(name=name, address=address, by=user, at=WEDNESDAY)


def choose(user: User, **wanted: object) -> NotificationPreference:
    usual: dict[str, Any] = {
        "by_severity": {},
        "time_zone": "UTC",
        "quiet": None,
        "digest_at": None,
    }
    return channels.choose(by=user, at=WEDNESDAY, **{**usual, **wanted})


def tell(user: User, severity: str = "P2", at: datetime = WEDNESDAY) -> Message:
    """Tell a person something; gives the message that goes outside."""
    messages.address([user], subject="Hello", text="There.", severity=severity, at=at)
    return Message.objects.exclude(channel="inbox").latest("pk")


def send(at: datetime = WEDNESDAY) -> int:
    return notify.take(limit=100, at=at)


def test_mail_goes_to_the_recipients_own_address(mailbox: _Mailbox) -> None:
    tell(person("lena", "Team lead", email="lena@example.com"))

    send()

    ((to, letter),) = mailbox.letters
    assert to == ["lena@example.com"]
    assert "Subject: Hello" in letter
    assert MessageAttempt.objects.get().error == ""


def test_a_channel_that_fails_is_followed_by_the_next(hook: type[_Hook], mailbox: _Mailbox) -> None:
    lena = person("lena", "Team lead", email="lena@example.com")
    phone = own(lena, hook.url)
    choose(lena, by_severity={"P1": str(phone.pk)})
    hook.status = 500
    message = tell(lena, "P1")

    for minutes in range(5):
        send(WEDNESDAY + timedelta(minutes=minutes))

    tries = message.tries.order_by("pk").values_list("way_name", "error")
    assert list(tries) == [
        ("Phone", "It answered 500."), ("Phone", "It answered 500."), ("E-mail", ""),
    ]  # fmt: skip
    assert Message.objects.get(pk=message.pk).state == "SENT"
    assert len(mailbox.letters) == 1
    assert Channel.objects.get().failed_at is not None


def test_what_no_channel_took_has_failed_and_stands_in_the_inbox(hook: type[_Hook]) -> None:
    lena = lead()
    choose(lena, by_severity={"P2": str(own(lena, hook.url).pk)})
    hook.status = 500
    message = tell(lena)

    tried = sum(send(WEDNESDAY + hours * HOUR) for hours in range(9))

    assert (tried, Message.objects.get(pk=message.pk).state) == (5, "FAILED")
    (line,) = inbox.page_of(lena).lines
    assert line.outside == "Phone: failed. It answered 500."


@pytest.mark.parametrize(
    ("severity", "told_at", "sent_at"),
    [
        ("P2", "2026-11-04T20:59", "2026-11-04T20:59"),  # 21:59 in Berlin
        ("P2", "2026-11-04T21:00", "2026-11-05T06:00"),  # 22:00, until 07:00
        ("P2", "2026-11-05T05:59", "2026-11-05T06:00"),
        ("P2", "2026-11-05T06:00", "2026-11-05T06:00"),
        ("P1", "2026-11-04T23:00", "2026-11-04T23:00"),  # never silenced
    ],
)
def test_quiet_hours_hold_back_everything_but_a_p1(
    hook: type[_Hook], severity: str, told_at: str, sent_at: str
) -> None:
    lena = lead()
    own(lena, hook.url)
    choose(lena, time_zone="Europe/Berlin", quiet=(time(22), time(7)))

    message = tell(lena, severity, datetime.fromisoformat(f"{told_at}:00+00:00"))

    assert message.next_attempt_at == datetime.fromisoformat(f"{sent_at}:00+00:00")
    assert Message.objects.filter(channel="inbox", state="SENT").exists()


def test_a_p1_can_be_asked_for_neither_in_the_inbox_only_nor_in_the_morning() -> None:
    for wanted in ("inbox", "digest"):
        with pytest.raises(channels.CannotKeep, match="how you hear of P1"):
            choose(lead(f"lena-{wanted}"), by_severity={"P1": wanted}, digest_at=time(8))


def test_the_digest_comes_once_on_each_business_day(hook: type[_Hook]) -> None:
    olga = operator()
    own(olga, hook.url)
    case(owner=olga, resolve_due_at=WEDNESDAY - HOUR)
    choose(olga, by_severity={"P2": "digest"}, time_zone="Europe/Berlin", digest_at=time(8, 30))

    mornings = []
    for hours in range(24 * 7):
        at = WEDNESDAY + hours * HOUR
        mornings += [at.strftime("%a %H:%M")] * digest.take(limit=10, at=at)

    assert mornings == ["Thu 08:00", "Fri 08:00", "Mon 08:00", "Tue 08:00", "Wed 08:00"]
    told = Message.objects.filter(channel="inbox").earliest("pk")
    assert told.subject == "Your morning: 1 open, 1 over SLA, 0 due within 24 h"
    assert Message.objects.filter(channel="own").count() == 5


def test_what_is_wanted_in_the_morning_does_not_go_out_at_once(hook: type[_Hook]) -> None:
    olga = operator()
    own(olga, hook.url)
    choose(olga, by_severity={"P3": "digest", "P2": "inbox"}, digest_at=time(8))

    for severity in ("P2", "P3"):
        messages.address([olga], subject="x", text="y", severity=severity, at=WEDNESDAY)

    assert set(Message.objects.values_list("channel", flat=True)) == {"inbox"}


def test_a_team_is_told_over_its_own_channels(hook: type[_Hook]) -> None:
    lena = lead()
    team = Team.objects.get(slug="customer-ops")
    channels.add(name="#ops", address=hook.url, by=lena, at=WEDNESDAY, team=team)
    step = StepTime(number=1, due_at=WEDNESDAY, to="lead", how=("person", "team"))

    messages.fire(case=case(), step=step, why="over SLA", actor="service:escalate", at=WEDNESDAY)
    send()

    assert [letter["title"] for letter in hook.received] == ["P2 Active, not paid, over SLA"]


def test_only_a_lead_keeps_the_channels_of_a_team(hook: type[_Hook]) -> None:
    team = Team.objects.get(slug="customer-ops")

    with pytest.raises(NotAllowed, match="lead of Customer ops"):
        channels.add(name="x", address=hook.url, by=operator(), at=WEDNESDAY, team=team)


def test_an_address_is_kept_encrypted_and_on_no_trail(hook: type[_Hook]) -> None:
    channel = own(lead(), hook.url)

    assert b"secret-path" not in bytes(channel.ciphertext)
    assert notify.address_of(channel) == hook.url
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(body, 'UTF8') FROM audit_auditevent")
        assert "secret-path" not in str(cursor.fetchall())


def test_a_failed_channel_says_nothing_of_its_address(
    hook: type[_Hook], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = 500
    with caplog.at_level("DEBUG"):
        error = outward.send([hook.url], subject="x", text="y", is_guarded=True)

    assert error == "It answered 500."
    written = capsys.readouterr()
    assert "secret-path" not in caplog.text + written.out + written.err


def test_a_removed_channel_is_forgotten_and_what_waits_goes_by_the_next(
    hook: type[_Hook], mailbox: _Mailbox
) -> None:
    lena = person("lena", "Team lead", email="lena@example.com")
    phone = own(lena, hook.url)
    choose(lena, by_severity={"P1": str(phone.pk)})
    tell(lena, "P1")

    channels.remove(channel_id=phone.pk, by=lena, at=WEDNESDAY)
    for minutes in range(3):
        send(WEDNESDAY + timedelta(minutes=minutes))

    assert bytes(Channel.objects.get().ciphertext) == b""
    assert (len(hook.received), len(mailbox.letters)) == (0, 1)


@pytest.mark.parametrize(
    "address",
    [
        "", "slack", "file:///etc/passwd", "syslog://", "dbus://", "exec://ls", "apprise://x/y",
        "rsyslog://127.0.0.1", "slack://", "http://127.0.0.1/",
    ],
)  # fmt: skip
def test_only_a_service_that_is_known_can_be_a_channel(address: str) -> None:
    with pytest.raises(channels.CannotKeep):
        own(lead(), address)


INSIDE = [
    "127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0.0.0.0",  # noqa: S104 - nobody listens here
    "169.254.169.254", "10.0.0.1", "192.168.1.1", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]",
    "[64:ff9b::7f00:1]", "224.0.0.1",
]  # fmt: skip


@pytest.mark.enable_socket  # our own guard is what must hold
@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["json", "mailto"])
def test_in_production_a_channel_reaches_no_address_inside(
    hook: type[_Hook], settings: Settings, host: str, scheme: str
) -> None:
    port = hook.url.split(":")[2].split("/")[0]
    more = "?from=a@b.example&to=c@d.example&mode=insecure" if scheme == "mailto" else ""
    settings.RECON_ALLOW_LOCAL_TARGETS = False

    error = outward.send(
        [f"{scheme}://{host}:{port}/{more}"], subject="x", text="y", is_guarded=True
    )

    assert error
    assert hook.received == []


def test_a_name_that_leads_inside_is_said_to(hook: type[_Hook], settings: Settings) -> None:
    settings.RECON_ALLOW_LOCAL_TARGETS = False

    error = outward.send([hook.url], subject="x", text="y", is_guarded=True)

    assert error == "It leads to an address that is not public, so nothing was sent."
    assert outward.send([hook.url], subject="x", text="y", is_guarded=False) == ""


def test_no_redirect_is_followed(hook: type[_Hook]) -> None:
    hook.status = 302

    assert outward.send([hook.url], subject="x", text="y", is_guarded=True) == "It answered 302."
    assert len(hook.received) == 1


def test_read_is_marked_for_oneself_only() -> None:
    olga, lena = operator(), lead()
    messages.address([olga, lena], subject="x", text="y", severity="P2", at=WEDNESDAY)
    everything = list(Message.objects.values_list("pk", flat=True))

    assert inbox.mark_read(user=olga, ids=everything, at=WEDNESDAY) == 1

    assert (inbox.unread(olga), inbox.unread(lena)) == (0, 1)


def test_the_next_digest_passes_over_holidays_and_weekends() -> None:
    olga = operator()
    team = Team.objects.get(slug="customer-ops")
    team.calendar.holidays_country = "DE"
    team.calendar.save()
    wish = NotificationPreference(user=olga, time_zone="Europe/Berlin", digest_at=time(8))

    found = preferences.next_digest(wish, at=datetime.fromisoformat("2026-12-24T12:00:00+00:00"))

    assert found == datetime.fromisoformat("2026-12-28T07:00:00+00:00")
