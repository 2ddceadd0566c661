"""Writes off what is missing of a payment: our books say so, no other system is told."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation import rulebook
from reconciliation.money import as_text

KIND = "write_off"
TITLE = "Write off difference"
TIER = 1
CHECKS = ("paid_vs_invoiced",)
_SENIOR_TIER = 3  # above the rulebook's limit a Team lead decides


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    if order is None:
        return Refusal("This exception is about no order.")
    owed_minor = order.invoiced_minor - order.credited_minor
    settled_minor = order.paid_minor - order.refunded_minor + order.written_off_minor
    missing_minor = owed_minor - settled_minor
    return Plan(
        kind=KIND,
        title=TITLE,
        tier=TIER if missing_minor <= _limit_minor(case) else _SENIOR_TIER,
        order=order.canonical_id,
        changes=(
            Change(
                "Reconciliation",
                "Written off",
                as_text(order.written_off_minor, order.currency),
                as_text(order.written_off_minor + missing_minor, order.currency),
            ),
        ),
        resulting_state=f"{order.get_state_display()}, and judged again at once",
        side_effects="No other system is told.",
        preconditions=(
            Condition("Less is paid than is invoiced", missing_minor > 0),
            Condition("It is not cancelled", order.cancelled_at is None),
        ),
        entries=(
            {"kind": "WRITTEN_OFF", "amount_minor": missing_minor, "currency": order.currency},
        ),
    )


def _limit_minor(case: Case) -> int:
    """Give the most that anyone may write off, from the rulebook that the case is pinned to."""
    automation = rulebook.version(case.rulebook_version).automation(case.check_name)
    if automation is None or automation.repair != KIND:
        return 0
    return automation.limit_minor or 0
