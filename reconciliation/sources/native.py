"""What adapters of outside systems speak in: a post as it came, and what one message comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True)
class Post:
    """One request as it came; `headers` are looked up in lower case.

    `address` is what was called, without its scheme, which a proxy may have changed.
    """

    headers: Mapping[str, str]
    body: bytes
    address: str = ""


class Fact(NamedTuple):
    """One canonical event, all of it a function of the signed bytes.

    Its id names the fact where a system sends states of things, else the system's own event.
    """

    id: str
    sender: str  # CloudEvents `source`
    type: str
    time: str  # RFC 3339
    data: Mapping[str, Any]

    def envelope(self) -> dict[str, Any]:
        """Write it as a CloudEvent; what is empty is left out of `data`."""
        data = {name: value for name, value in self.data.items() if value not in ("", None, {})}
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.sender,
            "type": self.type,
            "time": self.time,
            "data": data,
        }


class Unused(NamedTuple):
    """A message that is kept, and states no fact: `fetch` is what would have to be asked for."""

    kind: str  # as the system calls it
    why: str
    fetch: str = ""


Reading = list[Fact | Unused]


def order_name(text: str) -> str:
    """Give an order's name as all systems are taken to mean it: shops write 1001 as #1001."""
    return text.strip().removeprefix("#")
