"""WooCommerce's orders come in whole, in minor units."""

from tests.reconciliation.sources.messages import WOO_ORDER
from tests.reconciliation.sources.vendors import facts, read


def test_an_order_is_told_of_in_minor_units() -> None:
    ((type_, data),) = facts(read("woocommerce", WOO_ORDER, topic="order.created"))

    assert (type_, data["order"], data["total_minor"]) == ("order.created", "727", 2_935)
    assert [line["unit_minor"] for line in data["lines"]] == [300, 1_200]
    assert facts(read("woocommerce", WOO_ORDER, topic="coupon.created")) == []
