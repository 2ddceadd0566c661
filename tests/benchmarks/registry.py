"""The benchmarks there are, by name."""

from collections.abc import Mapping

from tests.benchmarks.frame import Benchmark
from tests.benchmarks.ingest import INGEST

BENCHMARKS: Mapping[str, Benchmark] = {"ingest": INGEST}
