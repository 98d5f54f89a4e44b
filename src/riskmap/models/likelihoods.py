"""The likelihood of additive counts and its maximum under bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import optimize, special

from riskmap.models.distributions import log_negative_binomial

if TYPE_CHECKING:
    from riskmap.typing import FloatArray, IntArray

_TINY = 1e-12
#: How far, in natural logs, the dispersion strays from its prior at one standard deviation.
_LOOSE = 2.0
#: Of rows without incidents about so many suffice for the dispersion; they stand for the others.
_SILENT = 20_000


@dataclass(frozen=True)
class Sample:
    r"""Rows of a design with their counts, the rows without incidents folded into one.

    With a size that is proportional to the mean, :math:`s = \theta\mu`, the log probability of no
    incident is :math:`-\mu\,\theta\log(1 + 1/\theta)`, linear in the mean. So all rows without
    incidents enter the likelihood through the sum of their drivers alone, however many they are.

    Parameters
    ----------
    rows : ndarray, shape (n, n_drivers)
        Drivers of the rows with incidents.
    counts, weights : ndarray, shape (n,)
        Their counts and what each row is worth.
    silent : ndarray, shape (n_drivers,)
        Weighted sum of the drivers of all rows without incidents.
    """

    rows: FloatArray
    counts: FloatArray
    weights: FloatArray
    silent: FloatArray

    @classmethod
    def fold(cls, design: FloatArray, counts: FloatArray, weights: FloatArray) -> Self:
        """Fold a whole design; a part of an incident as :func:`split_fractions` has it."""
        rows, counts, weights = split_fractions(counts, weights)
        some = counts > 0
        none = weights[~some] @ design[rows[~some]]
        return cls(design[rows[some]], counts[some], weights[some], none)

    def loss(self, coefficients: FloatArray, log_theta: float) -> tuple[float, FloatArray, float]:
        """Return the negative log likelihood and its slopes, up to a constant of the counts."""
        theta = np.exp(log_theta)
        mean = self.rows @ coefficients + _TINY
        silent = float(self.silent @ coefficients)
        size = theta * mean
        none = np.log1p(1.0 / theta)
        total = float(self.weights @ mean) + silent
        known = float(self.weights @ self.counts)
        ways = special.gammaln(self.counts + size) - special.gammaln(size)
        value = -float(self.weights @ ways) + theta * total * none + known * np.log1p(theta)
        up = special.digamma(self.counts + size) - special.digamma(size)
        by_size = self.weights * (none - up)
        slope = theta * (by_size @ self.rows + none * self.silent)
        by_theta = float(by_size @ mean) + none * silent
        by_theta += (known - total) / (1.0 + theta)
        return value, slope, by_theta * theta


def split_fractions(
    counts: FloatArray, weights: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return rows with whole counts: a part of an incident is one with its chance, or none.

    An incident that is spread over regions happened in one of them. Parts taken for counts would
    look like incidents that come evenly, and make any incident seem likelier than it is.

    Returns
    -------
    row : ndarray of int
        Which row each is.
    counts, weights : ndarray
        Whole counts, and what each row is worth; the weights of a row sum to what it was worth.

    Examples
    --------
    >>> [found.tolist() for found in split_fractions(np.array([2.0, 0.25]), np.ones(2))]
    [[0, 1, 1], [2.0, 0.0, 1.0], [1.0, 0.75, 0.25]]
    """
    near = np.rint(counts)
    counts = np.where(np.abs(counts - near) < _TINY, near, counts)
    least = np.floor(counts)
    more = np.flatnonzero(counts > least)
    if not len(more):
        return np.arange(len(counts)), counts, weights
    part = counts[more] - least[more]
    kept = weights.astype(float)
    kept[more] = weights[more] * (1.0 - part)
    rows = np.append(np.arange(len(counts)), more)
    counts, weights = np.append(least, least[more] + 1.0), np.append(kept, weights[more] * part)
    order = np.argsort(rows, kind="stable")
    return rows[order], counts[order], weights[order]


