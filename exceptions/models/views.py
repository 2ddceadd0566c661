"""Saved views of the queue."""

from django.conf import settings
from django.db import models

from reconciliation.models import Team


class SavedView(models.Model):
    """Named filters and their arrangement, for one person, one team, or everyone."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=64)
    position = models.IntegerField(default=0)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True)
    filters = models.JSONField(default=list)  # [{"field": …, "operator": …, "value": …}]
    sort = models.CharField(max_length=16, default="sla")
    columns = models.JSONField(default=list)  # names of those that were added
    density = models.CharField(max_length=16, blank=True, default="")  # "": each person's own

    def __str__(self) -> str:
        return self.name
