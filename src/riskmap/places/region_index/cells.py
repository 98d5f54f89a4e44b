"""The cell index: a grid in which most points are answered by look-up and the others by a walk.

A cell that no border enters belongs to one region or to none. In every other cell it is known which
regions cover its reference point; the walk from there to the asked point enters or leaves a region
at each border segment that it crosses. A crossing is believed only when every orientation behind it
is certain beyond rounding (an error bound as in Shewchuk, 1997); points in doubt are handed back.

A saved index is a mark with the version, a checksum, and plain arrays. Nothing in it is run: it
holds numbers, ids and polygons in well-known binary. The checksum finds accidents; the arrays are
also checked against one another, so that a file made on purpose can't make the look-up read beyond
them.
"""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

import numpy as np
import shapely
from numpy.typing import NDArray

from riskmap.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from riskmap.typing import FloatArray, IntArray


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


#: What a saved index begins with.
MARK = b"riskmap region index 1\n"
_SUM_BYTES = 32


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


@dataclass(frozen=True)
class Saved:
    """What a file holds: ids by row, the row of each polygon, polygons, cells."""

    ids: NDArray[np.str_]
    positions: IntArray
    polygons: NDArray[np.object_]
    cells: Cells


def pack(saved: Saved) -> bytes:
    """Return the content of a file that holds an index."""
    shapes = shapely.to_wkb(saved.polygons)
    body = io.BytesIO()
    np.savez(
        body,
        allow_pickle=False,
        ids=saved.ids,
        positions=saved.positions,
        wkb=np.frombuffer(b"".join(shapes), dtype=np.uint8),
        wkb_ends=np.cumsum([len(shape) for shape in shapes]),
        **vars(saved.cells),
    )
    content = body.getvalue()
    return b"".join((MARK, hashlib.sha256(content).digest(), content))


def unpack(data: bytes, path: Path | None = None) -> Saved:
    """Return what the content of a file holds; errors name the file, where there is one.

    Raises
    ------
    InputError
        When it is no saved index, is of another version, or was changed or cut.
    """
    mark, body = data[: len(MARK)], memoryview(data)[len(MARK) :]
    if mark != MARK:
        raise InputError("not an index of this version", file=path, met=mark, expected=repr(MARK))
    digest, content = bytes(body[:_SUM_BYTES]), body[_SUM_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise InputError("changed or cut since it was saved", file=path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        wkb, ends = found.pop("wkb").tobytes(), found.pop("wkb_ends").tolist()
        shapes = [wkb[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        ids, positions = found.pop("ids"), found.pop("positions")
        saved = Saved(ids, positions, shapely.from_wkb(shapes), Cells(**found))
        _check(saved)
    except (
        BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        shapely.GEOSException,
    ) as e:
        raise InputError("does not hold an index", file=path, met=str(e)) from e
    return saved


def _check(saved: Saved) -> None:
    """Raise ValueError unless every number in the arrays points into the array that it means."""
    cells, n = saved.cells, len(saved.polygons)
    size, last = len(cells.columns) * len(cells.rows), len(cells.nodes) - 1
    positions, codes = saved.positions, cells.codes
    for array, dtype, shape in (
        (saved.ids, saved.ids.dtype, len(saved.ids)),
        (positions, np.int64, n),
        (cells.frame, np.float64, 4),
        (cells.columns, np.float64, len(cells.columns)),
        (cells.rows, np.float64, len(cells.rows)),
        (codes, np.int32, size),
        (cells.nodes, NODE, max(last, 0) + 1),
        (cells.edges, EDGE, len(cells.edges)),
        (cells.candidates, np.int32, len(cells.candidates)),
    ):
        if array.dtype != dtype or array.shape != (shape,):
            raise ValueError(f"an array of {array.dtype} and shape {array.shape} is out of order")
    starts, edges = cells.nodes["candidate"], cells.nodes["edge"]
    if not (
        saved.ids.dtype.kind == "U"
        and _within(positions, 0, len(saved.ids))
        and _within(codes, WALK - last + 1, n)
        and _within(cells.candidates, 0, n)
        and _rises(edges, len(cells.edges), 1)
        and _rises(starts, len(cells.candidates) - 1, 0)
    ):
        raise ValueError("a number points beyond its array")
    walked = np.unique(WALK - codes[codes < DOUBT])
    room = starts[walked + 1] - starts[walked]
    used = np.bitwise_or.reduceat(cells.edges["toggles"], edges[:-1]) if last else np.uint32(0)
    bits = (used | cells.nodes["mask"][:-1])[walked].astype(np.uint64)
    if ((bits >> np.minimum(room, MAX_CANDIDATES).astype(np.uint64)) != 0).any():
        raise ValueError("a cell has a mask beyond its candidates")


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    """Return whether all values are in ``[low, high)``."""
    return bool(((values >= low) & (values < high)).all())


def _rises(starts: NDArray[Any], end: int, step: int) -> bool:
    """Return whether starts begin at 0, rise by at least a step each, and finish at an end."""
    return bool(starts[0] == 0 and starts[-1] == end and (np.diff(starts) >= step).all())
