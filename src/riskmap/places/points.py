"""Points: how far from a border, and which of them stand for an area and not for a place.

Feeds put an incident that is known to its province or country alone on the area's centroid or its
capital. Where the feed tells the precision, that is plain; where it tells none, such a point looks
exact and is not.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
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
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray


#: What a known point is, from what says least about the place to what says most.
KNOWN_POINTS = (
    "country_centroid",
    "country_capital",
    "province_centroid",
    "province_capital",
    "region_centroid",
)

_EARTH_M = 6_371_008.8
_AXIS_M = 6_378_137.0
_SQUARED_ECCENTRICITY = 6.694_379_990_141_3e-3
_BAND_DEG = 0.1


def metres_per_degree(lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the metres of one degree of longitude and of latitude on the WGS 84 ellipsoid.

    Examples
    --------
    >>> east, north = metres_per_degree(np.array([0.0, 60.0]))
    >>> east.round().tolist(), north.round().tolist()
    ([111319.0, 55800.0], [110574.0, 111412.0])
    """
    radians = np.radians(lat)
    curvature = 1 - _SQUARED_ECCENTRICITY * np.sin(radians) ** 2
    east = _AXIS_M * np.cos(radians) / np.sqrt(curvature)
    north = _AXIS_M * (1 - _SQUARED_ECCENTRICITY) / curvature**1.5
    return np.radians(east), np.radians(north)


def boundary_distances(
    geometries: NDArray[np.object_], owners: IntArray, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Return the metres from each point to the border of the polygon that it is paired with.

    The plane is stretched to metres at the point's latitude (bands of 0.1 degree). Up to 60
    degrees of latitude the error stays below 0.3 % for distances up to 10 km, and below 3 % up
    to 100 km.

    Parameters
    ----------
    geometries : ndarray of polygons, shape (n_polygons,)
        Longitudes and latitudes in degrees.
    owners : ndarray of int, shape (n_points,)
        The polygon of each point.
    x, y : ndarray, shape (n_points,)
        The points, inside or outside of their polygons.

    Returns
    -------
    ndarray, shape (n_points,)
        Metres, NaN for a point that is not finite.

    Examples
    --------
    >>> square = np.array([shapely.box(0, 0, 1, 1)])
    >>> boundary_distances(square, np.array([0]), np.array([0.5]), np.array([0.1])).round()
    array([11057.])
    """
    metres = np.full(len(x), np.nan)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    bands = np.floor(y[known] / _BAND_DEG)
    order = known[np.lexsort((bands, owners[known]))]
    keys = np.stack([owners[order], np.floor(y[order] / _BAND_DEG)])
    cuts = np.flatnonzero(np.any(np.diff(keys, prepend=np.nan, append=np.nan) != 0, axis=0))

    def measure(first: int, last: int) -> None:
        points = order[first:last]
        scale = np.array(metres_per_degree(np.array((keys[1, first] + 0.5) * _BAND_DEG)))
        border = shapely.boundary(geometries[owners[points[0]]])
        border = shapely.transform(border, lambda xy: xy * scale)
        shapely.prepare(border)
        spots = shapely.points(np.stack([x[points], y[points]], axis=1) * scale)
        with np.errstate(divide="ignore", invalid="ignore"):  # edges of next to no length
            metres[points] = shapely.distance(border, spots)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(measure, cuts[:-1], cuts[1:]))
    return metres


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
