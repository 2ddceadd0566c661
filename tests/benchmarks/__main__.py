"""`python -m tests.benchmarks NAME`: how fast the product is beside its peers, in the same run."""

import argparse
import json
import os
import sys

import django

from config import embedded


def main() -> None:
    """Measure in a scratch database, then print a table or, with --json, one object."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")  # no broker runs here, and none is needed
    if embedded.is_bundled():
        embedded.ensure_postgres()
    django.setup()
    # Only now: these read the settings.
    from config.scratch import scratch_database  # noqa: PLC0415
    from tests.benchmarks import frame  # noqa: PLC0415
    from tests.benchmarks.registry import BENCHMARKS  # noqa: PLC0415

    asked = _parser(sorted(BENCHMARKS)).parse_args()
    with scratch_database(name=f"recon_benchmark_{os.getpid()}"):
        report = frame.run(
            name=asked.name,
            benchmark=BENCHMARKS[asked.name],
            orders=asked.orders,
            rounds=asked.rounds,
        )
    sys.stdout.write(
        (json.dumps(report.as_json()) if asked.json else frame.as_table(report)) + "\n"
    )


def _parser(names: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=names)
    parser.add_argument("--orders", type=int, default=20_000, help="orders, over all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    main()
