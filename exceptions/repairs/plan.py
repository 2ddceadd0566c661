"""A typed plan: what a repair would change, whether it may, and how it is taken back."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

UNDO_MINUTES = 30


class Change(NamedTuple):
    """One line of a preview: `system · field: old → new`."""

    system: str
    field: str
    old: str
    new: str


class Condition(NamedTuple):
    """Something that must be so, and whether it is."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Refusal:
    """Why there is no plan, in words for the screen."""

    why: str


@dataclass(frozen=True)
class Plan:
    """What one repair does to one order, as of now.

    Outside repairs have a `target` and an `action` with its `payload`; inside ones have `entries`
    for a correction event. Both never.
    """

    kind: str
    title: str
    tier: int
    order: str
    changes: tuple[Change, ...]
    resulting_state: str
    side_effects: str
    preconditions: tuple[Condition, ...]
    target: str = ""
    target_name: str = ""
    action: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    inverse_action: str = ""  # "" cannot be undone, unless inside
    entries: tuple[dict[str, Any], ...] = ()
    corrects: dict[str, Any] = field(default_factory=dict)  # what a correction says beyond entries
    is_final: bool = False  # an inside repair that leaves no way back

    @property
    def is_inside(self) -> bool:
        """Tell whether it changes only what we believe."""
        return not self.target

    @property
    def is_undoable(self) -> bool:
        """Tell whether there is a way back."""
        return not self.is_final and (self.is_inside or bool(self.inverse_action))

    @property
    def undo_minutes(self) -> int:
        """Give how long the way back stays open; 0 where there is none."""
        return UNDO_MINUTES if self.is_undoable else 0

    @property
    def is_possible(self) -> bool:
        """Tell whether every precondition holds."""
        return all(condition.holds for condition in self.preconditions)

    def as_json(self) -> dict[str, Any]:
        """Give the plan as it is stored."""
        return asdict(self)

    def sha256(self) -> str:
        """Hash the plan, so that what runs is what was shown."""
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()
