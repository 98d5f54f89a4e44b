"""Points: what the coordinates of a row mean, as written or turned round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.places.areas import boundary_distances

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.places.region_index import RegionIndex
    from riskmap.typing import FloatArray, IntArray

#: What a row remarks whose coordinates were not understood.
NO_COORDINATES = r"(?:^|; )coordinates="
_NOTED = NO_COORDINATES + r"\s*(-?\d+(?:\.\d+)?), (-?\d+(?:\.\d+)?)\s*(?:;|$)"

#: How far outside of all regions a point of their own country may lie and still count in the
#: nearest one: half a millimetre on a map of 1:10,000,000, the scale of the provinces that ship.
#: Towns on border rivers and coasts, capitals among them, would be lost otherwise.
NEAREST_M = 5_000.0


def read_points(table: gpd.GeoDataFrame) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return longitudes, latitudes, and which are only noted, since they are none as written.

    Examples
    --------
    >>> import riskmap as rm
    >>> x, y, noted = read_points(rm.datasets.incidents())
    >>> bool(noted.any())
    False
    """
    points = table.geometry.to_numpy()
    x, y = shapely.get_x(points), shapely.get_y(points)
    told = table["not_understood"].mask(~np.isnan(x)).str.extract(_NOTED).astype(np.float64)
    noted = told[0].notna().to_numpy(bool)
    y[noted], x[noted] = told[noted].to_numpy().T
    return x, y, noted


#: A point that lies farther than this from the region that its row names is on no border of it.
_FAR_M = 25_000.0
#: How else a longitude and a latitude may be meant: exchanged, without their signs, or both.
_MEANT = (
    *((True, 1, 1), (False, -1, 1), (False, 1, -1), (False, -1, -1)),
    *((True, -1, 1), (True, 1, -1), (True, -1, -1)),
)


