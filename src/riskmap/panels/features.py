"""Features of a history as it was at the start of each window: nothing later can change them.

Every function takes ``at``, the indices of the windows before which it looks: a value at ``t`` is
made of windows ``0 ... t - 1`` alone. Rates are incidents a day at risk. Which regions are
neighbours is a sparse matrix of weights.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy import sparse
from scipy.spatial import KDTree

from riskmap.errors import InputError
from riskmap.panels.risk_days import relative_exposure, watched_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import geopandas as gpd

    from riskmap.typing import CountHistory, FloatArray, IntArray

DAYS_A_YEAR = 365.25
DAYS_A_MONTH = DAYS_A_YEAR / 12

#: Regions that are summed at a time.
_BLOCK = 1000

#: So few blocks are done before threads have begun to pay.
_FEW = 8

#: Half-lives within one sum, by which weights grow; a float doubles 1023 times at most.
_HALF_LIVES = 512.0


def decayed_sums(
    values: FloatArray, *, lengths: FloatArray, half_life_days: float, at: IntArray
) -> FloatArray:
    r"""Return the sums of the past with exponentially decaying weights.

    .. math:: x_t = \sum_{u<t} 2^{-a_{tu}/h} y_u = 2^{-e_t/h} \sum_{u<t} 2^{e_{u+1}/h} y_u

    with :math:`e_t` the start of window t: one running sum of weights that grow, which then fade.

    Parameters
    ----------
    values : ndarray, shape (n_windows, n_units)
        What is summed; nothing is missing.
    lengths : ndarray, shape (n_windows,)
        Lengths of the windows in days.
    half_life_days
        Days after which a window weighs half; infinite for a plain sum.
    at : ndarray of int, sorted
        Windows before which to look.

    Returns
    -------
    ndarray, shape (len(at), n_units)

    Examples
    --------
    >>> decayed_sums(np.array([[8.0], [1.0]]), lengths=np.ones(2), half_life_days=1.0,
    ...              at=np.array([0, 1, 2])).ravel().tolist()
    [0.0, 8.0, 5.0]
    """
    values = values[: at.max(initial=0)]
    edges = np.append(0.0, np.cumsum(lengths[: len(values)]))
    out = np.zeros((len(at), values.shape[1]))

    def sum_up(some: slice) -> None:
        total, start = np.zeros(1), 0
        while start < len(values):  # once, unless a history has more half-lives than a float has
            age = (edges - edges[start + 1]) / half_life_days
            stop = int(np.searchsorted(age, _HALF_LIVES, side="right")) - 1
            slots = slice(*np.searchsorted(at, (start, stop), side="right"))
            sums = values[start:stop, some] * 2.0 ** age[start + 1 : stop + 1, None]
            sums[0] += total * 2.0 ** age[start]
            _run(sums)
            asked = _rows(sums, at[slots] - start - 1)
            np.multiply(asked, 0.5 ** age[at[slots], None], out=out[slots, some])
            total, start = sums[-1] * 0.5 ** age[stop], stop

    _each_block(sum_up, values.shape[1])
    return out


def _run(values: FloatArray) -> None:
    """Make of each row the sum of the rows up to it, in place."""
    if values.flags.c_contiguous and values.shape[1] % 2 == 0:
        values = values.view(np.complex128)  # the sums of two regions wait for memory together
    np.cumsum(values, axis=0, out=values)


def _each_block(work: Callable[[slice], None], n: int) -> None:
    """Work on blocks of regions whose windows stay in a core's cache; on all cores if many."""
    blocks = [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]
    if len(blocks) <= _FEW:
        list(map(work, blocks))
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, blocks))


