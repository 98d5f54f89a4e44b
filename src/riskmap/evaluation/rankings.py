"""What a forecast's ranking of places is worth when only some of them can be watched.

The observation comes first. A ranking is judged as a whole, so each function returns one number,
and higher is better. None of them sees whether probabilities are right: use them beside
:mod:`riskmap.evaluation.scores`, never instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.errors import InputError
from riskmap.evaluation.scores.quantiles import check_share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmap.typing import FloatArray


def hit_rate(
    observed: ArrayLike, ranking: ArrayLike, *, share: float, weight: ArrayLike = 1.0
) -> float:
    """Return the share of incidents in the places that a forecast ranks highest.

    Places are taken from the top of the ranking until they hold `share` of the weight; the last
    one, and places with equal rank, are taken in part, so that their order doesn't matter.

    Parameters
    ----------
    observed : array_like, shape (n,)
        Incidents in each place (or place and time), not negative, not all 0.
    ranking : array_like, shape (n,)
        Forecast; higher comes first. Per unit of weight, to make the best of the share.
    share
        Share of the weight that can be watched, between 0 and 1.
    weight : array_like, optional
        Area, population or worker-days of each place; equal when not given.

    Returns
    -------
    float
        From 0 to 1, higher is better.

    Raises
    ------
    InputError
        When nothing happened, or the share is not between 0 and 1.

    References
    ----------
    Bowers, Johnson and Pease (2004), Prospective hot-spotting.

    Examples
    --------
    >>> hit_rate([8, 1, 1, 0], [9.0, 2.0, 5.0, 0.0], share=0.25)
    0.8
    >>> hit_rate([8, 1, 1, 0], [9.0, 2.0, 5.0, 0.0], share=0.5, weight=[3, 1, 1, 1])
    0.8
    """
    check_share(share, "share")
    y, rank, w = _ranked(observed, ranking, weight)
    _, group = np.unique(-rank, return_inverse=True)
    hits, size = np.bincount(group, y), np.bincount(group, w)
    watched = np.concatenate([[0.0], np.cumsum(size) / size.sum()])
    caught = np.concatenate([[0.0], np.cumsum(hits) / hits.sum()])
    return float(np.interp(share, watched, caught))


def pai(observed: ArrayLike, ranking: ArrayLike, *, share: float, weight: ArrayLike = 1.0) -> float:
    """Return the predictive accuracy index: how many times better than watching at random.

    The hit rate divided by the share that is watched; see :func:`hit_rate` for the parameters.

    Returns
    -------
    float
        1 for a random ranking, at most ``1 / share``; higher is better.

    References
    ----------
    Chainey, Tompson and Uhlig (2008), The utility of hotspot mapping for predicting spatial
    patterns of crime.

    Examples
    --------
    >>> pai([8, 1, 1, 0], [9.0, 2.0, 5.0, 0.0], share=0.25)
    3.2
    """
    return hit_rate(observed, ranking, share=share, weight=weight) / share


def pei(observed: ArrayLike, ranking: ArrayLike, *, share: float, weight: ArrayLike = 1.0) -> float:
    """Return the predictive efficiency index: the hit rate against the best that was possible.

    See :func:`hit_rate` for the parameters.

    Returns
    -------
    float
        From 0 to 1 (no ranking would have caught more); higher is better.

    References
    ----------
    Hunt (2016), Do crime hot spots move? Exploring the effects of the modifiable areal unit
    problem and modifiable temporal unit problem on crime hot spot stability.

    Examples
    --------
    >>> pei([8, 1, 1, 0], [2.0, 9.0, 5.0, 0.0], share=0.25)
    0.125
    """
    y, _, w = _ranked(observed, ranking, weight)
    best = hit_rate(y, y / w, share=share, weight=w)
    return hit_rate(observed, ranking, share=share, weight=weight) / best


def average_precision(observed: ArrayLike, ranking: ArrayLike) -> float:
    r"""Return the average precision: the area under the precision-recall curve, as steps.

    .. math:: \sum_j (R_j - R_{j-1}) P_j

    Parameters
    ----------
    observed : array_like, shape (n,)
        1 where the event happened, 0 where it did not; at least one 1.
    ranking : array_like, shape (n,)
        Forecast; higher comes first.

    Returns
    -------
    float
        From about the share of events (random) to 1, higher is better.

    Raises
    ------
    InputError
        When nothing happened.

    References
    ----------
    Buckland and Gey (1994), The relationship between recall and precision.

    Examples
    --------
    >>> average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).__round__(4)
    0.8333
    """
    y, rank, _ = _ranked(observed, ranking, 1.0)
    _, group = np.unique(-rank, return_inverse=True)
    hits = np.bincount(group, y)
    precision = np.cumsum(hits) / np.cumsum(np.bincount(group))
    return float((hits * precision).sum() / hits.sum())


def _ranked(
    observed: ArrayLike, ranking: ArrayLike, weight: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return observation, ranking and weight as flat floats, or raise where they rank nothing."""
    arrays = (np.asarray(a, dtype=float) for a in (observed, ranking, weight))
    y, rank, w = (a.ravel() for a in np.broadcast_arrays(*arrays))
    if not np.isfinite(np.concatenate([y, rank, w])).all():
        raise InputError("a ranking needs finite numbers")
    if not y.sum() > 0 or (y < 0).any():
        raise InputError("nothing happened, so nothing can be found", column="observed")
    if (w <= 0).any():
        raise InputError("must be positive", column="weight")
    return y, rank, w
