"""Areas that regions share, counts carried to other borders, and distances to a border.

Areas are in square kilometres, measured in the equal-area projection EPSG:6933 (EASE-Grid 2.0,
cylindrical; Brodzik et al., 2012).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.errors import BoundaryError
from riskmap.schema import CRS, check_regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray


EQUAL_AREA = "EPSG:6933"
#: How far outside of all regions a point of their own country may lie and still count in the
#: nearest one: half a millimetre on a map of 1:10,000,000, the scale of the provinces that ship.
#: Towns on border rivers and coasts, capitals among them, would be lost otherwise.
NEAREST_M = 5_000.0
#: Degrees between vertices when projecting, so that an edge stays straight in degrees: the area of
#: a polygon is then that of its pieces, to seven digits.
_STEP = 0.05
#: Overlaps and gaps smaller than this are what rounding leaves: ten metres squared.
SMALLEST_KM2 = 1e-4
#: Common areas below this share of the smaller region are what drawn borders differ by.
_NOISE = 1e-9
#: An old region passes what is known of it to a new one with which it shares more than this of the
#: smaller of the two; less is a border drawn a little otherwise.
SUCCESSION = 0.1
#: Degrees within which the corners of two polygons are the same.
_SAME_CORNER = 1e-5
_AXIS_M = 6_378_137.0
_SQUARED_ECCENTRICITY = 6.694_379_990_141_3e-3
_BAND_DEG = 0.1


def to_equal_area(shapes: np.ndarray) -> np.ndarray:
    """Return geometries in degrees as geometries in metres whose areas are true.

    Examples
    --------
    >>> cell = np.array([shapely.box(69, 34, 70, 35)])
    >>> round(float(shapely.area(to_equal_area(cell))[0]) / 1e6)
    10188
    """
    dense = shapely.segmentize(shapes, _STEP)
    return np.asarray(shapely.transform(dense, _projection().transform, interleaved=False))


@lru_cache(maxsize=1)
def _projection() -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(CRS, EQUAL_AREA, always_xy=True)


def areas_km2(shapes: np.ndarray) -> FloatArray:
    """Return the areas of geometries in degrees, in square kilometres.

    Examples
    --------
    >>> areas_km2(np.array([shapely.box(0, 0, 1, 1)])).round().tolist()
    [12308.0]
    """
    return np.asarray(shapely.area(to_equal_area(shapes)) / 1e6)


def find_overlaps(shapes: np.ndarray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pairs of valid polygons that overlap, and by how many square kilometres.

    Returns
    -------
    first, second : ndarray of int
        Positions, ``first < second``, in order.
    area : ndarray
        Area of the overlap in square kilometres; smaller ones than ten metres squared are left out.

    Examples
    --------
    >>> boxes = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)])
    >>> first, second, area = find_overlaps(boxes)
    >>> first.tolist(), second.tolist(), area.round().tolist()
    ([0], [1], [12308.0])
    """
    if shapely.coverage_is_valid(shapes):
        none = np.empty(0, dtype=np.int64)
        return none, none, np.empty(0)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = first < second
    return _sharing(shapes, shapes, first[once], second[once], least=SMALLEST_KM2)


