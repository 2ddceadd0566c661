"""The HTTP cases of the CloudEvents project: what a request says is what is read from it.

Reads cases in its Gherkin shape: ours, beside this, and the project's own where they are at hand.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconciliation.models import Event, RejectedEvent
from tests.reconciliation.front_door import Sender

OURS = Path(__file__).parent / "cloudevents" / "http-protocol-binding.feature"
THEIRS = (
    Path(__file__).parents[3]
    / "shared/data/vectors/cloudevents-conformance/features/http-protocol-binding.feature"
)


class Scenario(NamedTuple):
    """One request, and what it says."""

    headers: Mapping[str, str]
    body: bytes
    attributes: Mapping[str, str]
    data: Any


def _scenarios(path: Path) -> Iterator[Scenario]:
    text = path.read_text()
    for outline in text.split("Scenario Outline:")[1:]:
        for content_type in re.findall(r"^\s*\| (application/.*?) *\|", outline, re.MULTILINE):
            yield _scenario(outline.replace("<contentType>", content_type))


def _scenario(text: str) -> Scenario:
    request, data = re.findall(r'"""\n(.*?)"""', text, re.DOTALL)
    head, _, body = request.partition("\n\n")
    pairs = [line.strip().split(": ", 1) for line in head.splitlines()[1:]]
    rows = re.findall(r"^\s*\| *(\w+) *\| (.*?) *\|$", text, re.MULTILINE)
    return Scenario(
        headers={name.lower(): value for name, value in pairs},
        body=body.encode(),
        attributes={name: value for name, value in rows if name != "key"},
        data=json.loads(data),
    )


def _cases() -> Iterator[Any]:
    for path in filter(Path.exists, (OURS, THEIRS)):
        for case in _scenarios(path):
            whose = "ours" if path is OURS else "theirs"
            yield pytest.param(case, id=f"{whose} {case.headers['content-type']}")


CASES = list(_cases())


@pytest.fixture
def shop(installed: datetime) -> Sender:
    return Sender(at=installed)


def test_the_projects_own_cases_are_all_read() -> None:
    if not THEIRS.exists():
        pytest.skip("the CloudEvents conformance cases are not at hand")

    assert len(list(_scenarios(THEIRS))) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES)
def test_a_request_is_read_as_the_specification_says(shop: Sender, case: Scenario) -> None:
    response = _post(shop, case.headers, case.body)

    kept = json.loads(bytes(RejectedEvent.objects.get().raw))
    assert kept.pop("data") == case.data
    assert {name: str(value) for name, value in kept.items()} == case.attributes
    assert [error["pointer"] for error in response.json()["errors"]] == ["/type"]  # not ours


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES)
def test_the_same_request_about_an_order_is_accepted(shop: Sender, case: Scenario) -> None:
    its_type = case.attributes["type"]
    headers = {
        name: "order.confirmed" if value == its_type else value
        for name, value in case.headers.items()
    }
    body = re.sub(rb'"message": "[^"]*"', b'"order": "1001"', case.body)

    response = _post(shop, headers, body.replace(its_type.encode(), b"order.confirmed"))

    assert response.status_code == 202
    assert Event.objects.get().event_id == case.attributes["id"]


def _post(shop: Sender, given: Mapping[str, str], body: bytes) -> Any:  # noqa: ANN401 - Django's
    headers = {name: value for name, value in given.items() if name.startswith("ce-")}
    return shop.post(body, content_type=given["content-type"], headers=headers)
