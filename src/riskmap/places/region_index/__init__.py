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
import shapely

from riskmap.errors import InputError
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
