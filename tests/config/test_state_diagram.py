"""The drawings of the state machines."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config.states import DRAWN, diagram, redrawn
from reconciliation.models import Order


def check(file: Path) -> None:
    call_command("state_diagram", check=True, file=file)


def test_the_readme_draws_what_the_code_declares() -> None:
    check(settings.BASE_DIR / "README.md")


def test_a_drawing_names_every_state_and_move() -> None:
    drawing = diagram(Order)

    assert all(f"    {state} : " in drawing for state in Order.State.values)
    assert "    CLOSED --> RECONCILED : reopen" in drawing
    assert "    [*] --> CREATED" in drawing


def test_drawing_twice_changes_nothing_and_keeps_what_is_around(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- states:Order -->\nold\n<!-- /states:Order -->\nafter\n")

    call_command("state_diagram", file=file)

    drawn = file.read_text()
    assert drawn.startswith("before\n")
    assert "\nafter\n" in drawn
    assert "\nold\n" not in drawn
    assert drawn.count("```mermaid") == len(DRAWN)
    assert redrawn(drawn) == drawn
    check(file)


@pytest.mark.parametrize(("before", "after"), [("--> CLOSED", "--> OPENED"), ("states:Case", "x")])
def test_an_old_or_missing_drawing_fails_the_check(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "README.md"
    file.write_text(redrawn("").replace(before, after))

    with pytest.raises(CommandError):
        check(file)
