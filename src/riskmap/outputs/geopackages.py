"""GeoPackage with its QGIS style inside."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pyogrio

from riskmap.outputs.frames import TABLE, risk_frame
from riskmap.outputs.styles import qgis_style

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from riskmap.assessment.layers import RiskLayer

_STYLES = """CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT, f_table_schema TEXT,
  f_table_name TEXT, f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT, update_time DATETIME)"""
_STYLE = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,
  f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time)
  VALUES ('', '', ?, 'geom', 'risk level', ?, '', 1, '', '', ?)"""
_CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change)
  VALUES ('layer_styles', 'attributes', 'layer_styles', ?)"""


def write_geopackage(layer: RiskLayer, path: Path) -> None:
    """Write a layer as a GeoPackage that QGIS opens with the scale's colours and a hatch.

    Parameters
    ----------
    layer
        The risk layer.
    path
        A file that is not there yet. Its times are the layer's, so that its bytes are too.
    """
    frame = risk_frame(layer)
    issued = str(layer.provenance["issued_at"]).replace("Z", ".000Z")
    with _dated(issued):
        pyogrio.write_dataframe(
            frame,
            path,
            layer=TABLE,
            driver="GPKG",
            promote_to_multi=True,
            layer_options={"GEOMETRY_NAME": "geom"},
        )
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute(_STYLES)
        base.execute(_STYLE, (TABLE, qgis_style(layer.scale).decode(), issued))
        base.execute(_CONTENTS, (issued,))


@contextlib.contextmanager
def _dated(moment: str) -> Iterator[None]:
    """Let GDAL write this moment instead of the clock's."""
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": moment})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
