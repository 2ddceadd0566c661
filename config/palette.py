"""What the command menu finds: things by any id, what can be done here, pages, saved views."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from django.contrib.auth.models import User
from django.db.models import F, Q
from django.utils.http import urlencode

from config import pages
from exceptions import queries
from exceptions import search as by_text
from exceptions.dossier import Offered, offered
from exceptions.models import Case
from exceptions.permissions import readable_cases, roles
from exceptions.rows import Row
from exceptions.table import RELATED, Names, row
from reconciliation import order_list, search
from reconciliation.models import Event, Order

_MOST = 8  # of one kind: a menu, no list
_KEYS = {"claim": "I", "assign": "A", "snooze": "H", "escalate": "!", "comment": "M", "merge": "D"}


@dataclass(frozen=True)
class Hit:
    """One line of the menu: where it leads, or the verb that its button does."""

    name: str
    href: str
    note: str = ""
    act: str = ""  # the verb, which the page itself may have a form for
    version: int | None = None  # set where it is done by a button
    also: str = ""  # other words that find it


@dataclass(frozen=True)
class Section:
    """Lines of one kind."""

    name: str
    hits: list[Hit]


def found(*, asked: str, case_id: int | None, user: User, at: datetime) -> list[Section]:
    """Find what `asked` names or begins to; with nothing asked, all that can be gone to or done.

    Only what `user` may open or do is found. `case_id` is the exception that is open.
    """
    named = Section("Found", _named(asked, user=user, at=at) if asked else [])
    sections = [
        Section("This exception", _fitting(asked, _actions(case_id, user=user))),
        Section("Go to", _fitting(asked, _pages(user))),
        Section("Saved views", _fitting(asked, _views(user))),
        Section("Search", _onward(asked) if asked else []),
    ]
    # Words that name a page mean the page, though a customer's name begin so too.
    sections.insert(0 if any(each.isdigit() for each in asked) else 3, named)
    return [section for section in sections if section.hits]


def _named(asked: str, *, user: User, at: datetime) -> list[Hit]:
    """Find exceptions, orders and events: those of exactly this id, then what begins so."""
    named, begun = search.named(asked), search.some_begun(asked)
    orders = _orders(named.orders, begun)
    events = Event.objects.filter(pk__in=named.events[:_MOST]).select_related("source")
    cases = _cases(asked, orders, user=user)
    names = Names.read()
    return [
        *(_exception(row(case, names=names, at=at)) for case in cases),
        *(_order(order) for order in orders),
        *(_event(event) for event in events.order_by("pk")),
    ]


def _cases(asked: str, orders: list[Order], *, user: User) -> list[Case]:
    """Find what has exactly this id, then what its orders have; the open ones first."""
    readable, open_first = readable_cases(user).select_related(*RELATED), F("closed_at")
    found: dict[int, Case] = {}
    for wanted in (by_text.exactly(asked), Q(order__in=orders)):
        some = readable.filter(wanted).order_by(open_first.desc(nulls_first=True), "pk")
        found |= {case.pk: case for case in some[:_MOST] if case.pk not in found}
    return list(found.values())[:_MOST]


def _orders(exactly: list[int], begun: list[int]) -> list[Order]:
    """Find the orders of exactly this name, then those that begin so."""
    first = Order.objects.filter(pk__in=exactly).order_by("canonical_id")[:_MOST]
    others = Order.objects.filter(pk__in=begun, merged_into__isnull=True).exclude(pk__in=exactly)
    return [*first, *others.order_by("canonical_id")[:_MOST]][:_MOST]


def _exception(line: Row) -> Hit:
    about = [line.order_id, line.customer, line.state_text, line.owner_name]
    note = " · ".join(filter(None, about))
    return Hit(f"#{line.id} {line.title}", f"/exceptions/{line.id}/", note)


def _order(order: Order) -> Hit:
    name = order.canonical_id
    return Hit(f"Order {name}", f"/orders/{quote(name)}/", order_list.state_words(order))


def _event(event: Event) -> Hit:
    note = f"{event.source.name} · {event.type}"
    return Hit(f"Event {event.event_id}", f"/events/{event.pk}/", note)


def _onward(asked: str) -> list[Hit]:
    """Lead to the searches that find by customer, and to who owns what an id means."""
    query = urlencode({"q": asked})
    return [
        Hit(f"Search exceptions for “{asked}”", f"/exceptions/?{query}"),
        Hit(f"Search orders for “{asked}”", f"/orders/?{query}"),
        Hit(f"Who owns “{asked}”", f"/who/?{query}"),
    ]


def _actions(case_id: int | None, *, user: User) -> list[Hit]:
    if case_id is None:
        return []
    try:
        return [_action(case_id, each) for each in offered(case_id=case_id, user=user)]
    except Case.DoesNotExist:  # there is none, or not for this person
        return []


def _action(case_id: int, each: Offered) -> Hit:
    page = f"/exceptions/{case_id}/"
    if each.is_repair:
        return Hit(f"{each.title}…", f"{page}repairs/{each.verb}/", "Repair: preview first")
    key = _KEYS.get(each.verb, "")
    if each.is_plain:
        return Hit(each.title, f"{page}{each.verb}/", key, act=each.verb, version=each.version)
    href = f"{page}?do={each.verb}#act-{each.verb}"
    return Hit(f"{each.title}…", href, key, act=each.verb)


def _pages(user: User) -> list[Hit]:
    return [
        Hit(page.name, page.href, f"G {page.key.upper()}" if page.key else "", also=page.also)
        for page in pages.pages_for(roles(user))
    ]


def _views(user: User) -> list[Hit]:
    return [
        Hit(name, f"/exceptions/?{urlencode({'view': slug})}")
        for slug, name in queries.view_names(user=user)
    ]


def _fitting(asked: str, hits: Iterable[Hit]) -> list[Hit]:
    """Keep those in which every word that was typed begins a word."""
    wanted = asked.lower().split()
    return [hit for hit in hits if _fits(wanted, f"{hit.name} {hit.also}".lower().split())]


def _fits(wanted: list[str], words: list[str]) -> bool:
    return all(any(word.startswith(each) for word in words) for each in wanted)
