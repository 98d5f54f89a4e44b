"""Coverages: whether regions fit together without gaps and overlaps, and mending those that don't.

Areas are in square kilometres, measured in the equal-area projection EPSG:6933 (EASE-Grid 2.0,
cylindrical; Brodzik et al., 2012).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from riskmap.schema import CRS

if TYPE_CHECKING:
    from riskmap.typing import FloatArray, IntArray

EQUAL_AREA = "EPSG:6933"
#: Degrees between vertices when projecting, so that an edge stays straight in degrees: the area of
#: a polygon is then that of its pieces, to seven digits.
_STEP = 0.05
#: Overlaps and gaps smaller than this are what rounding leaves: ten metres squared.
SMALLEST_KM2 = 1e-4


def to_equal_area(shapes: np.ndarray) -> np.ndarray:
    """Return geometries in degrees as geometries in metres whose areas are true.

    Examples
    --------
    >>> cell = np.array([shapely.box(69, 34, 70, 35)])
    >>> round(float(shapely.area(to_equal_area(cell))[0]) / 1e6)
    10188
    """
    dense = shapely.segmentize(shapes, _STEP)
    return np.asarray(shapely.transform(dense, _projection().transform, interleaved=False))


@lru_cache(maxsize=1)
def _projection() -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(CRS, EQUAL_AREA, always_xy=True)


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
    keep = area > SMALLEST_KM2
    order = np.lexsort((second[keep], first[keep]))
    return first[keep][order], second[keep][order], area[keep][order]


def find_gaps(shapes: np.ndarray) -> np.ndarray:
    """Return the holes that valid polygons enclose together, as polygons.

    Holes smaller than ten metres squared are left out.

    Examples
    --------
    >>> frame = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    >>> shapely.area(find_gaps(np.array([frame]))).tolist()
    [1.0]
    """
    union = shapely.union_all(shapes)
    shells = shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(union)))
    holes = shapely.get_parts(shapely.difference(shapely.union_all(shells), union))
    return holes[areas_km2(holes) > SMALLEST_KM2]


def widths_m(shapes: np.ndarray, area_km2: FloatArray) -> FloatArray:
    """Return the mean widths of polygons: twice the area by the perimeter, in metres.

    Examples
    --------
    >>> strip = np.array([shapely.box(0, 0, 1, 0.001)])
    >>> widths_m(strip, areas_km2(strip)).round().tolist()
    [110.0]
    """
    from pyproj import Geod

    globe = Geod(ellps="WGS84")
    perimeter = [abs(globe.geometry_length(line)) for line in shapely.boundary(shapes)]
    return 2e6 * area_km2 / np.array(perimeter, dtype=np.float64)


def dissect(
    shapes: np.ndarray, *, widest_gap_m: float
) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Return valid polygons as an exact coverage: every place in one polygon or in none.

    Returns
    -------
    pieces : ndarray of geometries
        What is left of each polygon, gaps included.
    gained, lost : ndarray
        What each gained by gaps and lost by overlaps, in square kilometres.

    Examples
    --------
    >>> boxes = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 4, 1)])
    >>> pieces, gained, lost = dissect(boxes, widest_gap_m=0)
    >>> shapely.area(pieces).tolist(), gained.tolist(), lost.round().tolist()
    ([2.0, 2.0], [0.0, 0.0], [0.0, 12308.0])
    """
    n = len(shapes)
    gaps = find_gaps(shapes)
    narrow = (widths_m(gaps, areas_km2(gaps)) <= widest_gap_m).any()
    if shapely.coverage_is_valid(shapes) and not narrow:
        return shapes, np.zeros(n), np.zeros(n)
    lines = shapely.get_parts(shapely.union_all(shapely.boundary(shapes)))
    faces = shapely.get_parts(shapely.polygonize(lines))
    face, shape = shapely.STRtree(shapes).query(
        shapely.point_on_surface(faces), predicate="intersects"
    )
    held = _owners(face, shape, shapes, len(faces))
    owner = _fill_gaps(faces, held, widest_gap_m)
    area = areas_km2(faces)
    filled = (held < 0) & (owner >= 0)
    given = shape != owner[face]
    pieces = [shapely.coverage_union_all(faces[owner == k]) for k in range(n)]
    gained = np.bincount(owner[filled], weights=area[filled], minlength=n).astype(np.float64)
    lost = np.bincount(shape[given], weights=area[face[given]], minlength=n).astype(np.float64)
    return np.array(pieces, dtype=object), gained, lost


def _owners(face: IntArray, shape: IntArray, shapes: np.ndarray, n_faces: int) -> IntArray:
    """Return the smallest of the polygons that hold each face, -1 where none does."""
    order = np.lexsort((shape, areas_km2(shapes)[shape], face))
    found, first = np.unique(face[order], return_index=True)
    owner = np.full(n_faces, -1, dtype=np.int64)
    owner[found] = shape[order][first]
    return owner


def _fill_gaps(faces: np.ndarray, owner: IntArray, widest_gap_m: float) -> IntArray:
    """Return the owners of faces, narrow gaps given to the neighbour with the longest border."""
    gaps = np.flatnonzero(owner < 0)
    gaps = gaps[widths_m(faces[gaps], areas_km2(faces[gaps])) <= widest_gap_m]
    filled = owner.copy()
    tree = shapely.STRtree(faces)
    for gap in gaps:
        around = tree.query(faces[gap], predicate="intersects")
        around = np.sort(around[owner[around] >= 0])
        shared = shapely.length(shapely.intersection(faces[gap], faces[around]))
        by_owner = np.bincount(owner[around], weights=shared)
        filled[gap] = by_owner.argmax()
    return filled


def mend(shapes: np.ndarray) -> np.ndarray:
    """Return polygons made valid by their structure: shells are united, holes are cut from them.

    Valid polygons stay as they are. The method is GEOS's ``make_valid`` with
    ``method="structure"``; ``buffer(0)`` would lose whole parts of a polygon that crosses itself.

    Examples
    --------
    >>> bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    >>> float(shapely.area(mend(np.array([bow]))[0]))
    2.0
    """
    mended = shapes.copy()
    broken = ~shapely.is_valid(shapes)
    mended[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    return mended
