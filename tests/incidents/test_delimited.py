"""Delimited text: every row of a text file is accounted for, whichever reader reads it."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents import delimited
from riskmap.incidents.delimited import read_header, read_rows, sniff_text
from riskmap.incidents.words import unique_names


def widths_of(table):
    """How many fields each row has."""
    return [len(table.broken.get(row, table.header)) for row in range(len(table))]


def read(path, encoding=None, keep=None):
    file = sniff_text(path, encoding=encoding)
    return read_rows(file, read_header(file), keep=keep)


def write(tmp_path, content):
    path = tmp_path / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_everything_stays_text(tmp_path):
    table = read(write(tmp_path, "code,iso\n0102,NA\n1e5,null\n"))
    assert table.rows.to_numpy().tolist() == [["0102", "NA"], ["1e5", "null"]]


@pytest.mark.parametrize(
    ("content", "widths", "lines"),
    [
        ("a,b\n1,2\n3\n4,5\n", [2, 1, 2], [2, 3, 4]),
        ("a,b\n1,2,3\n4,5\n", [3, 2], [2, 3]),
        ("a,b\n1,2,3,4,5\n4,5\n", [5, 2], [2, 3]),
        ("a,b\n1,2\n\n4,5", [2, 2], [2, 4]),
        ('a,b\n1,"x\ny"\n4,5\n', [2, 2], [2, 4]),
        ("a,b\r\n1,2\r\n4,5\r\n", [2, 2], [2, 3]),
        ("a;b;c\n1,5;2;3\n", [3], [2]),
        ('a\tb\n1\t"2\n', [2], [2]),
        ('"a\nx",b\n1,2\n', [2], [3]),
        ('"a\tb\n1\t"2\n3\t4\n', [2, 2], [2, 3]),
    ],
)
def test_widths_and_lines(tmp_path, content, widths, lines):
    table = read(write(tmp_path, content))
    assert widths_of(table) == widths
    assert table.lines.tolist() == lines


def test_names_of_a_file_that_quotes_nothing_lose_the_quotes_around_them(tmp_path):
    path = write(tmp_path, '"Event ID"\t"\tn"\n1\t2\t3\n')
    assert read_header(sniff_text(path)).header == ("Event ID", '"', 'n"')


def test_a_ragged_row_is_emptied(tmp_path):
    table = read(write(tmp_path, "a,b\n1,2,3\n4,5\n"))
    assert table.rows.to_numpy().tolist() == [["", ""], ["4", "5"]]
    assert table.broken == {0: ("1", "2", "3")}


def test_a_row_that_is_cut_short_keeps_what_it_has(tmp_path):
    table = read(write(tmp_path, "a,b,c\n1,2,3\n4,5"))
    assert table.rows.to_numpy().tolist() == [["1", "2", "3"], ["4", "5", ""]]
    assert table.broken == {1: ("4", "5")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"a,b\n", "no row"),
        (b"a,b", "no row"),
        (b"only\none\n", "not a table"),
        (b"a,b\n1,\xff\n", "row 2: bytes that can't be decoded"),
        (b"a,b\n1,2\n\x001,2\n", "row 3: not a text file"),
        (b"\xff\xfea", "decoded"),
    ],
)
def test_files_that_are_no_table(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path, content))


@pytest.mark.parametrize("source", [None, 5, b"date,lat,lon", ["a.csv", "b.csv"], {"date": "a"}])
def test_what_is_no_file_is_refused(source):
    with pytest.raises(InputError, match=f"no file of incidents: met '{type(source).__name__}'"):
        rm.read_incidents(source)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv: there is no such file"):
        read(tmp_path / "nowhere.csv")


def test_an_unknown_encoding_is_named(tmp_path):
    with pytest.raises(InputError, match="unknown encoding: met 'klingon'"):
        read(write(tmp_path, "a,b\n1,2\n"), encoding="klingon")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides(tmp_path, encoding):
    table = read(write(tmp_path, "a,b\né,2\n".encode(encoding)))
    assert table.header == ("a", "b")
    assert table.rows.to_numpy().tolist() == [["é", "2"]]


def test_a_given_encoding_is_used(tmp_path):
    path = write(tmp_path, "a,b\né,2\n".encode("cp1252"))
    assert read(path, encoding="cp1252").rows.loc[0, "a"] == "é"


def test_names_that_repeat_are_numbered():
    assert unique_names(["a", "a", "a.1", "a"]) == ("a", "a.1", "a.1.1", "a.2")


def test_a_field_that_is_too_long_is_an_error(tmp_path):
    path = write(tmp_path, 'a,b\n1,"' + "x\n" * (csv.field_size_limit() // 2 + 9) + '"\n')
    with pytest.raises(InputError, match="row 2: the row can't be split"):
        read(path)


@pytest.mark.parametrize(
    "rows",
    [
        '1,"open\n2,x\n3,y\n',
        '1,"open\n2,x\n3,"y\n',
        '1,"open\n2,say "x"\n3,y\n',
        '1,"open\n\n',
        '1,"open\n2,x\n3,close"\n',
        '1,"open\n2,close"\n3,x\n',
    ],
)
def test_a_quote_that_swallows_other_rows_is_an_error_that_names_the_row(tmp_path, rows):
    path = write(tmp_path, "a,b\n0,0\n" + rows)
    with pytest.raises(InputError, match=r"row 3: the row can't be split .* met '1,\"open"):
        read(path)


def test_a_stray_quote_within_a_line_is_text(tmp_path):
    table = read(write(tmp_path, 'a,b\n1,say "x"\n2,"y" z\n3,"a\nb"\n4,"c\nd, e"\n'))
    assert table.rows["b"].tolist() == ['say "x"', "y z", "a\nb", "c\nd, e"]


def test_keep_reads_some_columns_and_still_counts_fields(tmp_path):
    table = read(write(tmp_path, "a,b,c\n1,2,3\n4,5\n"), keep=["b"])
    assert table.rows.to_numpy().tolist() == [["2"], ["5"]]
    assert widths_of(table) == [3, 2]


fields = st.text(st.sampled_from('ab1,"\n\r;é\t \x1e'), max_size=5)
tables = st.lists(st.lists(fields, min_size=1, max_size=4), min_size=1, max_size=6)


@given(tables)
def test_written_rows_come_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("gate") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y", "z"])
        writer.writerows(rows)
    table = read(path)
    assert widths_of(table) == [len(row) for row in rows]
    whole = [row for row in rows if len(row) == 3]
    kept = table.rows[[w == 3 for w in widths_of(table)]].to_numpy().tolist()
    assert kept == whole


def same(one, other):
    assert one.rows.to_numpy().tolist() == other.rows.to_numpy().tolist()
    assert one.lines.tolist() == other.lines.tolist()
    assert widths_of(one) == widths_of(other)
    assert one.broken == other.broken


@given(
    st.text(st.sampled_from('ab1é,"\n\r\x1e'), max_size=40),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-1"]),
)
def test_the_fast_reader_agrees_with_the_exact_one(tmp_path_factory, body, encoding):
    path = tmp_path_factory.mktemp("gate") / "rows.csv"
    path.write_text("x,y\n" + body, encoding=encoding, newline="")
    file = sniff_text(path, encoding=encoding)
    header = read_header(file)
    fast = delimited._read_arrow(file, header, ["x", "y"])
    if fast is not None:
        same(fast, delimited._read_exact(file, header, ["x", "y"]))


@given(st.binary(max_size=60))
def test_any_bytes_give_rows_or_a_typed_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("gate") / "rows.csv"
    path.write_bytes(b"x,y\n" + content)
    try:
        table = read(path)
    except InputError:
        return
    assert len(table.rows) == len(table) > 0


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("a,b\n1,2\n3\n4,5\n", ["a"]),
        ("a,b\n1,2,3\n4,5", ["a", "b"]),
        ('a,b\n1,"2"\n"x,y",\n4,5,6,7\n', ["b"]),
        ('a\tb\n1\t"2\n3\n', ["a", "b"]),
        ('a,b\n1,"2\n', ["a", "b"]),
    ],
)
def test_rows_of_another_width_stay_in_their_places(tmp_path, content, wanted):
    path = write(tmp_path, content)
    file = sniff_text(path)
    same(read(path, keep=wanted), delimited._read_exact(file, read_header(file), wanted))


@pytest.mark.parametrize(
    "content", ['a,b\n1,"x\ny"\n', "a,b\n\n1,2\n", "a,b\r1,2\r", "a,b\n1,2\n3\n", "a,b\n1,2,3\n"]
)
def test_arrow_leaves_what_it_can_not_tell(tmp_path, content):
    path = write(tmp_path, content)
    file = sniff_text(path)
    assert delimited._read_arrow(file, read_header(file), ["a"]) is None


def test_without_pyarrow_the_same_is_read(tmp_path, monkeypatch):
    path = write(tmp_path, "a,b\n1,2\n3\n")
    fast = read(path)
    monkeypatch.setattr(delimited, "has_arrow", lambda: False)
    plain = read(path)
    assert plain.rows.equals(fast.rows)
    assert widths_of(plain) == widths_of(fast)
