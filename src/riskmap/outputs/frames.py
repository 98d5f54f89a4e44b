"""The published table with its geometry, for the formats that hold both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pyogrio

from riskmap.errors import MissingDependencyError
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.tables import clean_text, risk_table
from riskmap.schema import CRS

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from riskmap.assessment.layers import RiskLayer

TABLE = "risk"

#: What a tile carries of each region: what maps show, not all that tables know.
_TILE = ("region_id", "name", "parent", "risk_level", "level_name", "p_any", "confidence")
_TILE_END = (
    *("data_sufficiency", "reasons", "at_least", "attacked", "level_low", "level_high"),
    *("trend", "valid_until"),
)
_MAXZOOM = 8


def risk_frame(layer: RiskLayer) -> gpd.GeoDataFrame:
    """Return the published table (:func:`riskmap.outputs.tables.risk_table`) with its geometry.

    Parameters
    ----------
    layer
        The risk layer.

    Returns
    -------
    geopandas.GeoDataFrame
        Sorted by ``region_id``, in EPSG:4326, geometries fit for RFC 7946, texts without what no
        file can hold.
    """
    regions = layer.regions.sort_values("region_id", kind="stable")
    table = risk_table(layer)
    texts = {
        name: table[name].map(clean_text, na_action="ignore")
        for name in table.columns
        if str(table[name].dtype) in ("str", "object")
    }
    return gpd.GeoDataFrame(
        table.assign(**texts), geometry=prepare_geometries(regions.geometry), crs=CRS
    )


def write_geoparquet(layer: RiskLayer, path: Path) -> None:
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
    risk_frame(layer).to_parquet(
        path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True
    )


def write_pmtiles(layer: RiskLayer, path: Path) -> None:
    """Write a layer as vector tiles in one file (PMTiles 3), zoom 0 to 8, without a clock in it.

    Parameters
    ----------
    layer
        The risk layer.
    path
        A file that is not there yet.

    Raises
    ------
    MissingDependencyError
        When this pyogrio's GDAL has no PMTiles (its wheels have; extra ``tiles``).
    """
    if "w" not in pyogrio.list_drivers().get("PMTiles", ""):
        raise MissingDependencyError("pyogrio with PMTiles", extra="tiles")
    frame = risk_frame(layer)
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
