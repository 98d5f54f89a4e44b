"""Empirical Bayes: rates that are shrunk towards those of the parent, the country and all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from riskmap.errors import ModelError
from riskmap.models.baselines import UNSEEN, sum_parts
from riskmap.models.distributions import NegativeBinomial, log_negative_binomial
from riskmap.models.estimators import CountEstimator
from riskmap.panels.features import decayed_sums
from riskmap.panels.risk_days import counts_and_days, days_ahead, least_days, was_watched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import CountHistory, FloatArray, IntArray

#: What a region's rate may be shrunk towards, from near to far.
LEVELS = ("parent", "country", "all")

#: The strength of a prior is sought between a thousandth and ten thousand times the days observed.
_STRENGTHS = (1e-3, 1e4)


class EmpiricalBayes(CountEstimator):
    r"""Gamma-Poisson rates, shrunk from region to parent to country to all.

    At each level the rate of a unit is Gamma distributed around the rate of the unit above:

    .. math:: \lambda_r = \frac{k_r + \tau_1 \lambda_p}{d_r + \tau_1}, \quad
              \lambda_p = \frac{k_p + \tau_2 \lambda_c}{d_p + \tau_2}, \quad
              \lambda_c = \frac{k_c + \tau_3 \bar\lambda}{d_c + \tau_3}, \qquad
              N \sim \mathrm{NB}(\lambda_r h,\; s = k_r + \tau_1 \lambda_p)

    with :math:`k` incidents in :math:`d` observed days and :math:`h` days ahead. The strengths
    :math:`\tau` (days that the prior is worth) are those of the highest marginal likelihood, a
    negative binomial (Robbins, 1956; Clayton and Kaldor, 1987). Being linear in the counts, the
    rate is the sum of what comes from the region itself, its parent, its country and all.

    Parameters
    ----------
    levels
        What a rate is shrunk towards, of ``"parent"``, ``"country"`` and ``"all"``. With
        ``("country",)`` it is the common climatology with shrinkage to the country: where ``"all"``
        is left out, it is worth half an incident, so that no chance is zero.

    Attributes
    ----------
    strength_days_ : ndarray, shape (3,)
        The strengths of the parent, the country and all as priors.

    Raises
    ------
    ModelError
        When a level is none of these (on fitting).

    Notes
    -----
    A series of nothing but zeros forecasts half an incident over all regions and the whole history.
    Where a level shows no differences (one region, one parent, no incident), its units share the
    rate of the unit above. One window is enough.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[0.0, 4.0, 0.0, 0.0]] * 6), np.full(6, 30.0),
    ...                        np.array([0, 0, 1, 1]), np.zeros(4, int))
    >>> model = EmpiricalBayes().fit(history, horizon_days=30)
    >>> mean = model.predict_distribution(history).mean
    >>> bool(mean[1] > mean[0] > mean[2] > 0)
    True
    """

    strength_days_: FloatArray

    def __init__(self, levels: tuple[str, ...] = LEVELS) -> None:
        self.levels = levels

    def _learn(self, history: CountHistory) -> None:
        if not set(self.levels) <= set(LEVELS):
            raise ModelError(f"levels must be some of {', '.join(LEVELS)}, met {self.levels}")
        steps = self._ladder(history)
        self.strength_days_ = np.array([step.strength() for step in steps])
        if "all" not in self.levels:
            rate = (steps[0].count.sum() + UNSEEN) / max(steps[0].days.sum(), steps[0].least)
            self.strength_days_[2] = UNSEEN / rate

    def _ladder(self, history: CountHistory) -> tuple[_Step, _Step, _Step]:
        """Return the steps; a level that is left out is the one above it."""
        country = history.country if "country" in self.levels else np.zeros_like(history.country)
        parent = history.parent if "parent" in self.levels else country
        sums = (part.sum(axis=0) for part in counts_and_days(history))
        least = float(least_days(history, at=np.array([history.n_windows]))[0])
        return _climb(*sums, history=replace(history, parent=parent, country=country), least=least)

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        steps = self._ladder(history)
        parts = _rate_parts(steps, self.strength_days_)
        rate = sum_parts(parts)
        ahead = days_ahead(history, self.horizon_days_)
        size = rate * (steps[0].days + self.strength_days_[0])
        return {k: part * ahead for k, part in parts.items()}, NegativeBinomial(rate * ahead, size)


def shrunk_rates(history: CountHistory, strength_days: FloatArray, *, at: IntArray) -> FloatArray:
    """Return the empirical Bayes rates as they were at the start of each window.

    Parameters
    ----------
    history
        Counts by window and region.
    strength_days : ndarray, shape (3,)
        What the parent, the country and all are worth as priors, in days.
    at : ndarray of int
        Windows before which to look.

    Returns
    -------
    ndarray, shape (len(at), n_regions)
        Incidents a day at risk, greater than 0.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((4, 2)), np.full(4, 10.0), np.zeros(2, int),
    ...                        np.zeros(2, int))
    >>> shrunk_rates(history, np.ones(3), at=np.array([4])).round(2).tolist()
    [[0.1, 0.1]]
    """
    sums = [
        decayed_sums(part, lengths=history.days, half_life_days=np.inf, at=at)
        for part in counts_and_days(history)
    ]
    rates = np.empty((len(at), history.n_regions))
    for row, least in enumerate(least_days(history, at=at)):
        steps = _climb(*(part[row] for part in sums), history=history, least=float(least))
        rates[row] = sum_parts(_rate_parts(steps, strength_days))
    return rates


def share_strengths(history: CountHistory, series: str) -> FloatArray:
    """Return what the parent, the country and all are worth as priors of :func:`shrunk_shares`.

    They are those of the highest marginal likelihood, in incidents of the other series.

    Parameters
    ----------
    history
        Counts by window and region.
    series
        The name of one of its drivers.

    Returns
    -------
    ndarray, shape (3,)
    """
    counts, other = _both(history, series)
    steps = _climb(counts.sum(axis=0), other.sum(axis=0), history=history)
    return np.array([step.strength() for step in steps])


def shrunk_shares(
    history: CountHistory,
    series: str,
    strengths: FloatArray,
    *,
    half_life_days: float,
    at: IntArray,
) -> FloatArray:
    r"""Return how many incidents go with one of another series, as of the start of each window.

    Such is the foreign share of violence. It is Gamma distributed around that of the parent, the
    country and all, as a rate is in :class:`EmpiricalBayes`, with the other series for days:

    .. math:: \pi_r = \frac{k_r + \tau_1 \pi_p}{v_r + \tau_1}, \; \dots

    Counts k and series v are decayed sums, so that the share is the going one.

    Parameters
    ----------
    history
        Counts by window and region.
    series
        The name of one of its drivers.
    strengths : ndarray, shape (3,)
        From :func:`share_strengths`.
    half_life_days
        Age at which a window weighs half.
    at : ndarray of int, sorted
        Windows before which to look.

    Returns
    -------
    ndarray, shape (len(at), n_regions)
        Greater than 0.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((6, 2)), np.full(6, 30.0), np.zeros(2, int),
    ...                        np.zeros(2, int), drivers={"violence": np.full((6, 2), 5.0)})
    >>> shrunk_shares(history, "violence", share_strengths(history, "violence"),
    ...               half_life_days=1e9, at=np.array([6])).round(1).tolist()
    [[0.2, 0.2]]
    """
    counts, other = (
        decayed_sums(values, lengths=history.days, half_life_days=half_life_days, at=at)
        for values in _both(history, series)
    )
    shares = np.empty((len(at), history.n_regions))
    for row, (k, v) in enumerate(zip(counts, other, strict=True)):
        shares[row] = sum_parts(_rate_parts(_climb(k, v, history=history), strengths))
    return shares


def _both(history: CountHistory, series: str) -> tuple[FloatArray, FloatArray]:
    """Return the counts and another series, both 0 where :func:`both_watched` says no."""
    other, known = history.drivers[series], both_watched(history, series)
    worth = known if history.weight is None else np.where(known, history.weight, 0.0)
    counts, other = np.nan_to_num(history.counts), np.nan_to_num(other)
    return counts * worth, other * worth


def both_watched(history: CountHistory, series: str) -> NDArray[np.bool_]:
    """Return where counts and another series show a share: neither is missing, somebody watched.

    Where nobody ever did, what was told has to do.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0, np.nan]]), np.full(1, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int), drivers={"violence": np.ones((1, 2))})
    >>> both_watched(history, "violence").tolist()
    [[True, False]]
    """
    known = np.isfinite(history.counts) & np.isfinite(history.drivers[series])
    for name in ("counts", series):
        some = was_watched(history, name)
        if some is not None and some.any():
            known &= some
    return known


def _rate_parts(
    steps: tuple[_Step, _Step, _Step], strength_days: FloatArray
) -> dict[str, FloatArray]:
    """Return what the region, its parent, its country and all add to its rate a day."""
    share = np.ones(len(steps[0].count))
    unit = np.arange(len(share))
    parts: dict[str, FloatArray] = {}
    names = ("own_history", "parent", "country")
    for name, step, strength in zip(names, steps, strength_days, strict=True):
        count, days, *others = step.sums
        total = (days + strength)[unit]
        parts[name] = share * count[unit] / total
        if others:
            beside, whole = others
            parts[name] += share * (beside / (whole + strength))[unit]
        share = share * strength / total
        unit = step.group[unit]
    count, days, *others = steps[-1].sums
    parts["all_regions"] = share * (count.sum() + UNSEEN) / max(days.sum(), steps[-1].least)
    if others:
        beside, whole = others
        parts["all_regions"] += share * beside.sum() / max(whole.sum(), 1.0)
    return parts


@dataclass(frozen=True)
class _Step:
    """One step of the ladder: units, and the group each belongs to.

    `sums` are their counts and days at risk; and if there are any, what was told of windows that
    nobody watched, and the days of all windows.
    """

    sums: tuple[FloatArray, ...]
    group: IntArray
    least: float = 1.0

    @property
    def count(self) -> FloatArray:
        return self.sums[0]

    @property
    def days(self) -> FloatArray:
        return self.sums[1]

    def up(self, group: IntArray) -> _Step:
        """Return the next step: the groups of this one, which belong to groups themselves."""
        sums = (np.bincount(self.group, part, len(group)).astype(float) for part in self.sums)
        return _Step(tuple(sums), group, self.least)

    def strength(self) -> float:
        """Return the days that the group's rate is worth, by marginal likelihood."""
        own = float(self.days.mean())
        above = self.up(np.zeros(int(self.group.max()) + 1, dtype=np.int64))
        informs = (above.count[self.group] > 0) & (self.days > 0)
        informs &= np.bincount(self.group)[self.group] > 1
        if not informs.any():
            return _STRENGTHS[1] * max(own, 1.0)
        rate = (above.count / np.maximum(above.days, 1e-300))[self.group][informs]
        count, days = self.count[informs], self.days[informs]

        def loss(log_strength: float) -> float:
            size = np.exp(log_strength) * rate
            return float(-log_negative_binomial(count, rate * days, size).sum())

        low, high = np.log(_STRENGTHS) + np.log(own)
        grid = np.linspace(low, high, 33)
        best = int(np.argmin([loss(x) for x in grid]))
        bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
        found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded")
        return float(np.exp(found.x))


def _climb(
    *sums: FloatArray, history: CountHistory, least: float = 1.0
) -> tuple[_Step, _Step, _Step]:
    """Return regions, parents and countries with their counts and days at risk.

    A parent belongs to the country of its regions; one that reaches over a border belongs to the
    last of them.
    """
    country_of = np.zeros(int(history.parent.max()) + 1, dtype=np.int64)
    country_of[history.parent] = history.country
    regions = _Step(sums, history.parent, least)
    parents = regions.up(country_of)
    countries = parents.up(np.zeros(int(history.country.max()) + 1, dtype=np.int64))
    return regions, parents, countries
