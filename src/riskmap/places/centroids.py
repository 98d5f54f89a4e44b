"""Points that say less than they seem to: centroids of areas, and capitals that stand for them.

Feeds put an incident that is known to its province or country alone on the area's centroid or its
capital. Where the feed tells the precision, that is plain; where it tells none, such a point looks
exact and is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from riskmap.errors import InputError
from riskmap.schema import TEXT, check_incidents, check_regions
from riskmap.settings import data_path

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import FloatArray

#: What a known point is, from what says least about the place to what says most.
KNOWN_POINTS = (
    "country_centroid",
    "country_capital",
    "province_centroid",
    "province_capital",
    "region_centroid",
)

_EARTH_M = 6_371_008.8


def known_points(regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the points that stand for areas: centroids of regions, parents, countries; capitals.

    An area has two centres: its centroid, and a point that lies inside it for sure. Capitals are
    those that ship with riskmap (``data/places/capitals.csv``), of the regions' countries.

    Parameters
    ----------
    regions
        Regions table.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (one of :data:`KNOWN_POINTS`), ``name``, ``lon``, ``lat`` in degrees.

    Raises
    ------
    SchemaError
        When `regions` is not a Regions table.

    Examples
    --------
    >>> import riskmap as rm
    >>> known_points(rm.datasets.regions())["kind"].value_counts().sort_index().to_dict()
    {'country_centroid': 2, 'province_centroid': 6, 'region_centroid': 48}
    """
    check_regions(regions)
    columns = ["kind", "name", "lon", "lat"]
    tables = [_capitals(regions)[columns]]
    for kind, key in (
        ("country_centroid", "iso3"),
        ("province_centroid", "parent_id"),
        ("region_centroid", "region_id"),
    ):
        areas = regions.dropna(subset=[key])
        if kind == "province_centroid" and areas[key].nunique() <= areas["iso3"].nunique():
            continue
        merged = {name: _merge(rows.to_numpy()) for name, rows in areas.groupby(key).geometry}
        shapes = np.array(list(merged.values()), dtype=object)
        centres = np.concatenate([shapely.centroid(shapes), shapely.point_on_surface(shapes)])
        lon, lat = shapely.get_x(centres), shapely.get_y(centres)
        table = {"kind": kind, "name": list(merged) * 2, "lon": lon, "lat": lat}
        tables.append(pd.DataFrame(table, columns=columns))
    return pd.concat(tables, ignore_index=True)


def flag_known_points(
    incidents: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, *, tolerance_m: float = 1000.0
) -> pd.Series:
    """Say which incidents merely sit on a centroid or a capital, with no precision told.

    Parameters
    ----------
    incidents
        Incidents table.
    regions
        Regions table.
    tolerance_m
        How near to a known point counts as on it, in metres; gazetteers differ by as much.

    Returns
    -------
    pandas.Series of str
        With the index of `incidents`: one of :data:`KNOWN_POINTS` (of several, the one that says
        least about the place); missing for a row that has no point, tells its precision, or sits
        on nothing known.

    Raises
    ------
    SchemaError
        When a table is not what it should be.
    InputError
        When `tolerance_m` is negative or not finite.

    Examples
    --------
    >>> import riskmap as rm
    >>> incidents, regions = rm.datasets.incidents(), rm.datasets.regions()
    >>> vague = incidents.assign(geo_precision="unknown")
    >>> vague = vague.set_geometry([regions.geometry.iloc[0].centroid] * len(vague), crs=4326)
    >>> flag_known_points(vague, regions).unique().tolist()
    ['region_centroid']
    >>> int(flag_known_points(incidents, regions).notna().sum())
    0
    """
    check_incidents(incidents)
    if not (np.isfinite(tolerance_m) and tolerance_m >= 0):
        raise InputError("is no distance", met=tolerance_m, expected="metres, 0 or more")
    known = known_points(regions)
    points = incidents.geometry.to_numpy()
    points = np.where(shapely.is_empty(points), None, points)
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    untold = incidents["geo_precision"].isna() | (incidents["geo_precision"] == "unknown")
    rows = np.flatnonzero(untold.to_numpy() & np.isfinite(lon) & np.isfinite(lat))
    chord = 2 * np.sin(min(tolerance_m / _EARTH_M, np.pi) / 2)
    tree = cKDTree(_on_sphere(known["lon"].to_numpy(), known["lat"].to_numpy()))
    near = tree.query_ball_point(_on_sphere(lon[rows], lat[rows]), chord)
    ranks = known["kind"].map(KNOWN_POINTS.index).to_numpy()
    flags = pd.Series([None] * len(incidents), index=incidents.index, dtype=TEXT)
    hits = [(row, min(ranks[found])) for row, found in zip(rows, near, strict=True) if found]
    if hits:
        flags.iloc[[row for row, _ in hits]] = [KNOWN_POINTS[rank] for _, rank in hits]
    return flags


def _capitals(regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the capitals of the regions' countries that ship with riskmap."""
    table = pd.read_csv(data_path("places/capitals.csv"), keep_default_na=False)
    return table[table["iso3"].isin(regions["iso3"].dropna())]


def _merge(shapes: np.ndarray) -> shapely.Geometry:
    """Return the union of shapes, or their collection where they are too broken to be united."""
    try:
        return shapely.union_all(shapes)
    except shapely.GEOSException:
        return shapely.geometrycollections(shapes)


def _on_sphere(lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Return points on the unit sphere, shape (n, 3)."""
    x, y = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)
