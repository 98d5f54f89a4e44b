"""A saved region index: a mark with the version, a checksum, and plain arrays.

Nothing in the file is run: it holds numbers, ids and polygons in well-known binary. The checksum
finds accidents; the arrays are also checked against one another, so that a file made on purpose
can't make the look-up read beyond them.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import shapely

from riskmap.errors import InputError
from riskmap.places.region_index.cells import DOUBT, EDGE, MAX_CANDIDATES, NODE, WALK, Cells

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from riskmap.typing import IntArray

MARK = b"riskmap region index 1\n"
_SUM_BYTES = 32


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
    _demand(saved.ids, saved.ids.dtype, saved.ids.dtype.kind == "U" and saved.ids.ndim == 1)
    _demand(cells.frame, np.float64, cells.frame.shape == (4,))
    _demand(cells.columns, np.float64, cells.columns.ndim == 1)
    _demand(cells.rows, np.float64, cells.rows.ndim == 1)
    size = len(cells.columns) * len(cells.rows)
    last = len(cells.nodes) - 1
    _demand(
        saved.positions,
        np.int64,
        len(saved.positions) == n and _within(saved.positions, 0, len(saved.ids)),
    )
    _demand(cells.nodes, NODE, cells.nodes.ndim == 1 and last >= 0)
    _demand(
        cells.codes,
        np.int32,
        cells.codes.shape == (size,) and _within(cells.codes, WALK - last + 1, n),
    )
    _demand(
        cells.edges,
        EDGE,
        cells.edges.ndim == 1 and _rises(cells.nodes["edge"], len(cells.edges), 1),
    )
    _demand(cells.candidates, np.int32, _within(cells.candidates, 0, n))
    starts = cells.nodes["candidate"]
    _demand(starts, np.int32, _rises(starts, len(cells.candidates) - 1, 0))
    walked = np.unique(WALK - cells.codes[cells.codes < DOUBT])
    room = starts[walked + 1] - starts[walked]
    used = (
        np.bitwise_or.reduceat(cells.edges["toggles"], cells.nodes["edge"][:-1])
        if last
        else np.empty(0, np.uint32)
    )
    bits = (used | cells.nodes["mask"][:-1])[walked].astype(np.uint64)
    if ((bits >> np.minimum(room, MAX_CANDIDATES).astype(np.uint64)) != 0).any():
        raise ValueError("a cell has a mask beyond its candidates")


def _demand(array: NDArray[Any], dtype: Any, holds: bool) -> None:  # noqa: FBT001 - a check
    if array.dtype != dtype or not holds:
        raise ValueError(f"an array of {array.dtype} and shape {array.shape} is out of order")


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    """Return whether all values are in ``[low, high)``."""
    return values.ndim == 1 and bool(((values >= low) & (values < high)).all())


def _rises(starts: NDArray[Any], end: int, step: int) -> bool:
    """Return whether starts begin at 0, rise by at least a step each, and finish at an end."""
    return bool(starts[0] == 0 and starts[-1] == end and (np.diff(starts) >= step).all())