def fit_additive(
    sample: Sample, *, scale: FloatArray, penalty: float, floor: FloatArray
) -> tuple[FloatArray, float]:
    """Return the non-negative coefficients and the size per mean of the highest likelihood.

    The coefficients are found by L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995) under the penalty
    ``penalty * scale @ coefficients``, a lasso when coefficients can't be negative.

    Parameters
    ----------
    sample
        The folded design.
    scale : ndarray, shape (n_drivers,)
        Standard error of each driver's slope, greater than 0.
    penalty
        Strength of the shrinkage in standard errors.
    floor : ndarray, shape (n_drivers,)
        The least that each coefficient may be.

    Returns
    -------
    coefficients : ndarray, shape (n_drivers,)
        Not below the floor.
    theta : float
        Size of the negative binomial per unit of its mean.

    Examples
    --------
    >>> counts = np.random.default_rng(1).poisson(np.full(4000, 0.5)).astype(float)
    >>> sample = Sample.fold(np.ones((4000, 1)), counts, np.ones(4000))
    >>> found, theta = fit_additive(sample, scale=np.ones(1), penalty=0.0,
    ...                             floor=np.zeros(1))
    >>> found.round(1).tolist()
    [0.5]
    """

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        value, slope, by_theta = sample.loss(values[:-1] / scale, values[-1])
        value += penalty * values[:-1].sum() + 0.5 * (values[-1] / _LOOSE) ** 2
        return value, np.append(slope / scale + penalty, by_theta + values[-1] / _LOOSE**2)

    start = np.append(np.maximum(scale / len(scale), floor * scale), 0.0)
    bounds = [(low, None) for low in floor * scale] + [(-10.0, 10.0)]
    options = {"maxiter": 1000, "maxfun": 2000, "maxcor": 30, "ftol": 1e-12, "gtol": 1e-6}
    found = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return found.x[:-1] / scale, float(np.exp(found.x[-1]))


def fit_dispersion(
    counts: FloatArray, means: FloatArray, weights: FloatArray, *, theta: float
) -> FloatArray:
    r"""Return :math:`(a, b)` of the size :math:`s = e^a \mu^b` of the highest likelihood.

    With b = 1 the variance is proportional to the mean, with b = 0 its excess is to the square of
    the mean. Both are shrunk: towards the `theta` that came with the coefficients, and b = 1.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> means = rng.gamma(2.0, 5.0, 20_000)
    >>> counts = rng.poisson(rng.gamma(3.0, means / 3.0)).astype(float)
    >>> bool(abs(fit_dispersion(counts, means, np.ones(20_000), theta=1.0)[1]) < 0.1)
    True
    """
    start = np.array([np.log(theta), 1.0])
    rows, counts, weights = split_fractions(counts, weights)
    means = means[rows]
    silent = np.flatnonzero(counts == 0)
    step = max(1, len(silent) // _SILENT)
    rows = np.concatenate([np.flatnonzero(counts > 0), silent[::step]])
    weights = np.where(counts > 0, 1.0, len(silent) / max(len(silent[::step]), 1)) * weights
    counts, means, weights = counts[rows], means[rows], weights[rows]

    def loss(values: FloatArray) -> float:
        fit = float(weights @ log_negative_binomial(counts, means, size_of(means, values)))
        away = (values - start) / np.array([_LOOSE, 0.5])
        return -fit + 0.5 * float(away @ away)

    found = optimize.minimize(
        loss, start, method="L-BFGS-B", bounds=[(-20.0, 20.0), (0.0, 1.0)], options={"maxiter": 50}
    )
    return np.asarray(found.x)


def size_of(means: FloatArray, dispersion: FloatArray) -> FloatArray:
    r"""Return the sizes :math:`e^a \mu^b` that belong to means.

    Examples
    --------
    >>> size_of(np.array([1.0, 4.0]), np.array([0.0, 0.5])).tolist()
    [1.0, 2.0]
    """
    log_size = dispersion[0] + dispersion[1] * np.log(np.maximum(means, _TINY))
    return np.exp(np.clip(log_size, -30.0, 30.0))
