"""Hawkes: incidents that trigger incidents, in time and among neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize

from riskmap.models.distributions import NegativeBinomial, fit_dispersion, size_of
from riskmap.models.estimators import CountEstimator, windows_ahead
from riskmap.models.shrinkage import EmpiricalBayes, shrunk_rates
from riskmap.panels.risk_days import (
    counts_and_days,
    days_ahead,
    observed_totals,
    watched_share,
    whole_days,
)

if TYPE_CHECKING:
    from riskmap.typing import CountHistory, FloatArray

#: No fitted process triggers more than this many incidents an incident, or it would not end.
MOST_BRANCHING = 0.98
#: The background is never quite nothing.
_LEAST = 1e-3
#: At most so many past origins show how far counts stray from their forecast.
_ORIGINS = 24


class Hawkes(CountEstimator):
    r"""Self-exciting counts: a background, and triggered incidents that trigger others in turn.

    .. math:: \mathrm{E}[y_{rt}] = \nu_r d_t + \sum_{u<t} g(t-u)
              \Big(\alpha\, y_{ru} + \gamma \sum_q w_{rq}\, y_{qu}\Big)

    The kernel g is exponential in time with one half-life, has mass 1, and is summed by a
    recursion. In space the kernel is the graph of neighbours. The background is what the
    empirical Bayes rate leaves when triggered incidents are taken away. After Hawkes (1971), in
    discrete time.

    Parameters
    ----------
    half_lives_days
        Half-lives to choose from by likelihood; from half a window to 32 windows when None.

    Attributes
    ----------
    branching_ratio_ : float
        Incidents that one incident triggers at first hand, below 1.
    own_, neighbours_ : float
        The shares of the branching ratio in the region itself and among its neighbours.
    half_life_days_ : float
        Days after which half of the triggered incidents have happened.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(200, 20, own=0.5, seed=1)
    >>> model = Hawkes().fit(history, horizon_days=30)
    >>> 0.3 < model.branching_ratio_ < 0.7
    True
    """

    branching_ratio_: float
    own_: float
    neighbours_: float
    half_life_days_: float
    strength_days_: FloatArray
    dispersion_: FloatArray

    def __init__(self, half_lives_days: tuple[float, ...] | None = None) -> None:
        self.half_lives_days = half_lives_days

    def _learn(self, history: CountHistory) -> None:
        base = EmpiricalBayes().fit(history, horizon_days=self.horizon_days_)
        self.strength_days_ = base.strength_days_
        grid = self.half_lives_days or tuple(np.mean(history.days) * 2.0 ** np.arange(-1, 6))
        fits = [self._fit_kernel(history, float(half_life)) for half_life in grid]
        best = int(np.argmin([loss for loss, _, _ in fits]))
        self.half_life_days_ = float(grid[best])
        _, self.own_, self.neighbours_ = fits[best]
        self.branching_ratio_ = self.own_ + self.neighbours_
        self.dispersion_ = self._fit_dispersion(history)

    def _fit_kernel(self, history: CountHistory, half_life: float) -> tuple[float, float, float]:
        """Return the Poisson loss and the shares of own and neighbours' past, by likelihood.

        With the background that the shares leave of the long-run rate, the mean is linear in them.
        """
        links, (counts, risk) = history.neighbours, counts_and_days(history)[:2]
        end = np.array([history.n_windows])
        rate = shrunk_rates(history, self.strength_days_, at=end)[0]
        release = 1.0 - 0.5 ** (history.days / half_life)
        # how many incidents the past would trigger in each window at a ratio of 1
        excited = _memory(history, half_life, rate)[:-1] * release[:, None] * (risk > 0)
        base = risk * rate
        own = excited - base
        beside = np.zeros_like(own) if links is None else excited @ links.T - risk * (links @ rate)
        some = counts > 0
        seen = counts[some]

        def shares(values: FloatArray) -> tuple[float, float]:
            alone = 1.0 if links is None else float(values[1])
            return float(values[0]) * alone, float(values[0]) * (1.0 - alone)

        def loss(values: FloatArray) -> float:
            alpha, gamma = shares(values)
            mean = np.maximum(base + alpha * own + gamma * beside, _LEAST * base)
            return float(mean.sum() - seen @ np.log(np.maximum(mean[some], 1e-12)))

        found = optimize.minimize(
            loss,
            np.array([0.3, 0.5]),
            method="L-BFGS-B",
            bounds=[(0.0, MOST_BRANCHING), (0.0, 1.0)],
        )
        return float(found.fun), *shares(found.x)

    def _fit_dispersion(self, history: CountHistory) -> FloatArray:
        """Return the dispersion of past horizons around what would have been forecast."""
        ahead = windows_ahead(history, self.horizon_days_)
        first = max(1, history.n_windows // 4)
        at = np.unique(np.linspace(first, history.n_windows - ahead, _ORIGINS).astype(np.int64))
        at = at[at >= 1]
        if len(at) == 0:
            return np.array([0.0, 1.0])
        counts, means = [], []
        for t in at:
            counts.append(observed_totals(history, int(t), ahead))
            means.append(np.sum(list(self._parts(history.until(int(t))).values()), axis=0))
        count, mean = np.concatenate(counts), np.concatenate(means)
        weights = np.where(np.isnan(count), 0.0, min(1.0, 1.0 / ahead))
        return fit_dispersion(np.nan_to_num(count), mean, weights, theta=1.0)

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        parts = self._parts(history)
        mean = np.sum(list(parts.values()), axis=0)
        return parts, NegativeBinomial(mean, size_of(mean, self.dispersion_))

    def _background(self, rate: FloatArray, links: Any) -> FloatArray:
        """Return what the long-run rate leaves when triggered incidents are taken away."""
        triggered = self.own_ * rate
        if links is not None:
            triggered = triggered + self.neighbours_ * (links @ rate)
        return np.maximum(rate - triggered, _LEAST * rate)

    def _parts(self, history: CountHistory) -> dict[str, FloatArray]:
        """Return the expected counts of the horizon: background, own past, neighbours' past.

        The expectation obeys the same recursion as the process, a step a window; the parts are
        those of the recursion that starts from nothing, and from the excitement of the past.
        """
        end, links = np.array([history.n_windows]), history.neighbours
        ahead = days_ahead(history, self.horizon_days_)
        n_steps = windows_ahead(history, self.horizon_days_)
        keep = 0.5 ** (self.horizon_days_ / n_steps / self.half_life_days_)
        long_run = shrunk_rates(history, self.strength_days_, at=end)[0]
        rate = self._background(long_run, links)
        past = _memory(history, self.half_life_days_, long_run)[-1]
        at_risk = (ahead > 0).astype(float)

        def unroll(arrivals: FloatArray, memory: FloatArray, beside: float) -> FloatArray:
            total = np.zeros_like(memory)
            for _ in range(n_steps):
                excited = memory * (1.0 - keep)
                expected = arrivals + self.own_ * excited
                if links is not None and beside:
                    expected = expected + beside * (links @ excited)
                expected = expected * at_risk
                total += expected
                memory = memory * keep + expected
            return total

        none = np.zeros(history.n_regions)
        from_own = unroll(none, past, 0.0)
        from_past = unroll(none, past, self.neighbours_)
        return {
            "base_rate": unroll(rate * ahead / n_steps, none, self.neighbours_),
            "own_history": from_own,
            "neighbours": np.maximum(from_past - from_own, 0.0),
        }


def _memory(history: CountHistory, half_life_days: float, rate: FloatArray) -> FloatArray:
    """Return the decayed sum of incidents at the start of each window and at the end.

    Of days that nobody watched as many incidents are remembered as the long-run rate expects.
    """
    memory = np.zeros((history.n_windows + 1, history.n_regions))
    counts, share = np.nan_to_num(history.counts), watched_share(history)
    if share is not None:
        counts = counts + whole_days(history) * (1.0 - share) * rate
    keep = 0.5 ** (history.days / half_life_days)
    for t in range(history.n_windows):
        memory[t + 1] = memory[t] * keep[t] + counts[t]
    return memory
