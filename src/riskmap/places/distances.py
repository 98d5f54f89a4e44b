"""Metres from points to the borders of regions."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

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
