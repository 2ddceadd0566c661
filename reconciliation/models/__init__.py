"""What reconciliation knows: sources, events, orders, entries, discrepancies, rulebooks, work."""

from reconciliation.models.diffs import DiffFinding, DiffSchedule, DiffWindow
from reconciliation.models.discrepancies import Discrepancy, Waiver
from reconciliation.models.entries import Entry
from reconciliation.models.events import (
    Event,
    EventConflict,
    RejectedEvent,
    SubjectData,
    UnusedMessage,
)
from reconciliation.models.jobs import Heartbeat, Installation, Job, Run, Stumble
from reconciliation.models.orders import (
    Alias,
    Order,
    OrderDetail,
    OrderLine,
    OrderTotal,
    Recheck,
)
from reconciliation.models.rulebooks import RulebookVersion
from reconciliation.models.sources import Source, SourceRhythm, SourceSecret
from reconciliation.models.teams import Absence, Calendar, Membership, Team
from reconciliation.models.uploads import (
    ColumnMapping,
    ImportFile,
    ImportFilePart,
    Upload,
    UploadItem,
    UploadRow,
)
from reconciliation.models.writebacks import Breaker, WriteBack, WriteBackAttempt

__all__ = [
    "Absence",
    "Alias",
    "Breaker",
    "Calendar",
    "ColumnMapping",
    "DiffFinding",
    "DiffSchedule",
    "DiffWindow",
    "Discrepancy",
    "Entry",
    "Event",
    "EventConflict",
    "Heartbeat",
    "ImportFile",
    "ImportFilePart",
    "Installation",
    "Job",
    "Membership",
    "Order",
    "OrderDetail",
    "OrderLine",
    "OrderTotal",
    "Recheck",
    "RejectedEvent",
    "RulebookVersion",
    "Run",
    "Source",
    "SourceRhythm",
    "SourceSecret",
    "Stumble",
    "SubjectData",
    "Team",
    "UnusedMessage",
    "Upload",
    "UploadItem",
    "UploadRow",
    "Waiver",
    "WriteBack",
    "WriteBackAttempt",
]
