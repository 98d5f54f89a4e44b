"""Which region a point lies in: exactly one or none, however the regions are drawn or ordered.

One law says what covers a point: GEOS' robust predicates on the parts of regions that are not empty
(:func:`cover_points`). It answers few points, and those that a cell index hands back. Once enough
points were asked to pay for it, that index is built (:mod:`riskmap.places.region_index.building`)
and used (:mod:`riskmap.places.region_index.cells`). All answers are the same to the last point.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError
from riskmap.places.areas import boundary_distances
from riskmap.places.region_index.building import build_cells, ranges, solid_parts
from riskmap.places.region_index.cells import (
    DOUBT,
    OUTSIDE,
    Cells,
    Int32Array,
    compiled_loop,
    look_up,
)
from riskmap.schema import check_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from numpy.typing import ArrayLike, NDArray

    from riskmap.typing import FloatArray, IntArray

#: Longitudes this far apart are the same meridian.
TURN = 360.0

#: Points asked, for each vertex of the regions, from which on building cells pays.
POINTS_PER_VERTEX = 8

#: About how many candidates are asked about at once: this bounds the memory.
_BLOCK = 1_000_000


class RegionIndex:
    """Answers which region covers a point, exactly.

    A region covers its border. Of several regions that cover a point, the one with the smallest
    ``region_id`` has it, so that the answer does not depend on the order of rows. Longitudes that
    differ by 360 degrees are the same. A region covers what any of its parts covers; a part that is
    not valid covers the points from which its rings are crossed an odd number of times.

    Parameters
    ----------
    regions
        Regions table (:data:`riskmap.schema.REGION_COLUMNS`); it is not changed.
    fast
        Whether to compile the look-up with numba (the extra ``fast``); None does so for large
        questions where numba is installed. The answers are the same.

    Raises
    ------
    SchemaError
        When `regions` is not a Regions table.
    MissingDependencyError
        When `fast` is True and numba is not installed.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions = rm.datasets.regions()
    >>> index = rm.RegionIndex(regions)
    >>> inside = regions.geometry.iloc[2].representative_point()
    >>> index.query([inside.x, 170.0, float("nan")], [inside.y, 0.0, 0.0]).tolist()
    [2, -1, -1]
    """

    def __init__(self, regions: gpd.GeoDataFrame, *, fast: bool | None = None) -> None:
        check_regions(regions)
        ids = regions["region_id"].to_numpy(dtype=object).astype(str)
        order = np.argsort(ids, kind="stable")
        # the parts are copies, so that preparing them leaves the regions as they were
        self._polygons, owners = solid_parts(regions.geometry.to_numpy()[order])
        if fast:
            compiled_loop()
        self._fast = fast
        self._ids = ids
        self._positions = order[owners]
        self._bounds = shapely.bounds(self._polygons)
        self._cells: Cells | None = None
        self._asked = 0

    @property
    def region_ids(self) -> tuple[str, ...]:
        """The ids of the regions, in the order of their rows."""
        return tuple(self._ids.tolist())

    def prepare(self) -> Self:
        """Build the cells now, and return the index.

        Otherwise they are built once so many points were asked that it pays.

        Examples
        --------
        >>> import riskmap as rm
        >>> rm.RegionIndex(rm.datasets.regions()).prepare().query([2.5], [-7.5])
        array([0])
        """
        if self._cells is None:
            self._cells = build_cells(self._polygons)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process is sent: the cells too, so that it builds none."""
        return vars(self.prepare())

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self._ids)

    def __repr__(self) -> str:
        """Return the size of the index."""
        return f"RegionIndex({len(self)} regions)"

    def query(self, lon: ArrayLike, lat: ArrayLike) -> IntArray:
        """Return the position of the region that each point belongs to.

        Parameters
        ----------
        lon, lat : array-like of float, shape (n,)
            The points, in degrees.

        Returns
        -------
        ndarray of int64, shape (n,)
            Row positions in the regions table; -1 for a point in no region and for one that is
            not finite.

        Raises
        ------
        InputError
            When `lon` and `lat` are not one-dimensional and of one length.
        """
        x, y = _as_points(lon, lat)
        found = self._found(x, y)
        for points, longitudes in self._turns(x):
            there = self._found(longitudes, y[points])
            here = found[points]
            better = (there != OUTSIDE) & ((here == OUTSIDE) | (there < here))
            found[points[better]] = there[better]
        return np.append(self._positions, OUTSIDE)[found]

    def _found(self, x: FloatArray, y: FloatArray) -> Int32Array:
        """Return the smallest polygon that covers each point, or `OUTSIDE`."""
        self._asked += len(x)
        if self._asked >= POINTS_PER_VERTEX * shapely.get_num_coordinates(self._polygons).sum():
            self.prepare()
        if self._cells is None:
            return self._covered(x, y)
        found = look_up(self._cells, x, y, compiled=self._fast)
        doubtful = np.flatnonzero(found == DOUBT)
        found[doubtful] = self._covered(x[doubtful], y[doubtful])
        return found

    def _covered(self, x: FloatArray, y: FloatArray) -> Int32Array:
        beyond = len(self._polygons)
        found = np.full(len(x), beyond, dtype=np.int32)
        for polygons, points in cover_points(self._polygons, self._bounds, x, y):
            np.minimum.at(found, points, polygons.astype(np.int32))
        return np.where(found == beyond, OUTSIDE, found).astype(np.int32)

    def _turns(self, x: FloatArray) -> list[tuple[IntArray, FloatArray]]:
        """Return the points that meet regions a turn away, with their longitudes there.

        Regions that touch the antimeridian, or are drawn across it, meet points from both sides.
        """
        west, east = self._bounds[:, 0].min(), self._bounds[:, 2].max()
        turns = []
        for shift, reaches in (
            (-TURN, np.fmax.reduce(x, initial=-np.inf) - TURN >= west),
            (TURN, np.fmin.reduce(x, initial=np.inf) + TURN <= east),
        ):
            if reaches:
                shifted = x + shift
                points = np.flatnonzero((shifted >= west) & (shifted <= east))
                turns.append((points, shifted[points]))
        return turns


