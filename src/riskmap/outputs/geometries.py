"""Geometries: fit for publication by the rules of RFC 7946, and drawn as small whole numbers.

Valid, WGS 84, cut at the antimeridian, exterior rings counter-clockwise, rounded, still valid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray
    from shapely import Polygon

    from riskmap.typing import FloatArray

DECIMALS = 6
_EAST, _WORLD, _POLE = 180.0, 360.0, 90.0
UNITS = 5000
#: Free space round the map, in units.
MARGIN = 60
#: Vertices that a page draws at most, before shared borders are simplified together.
VERTICES = 30_000
VERTICES_A_REGION = 25


def prepare_geometries(series: gpd.GeoSeries) -> NDArray[np.object_]:
    """Return polygons as RFC 7946 wants them.

    Parameters
    ----------
    series : GeoSeries
        Polygons in any coordinate system; missing ones stay missing.

    Returns
    -------
    ndarray of shapely geometries
        Valid (multi)polygons in EPSG:4326, cut at the antimeridian, exterior rings
        counter-clockwise, rounded to 6 decimals (0.1 m) unless a polygon is too small for that.

    Examples
    --------
    >>> import geopandas as gpd
    >>> clockwise = shapely.Polygon([(0, 0), (0, 1.00000004), (1, 1), (1, 0)])
    >>> prepare_geometries(gpd.GeoSeries([clockwise], crs="EPSG:4326"))[0].wkt
    'POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))'
    """
    if series.crs is not None and series.crs.to_epsg() != 4326:  # noqa: PLR2004 - WGS 84
        series = series.to_crs("EPSG:4326")
    whole = shapely.force_2d(np.asarray(series, dtype=object))
    for i in np.flatnonzero(_crosses(whole)):
        whole[i] = split_at_antimeridian(whole[i])
    whole = _repair(whole)
    rounded = _repair(shapely.set_precision(whole, 10.0**-DECIMALS))
    rounded = shapely.transform(rounded, lambda xy: np.round(xy, DECIMALS) + 0.0)
    vanished = ~shapely.is_valid(rounded) | (shapely.is_empty(rounded) & ~shapely.is_empty(whole))
    rounded[vanished] = whole[vanished]
    rounded[shapely.is_empty(rounded)] = None
    return np.asarray(shapely.orient_polygons(shapely.normalize(rounded)), dtype=object)


def _repair(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons with the invalid ones mended, lines and points that fall off dropped."""
    broken = ~shapely.is_valid(polygons) & ~shapely.is_missing(polygons)
    if broken.any():
        polygons = polygons.copy()
        mended = shapely.make_valid(polygons[broken], method="structure", keep_collapsed=False)
        polygons[broken] = [_areas(geometry) for geometry in mended]
    return polygons


