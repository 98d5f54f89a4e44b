r"""Scores of forecasts as functions of plain arrays.

The observation comes first, the score is elementwise and is never averaged, and lower is better.
Every score here is proper: no one can better their expected score by stating something else than
what they believe. What a ranking alone is worth is in :mod:`riskmap.evaluation.rankings`.

Notes
-----
Throughout, :math:`y` is the observation, :math:`F` the forecast's distribution function,
:math:`X` and :math:`X'` independent draws from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from riskmap.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmap.typing import FloatArray

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


def log_score_count(observed: ArrayLike, mean: ArrayLike, size: ArrayLike = np.inf) -> FloatArray:
    r"""Return the logarithmic score of a negative binomial or Poisson forecast of a count.

    .. math:: -\log P(y), \quad P(y) = \frac{\Gamma(y+s)}{\Gamma(s)\,y!}
              \left(\frac{s}{s+\mu}\right)^s \left(\frac{\mu}{s+\mu}\right)^y

    Parameters
    ----------
    observed : array_like
        The count.
    mean : array_like
        Expected count :math:`\mu`, not negative.
    size : array_like, optional
        Size :math:`s`; the variance is :math:`\mu + \mu^2/s`. Infinite for the Poisson.

    Returns
    -------
    ndarray
        From 0; infinite where the impossible happened.

    References
    ----------
    Czado, Gneiting and Held (2009), Predictive model assessment for count data.

    Examples
    --------
    >>> log_score_count([0, 2], 1.0).round(4).tolist()
    [1.0, 1.6931]
    """
    from riskmap.models.distributions import log_negative_binomial

    y, mu, s = _counts(observed, mean, size)
    return np.asarray(-log_negative_binomial(y, mu, s))


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


def crps_ensemble(observed: ArrayLike, draws: ArrayLike) -> FloatArray:
    r"""Return the fair continuous ranked probability score of random draws from a forecast.

    .. math:: \frac1m \sum_i |x_i - y| - \frac{1}{2 m (m - 1)} \sum_{i,j} |x_i - x_j|

    Its expectation is the score of the distribution that was drawn from, however few the draws.

    Parameters
    ----------
    observed : array_like, shape (...)
        What happened.
    draws : array_like, shape (n_draws, ...)
        Draws from the forecast, at least two.

    Returns
    -------
    ndarray, shape (...)
        In units of the observation. A single score may be below 0.

    Raises
    ------
    InputError
        When there are fewer than two draws.

    References
    ----------
    Ferro (2014), Fair scores for ensemble forecasts.

    Examples
    --------
    >>> crps_ensemble([1.0], [[0.0], [1.0], [3.0]]).tolist()
    [0.0]
    """
    x = np.sort(np.asarray(draws, dtype=float), axis=0)
    y = np.asarray(observed, dtype=float)
    m = len(x)
    if m < 2:  # noqa: PLR2004 - a spread needs two
        raise InputError("too few draws for a spread", met=m, expected="at least 2")
    to_observed = np.abs(x - y).mean(axis=0)
    place = (2.0 * np.arange(m) - m + 1.0).reshape(-1, *([1] * (x.ndim - 1)))
    return np.asarray(to_observed - (place * x).sum(axis=0) / (m * (m - 1.0)))


def crps_tail(observed: ArrayLike, draws: ArrayLike, *, above: float) -> FloatArray:
    r"""Return the fair CRPS of the part of a forecast above a threshold.

    .. math:: \int_t^\infty \left(F(x) - \mathbb{1}\{y \le x\}\right)^2 dx

    which is the score after everything below the threshold is moved onto it. It stays proper,
    unlike scoring only the cases in which much happened.

    Parameters
    ----------
    observed : array_like, shape (...)
        What happened.
    draws : array_like, shape (n_draws, ...)
        Draws from the forecast, at least two.
    above
        The threshold :math:`t`.

    Returns
    -------
    ndarray, shape (...)
        In units of the observation.

    References
    ----------
    Gneiting and Ranjan (2011), Comparing density forecasts using threshold- and quantile-weighted
    scoring rules; Allen, Ginsbourger and Ziegel (2023).

    Examples
    --------
    >>> crps_tail([1.0, 9.0], [[0.0, 4.0], [5.0, 6.0]], above=5.0).tolist()
    [0.0, 3.0]
    """
    x, y = np.asarray(draws, dtype=float), np.asarray(observed, dtype=float)
    return crps_ensemble(np.maximum(y, above), np.maximum(x, above))


def ranked_probability(observed: ArrayLike, probabilities: ArrayLike) -> FloatArray:
    r"""Return the ranked probability score of a forecast over ordered classes, such as levels.

    .. math:: \sum_{j=1}^{k} \left(\sum_{i \le j} p_i - \mathbb{1}\{y \le j\}\right)^2

    Parameters
    ----------
    observed : array_like of int, shape (...)
        The class that happened, from 0.
    probabilities : array_like, shape (..., n_classes)
        Probability of each class, lowest first; they sum to 1.

    Returns
    -------
    ndarray, shape (...)
        From 0 (perfect) to ``n_classes - 1``.

    References
    ----------
    Epstein (1969), A scoring system for probability forecasts of ranked categories.

    Examples
    --------
    >>> ranked_probability([0, 2], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]).tolist()
    [0.25, 1.25]
    """
    p = np.asarray(probabilities, dtype=float)
    y = np.asarray(observed)[..., None]
    reached = y <= np.arange(p.shape[-1])
    return np.asarray(((np.cumsum(p, axis=-1) - reached) ** 2).sum(axis=-1))


def quantile_score(observed: ArrayLike, quantile: ArrayLike, *, probability: float) -> FloatArray:
    r"""Return the quantile (pinball) score.

    .. math:: \left(\mathbb{1}\{y \le q\} - \alpha\right)(q - y)

    Parameters
    ----------
    observed : array_like
        What happened.
    quantile : array_like
        Forecast quantile :math:`q`.
    probability
        Probability :math:`\alpha` of the quantile, between 0 and 1.

    Returns
    -------
    ndarray
        From 0 (perfect).

    Raises
    ------
    InputError
        When the probability is not between 0 and 1.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles.

    Examples
    --------
    >>> quantile_score([0.0, 10.0], [4.0, 4.0], probability=0.75).tolist()
    [1.0, 4.5]
    """
    check_share(probability, "probability")
    y, q = np.asarray(observed, dtype=float), np.asarray(quantile, dtype=float)
    return np.asarray(((y <= q) - probability) * (q - y))


def interval_score(
    observed: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, coverage: float
) -> FloatArray:
    r"""Return the interval score: the width, and a fine for what falls outside.

    .. math:: (u - l) + \tfrac2\alpha (l - y)_+ + \tfrac2\alpha (y - u)_+,
              \quad \alpha = 1 - \mathrm{coverage}

    Parameters
    ----------
    observed : array_like
        What happened.
    lower, upper : array_like
        Ends of the central forecast interval.
    coverage
        Probability that the interval claims, such as 0.9.

    Returns
    -------
    ndarray
        In units of the observation, from 0 (perfect).

    Raises
    ------
    InputError
        When the coverage is not between 0 and 1.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation.

    Examples
    --------
    >>> interval_score([1.0, 6.0], 0.0, 5.0, coverage=0.9).round(6).tolist()
    [5.0, 25.0]
    """
    check_share(coverage, "coverage")
    y, low, high = (np.asarray(a, dtype=float) for a in (observed, lower, upper))
    fine = 2.0 / (1.0 - coverage)
    outside = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return np.asarray(high - low + fine * outside)


def _event(observed: ArrayLike, probability: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as floats, or raise where one is no event or no probability."""
    y, p = np.asarray(observed, dtype=float), np.asarray(probability, dtype=float)
    if not ((y == 0) | (y == 1) | np.isnan(y)).all():
        raise InputError("an event is 0 or 1", column="observed", expected="0, 1 or missing")
    if ((p < 0) | (p > 1)).any():
        raise InputError("not a probability", column="probability", expected="from 0 to 1")
    return y, p


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


def check_share(value: float, name: str) -> None:
    """Raise unless a value lies strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise InputError("not a share", column=name, met=value, expected="between 0 and 1")


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
