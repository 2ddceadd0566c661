"""Pulls what a source holds for a stretch of time, as the events that it would have told us.

GET <export_url>?since=…&until=…, signed by Standard Webhooks over the query; 200 {"events": […],
"next": "…"} gives CloudEvents whose `time` lies in [since, until), and where there are more, what
to send as `after` for the next page.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from reconciliation.models import DiffSchedule
from reconciliation.sources import keys, outbound, standard_webhooks

_MOST_PAGES = 10_000
_MOST_SECONDS = 80.0  # a worker's task is ended after 100


class CannotFetch(Exception):
    """The source did not give its records; the message says why."""


def fetch(*, schedule: DiffSchedule, since: datetime, until: datetime) -> Iterator[bytes]:
    """Give the source's events page by page, each a JSON array as it would be posted.

    Raises CannotFetch, also between pages: then nothing that came before is the whole.
    """
    after, name = "", schedule.source.name
    ends_at = time.monotonic() + _MOST_SECONDS
    for _ in range(_MOST_PAGES):
        if time.monotonic() > ends_at:
            raise CannotFetch(f"{name} took longer than {_MOST_SECONDS:.0f} s for one window.")
        asked = {"since": since.isoformat(), "until": until.isoformat()}
        said = _page(schedule, {**asked, "after": after} if after else asked)
        yield orjson.dumps(said["events"])
        after = str(said.get("next") or "")
        if not after:
            return
    raise CannotFetch(f"{name} gave more than {_MOST_PAGES} pages.")


def _page(schedule: DiffSchedule, asked: dict[str, str]) -> dict[str, object]:
    query, name = urlencode(asked), schedule.source.name
    joint = "&" if "?" in schedule.export_url else "?"
    try:
        answer = outbound.call(
            method="GET",
            url=f"{schedule.export_url}{joint}{query}",
            headers={"Accept": "application/json", **_signature(schedule.source_id, query)},
        )
    except (outbound.Unreachable, outbound.NoAnswer) as failure:
        raise CannotFetch(str(failure)) from failure
    if answer.status_code != 200:  # noqa: PLR2004
        raise CannotFetch(f"{name} answered {answer.status_code}.")
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise CannotFetch(f"{name} answered something that is not JSON: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("events"), list):
        raise CannotFetch(f'{name} answered without a list "events".')
    return said


def _signature(source_id: int, query: str) -> dict[str, str]:
    active = keys.active(source_id=source_id)
    if not active:
        return {}
    return standard_webhooks.sign(
        key=active[0],
        message_id=uuid4().hex,
        timestamp=int(time.time()),  # the receiver compares with its own clock
        body=query.encode(),
    )
