"""A slice of the long fuzzing: `python -m tests.soak fuzz` tries a hundred thousand."""

from datetime import UTC, datetime

import pytest

from tests.soak.fuzz import fuzz, settle_in
from tests.soak.mutants import Maker

REQUESTS = 1_500


@pytest.mark.django_db
def test_no_request_whatever_its_form_is_answered_by_a_failure() -> None:
    keys = settle_in(at=datetime(2026, 3, 2, 9, tzinfo=UTC))

    outcome = fuzz(requests=REQUESTS, seed=20261122, keys=keys)

    assert outcome.failures == {}
    # Most are understood, in part or in whole: what bounces off the first check proves little.
    assert sum(outcome.answers[status] for status in (200, 202, 400, 409, 422)) > REQUESTS / 2
    assert outcome.answers[202] > REQUESTS / 20
    assert {401, 404, 405, 413, 415} & set(outcome.answers) >= {401, 404, 405, 415}


def test_a_request_is_made_again_by_its_number() -> None:
    first, again = (Maker(keys={"shop": b"key"}, seed=1) for _ in range(2))

    assert [first.mutant(number).path for number in range(50)] == [
        again.mutant(number).path for number in range(50)
    ]
