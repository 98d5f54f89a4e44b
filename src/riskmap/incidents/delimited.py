"""Delimited text: a file becomes rows of text that are all accounted for, or a typed error.

Nothing is interpreted here. ``NA`` stays ``NA``, ``0102`` stays ``0102``, an empty field is ``""``.
A row that has too few or too many fields is kept, emptied and marked: its columns may have shifted.
What stood in it is kept beside the table, since it may tell of an attack all the same.

Two readers give the same table: Arrow's parser where it is installed, on every core, for files
whose rows are whole and agree in number with the lines, and Python's :mod:`csv`, exact, for
everything else.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.incidents.packed_files import START, find_encoding
from riskmap.incidents.words import unique_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from riskmap.typing import IntArray

DELIMITERS = (",", "\t", ";", "|")
#: The most columns that a table may have.
MOST_COLUMNS = 4096
#: The encodings whose bytes are those of ASCII text.
_UTF8 = ("utf-8", "utf-8-sig")
_DIGITS = re.compile(r"\d+")
_CHUNK, _ARROW_CHUNK = 1 << 19, 1 << 20


@dataclass(frozen=True)
class RawTable:
    """Rows of text as they stand in a file.

    Parameters
    ----------
    name
        The file's name, for messages.
    header
        The columns' names as written; a name that repeats has ``.1``, ``.2`` ... added.
    rows
        The fields, one column of text a header entry, ``""`` where empty.
    lines
        The 1-based line on which each row starts; its position for formats without lines.
    encoding, delimiter
        How the file was read.
    broken
        The fields of rows that have too few or too many, by the row's position.
    sheet, others
        The sheet of a workbook, and how many rows each of its other sheets of incidents holds.
    counts_from
        The year from which a table program counts the days that it keeps as numbers.
    told
        What a reader should know of how the file was read.
    """

    name: str
    header: tuple[str, ...]
    rows: pd.DataFrame
    lines: IntArray
    encoding: str = "utf-8"
    delimiter: str = ","
    broken: Mapping[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    sheet: str = ""
    others: Mapping[str, int] = dataclasses.field(default_factory=dict)
    counts_from: int = 1900
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)


@dataclass(frozen=True)
class TextFile:
    """What one pass over a file's bytes tells.

    Parameters
    ----------
    path
        The file.
    encoding
        The encoding in which every byte decodes.
    head
        The start of the file as text.
    lines
        Number of lines; the last may lack a line feed.
    has_returns
        Whether there are carriage returns that are not part of a line end.
    """

    path: Path
    encoding: str
    head: str
    lines: int
    has_returns: bool


def sniff_text(path: Path, *, encoding: str | None = None) -> TextFile:
    """Return what one pass over a file tells; every byte is decoded once.

    Parameters
    ----------
    path
        The file.
    encoding
        Its encoding when known; otherwise a byte order mark decides, and then UTF-8.

    Raises
    ------
    InputError
        When the file is missing, empty, holds bytes that the encoding can't decode, or holds NUL.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> sniff_text(data_path("countries.csv")).head[:9]
    'iso3,iso2'
    """
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    with path.open("rb") as file:
        start = file.read(START)
    if not start:
        raise InputError("the file is empty", file=path.name, expected="a header and rows")
    encoding = find_encoding(start, encoding, path)
    decoder = codecs.getincrementaldecoder(encoding)()
    head, last, newlines, lone_returns = "", b"", 0, 0
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            try:
                text = decoder.decode(block, final=len(block) < _CHUNK)
            except UnicodeError as error:
                raise _undecodable(error, path, block, newlines, encoding) from error
            head = head or text
            found = block if encoding in _UTF8 else text.encode()
            if b"\0" in found:
                line = newlines + found[: found.index(b"\0")].count(b"\n") + 1
                raise InputError(
                    "not a text file", file=path.name, row=line, met="NUL", expected="text"
                )
            newlines += found.count(b"\n")
            lone_returns += found.count(b"\r") - found.count(b"\r\n")
            lone_returns -= last == b"\r" and found.startswith(b"\n")
            last = found[-1:] or last
    return TextFile(path, encoding, head, newlines + (last != b"\n"), lone_returns != 0)


def _undecodable(
    error: UnicodeError, path: Path, block: bytes, newlines: int, encoding: str
) -> InputError:
    """Return the error for bytes that the encoding does not know, with the line they are on."""
    start, met = 0, block[:4]
    if isinstance(error, UnicodeDecodeError):
        start, met = error.start, error.object[error.start : error.start + 4]
    return InputError(
        "bytes that can't be decoded",
        file=path.name,
        row=newlines + block[:start].count(b"\n") + 1,
        met=met,
        expected=f"{encoding} text; pass encoding=, such as encoding='cp1252'",
    )


def check_width(columns: int, name: str) -> None:
    """Raise where a table has more columns than any of incidents, each of which costs time.

    Raises
    ------
    InputError
        When it has.
    """
    if columns > MOST_COLUMNS:
        raise InputError(
            "too many columns",
            file=name,
            row=1,
            met=columns,
            expected=f"at most {MOST_COLUMNS:,}; save those that tell of incidents",
        )


def read_header(file: TextFile) -> RawTable:
    """Return a table without rows: the delimiter that splits the first line most, and its names.

    Parameters
    ----------
    file
        What :func:`sniff_text` told.

    Raises
    ------
    InputError
        When the first line holds fewer than two columns.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> read_header(sniff_text(data_path("countries.csv"))).header[:3]
    ('iso3', 'iso2', 'fips')
    """
    delimiter, line = ",", 0
    fields: list[str] = []
    for mark in DELIMITERS:
        reader = split_fields(io.StringIO(file.head, newline=""), mark)
        with suppress(csv.Error):
            found: list[str] = next((row for row in reader if row), [])
            if len(found) > len(fields):
                delimiter, fields, line = mark, found, reader.line_num
    if len(fields) < 2:  # noqa: PLR2004 - one column is a list, not a table
        raise InputError(
            "not a table", file=file.path.name, row=1, met=file.head[:60], expected="a header line"
        )
    return RawTable(
        name=file.path.name,
        header=unique_names(fields, quoted=delimiter == "\t"),
        rows=pd.DataFrame(),
        lines=np.array([line]),
        encoding=file.encoding,
        delimiter=delimiter,
    )


def split_fields(lines: Iterable[str], delimiter: str, *, strict: bool = False) -> Any:
    r"""Return a reader of rows; tab-separated feeds (GDELT, ICEWS) quote nothing.

    Examples
    --------
    >>> next(split_fields(['1;"a;b"'], ";")), next(split_fields(['1\t"a'], "\t"))
    (['1', 'a;b'], ['1', '"a'])
    """
    quoting: Any = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict)


def read_rows(
    file: TextFile, header: RawTable, *, keep: Iterable[str] | None = None, optional: int = 0
) -> RawTable:
    """Return the rows of a delimited text file.

    Parameters
    ----------
    file
        What :func:`sniff_text` told.
    header
        What :func:`read_header` told; its first line is 0 for files that have no header.
    keep
        The columns to keep; all when not given.
    optional
        How many columns at the end a row may lack.

    Raises
    ------
    InputError
        When the file has a header and nothing else, or a quote that is never closed.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> file = sniff_text(data_path("countries.csv"))
    >>> table = read_rows(file, read_header(file), keep=["iso2"])
    >>> table.rows["iso2"].isin(["NA"]).sum().item(), table.lines[:2].tolist()
    (1, [2, 3])
    """
    wanted = list(header.header if keep is None else dict.fromkeys(keep))
    found = _read_arrow(file, header, wanted)
    if found is None:
        found = _read_exact(file, header, wanted, optional)
    if not len(found):
        raise InputError("there is a header and no row", file=file.path.name, expected="rows")
    return found


def _read_exact(file: TextFile, header: RawTable, wanted: list[str], optional: int = 0) -> RawTable:
    """Return the rows by Python's csv module, each with its line and its width."""
    width, skip = len(header.header), int(header.lines[0])
    places = [header.header.index(name) for name in wanted]
    columns: list[list[str]] = [[] for _ in places]
    lines: list[int] = []
    broken: dict[int, tuple[str, ...]] = {}
    with file.path.open(encoding=header.encoding, newline="") as text:
        for line, row in _split_rows(text, header):
            if line <= skip or not row:
                continue
            lacking = width - len(row)
            fields = [*row, *[""] * lacking] if 0 < lacking <= optional else row
            lines.append(line)
            if len(fields) != width:
                broken[len(lines) - 1] = tuple(fields)
            # one that is too short, such as the last of a file that was cut, tells what it has
            kept = (
                [*fields, *[""] * (width - len(fields))] if len(fields) <= width else [""] * width
            )
            for column, place in zip(columns, places, strict=True):
                column.append(kept[place])
    rows = pd.DataFrame(
        {name: pd.Series(column, dtype="str") for name, column in zip(wanted, columns, strict=True)}
    )
    return replace(header, rows=rows, lines=np.array(lines, np.int64), broken=broken)


