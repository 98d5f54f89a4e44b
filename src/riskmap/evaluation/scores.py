r"""Scores of forecasts, and what their rankings are worth, as functions of plain arrays.

The observation comes first. A score is elementwise, never averaged, and lower is better; every one
here is proper: no one can better their expected score by stating something else than what they
believe. A ranking of places, when only some of them can be watched, is judged as a whole: one
number, and higher is better. It doesn't see whether probabilities are right: use it beside a score,
never instead.

Notes
-----
Throughout, :math:`y` is the observation, :math:`F` the forecast's distribution function,
:math:`X` and :math:`X'` independent draws from it. Scores of quantiles, intervals, classes and
draws are those of the package ``scoringrules``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from riskmap.errors import InputError
from riskmap.models.distributions import NegativeBinomial

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmap.typing import CountDistribution, FloatArray

#: Beyond this size the hypergeometric series of the negative binomial loses digits.
_SERIES_UP_TO = 1000.0


def brier(observed: ArrayLike, probability: ArrayLike) -> FloatArray:
    r"""Return the Brier score of the probability of an event.

    .. math:: (p - y)^2

    Parameters
    ----------
    observed : array_like
        1 where the event happened, 0 where it did not.
    probability : array_like
        Forecast probability of the event.

    Returns
    -------
    ndarray
        From 0 (perfect) to 1.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.1]).round(2).tolist()
    [0.25, 0.01]
    """
    y, p = _event(observed, probability)
    return np.asarray((p - y) ** 2)


def log_score(observed: ArrayLike, probability: ArrayLike) -> FloatArray:
    r"""Return the logarithmic score of the probability of an event.

    .. math:: -y \log p - (1 - y) \log(1 - p)

    Parameters
    ----------
    observed : array_like
        1 where the event happened, 0 where it did not.
    probability : array_like
        Forecast probability of the event.

    Returns
    -------
    ndarray
        From 0 (perfect); infinite where the impossible happened.

    References
    ----------
    Good (1952), Rational decisions.

    Examples
    --------
    >>> log_score([1, 0], [0.5, 0.1]).round(4).tolist()
    [0.6931, 0.1054]
    """
    y, p = _event(observed, probability)
    return np.asarray(-special.xlogy(y, p) - special.xlog1py(1.0 - y, -p))


def _event(observed: ArrayLike, probability: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as floats, or raise where one is no event or no probability."""
    y, p = np.asarray(observed, dtype=float), np.asarray(probability, dtype=float)
    if not ((y == 0) | (y == 1) | np.isnan(y)).all():
        raise InputError("an event is 0 or 1", column="observed", expected="0, 1 or missing")
    if ((p < 0) | (p > 1)).any():
        raise InputError("not a probability", column="probability", expected="from 0 to 1")
    return y, p


def crps_count(observed: ArrayLike, mean: ArrayLike, size: ArrayLike = np.inf) -> FloatArray:
    r"""Return the continuous ranked probability score of a negative binomial or Poisson forecast.

    .. math:: \mathrm{E}|X - y| - \tfrac12 \mathrm{E}|X - X'| = \sum_{k \ge 0}
              \left(F(k) - \mathbb{1}\{y \le k\}\right)^2

    in closed form. For counts it is the ranked probability score.

    Parameters
    ----------
    observed : array_like
        The count.
    mean : array_like
        Expected count, not negative.
    size : array_like, optional
        Size; the variance is ``mean + mean**2 / size``. Infinite for the Poisson.

    Returns
    -------
    ndarray
        In incidents, from 0 (perfect).

    References
    ----------
    Wei and Held (2014), Calibration tests for count data.

    Examples
    --------
    >>> crps_count([0, 2], 1.0).round(4).tolist()
    [0.4762, 0.6835]
    """
    y, mu, s = _counts(observed, mean, size)
    below, below_mean = _partial_moments(np.floor(y), mu, s)
    to_observed = y * (2.0 * below - 1.0) + mu - 2.0 * mu * below_mean
    return np.asarray(to_observed - _half_mean_difference(mu, s))


