"""The audit list and its exports, as people see them."""

import csv
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from audit.merkle import leaf_hash, row_hash
from audit.models import AuditEvent
from audit.record import record
from reconciliation.models import Order
from tests.audit.conftest import NOON

READS = ["Auditor", "Admin", "Platform owner", "Executive", "Team lead"]
READS_NOT = ["Rule editor", "Rule approver"]
PAGES = ["/audit/", "/audit/export.csv", "/audit/export.jsonl"]

pytestmark = pytest.mark.django_db


def _client(role: str = "Auditor") -> Client:
    user = User.objects.create_user(role.replace(" ", ""), first_name=role, last_name="Person")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _order(name: str) -> Order:
    order = Order.objects.create(canonical_id=name, currency="EUR")
    record(stream="order", subject_id=order.pk, action="order.created", actor="x", at=NOON)
    return order


def _body(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.getvalue().decode()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", READS)
def test_these_roles_read_the_trail(role: str, page: str) -> None:
    assert _body(_client(role), page)


def test_an_operator_reads_the_list_and_exports_nothing() -> None:
    operator = _client("Operator")

    assert operator.get("/audit/").status_code == 200
    assert operator.get("/audit/export.csv").status_code == 403


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", READS_NOT)
def test_these_roles_do_not_and_hear_which_one_does(role: str, page: str) -> None:
    answer = _client(role).get(page)

    assert answer.status_code == 403
    assert "Auditor" in answer.content.decode()


def test_a_row_names_its_order_and_says_what_was_done_by_whom() -> None:
    client = _client()
    order = _order("ORD-1")
    record(
        stream="order", subject_id=order.pk, action="order.confirmed", actor="service:apply",
        at=NOON, from_state="CREATED", to_state="CONFIRMED", rulebook_version=3,
    )  # fmt: skip

    page = _body(client, "/audit/")

    assert '<a href="/orders/ORD-1/">ORD-1</a>' in page
    assert "State Created to Confirmed" in page
    assert "Apply (service)" in page
    assert "v3" in page


def test_the_list_goes_older_and_newer_without_losing_or_repeating_a_row() -> None:
    client = _client()
    for number in range(120):
        at = NOON + timedelta(minutes=number // 7)  # several share a moment
        record(stream="case", subject_id=number, action="case.claimed", actor="x", at=at)

    def _ids(address: str) -> list[int]:
        return [line.id for line in client.get(address).context["rows"]]

    first = client.get("/audit/")
    seen, href = [], "/audit/"
    while href:
        answer = client.get(href)
        seen += [line.id for line in answer.context["rows"]]
        last, href = answer, answer.context["older_href"]

    assert seen == list(AuditEvent.objects.order_by("-at", "-id").values_list("id", flat=True))
    assert last.context["newer_href"]
    assert _ids(client.get(first.context["older_href"]).context["newer_href"]) == seen[:50]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("stream=order", {"A", "B"}),
        ("stream=case", set()),
        ("subject=A", {"A"}),
        ("stream=order&subject=B", {"B"}),
        ("actor=x", {"A", "B"}),
        ("actor=y", set()),
        ("action=order.cre", {"A", "B"}),
        ("since=2026-11-01&until=2026-11-01", {"A", "B"}),
        ("since=2026-11-02", set()),
        ("until=2026-10-31", set()),
    ],
)
def test_the_filters_find_what_they_say(query: str, names: set[str]) -> None:
    client = _client()
    _order("A")
    _order("B")

    rows = client.get(f"/audit/?{query}").context["rows"]

    assert {line.subject.name for line in rows} == names


@pytest.mark.parametrize("query", ["since=yesterday", "stream=nothing", "subject=ORD-404"])
def test_a_filter_that_cannot_be_read_is_said_beside_it(query: str) -> None:
    answer = _client().get(f"/audit/?{query}")

    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["older=x", "older=999999", "newer=9999999999999999999999", "older=²"]
)
def test_a_place_that_does_not_exist_is_a_bad_request(query: str) -> None:
    assert _client().get(f"/audit/?{query}").status_code == 400


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_is_itself_on_the_trail(form: str) -> None:
    client = _client()
    _order("A")

    _body(client, f"/audit/export.{form}?stream=order")

    row = AuditEvent.objects.get(action="access.exported")
    assert row.actor == "Auditor"
    assert json.loads(bytes(row.body))["detail"] == {
        "what": "audit",
        "format": form,
        "filters": {"stream": "order"},
    }


def test_no_cell_of_the_spreadsheet_is_a_formula() -> None:
    client = _client()
    for reason in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "fine"):
        record(stream="case", subject_id=1, action="case.a", actor="x", at=NOON, reason=reason)

    rows = list(csv.DictReader(StringIO(_body(client, "/audit/export.csv?stream=case"))))

    assert {row["reason"] for row in rows} == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "fine"}


def test_the_json_lines_hold_what_a_leaf_is_the_hash_of() -> None:
    client = _client()
    _order("A")

    first = json.loads(_body(client, "/audit/export.jsonl?stream=order").splitlines()[0])

    row = AuditEvent.objects.get(stream="order")
    again = row_hash(
        row_id=first["id"],
        transaction_id=first["transaction_id"],
        body=first["body"].encode(),
    )
    assert again == leaf_hash(
        row.pk.to_bytes(8, "big") + int(row.transaction_id).to_bytes(8, "big") + bytes(row.body)
    )


def test_a_swap_gets_the_rows_alone() -> None:
    answer = _client().get("/audit/", headers={"HX-Request": "true", "HX-Target": "rows"})

    assert answer.content.decode().strip().startswith('<div id="rows"')


def test_only_reading_methods_are_answered() -> None:
    client = _client()

    assert [client.post(page).status_code for page in PAGES] == [405, 405, 405]