_WHOLE = (
    "quotes that close where their field ends, and fields of at most "
    f"{csv.field_size_limit():,} signs"
)


def _split_rows(text: Iterable[str], header: RawTable) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its line; raise where a quote that stands open swallows other rows.

    A row of several lines is one only if every quote in it closes where its field ends.
    """
    held: list[str] = []

    def noted() -> Iterator[str]:
        for line in text:
            held.append(line)
            yield line

    reader = split_fields(noted(), header.delimiter)
    start = 1
    try:
        for row in reader:
            if len(held) > 1:
                list(split_fields(held, header.delimiter, strict=True))
                _refuse_swallowed(held, header)
            yield start, row
            start = reader.line_num + 1
            held.clear()
    except csv.Error as error:
        raise InputError(
            f"the row can't be split into fields: {error}",
            file=header.name,
            row=start,
            met=held[0][:80] if held else None,
            expected=_WHOLE,
        ) from error


def _refuse_swallowed(held: list[str], header: RawTable) -> None:
    """Raise where a line within a quote is a row: as wide, and begins with a number as it does.

    A quote that opens in one note and closes in a later one holds all rows between them.
    """
    lines: list[list[str]] = [next(split_fields([line], header.delimiter), []) for line in held]
    shapes = [_DIGITS.sub("0", fields[0]) if fields else "" for fields in lines]
    for fields, shape in zip(lines[1:], shapes[1:], strict=True):
        if len(fields) == len(header.header) and shape == shapes[0] and "0" in shape:
            raise csv.Error("a quote holds other rows")


def has_arrow() -> bool:
    """Return whether pyarrow (extra ``parquet``) is there."""
    return find_spec("pyarrow") is not None


def release_memory() -> None:
    """Give back to the machine what Arrow holds for texts that are no longer used."""
    if has_arrow():
        import pyarrow as pa

        pa.default_memory_pool().release_unused()


def _read_arrow(file: TextFile, header: RawTable, wanted: list[str]) -> RawTable | None:
    """Return the rows by Arrow's parser, or None where it could differ from the exact reader.

    It is sure where every row has as many fields as the header, and there are as many rows as
    lines: then no line is empty and no field holds a line break.
    """
    if file.has_returns or not wanted or not has_arrow():
        return None
    import pyarrow as pa
    from pyarrow import csv

    skip = int(header.lines[0])
    try:
        table = csv.read_csv(
            pa.OSFile(str(file.path)),  # of a path Arrow takes the name for how it is packed
            csv.ReadOptions(
                block_size=_ARROW_CHUNK,
                skip_rows=skip,
                column_names=list(header.header),
                encoding="utf8" if header.encoding in _UTF8 else header.encoding,
            ),
            csv.ParseOptions(
                delimiter=header.delimiter,
                quote_char=False if header.delimiter == "\t" else '"',
            ),
            csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(header.header, pa.large_string()),
                include_columns=wanted,
            ),
        )
    except pa.ArrowInvalid:
        return None
    size = table.num_rows
    if size + skip != file.lines:
        return None
    # one run of memory a column is faster to pick rows from; copying it is Arrow's, without a lock
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda name: table[name].combine_chunks(), wanted))
    texts = [pd.array(run, dtype="str") for run in runs]
    return replace(
        header,
        rows=pd.DataFrame(dict(zip(wanted, texts, strict=True))),
        lines=np.arange(skip + 1, skip + 1 + size, dtype=np.int64),
    )
