"""Workbooks (XLSX): the cells of a sheet as they are saved, one by one.

Nothing that a sheet states of itself is trusted: not its size, not the order of its rows. Hidden
sheets, rows and columns are read like others, and told. A formula gives the value that was saved
with it; one that was saved without is told, as is a cell that holds an error.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError, iterparse

import numpy as np
import pandas as pd

from riskmap.errors import InputError, importing
from riskmap.incidents.delimited import check_width
from riskmap.incidents.feeds.own_columns import TITLE_ROWS
from riskmap.incidents.reading_options import ALL_SHEETS
from riskmap.incidents.structured import read_frame, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.feeds.own_columns import Header

    Find = Callable[[Sequence[Sequence[str]]], Header | None]

#: How many times its own size a workbook may take when unpacked, and what is allowed to any.
UNPACKED, UNPACKED_BYTES = 100, 1 << 25
#: The columns of a sheet of a table program.
COLUMNS = 16_384
#: What stands for a formula that was saved without a value; the formula follows.
NO_VALUE = "#no value saved: "
#: The year from which a table program counts days where it does not say 1904.
WINDOWS = 1900
_SHOWN = 5
#: A day as text, and cells that a row with a day holds at least.
_DAY = re.compile(r"\s*(?:\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})\b")
_CELLS = 3
_BROKEN = (
    *(OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError),
    *(NotImplementedError, ParseError, zipfile.BadZipFile, zlib.error),
)


@dataclass
class Sheet:
    """The cells of a sheet that hold something.

    Parameters
    ----------
    title
        Its name.
    rows
        For each row, by its number from 1 on, its values by the number of their column from 1 on.
    merged
        Merged cells of several rows: the column, the first and the last row.
    hidden
        The numbers of hidden rows.
    hidden_columns
        Whether any column is hidden.
    """

    title: str
    rows: dict[int, dict[int, Any]] = field(default_factory=dict)
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    hidden_columns: bool = False

    def head(self) -> list[list[str]]:
        """Return the first rows as text, blank ones too."""
        return [self.texts(row) for row in range(1, TITLE_ROWS + 2)]

    def texts(self, row: int) -> list[str]:
        """Return a row as text, up to its last cell."""
        cells = self.rows.get(row, {})
        return [to_text(cells.get(column)) for column in range(1, max(cells, default=0) + 1)]


def read_workbook(path: Path, find: Find, *, sheets: Sequence[str] = ()) -> list[RawTable]:
    """Return the rows of a workbook's sheets under their headers, a table a sheet.

    What stands in a cell of several rows holds for all of them that hold anything else. What other
    sheets hold is told in the tables' ``others``.

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
        When it is no XLSX file, holds no rows or no such sheet, several sheets have a header and
        none is named, or it would take more than :data:`UNPACKED` times its size.
    MissingDependencyError
        When openpyxl is not installed.
    """
    with importing("openpyxl", extra="excel"):
        from openpyxl import load_workbook
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    try:
        check_unpacked(path)
        with path.open("rb") as file:  # a file that is open is not judged by its name
            book = load_workbook(file, read_only=True, data_only=True)
            every = {one.title: one for one in book.worksheets}
            starts = {t: _read_cells(one, rows=TITLE_ROWS + 1) for t, one in every.items()}
            heads = {t: find(start.head()) for t, start in starts.items()}
            strange = [t for t, h in heads.items() if not h and _has_days(starts[t])]
            cells = {t: _read_cells(every[t]) for t, header in heads.items() if header}
            held = {t: _count_rows(one, heads[t]) for t, one in cells.items()}
            chosen = _choose([*every], held, tuple(sheets), path.name)
            others = {t: n for t, n in held.items() if n and t not in chosen}
            if not sheets and others:
                raise _several(chosen[0], others, path.name)
            strange = [t for t in strange if t not in chosen]
            if strange and tuple(sheets) == (ALL_SHEETS,):
                raise _strange(strange, path.name)
            cells |= {t: _read_cells(every[t]) for t in chosen if t not in cells}
            states = {t: every[t].sheet_state for t in chosen}
            counts = max(int(book.epoch.year), WINDOWS)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(
            f"not a spreadsheet, or a broken one: {error}"[:200],
            file=path.name,
            expected="an XLSX file",
        ) from error
    return [
        replace(
            _under_header(cells[t], heads[t], path.name),
            name=f"{path.name} [{t}]" if len(chosen) > 1 else path.name,
            sheet=t,
            others=others,
            counts_from=counts,
            told=(
                *_tell_hidden(cells[t], is_hidden=states[t] != "visible"),
                *(f"sheet {other!r} holds days and is not read" for other in strange),
            ),
        )
        for t in chosen
    ]


def _has_days(sheet: Sheet) -> bool:
    """Return whether rows of a sheet hold a day beside other cells, as incidents do."""
    dated = (
        len(row) >= _CELLS and any(isinstance(v, date) or _DAY.match(str(v)) for v in row.values())
        for row in sheet.rows.values()
    )
    return sum(dated) > 1


def _count_rows(sheet: Sheet, header: Header | None) -> int:
    """Return how many rows below its header hold anything."""
    return sum(row > (header.stop if header else 0) for row in sheet.rows)


def _choose(
    every: list[str], held: Mapping[str, int], sheets: tuple[str, ...], name: str
) -> list[str]:
    """Return the sheets that are read; `held` are the rows of those that have a header."""
    filled = [one for one, n in held.items() if n] or [*held] or every
    if sheets == (ALL_SHEETS,) and ALL_SHEETS not in every:
        return filled if held else filled[:1]
    for sheet in sheets:
        if sheet not in every:
            shown = ", ".join([*every, ALL_SHEETS])[:200]
            raise InputError("no such sheet", file=name, met=sheet, expected=shown)
    return [one for one in every if one in sheets] if sheets else filled[:1]


def _several(first: str, others: Mapping[str, int], name: str) -> InputError:
    """Return the error for several sheets that hold incidents, of which none is named."""
    return InputError(
        f"{len(others) + 1} sheets hold incidents",
        file=name,
        met=", ".join([first, *others])[:200],
        expected=f"sheet='all' for all of them together, or one; beside {first} stand "
        f"{tell_others(others)}",
    )


def _strange(sheets: Sequence[str], name: str) -> InputError:
    """Return the error for sheets of days, under "all", of which nobody knows the header."""
    return InputError(
        "a sheet holds days under a header that is not known",
        file=name,
        met=", ".join(sheets)[:200],
        expected="columns named as in the other sheets, or the names of the sheets to read",
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


def check_unpacked(path: Path) -> None:
    """Raise where the parts of a workbook take too many times its size.

    Parameters
    ----------
    path
        A zip file.

    Raises
    ------
    InputError
        When they do; the message holds the bound.
    """
    with zipfile.ZipFile(path) as packed:
        size = sum(part.file_size for part in packed.infolist())
    bound = max(UNPACKED * path.stat().st_size, UNPACKED_BYTES)
    if size > bound:
        raise InputError(
            "too large when unpacked",
            file=path.name,
            met=f"{size:,} bytes",
            expected=f"{bound:,} bytes: {UNPACKED} times the file, or {UNPACKED_BYTES >> 20} MB",
        )


def _read_cells(one: Any, *, rows: int | None = None) -> Sheet:
    """Return the cells of a worksheet, or those of its first rows."""
    from openpyxl.utils.cell import range_boundaries
    from openpyxl.worksheet import _reader

    sheet, book = Sheet(one.title), one.parent
    with one._get_source() as source:  # noqa: SLF001 - the sheet as it is saved, without its stated size
        cells = _cell_parser(_reader.WorkSheetParser)(
            None,
            one._shared_strings,  # noqa: SLF001
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,  # noqa: SLF001
            timedelta_formats=book._timedelta_formats,  # noqa: SLF001
        )
        for _, element in iterparse(source):  # noqa: S314 - expat refuses entities that grow
            if element.tag == _reader.ROW_TAG:
                number, found = cells.parse_row(element)
                values = {c["column"]: c["value"] for c in found if c["value"] not in (None, "")}
                _add_row(sheet, number, values, is_hidden=element.get("hidden") in ("1", "true"))
                element.clear()
                if rows is not None and number >= rows:
                    return sheet
            elif element.tag == _reader.COL_TAG:
                sheet.hidden_columns |= element.get("hidden") in ("1", "true")
            elif element.tag == _reader.MERGE_TAG:
                boxes = [range_boundaries(cell.get("ref")) for cell in element]
                sheet.merged = [(left, top, end) for left, top, _, end in boxes if top < end]
    return sheet


def _add_row(sheet: Sheet, number: int, values: dict[int, Any], *, is_hidden: bool) -> None:
    if not values:
        return
    if number in sheet.rows or number < 1 or max(values) > COLUMNS or min(values) < 1:
        raise ValueError(f"row {number} stands twice, or has a cell beyond column {COLUMNS:,}")
    check_width(len(values), sheet.title)
    sheet.rows[number] = values
    if is_hidden:
        sheet.hidden.append(number)


def _cell_parser(base: Any) -> Any:
    """Return a parser of cells by which formulas that were saved without a value are told."""
    from openpyxl.worksheet._reader import FORMULA_TAG

    class CellParser(base):
        def parse_cell(self, element: Any) -> dict[str, Any]:
            cell: dict[str, Any] = super().parse_cell(element)
            if cell["value"] is None and (formula := element.find(FORMULA_TAG)) is not None:
                cell["value"] = f"{NO_VALUE}={formula.text or ''}"
            return cell

    return CellParser


def _under_header(sheet: Sheet, header: Header | None, name: str) -> RawTable:
    """Return a sheet's rows below its header."""
    if not sheet.rows:
        raise InputError("the file is empty", file=name, expected="a header and rows")
    start = min(sheet.rows)
    names = sheet.texts(start) if header is None else list(header.names)
    stop = start if header is None else header.stop
    lines = [number for number in sorted(sheet.rows) if number > stop]
    if not lines:
        raise InputError("there is a header and no row", file=name, expected="rows")
    for column, first, last in sheet.merged:
        value = sheet.rows.get(first, {}).get(column)
        for number in () if value is None else range(max(first, stop) + 1, last + 1):
            if number in sheet.rows:
                sheet.rows[number][column] = value
    columns: dict[int, dict[int, Any]] = defaultdict(dict)
    for i, number in enumerate(lines):
        for column, value in sheet.rows.pop(number).items():
            columns[column][i] = value
    used = sorted({*columns, *range(1, len(names) + 1)})
    frame = pd.DataFrame(
        {column: pd.Series(_spread(columns[column], len(lines)), dtype=object) for column in used}
    )
    frame.columns = pd.Index([names[c - 1] if c <= len(names) else "" for c in used], dtype=object)
    return replace(read_frame(frame, name=name), lines=np.array(lines, np.int64))


def _spread(values: dict[int, Any], size: int) -> np.ndarray[Any, Any]:
    """Return the values of a column at their places among `size` rows."""
    column = np.full(size, None, object)
    for row, value in values.items():
        column[row] = value
    return column


def _tell_hidden(sheet: Sheet, *, is_hidden: bool) -> tuple[str, ...]:
    """Return what is said of hidden parts of a sheet that were read."""
    told = [f"the hidden sheet {sheet.title!r} is read"] if is_hidden else []
    if sheet.hidden:
        first = ", ".join(map(str, sheet.hidden[:_SHOWN]))
        more = f" and {len(sheet.hidden) - _SHOWN} more" if len(sheet.hidden) > _SHOWN else ""
        told.append(f"hidden rows are read: {first}{more}")
    if sheet.hidden_columns:
        told.append("hidden columns are read")
    return tuple(told)
