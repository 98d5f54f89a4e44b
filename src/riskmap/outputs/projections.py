"""From degrees to the small whole numbers that a page draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray

UNITS = 5000
#: Free space round the map, in units.
MARGIN = 60
#: Vertices that a page draws at most, before shared borders are simplified together.
VERTICES = 30_000
VERTICES_A_REGION = 25
_TURN = 360.0


@dataclass(frozen=True)
class Drawing:
    """Regions as a page draws them, on a grid whose longer side has 5,000 units.

    Parameters
    ----------
    width, height
        Of the grid.
    shapes
        Polygons on the grid; None where nothing can be drawn.
    paths
        The same as SVG paths with relative steps.
    """

    width: int
    height: int
    shapes: NDArray[np.object_]
    paths: list[str]


def draw_regions(geometries: NDArray[np.object_]) -> Drawing:
    """Return polygons projected (equirectangular, true at the middle parallel) and quantised.

    Parameters
    ----------
    geometries : ndarray of shapely polygons
        In degrees; None where a region has no geometry.

    Returns
    -------
    Drawing
        Every region that has a geometry has a path, be it a single point's.
    """
    whole = _side_by_side(geometries)
    west, south, east, north = shapely.total_bounds(whole)
    if np.isnan(west):
        return Drawing(UNITS, UNITS, whole, [""] * len(whole))
    squeeze = max(0.1, float(np.cos(np.radians((south + north) / 2))))
    unit = max((east - west) * squeeze, north - south) / UNITS or 1.0

    def project(xy: FloatArray) -> FloatArray:
        return MARGIN + np.column_stack([(xy[:, 0] - west) * squeeze, north - xy[:, 1]]) / unit

    flat = _simplified(shapely.transform(whole, project))
    return Drawing(
        2 * MARGIN + round((east - west) * squeeze / unit),
        2 * MARGIN + round((north - south) / unit),
        flat,
        [svg_path(shape) for shape in flat],
    )


def _side_by_side(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons with the part west of the antimeridian moved next to the rest."""
    bounds = shapely.bounds(geometries)
    west, east = np.nanmin(bounds[:, 0], initial=180), np.nanmax(bounds[:, 2], initial=-180)
    parts = shapely.bounds(shapely.get_parts(geometries))
    middle = parts[(parts[:, 0] < 0) & (parts[:, 2] > 0)]
    if west > -180 or east < 180 or len(middle):  # noqa: PLR2004 - degrees
        return geometries

    def eastward(xy: FloatArray) -> FloatArray:
        return np.column_stack([xy[:, 0] + _TURN * (xy[:, 0] < 0), xy[:, 1]])

    return np.asarray(shapely.transform(geometries, eastward))


def _simplified(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return shapes with fewer vertices where there are too many; neighbours keep their borders."""
    present = ~shapely.is_missing(shapes)
    tolerance = 1.0
    kept = shapes
    most = max(VERTICES, VERTICES_A_REGION * len(shapes))
    while shapely.get_num_coordinates(kept).sum() > most and tolerance < UNITS / 100:
        kept = shapes.copy()
        kept[present] = shapely.coverage_simplify(shapes[present], tolerance)
        tolerance *= 2
    return kept


def svg_path(shape: shapely.Geometry | None) -> str:
    """Return a polygon as an SVG path of whole numbers with relative steps.

    Examples
    --------
    >>> svg_path(shapely.box(0, 0, 2, 3))
    'M2 0l0 3-2 0 0-3z'
    """
    if shape is None:
        return ""
    rings = shapely.get_rings(shapely.get_parts(shape))
    paths = [path for ring in rings if (path := _ring_path(shapely.get_coordinates(ring)))]
    if not paths and not shape.is_empty:
        x, y = np.round(shapely.get_coordinates(shapely.point_on_surface(shape))[0]).astype(int)
        return f"M{x} {y}h2v2h-2z"
    return "".join(paths)


def _ring_path(points: FloatArray) -> str:
    grid = np.round(points).astype(np.int64)
    grid = grid[np.append(True, (np.diff(grid, axis=0) != 0).any(axis=1))]
    if len(grid) < 4:  # noqa: PLR2004 - three corners and the first again
        return ""
    steps = np.diff(grid[:-1], axis=0).ravel()
    text = " ".join(map(str, steps.tolist())).replace(" -", "-")
    return f"M{grid[0, 0]} {grid[0, 1]}l{text}z"


def group_shapes(
    shapes: NDArray[np.object_], groups: NDArray[np.int64], n_groups: int
) -> NDArray[np.object_]:
    """Return the union of each group of shapes; None where a group has none."""
    united = np.full(n_groups, None, dtype=object)
    for k in range(n_groups):
        members = shapes[(groups == k) & ~shapely.is_missing(shapes)]
        if len(members):
            united[k] = shapely.union_all(shapely.make_valid(members, method="structure"))
    return united


def label_points(shapes: NDArray[np.object_]) -> tuple[list[int], list[int], list[int]]:
    """Return for each shape the middle of its widest place and how far it is to the edge.

    The middle is that of the largest circle inside the largest part.
    """
    xs, ys, reach = [], [], []
    for shape in shapes:
        x, y, r = _widest(shape)
        xs.append(x)
        ys.append(y)
        reach.append(r)
    return xs, ys, reach


def _widest(shape: shapely.Geometry | None) -> tuple[int, int, int]:
    if shape is None or shape.is_empty:
        return 0, 0, 0
    parts = shapely.get_parts(shape)
    part = parts[np.argmax(shapely.area(parts))]
    circle = shapely.maximum_inscribed_circle(part, tolerance=max(1.0, part.length / 200))
    (x, y), _ = shapely.get_coordinates(circle)
    return round(x), round(y), round(shapely.length(circle))
