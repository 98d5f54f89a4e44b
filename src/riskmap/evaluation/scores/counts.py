"""Scores of count distributions in closed form."""

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
