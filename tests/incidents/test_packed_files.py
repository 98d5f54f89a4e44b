"""Packed files and workbooks: the one table in them is read, several are refused by name."""

import gzip
import zipfile

import openpyxl
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents import packed_files

ROWS = b"id,date,lat,lon\n7,2024-03-01,34.5,69.2\n8,2024-03-02\n"


def pack(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.csv.gz", "a.gz", "a.csv"])
def test_gzip_is_told_by_its_bytes(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(ROWS))
    table = rm.read_incidents(path)
    assert table["source_id"].tolist() == ["7", f"{name}:3"]
    assert set(table["source_file"]) == {name}


def test_the_one_table_of_a_zip_file_is_read(tmp_path):
    members = {"readme.pdf": b"%PDF", "__MACOSX/._a.csv": b"x", "data/a.csv": ROWS}
    table = rm.read_incidents(pack(tmp_path / "ged.zip", members))
    assert table["incident_id"].iloc[0] == "ged:7"
    assert table["source_file"].iloc[0] == "ged.zip"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.csv": ROWS, "b.csv": ROWS}, "2 tables are packed in it: met 'a.csv, b.csv'"),
        ({"a.pdf": b"%PDF"}, "0 tables are packed in it: met 'a.pdf'"),
        ({"a.csv": b""}, "the file is empty"),
    ],
)
def test_other_zip_files_are_refused(tmp_path, members, message):
    with pytest.raises(InputError, match=message):
        rm.read_incidents(pack(tmp_path / "a.zip", members))


@pytest.mark.parametrize("packed", ["zip", "gz"])
@pytest.mark.parametrize("keep", [5, 40, -9])
def test_a_packed_file_that_is_cut_short_is_a_typed_error(tmp_path, packed, keep):
    path = tmp_path / f"a.csv.{packed}"
    if packed == "zip":
        pack(path, {"a.csv": ROWS * 50})
    else:
        path.write_bytes(gzip.compress(ROWS * 50))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="can't be unpacked"):
        rm.read_incidents(path)


@pytest.mark.parametrize("packed", ["zip", "gz"])
def test_what_is_too_large_when_unpacked_is_refused(tmp_path, packed, monkeypatch):
    path = tmp_path / f"a.csv.{packed}"
    if packed == "zip":
        pack(path, {"a.csv": ROWS * 50})
    else:
        path.write_bytes(gzip.compress(ROWS * 50))
    monkeypatch.setattr(packed_files, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match="too large when unpacked"):
        rm.read_incidents(path)


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


GOOD = [["date", "lat", "lon"], ["2024-03-01", 34.5, 69.2]]


def test_the_sheet_that_holds_incidents_is_read(tmp_path):
    path = workbook(tmp_path / "a.xlsx", cover=[["Our report"]], data=GOOD, codes=[["code", "of"]])
    assert len(rm.read_incidents(path)) == 1


def test_several_sheets_of_incidents_are_refused_by_name(tmp_path):
    path = workbook(tmp_path / "a.xlsx", y2023=GOOD, y2024=GOOD)
    with pytest.raises(InputError, match="2 sheets hold incidents: met 'y2023, y2024'"):
        rm.read_incidents(path)
    assert len(rm.read_incidents(path, sheet="y2024")) == 1
    with pytest.raises(InputError, match="no such sheet"):
        rm.read_incidents(path, sheet="y2025")


def test_a_column_map_chooses_the_sheet(tmp_path):
    rows = [["Datum", "Ort"], ["2024-03-01", "A"]]
    path = workbook(tmp_path / "a.xlsx", notes=[["n"]], mine=rows)
    table = rm.read_incidents(path, columns={"event_date": "Datum", "place": "Ort"})
    assert table["place"].tolist() == ["A"]


def test_rows_under_a_title_are_read(tmp_path):
    path = workbook(tmp_path / "a.xlsx", data=[["Incidents 2024"], ["by us"], *GOOD])
    table = rm.read_incidents(path)
    assert table["source_row"].tolist() == [4]


def test_a_row_that_is_longer_than_the_columns_is_kept(tmp_path):
    path = workbook(tmp_path / "a.xlsx", data=[*GOOD, ["2024-03-02", 34.5, 69.2, "x", None, "y"]])
    assert len(rm.read_incidents(path)) == 2
