"""Rows that came in, counted without riskmap: by the XML of a sheet, by lines, by other readers."""

import csv
import gzip
import json
import re
import zipfile

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest

import riskmap as rm

N = 37
ROWS = [
    {
        "id": str(i),
        "date": f"2031-{1 + i % 12:02}-{1 + i % 28:02}" if i % 5 else "soon",
        "district": "Kelda" if i % 3 else "Nowhere",
        "latitude": "-5.5",
        "longitude": "6.5",
        "notes": 'two, "lines"\nof text' if i % 7 == 0 else "",
    }
    for i in range(N)
]
FRAME = pd.DataFrame(ROWS)


def in_sheet(path):
    """Count the rows of all sheets below the first of each that hold a value, by the raw XML."""
    count = 0
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            if name.startswith("xl/worksheets/sheet"):
                rows = re.findall(r"<row\b.*?</row>", book.read(name).decode(), re.DOTALL)
                count += sum("<v>" in row or "<t>" in row or "<t " in row for row in rows) - 1
    return count


def in_text(path):
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def in_tabs(path):
    return len(path.read_text(encoding="utf-8").splitlines()) - 1


def in_gzip(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def in_json(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    return len(content["data" if "data" in content else "features"])


def in_parquet(path):
    parquet = pytest.importorskip("pyarrow.parquet")
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    return sum(parquet.ParquetFile(file).metadata.num_rows for file in files)


def write_csv(path):
    FRAME.to_csv(path, index=False)


def write_tabs(path):
    FRAME.drop(columns="notes").to_csv(path, index=False, sep="\t")


def write_book(path, sheets=1):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for k in range(sheets):
        sheet = book.create_sheet(str(2030 + k))
        sheet.append(list(FRAME.columns))
        for row in ROWS[k::sheets]:
            sheet.append(list(row.values()))
            if row["id"] == "3":
                sheet.append([None])  # a blank row is none
    book.save(path)


def write_year_sheets(path):
    write_book(path, sheets=3)


def write_json(path):
    path.write_text(json.dumps({"data": ROWS}), encoding="utf-8")


def points():
    plain = FRAME.drop(columns=["latitude", "longitude"])
    return gpd.GeoDataFrame(plain, geometry=gpd.points_from_xy([6.5] * N, [-5.5] * N), crs=4326)


def write_geojson(path):
    path.write_text(points().to_json(), encoding="utf-8")


def write_parquet(path):
    pytest.importorskip("pyarrow")
    FRAME.to_parquet(path, row_group_size=10)


def write_geoparquet(path):
    pytest.importorskip("pyarrow")
    points().to_parquet(path)


def write_folder(path):
    pytest.importorskip("pyarrow")
    FRAME.assign(year=[2030 + i % 2 for i in range(N)]).to_parquet(path, partition_cols=["year"])


FORMATS = [
    ("a.csv", write_csv, in_text, {}),
    ("a.csv.gz", write_csv, in_gzip, {}),
    ("a.tsv", write_tabs, in_tabs, {}),
    ("a.xlsx", write_book, in_sheet, {}),
    ("years.xlsx", write_year_sheets, in_sheet, {"sheet": "all"}),
    ("a.json", write_json, in_json, {}),
    ("a.geojson", write_geojson, in_json, {}),
    ("a.parquet", write_parquet, in_parquet, {}),
    ("b.parquet", write_geoparquet, in_parquet, {}),
    ("folder", write_folder, in_parquet, {}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "write", "count", "options"), FORMATS, ids=lambda x: str(x)[:12])
def test_rows_in_are_those_that_another_reader_counts(tmp_path, name, write, count, options):
    path = tmp_path / name
    write(path)
    assert count(path) == N
    table = rm.read_incidents(path, **options)
    located = rm.locate(rm.merge_duplicates(table), rm.datasets.regions())
    read = located.ledger.stages[0]
    assert read.rows_in == len(table) == N
    assert read.rows_in == read.rows_out + read.quarantined + read.merged
    assert rm.incidents.check_incidents_file(path, **options).rows == N
