"""Calibration on later blocks: probabilities by beta calibration, intervals by conformal bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special
from sklearn.base import clone

from riskmap.models.distributions import smallest_count
from riskmap.models.estimators import CountEstimator
from riskmap.panels.risk_days import observed_totals

if TYPE_CHECKING:
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, IntArray

_SAFE = 1e-9
#: Calibration is kept only where it gains this share of the log score on a block it has not seen.
_PAYS = 0.002


class Calibrated(CountEstimator):
    r"""A model whose probabilities and intervals are corrected by how it did on later blocks.

    The model learns from the first three quarters of the past and forecasts origins in the last
    one. From these the probability of any incident is mapped by beta calibration (Kull, Silva
    Filho and Flach, 2017),

    .. math:: \operatorname{logit} p' = a \log p - b \log(1 - p) + c, \qquad a, b \ge 0,

    fitted to the first half of the origins and kept only where it improves the log score of the
    second. Intervals are those whose bounds would have covered as often as they say, apart in
    bins of the expected count (conformal, Vovk, Gammerman and Shafer, 2005). Then the model
    learns from all of the past.

    Parameters
    ----------
    model
        The model to calibrate; it is cloned.
    origins
        How many past origins are forecast.
    bins
        How many bins of the expected count the intervals are apart in.

    Attributes
    ----------
    beta_ : ndarray, shape (3,)
        The a, b and c; (1, 1, 0) where calibration does not pay.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(80, 20)
    >>> model = Calibrated(rm.EmpiricalBayes()).fit(history, horizon_days=30)
    >>> low, high = model.predict_interval(history, probability=0.9)
    >>> bool((low <= high).all())
    True
    """

    beta_: FloatArray
    edges_: FloatArray
    ranks_: tuple[FloatArray, ...]
    model_: CountModel

    def __init__(self, model: CountModel, origins: int = 24, bins: int = 5) -> None:
        self.model = model
        self.origins = origins
        self.bins = bins

    def _learn(self, history: CountHistory) -> None:
        self.beta_ = np.array([1.0, 1.0, 0.0])
        self.edges_, self.ranks_ = np.empty(0), ()
        ahead = max(1, round(self.horizon_days_ / float(np.mean(history.days))))
        split, last = history.n_windows * 3 // 4, history.n_windows - ahead
        if split >= max(ahead, 1) and last > split:
            at = np.unique(np.linspace(split, last, self.origins).astype(np.int64))
            self._learn_from(history, history.until(split), at, ahead)
        self.model_ = clone(self.model).fit(history, horizon_days=self.horizon_days_)

    def _learn_from(
        self, history: CountHistory, early: CountHistory, at: IntArray, ahead: int
    ) -> None:
        """Learn the map and the ranks from forecasts of later origins."""
        if np.isnan(early.counts).all():
            return
        fitted = clone(self.model).fit(early, horizon_days=self.horizon_days_)
        rng = np.random.default_rng(0)
        chances: list[FloatArray] = []
        hits: list[FloatArray] = []
        means: list[FloatArray] = []
        ranks: list[FloatArray] = []
        for t in at:
            seen = observed_totals(history, int(t), ahead)
            found = fitted.predict_distribution(history.until(int(t)))
            known = ~np.isnan(seen)
            count = np.round(np.where(known, seen, 0.0))
            below = found.cdf(count - 1.0)
            rank = below + rng.random(len(count)) * (found.cdf(count) - below)
            for row, value in (
                (chances, found.p_gt(0)),
                (hits, (count > 0).astype(float)),
                (means, found.mean),
                (ranks, rank),
            ):
                row.append(value[known])
        if not any(map(len, means)):
            return
        half = len(at) // 2
        self.beta_ = _fit_beta_where_it_pays(chances, hits, half)
        mean, rank = np.concatenate(means), np.concatenate(ranks)
        self.edges_ = np.unique(np.quantile(mean, np.arange(1, self.bins) / self.bins))
        place = np.digitize(mean, self.edges_)
        self.ranks_ = tuple(np.sort(rank[place == k]) for k in range(len(self.edges_) + 1))

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], Recalibrated]:
        found = self.model_.predict_distribution(history)
        calibrated = Recalibrated(found, _map(found.p_gt(0), self.beta_))
        parts = self.model_.predict_components(history)
        return {name: part * calibrated.factor for name, part in parts.items()}, calibrated

    def predict_interval(
        self, history: CountHistory, *, probability: float = 0.9
    ) -> tuple[FloatArray, FloatArray]:
        """Return the bounds between which the count lies with a probability.

        In each bin of the expected count, the levels of the quantiles are the ones between which
        the past origins fell that often; with less than twenty of them the model's own are used.

        Parameters
        ----------
        history
            Counts by window and region.
        probability
            Of lying within the bounds, in (0, 1).

        Returns
        -------
        low, high : ndarray, shape (n_regions,)
            Counts, both included.
        """
        found = self.model_.predict_distribution(history)
        place = np.digitize(found.mean, self.edges_)
        low, high = np.zeros((2, history.n_regions))
        for k in np.unique(place):
            levels = _levels(self.ranks_[k] if self.ranks_ else np.empty(0), probability)
            here = place == k
            low[here] = found.quantile(levels[0])[here]
            high[here] = found.quantile(levels[1])[here]
        return low, high


@dataclass(frozen=True)
class Recalibrated:
    """A distribution whose probability of any incident is another; the counts above keep theirs.

    Parameters
    ----------
    base
        The distribution.
    p_any : ndarray, shape (n_regions,)
        The probability of any incident that it should have.

    Examples
    --------
    >>> from riskmap.models.distributions import NegativeBinomial
    >>> found = Recalibrated(NegativeBinomial(np.array([1.0])), np.array([0.5]))
    >>> found.p_gt(0).tolist(), found.mean.round(2).tolist()
    ([0.5], [0.79])
    """

    base: CountDistribution
    p_any: FloatArray

    @property
    def factor(self) -> FloatArray:
        """Ratio of the new to the old probability of any incident."""
        before = self.base.p_gt(0)
        return np.divide(self.p_any, before, out=np.ones_like(before), where=before > 0)

    @property
    def mean(self) -> FloatArray:
        """Expected count."""
        return self.base.mean * self.factor

    @property
    def variance(self) -> FloatArray:
        """Variance of the count."""
        square = self.base.variance + self.base.mean**2
        return np.maximum(square * self.factor - self.mean**2, 0.0)

    def p_gt(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of more than `count` incidents."""
        k = np.asarray(count, dtype=float)
        return np.where(k < 0, 1.0, np.minimum(self.base.p_gt(k) * self.factor, 1.0))

    def cdf(self, count: float | FloatArray) -> FloatArray:
        """Return the probability of at most `count` incidents."""
        return np.asarray(1.0 - self.p_gt(count))

    def quantile(self, probability: float) -> FloatArray:
        """Return the smallest count whose cdf reaches `probability`."""
        return smallest_count(self.cdf, probability, shape=self.p_any.shape)

    def draws(self, size: int, *, rng: np.random.Generator) -> FloatArray:
        """Return random counts, shape (size, n_regions)."""
        return np.stack([self.quantile_at(rng.random(self.p_any.shape)) for _ in range(size)])

    def quantile_at(self, probability: FloatArray) -> FloatArray:
        """Return the smallest counts whose cdf reaches probabilities, one a region."""
        return smallest_count(lambda k: self.cdf(k) - probability, 0.0, shape=self.p_any.shape)


