"""The gate: a file becomes a table of text whose every row is accounted for, or a typed error.

Nothing is interpreted here. ``NA`` stays ``NA``, ``0102`` stays ``0102``, an empty field is ``""``.
A row that has too few or too many fields is kept, emptied and marked: its columns may have shifted.
What stood in it is kept beside the table, since it may tell of an attack all the same.

Three readers give the same table: Arrow's parser where it is installed and pandas' C parser, both
fast, for files whose rows and lines agree, and Python's :mod:`csv`, exact, for everything else.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.incidents.arrow_rows import is_installed, read_arrow
from riskmap.incidents.surveys import UTF8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from riskmap.incidents.surveys import Survey
    from riskmap.typing import IntArray

CHUNK = 100_000
DELIMITERS = (",", "\t", ";", "|")
MARK = "\x1e"


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
    widths
        How many fields each row really has.
    encoding, delimiter
        How the file was read.
    broken
        The fields of rows that have too few or too many, by the row's position.
    """

    name: str
    header: tuple[str, ...]
    rows: pd.DataFrame
    lines: IntArray
    widths: IntArray
    encoding: str = "utf-8"
    delimiter: str = ","
    broken: Mapping[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)


def read_header(path: Path, survey: Survey) -> RawTable:
    """Return a table without rows: the delimiter that splits the first line most, and its names.

    Parameters
    ----------
    path
        The file.
    survey
        What :func:`~riskmap.incidents.surveys.survey_file` told.

    Raises
    ------
    InputError
        When the first line holds fewer than two columns.

    Examples
    --------
    >>> from riskmap.incidents.surveys import survey_file
    >>> from riskmap.settings import data_path
    >>> path = data_path("countries.csv")
    >>> read_header(path, survey_file(path)).header[:3]
    ('iso3', 'iso2', 'fips')
    """
    best: tuple[str, list[str], int] = (",", [], 0)
    for delimiter in DELIMITERS:
        reader = csv.reader(
            io.StringIO(survey.head, newline=""), delimiter=delimiter, quoting=_quoting(delimiter)
        )
        try:
            fields = next((row for row in reader if row), [])
        except csv.Error:
            continue
        if len(fields) > len(best[1]):
            best = (delimiter, fields, reader.line_num)
    delimiter, fields, line = best
    if len(fields) < 2:  # noqa: PLR2004 - one column is a list, not a table
        raise InputError(
            "not a table", file=path.name, row=1, met=survey.head[:60], expected="a header line"
        )
    return RawTable(
        name=path.name,
        header=unique_names(_unquoted(field) if delimiter == "\t" else field for field in fields),
        rows=pd.DataFrame(),
        lines=np.array([line]),
        widths=np.array([len(fields)]),
        encoding=survey.encoding,
        delimiter=delimiter,
    )


def _unquoted(name: str) -> str:
    """Return a name of a file that quotes nothing without the quotes that stand around it."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def read_rows(
    path: Path,
    survey: Survey,
    header: RawTable,
    *,
    keep: Iterable[str] | None = None,
    optional: int = 0,
) -> RawTable:
    """Return the rows of a delimited text file.

    Parameters
    ----------
    path
        The file.
    survey
        What :func:`~riskmap.incidents.surveys.survey_file` told.
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
    >>> from riskmap.incidents.surveys import survey_file
    >>> from riskmap.settings import data_path
    >>> path = data_path("countries.csv")
    >>> survey = survey_file(path)
    >>> table = read_rows(path, survey, read_header(path, survey), keep=["iso2"])
    >>> table.rows["iso2"].isin(["NA"]).sum().item(), table.lines[:2].tolist()
    (1, [2, 3])
    """
    wanted = list(header.header if keep is None else dict.fromkeys(keep))
    found = _read_arrow(path, survey, header, wanted)
    if found is not None and optional and (found.widths != len(header.header)).any():
        found = None
    if found is None:
        found = _read_fast(path, survey, header, wanted)
    if found is None:
        found = _read_exact(path, header, wanted, optional)
    if not len(found):
        raise InputError("there is a header and no row", file=path.name, expected="rows")
    return found


def unique_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the header's names, trimmed; a name that repeats gets ``.1``, ``.2`` ...

    Examples
    --------
    >>> unique_names([" id ", "Killed", "Killed", ""])
    ('id', 'Killed', 'Killed.1', '')
    """
    names: list[str] = []
    taken: set[str] = set()
    for field in fields:
        plain = field.strip().lstrip("\ufeff")
        name = next(
            name
            for name in (plain, *(f"{plain}.{i}" for i in range(1, len(names) + 2)))
            if name not in taken
        )
        taken.add(name)
        names.append(name)
    return tuple(names)


