"""Workbooks (XLSX): the cells of a sheet as they are saved, one by one.

Nothing that a sheet states of itself is trusted: not its size, not the order of its rows. Hidden
sheets, rows and columns are read like others, and told. A formula gives the value that was saved
with it; one that was saved without is told, as is a cell that holds an error.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError, iterparse

import numpy as np
import pandas as pd

from riskmap.errors import InputError, MissingDependencyError
from riskmap.incidents.delimited import check_width
from riskmap.incidents.headers import TITLE_ROWS
from riskmap.incidents.structured import read_frame, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.headers import Header

#: How many times its own size a workbook may take when unpacked, and what is allowed to any.
UNPACKED, UNPACKED_BYTES = 100, 1 << 25
#: The columns of a sheet of a table program.
COLUMNS = 16_384
#: What stands for a formula that was saved without a value; the formula follows.
NO_VALUE = "#no value saved: "
#: The year from which a table program counts days where it does not say 1904.
WINDOWS = 1900
_SHOWN = 5
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


def read_sheet(
    path: Path,
    find: Callable[[Sequence[Sequence[str]]], Header | None],
    *,
    sheet: str | None = None,
) -> RawTable:
    """Return the rows of a spreadsheet's sheet, under its header.

    What stands in a cell of several rows holds for all of them that hold anything else.

    Parameters
    ----------
    path
        An XLSX file; formulas give the values that were saved with them.
    find
        Says where in a sheet's first rows the header stands. The first row of the first sheet is
        taken where no sheet has one.
    sheet
        The name of the sheet, where several hold incidents.

    Raises
    ------
    InputError
        When it is no XLSX file, holds no rows, several sheets have a header, or it would take more
        than :data:`UNPACKED` times its size.
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
        check_unpacked(path)
        with path.open("rb") as file:  # a file that is open is not judged by its name
            book = load_workbook(file, read_only=True, data_only=True)
            states = {one.title: one.sheet_state for one in book.worksheets}
            wanted = [one for one in book.worksheets if sheet in (None, one.title)]
            heads = [find(_read_cells(one, rows=TITLE_ROWS + 1).head()) for one in wanted]
            named = [i for i, header in enumerate(heads) if header] or [0][: len(wanted)]
            tables = [_read_cells(wanted[i]) for i in named if len(named) == 1]
            counts = max(int(book.epoch.year), WINDOWS)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(
            f"not a spreadsheet, or a broken one: {error}"[:200],
            file=path.name,
            expected="an XLSX file",
        ) from error
    if not named:
        titles = ", ".join(states)
        raise InputError("no such sheet", file=path.name, met=sheet, expected=titles[:200])
    if len(named) > 1:
        raise InputError(
            f"{len(named)} sheets hold incidents",
            file=path.name,
            met=", ".join(wanted[i].title for i in named)[:200],
            expected="one; name it with sheet=, or save each as a file of its own",
        )
    raw = _under_header(tables[0], heads[named[0]], path.name)
    told = _tell_hidden(tables[0], is_hidden=states[tables[0].title] != "visible")
    return replace(raw, counts_from=counts, told=told)


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
