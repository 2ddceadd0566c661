"""Lists the guards that the code wants over the state machines in the database.

`config.invariants` asks whether they stand there, word for word.
"""

from functools import cache

from exceptions.models import Case
from reconciliation.guard import Machine, machine_guards, order_guards
from reconciliation.models import RulebookVersion, WriteBack

MACHINES = (
    Machine(Case, stream="case", noun="Case", is_versioned=True),
    Machine(WriteBack, stream="writeback", noun="Write-back"),
    # A draft may be thrown away; `rulebook_keep_content` keeps every other version.
    Machine(RulebookVersion, stream="rulebook", noun="Rulebook version", is_kept=False),
)


@cache
def declared() -> dict[str, str]:
    """Write the body of every guard function, by its name."""
    bodies = order_guards()
    for machine in MACHINES:
        bodies |= machine_guards(machine)
    return bodies
