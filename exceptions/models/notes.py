"""What people write on a case, and the files they put beside it."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case


class Comments(models.QuerySet["Comment"]):
    """Remarks, for a page."""

    def to_show(self) -> "Comments":
        """Bring who wrote them and their files along, but not what is in the files."""
        files = models.Prefetch("attachments", Attachment.objects.defer("content").order_by("pk"))
        return self.select_related("by").prefetch_related(files)


class Comment(models.Model):
    """A person's remark."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField()

    objects = Comments.as_manager()

    def __str__(self) -> str:
        return self.text[:40]


class Attachment(models.Model):
    """A file that came with a remark. Its bytes go when a person in it is erased."""

    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=128)  # media type by our own table, never as the sender said
    size_bytes = models.IntegerField()
    sha256 = models.BinaryField()
    content = models.BinaryField(null=True)
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(content__isnull=True, forgotten_at__isnull=False)
                | models.Q(content__isnull=False, forgotten_at__isnull=True),
                name="attachment_has_bytes_or_is_forgotten",
            ),
        ]

    def __str__(self) -> str:
        return self.name
