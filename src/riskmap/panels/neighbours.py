"""Which regions are neighbours, as a sparse matrix of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy import sparse

if TYPE_CHECKING:
    import geopandas as gpd


def find_neighbours(regions: gpd.GeoDataFrame) -> sparse.csr_array:
    """Return row-normalised weights of the regions that touch each region.

    Regions are neighbours when they share at least a point; each neighbour of a region has the
    same weight, and weights sum to 1. A region without neighbours has an empty row.

    Parameters
    ----------
    regions
        A Regions table.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_regions, n_regions)

    Examples
    --------
    >>> import riskmap as rm
    >>> weights = find_neighbours(rm.datasets.regions())
    >>> weights.shape, float(weights.sum(axis=1).min())
    ((24, 24), 1.0)
    """
    geometry = regions.geometry.to_numpy()
    tree = shapely.STRtree(geometry)
    left, right = tree.query(geometry, predicate="intersects")
    apart = left != right
    left, right = left[apart], right[apart]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    degree = np.bincount(left, minlength=len(geometry))
    weights = 1.0 / degree[left]
    return sparse.csr_array((weights, (left, right)), shape=(len(geometry), len(geometry)))
