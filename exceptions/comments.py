"""Writes on a case: a remark, the files with it, and a message to everyone it names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Lower

from audit.record import record
from exceptions import attachments, messages
from exceptions.attachments import Given
from exceptions.desk import check_goes_on, locked
from exceptions.models import Attachment, Case, Comment
from exceptions.permissions import check_can_comment, name_of, readable_cases
from reconciliation import rulebook

# "@olga" after a space or at the beginning: an e-mail address names nobody.
_MENTION = re.compile(r"(?<![\w.@+-])@([\w.@+-]{1,150})")
_MOST_NAMED = 20  # a remark to more people than this is a circular


@dataclass(frozen=True)
class Written:
    """A remark that was kept, and what came of the names in it."""

    comment: Comment
    told: Sequence[User] = ()
    barred: Sequence[User] = ()  # they may not see the case
    unknown: Sequence[str] = ()

    @property
    def said(self) -> str:
        """Say what was done, and who was not told and why."""
        told = ", ".join(name_of(each) for each in self.told)
        parts = ["Comment added.", f"Told {told}." if told else ""]
        parts += [
            f"{name_of(each)} may not see this exception and was not told." for each in self.barred
        ]
        parts += [f"Nobody active is called @{name}, so nobody was told." for name in self.unknown]
        return " ".join(filter(None, parts))


@transaction.atomic
def comment(
    *, case_id: int, text: str, by: User, at: datetime, files: Sequence[Given] = ()
) -> Written:
    """Write a remark on a case, open or closed, and tell whom it names.

    Raises NotAllowed, Merged; CannotAttach, and then nothing is kept.
    """
    case = locked(case_id)
    check_can_comment(by, case)
    check_goes_on(case)
    attachments.check(files)
    written = _named(case, Comment(case=case, by=by, text=text, at=at))
    written.comment.save()
    Attachment.objects.bulk_create(
        Attachment(
            comment=written.comment,
            name=each.shown_name,
            kind=each.kind,
            size_bytes=each.size_bytes,
            sha256=each.digest,
            content=each.content,
        )
        for each in files
    )
    _record(case, written, files)
    _tell(case, written)
    return written


def names_in(text: str) -> list[str]:
    """List the names that a text mentions, each once, without the point that ends a sentence."""
    found = (name.rstrip(".@+-") for name in _MENTION.findall(text))
    return list(dict.fromkeys(name for name in found if name))[:_MOST_NAMED]


def _named(case: Case, comment: Comment) -> Written:
    """Find whom a remark names; nobody is told of their own."""
    names = names_in(comment.text)
    wanted = [name.lower() for name in names]
    people = list(
        User.objects.annotate(lower=Lower("username"))
        .filter(is_active=True, lower__in=wanted)
        .order_by("pk")
    )
    known = {each.username.lower() for each in people}
    others = [each for each in people if each.pk != comment.by_id]
    may_see = [each for each in others if readable_cases(each).filter(pk=case.pk).exists()]
    return Written(
        comment=comment,
        told=may_see,
        barred=[each for each in others if each not in may_see],
        unknown=[name for name in names if name.lower() not in known],
    )


def _record(case: Case, written: Written, files: Sequence[Given]) -> None:
    """Put it on the trail: who wrote, whom it named, the hashes of its files; never its words."""
    record(
        stream="case",
        subject_id=case.pk,
        action="case.commented",
        actor=written.comment.by.username,
        at=written.comment.at,
        from_state=case.state,
        to_state=case.state,
        detail={
            "comment": written.comment.pk,
            "length": len(written.comment.text),
            "told": [each.username for each in written.told],
            "files": [{"sha256": each.digest.hex(), "bytes": each.size_bytes} for each in files],
        },
    )


def _tell(case: Case, written: Written) -> None:
    """Leave a message for each; it does not quote, for it may go out to where nothing is erased."""
    if not written.told:
        return
    title = rulebook.version(case.rulebook_version).check(case.check_name).title
    about = f", order {case.order.canonical_id}" if case.order else ""
    messages.tell_people(
        case=case,
        people=written.told,
        subject=f"{name_of(written.comment.by)} mentioned you: {title}, exception #{case.pk}",
        text=f"In a comment on exception #{case.pk}: {title}{about}. Open it to read and answer.",
        at=written.comment.at,
    )
