"""Which regions are neighbours, as a sparse matrix of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy import sparse
from scipy.spatial import KDTree

from riskmap.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import FloatArray, IntArray

#: Ways to weigh neighbours.
BY = ("touch", "border", "nearest")


def find_neighbours(
    regions: gpd.GeoDataFrame, *, by: str = "touch", k: int = 4
) -> sparse.csr_array:
    """Return row-normalised weights of the neighbours of each region.

    Parameters
    ----------
    regions
        A Regions table.
    by
        ``"touch"``: regions that share at least a point, all alike. ``"border"``: those that share
        a border, in proportion to its length. ``"nearest"``: the `k` regions whose centroids are
        nearest on the sphere, all alike; it links islands too.
    k
        How many are nearest; all others where there are fewer.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_regions, n_regions)
        Rows sum to 1; a region without neighbours has an empty row.

    Raises
    ------
    InputError
        When `by` is unknown or `k` is not positive.

    Examples
    --------
    >>> import riskmap as rm
    >>> weights = find_neighbours(rm.datasets.regions())
    >>> weights.shape, float(weights.sum(axis=1).min())
    ((24, 24), 1.0)
    >>> np.diff(find_neighbours(rm.datasets.regions(), by="nearest", k=3).indptr).max().item()
    3
    """
    if by not in BY or k < 1:
        raise InputError("unknown neighbours", met=f"{by!r}, k={k}", expected=" or ".join(BY))
    geometry = regions.geometry.to_numpy()
    if by == "nearest":
        left, right = _nearest(geometry, k)
        weight = np.ones(len(left))
    else:
        left, right = _touching(geometry)
        weight = np.ones(len(left)) if by == "touch" else _border_lengths(geometry, left, right)
    left, right, weight = left[weight > 0], right[weight > 0], weight[weight > 0]
    total = np.bincount(left, weight, minlength=len(geometry))
    shape = (len(geometry), len(geometry))
    return sparse.csr_array((weight / total[left], (left, right)), shape=shape)


def _touching(geometry: np.ndarray) -> tuple[IntArray, IntArray]:
    """Return the pairs of regions that share a point, in order."""
    left, right = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    apart = left != right
    order = np.lexsort((right[apart], left[apart]))
    return left[apart][order], right[apart][order]


def _nearest(geometry: np.ndarray, k: int) -> tuple[IntArray, IntArray]:
    """Return the pairs of each region and the k whose centroids are nearest on the sphere."""
    k = min(k, len(geometry) - 1)
    if k == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    lon, lat = np.radians(shapely.get_coordinates(shapely.centroid(geometry)).T)
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    found = KDTree(points).query(points, k=k + 1)[1]
    rows = np.arange(len(geometry))
    # a region is its own nearest, unless others lie on the very same point
    last = np.argsort(found == rows[:, None], axis=1, kind="stable")
    others = np.take_along_axis(found, last[:, :k], axis=1)
    return np.repeat(rows, k), np.sort(others, axis=1).ravel()


def _border_lengths(geometry: np.ndarray, left: IntArray, right: IntArray) -> FloatArray:
    """Return the length of the border that each pair shares, in degrees of latitude."""
    edges = shapely.boundary(geometry)
    shared = shapely.intersection(edges[left], edges[right])
    parts, pair = shapely.get_parts(shared, return_index=True)
    corners, part = shapely.get_coordinates(parts, return_index=True)
    same = part[1:] == part[:-1]
    step = np.diff(corners, axis=0)[same]
    lat = np.radians((corners[1:, 1] + corners[:-1, 1]) / 2)[same]
    length = np.hypot(step[:, 0] * np.cos(lat), step[:, 1])
    return np.bincount(pair[part[1:][same]], length, minlength=len(left)).astype(float)
