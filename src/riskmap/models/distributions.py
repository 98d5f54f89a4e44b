"""Distributions of counts, one for each region, in closed form; the likelihood and its maximum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import optimize, special

from riskmap.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.typing import CountDistribution, FloatArray, IntArray

#: From this size on a negative binomial is a Poisson to within double precision.
_POISSON_FROM = 1e12
_TINY = 1e-12
#: How far, in natural logs, the dispersion strays from its prior at one standard deviation.
_LOOSE = 2.0
#: Of rows without incidents about so many suffice for the dispersion; they stand for the others.
_SILENT = 20_000


class _Counts:
    """What all have in common; each has ``p_gt`` or ``cdf``, of which the other follows."""

    def cdf(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of at most `count` incidents."""
        return np.asarray(1.0 - self.p_gt(count))

    def p_gt(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of more than `count` incidents."""
        return np.asarray(1.0 - self.cdf(count))

    def quantile(self, probability: float) -> FloatArray:
        """Return the smallest count whose cdf reaches `probability`."""
        return smallest_count(self.cdf, probability, shape=np.shape(self.cdf(0.0)))


@dataclass(frozen=True)
class NegativeBinomial(_Counts):
    r"""Negative binomial counts by their mean :math:`\mu` and size :math:`s`.

    .. math:: P(k) = \frac{\Gamma(k+s)}{\Gamma(s)\,k!}
              \left(\frac{s}{s+\mu}\right)^s \left(\frac{\mu}{s+\mu}\right)^k

    The variance is :math:`\mu + \mu^2/s`. It is what is seen of a Poisson count whose rate is
    Gamma distributed with shape `s`; an infinite size is the Poisson itself
    (Greenwood and Yule, 1920).

    Parameters
    ----------
    mean : ndarray, shape (n_regions,)
        Expected counts, not negative.
    size : ndarray, shape (n_regions,), or float, optional
        Sizes, greater than 0; infinite for the Poisson.

    Raises
    ------
    ModelError
        When a mean is negative or not finite, or a size is not positive.

    Examples
    --------
    >>> counts = NegativeBinomial(np.array([0.5, 3.0]), size=np.array([1.0, np.inf]))
    >>> counts.p_gt(0).round(3).tolist()
    [0.333, 0.95]
    >>> counts.quantile(0.95).tolist()
    [2.0, 6.0]
    """

    mean: FloatArray
    size: FloatArray | float = np.inf

    def __post_init__(self) -> None:
        """Check once and broadcast the size, so that the formulas need no checks."""
        mean = np.asarray(self.mean, dtype=float)
        size = np.broadcast_to(np.asarray(self.size, dtype=float), mean.shape)
        if not (np.isfinite(mean) & (mean >= 0)).all():
            raise ModelError("expected counts must be finite and not negative")
        if not (size > 0).all():
            raise ModelError("sizes must be greater than 0")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "size", size)

    @property
    def variance(self) -> FloatArray:
        """Variance of the count."""
        return self.mean + self.mean**2 / self.size

    def p_gt(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of more than `count` incidents, exact also where it is tiny."""
        k = np.floor(np.broadcast_to(np.asarray(count, dtype=float), self.mean.shape))
        return np.where(k < 0, 1.0, self._above(np.maximum(k, 0.0)))

    def _above(self, k: FloatArray) -> FloatArray:
        poisson = special.gammainc(k + 1.0, self.mean)
        size = np.minimum(self.size, _POISSON_FROM)
        share = self.mean / (self.mean + size)
        some = -np.expm1(-size * np.log1p(self.mean / size))
        gamma = np.where(k > 0, special.betainc(k + 1.0, size, share), some)
        return np.where(self.size >= _POISSON_FROM, poisson, gamma)


@dataclass(frozen=True)
class Bernoulli(_Counts):
    """Counts that are 0 or 1, by their mean.

    Parameters
    ----------
    mean : ndarray, shape (n_regions,)
        Probability of the one, from 0 to 1.

    Examples
    --------
    >>> marks = Bernoulli(np.array([0.1, 0.96]))
    >>> marks.p_gt(0).tolist(), marks.p_gt(1).tolist(), marks.quantile(0.95).tolist()
    ([0.1, 0.96], [0.0, 0.0], [1.0, 1.0])
    """

    mean: FloatArray

    @property
    def variance(self) -> FloatArray:
        """Variance of the count."""
        return self.mean * (1.0 - self.mean)

    def p_gt(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of more than `count` incidents."""
        k = np.asarray(count, dtype=float)
        return np.where(k < 0, 1.0, np.where(k < 1, self.mean, 0.0))


def log_negative_binomial(
    count: FloatArray, mean: FloatArray, size: FloatArray | float
) -> FloatArray:
    """Return the log probability of counts under a negative binomial, stable for any size.

    Examples
    --------
    >>> log_negative_binomial(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.inf).tolist()
    [-1.0, -1.0]
    """
    s = np.minimum(np.asarray(size, dtype=float), _POISSON_FROM)
    ways = -np.log(s + count) - special.betaln(s, count + 1.0)
    gamma = ways + special.xlogy(count, mean / (mean + s)) - s * np.log1p(mean / s)
    poisson = special.xlogy(count, mean) - mean - special.gammaln(count + 1.0)
    return np.where(np.asarray(size) >= _POISSON_FROM, poisson, gamma)


def smallest_count(
    cdf: Callable[[FloatArray], FloatArray], probability: float, *, shape: tuple[int, ...]
) -> FloatArray:
    """Return the smallest whole counts whose cdf reaches a probability, by bisection.

    Parameters
    ----------
    cdf
        Gives the probability of at most so many incidents, elementwise.
    probability
        At least 0 and less than 1.
    shape
        Shape of the counts.

    Raises
    ------
    ModelError
        When `probability` is outside [0, 1).

    Examples
    --------
    >>> smallest_count(lambda k: 1 - 0.5 ** (k + 1), 0.9, shape=(1,)).tolist()
    [3.0]
    """
    if not 0.0 <= probability < 1.0:
        raise ModelError(f"a quantile needs a probability in [0, 1), met {probability!r}")
    low = np.full(shape, -1.0)
    high = np.zeros(shape)
    while (short := cdf(high) < probability).any():
        low = np.where(short, high, low)
        high = np.where(short, 2.0 * high + 1.0, high)
    while (high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        reached = cdf(middle) >= probability
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle)
    return high


def quantile_score(observed: FloatArray, found: CountDistribution) -> FloatArray:
    r"""Return the mean over nineteen quantiles of what each loses, close to the CRPS.

    .. math:: \frac{2}{19} \sum_p \left(\mathbb{1}\{y < q_p\} - p\right) (q_p - y)

    Examples
    --------
    >>> quantile_score(np.array([1.0]), Bernoulli(np.array([1.0]))).tolist()
    [0.0]
    """
    losses = []
    for p in np.arange(1, 20) / 20.0:
        q = found.quantile(float(p))
        losses.append(2.0 * ((observed < q) - p) * (q - observed))
    return np.asarray(np.mean(losses, axis=0))


@dataclass(frozen=True)
class Resample(_Counts):
    """The distribution of counts that were seen before, each as likely as any other.

    Parameters
    ----------
    values : ndarray, shape (n_values, n_regions)
        Counts; every region has at least one that is not missing.

    Examples
    --------
    >>> counts = Resample(np.array([[0.0], [0.0], [3.0], [1.0]]))
    >>> counts.p_gt(0).tolist(), counts.quantile(0.75).tolist()
    ([0.5], [1.0])
    """

    values: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Expected count."""
        return np.nanmean(self.values, axis=0)

    @property
    def variance(self) -> FloatArray:
        """Variance of the count."""
        return np.nanvar(self.values, axis=0)

    def cdf(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of at most `count` incidents."""
        reached = np.sum(self.values <= np.asarray(count, dtype=float), axis=0)
        return np.asarray(reached / np.sum(~np.isnan(self.values), axis=0))


@dataclass(frozen=True)
class Mixture(_Counts):
    r"""A linear pool of distributions: :math:`P(k) = \sum_i w_i P_i(k)` (Stone, 1961).

    Parameters
    ----------
    members
        Distributions of the same regions.
    weights : ndarray, shape (n_members,)
        Not negative, with sum 1.

    Examples
    --------
    >>> one, four = NegativeBinomial(np.array([1.0])), NegativeBinomial(np.array([4.0]))
    >>> Mixture((one, four), np.array([0.5, 0.5])).mean.tolist()
    [2.5]
    """

    members: tuple[CountDistribution, ...]
    weights: FloatArray

    def _pool(self, values: list[FloatArray]) -> FloatArray:
        return np.asarray(np.tensordot(self.weights, np.array(values), axes=1))

    @property
    def mean(self) -> FloatArray:
        """Expected count."""
        return self._pool([member.mean for member in self.members])

    @property
    def variance(self) -> FloatArray:
        """Variance of the count: within the members and between them."""
        between = [(member.mean - self.mean) ** 2 for member in self.members]
        return self._pool([member.variance for member in self.members]) + self._pool(between)

    def cdf(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of at most `count` incidents."""
        return self._pool([member.cdf(count) for member in self.members])

    def p_gt(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of more than `count` incidents."""
        return self._pool([member.p_gt(count) for member in self.members])


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
