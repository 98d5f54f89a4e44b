"""Coverages: whether regions fit together without gaps and overlaps, and mending those that don't.

Areas are in square kilometres, measured in the equal-area projection EPSG:6933 (EASE-Grid 2.0,
cylindrical; Brodzik et al., 2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from riskmap.schema import CRS

if TYPE_CHECKING:
    from riskmap.typing import FloatArray, IntArray

EQUAL_AREA = "EPSG:6933"
#: Overlaps smaller than this are what rounding leaves: ten metres squared.
SMALLEST_OVERLAP_KM2 = 1e-4


def to_equal_area(shapes: np.ndarray) -> np.ndarray:
    """Return geometries in degrees as geometries in metres whose areas are true.

    Examples
    --------
    >>> cell = np.array([shapely.box(69, 34, 70, 35)])
    >>> round(float(shapely.area(to_equal_area(cell))[0]) / 1e6)
    10188
    """
    return np.asarray(gpd.GeoSeries(shapes, crs=CRS).to_crs(EQUAL_AREA).array)


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
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="intersects")
    keep = first < second
    first, second = first[keep], second[keep]
    common = shapely.intersection(shapes[first], shapes[second])
    area = areas_km2(common)
    keep = area > SMALLEST_OVERLAP_KM2
    order = np.lexsort((second[keep], first[keep]))
    return first[keep][order], second[keep][order], area[keep][order]


def mend(shapes: np.ndarray) -> np.ndarray:
    """Return polygons made valid by their structure: shells are united, holes are cut from them.

    The method is GEOS's ``make_valid`` with ``method="structure"``; ``buffer(0)`` would lose whole
    parts of a polygon that crosses itself.

    Examples
    --------
    >>> bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    >>> float(shapely.area(mend(np.array([bow]))[0]))
    2.0
    """
    return np.asarray(shapely.make_valid(shapes, method="structure", keep_collapsed=False))
