"""Workbooks are read cell by cell: what a sheet states of itself is not trusted."""

import re
import shutil
import zipfile
from datetime import datetime

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

import riskmap as rm
from riskmap.errors import InputError

HEADER = ["Date", "Province", "District", "Killed", "Remarks"]
FIRST = [datetime(2031, 1, 21), "Velmar", "Kelda", 1, "a"]  # noqa: DTZ001
SECOND = [datetime(2031, 1, 22), "Velmar", "Kelda", 2, "b"]  # noqa: DTZ001
SHEET = "xl/worksheets/sheet1.xml"


def write(path, rows=(HEADER, FIRST, SECOND), change=None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change is not None:
        change(book, book.active)
    book.save(path)
    return path


def edit(path, change, part=SHEET):
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return path


def count_rows(path):
    """Count the rows of the first sheet that hold anything, in its raw XML."""
    with zipfile.ZipFile(path) as book:
        rows = re.findall(rb"<row[ >].*?</row>", book.read(SHEET), re.DOTALL)
    return sum(b"<v>" in row or b"<is>" in row for row in rows)


def swapped(sheet):
    rows = re.findall(rb"<row .*?</row>", sheet)
    return sheet.replace(rows[1] + rows[2], rows[2] + rows[1])


FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize(
    "change",
    [
        lambda x: re.sub(rb'<dimension ref="[^"]*"/>', b'<dimension ref="A1"/>', x),
        lambda x: re.sub(rb'<dimension ref="[^"]*"/>', b'<dimension ref="A1:XFD1048576"/>', x),
        lambda x: re.sub(rb'<dimension ref="[^"]*"/>', b"", x),
        lambda x: re.sub(rb'(<row|<c) r="[^"]*"', rb"\1", x),
        swapped,
        lambda x: x.replace(b"</sheetData>", FAR),
        lambda x: x.replace(b"</sheetData>", b'<row r="9"><c r="A9" s="1"/></row></sheetData>'),
    ],
)
def test_as_many_rows_as_the_raw_sheet_holds(tmp_path, change):
    path = edit(write(tmp_path / "a.xlsx"), change)
    table = rm.read_incidents(path)
    assert len(table) == count_rows(path) - 1
    assert table["killed"].tolist()[:2] == [1, 2]


def test_a_row_that_stands_twice_is_refused(tmp_path):
    path = edit(
        write(tmp_path / "a.xlsx"),
        lambda x: re.sub(rb'r="([A-E]?)3"', rb'r="\g<1>2"', x),
    )
    with pytest.raises(InputError, match="row 2 stands twice"):
        rm.read_incidents(path)


def test_days_that_count_from_1904(tmp_path):
    def count_later(book, sheet):
        book.epoch = CALENDAR_MAC_1904
        sheet.append([47870 - 1462, "Velmar", "Kelda", 3, "a number, no date"])

    table = rm.read_incidents(write(tmp_path / "a.xlsx", change=count_later))
    days = table["event_date"].dt.date.astype("str").tolist()
    assert days == ["2031-01-21", "2031-01-22", "2031-01-22"]


def test_a_formula_without_a_value_is_told(tmp_path):
    rows = [HEADER, [FIRST[0], "=B9", "Kelda", "=1+2", "a"], ["=TODAY()", *SECOND[1:]]]
    table = rm.read_incidents(write(tmp_path / "a.xlsx", rows))
    assert table["not_understood"].iloc[0] == (
        "admin1=#no value saved: =B9; killed=#no value saved: =1+2"
    )
    assert pd.isna(table["killed"].iloc[0])
    assert table["quarantine_reason"].tolist()[1] == "bad_date"
    assert "=TODAY()" in table["quarantine_detail"].iloc[1]


def test_a_formula_gives_the_value_that_was_saved_with_it(tmp_path):
    saved = rb'<c r="D2"><f>1+2</f><v>3</v></c>'
    path = edit(
        write(tmp_path / "a.xlsx"), lambda x: re.sub(rb'<c r="D2".*?</c>', saved, x, count=1)
    )
    assert rm.read_incidents(path)["killed"].tolist() == [3, 2]


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#NAME?", "#DIV/0!", "#VALUE!", "####"])
def test_a_cell_that_holds_an_error_is_no_blank_and_no_name(tmp_path, error):
    rows = [HEADER, [FIRST[0], error, "Kelda", error, "a"], [error, *SECOND[1:]]]
    table = rm.read_incidents(write(tmp_path / "a.xlsx", rows))
    assert table["not_understood"].iloc[0] == f"admin1={error}; killed={error}"
    assert pd.isna(table["admin1"].iloc[0])
    assert table["admin2"].iloc[0] == "Kelda"
    assert table["quarantine_reason"].tolist()[1] == "bad_date"


@pytest.mark.slow
def test_hidden_rows_columns_and_sheets_are_read_and_told(tmp_path):
    def hide(book, sheet):
        sheet.title, sheet.sheet_state = "Log", "hidden"
        sheet.row_dimensions[3].hidden = sheet.column_dimensions["D"].hidden = True
        book.create_sheet("Cover", 0).append(["Licence", "free"])
        book.active = 0

    path = write(tmp_path / "a.xlsx", change=hide)
    report = rm.incidents.check_incidents_file(path)
    assert report.rows == 2
    assert report.told == (
        "the hidden sheet 'Log' is read",
        "hidden rows are read: 3",
        "hidden columns are read",
    )
    assert "hidden rows are read: 3" in str(report)


def test_a_licence_stands_first(tmp_path):
    def add(book, _):
        cover = book.create_sheet("Read me", 0)
        for row in (["Title", "Incidents"], ["Date", "2031-01-01"], ["Location", "World"]):
            cover.append(row)

    assert len(rm.read_incidents(write(tmp_path / "a.xlsx", change=add))) == 2


def test_a_merged_cell_makes_no_row_of_a_blank_one(tmp_path):
    rows = [HEADER, ["2031-01-21", "Velmar", "Kelda", 1, "a"], [None] * 5, [None] * 3 + [2, "b"]]
    path = write(tmp_path / "a.xlsx", rows, lambda _, sheet: sheet.merge_cells("A2:B4"))
    table = rm.read_incidents(path)
    assert table["source_row"].tolist() == [2, 4]
    assert table["event_date"].dt.day.tolist() == [21, 21]


def test_texts_with_an_apostrophe_in_front_are_what_they_say(tmp_path):
    rows = [HEADER, ["'2031-01-21", "'s-Velmar", "Kelda", "'3", "a"]]
    row = rm.read_incidents(write(tmp_path / "a.xlsx", rows)).iloc[0]
    assert (str(row["event_date"])[:10], row["killed"], row["admin1"]) == (
        "2031-01-21",
        3,
        "'s-Velmar",
    )


@pytest.mark.parametrize("name", ["a.xls", "a.csv", "a.json", "noname"])
def test_a_workbook_is_told_by_its_bytes(tmp_path, name):
    path = tmp_path / name
    shutil.copy(write(tmp_path / "b.xlsx"), path)
    assert len(rm.read_incidents(path)) == 2


@pytest.mark.parametrize("name", ["a.xls", "a.xlsx", "a.json", "a.csv", "a.zip", "a.gz"])
def test_a_text_is_told_by_its_bytes(tmp_path, name):
    path = tmp_path / name
    path.write_text("Date,Province,Killed\n2031-01-21,Velmar,1\n", encoding="utf-8")
    assert rm.read_incidents(path)["killed"].tolist() == [1]


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_records_are_told_by_their_bytes(tmp_path, name):
    path = tmp_path / name
    path.write_text('[{"date": "2031-01-21", "province": "Velmar"}]', encoding="utf-8")
    assert len(rm.read_incidents(path)) == 1


OLE = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OLE, "a workbook of Excel 97 to 2003"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a workbook with a password"),
        ({"mimetype": "application/vnd.oasis", "content.xml": "<x/>"}, "OpenDocument"),
        ({"xl/workbook.bin": "x"}, "XLSB"),
        ({"word/document.xml": "<x/>"}, "DOCX"),
        (b"%PDF-1.7\n1,2\n", "a PDF file"),
        (b"<html><table><tr><td>Date", "a web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "an XML file"),
        (b"SQLite format 3\0" + bytes(100), "GeoPackage"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
    ],
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.csv", "a.xls", "a.json"])
def test_other_kinds_are_refused_by_their_name(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, dict):
        with zipfile.ZipFile(path, "w") as packed:
            for part, text in content.items():
                packed.writestr(part, text)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        rm.read_incidents(path)