class _Marked(io.TextIOBase):
    """A text file whose every line ends with one more field, a mark, to tell the lines' widths."""

    def __init__(self, file: io.TextIOBase, mark: str) -> None:
        self._file = file
        self._mark = mark
        self._open_line = False

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> str:
        text = self._file.read(size)
        if not text:
            text, self._open_line = ("\n" if self._open_line else ""), False
        else:
            self._open_line = not text.endswith("\n")
        return text.replace("\n", self._mark + "\n")


def _quoting(delimiter: str) -> Literal[0, 3]:
    """Return how fields are quoted: tab-separated feeds (GDELT, ICEWS) quote nothing."""
    return csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL


def _read_arrow(path: Path, survey: Survey, header: RawTable, wanted: list[str]) -> RawTable | None:
    """Return the rows by Arrow's parser, or None where it could differ from the exact reader."""
    if survey.has_returns or header.encoding not in UTF8 or not is_installed():
        return None
    found = read_arrow(
        path,
        header.header,
        wanted=wanted,
        skip=int(header.lines[0]),
        lines=survey.lines,
        delimiter=header.delimiter,
    )
    if found is None:
        return None
    rows, lines, widths, broken = found
    return replace(header, rows=rows, lines=lines, widths=widths, broken=broken)


def _read_fast(path: Path, survey: Survey, header: RawTable, wanted: list[str]) -> RawTable | None:
    """Return the rows by pandas' C parser, or None where it could differ from the exact reader.

    Every line gets a mark as its last field, so that the mark must fill the column behind the
    header's last, or the row is too short or too long; a line break inside a field makes rows and
    lines differ in number.
    """
    if survey.has_returns:
        return None
    width, skip = len(header.header), int(header.lines[0])
    parts = []
    with path.open(encoding=header.encoding, errors="strict") as file:
        marked = _Marked(file, header.delimiter + MARK)
        try:
            chunks = pd.read_csv(
                marked,
                header=None,
                names=[*header.header, MARK],
                usecols=[*wanted, MARK],
                skiprows=skip,
                dtype=str,
                sep=header.delimiter,
                quoting=_quoting(header.delimiter),
                keep_default_na=False,
                na_filter=False,
                skip_blank_lines=False,
                engine="c",
                chunksize=CHUNK,
            )
            for chunk in chunks:
                if not (isinstance(chunk.index, pd.RangeIndex) and (chunk[MARK] == MARK).all()):
                    return None
                parts.append(chunk[wanted])
        except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError):
            return None
    rows = pd.DataFrame(
        {name: pd.concat([part.pop(name) for part in parts], ignore_index=True) for name in wanted}
    )
    if len(rows) + skip != survey.lines:
        return None
    lines = np.arange(skip + 1, skip + 1 + len(rows), dtype=np.int64)
    return replace(header, rows=rows, lines=lines, widths=np.full(len(rows), width, np.int64))


def _read_exact(path: Path, header: RawTable, wanted: list[str], optional: int = 0) -> RawTable:
    """Return the rows by Python's csv module, each with its line and its width."""
    width, skip = len(header.header), int(header.lines[0])
    places = [header.header.index(name) for name in wanted]
    columns: list[list[str]] = [[] for _ in places]
    lines: list[int] = []
    widths: list[int] = []
    broken: dict[int, tuple[str, ...]] = {}
    with path.open(encoding=header.encoding, newline="") as file:
        for line, row in _split_rows(file, header):
            if line <= skip or not row:
                continue
            lacking = width - len(row)
            fields = [*row, *[""] * lacking] if 0 < lacking <= optional else row
            lines.append(line)
            widths.append(len(fields))
            if len(fields) != width:
                broken[len(lines) - 1] = tuple(fields)
            kept = fields if len(fields) == width else [""] * width
            for column, place in zip(columns, places, strict=True):
                column.append(kept[place])
    rows = pd.DataFrame(
        {name: pd.Series(column, dtype="str") for name, column in zip(wanted, columns, strict=True)}
    )
    at, size = np.array(lines, np.int64), np.array(widths, np.int64)
    return replace(header, rows=rows, lines=at, widths=size, broken=broken)


def _split_rows(file: Iterable[str], header: RawTable) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its line; raise where a quote that stands open swallows other rows.

    A row of several lines is one only if every quote in it closes where its field ends.
    """
    quoting = _quoting(header.delimiter)
    held: list[str] = []
    reader = csv.reader(_noted(file, held), delimiter=header.delimiter, quoting=quoting)
    start = 1
    try:
        for row in reader:
            if len(held) > 1:
                list(csv.reader(held, delimiter=header.delimiter, quoting=quoting, strict=True))
            yield start, row
            start = reader.line_num + 1
            held.clear()
    except csv.Error as error:
        raise InputError(
            f"the row can't be split into fields: {error}",
            file=header.name,
            row=start,
            met=held[0][:80] if held else None,
            expected="quotes that close where their field ends",
        ) from error


def _noted(lines: Iterable[str], held: list[str]) -> Iterator[str]:
    """Yield lines, and keep those that nobody has cleared."""
    for line in lines:
        held.append(line)
        yield line
