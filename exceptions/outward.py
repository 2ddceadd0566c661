"""Sends over outside channels by `apprise`, and lets no address that people enter look inside.

What a person enters may name one of a few services, and reaches public addresses only: the check
stands where the connection is made, after names are resolved and redirects followed, so that no
spelling, redirect or changed answer gets around it. What the environment names (`NOTIFY_URLS`) is
the installation's own, and may be inside.
"""

import ipaddress
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import apprise
from django.conf import settings

from reconciliation.encryption import decrypt, encrypt
from reconciliation.sources.outbound import is_global

# scheme → what it is called; nothing that runs, reads or talks on the machine itself
SERVICES: Mapping[str, str] = {
    "mailtos": "E-mail (SMTP with TLS)",
    "slack": "Slack",
    "msteams": "Microsoft Teams",
    "workflows": "Microsoft Teams workflow",
    "discord": "Discord",
    "gchat": "Google Chat",
    "wxteams": "Webex",
    "mmosts": "Mattermost",
    "tgram": "Telegram",
    "pagerduty": "PagerDuty",
    "opsgenie": "Opsgenie",
    "twilio": "Twilio",
    "ntfys": "ntfy",
    "pover": "Pushover",
    "jsons": "Webhook (JSON)",
}
_LOCAL_TOO = {"json": "Webhook (JSON, without TLS)", "mailto": "E-mail (SMTP)"}
_SOCKETS = {"socket.connect", "socket.sendto"}
_CODE = re.compile(r"error=(\d{3})\b")
_guarded = threading.local()
_log = logging.getLogger("apprise")
# It speaks of addresses, which hold secrets: nothing of what it says goes on.
_log.propagate = False
_log.setLevel(logging.WARNING)
_log.addHandler(logging.NullHandler())
logging.getLogger("urllib3").setLevel(logging.WARNING)


class NotPublic(OSError):
    """The connection would lead to an address that is not out on the internet."""


class BadAddress(Exception):
    """The address cannot be a channel; the message may be shown."""


def check(address: str) -> str:
    """Give the scheme of an address that may be a channel. Raises BadAddress."""
    scheme = address.split("://", maxsplit=1)[0].lower()
    known = services()
    if "://" not in address or scheme not in known:
        raise BadAddress(f"The address begins with one of {', '.join(f'{s}://' for s in known)}.")
    if apprise.Apprise.instantiate(address) is None:
        raise BadAddress(f"This is no complete {known[scheme]} address.")
    return scheme


def services() -> Mapping[str, str]:
    """Name what may be a channel: outside of production, local stand-ins too."""
    return {**SERVICES, **_LOCAL_TOO} if settings.RECON_ALLOW_LOCAL_TARGETS else SERVICES


def keep_secret(address: str, *, owner: str) -> bytes:
    """Encrypt an address for its owner: "person 7", "team 2"."""
    return encrypt(address.encode(), purpose=f"channel of {owner}")


def reveal(ciphertext: bytes | memoryview, *, owner: str) -> str:
    """Give an address back, to be sent to and nothing else."""
    return decrypt(ciphertext, purpose=f"channel of {owner}").decode()


def send(addresses: Sequence[str], *, subject: str, text: str, is_guarded: bool) -> str:
    """Send one message to each address; gives what went wrong, "" if nothing did."""
    channels = [apprise.Apprise.instantiate(address) for address in addresses]
    if None in channels:
        return "It is not a channel that can be used."
    with _guarding(is_guarded and not settings.RECON_ALLOW_LOCAL_TARGETS), _codes() as codes:
        # Each by itself: together they would be sent by threads, which the guard does not see.
        is_sent = all(_take(each, subject=subject, text=text) for each in channels)
        was_refused = getattr(_guarded, "refused", False)
    if is_sent:
        return ""
    if was_refused:
        return "It leads to an address that is not public, so nothing was sent."
    return f"It answered {codes[-1]}." if codes else "It did not take it, or could not be reached."


def _take(channel: apprise.NotifyBase | None, *, subject: str, text: str) -> bool:
    assert channel is not None
    channel.redirects = False
    return bool(channel.notify(title=subject, body=text))


@contextmanager
def _guarding(is_on: bool) -> Iterator[None]:  # noqa: FBT001 - the only thing there is to say
    _guarded.on, _guarded.refused = is_on, False
    try:
        yield
    finally:
        _guarded.on = False


@contextmanager
def _codes() -> Iterator[list[str]]:
    """Collect the answers' status codes, which is all that is kept of what `apprise` says."""
    found: list[str] = []

    class Codes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.extend(_CODE.findall(record.getMessage()))

    handler = Codes(logging.WARNING)
    _log.addHandler(handler)
    try:
        yield found
    finally:
        _log.removeHandler(handler)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Stop a guarded connection to anything but a public address."""
    if event not in _SOCKETS or not getattr(_guarded, "on", False):
        return
    address = arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    if not _is_public(host):
        _guarded.refused = True
        raise NotPublic("Only public addresses are called.")


def _is_public(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:  # a path, or a name that nobody has resolved
        return False
    return is_global(str(host))


sys.addaudithook(_watch)
