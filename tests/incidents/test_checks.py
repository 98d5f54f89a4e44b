"""Checking a file tells what was recognised and what will be lost, and the numbers add up."""

import json

import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError

ROWS = pd.DataFrame(
    {
        "id": ["1", "1", "2", "3", "4"],
        "date": ["2024-03-31", "2024-03-31", "soon", "03/04/2024", "2024-02"],
        "lat": ["1.5", "1.5", "1.5", "1.5", ""],
        "lon": ["2.5", "2.5", "2.5", "2.5", ""],
        "district": ["A", "A", "A", "A", "B"],
        "price": ["1", "2", "3", "4", "5"],
    }
)


def test_a_report_adds_up():
    report = rm.check_incidents_file(ROWS)
    assert (report.rows, report.usable, report.duplicate_ids) == (5, 2, 1)
    assert (report.lost, report.of) == (2, 4)  # a copy is no loss
    assert dict(report.reasons) == {"ambiguous_date": 1, "bad_date": 1, "duplicate_id": 1}
    assert report.columns["event_date"] == "date"
    assert report.ignored == ("price",)
    assert (report.first_day, report.last_day) == ("2024-02-01", "2024-03-31")
    assert report.with_coordinates == 0.5
    assert dict(report.geo_precision) == {"admin2": 1, "point": 1}
    assert json.loads(json.dumps(report.as_dict()))["lost_share"] == report.lost_share


def test_a_story_that_is_told_again_under_another_id_is_a_duplicate():
    words = "Gunmen stopped a car of the road company near Berin and shot two."
    story = ROWS.iloc[[0]].assign(notes=words)
    rows = pd.concat([story.assign(id=str(i)) for i in range(4)])
    report = rm.check_incidents_file(rows)
    assert (report.usable, report.duplicate_ids, report.duplicates) == (4, 0, 3)
    assert "ids met twice: 0, other duplicates: 3" in str(report)
    told = "  3 rows counted with another: line 3, 4, 5 with line 2, generic:0 (same day, same"
    assert told in str(report)


def test_only_the_ten_most_frequent_reasons_are_shown_and_all_are_counted():
    bad = [{"date": "soon"}] * 3 + [{"lat": "north"}] * 2 + [{"lat": "0", "lon": "0"}]
    rows = pd.DataFrame([{"date": "2024-03-31", "lat": "1", "lon": "2"} | row for row in bad])
    report = rm.check_incidents_file(rows)
    assert list(report.reasons.items()) == [
        ("bad_date", 3), ("bad_coordinates", 2), ("null_island", 1)
    ]  # fmt: skip
    assert report.lost_share == 1.0


def test_the_text_names_line_value_and_expectation():
    text = str(rm.check_incidents_file(ROWS))
    assert "lost: 50.0%" in text
    assert "1 bad_date: line 4, date: met 'soon', expected an ISO date" in text


def test_the_first_five_rows_of_each_reason_are_named_and_all_are_counted():
    rows = pd.concat([ROWS.iloc[[2]].assign(id=str(i)) for i in range(7)])
    text = str(rm.check_incidents_file(rows))
    assert "  7 bad_date: line 2, date: met 'soon'" in text
    assert [f"line {n}, date: met" in text for n in range(2, 9)] == [True] * 5 + [False] * 2
    assert "    and 2 more" in text


def test_options_are_those_of_reading():
    report = rm.check_incidents_file(ROWS, dates="%d/%m/%Y", columns={"event_date": "date"})
    assert dict(report.reasons) == {"bad_date": 1, "duplicate_id": 1}
    assert report.columns["event_date"] == "date"


def test_nothing_usable_is_told():
    report = rm.check_incidents_file(ROWS.assign(date="soon"))
    assert (report.usable, report.first_day, report.with_coordinates) == (0, None, 0.0)
    assert "dates: none to none" in str(report)


def test_a_good_file_has_no_list_of_reasons():
    assert "can't be used" not in str(rm.check_incidents_file(ROWS.iloc[[0]]))


def test_a_spreadsheet_is_read_like_a_file(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in ([*ROWS.columns], [], ["7", pd.Timestamp("2024-03-31"), 1.5, 2.5, "A", 3]):
        book.active.append(row)
    path = tmp_path / "rows.xlsx"
    book.save(path)
    table = rm.read_incidents(path)
    assert table["incident_id"].tolist() == ["rows:7"]
    assert table["source_row"].tolist() == [3]
    assert str(table["event_date"].iloc[0].date()) == "2024-03-31"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_a_broken_spreadsheet_is_a_typed_error(tmp_path, content):
    pytest.importorskip("openpyxl")
    path = tmp_path / "rows.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a spreadsheet"):
        rm.read_incidents(path)


def test_an_empty_or_missing_spreadsheet_is_a_typed_error(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "rows.xlsx"
    with pytest.raises(InputError, match="no such file"):
        rm.read_incidents(path)
    openpyxl.Workbook().save(path)
    with pytest.raises(InputError):
        rm.read_incidents(path)
