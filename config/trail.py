"""Names people and the product itself for the audit trail."""

from collections.abc import Collection, Mapping

from django.contrib.auth.models import User

from audit.subjects import Subject


class People:
    """Accounts, by their user name."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name people."""
        found = User.objects.filter(pk__in=ids)
        return {user.pk: Subject(user.get_full_name() or user.username) for user in found}

    def found(self, name: str) -> int | None:
        """Find an account by its user name."""
        return User.objects.filter(username=name).values_list("pk", flat=True).first()


class Product:
    """The installation."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name the installation."""
        return dict.fromkeys(ids, Subject("This installation"))

    def found(self, name: str) -> int | None:
        """Find nothing: there is only one."""
        return None
