"""Tells which cases wait for the word of a source that is silent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q

from exceptions.models import Case, RepairAttempt
from exceptions.rows import SilentSource
from reconciliation import rulebook, silent
from reconciliation.fields import BadCondition, Choice
from reconciliation.fields.kinds import Asked
from reconciliation.silent import Silent

ANY = "any"
_AWAITED = ("SENDING", "UNKNOWN", "DELIVERED")  # what was sent may yet come back as an event


def silent_sources(case: Case) -> list[SilentSource]:
    """List the silent sources that an open case waits for; most often none is silent at all."""
    if not case.is_open:
        return []
    return [
        SilentSource(each.name, f"/sources/{each.slug}/", each.since)
        for each in silent.sources()
        if each.source_id != case.discrepancy.source_id
        and Case.objects.filter(_waiting([each]), pk=case.pk).exists()
    ]


@dataclass(frozen=True)
class _WaitsOnSilent(Choice):
    """Whether a case waits for a source that is silent now: one, or "any"."""

    operators: ClassVar[tuple[str, ...]] = ("is",)

    def _leaf(self, _operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        found = [each for each in silent.sources() if wanted in (ANY, each.slug)]
        return _waiting(found) if found else Q(pk__in=[])

    def _compare(self, *_given: Any) -> bool:  # noqa: ANN401 - as its base
        raise BadCondition(f"{self.label} is asked of the database only.")


def _waiting(sources: Iterable[Silent]) -> Q:
    """Find by what would put the check right, and by write-backs whose answer is awaited."""
    rules, found = rulebook.live(), Q(pk__in=[])
    for each in sources:
        attempts = RepairAttempt.objects.filter(
            case=OuterRef("pk"), writeback__target=each.source_id, writeback__state__in=_AWAITED
        )
        found |= Q(check_name__in=silent.checks_waiting(each, rules=rules))
        found |= Q(discrepancy__writeback__target=each.source_id)
        found |= Q(state="VERIFYING") & Q(Exists(attempts))
    return found


def _choices() -> list[tuple[str, str]]:
    return [(ANY, "any"), *((each.slug, each.name) for each in silent.sources())]


SILENT_SOURCE = _WaitsOnSilent(
    "silent_source", "Waits on the silent source", ("pk",), choices=_choices
)