def rolling_sums(values: FloatArray, widths: Sequence[int], *, at: IntArray) -> FloatArray:
    """Return the sums of the last windows, fewer at the start.

    Parameters
    ----------
    values : ndarray, shape (n_windows, n_units)
        What is summed; nothing is missing.
    widths
        How many windows to look back, each.
    at
        Windows before which to look, ascending.

    Returns
    -------
    ndarray, shape (len(widths), len(at), n_units)
        Exact for whole numbers.

    Examples
    --------
    >>> rolling_sums(np.array([[1.0], [2.0], [4.0]]), [2], at=np.array([0, 1, 3])).ravel().tolist()
    [0.0, 1.0, 6.0]
    """
    found = np.empty((len(widths), len(at), values.shape[1]))

    def sum_up(some: slice) -> None:
        part = values[:, some]
        total = np.zeros((len(part) + 1, part.shape[1]))
        total[1:] = part
        _run(total[1:])
        for sums, width in zip(found[..., some], widths, strict=True):
            first = int(np.searchsorted(at, width, side="right"))  # some are left behind from here
            sums[:first] = _rows(total, at[:first])
            late = at[first:]
            np.subtract(_rows(total, late), _rows(total, late - width), out=sums[first:])

    _each_block(sum_up, values.shape[1])
    return found


def _rows(table: FloatArray, at: IntArray) -> FloatArray:
    """Return rows of a table; where they follow one another, without copying them."""
    if len(at) and (np.diff(at) == 1).all():
        return table[at[0] : at[-1] + 1]
    return table[at]


def neighbour_sums(values: FloatArray, neighbours: sparse.csr_array) -> FloatArray:
    """Return what the neighbours of each region sum up to, weighted.

    Parameters
    ----------
    values : ndarray, shape (n_windows, n_regions)
    neighbours : csr_array, shape (n_regions, n_regions)
        Weights of the neighbours of a region by row; means where a row sums to one.

    Returns
    -------
    ndarray, shape (n_windows, n_regions)

    Examples
    --------
    >>> neighbour_sums(np.array([[1.0, 2.0]]), sparse.csr_array([[0.0, 1.0], [0.5, 0.0]])).tolist()
    [[2.0, 0.5]]
    """
    by_region = np.empty(values.shape[::-1])
    found = np.empty(values.shape)

    def turn(some: slice) -> None:
        by_region[some] = values[:, some].T

    def sum_up(some: slice) -> None:
        found[:, some] = (neighbours[some] @ by_region).T

    _each_block(turn, values.shape[1])
    _each_block(sum_up, len(by_region))
    return found


def membership(codes: IntArray) -> sparse.csr_array:
    """Return the matrix that sums regions to the groups they belong to, (n_regions, n_groups).

    Examples
    --------
    >>> (np.array([[1.0, 2.0, 4.0]]) @ membership(np.array([0, 1, 1]))).tolist()
    [[1.0, 6.0]]
    """
    shape = (len(codes), int(codes.max()) + 1)
    return sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=shape)


def context_features(history: CountHistory, *, at: IntArray) -> dict[str, FloatArray]:
    """Return what is known beside rates: time since the last incident, season, reporting.

    Parameters
    ----------
    history
        Counts by window and region.
    at : ndarray of int, sorted
        Windows before which to look.

    Returns
    -------
    dict of str to ndarray, shape (len(at), n_regions)
        ``days_since_last`` (watched days; all of them when there was none), ``season_sin`` and
        ``season_cos`` of the end of the last window seen, ``reporting`` (share of windows watched)
        and ``exposure`` (relative, of the last window seen).

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0], [0.0]]), np.full(2, 7.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> context_features(history, at=np.array([1, 2]))["days_since_last"].tolist()
    [[0.0], [7.0]]
    """
    n = history.n_regions
    share = watched_share(history)
    known = np.ones(history.counts.shape) if share is None else share
    clock = np.vstack([np.zeros(n), np.cumsum(history.days[:, None] * known, axis=0)])
    happened = np.nan_to_num(history.counts) > 0
    last = np.maximum.accumulate(np.where(happened, clock[1:], 0.0), axis=0)
    known = np.vstack([np.zeros(n), np.cumsum(known, axis=0)])
    angle = 2 * np.pi * _phases_before(history)[at]
    exposure = relative_exposure(history)
    exposure = np.ones(history.counts.shape) if exposure is None else exposure
    spread = np.ones((1, n))
    return {
        "days_since_last": (clock - np.vstack([np.zeros(n), last]))[at],
        "season_sin": np.sin(angle)[:, None] * spread,
        "season_cos": np.cos(angle)[:, None] * spread,
        "reporting": known[at] / np.maximum(at, 1)[:, None],
        "exposure": np.vstack([exposure[:1], exposure])[at],
    }


