"""Files as rows: CSV in many manners, XLSX cell by cell, and those that may not be opened."""

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from reconciliation.sources import tables
from reconciliation.sources.cells import NUMBER, Typed
from reconciliation.sources.tables import BadFile


def read(content: bytes, **options: Any) -> list[list[object]]:  # noqa: ANN401 - as a mapping
    return [list(row.cells) for row in tables.rows(content, options)]


def workbook(*rows: list[object], title: str = "Sheet", layout: str = "") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    if layout:
        book.active["A2"].number_format = layout
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a,b\n1,2\n", {}),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", {}),
        (b"\xef\xbb\xbfa;b\n1;2\n", {"delimiter": ";", "encoding": "utf-8-sig"}),
        (b"a\tb\n\n1\t2\n , \n".replace(b" , ", b"\t"), {"delimiter": "\t"}),
        ("a,b\n1,2\n".encode("utf-16"), {"encoding": "utf-16"}),
        (b"Report of March\n\na,b\n1,2\n", {"header_row": 3}),
    ],
)
def test_a_table_is_read_however_it_is_written(content: bytes, options: dict[str, Any]) -> None:
    assert read(content, **options) == [["a", "b"], ["1", "2"]]


def test_windows_letters_are_read_where_the_mapping_says_so() -> None:
    content = "name\nMüller €\n".encode("cp1252")

    assert read(content, encoding="cp1252") == [["name"], ["Müller €"]]
    with pytest.raises(BadFile, match="after row 0"):
        read(content)


def test_a_form_begins_with_how_the_file_seems_to_be_written() -> None:
    assert tables.guess(b"a;b\n1;2,5") == {"encoding": "utf-8", "delimiter": ";"}
    assert tables.guess("a\tä".encode("cp1252")) == {"encoding": "cp1252", "delimiter": "\t"}


def test_a_workbooks_cells_are_exact() -> None:
    content = workbook(
        ["id", "amount", "day", "sum", "note"],
        ["000010", 12.1, datetime(2026, 3, 2), 0.1 + 0.2, True],  # noqa: DTZ001 - as sheets have
        [None, None, None, None, None],
        [7, 1234567890123, None, 100.0, None],
    )

    assert read(content)[1:] == [
        ["000010", Typed(NUMBER, "12.1"), Typed("moment", "2026-03-02T00:00:00"),
         Typed(NUMBER, "0.3"), "TRUE"],
        [Typed(NUMBER, "7"), Typed(NUMBER, "1234567890123"), "", Typed(NUMBER, "100"), ""],
    ]  # fmt: skip


def test_an_id_laid_out_with_zeros_keeps_them() -> None:
    assert read(workbook(["id"], [10], layout="000000"))[1] == ["000010"]


def test_a_sheet_is_found_by_name() -> None:
    content = workbook(["a"], ["x"], title="March")

    assert read(content, sheet="March") == [["a"], ["x"]]
    with pytest.raises(BadFile, match="no sheet 'April'; there are: March"):
        read(content, sheet="April")


def test_a_formula_that_was_never_calculated_is_not_read_as_nothing() -> None:
    with pytest.raises(BadFile, match="never calculated"):
        read(workbook(["a"], ["=1+1"]))


def with_part(content: bytes, name: str, text: bytes) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, text)
    return out.getvalue()


def test_a_calculated_formula_is_its_value() -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
        b'<row r="2"><c r="A2"><f>1+1.5</f><v>2.5</v></c></row></sheetData></worksheet>'
    )

    content = with_part(workbook(["a"]), "xl/worksheets/sheet1.xml", sheet)

    assert read(content) == [["a"], [Typed(NUMBER, "2.5")]]


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = with_part(workbook(["a"]), "xl/sharedStrings.xml", b" " * (80 * 1024 * 1024))

    assert len(bomb) < 200_000
    with pytest.raises(BadFile, match="more than 64 MiB"):
        read(bomb)


def test_an_entity_bomb_is_refused() -> None:
    layers = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    sheet = f'<!DOCTYPE x [<!ENTITY l0 "lol">{layers}]><worksheet>&l11;</worksheet>'.encode()

    with pytest.raises(BadFile):
        read(with_part(workbook(["a"]), "xl/worksheets/sheet1.xml", sheet))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 100])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        read(content)


def test_a_table_longer_than_the_most_is_refused() -> None:
    with pytest.raises(BadFile, match="more than 100,000 rows"):
        read(b"a\n" + b"1\n" * 100_001)