def _as_points(lon: ArrayLike, lat: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return coordinates as arrays of float, or raise."""
    x = np.asarray(lon, dtype=np.float64, order="C")
    y = np.asarray(lat, dtype=np.float64, order="C")
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(
            "points need as many longitudes as latitudes",
            met=f"{x.shape} and {y.shape}",
            expected="two arrays of shape (n,)",
        )
    return x, y


def cover_points(
    geometries: NDArray[np.object_], bounds: FloatArray, x: FloatArray, y: FloatArray
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield pairs of a polygon and a point that it covers, as two arrays, in blocks.

    Nothing is prepared before: points are ordered by horizontal band and by x within it, so that a
    polygon's candidates are a few slices. A polygon covers its border; of a polygon that is not
    valid, the points are those with an odd number of ring crossings.

    Parameters
    ----------
    geometries : ndarray of polygons, shape (n_polygons,)
        They get prepared.
    bounds : ndarray, shape (n_polygons, 4)
        Their bounds.
    x, y : ndarray, shape (n_points,)
        The points; a point that is not finite is covered by nothing.

    Yields
    ------
    ndarray of int, ndarray of int
        Positions of polygons, which never fall from block to block or within one; positions of
        points, in no particular order.

    Examples
    --------
    >>> squares = shapely.box([0, 1], [0, 0], [1, 2], [1, 1])
    >>> x, y = np.array([0.5, 1.0, 9.0]), np.array([0.5, 0.5, 0.5])
    >>> [(polygons.tolist(), points.tolist())
    ...  for polygons, points in cover_points(squares, shapely.bounds(squares), x, y)]
    [([0, 0, 1], [0, 1, 1])]
    """
    order, keys, grid = _ordered(bounds, x, y)
    starts, ends, owners = _slices(keys, grid, bounds)
    full = ends > starts
    starts, ends, owners = starts[full], ends[full], owners[full]
    shapely.prepare(geometries[np.unique(owners)])
    total = np.cumsum(ends - starts)
    blocks = np.searchsorted(total, np.arange(0, total[-1] if total.size else 0, _BLOCK))
    for first, last in itertools.pairwise([*np.unique(blocks).tolist(), len(owners)]):
        part = slice(first, last)
        which, at = ranges(starts[part], ends[part] - 1)
        polygon, near = owners[part][which], order[at]
        level = (y[near] >= bounds[polygon, 1]) & (y[near] <= bounds[polygon, 3])
        polygon, near = polygon[level], near[level]
        covered = shapely.intersects_xy(geometries[polygon], x[near], y[near])
        if covered.any():
            yield polygon[covered], near[covered]


def _ordered(
    bounds: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[IntArray, FloatArray, tuple[float, float, float, float, float]]:
    """Return the points near the polygons in order, their sorted keys, and the bands' measures."""
    west, south = bounds[:, :2].min(axis=0)
    east, north = bounds[:, 2:].max(axis=0)
    height = max(float(np.median(bounds[:, 3] - bounds[:, 1])), (north - south) / 4096, 1e-9)
    width = (east - west) * 1.001 + 1e-9
    inside = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    keys = np.floor((y[inside] - south) / height) * width + (x[inside] - west)
    order = np.argsort(keys)
    return inside[order], keys[order], (west, south, width, height, 1e-12 * (1 + width * 4096))


def _slices(
    keys: FloatArray, grid: tuple[float, float, float, float, float], bounds: FloatArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return start, end and polygon of each slice of ordered points, polygons in order."""
    west, south, width, height, slack = grid
    first = np.floor((bounds[:, 1] - south) / height).astype(np.int64)
    last = np.floor((bounds[:, 3] - south) / height).astype(np.int64)
    owners, bands = ranges(first, last)
    starts = np.searchsorted(keys, bands * width + (bounds[owners, 0] - west) - slack, "left")
    ends = np.searchsorted(keys, bands * width + (bounds[owners, 2] - west) + slack, "right")
    return starts, ends, owners


#: What a row remarks whose coordinates were not understood.
NO_COORDINATES = r"(?:^|; )coordinates="
_NOTED = NO_COORDINATES + r"\s*(-?\d+(?:\.\d+)?), (-?\d+(?:\.\d+)?)\s*(?:;|$)"


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
#: By so many degrees a lost sign moves a point: where no country is stated, and where one is.
_NEXT_DOOR = (25.0, 11.0)
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

    Two numbers that were exchanged, or lost a sign, lie in no region and far off the place that
    their row names, and turned round lie in it: chance hardly ever does that. One that lies within
    25 km of the place as it stands is on the wrong side of a border.

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

    rows = rows[index.query(x[rows], y[rows]) < 0]
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


def find_meant(
    x: FloatArray,
    y: FloatArray,
    country: pd.Series,
    *,
    regions: gpd.GeoDataFrame,
    index: RegionIndex,
) -> FloatArray:
    """Return the points that lie in a region of their country, or of any, once they are turned.

    Latitude and longitude are exchanged, or a sign is wrong, or both. A sign that moves a point by
    less than 11 degrees, or 25 where no country is stated, may be right: it may lie next door.

    Parameters
    ----------
    x, y : ndarray, shape (n_points,)
        As written.
    country
        The country that each row states.
    regions, index
        The regions and their index.

    Returns
    -------
    ndarray, shape (2, n_points)
        Longitudes and latitudes; NaN where no point fits.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions = rm.datasets.regions()
    >>> point = regions.geometry.iloc[3].representative_point()
    >>> told = pd.Series(["XQA", "XQB", None])
    >>> found = find_meant(
    ...     np.full(3, point.y), np.full(3, point.x), told,
    ...     regions=regions, index=rm.RegionIndex(regions),
    ... )
    >>> np.isfinite(found[0]).tolist(), bool(found[0, 0] == point.x)
    ([True, False, True], True)
    """
    told, homes = country.to_numpy(dtype=object), regions["iso3"].to_numpy(dtype=object)
    right = np.full((2, len(x)), np.nan)
    for exchanged, east, north in reversed(_MEANT):
        pair = np.stack([y, x] if exchanged else [x, y]) * np.array([[east], [north]])
        at = index.query(*pair)
        is_far = np.abs(pair - [x, y]).max(axis=0) > np.where(pd.isna(told), *_NEXT_DOOR)
        good = (at >= 0) & (pd.isna(told) | (told == homes[at])).astype(bool)
        good &= exchanged | is_far
        right[:, good] = pair[:, good]
    return right


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