def _map(chance: FloatArray, beta: FloatArray) -> FloatArray:
    """Return calibrated probabilities; where nothing can happen nothing does."""
    p = np.clip(chance, _SAFE, 1.0 - _SAFE)
    mapped = special.expit(beta[0] * np.log(p) - beta[1] * np.log1p(-p) + beta[2])
    untouched = np.array_equal(beta, [1.0, 1.0, 0.0])
    return chance if untouched else np.where(chance > 0, mapped, 0.0)


def _log_loss(hit: FloatArray, chance: FloatArray) -> float:
    p = np.clip(chance, _SAFE, 1.0 - _SAFE)
    return float(-(special.xlogy(hit, p) + special.xlog1py(1.0 - hit, -p)).sum())


def _fit_beta(chance: FloatArray, hit: FloatArray) -> FloatArray:
    """Return the a, b and c of the highest likelihood, shrunk towards (1, 1, 0)."""
    none = np.array([1.0, 1.0, 0.0])

    def loss(beta: FloatArray) -> float:
        away = beta - none
        return _log_loss(hit, _map(chance, beta)) + 0.5 * float(away @ away)

    bounds = [(0.0, 5.0), (0.0, 5.0), (-5.0, 5.0)]
    return np.asarray(optimize.minimize(loss, none, method="L-BFGS-B", bounds=bounds).x)


def _fit_beta_where_it_pays(
    chances: list[FloatArray], hits: list[FloatArray], half: int
) -> FloatArray:
    none = np.array([1.0, 1.0, 0.0])
    if half == 0:
        return none
    first = [np.concatenate(rows[:half]).astype(float) for rows in (chances, hits)]
    second = [np.concatenate(rows[half:]).astype(float) for rows in (chances, hits)]
    tried = _fit_beta(first[0], first[1])
    gain = 1.0 - _log_loss(second[1], _map(second[0], tried)) / max(
        _log_loss(second[1], second[0]), _SAFE
    )
    if gain < _PAYS:
        return none
    return _fit_beta(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))


def _levels(ranks: FloatArray, probability: float) -> tuple[float, float]:
    """Return the quantile levels between which past counts fell with a probability."""
    tail = (1.0 - probability) / 2.0
    n = len(ranks)
    if n < 20:  # noqa: PLR2004 - the outermost of fewer ranks would be the bounds
        return tail, 1.0 - tail
    low = ranks[max(int(np.floor(tail * (n + 1))) - 1, 0)]
    high = ranks[min(int(np.ceil((1.0 - tail) * (n + 1))) - 1, n - 1)]
    return float(low), float(min(high, 1.0 - 1e-12))
