"""The benchmarks there are, by name."""

from collections.abc import Mapping

from tests.benchmarks.fold import APPLY
from tests.benchmarks.frame import Benchmark
from tests.benchmarks.ingest import INGEST
from tests.benchmarks.panel import PANEL
from tests.benchmarks.passes import RECONCILE
from tests.benchmarks.polling import POLLING
from tests.benchmarks.queue import QUEUE
from tests.benchmarks.scale import SCALE

BENCHMARKS: Mapping[str, Benchmark] = {
    "apply": APPLY,
    "ingest": INGEST,
    "panel": PANEL,
    "polling": POLLING,
    "queue": QUEUE,
    "reconcile": RECONCILE,
    "scale": SCALE,
}
