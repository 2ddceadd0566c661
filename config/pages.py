"""The pages that people go to: for the rail, for `G` and a letter, and for the command menu."""

from collections.abc import Collection
from dataclasses import dataclass

from audit.views import READERS as TRAIL_READERS
from exceptions.permissions import ADMIN, OPERATOR, TEAM_LEAD
from reconciliation import erasure
from reconciliation.importers import READERS as IMPORT_READERS

WORK, GOVERN, SEE = "Work", "Govern", "See"
GROUPS = (WORK, GOVERN, SEE)


@dataclass(frozen=True)
class Page:
    """One page, where the rail has it, and who may open it; nobody named is everyone."""

    name: str
    href: str
    key: str = ""  # the letter after G
    icon: str = ""
    group: str = ""  # "": not in the rail
    roles: frozenset[str] = frozenset()
    also: str = ""  # other words that people look for it by

    def is_for(self, held: Collection[str]) -> bool:
        """Tell whether who holds these roles may open it."""
        return not self.roles or ADMIN in held or bool(self.roles & {*held})


_DESK = frozenset({OPERATOR, TEAM_LEAD})

PAGES = (
    Page("Exceptions", "/exceptions/", "e", "inbox", WORK, also="queue cases"),
    Page("Who owns this", "/who/", "w", "user-search", WORK, also="owner"),
    Page("Inbox", "/inbox/", "n", "bell", WORK, also="messages"),
    Page("Orders", "/orders/", "o", "package", WORK),
    Page("Bulk", "/exceptions/bulk/", "b", "layers", WORK, _DESK, also="approve many"),
    Page("Imports", "/imports/", "i", "file-up", WORK, IMPORT_READERS, also="files csv upload"),
    Page("Jobs", "/jobs/", "j", "list-checks", WORK),
    Page("Teams", "/teams/", "t", "users", GOVERN, also="members rota absence calendar"),
    Page("Sources", "/sources/", "s", "plug", GOVERN, also="systems"),
    Page("Audit log", "/audit/", "a", "scroll-text", GOVERN, TRAIL_READERS, also="trail"),
    Page("People", "/people/", "p", "user-x", GOVERN, erasure.READ, also="erase customers"),
    Page("Events", "/events/", "v", "radio-tower", SEE, also="rejected webhooks"),
    Page("Comparisons", "/comparisons/", "c", "git-compare", SEE),
    Page("Metrics", "/metrics/", "m", "chart-line", SEE, also="dashboard"),
    Page("System health", "/health/", "h", "activity", SEE),
    Page("Notifications", "/notifications/", also="channels quiet hours digest"),
    Page("Settings", "/settings/", also="theme density time zone"),
    Page("Keyboard shortcuts", "/keys/", also="help"),
    Page("Replay", "/replay/"),
    Page("Event reference", "/schemas/", also="schemas"),
)


def pages_for(held: Collection[str]) -> list[Page]:
    """List the pages that who holds these roles may open."""
    return [page for page in PAGES if page.is_for(held)]
