"""Workbooks: the sheets that hold incidents, each as a table of text, and what the others hold."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np
import pandas as pd

from riskmap.errors import InputError, MissingDependencyError
from riskmap.incidents.headers import TITLE_ROWS
from riskmap.incidents.reading_options import ALL_SHEETS
from riskmap.incidents.structured import read_frame, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.headers import Header

    Find = Callable[[Sequence[Sequence[str]]], Header | None]

_BROKEN = (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile, ParseError)


def read_workbook(path: Path, find: Find, *, sheets: Sequence[str] = ()) -> list[RawTable]:
    """Return the rows of a workbook's sheets under their headers, a table a sheet.

    What stands in a cell of several rows holds for all of them. What other sheets hold is told in
    the tables' ``others``.

    Parameters
    ----------
    path
        An XLSX file; formulas give the values that were saved with them.
    find
        Says where in a sheet's first rows the header stands. The first row of the first sheet is
        taken where no sheet has one.
    sheets
        The names of the sheets; ``"all"`` for all that have a header. The only one that has when
        none is named.

    Raises
    ------
    InputError
        When it is no XLSX file, holds no rows or no such sheet, or several sheets have a header and
        none is named.
    MissingDependencyError
        When openpyxl is not installed.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingDependencyError("openpyxl", extra="excel") from error
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        for one in book.worksheets:
            one.reset_dimensions()  # what a sheet states of its size is not to be trusted
        found = {one: find(_head(one)) for one in book.worksheets}
        held = {one: _count_rows(one, header) for one, header in found.items() if header}
        chosen = _choose([*found], held, tuple(sheets), path.name)
        others = {one.title: n for one, n in held.items() if n and one not in chosen}
        if not sheets and others:
            raise _several(chosen[0].title, others, path.name)
        tables = [_read_sheet(path, one, found[one]) for one in chosen]
        book.close()
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError("not a spreadsheet", file=path.name, expected="an XLSX file") from error
    several = len(chosen) > 1
    names = [f"{path.name} [{one.title}]" if several else path.name for one in chosen]
    told = zip(tables, names, chosen, strict=True)
    return [replace(raw, name=name, sheet=one.title, others=others) for raw, name, one in told]


def _choose(
    every: list[Any], held: Mapping[Any, int], sheets: tuple[str, ...], name: str
) -> list[Any]:
    """Return the sheets that are read; `held` are the rows of those that have a header."""
    filled = [one for one, n in held.items() if n] or [*held] or every
    titles = [one.title for one in every]
    if sheets == (ALL_SHEETS,) and ALL_SHEETS not in titles:
        return filled if held else filled[:1]
    for sheet in sheets:
        if sheet not in titles:
            shown = ", ".join([*titles, ALL_SHEETS])[:200]
            raise InputError("no such sheet", file=name, met=sheet, expected=shown)
    return [one for one in every if one.title in sheets] if sheets else filled[:1]


def _several(first: str, others: Mapping[str, int], name: str) -> InputError:
    """Return the error for several sheets that hold incidents, of which none is named."""
    return InputError(
        f"{len(others) + 1} sheets hold incidents",
        file=name,
        met=", ".join([first, *others])[:200],
        expected=f"sheet='all' for all of them together, or one; beside {first} stand "
        f"{tell_others(others)}",
    )


def tell_others(others: Mapping[str, int]) -> str:
    """Return how many rows each of some sheets holds.

    Examples
    --------
    >>> tell_others({"2022": 312, "2023": 1})
    '2022 (312 rows), 2023 (1 row)'
    """
    return ", ".join(f"{name} ({n:,} {'row' if n == 1 else 'rows'})" for name, n in others.items())


def tell_sheets(others: Mapping[str, int]) -> str:
    """Return what is told of sheets of incidents that were not asked for; ``""`` of none.

    Examples
    --------
    >>> tell_sheets({"2022": 312, "2023": 1})
    "2 other sheets hold tables: 2022 (312 rows), 2023 (1 row): sheet='all' reads them"
    """
    n = len(others)
    sheets = f"{n} other {'sheet holds a table' if n == 1 else 'sheets hold tables'}"
    reads = "it" if n == 1 else "them"
    return f"{sheets}: {tell_others(others)}: sheet='all' reads {reads}" if n else ""


def _head(sheet: Any) -> list[list[str]]:
    """Return the first rows of a sheet as text."""
    rows = sheet.iter_rows(max_row=TITLE_ROWS + 1, values_only=True)
    return [[to_text(value) for value in row] for row in rows]


def _count_rows(sheet: Any, header: Header) -> int:
    """Return how many rows below its header hold anything."""
    rows = sheet.iter_rows(min_row=header.stop + 1, values_only=True)
    return sum(any(value is not None for value in row) for row in rows)


def _read_sheet(path: Path, sheet: Any, header: Header | None) -> RawTable:
    """Return a sheet's rows below its header."""
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    if not rows:
        raise InputError("the file is empty", file=path.name, expected="a header and rows")
    return _under_header(rows, header, _merged_cells(path, sheet), path.name)


def _under_header(
    rows: list[list[Any]], header: Header | None, merged: Iterable[tuple[int, int, int]], name: str
) -> RawTable:
    """Return rows below their header; what stands in a merged cell holds for all of its rows."""
    stop = 1 if header is None else header.stop
    width = max(len(row) for row in rows)
    rows = [[*row, *[None] * (width - len(row))] for row in rows]
    for column, first, last in merged:
        for row in rows[first:last] if stop < first <= len(rows) and column < width else ():
            row[column] = rows[first - 1][column]
    cells = pd.DataFrame(rows, dtype=object)
    names = [to_text(v) for v in cells.iloc[0]] if header is None else list(header.names)
    names += [""] * (width - len(names))
    filled = cells.notna().any(axis=1) & (cells.index >= stop)
    table = cells[filled].set_axis(names[:width], axis=1)
    return replace(read_frame(table, name=name), lines=np.flatnonzero(filled) + 1)


_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]+)(\d+):[A-Z]+(\d+)"')


def _merged_cells(path: Path, sheet: Any) -> list[tuple[int, int, int]]:
    """Return the merged cells of several rows: column from 0, first and last row from 1."""
    from openpyxl.utils import column_index_from_string

    with zipfile.ZipFile(path) as book:
        text = book.read(sheet._worksheet_path)  # noqa: SLF001 - read-only sheets tell no merged cells
    found = [(match[1].decode(), int(match[2]), int(match[3])) for match in _MERGED.finditer(text)]
    return [(column_index_from_string(c) - 1, a, b) for c, a, b in found if a < b]
