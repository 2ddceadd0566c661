"""What the company's systems themselves hold, given out for a stretch of time, page by page.

A system's books have each thing once and as it is, however garbled, doubled or late the message
about it was.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from config.demo import market_turns
from config.demo.company import Company
from config.demo.facts import CHARGE, INVOICE
from config.demo.market import Market
from config.demo.telling import LONGEST_STORY, Tale, tell

# system → what its books are of, and the field that names each
BOOKS: Mapping[str, tuple[str, str]] = {
    "card-payments": (CHARGE, "payment"),
    "billing": (INVOICE, "invoice"),
}
_PAGE = 500
_DAY = timedelta(days=1)
_DAYS_KEPT = 40
_CODE = 3  # letters of a currency

Record = dict[str, Any]
Told = tuple[datetime, Record]  # when the message was sent


class Records:
    """The books of one company, made up again from its story whenever somebody asks."""

    def __init__(
        self,
        *,
        company: Company,
        fault_factor: int,
        clock: Callable[[], datetime],
        done: Callable[[str], Iterable[Record]],
    ) -> None:
        self._company, self._fault_factor = company, fault_factor
        self._clock = clock
        self._done = done  # what a system did because it was told to
        self._told_of_day = lru_cache(_DAYS_KEPT)(self._tell_day)

    def page(self, slug: str, since: datetime, until: datetime, after: int) -> Record:
        """Give one page of what a system holds of [since, until), and where the next begins."""
        held = self._held(slug, since, until)
        ends = after + _PAGE
        return {"events": held[after:ends], "next": str(ends) if ends < len(held) else None}

    def _held(self, slug: str, since: datetime, until: datetime) -> list[Record]:
        """List what happened by now, by moment; of what was said twice the first is true."""
        kind, name = BOOKS[slug]
        known = [record for at, record in self._told(slug, since, until) if at <= self._clock()]
        known += [record for record in self._done(slug) if record["type"] == kind]
        books: dict[str, Record] = {}
        for record in known:
            if since <= datetime.fromisoformat(record["time"]) < until:
                books.setdefault(record["data"][name], record)
        return sorted(books.values(), key=lambda record: str(record["time"]))

    def _told(self, slug: str, since: datetime, until: datetime) -> Iterator[Told]:
        """Give a system's part in every order that may speak of this stretch of time."""
        day = (since - LONGEST_STORY).astimezone(UTC)
        day = day.replace(hour=0, minute=0, second=0, microsecond=0)
        while day < until:
            yield from self._told_of_day(day).get(slug, ())
            day += _DAY

    def _tell_day(self, day: datetime) -> Mapping[str, list[Told]]:
        """Tell the orders placed on a day: what goes into each system's books, and since when."""
        told: dict[str, list[Told]] = {slug: [] for slug in BOOKS}
        for tale in self._tales_of(day, day + _DAY):
            for delivery in tale.deliveries:
                if delivery.sender in BOOKS:
                    record = json.loads(delivery.body)
                    if _is_in_books(record, *BOOKS[delivery.sender]):
                        told[delivery.sender].append((delivery.at, record))
        return told

    def _tales_of(self, since: datetime, until: datetime) -> Iterator[Tale]:
        """Tell every order placed in a stretch of time, the company's own and its marketplace's."""
        company, market = self._company, Market(self._company)
        for number in range(company.first_after(since), company.first_after(until)):
            yield tell(company, number, fault_factor=self._fault_factor)
        for number in range(market.first_after(since), market.first_after(until)):
            yield market_turns.tell(market, number, fault_factor=self._fault_factor)


def _is_in_books(record: Record, kind: str, name: str) -> bool:
    """Tell a true record from what was garbled on the way, and from what other books are of."""
    if record["type"] != kind:
        return False
    data = record["data"]
    is_amount = isinstance(data["amount_minor"], int) and data["amount_minor"] > 0
    return is_amount and bool(data[name]) and len(data["currency"]) == _CODE
