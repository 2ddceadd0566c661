"""WooCommerce's orders."""

from reconciliation.sources.native import Unused
from tests.reconciliation.sources.messages import WOO_ORDER
from tests.reconciliation.sources.vendors import facts, read


def test_an_order_is_created_once() -> None:
    ((type_, data),) = facts(read("woocommerce", WOO_ORDER, topic="order.created"))

    assert (type_, data["order"], data["total_minor"]) == ("order.created", "727", 2_935)
    assert [line["unit_minor"] for line in data["lines"]] == [300, 1_200]


def test_other_topics_are_kept_unused() -> None:
    (found,) = read("woocommerce", WOO_ORDER, topic="coupon.created")

    assert isinstance(found, Unused)
