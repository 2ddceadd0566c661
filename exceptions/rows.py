"""What the pages of the exception desk are given: plain values, nothing left to compute."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Permission:
    """Whether something may be done, and if not, why, in words for the screen."""

    allowed: bool
    why_not: str = ""


@dataclass(frozen=True)
class Sla:
    """One clock: `tone` neutral, warn, bad, paused or none; `icon` clock, triangle or bars."""

    due_at: datetime | None
    tone: str
    icon: str
    text: str  # "2 h 20 min left"
    hours: str = ""  # " (work hours)", where not every hour counts


@dataclass(frozen=True)
class Row:
    """One exception in a list, and the head of its page."""

    id: int
    version: int  # goes into every form: the optimistic lock
    title: str  # the failure in words
    check_name: str
    severity: str
    state: str
    state_text: str  # "Waiting on system", "Snoozed until 14:00"
    order_id: str  # canonical; "" where the subject is no order
    customer: str
    systems: str  # "Shop vs Billing"
    at_risk_minor: int
    currency: str
    owner: str  # username, "" for nobody
    owner_name: str
    team: str
    team_slug: str
    opened_at: datetime
    closed_at: datetime | None
    age_text: str
    sla: Sla
    repair_kind: str  # the recommended repair; "" if none is safe
    repair_title: str
    repair_tier: int
    more: Sequence[str]  # what added columns say


@dataclass(frozen=True)
class KeysetPage:
    """One page of rows; `next_cursor` is signed and "" at the end."""

    rows: list[Row]
    next_cursor: str
    size: int


@dataclass(frozen=True)
class Count:
    """A number that stops being counted at 1,000: `text` is then "1,000+"."""

    number: int
    text: str


@dataclass(frozen=True)
class Tab:
    """One saved view above the queue, with how many it holds."""

    slug: str
    name: str
    count: Count


@dataclass(frozen=True)
class Money:
    """One sum in one currency."""

    amount_minor: int
    currency: str


@dataclass(frozen=True)
class GroupRow:
    """The open exceptions of one cause, as one item."""

    sign: str
    words: str  # "Paid and invoiced differ, each €0.30 less"
    number: int
    at_risk: list[Money]
    sla: Sla  # of the one that is due first


@dataclass(frozen=True)
class Summary:
    """The line under the queue's title: "318 open · 12 over SLA · €214,880 at risk"."""

    open: Count
    over_sla: Count
    at_risk: list[Money]
    is_at_least: bool  # more is at risk: so very many are open that not all were added up


@dataclass(frozen=True)
class Cell:
    """What one system says of one field; `is_different` asks for background, underline and word."""

    text: str
    is_different: bool = False
    is_missing: bool = False
    is_truth: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class ComparisonRow:
    """One field across all systems, in their order; `verdict` is same, differs or missing."""

    field: str
    cells: list[Cell]
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """The systems side by side: rows that differ are open, rows that match are folded away."""

    headline: str  # "Amounts differ by EUR 12.40", "All systems agree"
    tone: str  # bad: they differ; warn: they agree on what breaks a rule; ok
    systems: list[str]
    differing: list[ComparisonRow]
    matching: list[ComparisonRow]


@dataclass(frozen=True)
class PlanChange:
    """One line of a preview: `system · field: old → new`."""

    system: str
    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Precondition:
    """Something that must be so for the repair to run, and whether it is so now."""

    text: str
    holds: bool


@dataclass(frozen=True)
class ChoiceRow:
    """One order that a repair may mean: why, and the plan that its button runs."""

    name: str
    score: int
    reasons: tuple[str, ...]
    title: str
    plan_sha256: str  # "" if it cannot be run
    idempotency_key: str
    why_not: str = ""


@dataclass(frozen=True)
class RepairPreview:
    """What a repair would do now; its form sends back `plan_sha256` and `idempotency_key`."""

    kind: str
    title: str
    tier: int
    target: str  # the system's name; "" for an inside repair
    changes: list[PlanChange]
    resulting_state: str
    side_effects: str
    preconditions: list[Precondition]
    is_undoable: bool
    undo_text: str  # "Can be undone for 30 minutes", "Cannot be undone"
    needs_reason: bool
    plan_sha256: str
    idempotency_key: str
    permission: Permission
    refusal: str = ""  # why there is no plan; then only kind and title are meant
    asks: str = ""  # what to name, where the repair needs an order to be named
    choice: str = ""  # what was named
    reasons: tuple[str, ...] = ()  # why it is likely
    choices: list[ChoiceRow] = field(default_factory=list)


