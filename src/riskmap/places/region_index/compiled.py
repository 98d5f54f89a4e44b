"""The look-up of :mod:`riskmap.places.region_index.cells` as one loop, for numba to compile."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from riskmap.errors import MissingDependencyError
from riskmap.places.region_index.cells import DOUBT, OUTSIDE, WALK, Cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.places.region_index.cells import Int32Array
    from riskmap.typing import FloatArray


def is_compilable() -> bool:
    """Return whether numba is installed.

    Examples
    --------
    >>> is_compilable() in (True, False)
    True
    """
    return find_spec("numba") is not None


@cache
def compiled_loop() -> Callable[..., None]:
    """Return :func:`loop`, compiled and free of the interpreter's lock.

    Raises
    ------
    MissingDependencyError
        When numba is not installed.
    """
    if not is_compilable():
        raise MissingDependencyError("numba", extra="fast")
    import numba

    return cast("Callable[..., None]", numba.njit(nogil=True)(loop))


def look_up_compiled(cells: Cells, x: FloatArray, y: FloatArray) -> Int32Array:
    """Return what :func:`riskmap.places.region_index.cells.look_up` returns, sooner."""
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
