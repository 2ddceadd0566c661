"""Strict JSON: what it lets through can be stored and read back; all else is refused by name."""

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation import strict, validate
from reconciliation.strict import NotJson

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4
    )
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def details(text: str) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.detail) for problem in strict.read(text).problems]


@pytest.mark.parametrize(
    ("text", "pointer", "detail"),
    [
        ('{"a":{"b":1,"b":2}}', "/a", "A key stands twice"),
        ('{"a":["\\u0000"]}', "/a/0", "NUL"),
        ('{"a":"\\ud800"}', "/a", "surrogate"),
        ('{"a":"\\udc00\\ud800"}', "/a", "surrogate"),
        ('{"a":{"\\u0000":1}}', "/a", "A key holds a NUL"),
        ('{"a/b~c":"\\u0000"}', "/a~1b~0c", "NUL"),
        ('{"a":NaN}', "/a", "NaN is not JSON"),
        ('{"a":-Infinity}', "/a", "-Infinity is not JSON"),
        ('{"a":9223372036854775808}', "/a", "beyond 64 bits"),
        ('{"a":-9223372036854775809}', "/a", "beyond 64 bits"),
        (f'{{"a":{"9" * 5000}}}', "/a", "beyond 64 bits"),
        ('{"a":1e301}', "/a", "out of range"),
        ('{"a":1e-301}', "/a", "out of range"),
        ('{"a":0e99999999999999999999}', "/a", "out of range"),
        (f'{{"a":0.{"1" * 64}}}', "/a", "too many digits"),
        ("[" * 65 + "]" * 65, "/0" * 64, "nested deeper than 64"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, pointer: str, detail: str) -> None:
    ((where, why),) = details(text)

    assert where == pointer
    assert detail in why


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":9223372036854775807}', {"a": 2**63 - 1}),
        ('{"a":-9223372036854775808}', {"a": -(2**63)}),
        ('{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        ('{"a":1.0,"b":1e2,"c":-0}', {"a": 1, "b": 100, "c": 0}),
        ('{"a":0.1}', {"a": Decimal("0.1")}),
        ('{"a":1,"A":2}', {"a": 1, "A": 2}),
        (" \n5 ", 5),
    ],
)
def test_what_is_fine_is_read(text: str, value: object) -> None:
    assert strict.read(text) == strict.Text(value, text.strip(), ())


def test_sixty_four_levels_are_fine() -> None:
    assert details("[" * 64 + "]" * 64) == []


def test_every_problem_is_said_at_once() -> None:
    found = details('{"a":NaN,"b":["\\u0000",1e999],"c":{"d":1,"d":1}}')

    assert sorted(where for where, _ in found) == ["/a", "/b/0", "/b/1", "/c"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[1,]",
        "{'a':1}",
        "1 2",
        "{} x",
        '"\n"',
        '"\x00"',
        "[" * 200_000,
        '{"a":' * 200_000,
    ],
    ids=range(11),
)
def test_what_is_no_json_is_said(text: str) -> None:
    with pytest.raises(NotJson):
        strict.read(text)


@pytest.mark.parametrize(
    "raw",
    [b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"],
)
def test_only_plain_utf8_is_taken(raw: bytes) -> None:
    with pytest.raises(NotJson):
        strict.decode(raw)


def test_messages_quote_nothing() -> None:
    with pytest.raises(NotJson) as refusal:
        strict.read('{"card": 4111111111111111 oops}')

    assert "4111" not in str(refusal.value)


@given(VALUES)
def test_what_python_can_write_is_read_the_same(value: object) -> None:
    text = validate.as_json(value)

    found = strict.read(text)

    assert (found.value, found.problems) == (value, ())


@given(st.lists(VALUES, max_size=5), st.sampled_from(["", " ", "\n\t "]))
def test_an_array_is_read_item_by_item(values: list[Any], gap: str) -> None:
    text = (
        gap
        + "["
        + f"{gap},{gap}".join(validate.as_json(value) for value in values)
        + gap
        + "]"
        + gap
    )

    found = strict.read_array(text)

    assert [item.value for item in found] == values
    assert [item.source for item in found] == [validate.as_json(value) for value in values]


@settings(max_examples=2_000, deadline=None)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="replace"))
)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        found = strict.read(strict.decode(raw))
    except NotJson:
        return
    assert found.problems or json.dumps(json.loads(raw), allow_nan=False)


@settings(max_examples=1_000, deadline=None)
@given(st.text('{}[]",:0123456789eE+-.\\u dN', max_size=40))
def test_what_passes_can_be_written_again(text: str) -> None:
    try:
        found = strict.read(text)
    except NotJson:
        return
    if not found.problems:
        assert strict.read(validate.as_json(found.value)).value == found.value


@pytest.mark.django_db
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_passes_can_be_stored(value: dict[str, Any]) -> None:
    text = validate.as_json(strict.read(validate.as_json(value)).value)

    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [text])
        (stored,) = cursor.fetchone()

    assert strict.read(stored).value == value


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["1e300", "1e-300", "-1.5e299", "0e300", '"\\uffff\\u0001"'])
def test_the_edges_can_be_stored(text: str) -> None:
    written = validate.as_json({"a": strict.read(text).value})

    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb", [written])

    assert strict.read(text).problems == ()
    assert orjson.loads(written)
