"""Whoever is erased, the trail proves what it proved before, and replay comes to the same."""

from collections.abc import Callable

import pytest

from audit.management.commands.verify_audit import check_stored
from reconciliation import replay
from reconciliation.models import Order
from reconciliation.parting import partings
from tests.reconciliation.test_erasure import ADA, EMAIL, erase, found_anywhere, order_of
from tests.reconciliation.worlds import rules
from tests.world import NOON


@pytest.mark.django_db(transaction=True)
def test_the_trail_holds_after_a_person_was_erased(seal_all: Callable[[], None]) -> None:
    rules()
    order_of(ADA)
    seal_all()

    erase()
    seal_all()

    report = check_stored()
    assert report.holds, report
    assert found_anywhere(EMAIL) == []
    assert partings(replay.rebuild(order_ids=[Order.objects.get().pk], at=NOON)) == []
