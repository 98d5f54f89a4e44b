"""Files that would take too much give a typed error or quarantine, within the stated memory."""

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

import riskmap as rm
from riskmap.errors import InputError

HEADER = "date,country,admin1,admin2,killed,notes\n"
ROW = "2031-01-21,Afghanistan,Velmar,Kelda,1,x\n"
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
)


WIDE = "met 20002, expected at most 4,096"


def row_of(**values):
    fields = dict(zip(HEADER.strip().split(","), ROW.strip().split(","), strict=True)) | values
    return ",".join(fields.values()) + "\n"


def a_book(path, rows, before=b""):
    """Write a workbook with rows of raw XML behind the first."""
    book = openpyxl.Workbook()
    book.active.append(["date", "country", "admin1"])
    book.save(path)
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = before + parts[name].replace(b"</sheetData>", rows + b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part, content in parts.items():
            packed.writestr(part, content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[" * 100_000 + "]" * 100_000, "depth limit"),
        ("a.json", '[{"date":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}]", "depth limit"),
        (
            "a.json",
            '[{"date":"2031-01-21","place":' + "[" * 900 + "]" * 900 + "}]",
            "nested at most",
        ),
        ("a.json", '[{"date":"2031-01-21","killed":' + "9" * 100_000 + "}]", "not JSON"),
        ("a.csv", HEADER + row_of(notes="x" * 10_000_000) + ROW, "row 2: .*131,072 signs"),
        ("a.csv", "x" * 1_000_000 + "\n" + ROW, "not a table"),
        ("a.csv", HEADER + row_of(admin1='"Velmar') + ROW * 9000, "row 2: .*quotes that close"),
        ("a.csv", HEADER + ROW + row_of(admin1="Vel\0mar"), "row 3: .*NUL"),
        (
            "a.csv",
            "date,place," + ",".join(map(str, range(20_000))) + "\n",
            "met 20002, expected at most 4,096",
        ),
        ("a.csv", "date,place" + ",a" * 20_000 + "\n", "met 20002, expected at most 4,096"),
    ],
)
def test_a_hostile_text_is_a_typed_error(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        rm.read_incidents(path)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (row_of(date="3 to " * 20_000), "bad_date"),
        (row_of(date="about " * 20_000), "bad_date"),
        (row_of(admin1="x" * 100_000), None),
        (row_of(killed="9 " * 60_000), None),
        (row_of(notes="Chinese workers killed and " * 4_800), None),
        ("," * 100_000 + "\n", "ragged_row"),
    ],
)
def test_a_hostile_cell_spoils_its_row_at_most(tmp_path, row, reason):
    path = tmp_path / "a.csv"
    path.write_text(HEADER + row + ROW, encoding="utf-8")
    found = rm.read_incidents(path)["quarantine_reason"]
    assert found.fillna("").tolist() == [reason or "", ""]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("province", ["Velmar", "Вельмар", "维尔马"])
def test_wide_letters_with_or_without_a_mark(tmp_path, encoding, province):
    path = tmp_path / "a.csv"
    path.write_bytes((HEADER + row_of(admin1=province) * 3).encode(encoding))
    assert rm.read_incidents(path)["admin1"].tolist() == [province] * 3


def test_two_encodings_in_one_file_are_an_error_that_names_the_line(tmp_path):
    path = tmp_path / "a.csv"
    rows = [HEADER.encode(), ROW.encode(), row_of(notes="café").encode("cp1252")]
    path.write_bytes(b"".join([*rows, row_of(notes="café").encode()]))
    with pytest.raises(InputError, match="row 3: bytes that can't be decoded"):
        rm.read_incidents(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_packed_bomb_names_its_bound(tmp_path, kind):
    path = tmp_path / f"a.csv.{kind}"
    piece, pieces = ROW.encode() * 25_000, 80
    if kind == "gz":
        with gzip.open(path, "wb") as file:
            for _ in range(pieces):
                file.write(piece)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a.csv", piece * pieces)
    with pytest.raises(InputError, match=r"67,108,864 bytes: 100 times the file"):
        rm.read_incidents(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "before", "message"),
    [
        (b"<row><c><v>1</v></c></row>" * 1_500_000, b"", "33,554,432 bytes: 100 times the file"),
        (b"<row>" + b"<c><v>1</v></c>" * 16_384 + b"</row>", b"", "at most 4,096"),
        (b'<row><c t="str"><v>&j;</v></c></row>', ENTITIES + b"]>", "amplification"),
        (b'<row r="-5"><c r="A-5"><v>1</v></c></row>', b"", "broken"),
        (b'<row><c r="ZZZZZ2"><v>1</v></c></row>', b"", "broken"),
        (b'<row><c t="s"><v>99999</v></c></row>', b"", "broken"),
        (b"<row><c><v>1</v>", b"", "broken"),
    ],
)
def test_a_hostile_workbook_is_a_typed_error(tmp_path, rows, before, message):
    with pytest.raises(InputError, match=message):
        rm.read_incidents(a_book(tmp_path / "a.xlsx", rows, before))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip", "a.xlsx", "a.parquet"])