def turn_points(
    x: FloatArray,
    y: FloatArray,
    noted: NDArray[np.bool_],
    named: IntArray,
    above: NDArray[np.object_],
    *,
    regions: gpd.GeoDataFrame,
    index: RegionIndex,
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return points with those turned round that then lie in the region or province named.

    Two numbers that were exchanged, or lost a sign, lie far off the place that their row names, and
    turned round lie in it: chance hardly ever does that. A province is wide, so beside one alone
    only a point in no region is turned. One that lies within 25 km of the place as it stands is on
    the wrong side of a border.

    Parameters
    ----------
    x, y : ndarray, shape (n_points,)
        As written; NaN where there is none.
    noted : ndarray of bool, shape (n_points,)
        Which are no points as they are written, from :func:`read_points`.
    named : ndarray of int, shape (n_points,)
        The region that each row names, -1 for none.
    above : ndarray of str or None, shape (n_points,)
        The ``parent_id`` of the regions that those without one name.
    regions, index
        The regions and their index.

    Returns
    -------
    tuple
        The points, NaN where they are none, and which of them were turned round.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions = rm.datasets.regions()
    >>> point = regions.geometry.iloc[3].representative_point()
    >>> found = turn_points(
    ...     np.array([point.y]), np.array([point.x]), np.array([False]),
    ...     np.array([3]), np.array([None]), regions=regions, index=rm.RegionIndex(regions),
    ... )
    >>> found[0].tolist() == [point.x], found[2].tolist()
    (True, [True])
    """
    parents = regions["parent_id"].to_numpy(dtype=object)
    known = np.isfinite(x) & np.isfinite(y) & ((named >= 0) | pd.notna(above))
    rows, turned = np.flatnonzero(known), np.zeros(len(x), dtype=bool)

    def fit(rows: IntArray, x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
        found = index.query(x, y)
        inside = np.where(named[rows] >= 0, found == named[rows], parents[found] == above[rows])
        return np.asarray((found >= 0) & inside.astype(bool))

    rows = rows[~fit(rows, x[rows], y[rows])]
    rows = rows[(named[rows] >= 0) | (index.query(x[rows], y[rows]) < 0)]
    right = np.stack([x, y])
    for exchanged, east, north in _MEANT:
        pair = np.stack([y[rows], x[rows]] if exchanged else [x[rows], y[rows]])
        pair = pair * np.array([[east], [north]])
        good = fit(rows, *pair)
        right[:, rows[good]], turned[rows[good]] = pair[:, good], True
        rows = rows[~good]
    rows = np.flatnonzero(turned & (np.abs(y) <= 90.0))  # noqa: PLR2004 - degrees
    inside = {name: np.flatnonzero(parents == name) for name in set(above[rows]) - {None}}
    around = [named[row : row + 1] if named[row] >= 0 else inside[above[row]] for row in rows]
    each = np.repeat(rows, [len(some) for some in around])
    owners = np.concatenate([np.empty(0, dtype=np.int64), *around])
    metres = boundary_distances(regions.geometry.to_numpy(), owners, x[each], y[each])
    turned[each[metres <= _FAR_M]] = False
    kept = np.where(turned, right, np.where(noted, np.nan, np.stack([x, y])))
    return kept[0], kept[1], turned


def find_nearest(
    points: NDArray[np.object_],
    country: NDArray[np.object_],
    regions: gpd.GeoDataFrame,
    outside: NDArray[np.bool_],
) -> IntArray:
    """Return the nearest region of its own country for each point just outside; -1 is none.

    Of several that are as near it is the one with the smallest id.

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
    >>> regions, rows = rm.datasets.regions(), rm.datasets.incidents().head(2)
    >>> points, country = rows.geometry.to_numpy(), rows["country"].to_numpy()
    >>> find_nearest(points, country, regions, np.array([False, False])).tolist()
    [-1, -1]
    """
    found = np.full(len(points), -1, dtype=np.int64)
    geometries, iso3 = regions.geometry.to_numpy(), regions["iso3"].to_numpy(dtype=object)
    rank = regions["region_id"].rank().to_numpy()
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


def are_exchanged(
    x: FloatArray,
    y: FloatArray,
    country: pd.Series,
    *,
    regions: gpd.GeoDataFrame,
    index: RegionIndex,
) -> NDArray[np.bool_]:
    """Return which points would lie in a region of their country, or of any, if exchanged.

    Parameters
    ----------
    x, y : ndarray, shape (n_points,)
        As written.
    country
        The country that each row states.
    regions, index
        The regions and their index.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions = rm.datasets.regions()
    >>> point = regions.geometry.iloc[3].representative_point()
    >>> told = pd.Series(["XQA", "XQB", None])
    >>> are_exchanged(
    ...     np.full(3, point.y), np.full(3, point.x), told,
    ...     regions=regions, index=rm.RegionIndex(regions),
    ... ).tolist()
    [True, False, True]
    """
    at, told = index.query(y, x), country.to_numpy(dtype=object)
    own = regions["iso3"].to_numpy(dtype=object)[at]
    return np.asarray((at >= 0) & (pd.isna(told) | (told == own)).astype(bool))


def with_points(
    rows: gpd.GeoDataFrame, x: FloatArray, y: FloatArray, turned: NDArray[np.bool_]
) -> gpd.GeoDataFrame:
    """Return rows with the points that were turned round; their remarks tell what was written.

    Examples
    --------
    >>> import riskmap as rm
    >>> rows = rm.datasets.incidents().head(1).assign(not_understood="coordinates=66.5, 5.25")
    >>> found = with_points(rows, np.array([66.5]), np.array([5.25]), np.array([True]))
    >>> found["not_understood"].item()
    'coordinates=66.5, 5.25 (taken as 5.25, 66.5)'
    """
    if not turned.any():
        return rows
    points = shapely.points(x, y)
    told = rows["not_understood"].fillna("").astype(object)
    written = told.str.extract(NO_COORDINATES + "([^;]*)")[0].fillna(_write(rows.geometry))
    rest = told.str.replace(NO_COORDINATES + "[^;]*", "", regex=True)
    taken = rest + "; coordinates=" + written + " (taken as " + _write(points) + ")"
    remarks = rows["not_understood"].mask(turned, taken.str.removeprefix("; ").astype("str"))
    geometry = np.where(turned, points, rows.geometry)
    return rows.assign(not_understood=remarks).set_geometry(geometry, crs=rows.crs)


def _write(points: gpd.GeoSeries | NDArray[np.object_]) -> pd.Series:
    """Return points as texts, latitude first."""
    y, x = (pd.Series(at(points)).map("{:.10g}".format) for at in (shapely.get_y, shapely.get_x))
    return (y + ", " + x).astype(object)
