"""`manage.py replay`: estimates, compares, and puts right when told by whom and why."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from reconciliation.models import Job, Order
from tests.reconciliation.test_replay import deliver, owner, shop_order
from tests.reconciliation.worlds import rules

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_orders(db: None) -> None:
    rules()
    shop_order("O-1")
    shop_order("O-2")
    deliver()
    Order.objects.filter(canonical_id="O-2").update(paid_minor=1)


def ran(*arguments: str, status: int = 0) -> dict[str, Any]:
    out = StringIO()
    found = 0
    try:
        call_command("replay", *arguments, "--json", stdout=out)
    except SystemExit as ended:
        found = int(str(ended.code))
    assert found == status
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_an_estimate_starts_nothing() -> None:
    counts = ran("--source", "billing", "--estimate")

    assert counts == {"events_chosen": 2, "orders": 2, "events": 8, "without_order": 0}
    assert not Job.objects.exists()


def test_what_differs_is_named_and_the_exit_says_so() -> None:
    answer = ran(status=1)

    assert (answer["differ"], answer["put_right"]) == (1, 0)
    assert answer["differing"][0]["order"] == "O-2"
    assert ran("--order", "O-1")["differ"] == 0


def test_it_puts_right_what_differs_for_someone_with_a_reason() -> None:
    with pytest.raises(CommandError, match="Say who"):
        ran("--apply")

    owner()
    answer = ran("--apply", "--by", "platform.owner", "--reason", "totals were lost")

    assert (answer["differ"], answer["put_right"]) == (1, 1)
    assert Order.objects.get(canonical_id="O-2").paid_minor == 1000


def test_words_say_the_same() -> None:
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("replay", "--since", "2026-01-01T00:00Z", stdout=out)

    assert "O-2: position: paid_minor is 1, rebuilt 1000" in out.getvalue()
