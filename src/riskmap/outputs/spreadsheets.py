"""Workbooks (XLSX) of the tables of a layer: texts stay texts, days are days, no clock is read."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pandas as pd

from riskmap.outputs.catalogues import catalogue, render_xml
from riskmap.outputs.layer_tables import RISK, TABLES, as_typed, describe_columns, layer_table
from riskmap.schema import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskmap.outputs.bundles import Bundle

#: The first moment that a zip file can tell.
_STAMP = (1980, 1, 1, 0, 0, 0)
#: What a sheet holds at most: rows below the head, and characters of a cell.
_ROWS, _LETTERS = 1_048_575, 32_767
_DAY_ZERO = pd.Timestamp("1899-12-30")
_DAY_STYLE, _TIME_STYLE, _HEAD_STYLE = 1, 2, 3
_WIDTHS = (8, 40)
#: What a workbook holds beside its sheets.
_PARTS = {
    "[Content_Types].xml": "xlsx.Content_Types.xml",
    "_rels/.rels": "xlsx.package.rels.xml",
    "xl/_rels/workbook.xml.rels": "xlsx.workbook.xml.rels.xml",
    "xl/workbook.xml": "xlsx.workbook.xml",
    "xl/styles.xml": "xlsx.styles.xml",
}


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
    """
    tables = {RISK: as_typed(bundle.published)}
    tables |= {name: layer_table(bundle.layer, name) for name in TABLES}
    about = describe_columns(tables, catalogue("en"))
    tables["columns"] = pd.DataFrame(about, columns=["table", "column", "called", "holds"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as package:
        for name, template in _PARTS.items():
            _add(package, name, render_xml(template, sheets=list(tables)))
        for number, table in enumerate(tables.values(), start=1):
            _add(package, f"xl/worksheets/sheet{number}.xml", _sheet(table.head(_ROWS)).encode())
    return buffer.getvalue()


def _add(package: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name, date_time=_STAMP)
    member.compress_type = zipfile.ZIP_DEFLATED
    package.writestr(member, data)


def _sheet(table: pd.DataFrame) -> str:
    """Return a table as a sheet whose head stays in view and filters."""
    names = [_column_name(k) for k in range(len(table.columns))]
    last = f"{names[-1]}{len(table) + 1}"
    columns = [[*_cells(table[name])] for name in table.columns]
    head = "".join(_text(name, f' s="{_HEAD_STYLE}"') for name in table.columns)
    rows = ("".join(row) for row in zip(*columns, strict=True))
    widths = "".join(
        f'<col min="{k}" max="{k}" width="{_width(table[name])}" customWidth="1"/>'
        for k, name in enumerate(table.columns, start=1)
    )
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="{space}">'
        f'<dimension ref="A1:{last}"/><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f"</sheetView></sheetViews><cols>{widths}</cols><sheetData><row>{head}</row>"
        + "".join(f"<row>{row}</row>" for row in rows)
        + f'</sheetData><autoFilter ref="A1:{last}"/></worksheet>'
    )


def _column_name(number: int) -> str:
    """Return the letters of a column.

    Examples
    --------
    >>> _column_name(0), _column_name(27)
    ('A', 'AB')
    """
    high, low = divmod(number, 26)
    return f"{_column_name(high - 1) if high else ''}{chr(ord('A') + low)}"


def _width(column: pd.Series) -> int:
    seen = column.head(50).astype("str").str.len().max()
    longest = max(len(str(column.name)), 0 if pd.isna(seen) else int(seen))
    return min(max(longest + 2, _WIDTHS[0]), _WIDTHS[1])


def _cells(column: pd.Series) -> Iterator[str]:
    """Yield a column's cells; days and times are numbers of days with a format."""
    kind, missing = column.dtype.kind, column.isna().to_numpy(dtype=bool)
    if kind == "M":
        times = column if str(column.dtype) == DAY else column.dt.tz_convert(None)
        style = _DAY_STYLE if str(column.dtype) == DAY else _TIME_STYLE
        days = (times - _DAY_ZERO) / pd.Timedelta(days=1)
        return (
            "<c/>" if gone else f'<c s="{style}"><v>{day:.10g}</v></c>'
            for day, gone in zip(days, missing, strict=True)
        )
    values = column.to_numpy(dtype=object)
    return ("<c/>" if gone else _cell(value) for value, gone in zip(values, missing, strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    return f"<c><v>{value!r}</v></c>" if isinstance(value, int | float) else _text(str(value))


def _text(text: str, style: str = "") -> str:
    r"""Return a text as a cell; an underscore that would begin a code is written as one.

    Examples
    --------
    >>> _text("=1+1<b>")
    '<c t="inlineStr"><is><t xml:space="preserve">=1+1&lt;b&gt;</t></is></c>'
    """
    told = escape(text[:_LETTERS].replace("_x", "_x005F_x"))
    return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{told}</t></is></c>'
