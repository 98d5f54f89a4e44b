"""Broken files of CSV, JSON and GeoJSON: the right rows, or an error with a type.

Small valid files are mutated byte by byte. What the gate gives, whichever of its readers gave it,
must be what Python's csv module or the JSON text itself holds.
"""

import csv
import io
import os

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.delimited import read_header, read_rows, sniff_text
from riskmap.incidents.structured import read_json_table

#: Mutated files; RISKMAP_FUZZ=1000000 looks at a million.
FILES = int(os.environ.get("RISKMAP_FUZZ", "1600"))
#: Of these, so many a hundred are JSON or GeoJSON.
JSON_SHARE = 50
TABLES = (
    b"id,date,lat,lon\n1,2024-03-01,34.5,69.2\n2,2024-03-02,,\n3,,1,2\n",
    b"id;date;lat\r\n1;2024-03-01;34,5\r\n2;;\r\n",
    b'a,b\n"x, y","1\n2"\n"""q""",\n',
    b'a\tb\tc\n1\t"2\t3\n4\t5\t6',
    b"\xef\xbb\xbfa|b\r1|2\r3|4\r",
    "id,né,b\n7,é,\u2028\n8,你,\x85\n".encode(),
    "a,b\n1,2\n".encode("utf-16"),
    b"a,b\n" + b"1,2\n" * 40,
    b'a,b,c\n1,"2,3"\n\n4,5,6,7\n "8",9,"1"0\n',
)
RECORDS = (
    b'{"data":[{"id":"0102","date":"2024-03-01","n":1},{"id":null,"n":2.5e3}]}',
    b'[{"id":1,"date":"2024-03-01","lat":34.5,"lon":69.2,"x":[1,{"a":null}]},{}]',
    b'{"Result":[{"a":true}],"TotalCount":1}',
    (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","id":3,"properties":{"date":'
        b'"2024"},"geometry":{"type":"Point","coordinates":[69.2,34.5]}},{"type":"Feature",'
        b'"properties":null,"geometry":null}]}'
    ),
)
TOKENS = (
    *(b",", b";", b"\t", b"|", b'"', b'""', b"'", b"\n", b"\r", b"\r\n", b"\n\n", b" ", b"\x1e"),
    *(b"\0", b"\xff", b"\xc3", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1a"),
    *(b'",', b',"', b'"\n', b'\n"', b"\xc2\x85", b"#", b"\\", b"\\n", b"NA", b"x" * 50, b"," * 9),
)
JSON_TOKENS = (
    *TOKENS,
    *(b"{", b"}", b"[", b"]", b":", b"null", b"true", b"1e999", b"-", b"NaN", b"[[", b"9" * 30),
    *(b'"id"', b'"geometry"', b'"coordinates"', b'"\\ud800"', b"{}", b"[]", b'"Point"', b'""'),
)


def widths_of(table):
    """How many fields each row has."""
    return [len(table.broken.get(row, table.header)) for row in range(len(table))]


def mutate(content, tokens, draw):
    """Return a file with one to four of its parts removed, doubled, moved or replaced."""
    for _ in range(1 + next(draw) % 4):
        size = len(content) + 1
        kind, at = next(draw) % 6, next(draw) % size
        end = at + next(draw) % (size if kind == 0 else 9)
        token = tokens[next(draw) % len(tokens)]
        content = {
            0: content[:at],
            1: content[:at] + content[end:],
            2: content[:at] + content[at:end] + content[at:],
            3: content[:at] + token + content[end:],
        }.get(kind, content[:at] + token + content[at:])
    return content


def draws(seed):
    """Whole numbers without end, drawn from a seed."""
    rng = np.random.default_rng(seed)
    while True:
        yield from rng.integers(0, 1 << 30, 4096).tolist()


def check_gate(path, content):
    """Compare the rows that the gate reads with those of Python's csv module."""
    path.write_bytes(content)
    try:
        file = sniff_text(path)
        header = read_header(file)
        table = read_rows(file, header)
    except InputError as error:
        assert error.file  # noqa: PT017 - every refusal names the file
        return False
    quoting = csv.QUOTE_NONE if header.delimiter == "\t" else csv.QUOTE_MINIMAL
    written = list(io.StringIO(content.decode(file.encoding), newline=""))
    reader = csv.reader(written, delimiter=header.delimiter, quoting=quoting)
    rows, lines, start = [], [], 1
    for row in reader:
        if row:
            rows.append(row)
            lines.append(start)
        if rows[1:] and start < reader.line_num:  # no open quote has swallowed other rows
            held = written[start - 1 : reader.line_num]
            list(csv.reader(held, delimiter=header.delimiter, quoting=quoting, strict=True))
        start = reader.line_num + 1
    width = len(header.header)
    assert widths_of(table) == [len(row) for row in rows[1:]]
    assert table.lines.tolist() == lines[1:]
    kept = ([] if len(row) > width else row for row in rows[1:])
    whole = [[*row, *[""] * (width - len(row))] for row in kept]
    assert [list(row) for row in zip(*map(table.rows.get, table.rows), strict=True)] == whole
    return True


def check_records(path, content):
    """Compare the rows that the JSON gate reads with the records of the text."""
    path.write_bytes(content)
    try:
        table = read_json_table(path)
    except InputError as error:
        assert error.file  # noqa: PT017
        return False
    found = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        keys = ("features", "data", "Result")
        found = next((found[key] for key in keys if key in found), lists[0])
    assert len(table) == len(table.rows) == len(found)
    assert widths_of(table) == [len(table.header)] * len(found)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_mutated_table_gives_its_rows_or_a_typed_error(part, tmp_path):
    draw, read = draws([1, part]), 0
    number = FILES * (100 - JSON_SHARE) // 400
    for _ in range(number):
        content = mutate(TABLES[next(draw) % len(TABLES)], TOKENS, draw)
        read += check_gate(tmp_path / "rows.csv", content)
    assert read > number / 4  # or the mutations break everything and test nothing


@pytest.mark.slow
def test_mutated_records_give_their_rows_or_a_typed_error(tmp_path):
    draw, read = draws([2]), 0
    number = FILES * JSON_SHARE // 100
    for _ in range(number):
        content = mutate(RECORDS[next(draw) % len(RECORDS)], JSON_TOKENS, draw)
        read += check_records(tmp_path / "rows.json", content)
    assert read > number / 20


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 1 << 30), st.sampled_from(["csv", "json", "geojson"]))
def test_a_mutated_file_is_read_whole_or_refused(tmp_path_factory, seed, form):
    path, draw = tmp_path_factory.mktemp("gate") / f"rows.{form}", draws([3, seed])
    seeds = TABLES if form == "csv" else RECORDS
    path.write_bytes(mutate(seeds[next(draw) % len(seeds)], JSON_TOKENS, draw))
    try:
        table = rm.read_incidents(path)
    except InputError:
        return
    assert len(table)
