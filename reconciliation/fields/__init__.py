"""The one registry of fields: what conditions, filters and saved views may speak of.

Each field gives SQL (as `Q`), words, a form control and an evaluation, and these never differ:
a filter on a page, a route in the rulebook and a backtest ask the same question.
"""

from reconciliation.fields.kinds import (
    BadCondition,
    Choice,
    Field,
    Flag,
    Money,
    Number,
    Person,
    Text,
)
from reconciliation.fields.moments import Age, Bucket, Buckets, Moment, day_end
from reconciliation.fields.registered import DISCREPANCY, ORDER
from reconciliation.fields.registry import Registry

conditions_to_q = ORDER.to_q
conditions_to_words = ORDER.to_words
evaluate = ORDER.evaluate

__all__ = [
    "DISCREPANCY",
    "ORDER",
    "Age",
    "BadCondition",
    "Bucket",
    "Buckets",
    "Choice",
    "Field",
    "Flag",
    "Moment",
    "Money",
    "Number",
    "Person",
    "Registry",
    "Text",
    "conditions_to_q",
    "conditions_to_words",
    "day_end",
    "evaluate",
]
