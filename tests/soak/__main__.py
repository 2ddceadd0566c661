"""`python -m tests.soak NAME`: what takes too long for every change, in full."""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

from config import embedded
from tests.chaos.kills import chaos
from tests.soak.machines import work


def main() -> None:
    """Run one, print what came of it as one JSON object; exit with 1 if anything failed."""
    asked = _parser().parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "CRITICAL")
    runs = {"fuzz": _fuzz, "chaos": _chaos, "kills": _kills, "machines": _machines}
    found = runs[asked.name](asked)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    sys.exit(1 if found["failures"] else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    fuzz = names.add_parser("fuzz", help="requests that are nearly right")
    fuzz.add_argument("--requests", type=int, default=100_000)
    chaos = names.add_parser("chaos", help="processes killed under load")
    chaos.add_argument("--runs", type=int, default=200)
    kills = names.add_parser("kills", help="workers killed over many orders")
    kills.add_argument("--orders", type=int, default=100_000)
    kills.add_argument("--workers", type=int, default=8)
    machines = names.add_parser("machines", help="one worker, then several on their own machines")
    machines.add_argument("--orders", type=int, default=20_000)
    machines.add_argument("--workers", type=int, default=2)
    for each in (fuzz, chaos, kills):
        each.add_argument("--seed", type=int, default=1)
    return parser


def _fuzz(asked: argparse.Namespace) -> dict[str, Any]:
    _set_up()
    # Only now: these read the settings.
    from django.conf import settings  # noqa: PLC0415

    from config.scratch import scratch_database  # noqa: PLC0415
    from tests.soak.fuzz import fuzz, settle_in  # noqa: PLC0415

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    with scratch_database(name=f"recon_fuzz_{os.getpid()}"):
        keys = settle_in(at=datetime.now(UTC))
        return fuzz(requests=asked.requests, seed=asked.seed, keys=keys).as_json()


def _chaos(asked: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="recon-chaos-") as folder:
        return chaos(runs=asked.runs, seed=asked.seed, folder=Path(folder)).as_json()


def _kills(asked: argparse.Namespace) -> dict[str, Any]:
    _set_up()
    from config.scratch import scratch_database  # noqa: PLC0415 - as above
    from tests.soak.killing import Found, compare  # noqa: PLC0415

    return compare(
        Found(orders=asked.orders, workers=asked.workers, batch=1_000),
        fresh=lambda: scratch_database(name=f"recon_kills_{os.getpid()}"),
        pause=(0.2, 1.5),
        seed=asked.seed,
    ).as_json()


def _machines(asked: argparse.Namespace) -> dict[str, Any]:
    runs = []
    for workers in (1, asked.workers):
        with tempfile.TemporaryDirectory(prefix="recon-machines-") as folder:
            runs.append(work(orders=asked.orders, workers=workers, folder=Path(folder)))
    return {
        "runs": [run.as_json() for run in runs],
        "times_as_fast": round(runs[0].seconds / runs[-1].seconds, 2),
        "failures": [failure for run in runs for failure in run.failures],
    }


def _set_up() -> None:
    if embedded.is_bundled():
        embedded.ensure_postgres()
    django.setup()


if __name__ == "__main__":
    main()