def test_what_is_cut_short_is_a_typed_error(tmp_path, name):
    path, rows = tmp_path / name, (HEADER + ROW * 2000).encode()
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(rows))
    elif name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a.csv", rows)
    elif name.endswith("xlsx"):
        a_book(path, b"<row><c><v>1</v></c></row>")
    else:
        pytest.importorskip("pyarrow")
        rm.datasets.incidents().to_parquet(path)
    whole = path.read_bytes()
    for keep in (len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError):
            rm.read_incidents(path)


#: What reading takes of memory at most, as docs/formats.md states it: something for every file and
#: for every row, and some times the size of a text, of JSON, of what a workbook unpacks to.
FIXED, PER_ROW, TIMES = 100 << 20, 1 << 10, {"csv": 25, "json": 40, "xlsx": 15}

CHILD = """
import re, resource, sys, warnings
import riskmap as rm
import riskmap.incidents.readers, riskmap.incidents.tabular, openpyxl

def status(key):
    return int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10

warnings.simplefilter("ignore")
path, small, bound = sys.argv[1], sys.argv[2], int(sys.argv[3])
rm.read_incidents(small)
before = status("VmHWM")
resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + 4 * bound,) * 2)
try:
    print(len(rm.read_incidents(path)), "rows")
except rm.errors.InputError as error:
    print("refused", error)
print(status("VmHWM") - before)
"""


def write_large(folder, kind):
    """Write a file of a kind that takes much of memory for its size; return it and its rows."""
    path = folder / f"a.{'json' if kind == 'lists' else 'xlsx' if kind == 'sheet' else 'csv'}"
    if kind == "line":
        path.write_text(HEADER + row_of(notes="x" * 30_000_000) + ROW, encoding="utf-8")
    elif kind == "rows":
        path.write_text("date,place\n" + "1,\n" * 200_000, encoding="utf-8")
    elif kind == "columns":
        names = ",".join(f"c{i}" for i in range(1000))
        path.write_text(f"date,place,{names}\n" + f"2031-01-21,x{',1' * 1000}\n" * 2000)
    elif kind == "commas":
        path.write_text(HEADER + "," * 5_000_000 + "\n" + ROW, encoding="utf-8")
    elif kind == "cells":
        path.write_text(HEADER + row_of(notes="y" * 100_000) * 200, encoding="utf-8")
    elif kind == "lists":
        path.write_text('[{"date":"2031-01-21","place":[' + ",".join(["[]"] * 2_000_000) + "]}]")
    else:
        a_book(path, (b"<row>" + b"<c><v>1</v></c>" * 20 + b"</row>") * 30_000)
    return path, {"rows": 200_000, "columns": 2000, "sheet": 30_000}.get(kind, 0)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux")
@pytest.mark.parametrize("kind", ["line", "rows", "columns", "commas", "cells", "lists", "sheet"])
def test_memory_stays_within_the_stated_multiple(tmp_path, kind):
    path, rows = write_large(tmp_path, kind)
    size = path.stat().st_size
    if kind == "sheet":
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    bound = FIXED + PER_ROW * rows + TIMES[path.suffix[1:]] * size
    small = tmp_path / "small.csv"
    small.write_text(HEADER + ROW, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-c", CHILD, path, small, str(bound)],
        capture_output=True,
        check=False,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert told.returncode == 0, told.stderr[-500:]
    answer, taken = told.stdout.splitlines()
    assert answer.endswith("rows") or answer.startswith("refused")
    assert int(taken) <= bound
