"""The types of events: their versions, which of them judges an event, and the reference of them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from reconciliation import normalise, reference, validate
from reconciliation.sources import canonical
from reconciliation.strict import Problem
from tests.reconciliation.front_door import confirmed

VERSIONS = [name for names in canonical.versions().values() for name in names]
PUBLISHED = {  # what senders may rely on for ever
    "correction.recorded.v1", "credit_note.issued.v1", "fulfilment.recorded.v1",
    "fulfilment.unrecorded.v1", "invoice.issued.v1", "invoice.voided.v1", "order.amended.v1",
    "order.cancelled.v1", "order.confirmed.v1", "order.created.v1", "payment.authorised.v1",
    "payment.captured.v1", "payment.captured.v2", "payment.disputed.v1", "payment.failed.v1",
    "payment.posted.v1", "payment.refunded.v1", "payment.unposted.v1", "payout.paid.v1",
    "return.received.v1", "settlement.finalised.v1", "settlement.finalised.v2",
    "settlement.pending.v1", "settlement.pending.v2", "shipment.delivered.v1",
    "shipment.shipped.v1", "subscription.activated.v1", "subscription.deactivated.v1",
    "writeback.confirmed.v1",
}  # fmt: skip
CASH = {"order": "1", "amount_minor": 5, "currency": "EUR"}  # has no name, so it needs version 2


def example(version: str) -> dict[str, Any]:
    found = canonical.schemas()[version]["examples"][0]
    assert isinstance(found, dict)
    return found


def problems(**envelope: object) -> list[Problem]:
    return list(validate.said(confirmed(**envelope)).problems)  # type: ignore[arg-type]


def test_no_published_version_is_ever_withdrawn() -> None:
    assert set(VERSIONS) >= PUBLISHED


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_accepts_its_example_and_a_reader_knows_it(version: str) -> None:
    type_ = version.rpartition(".v")[0]

    assert problems(type=type_, data=example(version), dataschema=f"/schemas/{version}") == []
    normalise.read(type_=type_, data=example(version))


def test_every_type_has_a_reader_and_every_reader_a_type() -> None:
    assert canonical.types().keys() == normalise.TYPES


def test_every_field_is_described() -> None:
    silent = {
        (version.name, field.name)
        for type_ in reference.types()
        for version in type_.versions
        for field in version.fields
        if not field.description and not field.name.startswith("entries[]")
    }

    assert silent == set()


def test_versions_come_newest_first() -> None:
    assert canonical.versions()["payment.captured"] == (
        "payment.captured.v2",
        "payment.captured.v1",
    )
    assert canonical.types()["payment.captured"] == "payment.captured.v2"


def test_an_event_of_any_version_is_accepted() -> None:
    named = example("payment.captured.v1")

    assert problems(type="payment.captured", data=CASH) == []
    assert problems(type="payment.captured", data=named) == []


@pytest.mark.parametrize(
    "address",
    [
        "/schemas/payment.captured.v1",
        "/schemas/payment.captured.v1.json",
        "https://recon.example.org/schemas/payment.captured.v1",
        "urn:reconcile:schema:payment.captured.v1",
    ],
)
def test_an_event_that_names_its_version_is_judged_by_that_one(address: str) -> None:
    found = problems(type="payment.captured", data=CASH, dataschema=address)

    assert found == [Problem("/data", '"payment" is a required property.')]


@pytest.mark.parametrize(
    "address",
    [
        "/schemas/payment.captured.v9",
        "/schemas/order.confirmed.v1",
        "/schemas/../payment.captured.v1",
        "https://example.org/payment.captured.v1",
        "payment.captured.v1",
    ],
)
def test_a_version_that_is_not_there_is_an_error_beside_the_others(address: str) -> None:
    found = problems(type="payment.captured", data={"order": "1"}, dataschema=address)

    assert [problem.pointer for problem in found] == ["/dataschema", "/data", "/data"]
    assert found[0].detail.endswith(
        "there is /schemas/payment.captured.v2, /schemas/payment.captured.v1."
    )


def test_what_fits_no_version_is_told_by_the_newest() -> None:
    found = problems(type="payment.captured", data={"order": "1", "amount_minor": -1})

    assert {problem.pointer for problem in found} == {"/data", "/data/amount_minor"}
    assert not any("payment" in problem.detail for problem in found)


def test_another_version_of_the_same_words_is_the_same_event() -> None:
    first, second = (
        validate.said(confirmed(dataschema=f"/schemas/order.confirmed.v1{ending}"))
        for ending in ("", ".json")
    )

    assert validate.canonical_bytes(first) == validate.canonical_bytes(second)


@pytest.mark.django_db
class TestTheReference:
    """Pages that are made from the schemas, open to all."""

    def test_lists_every_type_with_every_version(self) -> None:
        """And the envelope's own fields."""
        page = Client().get("/schemas/").content.decode()

        for type_, versions in canonical.versions().items():
            assert f'href="/schemas/{type_}/"' in page
            assert all(f'href="/schemas/{name}.json"' in page for name in versions)
        assert "specversion" in page

    @pytest.mark.parametrize("type_", sorted(canonical.versions()))
    def test_shows_each_field_in_words_and_an_example(self, type_: str) -> None:
        """What is shown as an example is a whole event that would be accepted."""
        answer = Client().get(f"/schemas/{type_}/")

        page = answer.content.decode()
        shown = reference.type_named(type_)
        assert shown is not None
        for version in shown.versions:
            assert all(f">{field.name}</th>" in page for field in version.fields)
            assert not validate.structured(version.example.encode()).problems

    def test_says_what_a_field_may_be(self) -> None:
        """In words, not in the schema's own."""
        fields = {field.name: field for field in _fields("order.created")}

        assert fields["order"].kind == "text, 1 to 64 characters"
        assert fields["currency"].kind == "text, three capital letters"
        assert fields["lines[].fulfil"].kind == "one of ship, activate, none"
        assert fields["lines[].quantity"].kind == "whole number, 1 to 1,000,000"
        assert (fields["customer.key"].is_required, fields["seller"].is_required) == (True, False)

    def test_gives_the_schema_where_an_event_says_it_is(self) -> None:
        """As `dataschema` names it, and under the name of a file."""
        plain = Client().get("/schemas/order.created.v1")

        assert plain.content == Client().get("/schemas/order.created.v1.json").content
        assert plain["Content-Type"] == "application/schema+json"
        assert json.loads(plain.content)["$id"] == "urn:reconcile:schema:order.created.v1"

    def test_leads_from_a_type_to_its_page(self) -> None:
        """Without its slash; what is no type is not there."""
        assert Client().get("/schemas/order.created")["Location"] == "/schemas/order.created/"
        assert Client().get("/schemas/order.eaten").status_code == 404
        assert Client().get("/schemas/order.eaten/").status_code == 404


def _fields(type_: str) -> Iterator[reference.FieldRow]:
    found = reference.type_named(type_)
    assert found is not None
    yield from found.versions[0].fields
