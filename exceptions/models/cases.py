"""Cases: the work that one subject and one cause make. On screen: exceptions."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django_fsm import FSMField, transition
from simple_history.models import HistoricalRecords

from exceptions.models.clocks import ClockPlan
from reconciliation.models import Discrepancy, Order, Team


class Case(models.Model):
    """The work that one open discrepancy makes: owner, severity, clocks, state.

    The moves below say what is possible and what changes with it. Verbs lock, check, move, record
    and save; `exceptions.desk` has the last two.
    """

    class State(models.TextChoices):
        """Where the work stands."""

        NEW = "NEW"
        IN_PROGRESS = "IN_PROGRESS"
        WAITING = "WAITING"  # on a system, a customer, or snoozed: see `waiting_for`
        VERIFYING = "VERIFYING"  # repaired; the check has not held again yet
        SETTLED = "SETTLED"  # the check holds
        DISMISSED = "DISMISSED"  # waived by a person, with a reason

    class Severity(models.TextChoices):
        """How much it matters."""

        P1 = "P1"
        P2 = "P2"
        P3 = "P3"

    discrepancy = models.OneToOneField(Discrepancy, on_delete=models.PROTECT, related_name="case")
    check_name = models.CharField(max_length=64)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="cases")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="cases")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="cases"
    )
    severity = models.CharField(max_length=2, choices=Severity)
    state = FSMField(max_length=16, choices=State.choices, default=State.NEW, editable=False)
    version = models.IntegerField(default=0)  # the optimistic lock of every form
    waiting_for = models.CharField(max_length=16, blank=True, default="")  # system customer snooze
    at_risk_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    rulebook_version = models.IntegerField()  # pinned when the case opened
    route = models.CharField(max_length=64, blank=True, default="")  # the rule that gave the team
    recommended_repair = models.CharField(max_length=64, blank=True, default="")
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="merged"
    )
    cause = models.CharField(max_length=160, blank=True, default="")  # what its group shares
    is_automation_barred = models.BooleanField(default=False)  # a repair was undone, or refused
    automatic_attempts = models.IntegerField(default=0)
    next_automatic_at = models.DateTimeField(null=True)
    clock_plan = models.ForeignKey(ClockPlan, on_delete=models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField()
    respond_due_at = models.DateTimeField(null=True)
    resolve_due_at = models.DateTimeField(null=True)  # of a clock that rests: if it rests as meant
    paused_minutes_left = models.IntegerField(null=True)  # when its clock stopped; null: it runs
    responded_at = models.DateTimeField(null=True)
    next_escalation_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    waits_until = models.CharField(max_length=64, blank=True, default="")  # in words: a condition
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True, default="")
    close_reason = models.TextField(blank=True, default="")
    reopened_count = models.IntegerField(default=0)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150, blank=True, default="")
    history = HistoricalRecords(history_id_field=models.BigAutoField())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=["SETTLED", "DISMISSED"], closed_at__isnull=False)
                | (
                    ~models.Q(state__in=["SETTLED", "DISMISSED"]) & models.Q(closed_at__isnull=True)
                ),
                name="case_closed_has_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["resolve_due_at", "id"],
                condition=models.Q(closed_at__isnull=True),
                name="case_queue",
            ),
            models.Index(
                fields=["team", "resolve_due_at", "id"],
                condition=models.Q(closed_at__isnull=True),
                name="case_queue_team",
            ),
            models.Index(
                fields=["owner", "resolve_due_at", "id"],
                condition=models.Q(closed_at__isnull=True),
                name="case_queue_owner",
            ),
            models.Index(
                fields=["-at_risk_minor", "-id"],
                condition=models.Q(closed_at__isnull=True),
                name="case_queue_money",
            ),
            models.Index(  # read forwards and backwards
                fields=["opened_at", "id"],
                condition=models.Q(closed_at__isnull=True),
                name="case_queue_age",
            ),
            models.Index(  # the few that wait or are being verified, among however many are open
                fields=["state", "waiting_for"],
                condition=models.Q(closed_at__isnull=True, state__in=["WAITING", "VERIFYING"]),
                name="case_aside",
            ),
            models.Index(
                fields=["next_escalation_at"],
                condition=models.Q(next_escalation_at__isnull=False),
                name="case_to_escalate",
            ),
            models.Index(
                fields=["next_automatic_at"],
                condition=models.Q(next_automatic_at__isnull=False),
                name="case_to_repair",
            ),
            models.Index(
                fields=["snoozed_until"],
                condition=models.Q(snoozed_until__isnull=False),
                name="case_to_wake",
            ),
            models.Index(
                fields=["cause", "resolve_due_at"],
                condition=models.Q(closed_at__isnull=True) & ~models.Q(cause=""),
                name="case_of_cause",
            ),
            models.Index(fields=["closed_at"], name="case_by_close"),
            models.Index(fields=["changed_at"], name="case_by_change"),
            models.Index(fields=["check_name", "order"], name="case_of_check"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_open(self) -> bool:
        """Tell whether there is still something to do."""
        return self.state not in CLOSED

    def respond(self, *, at: datetime) -> None:
        """Stop the respond clock; only the first answer counts."""
        self.responded_at = self.responded_at or at

    @transition(field=state, source=["NEW", "IN_PROGRESS", "WAITING"], target="IN_PROGRESS")
    def claim(self, *, owner: User, at: datetime) -> None:
        """Give it to `owner`, who works on it."""
        self.owner = owner
        self.respond(at=at)
        self._stop_waiting()

    @transition(field=state, source=["NEW", "IN_PROGRESS"], target="NEW")
    def release(self) -> None:
        """Give it back to its team, where nobody owns it; the answer that was given counts."""
        self.owner = None

    @transition(field=state, source=["NEW", "IN_PROGRESS"], target="WAITING")
    def wait(self, *, waiting_for: str, until: datetime | None, at: datetime) -> None:
        """Lay it aside for a system, a customer or until a moment; that is an answer too."""
        self.waiting_for = waiting_for
        self.snoozed_until = until
        self.respond(at=at)

    @transition(field=state, source="WAITING", target="IN_PROGRESS")
    def wake(self) -> None:
        """Go on with it."""
        self._stop_waiting()

    @transition(field=state, source=["NEW", "IN_PROGRESS", "WAITING"], target="VERIFYING")
    def verify(self, *, at: datetime) -> None:
        """Wait for its check to hold after a repair."""
        self.next_automatic_at = None
        self.respond(at=at)
        self._stop_waiting()

    @transition(field=state, source="VERIFYING", target="IN_PROGRESS")
    def return_to_owner(self) -> None:
        """Go back to whom it belongs: the repair failed, did not hold, or was undone."""

    @transition(field=state, source=["VERIFYING", "WAITING"], target="NEW")
    def return_to_queue(self) -> None:
        """Go back to its team, where nobody owns it yet."""
        self.responded_at = None
        self._stop_waiting()

    @transition(
        field=state, source=["NEW", "IN_PROGRESS", "WAITING", "VERIFYING"], target="SETTLED"
    )
    def settle(self, *, by: str, reason: str, at: datetime) -> None:
        """Close it: its check holds again."""
        self._close(by=by, reason=reason, at=at)

    @transition(field=state, source=["NEW", "IN_PROGRESS", "WAITING"], target="DISMISSED")
    def dismiss(self, *, by: str, reason: str, at: datetime) -> None:
        """Close it: a person says that it is fine as it is."""
        self.respond(at=at)
        self._close(by=by, reason=reason, at=at)

    @transition(field=state, source="DISMISSED", target="IN_PROGRESS")
    def reopen(self, *, owner: User) -> None:
        """Take the dismissal back."""
        self.owner = owner
        self.closed_at = None
        self.closed_by = self.close_reason = ""
        self.reopened_count += 1

    def _stop_waiting(self) -> None:
        self.waiting_for = self.waits_until = ""
        self.snoozed_until = None

    def _close(self, *, by: str, reason: str, at: datetime) -> None:
        self.closed_at, self.closed_by, self.close_reason = at, by, reason
        self.next_automatic_at = self.next_escalation_at = None
        self._stop_waiting()


CLOSED = (Case.State.SETTLED, Case.State.DISMISSED)
