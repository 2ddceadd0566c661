"""Calls outside systems over HTTP: a checked address, a bounded time, a bounded answer."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import httpx2
from django.conf import settings

_CONNECT_SECONDS, _READ_SECONDS, _TOTAL_SECONDS = 3.0, 10.0, 15.0
_MOST_BYTES = 1024 * 1024


class Unreachable(Exception):
    """Nothing was sent: no address, no connection, or an address that may not be called."""


class NoAnswer(Exception):
    """It may have been received; what became of it is not known."""


@dataclass(frozen=True)
class Answer:
    """What the other side said."""

    status_code: int
    body: bytes


def call(*, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """Make one request and read its answer. Follows no redirect and no proxy.

    Raises Unreachable where it is certain that nothing was received, NoAnswer where it is not.
    """
    target = httpx2.URL(url)
    address = _checked_address(target)
    request = httpx2.Request(
        method,
        target.copy_with(host=address),
        headers={**headers, "Host": target.netloc.decode("ascii")},
        content=body,
        # The certificate must be the name's, though the connection goes to the checked address.
        extensions={"sni_hostname": target.host, "timeout": _timeouts()},
    )
    with httpx2.Client(verify=_trusted(), trust_env=False, follow_redirects=False) as client:
        try:
            response = client.send(request, stream=True)
            return Answer(status_code=response.status_code, body=_body(response))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as failure:
            raise Unreachable(f"{target.host} cannot be reached: {failure}") from failure
        except httpx2.HTTPError as failure:
            raise NoAnswer(f"No answer from {target.host}: {_words(failure)}") from failure


@cache
def _trusted() -> ssl.SSLContext:
    """Read the certificates that are trusted, once a process: that takes longer than most calls."""
    return httpx2.create_ssl_context(trust_env=False)


def _timeouts() -> dict[str, float | None]:
    return httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS).as_dict()


def _body(response: httpx2.Response) -> bytes:
    """Read the answer up to its cap; one that drips is as good as none."""
    ends_at = time.monotonic() + _TOTAL_SECONDS
    read = bytearray()
    try:
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) > _MOST_BYTES:
                raise NoAnswer("The answer is larger than 1 MiB.")
            if time.monotonic() > ends_at:
                raise NoAnswer(f"The answer took longer than {_TOTAL_SECONDS:.0f} s.")
    finally:
        response.close()
    return bytes(read)


def _checked_address(target: httpx2.URL) -> str:
    """Resolve the name once and give an address that may be called; every one of them must be."""
    port = target.port or (443 if target.scheme == "https" else 80)
    if target.scheme != "https" and not settings.RECON_ALLOW_LOCAL_TARGETS:
        raise Unreachable("Write-backs go over https only.")
    try:
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
    except OSError as failure:
        raise Unreachable(f"{target.host} has no address: {failure}") from failure
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.RECON_ALLOW_LOCAL_TARGETS:
        for address in addresses:
            if not is_global(address):
                raise Unreachable(f"{target.host} is {address}, which is not a public address.")
    return addresses[0]


def is_global(address: str) -> bool:
    """Tell whether an address is out on the internet, also when it hides inside an IPv6 one."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.is_global and not parsed.is_multicast


def _words(failure: httpx2.HTTPError) -> str:
    if isinstance(failure, httpx2.TimeoutException):
        return "it took too long"
    return str(failure) or type(failure).__name__
