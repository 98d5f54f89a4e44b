"""Files of all tables, with names that people read: a GeoPackage, and a workbook (XLSX).

A layer of a GeoPackage brings its style, the aliases of its columns and its map tips (QGIS), and
the aliases in the standard's own table of columns (GDAL and what builds on it).
"""

from __future__ import annotations

import contextlib
import html
import io
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio import raw

from riskmap.errors import importing
from riskmap.outputs.catalogues import catalogue, render_xml
from riskmap.outputs.tables import (
    INCIDENTS,
    RISK,
    TABLES,
    alias_of,
    as_typed,
    describe_columns,
    incident_points,
    kind_of,
)
from riskmap.schema import CRS, DAY, INSTANT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from riskmap.assessment.levels import LevelScale
    from riskmap.outputs.bundles import Bundle

UNKNOWN = "#808890"
#: What map tips tell of a region and of an incident; the first is their name.
_RISK_TIP = (
    *("name", "parent", "layer", "level_name", "at_least", "attacked", "p_any", "confidence"),
    *("data_sufficiency", "reasons", "drivers", "valid_until"),
)
_INCIDENT_TIP = (
    *("event_type", "event_date", "date_precision", "place", "geo_precision", "killed"),
    *("wounded", "abducted", "nationality", "sector", "source", "weight"),
)
#: GDAL's code of a time in UTC.
_UTC = 100

_STYLES = """CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT, f_table_schema TEXT,
  f_table_name TEXT, f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT, update_time DATETIME)"""
_STYLE = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,
  f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time)
  VALUES ('', '', ?, ?, ?, ?, '', 1, '', '', ?)"""
_CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change)
  VALUES ('layer_styles', 'attributes', 'layer_styles', ?)"""
#: Of the standard's extension "schema": what columns are called and hold.
_COLUMNS = """CREATE TABLE IF NOT EXISTS gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
  mime_type TEXT, constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name))"""
_CONSTRAINTS = """CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
  min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))"""
_EXTENSIONS = """CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))"""
_EXTENSION = """INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema',
  'http://www.geopackage.org/spec121/#extension_schema', 'read-write')"""
_COLUMN = """INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description)
  VALUES (?, ?, ?, ?, ?)"""


def write_geopackage(bundle: Bundle, path: Path) -> None:
    """Write a layer as a GeoPackage that QGIS opens with the scale's colours and a hatch.

    Parameters
    ----------
    bundle
        The layer.
    path
        A file that is not there yet. Its times are the layer's, so that its bytes are too. The
        regions are the layer ``risk``, the incidents points where one is known, and the other
        tables stand beside them; ``region_id`` and ``incident_id`` join them.
    """
    issued = str(bundle.layer.provenance["issued_at"]).replace("Z", ".000Z")
    frame = pd.DataFrame(bundle.frame.drop(columns="geometry"))
    tables = {RISK: frame} | {name: bundle.table_of(name) for name in TABLES}
    with _dated(issued):
        _write(path, RISK, frame, bundle.shapes)
        for name in TABLES:
            shapes = incident_points(tables[name]) if name == INCIDENTS else None
            _write(path, name, tables[name], shapes)
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute(_STYLES)
        for name, table in tables.items():
            style = _style_of(name, table, bundle.layer.scale)
            geometry = "geom" if name in (RISK, INCIDENTS) else ""
            base.execute(_STYLE, (name, geometry, name, style.decode(), issued))
        base.execute(_CONTENTS, (issued,))
        _name_columns(base, tables)


def _write(path: Path, name: str, table: pd.DataFrame, shapes: NDArray[np.object_] | None) -> None:
    """Write a table as a layer, with points or areas where it has some."""
    columns = [_encode(table[column]) for column in table.columns]
    times = [column for column in table.columns if str(table[column].dtype).endswith("UTC]")]
    is_area = name == RISK
    options: dict[str, Any] = {"DATETIME_PRECISION": "MILLISECOND"}
    spatial: dict[str, Any] = (
        {}
        if shapes is None
        else {
            "geometry_type": "MultiPolygon" if is_area else "Point",
            "promote_to_multi": is_area,
            "crs": CRS,
        }
    )
    if spatial:
        options["GEOMETRY_NAME"] = "geom"
    raw.write(
        path,
        None if shapes is None else shapely.to_wkb(shapes),
        [values for values, _ in columns],
        np.array(table.columns, dtype=object),
        field_mask=[mask for _, mask in columns],
        layer=name,
        driver="GPKG",
        dataset_options={"VERSION": "1.3"},  # what QGIS of some years ago reads as well
        layer_options=options,
        gdal_tz_offsets={column: np.full(len(table), _UTC) for column in times},
        **spatial,
    )


