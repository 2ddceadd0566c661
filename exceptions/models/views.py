"""Saved views of the queue."""

from django.conf import settings
from django.db import models

from reconciliation.models import Team


class SavedView(models.Model):
    """Named filters and sort, for one person, one team, or everyone."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=64)
    position = models.IntegerField(default=0)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True)
    filters = models.JSONField(default=list)  # [{"field": …, "operator": …, "value": …}]

    def __str__(self) -> str:
        return self.name
