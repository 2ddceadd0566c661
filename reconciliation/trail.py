"""Names orders, sources, rules and write-backs for the audit trail."""

from collections.abc import Collection, Mapping
from urllib.parse import quote

from audit.subjects import Subject
from reconciliation.models import Order, RulebookVersion, Source, WriteBack


def page_of(canonical_id: str) -> str:
    """Give the address of an order's page."""
    return f"/orders/{quote(canonical_id)}/"


class Orders:
    """Orders, by their canonical ID."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name orders."""
        found = Order.objects.filter(pk__in=ids).values_list("pk", "canonical_id")
        return {pk: Subject(name, page_of(name)) for pk, name in found}

    def found(self, name: str) -> int | None:
        """Find an order by its canonical ID."""
        found = Order.objects.filter(canonical_id=name).values_list("pk", flat=True)
        return found.first()


class Sources:
    """Sources, by their name or slug."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name sources."""
        found = Source.objects.filter(pk__in=ids).values_list("pk", "name", "slug")
        return {pk: Subject(name, f"/sources/{slug}/") for pk, name, slug in found}

    def found(self, name: str) -> int | None:
        """Find a source by its slug."""
        return Source.objects.filter(slug=name).values_list("pk", flat=True).first()


class Rulebooks:
    """Rulebook versions, by their number."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name versions."""
        found = RulebookVersion.objects.filter(pk__in=ids).values_list("pk", "number")
        return {pk: Subject(f"Rulebook v{number}") for pk, number in found}

    def found(self, name: str) -> int | None:
        """Find a version by its number with a v, as in v12."""
        number = name.removeprefix("v")
        if number == name or not (number.isascii() and number.isdigit()):
            return None
        found = RulebookVersion.objects.filter(number=number).values_list("pk", flat=True)
        return found.first()


class WriteBacks:
    """Write-backs, by what they do; shown with their order."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name write-backs."""
        found = WriteBack.objects.filter(pk__in=ids).select_related("order", "target")
        return {
            owed.pk: Subject(
                f"{owed.order.canonical_id} to {owed.target.name}",
                page_of(owed.order.canonical_id),
            )
            for owed in found
        }

    def found(self, name: str) -> int | None:
        """Find a write-back by its idempotency key."""
        found = WriteBack.objects.filter(idempotency_key=name).values_list("pk", flat=True)
        return found.first()
