"""The bundled PostgreSQL: there for whom asks, gone after the last, back after any crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import embedded
from tests.config.processes import data_folder, environment, postmaster, running, wait_until

_ASK = "from config import embedded; print(embedded.ensure_postgres().app_url)"
# A shell that starts its jobs in the background lets them ignore Ctrl-C.
_HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
_HOLD = f"{_HEED}; {_ASK}; import time; print('held', flush=True); time.sleep(600)"


def ask(data: Path) -> subprocess.CompletedProcess[str]:
    """Use the server once, in a process of its own."""
    data.mkdir(parents=True, exist_ok=True)
    environ = environment(data) | {"PYTHONPATH": str(embedded.BASE_DIR)}
    return subprocess.run(
        [sys.executable, "-c", _ASK],
        check=False, cwd="/", env=environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an own data folder, whose path is too long for a socket."""
    with data_folder(under="a long, long way " * 8) as folder:
        monkeypatch.setenv("RECON_DATA", str(folder))
        monkeypatch.setenv("PYTHONPATH", str(embedded.BASE_DIR))
        yield folder


def test_the_last_user_stops_the_server_and_nobody_before(data: Path) -> None:
    with running(data, "-c", _HOLD) as holder:
        wait_until(lambda: postmaster(data), seconds=30)

        assert ask(data).returncode == 0
        assert postmaster(data) is not None

        holder.send_signal(signal.SIGINT)
        holder.wait()
    assert postmaster(data) is None


def test_the_application_signs_in_as_a_role_that_owns_nothing(data: Path) -> None:
    with running(data, "-c", _HOLD):
        wait_until(lambda: "held" in (data / "said.txt").read_text(), seconds=30)

        with psycopg.connect(embedded.servers().app_url) as connection:
            found = connection.execute(
                "SELECT current_user, rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles"
                " WHERE rolname = current_user"
            )

            assert found.fetchone() == ("recon_app", False)


def test_it_recovers_after_everything_was_killed(data: Path) -> None:
    with running(data, "-c", _HOLD) as holder:
        wait_until(lambda: "held" in (data / "said.txt").read_text(), seconds=30)
        server = postmaster(data)
        assert server is not None
        holder.kill()
        server.kill()

    again = ask(data)

    assert again.returncode == 0, again.stderr
    assert postmaster(data) is None


def test_a_pid_file_that_names_another_living_process_is_no_server(data: Path) -> None:
    assert ask(data).returncode == 0
    stale = data / "postgres/postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{data / 'postgres'}\n1\n5432\n/tmp\n\n1 1\nready\n")

    again = ask(data)

    assert again.returncode == 0, again.stderr
    assert not stale.exists()


def test_half_made_files_are_made_anew(data: Path) -> None:
    (data / "postgres.new").mkdir(parents=True)
    (data / "postgres.new/PG_VERSION").write_text("18")

    assert ask(data).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every folder")
def test_a_folder_of_somebody_else_is_named(data: Path) -> None:
    data.mkdir(parents=True)
    data.chmod(0o500)

    refused = ask(data)

    assert refused.returncode != 0
    assert "belongs to another user" in refused.stderr