def _phases_before(history: CountHistory) -> FloatArray:
    """Return the place in the year of the end of the last window before each window."""
    ends = (history.phase + history.days / DAYS_A_YEAR) % 1.0
    return np.append(history.phase[0], ends)


#: Ways to weigh neighbours.
BY = ("touch", "border", "nearest")


def find_neighbours(
    regions: gpd.GeoDataFrame, *, by: str = "touch", k: int = 4
) -> sparse.csr_array:
    """Return row-normalised weights of the neighbours of each region.

    Parameters
    ----------
    regions
        A Regions table.
    by
        ``"touch"``: regions that share at least a point, all alike. ``"border"``: those that share
        a border, in proportion to its length. ``"nearest"``: the `k` regions whose centroids are
        nearest on the sphere, all alike; it links islands too.
    k
        How many are nearest; all others where there are fewer.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_regions, n_regions)
        Rows sum to 1; a region without neighbours has an empty row.

    Raises
    ------
    InputError
        When `by` is unknown or `k` is not positive.

    Examples
    --------
    >>> import riskmap as rm
    >>> weights = find_neighbours(rm.datasets.regions())
    >>> weights.shape, float(weights.sum(axis=1).min())
    ((24, 24), 1.0)
    >>> np.diff(find_neighbours(rm.datasets.regions(), by="nearest", k=3).indptr).max().item()
    3
    """
    if by not in BY or k < 1:
        raise InputError("unknown neighbours", met=f"{by!r}, k={k}", expected=" or ".join(BY))
    geometry = regions.geometry.to_numpy()
    if by == "nearest":
        left, right = _nearest(geometry, k)
        weight = np.ones(len(left))
    else:
        left, right = _touching(geometry)
        weight = np.ones(len(left)) if by == "touch" else _border_lengths(geometry, left, right)
    left, right, weight = left[weight > 0], right[weight > 0], weight[weight > 0]
    total = np.bincount(left, weight, minlength=len(geometry))
    shape = (len(geometry), len(geometry))
    return sparse.csr_array((weight / total[left], (left, right)), shape=shape)


def _touching(geometry: np.ndarray) -> tuple[IntArray, IntArray]:
    """Return the pairs of regions that share a point, in order."""
    left, right = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    apart = left != right
    order = np.lexsort((right[apart], left[apart]))
    return left[apart][order], right[apart][order]


def _nearest(geometry: np.ndarray, k: int) -> tuple[IntArray, IntArray]:
    """Return the pairs of each region and the k whose centroids are nearest on the sphere."""
    k = min(k, len(geometry) - 1)
    if k == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    lon, lat = np.radians(shapely.get_coordinates(shapely.centroid(geometry)).T)
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    found = KDTree(points).query(points, k=k + 1)[1]
    rows = np.arange(len(geometry))
    # a region is its own nearest, unless others lie on the very same point
    last = np.argsort(found == rows[:, None], axis=1, kind="stable")
    others = np.take_along_axis(found, last[:, :k], axis=1)
    return np.repeat(rows, k), np.sort(others, axis=1).ravel()


def _border_lengths(geometry: np.ndarray, left: IntArray, right: IntArray) -> FloatArray:
    """Return the length of the border that each pair shares, in degrees of latitude."""
    edges = shapely.boundary(geometry)
    shared = shapely.intersection(edges[left], edges[right])
    parts, pair = shapely.get_parts(shared, return_index=True)
    corners, part = shapely.get_coordinates(parts, return_index=True)
    same = part[1:] == part[:-1]
    step = np.diff(corners, axis=0)[same]
    lat = np.radians((corners[1:, 1] + corners[:-1, 1]) / 2)[same]
    length = np.hypot(step[:, 0] * np.cos(lat), step[:, 1])
    return np.bincount(pair[part[1:][same]], length, minlength=len(left)).astype(float)
