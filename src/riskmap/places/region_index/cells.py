"""The cell index: a grid in which most points are answered by look-up and the others by a walk.

A cell that no border enters belongs to one region or to none. In every other cell it is known which
regions cover its reference point; the walk from there to the asked point enters or leaves a region
at each border segment that it crosses. A crossing is believed only when every orientation behind it
is certain beyond rounding (an error bound as in Shewchuk, 1997); points in doubt are handed back.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.typing import FloatArray


Int32Array = NDArray[np.int32]

#: A record a walked cell and one a border segment in it, so that a walk touches little memory.
NODE = np.dtype([("tolerance", "<f8"), ("edge", "<i4"), ("candidate", "<i4"), ("mask", "<u4")])
EDGE = np.dtype([*((end, "<f8") for end in ("ax", "ay", "bx", "by")), ("toggles", "<u4")])

#: Codes of cells below zero: in no region, never to be answered here, and a walk (`WALK - node`).
#: The first two are also answers for points.
OUTSIDE, DOUBT, WALK = -1, -2, -3

#: At most so many regions meet in a cell that is walked: one bit each.
MAX_CANDIDATES = 32

#: Points asked at once from which on compiling pays.
POINTS_TO_COMPILE = 2_000_000

#: Points that a thread takes at a time: their arrays stay in its cache.
CHUNK = 2**16


@dataclass(frozen=True)
class Cells:
    """The arrays of a cell index; polygons are numbered in the order of their regions' ids.

    Parameters
    ----------
    frame : ndarray, shape (4,)
        West and south end of the grid, cells per degree of longitude and of latitude.
    columns, rows : ndarray
        Longitude of each column's reference points, latitude of each row's.
    codes : ndarray of int32, shape (n_rows * n_columns,)
        Of each cell: a polygon, or one of the codes of this module.
    nodes : ndarray of `NODE`, shape (n_nodes + 1,)
        Each walked cell: its first edge and first candidate (they end where the next one's begin),
        which candidates cover its reference point (the smallest in the lowest bit), and up to
        which size an orientation is in doubt.
    edges : ndarray of `EDGE`
        Border segments of each walked cell: both ends relative to the cell's reference point, and
        which candidates are entered or left across it.
    candidates : ndarray of int32
        Polygons, ascending within a cell; one more at the end, so that it is never empty.
    """

    frame: FloatArray
    columns: FloatArray
    rows: FloatArray
    codes: Int32Array
    nodes: NDArray[np.void]
    edges: NDArray[np.void]
    candidates: Int32Array


def look_up(
    cells: Cells, x: FloatArray, y: FloatArray, *, compiled: bool | None = None
) -> Int32Array:
    """Return the smallest polygon that covers each point, `OUTSIDE` or `DOUBT`.

    Parameters
    ----------
    cells
        The index.
    x, y : ndarray, shape (n,)
        The points; one that is not finite is outside.
    compiled
        Whether numba's loop answers, or NumPy; None takes numba for large questions where it is
        installed. The answers are the same.

    Returns
    -------
    ndarray of int32, shape (n,)
        The polygons' numbers.
    """
    if compiled is None:
        compiled = len(x) >= POINTS_TO_COMPILE and find_spec("numba") is not None
    engine = look_up_compiled if compiled else look_up_arrays
    found = np.empty(len(x), dtype=np.int32)

    def answer(start: int) -> None:
        part = slice(start, start + CHUNK)
        found[part] = engine(cells, x[part], y[part])

    engine(cells, x[:0], y[:0])  # compiling changes how all threads deal with warnings
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(answer, range(0, len(x), CHUNK)))
    return found


def look_up_arrays(cells: Cells, x: FloatArray, y: FloatArray) -> Int32Array:
    """Return what :func:`look_up` returns, by NumPy on all points at once."""
    west, south, per_x, per_y = cells.frame
    width = len(cells.columns)
    # the outermost cells are empty, so whatever is beyond them, or NaN, may go there
    column = np.fmin(np.fmax((x - west) * per_x, 0.0), width - 1.0).astype(np.int32)
    row = np.fmin(np.fmax((y - south) * per_y, 0.0), len(cells.rows) - 1.0).astype(np.int32)
    polygons = cells.codes.take(row * np.int32(width) + column)
    walkers = np.flatnonzero(polygons <= WALK)
    if walkers.size:
        polygons[walkers] = _walk(
            cells,
            WALK - polygons[walkers],
            x[walkers] - cells.columns[column[walkers]],
            y[walkers] - cells.rows[row[walkers]],
        )
    return polygons


def _walk(cells: Cells, nodes: Int32Array, px: FloatArray, py: FloatArray) -> Int32Array:
    """Return the polygons of points given relative to the reference points of their cells."""
    here = cells.nodes[nodes]
    counts = cells.nodes["edge"][nodes + 1] - here["edge"]
    starts = np.cumsum(counts) - counts
    pairs = np.arange(counts.sum()) + np.repeat(here["edge"] - starts, counts)
    edges = cells.edges[pairs]
    ax, ay, bx, by = (edges[end] for end in ("ax", "ay", "bx", "by"))
    px, py = np.repeat(px, counts), np.repeat(py, counts)
    to_a = px * ay - py * ax
    to_b = px * by - py * bx
    reference_side = ax * by - ay * bx
    point_side = reference_side + to_a - to_b
    crossed = ((to_a > 0) != (to_b > 0)) & ((reference_side > 0) != (point_side > 0))
    flips = np.where(crossed, edges["toggles"], np.uint32(0))
    inside = here["mask"] ^ np.bitwise_xor.reduceat(flips, starts)
    least = np.minimum(np.minimum(np.abs(to_a), np.abs(to_b)), np.abs(point_side))
    doubt = np.minimum.reduceat(least, starts) <= here["tolerance"]
    lowest = np.bitwise_count(~inside & (inside - np.uint32(1))) % MAX_CANDIDATES
    polygons = cells.candidates.take(here["candidate"] + lowest, mode="clip")
    polygons[inside == 0] = OUTSIDE
    polygons[doubt] = DOUBT
    return polygons


@cache
def compiled_loop() -> Callable[..., None]:
    """Return :func:`loop`, compiled and free of the interpreter's lock.

    Raises
    ------
    MissingDependencyError
        When numba is not installed.
    """
    if find_spec("numba") is None:
        raise MissingDependencyError("numba", extra="fast")
    import numba

    return cast("Callable[..., None]", numba.njit(nogil=True)(loop))


def look_up_compiled(cells: Cells, x: FloatArray, y: FloatArray) -> Int32Array:
    """Return what :func:`look_up` returns, by numba's loop over the points."""
    polygons = np.empty(len(x), dtype=np.int32)
    compiled_loop()(*vars(cells).values(), x, y, polygons)
    return polygons


def loop(  # noqa: PLR0913, PLR0917 - compiled code takes arrays, in the order of Cells' fields
    frame: Any,
    columns: Any,
    rows: Any,
    codes: Any,
    nodes: Any,
    edges: Any,
    candidates: Any,
    x: Any,
    y: Any,
    polygons: Any,
) -> None:
    """Write the smallest polygon that covers each point into `polygons`; see :class:`Cells`."""
    west, south, per_x, per_y = frame
    width, height = len(columns), len(rows)
    for i in range(len(x)):
        across, up = (x[i] - west) * per_x, (y[i] - south) * per_y
        inside_grid = 0 <= across < width and 0 <= up < height
        polygons[i] = codes[int(up) * width + int(across)] if inside_grid else OUTSIDE
    for i in range(len(x)):
        if polygons[i] > WALK:
            continue
        node = WALK - polygons[i]
        px = x[i] - columns[int((x[i] - west) * per_x)]
        py = y[i] - rows[int((y[i] - south) * per_y)]
        inside, least = nodes[node].mask, np.inf
        for e in range(nodes[node].edge, nodes[node + 1].edge):
            edge = edges[e]
            to_a = px * edge.ay - py * edge.ax
            to_b = px * edge.by - py * edge.bx
            reference_side = edge.ax * edge.by - edge.ay * edge.bx
            point_side = reference_side + to_a - to_b
            if (to_a > 0) != (to_b > 0) and (reference_side > 0) != (point_side > 0):
                inside ^= edge.toggles
            least = min(least, abs(to_a), abs(to_b), abs(point_side))
        polygons[i] = OUTSIDE
        if least <= nodes[node].tolerance:
            polygons[i] = DOUBT
        elif inside:
            first = nodes[node].candidate
            while inside & 1 == 0:
                inside >>= 1
                first += 1
            polygons[i] = candidates[first]
