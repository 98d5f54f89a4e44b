"""Workbooks (XLSX) of the tables of a layer: texts stay texts, days are days, no clock is read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import MissingDependencyError
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.layer_tables import RISK, TABLES, as_typed, describe_columns, layer_table
from riskmap.schema import DAY

if TYPE_CHECKING:
    from riskmap.outputs.bundles import Bundle

#: What a sheet holds at most: rows below the head, and characters of a cell.
_ROWS, _LETTERS = 1_048_575, 32_767
_WIDTHS = (8, 40)
#: No text is taken for a formula, an address or a number.
_PLAIN = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_DAY_FORMAT, _TIME_FORMAT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm"


def workbook(bundle: Bundle) -> bytes:
    """Return the tables of a layer as XLSX: a sheet a table, and one that says what columns hold.

    Parameters
    ----------
    bundle
        The layer.

    Returns
    -------
    bytes
        No cell is a formula, whatever its text begins with. A table that is longer than a sheet
        ends where the sheet does; the other formats hold all of it.

    Raises
    ------
    MissingDependencyError
        When XlsxWriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingDependencyError("XlsxWriter", extra="excel") from error
    tables = {RISK: as_typed(bundle.published)}
    tables |= {name: layer_table(bundle.layer, name) for name in TABLES}
    about = describe_columns(tables, catalogue("en"))
    tables["columns"] = pd.DataFrame(about, columns=["table", "column", "called", "holds"])
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, _PLAIN) as book:
        book.set_properties({"created": bundle.layer.context.as_of.to_pydatetime()})
        for name, table in tables.items():
            _add_sheet(book, name, table.head(_ROWS))
    return buffer.getvalue()


def _add_sheet(book: Any, name: str, table: pd.DataFrame) -> None:
    """Add a table as a sheet whose head stays in view and filters."""
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
    for k, column in enumerate(table.columns):
        values = table[column]
        sheet.set_column(k, k, _width(values))
        sheet.write_string(0, k, column, bold)
        style = None
        if values.dtype.kind == "M":
            is_day = str(values.dtype) == DAY
            style = book.add_format({"num_format": _DAY_FORMAT if is_day else _TIME_FORMAT})
            values = values if is_day else values.dt.tz_convert(None)
        known = values.notna().to_numpy(dtype=bool)
        for row, value in enumerate(values.astype(object), start=1):
            if known[row - 1]:
                told = value[:_LETTERS] if isinstance(value, str) else value
                sheet.write(row, k, told, style)


def _width(column: pd.Series) -> int:
    seen = column.head(50).astype("str").str.len().max()
    longest = max(len(str(column.name)), 0 if pd.isna(seen) else int(seen))
    return min(max(longest + 2, _WIDTHS[0]), _WIDTHS[1])
