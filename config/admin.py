"""Django's own admin, as far as people go: who they are, what they may do, which teams they have.

Each change is on the trail. Nobody is deleted, only switched off: trail and histories, whose rows
nobody may change, name them.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest

from audit.record import record
from reconciliation import clock
from reconciliation.models import Membership

admin.site.unregister(User)


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # takes none where it runs
    """The teams whose exceptions a person works."""

    model = Membership
    fields = ("team", "is_lead")  # hours are set on the team's page
    extra = 1


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]
    """Accounts with their roles, which are groups, and their teams."""

    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Say no, to admins too."""
        return False

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:  # noqa: ANN401
        """Put a new account on the trail; Django calls this in the transaction that makes it."""
        _record(request, obj, action="access.granted", message=message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:  # noqa: ANN401
        """Put a changed account on the trail."""
        _record(request, obj, action="access.changed", message=message)
        return super().log_change(request, obj, message)


def _record(request: HttpRequest, person: User, *, action: str, message: object) -> None:
    teams = Membership.objects.filter(user=person).order_by("team__slug")
    record(
        stream="access",
        subject_id=person.pk,
        action=action,
        actor=request.user.get_username(),
        at=clock.now(),
        detail={
            "username": person.username,
            "roles": list(person.groups.order_by("name").values_list("name", flat=True)),
            "teams": list(teams.values_list("team__slug", flat=True)),
            "is_active": person.is_active,
            "is_superuser": person.is_superuser,
            "changed": message,
        },
    )
