"""Every command of ours: it helps, it answers programs too, and its exit code tells failure."""

import argparse
import importlib
import io
import json
import pkgutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, load_command_class

OURS = sorted(
    (app, found.name)
    for app in ("audit", "config", "exceptions", "reconciliation")
    for found in pkgutil.iter_modules(
        importlib.import_module(f"{app}.management.commands").__path__
    )
)
NAMES = [name for _, name in OURS]

# What each is asked that it must refuse: the arguments, and words of the refusal. A command without
# a line here fails the test below.
REFUSALS: dict[str, tuple[list[str], str]] = {
    "compare_export": (
        ["f", "--source", "nobody", "--since", "2026-11-02", "--until", "2026-11-01"],
        "later than",
    ),
    "connect_source": (
        ["shop", "--name", "Shop", "--kind", "shop", "--team", "nobody"],
        "nobody",
    ),
    "create_admin": (["--username", "ada"], "--password-stdin"),
    "demo": (["compare"], "no demo here"),
    "demo_users": ([], "not a demo"),
    "export": (["orders", "--output", "/no/such/folder/orders.jsonl"], "No such file"),
    "import_csv": (["rows.csv", "--source", "nobody", "--mapping", "none.json"], "nobody"),
    "import_events": (["events.jsonl", "--source", "nobody"], "nobody"),
    "reconcile": (["--all"], "No rulebook"),
    "replay": (["--apply", "--by", "nobody", "--reason", "x"], "no user"),
    "state_diagram": (["--check", "--file", "/no/such/file"], "no place for"),
    "up": (["--port", "1", "--host", "203.0.113.1", "--no-demo"], "Cannot listen on port 1"),
}
# Those that nothing but the database itself can stop, and those with a test of their own: migrate;
# verify_audit and selfcheck exit with 1 for what they find.
NEVER_REFUSE = {"install", "loop", "migrate", "selfcheck", "sweep", "verify_audit"}


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.embedded.data_dir", lambda: tmp_path)


@pytest.mark.parametrize(("app", "name"), OURS)
def test_every_command_takes_json_and_says_what_each_argument_is(app: str, name: str) -> None:
    parser = load_command_class(app, name).create_parser("manage.py", name)

    assert len(parser.description or "") > 20
    assert "--json" in parser.format_help()
    parsers = [parser, *_parts(parser)]
    without = [
        action.dest
        for each in parsers
        for action in each._actions
        if not (action.help or action.choices or isinstance(action, argparse._SubParsersAction))
    ]
    assert without == []


def test_every_command_is_stated_here() -> None:
    assert sorted({*REFUSALS, *NEVER_REFUSE}) == sorted(NAMES)


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_refusal_is_one_json_object_and_a_failing_exit(name: str) -> None:
    arguments, words = REFUSALS[name]
    out = io.StringIO()

    with pytest.raises(CommandError, match=words):  # which manage.py turns into exit code 1
        call_command(name, *arguments, "--json", stdout=out)

    (line,) = out.getvalue().splitlines()
    assert words in json.loads(line)["error"]


@pytest.mark.django_db
def test_one_that_cannot_do_its_work_answers_in_words_as_well() -> None:
    out = io.StringIO()

    with pytest.raises(CommandError, match="not a demo"):
        call_command("demo_users", stdout=out)

    assert out.getvalue() == ""


def _parts(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """List the parsers of a command's parts."""
    return [
        part
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for part in dict.fromkeys(action.choices.values())
    ]
