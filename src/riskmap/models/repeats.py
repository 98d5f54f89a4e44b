"""Near repeats: whether one incident makes another one nearby more likely for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import spatial

from riskmap.errors import ModelError

if TYPE_CHECKING:
    from riskmap.typing import FloatArray, IntArray


@dataclass(frozen=True)
class NearRepeats:
    """Pairs of incidents by how near they are in space and in time, against chance.

    Parameters
    ----------
    observed, expected, p_value : ndarray, shape (n_distances, n_lags)
        Pairs, the mean of the pairs over the replicas, and the share of the replicas, and itself,
        with as many pairs. ``observed / expected`` is the Knox ratio.
    """

    observed: IntArray
    expected: FloatArray
    p_value: FloatArray


def near_repeats(
    points: FloatArray,
    days: FloatArray,
    *,
    distances: FloatArray,
    lags: FloatArray,
    replicas: int = 199,
    seed: int = 0,
) -> NearRepeats:
    """Count pairs of incidents that are near in space and time, and compare with shuffled times.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Projected coordinates, in metres.
    days : ndarray, shape (n,)
        When each happened, in days.
    distances : ndarray, shape (n_distances + 1,)
        Edges of the distance bands, ascending; bands take in their lower edge.
    lags : ndarray, shape (n_lags + 1,)
        Edges of the bands of days apart, likewise.
    replicas
        Shuffles of the days.
    seed
        Seed of the shuffles.

    Returns
    -------
    NearRepeats
        A row for each distance band, a column for each band of days.

    Raises
    ------
    ModelError
        When there are not as many days as points.

    References
    ----------
    Knox (1964), Epidemiology of childhood leukaemia in Northumberland and Durham; Townsley, Homel
    and Chaseling (2003), Infectious burglaries.

    Examples
    --------
    >>> points = np.repeat(np.arange(30.0) * 1000, 2)[:, None] * [1, 0]
    >>> days = np.repeat(np.arange(30) * 9 % 200, 2) + np.tile([0, 2], 30)
    >>> found = near_repeats(points, days, distances=np.array([0, 500]), lags=np.array([0, 7]))
    >>> found.observed.tolist(), found.p_value.tolist()
    ([[30]], [[0.005]])
    """
    points, days = np.asarray(points, dtype=float), np.asarray(days, dtype=float)
    if len(points) != len(days):
        raise ModelError(f"{len(points)} points and {len(days)} days")
    distances, lags = np.asarray(distances, dtype=float), np.asarray(lags, dtype=float)
    pairs = spatial.KDTree(points).query_pairs(distances[-1], output_type="ndarray")
    apart = np.sqrt(((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2).sum(axis=1))
    shape = (len(distances) - 1, len(lags) - 1)
    row = np.searchsorted(distances, apart, side="right") - 1
    inside = (row >= 0) & (row < shape[0])
    row, pairs = row[inside], pairs[inside]

    def count(day: FloatArray) -> IntArray:
        lag = np.abs(day[pairs[:, 0]] - day[pairs[:, 1]])
        column = np.searchsorted(lags, lag, side="right") - 1
        known = (column >= 0) & (column < shape[1])
        cells = row[known] * shape[1] + column[known]
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)

    observed = count(days)
    rng = np.random.default_rng(seed)
    total, as_many = np.zeros(shape), np.ones(shape)
    for _ in range(replicas):
        replica = count(rng.permutation(days))
        total += replica
        as_many += replica >= observed
    return NearRepeats(observed, total / replicas, as_many / (replicas + 1))