def _sharing(
    ours: np.ndarray, theirs: np.ndarray, i: IntArray, j: IntArray, *, least: float | FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pairs of polygons that share more than the least area, in order, and how much."""
    area = areas_km2(shapely.intersection(ours[i], theirs[j]))
    order = np.lexsort((j, i))
    order = order[(area > least)[order]]
    return i[order], j[order], area[order]


def mend(shapes: np.ndarray) -> np.ndarray:
    """Return polygons made valid by their structure: shells are united, holes are cut from them.

    Valid polygons stay as they are. The method is GEOS's ``make_valid`` with
    ``method="structure"``; ``buffer(0)`` would lose whole parts of a polygon that crosses itself.

    Examples
    --------
    >>> bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    >>> float(shapely.area(mend(np.array([bow]))[0]))
    2.0
    """
    mended = shapes.copy()
    broken = ~shapely.is_valid(shapes)
    mended[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    return mended


def crosswalk(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return how the area of each old region is shared out over the new ones.

    A count is taken to lie evenly in the area of its old region `o`, so that a new region `n` gets
    the share ``area(o and n) / sum over m of area(o and m)`` (areal interpolation; Goodchild & Lam,
    1980). Area of `o` that no new region covers counts by the same shares, so that no count is lost
    where two coastlines differ; ``covered`` tells how much of `o` the new regions cover.

    Parameters
    ----------
    old, new
        Regions tables.

    Returns
    -------
    pandas.DataFrame
        One row a pair that shares area: ``old_id``, ``new_id``, ``area_km2``, ``weight`` (those of
        an old region sum to 1), ``covered`` (share of the old region, 0 to 1), sorted. An old
        region that shares no area with any new one has one row without ``new_id``.

    Raises
    ------
    SchemaError
        When either is not a Regions table.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = crosswalk(rm.datasets.regions(), rm.datasets.regions(level=1))
    >>> table.head(2)[["old_id", "new_id", "weight"]].to_records(index=False).tolist()
    [('XQA0101', 'XQA01', 1.0), ('XQA0102', 'XQA01', 1.0)]
    """
    check_regions(old)
    check_regions(new)
    ours, theirs, area = shared_areas(old.geometry.to_numpy(), new.geometry.to_numpy())
    ids = old["region_id"].array
    sharing = {"old_id": ids.take(ours), "new_id": new["region_id"].array.take(theirs)}
    table = pd.DataFrame(sharing | {"area_km2": area})
    table = table.merge(pd.DataFrame({"old_id": ids}), how="right").fillna({"area_km2": 0.0})
    total = table.groupby("old_id")["area_km2"].transform("sum")
    size = table["old_id"].map(pd.Series(areas_km2(old.geometry.to_numpy()), ids))
    table["weight"] = (table["area_km2"] / total).fillna(1.0)
    table["covered"] = (total / size).clip(upper=1.0)
    return table.sort_values(["old_id", "new_id"], ignore_index=True)


def shared_areas(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of polygons of two sets that share area, and how many square kilometres.

    Examples
    --------
    >>> west, east = np.array([shapely.box(0, 0, 2, 1)]), np.array([shapely.box(1, 0, 3, 1)])
    >>> pairs = shared_areas(west, east)
    >>> [part.round().tolist() for part in pairs]
    [[0], [0], [12308.0]]
    """
    i, j = shapely.STRtree(theirs).query(ours, predicate="intersects")
    least = _NOISE * np.minimum(areas_km2(ours)[i], areas_km2(theirs)[j])
    return _sharing(ours, theirs, i, j, least=least)


def find_predecessors(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the old regions that each new region comes from, whatever their ids are.

    A region that lies where it lay is the same, also under another id. Of the others the crosswalk
    tells: a new region comes from the old ones with which it shares more than :data:`SUCCESSION` of
    the smaller of the two. One that overlaps none comes from the old one of its id, if that has
    gone nowhere else. Regions of another administrative level are no predecessors.

    Parameters
    ----------
    old, new
        Regions tables.

    Returns
    -------
    pandas.DataFrame
        ``old_id``, ``new_id`` and ``weight``, the share of the old region; sorted by both ids.

    Examples
    --------
    >>> import riskmap as rm
    >>> old = rm.datasets.regions().iloc[:2]
    >>> both = old.dissolve().assign(region_id="XQA0199")
    >>> find_predecessors(old, both)["old_id"].tolist()
    ['XQA0101', 'XQA0102']
    """
    ids = old["region_id"].array, new["region_id"].array
    at = pd.Index(ids[0]).get_indexer(ids[1])
    shapes = old.geometry.to_numpy()[at], new.geometry.to_numpy()
    same = (at >= 0) & shapely.equals_exact(*shapes, tolerance=_SAME_CORNER, normalize=True)
    table = pd.DataFrame({"old_id": ids[1][same], "new_id": ids[1][same], "weight": 1.0})
    before, after = old[~old["region_id"].isin(table["old_id"])], new[~same]
    if len(before) and len(after):
        found = _share_succession(before, after)
        left = after.loc[~after["region_id"].isin(found["new_id"]), "region_id"]
        left = left[left.isin(before["region_id"]) & ~left.isin(found["old_id"])]
        alone = pd.DataFrame({"old_id": left.array, "new_id": left.array, "weight": 1.0})
        table = pd.concat([table, found, alone])
    return table.sort_values(["old_id", "new_id"], ignore_index=True)


def _share_succession(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the pairs of regions of one level that share enough, and how old ones are shared."""
    walk = crosswalk(old, new).dropna(subset="new_id")
    size, level = [], []
    for key, regions in (("old_id", old), ("new_id", new)):
        ids = regions["region_id"].array
        size.append(walk[key].map(pd.Series(areas_km2(regions.geometry.to_numpy()), ids)))
        level.append(walk[key].map(pd.Series(regions["adm_level"].array, ids)))
    other = (level[0] != level[1]).fillna(value=False).to_numpy(dtype=bool)
    walk = walk[(walk["area_km2"] > SUCCESSION * np.minimum(*size)) & ~other]
    whole = walk.groupby("old_id")["area_km2"].transform("sum")
    return walk.assign(weight=walk["area_km2"] / whole)[["old_id", "new_id", "weight"]]


def carry_over(counts: pd.DataFrame, table: pd.DataFrame, *, values: Sequence[str]) -> pd.DataFrame:
    """Return a long table of counts by old regions as one by new regions; sums stay the same.

    Parameters
    ----------
    counts
        One row a region and whatever else tells rows apart (window, series): ``region_id``, the
        columns of `values`, and others, which are kept.
    table
        What :func:`crosswalk` returns.
    values
        Names of the columns that are counts. A missing count makes every count it takes part in
        missing.

    Returns
    -------
    pandas.DataFrame
        The same columns, one row a new region and combination of the others, sorted. Counts of an
        old region that no new one overlaps stand under a missing ``region_id``.

    Raises
    ------
    BoundaryError
        When `counts` lacks a column, or holds a region that the crosswalk doesn't know.

    Examples
    --------
    >>> table = pd.DataFrame({"old_id": ["a", "a"], "new_id": ["x", "y"], "weight": [0.25, 0.75]})
    >>> counts = pd.DataFrame({"region_id": ["a"], "window": [1], "events": [8.0]})
    >>> carry_over(counts, table, values=["events"]).to_dict("list")
    {'region_id': ['x', 'y'], 'window': [1, 1], 'events': [2.0, 6.0]}
    """
    for column in ("region_id", *values):
        if column not in counts.columns:
            raise BoundaryError("counts lack a column", column=column)
    unknown = sorted(set(counts["region_id"]) - set(table["old_id"]))
    if unknown:
        raise BoundaryError("a region is not in the crosswalk", column="region_id", met=unknown[0])
    shares = table[["old_id", "new_id", "weight"]].rename(columns={"old_id": "region_id"})
    spread = counts.merge(shares, on="region_id", how="left")
    for column in values:
        spread[column] = spread[column].astype("float64") * spread["weight"]
    keys = ["region_id", *(c for c in counts.columns if c != "region_id" and c not in values)]
    spread = spread.drop(columns=["region_id", "weight"]).rename(columns={"new_id": "region_id"})
    sums = spread.groupby(keys, dropna=False, sort=True, observed=True)[list(values)]
    return sums.sum(skipna=False).reset_index()[list(counts.columns)]


def join_parents(regions: gpd.GeoDataFrame, parents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return regions with the parent that covers most of each; ties go to the smallest id.

    Parameters
    ----------
    regions
        Regions whose ``parent_id`` and ``parent`` are to be filled.
    parents
        Regions one level up, sorted by ``region_id``.

    Returns
    -------
    geopandas.GeoDataFrame
        The regions in their order; a region that no parent overlaps has none.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions().assign(parent_id=None, parent=None)
    >>> join_parents(districts, rm.datasets.regions(level=1))["parent"].iloc[0]
    'Ambrel'
    """
    ours, theirs, area = shared_areas(regions.geometry.to_numpy(), parents.geometry.to_numpy())
    most = pd.Series(area).groupby(ours).idxmax().to_numpy()
    best = np.full(len(regions), -1)
    best[ours[most]] = theirs[most]
    ids, names = (parents[name].array for name in ("region_id", "name"))
    parent_id, parent = (values.take(best, allow_fill=True) for values in (ids, names))
    return regions.assign(parent_id=parent_id, parent=parent)


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


def find_nearest(
    points: NDArray[np.object_],
    country: NDArray[np.object_],
    regions: gpd.GeoDataFrame,
    outside: NDArray[np.bool_],
) -> IntArray:
    """Return the nearest region (of several the first id) of its country for points just outside.

    -1 where there is none.

    Parameters
    ----------
    points, country : ndarray of object
        The points, and the country of each.
    regions
        The regions.
    outside : ndarray of bool
        Which points lie in none of them.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions, rows = rm.datasets.regions(), rm.datasets.incidents().head(1)
    >>> find_nearest(rows.geometry.array, rows["country"].array, regions, np.array([False]))
    array([-1])
    """
    found, rank = np.full(len(points), -1), regions["region_id"].rank().to_numpy()
    geometries, iso3 = regions.geometry.to_numpy(), regions["iso3"].to_numpy(dtype=object)
    x, y = shapely.get_x(points), shapely.get_y(points)
    located = outside & np.isfinite(x) & np.isfinite(y)
    for code in sorted(regions["iso3"].dropna().unique()):
        at, home = np.flatnonzero(located & (country == code)), np.flatnonzero(iso3 == code)
        left, right = shapely.STRtree(geometries[home]).query_nearest(points[at])
        left, right = at[left], home[right]
        near = boundary_distances(geometries, right, x[left], y[left]) <= NEAREST_M
        left, right = left[near], right[near]
        order = np.lexsort((-rank[right], left))
        found[left[order]] = right[order]
    return found
