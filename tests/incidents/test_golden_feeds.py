"""Golden files: invented rows in the shape of every feed, and what each must become.

``<file>.expected.json`` holds what is known of each row, and nothing of what the feed does not
know: ``foreign_victims`` is absent, not 0, where the feed has no such column.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

import riskmap as rm
from riskmap.incidents.delimited import read_header, read_rows, sniff_text

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(path for path in FOLDER.iterdir() if not path.name.endswith(".expected.json"))

#: Columns of the files in the shape of feeds that have several.
WIDTHS = {
    "acled_31.csv": 31,
    "awsd_2016.csv": 35,
    "awsd_2020.csv": 39,
    "awsd_2025-04.csv": 41,
    "awsd_2025-12.csv": 44,
    "gtd.csv": 135,
    "ucdp_41.csv": 41,
    "ucdp_48.csv": 48,
    "ucdp_49.csv": 49,
    "ucdp_candidate.csv": 49,
}


def known(table):
    """What is known of each row, as plain values."""
    rows = []
    plain = table.drop(columns="geometry").to_dict("records")
    for row, point in zip(plain, table.geometry, strict=True):
        told = {name: value for name, value in row.items() if not pd.isna(value)}
        told.pop("source_file")
        for name, value in told.items():
            if isinstance(value, pd.Timestamp):
                told[name] = value.isoformat() if value.tzinfo else str(value.date())
        if point is not None:
            told["point"] = [round(point.x, 6), round(point.y, 6)]
        rows.append(told)
    return rows


def expected(path):
    return json.loads(path.with_name(f"{path.name}.expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_becomes_what_it_must(path):
    table = rm.read_incidents(path)
    assert known(table) == expected(path)
    assert path.name.startswith(table["source"].iloc[0])


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_ledger_adds_up(path):
    table = rm.read_incidents(path)
    located = rm.locate(table, rm.datasets.regions())
    read = located.ledger.stages[0]
    assert (read.stage, read.rows_in) == ("read", len(expected(path)))
    refused = sum("quarantine_reason" in row for row in expected(path))
    assert read.quarantined == refused


@pytest.mark.parametrize("name", sorted(WIDTHS))
def test_the_files_have_the_shape_of_their_feed(name):
    encoding = {"awsd_2016.csv": "cp1252", "gtd.csv": "iso-8859-1"}.get(name, "utf-8")
    path = FOLDER / name
    assert len(read_header(sniff_text(path, encoding=encoding)).header) == WIDTHS[name]


@pytest.mark.parametrize("name", ["gtd.csv", *(n for n in WIDTHS if n.startswith("awsd"))])
def test_a_spreadsheet_of_the_same_rows_reads_the_same(name, tmp_path):
    """Spreadsheets hold numbers, not text, and leave out what is blank."""
    openpyxl = pytest.importorskip("openpyxl")
    encoding = {"awsd_2016.csv": "cp1252", "gtd.csv": "iso-8859-1"}.get(name, "utf-8")
    path = FOLDER / name
    file = sniff_text(path, encoding=encoding)
    raw = read_rows(file, read_header(file))
    book = openpyxl.Workbook()
    book.active.append(list(raw.header))
    for row in raw.rows.to_numpy():
        book.active.append([typed(value) for value in row])
    sheet = tmp_path / "rows.xlsx"
    book.save(sheet)
    assert known(rm.read_incidents(sheet)) == expected(path)


def typed(text):
    """A cell as a spreadsheet program keeps it; ids of twelve digits and broken points are text."""
    if text == "":
        return None
    try:
        number = int(text) if text.isdigit() else float(text)
    except ValueError:
        return text
    return number if str(number) == text else text


def test_a_feed_without_a_column_does_not_say_nought():
    knows = {row["source"] for path in FILES for row in expected(path) if "foreign_victims" in row}
    assert knows == {"awsd", "shcc"}
