"""What people write on a case and the files they put beside it: taken in, and handed out."""

from http import HTTPStatus

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from audit.exports import note_export
from exceptions import attachments, comments
from exceptions.desk import Merged
from exceptions.forms import CommentForm, first_error
from exceptions.models import Attachment
from exceptions.permissions import NotAllowed
from exceptions.views.answers import check_visible, conflicted, deny, done, person, refused
from reconciliation.clock import now


@require_POST
def comment(request: HttpRequest, case_id: int) -> HttpResponse:
    """Write on a case, with files."""
    by, at, form = person(request), now(), CommentForm(request.POST)
    check_visible(request, case_id)
    if not form.is_valid():
        return _refuse(request, case_id, f"{first_error(form)} Nothing changed.")
    try:
        written = comments.comment(
            case_id=case_id, text=form.cleaned_data["text"], by=by, at=at, files=_files(request)
        )
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except Merged as refusal:
        return conflicted(request, case_id, refusal, at=at)
    except attachments.CannotAttach as refusal:
        return _refuse(request, case_id, str(refusal))
    return done(request, case_id, said=written.said, at=at)


@require_safe
def attached(request: HttpRequest, case_id: int, attachment_id: int) -> HttpResponse:
    """Hand a file out to be saved, never shown in place; who took it is on the trail."""
    check_visible(request, case_id)
    kept = Attachment.objects.filter(comment__case=case_id, forgotten_at__isnull=True)
    found = kept.filter(pk=attachment_id).first()
    if found is None:
        raise Http404
    note_export(
        what=f"File on exception #{case_id}",
        how=found.kind,
        filters={"sha256": bytes(found.sha256).hex()},
        by=person(request),
        at=now(),
    )
    answer = HttpResponse(bytes(found.content or b""), content_type=found.kind)
    named = content_disposition_header(as_attachment=True, filename=found.name)
    answer["Content-Disposition"] = named or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _files(request: HttpRequest) -> list[attachments.Given]:
    """Read what was sent; what is too large anyhow is not read."""
    return [_given(each) for each in request.FILES.getlist("files")]


def _given(sent: "UploadedFile[bytes]") -> attachments.Given:
    size = sent.size or 0
    content = sent.read() if size <= attachments.MOST_BYTES else b""
    return attachments.Given(name=sent.name or "", size_bytes=size, content=content)


def _refuse(request: HttpRequest, case_id: int, text: str) -> HttpResponse:
    """Say why nothing was added; a page without a script keeps what was written."""
    return refused(
        request,
        case_id,
        text=text,
        at=now(),
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        around={"draft": request.POST.get("text", "")},
    )
