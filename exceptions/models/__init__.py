"""What the exception desk knows: cases, repairs, escalations, notes, views."""

from exceptions.models.bulk import Bulk, BulkItem
from exceptions.models.cases import Case
from exceptions.models.causes import CaseSign
from exceptions.models.channels import Channel, MessageAttempt, NotificationPreference
from exceptions.models.clocks import ClockInterval, ClockPlan
from exceptions.models.escalations import Escalation, Message
from exceptions.models.handoffs import Handoff
from exceptions.models.looking import Skip, Viewing
from exceptions.models.notes import Attachment, Comment
from exceptions.models.repairs import RepairAttempt
from exceptions.models.snoozes import Snooze
from exceptions.models.views import SavedView

__all__ = [
    "Attachment",
    "Bulk",
    "BulkItem",
    "Case",
    "CaseSign",
    "Channel",
    "ClockInterval",
    "ClockPlan",
    "Comment",
    "Escalation",
    "Handoff",
    "Message",
    "MessageAttempt",
    "NotificationPreference",
    "RepairAttempt",
    "SavedView",
    "Skip",
    "Snooze",
    "Viewing",
]
