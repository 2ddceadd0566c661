"""Names exceptions and teams for the audit trail."""

from collections.abc import Collection, Mapping

from audit.subjects import Subject
from reconciliation.models import Team


class Cases:
    """Exceptions, by their number."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name exceptions; each is still there, as none is ever deleted."""
        return {pk: Subject(f"#{pk}", f"/exceptions/{pk}/") for pk in ids}

    def found(self, name: str) -> int | None:
        """Find an exception by its number with a hash, as in #812."""
        number = name.removeprefix("#")
        is_number = number != name and number.isascii() and number.isdigit()
        return int(number) if is_number else None


class Teams:
    """Teams, by their slug."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name teams."""
        found = Team.objects.filter(pk__in=ids).values_list("pk", "name", "slug")
        return {pk: Subject(name, f"/teams/{slug}/") for pk, name, slug in found}

    def found(self, name: str) -> int | None:
        """Find a team by its slug."""
        return Team.objects.filter(slug=name).values_list("pk", flat=True).first()
