"""What several of these tests stand on."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from reconciliation.queries import positions_that_differ
from tests.reconciliation.front_door import Sender


@pytest.fixture
def totals_stay_true(db: None) -> Iterator[None]:
    """When the test is over, each running total is what its entries come to."""
    yield
    assert positions_that_differ() == []


@pytest.fixture
def shop(installed: datetime) -> Sender:
    """Give a connected shop that signs what it posts."""
    return Sender(at=installed)