def crps(observed: FloatArray, found: CountDistribution) -> FloatArray:
    """Return the continuous ranked probability score of any distribution of counts.

    In closed form where there is one (:func:`crps_count`), else summed over counts.

    Parameters
    ----------
    observed : ndarray, shape (n_regions,)
        The counts.
    found : CountDistribution
        What a model forecast.

    Returns
    -------
    ndarray, shape (n_regions,)
        In incidents, from 0 (perfect); missing where the count is.

    Examples
    --------
    >>> from riskmap.models.distributions import Bernoulli
    >>> crps(np.array([0.0, 1.0]), Bernoulli(np.array([0.5, 1.0]))).tolist()
    [0.25, 0.0]
    """
    if isinstance(found, NegativeBinomial):
        return crps_count(observed, found.mean, found.size)
    last = max(float(np.nanmax(observed, initial=0.0)), float(found.quantile(1 - 1e-9).max()))
    total = np.zeros(len(observed))
    for count in range(int(last) + 1):
        total += (found.cdf(float(count)) - (observed <= count)) ** 2
    return np.where(np.isnan(observed), np.nan, total)


def _counts(
    observed: ArrayLike, mean: ArrayLike, size: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three as float arrays of one shape, or raise where they are no counts."""
    y, mu, s = np.broadcast_arrays(
        *(np.asarray(a, dtype=float) for a in (observed, mean, size)), subok=False
    )
    for name, wrong in (("observed", y < 0), ("mean", mu < 0), ("size", s <= 0)):
        if wrong.any():
            raise InputError("must be positive" if name == "size" else "is negative", column=name)
    return y, mu, s


def _partial_moments(k: FloatArray, mu: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return P(X <= k), and the share of the mean that lies in counts up to k."""
    poisson = np.isinf(s)
    size = np.where(poisson, 1.0, s)
    share = mu / (size + mu)
    before = np.maximum(k, 1.0)
    count = np.where(
        poisson, special.gammaincc(k + 1.0, mu), special.betaincc(k + 1.0, size, share)
    )
    rest = np.where(
        poisson, special.gammaincc(before, mu), special.betaincc(before, size + 1.0, share)
    )
    return count, np.where(k > 0, rest, 0.0)


def _half_mean_difference(mu: FloatArray, s: FloatArray) -> FloatArray:
    """Return E|X - X'| / 2 of negative binomials and Poissons."""
    poisson = mu * (special.i0e(2.0 * mu) + special.i1e(2.0 * mu))
    size = np.where(np.isinf(s), 1.0, s)
    spread = mu * (size + mu) / size
    series = spread * special.hyp2f1(size + 1.0, 0.5, 2.0, -4.0 * spread / size)
    result = np.where(np.isinf(s), poisson, series)
    hard = np.isfinite(s) & (np.isnan(result) | (s > _SERIES_UP_TO)) & np.isfinite(mu)
    for i in np.argwhere(hard):
        at = tuple(i)
        result[at] = _half_mean_difference_by_angle(float(mu[at]), float(s[at]))
    return result


def _half_mean_difference_by_angle(mu: float, s: float) -> float:
    r"""Return E|X - X'| / 2 of one negative binomial of large size from its transform.

    As :math:`|n| = \frac1\pi \int_0^\pi \frac{1 - \cos nt}{1 - \cos t} dt`, it is the integral of
    :math:`(1 - |\varphi(t)|^2) / (2 \pi (1 - \cos t))`, and midpoints are exact but for
    differences larger than their number.
    """
    variance = mu * (s + mu) / s
    n = int(20.0 * np.sqrt(2.0 * variance)) + 64
    far = 2.0 * np.sin((np.arange(n) + 0.5) * np.pi / (2 * n)) ** 2
    alike = np.exp(-s * np.log1p(2.0 * variance / s * far))
    return float(((1.0 - alike) / far).mean() / 2.0)


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
    if not 0.0 < share < 1.0:
        raise InputError("not a share", column="share", met=share, expected="between 0 and 1")
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
