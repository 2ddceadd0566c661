"""Names exceptions for the audit trail."""

from collections.abc import Collection, Mapping

from audit.subjects import Subject


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
