"""Files for GIS: GeoJSON (RFC 7946), GeoPackage, GeoParquet, vector tiles, and their styles."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson
import pyogrio
import shapely

from riskmap.errors import MissingDependencyError
from riskmap.outputs.catalogues import catalogue, read_template, render_xml
from riskmap.outputs.geometries import bounding_box
from riskmap.outputs.tables import clean_plain, plain_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.outputs.bundles import Bundle

#: The name of the table in files that hold several.
TABLE = "risk"

#: What a tile carries of each region: what maps show, not all that tables know.
_TILE = ("region_id", "name", "parent", "risk_level", "level_name", "p_any", "confidence")
_TILE_END = (
    *("data_sufficiency", "reasons", "at_least", "attacked", "level_low", "level_high"),
    *("trend", "valid_until"),
)
_MAXZOOM = 8
_UNKNOWN = "#808890"

_STYLES = """CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT, f_table_schema TEXT,
  f_table_name TEXT, f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT, update_time DATETIME)"""
_STYLE = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,
  f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time)
  VALUES ('', '', ?, 'geom', 'risk level', ?, '', 1, '', '', ?)"""
_CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change)
  VALUES ('layer_styles', 'attributes', 'layer_styles', ?)"""


def geojson_chunks(bundle: Bundle) -> Iterator[bytes]:
    """Yield a layer as GeoJSON, one feature a line, the same bytes every time.

    Yields
    ------
    bytes
        A FeatureCollection with ``bbox``, feature ids, and one foreign member ``riskmap`` that
        holds the provenance.
    """
    member = clean_plain(collection_member(bundle.layer))
    head = {"type": "FeatureCollection", "bbox": bounding_box(bundle.shapes), "riskmap": member}
    yield _dumps(head)[:-1] + b',"features":['
    between = b"\n"
    for record, shape in zip(plain_records(bundle.table), bundle.shapes, strict=True):
        feature = {
            "type": "Feature",
            "id": record["region_id"],
            "bbox": bounding_box([shape]),
            "geometry": shape and orjson.Fragment(shapely.to_geojson(shape)),
            "properties": record,
        }
        yield between + _dumps(feature)
        between = b",\n"
    yield b"\n]}\n"


def _dumps(member: dict[str, Any]) -> bytes:
    """Return a JSON object without a bbox that bounds nothing."""
    return orjson.dumps({key: value for key, value in member.items() if key != "bbox" or value})


def collection_member(layer: RiskLayer) -> dict[str, Any]:
    """Return the foreign member ``riskmap``: what the layer is and what it rests on."""
    provenance = {key: value for key, value in layer.provenance.items() if key != "inputs"}
    return {
        **dict(sorted(provenance.items())),
        "headline": layer.headline,
        "scale_id": layer.scale.scale_id,
        "thresholds": {
            name: list(bounds) for name, bounds in sorted(layer.scale.thresholds.items())
        },
    }


def write_geopackage(bundle: Bundle, path: Path) -> None:
    """Write a layer as a GeoPackage that QGIS opens with the scale's colours and a hatch.

    Parameters
    ----------
    bundle
        The layer.
    path
        A file that is not there yet. Its times are the layer's, so that its bytes are too.
    """
    issued = str(bundle.layer.provenance["issued_at"]).replace("Z", ".000Z")
    with _dated(issued):
        pyogrio.write_dataframe(
            bundle.frame,
            path,
            layer=TABLE,
            driver="GPKG",
            promote_to_multi=True,
            layer_options={"GEOMETRY_NAME": "geom"},
        )
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute(_STYLES)
        base.execute(_STYLE, (TABLE, qgis_style(bundle.layer.scale).decode(), issued))
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


def write_geoparquet(bundle: Bundle, path: Path) -> None:
    """Write a layer as GeoParquet 1.1 with a box a row, so that readers fetch what they need.

    Raises
    ------
    MissingDependencyError
        When pyarrow is not installed (extra ``parquet``).
    """
    try:
        import pyarrow as pa  # noqa: F401 - what geopandas writes with
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    bundle.frame.to_parquet(
        path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True
    )


def write_pmtiles(bundle: Bundle, path: Path) -> None:
    """Write a layer as vector tiles in one file (PMTiles 3), zoom 0 to 8, without a clock in it.

    Parameters
    ----------
    bundle
        The layer.
    path
        A file that is not there yet.

    Raises
    ------
    MissingDependencyError
        When this pyogrio's GDAL has no PMTiles (its wheels have; extra ``tiles``).
    """
    if "w" not in pyogrio.list_drivers().get("PMTiles", ""):
        raise MissingDependencyError("pyogrio with PMTiles", extra="tiles")
    frame = bundle.frame
    levels = [name for name in frame.columns if name.endswith("_risk_level")]
    frame = frame[[*_TILE, *_TILE_END, *levels, "geometry"]]
    pyogrio.write_dataframe(
        _as_tiled(frame[frame.geometry.notna()]),
        path,
        layer=TABLE,
        driver="PMTiles",
        dataset_options={"MINZOOM": 0, "MAXZOOM": _MAXZOOM, "NAME": TABLE, "TYPE": "overlay"},
    )


def _as_tiled(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame whose whole numbers are such in tiles too, missing ones as 0: no level."""
    whole: pd.Index = frame.columns[
        frame.columns.str.endswith(("risk_level", "level_low", "level_high"))
    ]
    frame = frame.fillna(dict.fromkeys(("level_low", "level_high"), 0))
    return frame.astype(dict.fromkeys(whole, "int32"))


def qgis_style(scale: LevelScale) -> bytes:
    """Return a QGIS style: one fill a level of ``risk_level``, a hatch for insufficient data.

    Parameters
    ----------
    scale
        The levels with their colours.

    Returns
    -------
    bytes
        A document as QGIS 3 writes it (``.qml``): the number of the level as label, with a halo.

    Examples
    --------
    >>> import riskmap as rm
    >>> qgis_style(rm.LevelScale.default()).count(b"<category ")
    6
    """
    names, unknown = catalogue("en")["levels"], _rgba(_UNKNOWN)
    levels = scale.levels[::-1]
    return render_xml("risk.qml", levels=levels, names=names, rgba=_rgba, unknown=unknown) + b"\n"


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


def maplibre_style(scale: LevelScale) -> bytes:
    """Return a MapLibre style (version 8) over vector tiles; it asks nobody for fonts or sprites.

    Parameters
    ----------
    scale
        The levels with their colours.

    Returns
    -------
    bytes
        JSON, for a page beside ``risk.pmtiles``. Insufficient data is grey and pale with a dashed
        border (a hatch needs a sprite).

    Examples
    --------
    >>> import riskmap as rm
    >>> len(orjson.loads(maplibre_style(rm.LevelScale.default()))["layers"])
    3
    """
    style = orjson.loads(read_template("risk.style.json"))
    colours = (part for step in scale.levels[1:] for part in (step.level, step.colour))
    level = ["to-number", ["get", "risk_level"], 0]
    style["name"] = f"riskmap {scale.scale_id}"
    style["layers"][0]["paint"]["fill-color"] = ["match", level, *colours, _UNKNOWN]
    return orjson.dumps(style, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
