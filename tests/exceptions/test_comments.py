"""Remarks: whom they tell, the files with them, and what erasure takes out of both."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from audit.models import AuditEvent
from audit.queries import trail
from exceptions import comments, forget
from exceptions.attachments import MOST_BYTES, CannotAttach, Given, check
from exceptions.models import Attachment, Case, Comment, Handoff, Message, Snooze
from reconciliation import retention
from reconciliation.models import Team
from tests.exceptions.people import WEDNESDAY, case, lead, operator, person

LATER = WEDNESDAY + timedelta(minutes=5)
PNG = b"\x89PNG\r\n\x1a\nrest"

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_case(installed: None) -> Case:
    return case()


def given(name: str = "proof.png", content: bytes = PNG) -> Given:
    return Given(name=name, size_bytes=len(content), content=content)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@olga", ["olga"]),
        ("Ask @olga, @team.lead. And @olga!", ["olga", "team.lead"]),
        ("(@otto) looked", ["otto"]),
        ("ann@example.com paid", []),
        ("@ nobody, @@, @...", []),
    ],
)
def test_a_name_is_what_follows_an_at_and_no_address(text: str, names: list[str]) -> None:
    assert comments.names_in(text) == names


def test_who_is_named_and_may_see_it_is_told_once_and_the_rest_is_said(a_case: Case) -> None:
    olga, lena = operator(), lead()
    eva = person("eva", "Operator", team="revenue-ops")
    person("gone", "Operator").__class__.objects.filter(username="gone").update(is_active=False)

    written = comments.comment(
        case_id=a_case.pk, text="@Lena @olga @eva @gone @lena see", by=olga, at=LATER
    )

    assert (written.told, written.barred) == ([lena], [eva])
    told = Message.objects.get(channel="inbox")
    assert (told.recipient, told.case) == (lena, a_case)
    assert told.subject.startswith("Olga mentioned you")
    assert written.said == (
        "Comment added. Told Lena. Eva may not see this exception and was not told."
        " Nobody active is called @gone, so nobody was told."
    )
    assert a_case.comments.get().text == "@Lena @olga @eva @gone @lena see"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (given("page.html", b"<script>"), "page.html is of a kind that is not taken"),
        (given("a.svg", b"<svg>"), "a.svg is of a kind that is not taken"),
        (given("../../x.png", b"<html>"), "x.png is called .png and is none"),
        (given("b.txt", b""), "b.txt is empty"),
        (Given("c.pdf", MOST_BYTES + 1, b""), "c.pdf is larger than 10 MiB"),
        (given("gnp\u202e.exe"), "gnp.exe is of a kind"),
    ],
)
def test_what_is_wrong_with_files_is_said_all_at_once_and_nothing_is_kept(
    a_case: Case, wrong: Given, why: str
) -> None:
    files = [wrong, *[given()] * 5]

    with pytest.raises(CannotAttach) as refusal:
        comments.comment(case_id=a_case.pk, text="See", by=operator(), at=LATER, files=files)

    assert why in str(refusal.value)
    assert "6 files are too many" in str(refusal.value)
    assert not Comment.objects.exists()


def test_files_of_every_kind_that_is_taken_pass() -> None:
    check([given(), given("A.TXT", b"x"), given("b.pdf", b"%PDF-1.7"), given("c.xlsx", b"PK\3\4")])


def test_the_trail_knows_the_hash_and_neither_words_nor_name(a_case: Case) -> None:
    comments.comment(
        case_id=a_case.pk, text="Ann Lee", by=operator(), at=LATER, files=[given("ann.png")]
    )

    (row,) = trail(stream="case", subject_id=a_case.pk).defer(None)
    body = bytes(row.body).decode()
    assert given().digest.hex() in body
    assert "Ann" not in body
    assert "ann.png" not in body


def test_a_page_without_a_script_takes_files_and_keeps_the_text_when_it_cannot(
    a_case: Case, client: Client
) -> None:
    client.force_login(operator())
    page = f"/exceptions/{a_case.pk}/"

    sent = {"text": "Look <b>", "files": SimpleUploadedFile("x.html", b"<p>")}
    refused = client.post(f"{page}comment/", sent)
    assert refused.status_code == 422
    assert "Look &lt;b&gt;</textarea>" in refused.text
    files = [SimpleUploadedFile("ä “x”.png", PNG), SimpleUploadedFile("b.csv", b"a,b")]
    done = client.post(f"{page}comment/", {"text": "Look <b>", "files": files})
    assert done.status_code == 303

    shown = client.get(page).text
    first, second = Attachment.objects.order_by("pk")
    assert f"{page}files/{first.pk}/" in shown
    answer = client.get(f"{page}files/{second.pk}/")
    assert (answer.content, answer["Content-Type"]) == (b"a,b", "text/plain; charset=utf-8")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert AuditEvent.objects.filter(action="access.exported").count() == 1


def test_a_file_is_handed_only_to_who_may_see_its_case_and_under_its_case(
    a_case: Case, client: Client
) -> None:
    comments.comment(case_id=a_case.pk, text="See", by=operator(), at=LATER, files=[given()])
    kept = Attachment.objects.get()
    other = case(order="O-2")
    answers = []

    for who in (lead(), person("eva", "Operator", team="revenue-ops")):
        client.force_login(who)
        answers.append(client.get(f"/exceptions/{a_case.pk}/files/{kept.pk}/").status_code)
        assert client.get(f"/exceptions/{other.pk}/files/{kept.pk}/").status_code == 404

    assert answers == [200, 404]


def test_erasing_takes_the_words_and_the_bytes_and_leaves_the_proof(
    a_case: Case, client: Client
) -> None:
    olga = operator()
    words = ["Ann Lee", "ann.lee@example.com", "+49 30 (1234)", "1 Elm St", "Mark"]
    said = "ann lee of 1 Elm St, +49 30 (1234), ANN.LEE@example.com; Mark marked"
    left = "erased of erased, erased, erased; erased marked"
    comments.comment(case_id=a_case.pk, text=said, by=olga, at=LATER, files=[given("ann.png")])
    other = case(order="O-2", state="DISMISSED")
    comments.comment(
        case_id=other.pk, text="As", by=olga, at=LATER, files=[given(f"{'x' * 240} Ann Lee.png")]
    )
    Case.objects.filter(pk=other.pk).update(close_reason=said)
    Snooze.objects.create(case=a_case, by="olga", at=LATER, until=LATER, reason=said)
    Handoff.objects.create(
        case=a_case, from_team=a_case.team, to_team=Team.objects.get(slug="revenue-ops"),
        context={}, reason=said, answer=said, sent_by=olga, sent_at=LATER, accept_due_at=LATER,
    )  # fmt: skip

    forget.forget(orders=[a_case.order_id or 0], words=words, at=LATER)

    kept, others = Attachment.objects.order_by("pk")
    assert (kept.content, kept.name, bytes(kept.sha256)) == (None, "erased", given().digest)
    assert (others.name, others.content) == (f"{'x' * 240} erased.png", PNG)
    assert Comment.objects.get(case=a_case).text == left
    assert Case.objects.get(pk=other.pk).close_reason == left == Snooze.objects.get().reason
    assert Handoff.objects.values_list("reason", "answer").get() == (left, left)
    client.force_login(olga)
    assert "A file of 1 KiB, erased" in client.get(f"/exceptions/{a_case.pk}/").text
    assert client.get(f"/exceptions/{a_case.pk}/files/{kept.pk}/").status_code == 404


def test_files_go_in_time_once_their_exception_is_closed(a_case: Case, settings: Settings) -> None:
    settings.FILES_KEPT_DAYS = 30
    olga, closed = operator(), case(order="O-2", state="SETTLED", closed_at=WEDNESDAY)
    for each in (a_case, closed):
        comments.comment(case_id=each.pk, text="See", by=olga, at=WEDNESDAY, files=[given()])
    late = WEDNESDAY + timedelta(days=30)

    taken = [
        retention.take(limit=10, at=moment) for moment in (late, late + timedelta(minutes=1), late)
    ]

    assert taken == [0, 1, 0]
    stays, gone = Attachment.objects.order_by("pk")
    assert stays.content is not None
    assert (gone.content, gone.name, bytes(gone.sha256)) == (None, "proof.png", given().digest)
    assert b"attachments 1" in bytes(AuditEvent.objects.get(action="retention.swept").body)
