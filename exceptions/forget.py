"""Forgets a person in what people wrote and attached: asked by erasure, in its transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime

from exceptions.models import Attachment, Comment

_ERASED = "erased"


def forget(*, orders: Collection[int], words: Sequence[str], at: datetime) -> None:
    """Take a person's words out of comments, and drop the files on cases of their orders.

    What is in a picture cannot be searched, so every file on such a case goes; its hash stays.
    """
    kept = Attachment.objects.filter(comment__case__order__in=orders, forgotten_at__isnull=True)
    kept.update(name=_ERASED, content=None, forgotten_at=at)
    for word in words:
        for comment in Comment.objects.filter(text__contains=word):
            comment.text = comment.text.replace(word, _ERASED)
            comment.save(update_fields=["text"])
