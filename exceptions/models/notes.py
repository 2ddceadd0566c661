"""What people write on a case."""

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case


class Comment(models.Model):
    """A person's remark."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text[:40]
