"""Workbooks: the sheets that were asked for are read together, and what the others hold is told."""

import openpyxl
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.checks import check_incidents_file

HEADER = ["No.", "Date", "District", "Killed"]
YEARS = {
    "2022": [[1, "2022-05-01", "Kelda", 1], [2, "2022-06-01", "Kelda", 2]],
    "2023": [["Log of 2023"], HEADER, [1, "2023-05-01", "Kelda", 3]],
    "2024": [[1, "2024-05-01", "Kelda", 1], [2, "2024-06-01", "Lomar", 4], [3, "soon", "Kelda", 0]],
    "Phones": [["name", "phone"], ["A", "1"]],
}


def write(path, header=HEADER, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows if title in ("2023", "Phones") else [header, *rows]:
            sheet.append(row)
    book.save(path)
    return path


@pytest.fixture
def book(tmp_path):
    return write(tmp_path / "log.xlsx", **YEARS)


@pytest.mark.slow
def test_all_sheets_of_incidents_are_read_together(book):
    table = rm.read_incidents(book, sheet="all")
    assert table["event_date"].dt.year.dropna().tolist() == [2022, 2022, 2023, 2024, 2024]
    assert table["source"].unique().tolist() == ["log"]
    assert table["source_file"].unique().tolist() == [
        *("log.xlsx [2022]", "log.xlsx [2023]", "log.xlsx [2024]"),
    ]
    assert table["source_row"].tolist() == [2, 3, 3, 2, 3, 4]
    assert table["incident_id"].is_unique
    assert rm.read_incidents(book, sheet=["2022", "2024"])["killed"].tolist() == [1, 2, 1, 4, 0]


@pytest.mark.slow
def test_what_stands_in_other_sheets_is_told_in_numbers(book):
    report = rm.incidents.check_incidents_file(book, sheet="2024")
    told = "2 other sheets hold tables: 2022 (2 rows), 2023 (1 row): sheet='all' reads them"
    assert report.sheets == told
    assert told in str(report)
    assert rm.incidents.check_incidents_file(book, sheet="all").sheets == ""


def test_where_nobody_says_which_sheet_nothing_is_left_out_unsaid(book):
    met = r"3 sheets hold incidents: met '2022, 2023, 2024', expected sheet='all' for all"
    with pytest.raises(InputError, match=met + r".*2023 \(1 row\), 2024 \(3 rows\)"):
        rm.read_incidents(book)


@pytest.mark.slow
def test_a_sheet_that_repeats_others_is_told_once(tmp_path):
    rows = [["a1", "2024-05-01", "Kelda", 1], ["a2", "2024-06-01", "Lomar", 4]]
    path = write(
        tmp_path / "log.xlsx", ["ID", *HEADER[1:]], **{"2024": rows, "All": [rows[0], rows[1]]}
    )
    table = rm.read_incidents(path, sheet="all")
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "duplicate", "duplicate"]
    assert table["quarantine_detail"].tolist()[2] == (
        "of log:2024:a1 (the same row of another sheet)"
    )
    located = rm.locate(rm.merge_duplicates(table), rm.datasets.regions())
    assert (located.ledger.stages[0].rows_out, located.ledger.stages[0].merged) == (2, 2)


def test_numbers_that_begin_anew_each_year_are_different_incidents(tmp_path):
    years = {"2023": [["1", "2023-05-01", "Kelda", 1]], "Last": [["1", "2024-06-01", "Lomar", 4]]}
    years["2023"].insert(0, ["ID", *HEADER[1:]])
    table = rm.read_incidents(
        write(tmp_path / "log.xlsx", ["ID", *HEADER[1:]], **years), sheet="all"
    )
    assert table["incident_id"].tolist() == ["log:2023:1", "log:Last:1"]
    assert table["quarantine_reason"].isna().all()


def test_an_empty_sheet_is_passed_over(tmp_path):
    path = write(tmp_path / "log.xlsx", **{"2025": [], "2024": YEARS["2024"]})
    assert len(rm.read_incidents(path)) == 3


def test_a_sheet_of_this_year_under_other_names_is_not_left_out_in_silence(tmp_path):
    """It may hold the newest attack."""
    path = write(tmp_path / "log.xlsx", **{"2022": YEARS["2022"]})
    book = openpyxl.load_workbook(path)
    sheet = book.create_sheet("2025")
    for row in [["x1", "x2", "x3"], ["2025-01-05", "Kelda", 1], ["2025-01-06", "Kelda", 2]]:
        sheet.append(row)
    book.save(path)
    with pytest.raises(InputError, match="2025"):
        rm.read_incidents(path, sheet="all")
    assert "sheet '2025' holds days and is not read" in str(check_incidents_file(path))
