"""Orders: the believed state of each, its running totals, and the names it goes by."""

from typing import ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Upper
from django_fsm import FSMField
from simple_history.models import HistoricalRecords

from reconciliation.models.moves import OrderMoves, OrderState
from reconciliation.models.sources import Source


class Order(OrderMoves, models.Model):
    """One order as believed: state, version, totals in its own currency, milestone times.

    Narrow on purpose: passes read and write only this row. A sub-order is an order with `parent`.
    Totals and milestones are a function of the set of entries (of a whole and its parts: of all of
    theirs), written by `apply` alone; `state` and `version` are written by `lifecycle` alone.
    """

    State = OrderState

    class Verdict(models.TextChoices):
        """What the last pass found over all checks that apply."""

        UNJUDGED = "UNJUDGED"
        HOLDS = "HOLDS"
        WAITING = "WAITING"
        BROKEN = "BROKEN"

    canonical_id = models.CharField(max_length=64, unique=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="parts")
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    state = FSMField(
        max_length=16, choices=OrderState.choices, default=OrderState.CREATED, editable=False
    )
    version = models.IntegerField(default=0)
    currency = models.CharField(max_length=3)
    verdict = models.CharField(max_length=16, choices=Verdict, default=Verdict.UNJUDGED)
    is_closable = models.BooleanField(default=False)  # Reconciled for the rulebook's days

    ordered_minor = models.BigIntegerField(default=0)
    invoiced_minor = models.BigIntegerField(default=0)
    credited_minor = models.BigIntegerField(default=0)
    authorised_minor = models.BigIntegerField(default=0)
    paid_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    disputed_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)
    posted_minor = models.BigIntegerField(default=0)
    settled_gross_minor = models.BigIntegerField(default=0)  # before fees
    settled_minor = models.BigIntegerField(default=0)
    paid_out_minor = models.BigIntegerField(default=0)
    written_off_minor = models.BigIntegerField(default=0)

    to_ship_quantity = models.IntegerField(default=0)
    to_activate_quantity = models.IntegerField(default=0)
    unshipped_quantity = models.IntegerField(default=0)  # still to ship, line by line
    shipped_quantity = models.IntegerField(default=0)
    delivered_quantity = models.IntegerField(default=0)
    returned_quantity = models.IntegerField(default=0)
    recorded_quantity = models.IntegerField(default=0)  # marked fulfilled by the shop
    is_active = models.BooleanField(default=False)
    part_count = models.IntegerField(default=0, db_default=0)  # sub-orders that stand

    placed_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    invoiced_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    payment_failed_at = models.DateTimeField(null=True)
    refunded_at = models.DateTimeField(null=True)
    posted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    settling_since_at = models.DateTimeField(null=True)  # a settlement is announced, not final
    unconverted_since_at = models.DateTimeField(null=True)  # money whose rate nobody has stated
    paid_out_at = models.DateTimeField(null=True)  # first, to a seller or to us
    shipped_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(null=True)  # first marked fulfilled
    activated_at = models.DateTimeField(null=True)
    deactivated_at = models.DateTimeField(null=True)
    last_fact_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)

    history = HistoricalRecords(
        history_id_field=models.BigAutoField(),
        history_change_reason_field=models.TextField(null=True),
        history_user_id_field=models.IntegerField(null=True),
        no_db_index=["canonical_id", "parent", "merged_into"],  # it is read order by order
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(version__gte=0), name="order_version_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.canonical_id


class OrderDetail(models.Model):
    """What is shown of an order and seldom read by a pass."""

    order = models.OneToOneField(
        Order, on_delete=models.CASCADE, primary_key=True, related_name="detail"
    )
    source = models.ForeignKey(Source, on_delete=models.PROTECT)  # who told us of it first
    customer_key = models.CharField(max_length=64, blank=True, default="")
    customer_name = models.CharField(max_length=255, blank=True, default="")  # company, or ""
    channel = models.CharField(max_length=32, blank=True, default="")
    seller = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["customer_name"], name="detail_by_customer"),
            models.Index(fields=["customer_key"], name="detail_by_customer_key"),
            models.Index(  # what `istartswith` asks for
                OpClass(Upper("customer_name"), name="text_pattern_ops"), name="detail_by_beginning"
            ),
        ]

    def __str__(self) -> str:
        return f"detail of {self.order_id}"


class OrderLine(models.Model):
    """One line as last amended."""

    class Fulfil(models.TextChoices):
        """What has to happen for a line to be fulfilled."""

        SHIP = "SHIP"
        ACTIVATE = "ACTIVATE"
        NONE = "NONE"

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    line = models.CharField(max_length=64)
    sku = models.CharField(max_length=64, blank=True, default="")
    description = models.CharField(max_length=255, blank=True, default="")
    quantity = models.IntegerField()
    unit_minor = models.BigIntegerField(default=0)
    fulfil = models.CharField(max_length=8, choices=Fulfil, default=Fulfil.SHIP)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "line"], name="line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.line}"


class OrderTotal(models.Model):
    """Running totals in a currency that is not the order's, and what they come to in that one."""

    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="totals", db_index=False
    )
    kind = models.CharField(max_length=24)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    # In the order's currency, at the rate that a settlement states; null: not known for all of it.
    own_minor = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "kind", "currency"], name="total_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.currency} of {self.order_id}"


class Alias(models.Model):
    """An outside id that means one order: deal, charge, invoice, parcel, payout line."""

    # null: any source
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, db_index=False)
    kind = models.CharField(max_length=32)  # order, payment, invoice, shipment, subscription …
    value = models.CharField(max_length=255)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="aliases")
    event_id = models.BigIntegerField(null=True)  # the event that taught it
    merged_from = models.ForeignKey(  # the order that it meant before that was merged
        Order, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "kind", "value"], nulls_distinct=False, name="alias_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["value", "kind"], name="alias_by_name")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class Recheck(models.Model):
    """The earliest moment at which an order must be judged again."""

    order = models.OneToOneField(
        Order, on_delete=models.CASCADE, primary_key=True, related_name="recheck"
    )
    due_at = models.DateTimeField()
    reason = models.CharField(max_length=64, blank=True, default="")  # check it waits on

    class Meta:
        indexes: ClassVar = [
            # In the order in which a pass takes them: the first of a million are read, not sorted.
            models.Index(fields=["due_at", "order"], name="recheck_by_due"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} at {self.due_at}"
