"""The checks of rulebook version 1 once more, in plain Python, by someone who has not read the SQL.

Written from the rulebook's meaning, not from its content: an order is a dict of its columns plus
`entries` (kind, amount_minor, reference, occurred_at), `lines` (name → units ordered, worth of one,
whether it is to be shipped), `parcels` (line, units), `heard_from` (kinds of systems), `name` and,
in a family, `whole` or `parts` with a `seller` each.
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

Order = dict[str, Any]
Answer = tuple[str, datetime | None, int]  # verdict, due, at risk
HOLDS: Answer = ("HOLDS", None, 0)


def _late(since: datetime | None, hours: int, at: datetime, risk: int) -> Answer:
    due = since + timedelta(hours=hours) if since else None
    if due is not None and due > at:
        return ("WAITING", due, max(risk, 0))
    return ("BROKEN", None, max(risk, 0))


def _net_paid(o: Order) -> int:
    return int(o["paid_minor"] - o["refunded_minor"])


def _net_invoiced(o: Order) -> int:
    return int(o["invoiced_minor"] - o["credited_minor"])


def _latest(*moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def _twice(o: Order, kind: str, days: int, total: int) -> Answer:
    if total <= o["ordered_minor"]:
        return HOLDS
    doubled = 0
    amounts = {e["amount_minor"] for e in o["entries"] if e["kind"] == kind}
    for amount in amounts:
        first_seen: dict[str, datetime] = {}
        for e in o["entries"]:
            if e["kind"] == kind and e["amount_minor"] == amount:
                known = first_seen.get(e["reference"])
                first_seen[e["reference"]] = min(known or e["occurred_at"], e["occurred_at"])
        moments = sorted(first_seen.values())
        for before, after in pairwise(moments):
            if after - before <= timedelta(days=days):
                doubled += amount
    if not doubled:
        return HOLDS
    return ("BROKEN", None, min(doubled, total - o["ordered_minor"]))


def invoiced_twice(o: Order, _at: datetime) -> Answer:
    return _twice(o, "INVOICED", 30, _net_invoiced(o))


def paid_twice(o: Order, _at: datetime) -> Answer:
    return _twice(o, "PAID", 10, _net_paid(o))


def invoiced_vs_ordered(o: Order, at: datetime) -> Answer:
    if _net_invoiced(o) < 1 or o["cancelled_at"] or o["returned_quantity"] > 0:
        return HOLDS
    gap = abs(o["ordered_minor"] - _net_invoiced(o))
    return _late(o["invoiced_at"], 0, at, gap) if gap else HOLDS


def paid_vs_invoiced(o: Order, at: datetime) -> Answer:
    if _net_invoiced(o) < 1 or o["cancelled_at"]:
        return HOLDS
    if not o["paid_minor"] and o["unshipped_quantity"]:
        return HOLDS  # nothing was paid, and what is billed has not left
    gap = abs(_net_paid(o) + o["written_off_minor"] - _net_invoiced(o))
    return _late(o["invoiced_at"], 72, at, gap) if gap > 2 else HOLDS


def charge_failed_but_confirmed(o: Order, at: datetime) -> Answer:
    clash = o["payment_failed_at"] and not o["paid_minor"] and o["confirmed_at"]
    if not clash or o["cancelled_at"]:
        return HOLDS
    return _late(o["payment_failed_at"], 24, at, o["ordered_minor"])


def paid_not_posted(o: Order, at: datetime) -> Answer:
    if not o["paid_at"] or _net_paid(o) < 1 or o["cancelled_at"]:
        return HOLDS
    if o["settling_since_at"] or o["settled_at"]:
        return HOLDS  # it is posted with its settlement
    if o["posted_at"] and o["posted_minor"] > 0:
        return HOLDS
    return _late(o["paid_at"], 48, at, _net_paid(o))


def shipped_not_recorded(o: Order, at: datetime) -> Answer:
    if not o["shipped_at"] or o["cancelled_at"] or o["parts"]:
        return HOLDS
    if o["recorded_at"] and o["recorded_quantity"] > 0:
        return HOLDS
    return _late(o["shipped_at"], 24, at, o["ordered_minor"])


def recorded_not_shipped(o: Order, at: datetime) -> Answer:
    marked = o["recorded_at"] and o["recorded_quantity"] > 0 and o["to_ship_quantity"] > 0
    if not marked or o["cancelled_at"] or o["shipped_at"] or o["parts"]:
        return HOLDS
    return _late(o["recorded_at"], 48, at, o["ordered_minor"])


def delivered_not_billed(o: Order, at: datetime) -> Answer:
    if not o["delivered_at"] or not o["ordered_minor"] or o["cancelled_at"] or o["whole"]:
        return HOLDS
    if o["returned_quantity"] > 0 and o["shipped_quantity"] <= o["returned_quantity"]:
        return HOLDS
    if o["invoiced_at"] and (_net_invoiced(o) > 0 or o["returned_quantity"] > 0):
        return HOLDS
    return _late(o["delivered_at"], 48, at, o["ordered_minor"])


def invoice_sent_not_active(o: Order, at: datetime) -> Answer:
    sent = o["invoiced_at"] and _net_invoiced(o) > 0 and o["to_activate_quantity"] > 0
    if not sent or o["cancelled_at"] or (o["activated_at"] and o["is_active"]):
        return HOLDS
    return _late(o["invoiced_at"], 1, at, _net_invoiced(o))


def active_not_paid(o: Order, at: datetime) -> Answer:
    owing = o["is_active"] and _net_invoiced(o) > 0
    if not owing or o["paid_minor"] > 0 or o["written_off_minor"] > 0:
        return HOLDS
    return _late(o["invoiced_at"], 168, at, _net_invoiced(o))


def cancelled_but_paid(o: Order, at: datetime) -> Answer:
    if not o["cancelled_at"] or _net_paid(o) < 1:
        return HOLDS
    return _late(_latest(o["cancelled_at"], o["paid_at"]), 48, at, _net_paid(o))


def cancelled_but_shipped(o: Order, at: datetime) -> Answer:
    out = o["shipped_quantity"] > o["returned_quantity"]
    if not o["cancelled_at"] or not out or o["parts"]:
        return HOLDS
    return _late(_latest(o["cancelled_at"], o["shipped_at"]), 0, at, o["ordered_minor"])


def returned_but_paid(o: Order, at: datetime) -> Answer:
    if o["returned_quantity"] < 1 or _net_paid(o) < 1:
        return HOLDS
    if o["refunded_minor"] > 0 and o["shipped_quantity"] > o["returned_quantity"]:
        return HOLDS  # part was sent back, and some of it was refunded
    return _late(o["returned_at"], 336, at, _net_paid(o))


def refunded_more_than_paid(o: Order, at: datetime) -> Answer:
    over = o["refunded_minor"] - o["paid_minor"]
    return _late(o["refunded_at"], 0, at, over) if over > 0 else HOLDS


def charged_back(o: Order, at: datetime) -> Answer:
    if o["disputed_minor"] < 1 or o["paid_minor"] < 1 or o["cancelled_at"]:
        return HOLDS
    gap = _net_invoiced(o) - (_net_paid(o) - o["disputed_minor"] + o["written_off_minor"])
    return _late(o["paid_at"], 0, at, gap) if gap > 2 else HOLDS


def _line_by_line(o: Order) -> list[tuple[int, int]]:
    """Give (units too many, worth of one) of each line; units that are missing are negative."""
    names = {*o["lines"], *(line for line, _ in o["parcels"])}
    found = []
    for name in names:
        units, worth, must_ship = o["lines"].get(name, (0, 0, False))
        out = sum(sent for line, sent in o["parcels"] if line == name)
        found.append((out - (units if must_ship else 0), worth))
    return found


def shipped_more_than_ordered(o: Order, at: datetime) -> Answer:
    over = [(gap, worth) for gap, worth in _line_by_line(o) if gap > 0]
    if not over or o["parts"]:
        return HOLDS
    return _late(o["shipped_at"], 0, at, sum(gap * worth for gap, worth in over))


def shipped_less_than_ordered(o: Order, at: datetime) -> Answer:
    short = [(-gap, worth) for gap, worth in _line_by_line(o) if gap < 0]
    if not short or not o["parcels"] or o["cancelled_at"] or o["parts"]:
        return HOLDS
    risk = sum(gap * worth for gap, worth in short)
    return _late(_latest(o["placed_at"], o["confirmed_at"]), 336, at, risk)


def shipped_not_billed(o: Order, at: datetime) -> Answer:
    if not o["shipped_at"] or not o["ordered_minor"] or o["cancelled_at"] or o["invoiced_at"]:
        return HOLDS
    if o["delivered_at"] or o["returned_quantity"] > 0 or o["whole"]:
        return HOLDS
    return _late(o["shipped_at"], 168, at, o["ordered_minor"])


def billed_not_fulfilled(o: Order, at: datetime) -> Answer:
    billed = o["invoiced_at"] and _net_invoiced(o) > 0 and o["to_ship_quantity"] > 0
    if not billed or o["cancelled_at"] or (o["shipped_at"] and not o["unshipped_quantity"]):
        return HOLDS
    return _late(o["invoiced_at"], 120, at, _net_invoiced(o))


def order_unknown_to_billing(o: Order, at: datetime) -> Answer:
    if not o["confirmed_at"] or o["cancelled_at"] or not o["ordered_minor"]:
        return HOLDS
    heard = {*o["heard_from"], *(kind for part in o["parts"] for kind in part["heard_from"])}
    if o["invoiced_minor"] or o["posted_minor"] or "billing" in heard or o["whole"]:
        return HOLDS
    if not {"shop", "crm"} & heard:
        return HOLDS
    return _late(_latest(o["placed_at"], o["confirmed_at"]), 96, at, o["ordered_minor"])


def _after_business_days(since: datetime, days: int) -> datetime:
    day = since.replace(hour=18, minute=0, second=0, microsecond=0)
    while days:
        day += timedelta(days=1)
        days -= day.isoweekday() <= 5
    return day


def _late_by_days(since: datetime, days: int, at: datetime, risk: int) -> Answer:
    due = _after_business_days(since, days)
    return ("WAITING", due, max(risk, 0)) if due > at else ("BROKEN", None, max(risk, 0))


def late_settlement(o: Order, at: datetime) -> Answer:
    if not o["settling_since_at"] or o["cancelled_at"]:
        return HOLDS
    return _late_by_days(o["settling_since_at"], 5, at, _net_paid(o))


def rate_missing(o: Order, at: datetime) -> Answer:
    if not o["unconverted_since_at"] or o["cancelled_at"]:
        return HOLDS
    return _late_by_days(o["unconverted_since_at"], 5, at, o["ordered_minor"])


def settlement_short(o: Order, at: datetime) -> Answer:
    missing = o["settled_gross_minor"] - o["fee_minor"] - o["settled_minor"]
    if not o["settled_at"] or missing <= 0:
        return HOLDS
    return _late(o["settled_at"], 0, at, missing)


def paid_vs_settled(o: Order, at: datetime) -> Answer:
    if not o["settled_at"] or o["refunded_minor"] > 0 or o["disputed_minor"] > 0:
        return HOLDS
    due_minor = o["paid_minor"] - o["fee_minor"]
    more = o["settled_minor"] - due_minor
    if max(0, -more) <= max(2, abs(due_minor) / 1000) and more <= max(2, abs(due_minor) / 200):
        return HOLDS
    since = _latest(o["settled_at"], o["paid_at"])
    return _late(since, 24, at, abs(more))


def settled_not_posted(o: Order, at: datetime) -> Answer:
    if not o["settled_at"] or _net_paid(o) < 1 or o["cancelled_at"]:
        return HOLDS
    if o["posted_at"] and o["posted_minor"] > 0:
        return HOLDS
    return _late(o["settled_at"], 24, at, _net_paid(o))


def silent_order(o: Order, at: datetime) -> Answer:
    unfinished = o["unshipped_quantity"] > 0 or (
        o["to_activate_quantity"] > 0 and not o["is_active"]
    )
    if not o["confirmed_at"] or o["cancelled_at"] or o["parts"] or not unfinished:
        return HOLDS
    return _late(o["last_fact_at"], 240, at, o["ordered_minor"])


def shares(amounts: dict[str, int], basis_points: int) -> dict[str, int]:
    """Share out amounts, the rest to the house (""), to the last unit."""
    exact = {name: amount * basis_points for name, amount in amounts.items()}
    exact[""] = sum(amounts.values()) * 10_000 - sum(exact.values())
    found = {name: share // 10_000 for name, share in exact.items()}
    spare = sum(amounts.values()) - sum(found.values())
    by_rest = sorted(exact, key=lambda name: (-(exact[name] % 10_000), name == "", name))
    for name in by_rest[:spare]:
        found[name] += 1
    return found


def payout_to_cancelled(o: Order, at: datetime) -> Answer:
    if not o["whole"] or not o["cancelled_at"] or o["paid_out_minor"] < 1:
        return HOLDS
    return _late(_latest(o["cancelled_at"], o["paid_out_at"]), 0, at, o["paid_out_minor"])


def payout_vs_split(o: Order, at: datetime) -> Answer:
    if not o["whole"] or not o["paid_out_minor"] or o["returned_quantity"] > 0:
        return HOLDS
    standing = [part for part in o["whole"]["parts"] if not part["cancelled_at"]]
    due = shares({part["name"]: part["ordered_minor"] for part in standing}, 8500)
    gap = abs(o["paid_out_minor"] - due.get(o["name"], 0))
    return _late(o["paid_out_at"], 24, at, gap) if gap else HOLDS


def delivered_not_paid_out(o: Order, at: datetime) -> Answer:
    owing = o["whole"] and o["delivered_at"] and o["ordered_minor"] and not o["cancelled_at"]
    if not owing or o["returned_quantity"] > 0 or (o["paid_out_at"] and o["paid_out_minor"]):
        return HOLDS
    return _late(o["delivered_at"], 168, at, o["ordered_minor"])


def parts_vs_whole(o: Order, at: datetime) -> Answer:
    if not o["parts"] or not o["ordered_minor"] or o["cancelled_at"]:
        return HOLDS
    every = sum(part["ordered_minor"] for part in o["parts"])
    standing = sum(part["ordered_minor"] for part in o["parts"] if not part["cancelled_at"])
    if o["ordered_minor"] in (every, standing):
        return HOLDS
    return _late(o["placed_at"], 24, at, abs(o["ordered_minor"] - every))


CHECKS = {
    check.__name__: check
    for check in (
        invoiced_twice, invoiced_vs_ordered, paid_twice, paid_vs_invoiced,
        charge_failed_but_confirmed, paid_not_posted, shipped_not_recorded, recorded_not_shipped,
        delivered_not_billed, invoice_sent_not_active, active_not_paid, cancelled_but_paid,
        cancelled_but_shipped, returned_but_paid, refunded_more_than_paid, charged_back,
        shipped_more_than_ordered, shipped_less_than_ordered, shipped_not_billed,
        billed_not_fulfilled, order_unknown_to_billing, payout_to_cancelled, payout_vs_split,
        delivered_not_paid_out, parts_vs_whole, late_settlement, rate_missing, settlement_short,
        paid_vs_settled, settled_not_posted, silent_order,
    )
}  # fmt: skip
RESTS_ON: dict[str, tuple[str, ...]] = {
    "invoiced_vs_ordered": ("invoiced_twice",),
    "charge_failed_but_confirmed": ("rate_missing",),
    "active_not_paid": ("charge_failed_but_confirmed", "rate_missing"),
    "rate_missing": ("late_settlement",),
    "settlement_short": ("late_settlement", "rate_missing"),
    "paid_vs_settled": ("paid_twice", "late_settlement", "rate_missing", "settlement_short"),
    "settled_not_posted": (
        "late_settlement", "rate_missing", "settlement_short", "paid_vs_settled",
    ),
    "paid_vs_invoiced": (
        "paid_twice", "invoiced_twice", "invoiced_vs_ordered", "charge_failed_but_confirmed",
        "active_not_paid", "rate_missing",
    ),
    "payout_vs_split": ("payout_to_cancelled",),
    "billed_not_fulfilled": ("recorded_not_shipped",),
    "shipped_less_than_ordered": (
        "shipped_more_than_ordered", "recorded_not_shipped", "billed_not_fulfilled",
    ),
    "order_unknown_to_billing": (
        "charge_failed_but_confirmed", "paid_not_posted", "shipped_not_billed",
        "delivered_not_billed",
    ),
    "silent_order": tuple(name for name in CHECKS if name != "silent_order"),
}  # fmt: skip


def broken(order: Order, at: datetime) -> set[str]:
    """Name the discrepancies that one order should have."""
    verdicts = {name: check(order, at)[0] for name, check in CHECKS.items()}

    def is_judged(name: str) -> bool:
        return all(verdicts[base] == "HOLDS" and is_judged(base) for base in RESTS_ON.get(name, ()))

    return {name for name, said in verdicts.items() if said == "BROKEN" and is_judged(name)}