def _areas(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry, as one."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _crosses(geometries: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which geometries leave [-180, 180] or step over the antimeridian."""
    bounds = shapely.bounds(geometries)
    found = (bounds[:, 0] < -_EAST) | (bounds[:, 2] > _EAST)
    wide = np.flatnonzero(bounds[:, 2] - bounds[:, 0] > _EAST)
    for i in wide:
        rings = shapely.get_rings(shapely.get_parts(geometries[i]))
        found[i] |= any(_is_step(np.diff(shapely.get_coordinates(ring)[:, 0])) for ring in rings)
    return np.asarray(found)


def _is_step(steps: FloatArray) -> bool:
    """Return whether a ring steps over the antimeridian (a step of 360 runs along an edge)."""
    return bool(((np.abs(steps) > _EAST) & (np.abs(steps) < _WORLD)).any())


def split_at_antimeridian(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return polygons cut at the antimeridian (RFC 7946, section 3.1.9).

    A step of more than 180 degrees between two vertices is read as a crossing. A ring that goes
    once round the world holds the pole on its left.

    Parameters
    ----------
    geometry
        A Polygon or MultiPolygon in degrees; longitudes may run past 180.

    Returns
    -------
    Polygon or MultiPolygon
        All longitudes within [-180, 180].

    Examples
    --------
    >>> across = shapely.Polygon([(170, 40), (-170, 40), (-170, 50), (170, 50)])
    >>> split_at_antimeridian(across).bounds
    (-180.0, 40.0, 180.0, 50.0)
    >>> len(split_at_antimeridian(across).geoms)
    2
    """
    pieces = [piece for part in shapely.get_parts(geometry) for piece in _split(part)]
    return _areas(shapely.union_all(pieces))


def _split(polygon: Polygon) -> list[shapely.Geometry]:
    """Return the parts of one polygon, each within one turn of the world and moved home."""
    shell, *holes = (shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon))
    outline = _areas(shapely.make_valid(shapely.Polygon(_unrolled(shell)), method="structure"))
    for hole in holes:
        cut = shapely.make_valid(shapely.Polygon(_unrolled(hole)), method="structure")
        for turn in (-_WORLD, 0.0, _WORLD):
            outline = shapely.difference(outline, _moved(cut, turn))
    west, _, east, _ = shapely.bounds(outline)
    turns = np.arange(np.floor((west + _EAST) / _WORLD), np.ceil((east + _EAST) / _WORLD))
    boxes = (shapely.box(_WORLD * t - _EAST, -_POLE, _WORLD * t + _EAST, _POLE) for t in turns)
    parts = (shapely.intersection(outline, box) for box in boxes)
    return [_moved(_areas(part), -_WORLD * turn) for part, turn in zip(parts, turns, strict=True)]


def _moved(geometry: shapely.Geometry, degrees: float) -> shapely.Geometry:
    return shapely.transform(geometry, lambda xy: xy + np.array([degrees, 0.0]))


def _unrolled(ring: FloatArray) -> FloatArray:
    """Return a ring with continuous longitudes, closed over a pole when it goes round the world."""
    lon = np.unwrap(ring[:, 0], period=_WORLD)
    turned = lon[-1] - lon[0]
    points = np.column_stack([lon, ring[:, 1]])
    if abs(turned) < _EAST:
        return points
    pole = np.copysign(_POLE, turned)
    return np.vstack([points, [(lon[-1], pole), (lon[0], pole)]])


def bounding_box(geometries: Sequence[shapely.Geometry] | NDArray[np.object_]) -> list[float]:
    """Return ``[west, south, east, north]``; west exceeds east across the antimeridian.

    Where parts touch both sides of it, the box is the narrowest (RFC 7946, section 5.2).

    Examples
    --------
    >>> bounding_box([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -178, 1)])
    [179.0, 0.0, -178.0, 1.0]
    """
    bounds = shapely.bounds(shapely.get_parts(np.asarray(geometries, dtype=object)))
    bounds = bounds[~np.isnan(bounds[:, 0])]
    if not len(bounds):
        return []
    west, south = bounds[:, :2].min(axis=0)
    east, north = bounds[:, 2:].max(axis=0)
    if west == -_EAST and east == _EAST:
        order = np.argsort(bounds[:, 0], kind="stable")
        reached = np.maximum.accumulate(bounds[order, 2])[:-1]
        gaps = bounds[order, 0][1:] - reached
        if len(gaps) and gaps.max() > 0:
            widest = int(np.argmax(gaps))
            west, east = bounds[order, 0][widest + 1], reached[widest]
    return [float(edge) for edge in (west, south, east, north)]


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
    west, north, squeeze, unit
        Of the grid: degrees at its corner, how much narrower a degree east is drawn, and how many
        degrees a unit has. NaN where nothing is drawn.
    """

    width: int
    height: int
    shapes: NDArray[np.object_]
    paths: list[str]
    west: float = np.nan
    north: float = np.nan
    squeeze: float = np.nan
    unit: float = np.nan

    def place(self, points: FloatArray) -> FloatArray:
        """Return where points stand on the grid.

        Parameters
        ----------
        points : ndarray, shape (n, 2)
            Longitudes and latitudes.

        Examples
        --------
        >>> drawing = draw_regions(np.array([shapely.box(0, 0, 1, 1)], dtype=object))
        >>> drawing.place(np.array([[0.0, 1.0]])).tolist()
        [[60.0, 60.0]]
        """
        x, y = np.asarray(points, dtype=float).reshape(-1, 2).T
        # a country across the antimeridian is drawn eastward of its west
        x = np.where(x < self.west - _EAST, x + _WORLD, x)
        east = (x - self.west) * self.squeeze
        return MARGIN + np.column_stack([east, self.north - y]) / self.unit


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
    width = 2 * MARGIN + round((east - west) * squeeze / unit)
    height = 2 * MARGIN + round((north - south) / unit)
    grid = Drawing(width, height, whole, [], *map(float, (west, north, squeeze, unit)))
    flat = _simplified(shapely.transform(whole, grid.place))
    return replace(grid, shapes=flat, paths=[svg_path(shape) for shape in flat])


def _side_by_side(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons with the part west of the antimeridian moved next to the rest."""
    bounds = shapely.bounds(geometries)
    west, east = np.nanmin(bounds[:, 0], initial=180), np.nanmax(bounds[:, 2], initial=-180)
    parts = shapely.bounds(shapely.get_parts(geometries))
    middle = parts[(parts[:, 0] < 0) & (parts[:, 2] > 0)]
    if west > -180 or east < 180 or len(middle):  # noqa: PLR2004 - degrees
        return geometries

    def eastward(xy: FloatArray) -> FloatArray:
        return np.column_stack([xy[:, 0] + _WORLD * (xy[:, 0] < 0), xy[:, 1]])

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
    x, y, reach = (
        np.array([_widest(shape) for shape in shapes], dtype=int).reshape(-1, 3).T.tolist()
    )
    return x, y, reach


def _widest(shape: shapely.Geometry | None) -> tuple[int, int, int]:
    if shape is None or shape.is_empty:
        return 0, 0, 0
    parts = shapely.get_parts(shape)
    part = parts[np.argmax(shapely.area(parts))]
    circle = shapely.maximum_inscribed_circle(part, tolerance=max(1.0, part.length / 200))
    (x, y), _ = shapely.get_coordinates(circle)
    return round(x), round(y), round(shapely.length(circle))