def _encode(column: pd.Series) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column as GDAL takes it, and which of its values are missing."""
    missing, kind = column.isna().to_numpy(dtype=bool), str(column.dtype)
    if column.dtype.kind == "M":
        unit = "D" if kind_of(str(column.name)) == DAY else "ms"
        times = column if kind == DAY else column.dt.tz_convert(None)
        return times.to_numpy().astype(f"datetime64[{unit}]"), missing
    if kind in ("Int64", "int64"):
        return column.fillna(0).to_numpy(dtype=np.int64), missing
    if column.dtype.kind in "fb":
        return column.to_numpy(), missing
    return column.astype(object).where(~missing, None).to_numpy(dtype=object), missing


def _name_columns(base: sqlite3.Connection, tables: dict[str, pd.DataFrame]) -> None:
    """Write down what people call the columns of tables, and what they hold."""
    for statement in (_COLUMNS, _CONSTRAINTS, _EXTENSIONS):
        base.execute(statement)
    for table in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        base.execute(_EXTENSION, (table,))
    taken: set[tuple[str, str]] = set()
    for table, name, alias, meaning in describe_columns(tables, catalogue("en")):
        called = alias if (table, alias) not in taken else name
        taken.add((table, called))
        base.execute(_COLUMN, (table, name, called, alias, meaning))


@contextlib.contextmanager
def _dated(moment: str) -> Iterator[None]:
    """Let GDAL write this moment instead of the clock's."""
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": moment})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def _style_of(name: str, table: pd.DataFrame, scale: LevelScale) -> bytes:
    if name == RISK:
        return qgis_style(scale, table.columns)
    if name == INCIDENTS:
        return render_xml("incidents.qml", **_fields(table.columns, _INCIDENT_TIP)) + b"\n"
    return render_xml("table.qml", **_fields(table.columns)) + b"\n"


def qgis_style(scale: LevelScale, columns: Iterable[str] = ()) -> bytes:
    """Return a QGIS style: one fill a level of ``risk_level``, a hatch for insufficient data.

    Parameters
    ----------
    scale
        The levels with their colours.
    columns
        The columns of the table, which get the names that people read.

    Returns
    -------
    bytes
        A document as QGIS 3 writes it (``.qml``): the number of the level as label, with a halo;
        names of columns, and a map tip.

    Examples
    --------
    >>> import riskmap as rm
    >>> qgis_style(rm.LevelScale.default()).count(b"<category ")
    6
    """
    names, unknown = catalogue("en")["levels"], _rgba(UNKNOWN)
    values = {"levels": scale.levels[::-1], "names": names, "rgba": _rgba, "unknown": unknown}
    return render_xml("risk.qml", **values, **_fields(columns, _RISK_TIP)) + b"\n"


def _fields(columns: Iterable[str], told: Iterable[str] = ()) -> dict[str, Any]:
    """Return the columns with their aliases, and a map tip of those that are told."""
    words, names = catalogue("en"), [str(name) for name in columns]
    first, *rest = [name for name in told if name in names] or [""]
    lines = [_tip_line(name, alias_of(name, words)) for name in rest]
    return {
        "fields": [(name, alias_of(name, words)) for name in names],
        "tip": f"<b>[% {_escaped(first)} %]</b>{''.join(lines)}" if first else "",
    }


def _tip_line(name: str, alias: str) -> str:
    """Return a line of a map tip, which is not there where nothing is known or a flag not set."""
    called = html.escape(alias).replace("'", "&#39;")
    return (
        f"[% CASE WHEN coalesce(to_string(\"{name}\"), '') IN ('', 'false') THEN '' "
        f"ELSE '<br>{called}: ' || {_escaped(name)} END %]"
    )


def _escaped(name: str) -> str:
    """Return the expression of QGIS for a value as markup shows it: what it holds is text."""
    text = f"coalesce(to_string(\"{name}\"), '')"
    if name == "p_any":
        text = "to_string(round(100 * \"p_any\", 2)) || ' %'"
    elif kind_of(name) in (DAY, INSTANT):
        text = f"left({text}, 10)"
    return f"replace(replace({text}, '&', '&amp;'), '<', '&lt;')"


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


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
    with importing("XlsxWriter", extra="excel"):
        import xlsxwriter
    tables = {RISK: as_typed(bundle.published)} | {name: bundle.table_of(name) for name in TABLES}
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
    write = {str: sheet.write_string, float: sheet.write_number, int: sheet.write_number}
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
            if known[row - 1] and value != "":
                told = value[:_LETTERS] if isinstance(value, str) else value
                write.get(type(value), sheet.write)(row, k, told, style)


def _width(column: pd.Series) -> int:
    seen = column.head(50).astype("str").str.len().max()
    longest = max(len(str(column.name)), 0 if pd.isna(seen) else int(seen))
    return min(max(longest + 2, _WIDTHS[0]), _WIDTHS[1])
