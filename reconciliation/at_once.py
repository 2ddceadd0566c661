"""A migration's operation that creates many tables at once, for the first migration of an app."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_OF_TABLES = (CreateModel, AddField, AddIndex, AddConstraint)


class CreateAtOnce(Operation):
    """Creates each table once, as it is after the last of these operations.

    They may create models and add to them; anything else is refused, for it would not be done.

    Django builds all related models anew after each operation: of the hundred that come to an
    empty product, that takes ten times as long as PostgreSQL does.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if not isinstance(operation, _OF_TABLES):
                raise TypeError(f"No table is created by: {operation.describe()}")
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Apply all to a state whose models are built when they are next asked for."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Create the tables with all their columns, indexes and constraints."""
        for name in self._models():
            schema_editor.create_model(to_state.apps.get_model(app_label, name))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the tables."""
        for name in reversed(self._models()):
            schema_editor.delete_model(from_state.apps.get_model(app_label, name))

    def describe(self) -> str:
        """Say what it does, as `migrate` shows it."""
        return f"Create {len(self._models())} tables at once"

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Give what makes it again."""
        return type(self).__name__, [], {"operations": self.operations}

    def _models(self) -> list[str]:
        return [each.name for each in self.operations if isinstance(each, CreateModel)]
