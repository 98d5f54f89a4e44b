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


def sweep(
    geometries: NDArray[np.object_], bounds: FloatArray, x: FloatArray, y: FloatArray
) -> Iterator[tuple[int, IntArray]]:
    """Yield, for each polygon that covers any point, its position and those points' positions.

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
    int, ndarray of int
        Polygons in their order; points in no particular order.

    Examples
    --------
    >>> squares = shapely.box([0, 1], [0, 0], [1, 2], [1, 1])
    >>> x, y = np.array([0.5, 1.0, 9.0]), np.array([0.5, 0.5, 0.5])
    >>> [(i, sorted(hits.tolist()))
    ...  for i, hits in sweep(squares, shapely.bounds(squares), x, y)]
    [(0, [0, 1]), (1, [1])]
    """
    order, keys, grid = _ordered(bounds, x, y)
    starts, ends, owners = _slices(keys, grid, bounds)
    full = ends > starts
    starts, ends, owners = starts[full], ends[full], owners[full]
    cuts = np.flatnonzero(np.diff(owners, prepend=-1, append=len(geometries)))
    for first, last in itertools.pairwise(cuts):
        region = int(owners[first])
        near = np.concatenate(
            [order[a:b] for a, b in zip(starts[first:last], ends[first:last], strict=True)]
        )
        _, low, _, high = bounds[region]
        near = near[(y[near] >= low) & (y[near] <= high)]
        shapely.prepare(geometries[region])
        hits = near[shapely.intersects_xy(geometries[region], x[near], y[near])]
        if hits.size:
            yield region, hits


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
