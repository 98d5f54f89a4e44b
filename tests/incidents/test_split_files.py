"""A file in blocks is the file: every row once, whole, with its line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import InputError
from riskmap.incidents.parts import Block, split_file

FIELD = st.text(st.sampled_from('ab,"\n é'), max_size=6)


def written(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def read(data):
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@given(st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=20), st.integers(1, 60))
def test_blocks_hold_each_row_once(tmp_path_factory, rows, size):
    path = tmp_path_factory.mktemp("blocks") / "a.csv"
    path.write_bytes(written([("id", "text"), *rows]))
    found = []
    for number, block in enumerate(split_file(path, size=size * 10)):
        part = path.with_name(f"{number}.csv")
        block.copy_to(part)
        head, *body = read(part.read_bytes())
        assert head == ["id", "text"]
        found += body
    assert found == [list(row) for row in rows]


def test_lines_are_those_of_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,"a\nb"\n2,c\n3,d')
    blocks = list(split_file(path, size=1))
    assert [(block.line, block.count_rows()) for block in blocks] == [(2, 2), (4, 1), (5, 1)]


def test_a_file_without_header_starts_on_its_first_line(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b'1\ta"\n2\tb\n')
    blocks = list(split_file(path, has_header=False, size=1))
    assert [(block.header, block.line) for block in blocks] == [(b"", 1), (b"", 2)]


def test_a_quote_that_never_closes_does_not_make_one_block(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n" + b'1,"x\n' + b"2,y\n" * 3_000_000)
    sizes = [block.stop - block.start for block in split_file(path, size=1 << 20)]
    assert sum(sizes) == path.stat().st_size - 8
    assert max(sizes) < 5 << 20


def test_utf_16_is_one_block(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,text\n1,a\n".encode("utf-16"))
    assert list(split_file(path, size=1)) == [Block(path, b"", 0, path.stat().st_size, 1)]


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(split_file(tmp_path / "none.csv"))
