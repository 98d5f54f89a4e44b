"""Distributions of counts, one for each region, in closed form wherever it exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from riskmap.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.typing import CountDistribution, FloatArray

#: From this size on a negative binomial is a Poisson to within double precision.
_POISSON_FROM = 1e12


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

    def draws(self, size: int, *, rng: np.random.Generator) -> FloatArray:
        """Return random counts, shape (size, n_regions)."""
        shape = (size, *self.mean.shape)
        finite = np.minimum(self.size, _POISSON_FROM)
        rate = rng.gamma(finite, self.mean / finite, shape)
        return rng.poisson(rate).astype(float)


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

    def draws(self, size: int, *, rng: np.random.Generator) -> FloatArray:
        """Return random counts, shape (size, n_regions)."""
        return (rng.random((size, *self.mean.shape)) < self.mean).astype(float)


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

    def draws(self, size: int, *, rng: np.random.Generator) -> FloatArray:
        """Return random counts, shape (size, n_regions)."""
        ordered = np.sort(self.values, axis=0)
        known = np.sum(~np.isnan(self.values), axis=0)
        pick = np.floor(rng.random((size, len(known))) * known).astype(np.int64)
        return np.take_along_axis(ordered, pick, axis=0)


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

    def draws(self, size: int, *, rng: np.random.Generator) -> FloatArray:
        """Return random counts, shape (size, n_regions)."""
        drawn = np.array([member.draws(size, rng=rng) for member in self.members])
        pick = rng.choice(len(self.members), p=self.weights, size=drawn.shape[1:])
        return np.take_along_axis(drawn, pick[None], axis=0)[0]
