"""Logs are JSON lines in which no secret stands."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from config.logs import REDACTED, configure

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def line() -> Write:
    """Format a record the way the product's handlers do."""
    described = configure(level="INFO")["formatters"]["json"]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=described["foreign_pre_chain"], processors=described["processors"]
    )

    def write(message: str, **extra: object) -> dict[str, Any]:
        record = logging.LogRecord("some.place", logging.INFO, __file__, 1, message, (), None)
        record.__dict__.update(extra)
        written: dict[str, Any] = json.loads(formatter.format(record))
        return written

    return write


def test_a_line_is_one_object_with_its_place_level_and_time(line: Write) -> None:
    written = line("stored", order_id=7)

    assert (written["event"], written["order_id"]) == ("stored", 7)
    assert (written["logger"], written["level"]) == ("some.place", "info")
    assert written["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "given",
    [
        {"password": "hunter2"},
        {"headers": {"Authorization": "hunter2"}},
        {"sources": [{"signing_secret": "hunter2"}]},
        {"API_KEY": ["hunter2"]},
    ],
)
def test_what_is_named_like_a_secret_does_not_reach_the_log(
    line: Write,
    given: dict[str, object],
) -> None:
    written = json.dumps(line("signed", **given))

    assert "hunter2" not in written
    assert REDACTED in written
