"""Which region a point lies in: exactly one or none, however the regions are drawn or ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from riskmap.errors import InputError
from riskmap.places.region_index.sweeps import sweep
from riskmap.schema import check_regions

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import ArrayLike

    from riskmap.typing import FloatArray, IntArray

#: Longitudes this far apart are the same meridian.
TURN = 360.0


class RegionIndex:
    """Answers which region covers a point, exactly.

    A region covers its border. Of several regions that cover a point, the one with the smallest
    ``region_id`` has it, so that the answer does not depend on the order of rows. Longitudes that
    differ by 360 degrees are the same. A multipolygon that is not valid covers the points with an
    odd number of ring crossings.

    Parameters
    ----------
    regions
        Regions table (:data:`riskmap.schema.REGION_COLUMNS`); it is not changed.

    Raises
    ------
    SchemaError
        When `regions` is not a Regions table.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions = rm.datasets.regions()
    >>> index = rm.RegionIndex(regions)
    >>> inside = regions.geometry.iloc[2].representative_point()
    >>> index.query([inside.x, 170.0, float("nan")], [inside.y, 0.0, 0.0]).tolist()
    [2, -1, -1]
    """

    def __init__(self, regions: gpd.GeoDataFrame) -> None:
        check_regions(regions)
        ids = regions["region_id"].to_numpy(dtype=object)
        self._ids = ids
        self._positions = np.argsort(ids.astype(str), kind="stable")
        # copies, because asking a polygon prepares it
        self._geometries = shapely.from_wkb(
            shapely.to_wkb(regions.geometry.to_numpy()[self._positions])
        )
        self._bounds = shapely.bounds(self._geometries)

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
        ranks = np.full(len(x), len(self), dtype=np.int64)
        for points, longitudes in self._turns(x):
            for rank, hits in sweep(self._geometries, self._bounds, longitudes, y[points]):
                chosen = points[hits]
                ranks[chosen] = np.minimum(ranks[chosen], rank)
        return np.append(self._positions, -1)[ranks]

    def query_all(self, lon: ArrayLike, lat: ArrayLike) -> IntArray:
        """Return every pair of a point and a region that covers it.

        Parameters
        ----------
        lon, lat : array-like of float, shape (n,)
            The points, in degrees.

        Returns
        -------
        ndarray of int64, shape (2, n_pairs)
            Positions of points and of regions, as :meth:`shapely.STRtree.query` returns them,
            ordered by point and then by ``region_id``.

        Raises
        ------
        InputError
            When `lon` and `lat` are not one-dimensional and of one length.

        Examples
        --------
        >>> import riskmap as rm
        >>> regions = rm.datasets.regions()
        >>> corner = regions.geometry.iloc[0].exterior.coords[0]
        >>> pairs = rm.RegionIndex(regions).query_all([corner[0]], [corner[1]])
        >>> pairs.shape[0], 0 in pairs[1]
        (2, True)
        """
        x, y = _as_points(lon, lat)
        found = [np.empty((2, 0), dtype=np.int64)]
        for points, longitudes in self._turns(x):
            for rank, hits in sweep(self._geometries, self._bounds, longitudes, y[points]):
                found.append(np.stack([points[hits], np.full(len(hits), rank)]))
        pairs = np.unique(np.concatenate(found, axis=1), axis=1)
        return np.stack([pairs[0], self._positions[pairs[1]]])

    def _turns(self, x: FloatArray) -> list[tuple[IntArray, FloatArray]]:
        """Return positions and longitudes of the points, also a turn away where regions lie there.

        Regions that touch the antimeridian, or are drawn across it, meet points from both sides.
        """
        turns = [(np.arange(len(x)), x)]
        west, east = self._bounds[:, 0].min(), self._bounds[:, 2].max()
        for shift in (-TURN, TURN):
            shifted = x + shift
            points = np.flatnonzero((shifted >= west) & (shifted <= east))
            if points.size:
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