@dataclass(frozen=True)
class RepairOffer:
    """One repair that fits the check, whether it may run, and what it would do."""

    kind: str
    title: str
    tier: int
    is_recommended: bool
    permission: Permission


@dataclass(frozen=True)
class AttemptRow:
    """One run of a repair."""

    id: int
    kind: str
    title: str
    state: str  # RUNNING, DONE, FAILED, UNDOING, UNDONE
    state_text: str
    by: str  # "the product" for an automatic one
    at: datetime
    reason: str
    error: str
    writeback_text: str  # "Delivered to Subscriptions app at the second try"
    undo_until: datetime | None
    undo: Permission


@dataclass(frozen=True)
class FileRow:
    """A file that came with a comment; without an address once it is erased."""

    name: str
    size: str
    href: str


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened, newest first; `kind` is state, people, write, comment or clock."""

    at: datetime
    actor: str
    text: str
    kind: str
    reason: str = ""
    is_future: bool = False
    details: dict[str, Any] = field(default_factory=dict)
    files: list[FileRow] = field(default_factory=list)


@dataclass(frozen=True)
class Fact:
    """One line of a list of facts."""

    name: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class SilentSource:
    """A source whose next word a case waits for, and which says nothing."""

    name: str
    href: str
    since: datetime


@dataclass(frozen=True)
class Kept:
    """The message or the event that a case is about, and what may be done with it."""

    title: str
    href: str
    problems: list[tuple[str, str]]
    correct: Permission | None  # None: there is nothing to correct
    retry: Permission | None
    wait: Permission | None
    sent_as: str = ""  # the event that came in its place, and its page
    sent_href: str = ""


@dataclass(frozen=True)
class HandoffRow:
    """One handoff of a case, as people read it."""

    id: int
    from_team: str
    to_team: str
    to_person: str  # "" for the whole team
    sent_by: str
    sent_at: datetime
    reason: str
    state_text: str
    accept_due: str  # "1 h 20 min left"
    answered_by: str
    answered_at: datetime | None
    answer: str
    took: str  # "1 h 20 min" from sending to answer; so far, while it waits


@dataclass(frozen=True)
class Handoffs:
    """What was and can be handed over: past ones, the one that waits, and what may be done."""

    waiting: HandoffRow | None
    past: list[HandoffRow]  # newest first
    lost: str  # time that handoffs took which came back, "" for none
    send: Permission
    answer: Permission
    withdraw: Permission
    teams: list[tuple[str, str]]  # slug, name
    people: list[tuple[str, str, str]]  # username, name, their teams


@dataclass(frozen=True)
class CaseDetail:
    """Everything the panel and the page of one exception show."""

    row: Row
    why: str  # "Paid, not posted: nothing was posted within 48 h of the payment."
    rule: str  # "Rulebook v1, route billing-to-revenue-ops"
    order_state: str
    respond_due: Sla
    resolve_due: Sla
    next_escalation: Fact | None
    facts: list[Fact]
    silent: list[SilentSource]
    comparison: Comparison | None  # None where the subject is no order
    repairs: list[RepairOffer]
    preview: RepairPreview | None  # of the recommended repair
    attempts: list[AttemptRow]
    timeline: list[TimelineEntry]
    similar: Count
    earlier_id: int | None  # the case this one reopens
    later_id: int | None  # the case that reopened this one
    actions: dict[str, Permission]  # claim assign snooze wake escalate comment dismiss reopen
    assignable: list[tuple[str, str]]  # username, name
    kept: Kept | None = None
    same: list[tuple[int, str]] = field(default_factory=list)  # what it may be merged into
    merged_into: int | None = None
    merged: list[int] = field(default_factory=list)  # what follows it
    wake_on: list[tuple[str, str]] = field(default_factory=list)  # what may end a snooze
    window_ends: datetime | None = None  # when the check's window would end, did it begin now
    handoffs: Handoffs | None = None
