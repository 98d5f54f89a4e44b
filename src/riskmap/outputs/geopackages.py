"""GeoPackage with its QGIS style inside, and the same style as a sidecar for GeoJSON."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import geopandas as gpd
import pyogrio

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.tables import risk_table
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale

TABLE = "risk"
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
    regions = layer.regions.sort_values("region_id", kind="stable")
    frame = gpd.GeoDataFrame(
        risk_table(layer), geometry=prepare_geometries(regions.geometry), crs=CRS
    )
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


def qgis_style(scale: LevelScale) -> bytes:
    """Return a QGIS style: one fill a level of ``risk_level``, a hatch for insufficient data.

    Examples
    --------
    >>> import riskmap as rm
    >>> qgis_style(rm.LevelScale.default()).count(b"<category ")
    6
    """
    words = catalogue("en")["levels"]
    root = ET.Element("qgis", version="3.28.0", styleCategories="Symbology|Labeling")
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr="risk_level")
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for level in reversed(scale.levels):
        name = str(level.level)
        label = f"{level.level} {words[level.name]}"
        ET.SubElement(categories, "category", value=name, symbol=name, label=label, render="true")
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1")
        fill = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0"})
        options = ET.SubElement(fill, "Option", type="Map")
        for key, value in {
            "color": _rgba("#808890" if level.level == 0 else level.colour),
            "style": "b_diagonal" if level.level == 0 else "solid",
            "outline_color": "255,255,255,255",
            "outline_width": "0.16",
            "outline_style": "solid",
        }.items():
            ET.SubElement(options, "Option", type="QString", name=key, value=value)
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings")
    ET.SubElement(settings, "text-style", fieldName="risk_level", fontSize="8")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"
