"""Building the cell index from polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from riskmap.places.region_index.cells import (
    DOUBT,
    EDGE,
    MAX_CANDIDATES,
    NODE,
    OUTSIDE,
    WALK,
    Cells,
    Int32Array,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: Cells for each border segment, and how many cells there are at least and at most.
CELLS_PER_EDGE = 32
MIN_CELLS, MAX_CELLS = 2**16, 2**24

#: Cells are at least this wide, in degrees, so that rounding is small against a cell.
MIN_WIDTH = 1e-6

#: Where reference points lie in their cell: not where borders drawn on round numbers pass.
REFERENCE = (0.4871, 0.5137)

#: A border this close to a cell, in cells, is taken to enter it; with `SLOPE` for each column that
#: it passes in a row, far more than rounding can amount to.
MARGIN, SLOPE = 1e-6, 1e-7

#: Segments lower than this, in cells, are taken to fill their bounds.
FLAT = 1e-3

_ROUNDING = 2.0**-53
_CHUNK = 2**22


@dataclass(frozen=True)
class _Edges:
    """Border segments, each once, and the polygons on either side of it."""

    a: FloatArray
    b: FloatArray
    starts: IntArray
    polygons: IntArray

    def sides(self, which: IntArray) -> tuple[IntArray, IntArray]:
        """Return the polygons beside some segments, each with the position in `which`."""
        pair, at = ranges(self.starts[which], self.starts[which + 1] - 1)
        return pair, self.polygons[at]


@dataclass(frozen=True)
class _Grid:
    """Where the cells are."""

    west: float
    south: float
    per_x: float
    per_y: float
    columns: FloatArray
    rows: FloatArray

    @property
    def width(self) -> int:
        return len(self.columns)


def solid_parts(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], IntArray]:
    """Return the parts of polygons that are not empty, and the polygon that each is of.

    Examples
    --------
    >>> shape = shapely.multipolygons([shapely.box(0, 0, 1, 1), shapely.Polygon()])
    >>> parts, owners = solid_parts(np.array([shape]))
    >>> len(parts), owners.tolist()
    (1, [0])
    """
    parts, owners = shapely.get_parts(geometries, return_index=True)
    solid = ~shapely.is_empty(parts)
    return parts[solid], owners[solid]


def build_cells(geometries: NDArray[np.object_]) -> Cells:
    """Return the cell index of polygons.

    Parameters
    ----------
    geometries : ndarray of polygons
        One part each, numbered in the order of their regions' ids.

    Returns
    -------
    Cells
        The index.

    Examples
    --------
    >>> from riskmap.places.region_index.cells import look_up
    >>> cells = build_cells(shapely.box([0, 1], [0, 0], [1, 2], [1, 1]))
    >>> look_up(cells, np.array([0.3, 1.3, 2.3]), np.array([0.3, 0.3, 0.3])).tolist()
    [0, 1, -1]
    """
    edges = _unique_edges(geometries)
    grid = _grid(shapely.total_bounds(geometries), len(edges.a))
    where, which = _entered(edges, grid)
    first = _firsts(where)
    node_cells, counts = where[first], np.diff(first, append=len(where))
    runs, unsure = _runs(edges, grid)
    codes = _painted(runs, grid)
    nodes = np.repeat(np.arange(len(node_cells)), counts)
    candidates, starts, masks, toggles = _memberships(edges, runs, node_cells, nodes, which)
    column, row = node_cells % grid.width, node_cells // grid.width
    reference = np.stack([grid.columns[column], grid.rows[row]], axis=1)[nodes]
    ends = np.concatenate([edges.a[which] - reference, edges.b[which] - reference], axis=1)
    tolerances, hard = _tolerances(ends, first, grid)
    hard |= np.diff(starts) > MAX_CANDIDATES
    codes[node_cells] = np.where(hard, DOUBT, WALK - np.arange(len(node_cells)))
    codes[unsure] = DOUBT
    return Cells(
        frame=np.array([grid.west, grid.south, grid.per_x, grid.per_y]),
        columns=grid.columns,
        rows=grid.rows,
        codes=codes,
        nodes=_records(
            NODE,
            tolerance=np.append(tolerances, 0.0),
            edge=np.append(first, len(where)),
            candidate=starts,
            mask=np.append(masks, 0),
        ),
        edges=_records(
            EDGE, ax=ends[:, 0], ay=ends[:, 1], bx=ends[:, 2], by=ends[:, 3], toggles=toggles
        ),
        candidates=np.append(candidates, 0).astype(np.int32),
    )


def _records(dtype: np.dtype[np.void], **fields: NDArray[Any]) -> NDArray[np.void]:
    records = np.empty(len(next(iter(fields.values()))), dtype=dtype)
    for name, values in fields.items():
        records[name] = values
    return records


def _unique_edges(geometries: NDArray[np.object_]) -> _Edges:
    """Return each border segment once, with the polygons that one enters or leaves across it."""
    rings, owners = shapely.get_rings(geometries, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    joined = (ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    a, b = xy[:-1][joined], xy[1:][joined]
    polygons = owners[ring[:-1][joined]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    a[swap], b[swap] = b[swap], a[swap]
    ends = np.concatenate([a, b], axis=1)
    order = np.argsort(_hashes(ends))
    ends, polygons = ends[order], polygons[order]
    new = np.ones(len(ends), dtype=bool)
    new[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    n = len(geometries)
    sides = np.sort((np.cumsum(new) - 1) * n + polygons)
    first = _firsts(sides)
    twice = np.diff(first, append=len(sides)) % 2 == 0
    owners, polygons = np.divmod(sides[first[~twice]], n)
    starts = np.searchsorted(owners, np.arange(new.sum() + 1))
    return _Edges(ends[new, :2], ends[new, 2:], starts, polygons)


def _firsts(values: IntArray) -> IntArray:
    """Return where each distinct value of a sorted array stands first."""
    return np.flatnonzero(np.diff(values, prepend=-1))


def _hashes(ends: FloatArray) -> NDArray[np.uint64]:
    """Return a number for each row that is the same for equal rows and hardly ever for others."""
    bits = np.ascontiguousarray(ends).view(np.uint64)
    mixed = np.zeros(len(bits), dtype=np.uint64)
    for column in bits.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _grid(bounds: FloatArray, n_edges: int) -> _Grid:
    """Return a grid over some bounds, with a ring of cells around them."""
    west, south, east, north = bounds.tolist()
    wide, high = max(east - west, MIN_WIDTH), max(north - south, MIN_WIDTH)
    cells = min(max(CELLS_PER_EDGE * n_edges, MIN_CELLS), MAX_CELLS)
    across = min(max(np.sqrt(cells * wide / high), 1.0), cells, wide / MIN_WIDTH)
    up = min(max(cells / across, 1.0), high / MIN_WIDTH)
    n_columns, n_rows = int(across), int(up)
    cell_x, cell_y = wide / n_columns, high / n_rows
    return _Grid(
        west=west - cell_x,
        south=south - cell_y,
        per_x=1 / cell_x,
        per_y=1 / cell_y,
        columns=west - cell_x + (np.arange(n_columns + 2) + REFERENCE[0]) * cell_x,
        rows=south - cell_y + (np.arange(n_rows + 2) + REFERENCE[1]) * cell_y,
    )


def ranges(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
    """Return all numbers of the ranges ``[first, last]``, after the range that each stems from.

    Examples
    --------
    >>> [part.tolist() for part in ranges(np.array([5, 9]), np.array([6, 8]))]
    [[0, 0], [5, 6]]
    """
    counts = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(first)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts - first)[owner]


def _entered(edges: _Edges, grid: _Grid) -> tuple[IntArray, IntArray]:
    """Return pairs of a cell and a segment that enters it, ordered by cell; too many is no harm."""
    corner, scale = (grid.west, grid.south), (grid.per_x, grid.per_y)
    a, b = (edges.a - corner) * scale, (edges.b - corner) * scale
    down = (a[:, 1] > b[:, 1])[:, None]
    low, high = np.where(down, b, a), np.where(down, a, b)
    owner, row = ranges(_floor(low[:, 1] - MARGIN), _floor(high[:, 1] + MARGIN))
    low, high = low[owner], high[owner]
    rise = high[:, 1] - low[:, 1]
    flat = rise < FLAT
    slope = (high[:, 0] - low[:, 0]) / np.where(flat, 1.0, rise)
    enter = low[:, 0] + (np.maximum(row - MARGIN, low[:, 1]) - low[:, 1]) * slope
    leave = low[:, 0] + (np.minimum(row + 1 + MARGIN, high[:, 1]) - low[:, 1]) * slope
    enter, leave = np.where(flat, low[:, 0], enter), np.where(flat, high[:, 0], leave)
    slack = MARGIN + SLOPE * np.abs(slope)
    first = _floor(np.minimum(enter, leave) - slack)
    last = _floor(np.maximum(enter, leave) + slack)
    crossing, column = ranges(np.clip(first, 0, grid.width - 1), np.clip(last, 0, grid.width - 1))
    cell = row[crossing] * grid.width + column
    cells, segments = np.divmod(np.sort(cell * len(a) + owner[crossing]), len(a))
    return cells, segments


def _floor(values: FloatArray) -> IntArray:
    return np.floor(values).astype(np.int64)


def _runs(edges: _Edges, grid: _Grid) -> tuple[IntArray, IntArray]:
    """Return which reference points each region covers, and the cells where that is not sure.

    Returns
    -------
    ndarray of int, shape (3, n_runs)
        Region, first cell, and the cell after the last, in one row of the grid; ordered by region.
    ndarray of int
        Cells whose reference point is too close to a border.
    """
    ends = np.sort(np.stack([edges.a[:, 1], edges.b[:, 1]]), axis=0)
    first, after = np.searchsorted(grid.rows, ends, "left")
    owner, row = ranges(first, after - 1)
    a, b = edges.a[owner], edges.b[owner]
    slope = (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    x = np.clip(a[:, 0] + (grid.rows[row] - a[:, 1]) * slope, a[:, 0], b[:, 0])
    passed = (x - grid.columns[0]) * grid.per_x
    slack = np.minimum(MARGIN + SLOPE * np.abs(slope) * grid.per_x / grid.per_y, grid.width)
    near, column = ranges(
        np.maximum(np.ceil(passed - slack), 0).astype(np.int64),
        np.minimum(_floor(passed + slack), grid.width - 1),
    )
    column_after = _floor(passed) + 1
    crossing, polygons = edges.sides(owner)
    cells = row[crossing] * grid.width + column_after[crossing]
    n_cells = len(grid.rows) * grid.width
    keys = np.sort(polygons * n_cells + cells)
    polygons, starts = np.divmod(keys[0::2], n_cells)
    runs = np.stack([polygons, starts, keys[1::2] % n_cells])
    return runs[:, runs[2] > runs[1]], row[near] * grid.width + column


def _painted(runs: IntArray, grid: _Grid) -> Int32Array:
    """Return a code for each cell from its reference point, the smallest number on top."""
    codes = np.full(len(grid.rows) * grid.width, OUTSIDE, dtype=np.int32)
    polygons, first, after = runs[:, ::-1]
    cuts = np.searchsorted(np.cumsum(after - first), np.arange(_CHUNK, codes.size, _CHUNK))
    for part in np.split(np.arange(len(polygons)), cuts):
        owner, cell = ranges(first[part], after[part] - 1)
        codes[cell] = polygons[part][owner]
    return codes


def _memberships(
    edges: _Edges, runs: IntArray, node_cells: IntArray, nodes: IntArray, which: IntArray
) -> tuple[NDArray[Any], ...]:
    """Return candidates, their starts, which cover the reference points, and what edges toggle."""
    polygons, first, after = runs
    run, node = ranges(np.searchsorted(node_cells, first), np.searchsorted(node_cells, after) - 1)
    n = int(max(edges.polygons.max(initial=0), polygons.max(initial=0))) + 1
    pair, beside = edges.sides(which)
    all_keys = np.concatenate([node * n + polygons[run], nodes[pair] * n + beside])
    order = np.argsort(all_keys)
    firsts = _firsts(all_keys[order])
    keys = all_keys[order[firsts]]
    starts = np.searchsorted(keys, np.arange(len(node_cells) + 1) * n)
    # sums of distinct powers of two below 2**53 are exact; crowded cells are never walked
    bits = np.minimum(np.arange(len(keys)) - starts[keys // n], MAX_CANDIDATES)
    powers = np.empty(len(all_keys))
    powers[order] = np.repeat(
        np.where(bits < MAX_CANDIDATES, 2.0**bits, 0.0), np.diff(firsts, append=len(order))
    )
    masks = np.bincount(node, powers[: len(node)], len(node_cells))
    toggles = np.bincount(pair, powers[len(node) :], len(which))
    return keys % n, starts, masks, toggles


def _tolerances(
    ends: FloatArray, first: IntArray, grid: _Grid
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return what orientations in each cell may err by, and where the reference point is in doubt.

    With all coordinates relative to the reference point, each orientation is a sum of products of
    two of them; rounding adds less than 8 units in the last place of the sum of their sizes.
    """
    ax, ay, bx, by = ends.T
    reach_x, reach_y = 0.6 / grid.per_x, 0.6 / grid.per_y
    sizes = np.abs(ends)
    total = (
        reach_x * (sizes[:, 1] + sizes[:, 3])
        + reach_y * (sizes[:, 0] + sizes[:, 2])
        + sizes[:, 0] * sizes[:, 3]
        + sizes[:, 1] * sizes[:, 2]
    )
    tolerances = np.maximum.reduceat(16 * _ROUNDING * total, first) + np.finfo(float).tiny
    return tolerances, np.minimum.reduceat(np.abs(ax * by - ay * bx), first) <= tolerances
