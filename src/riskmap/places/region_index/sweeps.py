"""Which points lie in which polygons, without preparation: points are sorted, polygons sweep them.

This is the path for few points, and the court of appeal of the cell index: every answer comes from
GEOS' robust predicates.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: About how many candidates are asked about at once: this bounds the memory.
_BLOCK = 1_000_000


def sweep(
    geometries: NDArray[np.object_], bounds: FloatArray, x: FloatArray, y: FloatArray
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield pairs of a polygon and a point that it covers, as two arrays, in blocks.

    Points are ordered by horizontal band and by x within it, so that a polygon's candidates are a
    few slices. A polygon covers its border; of a polygon that is not valid, the points are those
    with an odd number of ring crossings.

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
    ...  for polygons, points in sweep(squares, shapely.bounds(squares), x, y)]
    [([0, 0, 1], [0, 1, 1])]
    """
    order, keys, grid = _ordered(bounds, x, y)
    starts, ends, owners = _slices(keys, grid, bounds)
    full = ends > starts
    starts, sizes, owners = starts[full], (ends - starts)[full], owners[full]
    shapely.prepare(geometries[np.unique(owners)])
    total = np.cumsum(sizes)
    blocks = np.searchsorted(total, np.arange(0, total[-1] if total.size else 0, _BLOCK))
    for first, last in itertools.pairwise([*np.unique(blocks).tolist(), len(sizes)]):
        part = slice(first, last)
        run = np.cumsum(sizes[part]) - sizes[part]
        polygon = np.repeat(owners[part], sizes[part])
        near = order[np.arange(sizes[part].sum()) + np.repeat(starts[part] - run, sizes[part])]
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
    counts = last - first + 1
    owners = np.repeat(np.arange(len(bounds)), counts)
    bands = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
    starts = np.searchsorted(keys, bands * width + (bounds[owners, 0] - west) - slack, "left")
    ends = np.searchsorted(keys, bands * width + (bounds[owners, 2] - west) + slack, "right")
    return starts, ends, owners
