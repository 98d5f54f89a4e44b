"""Baselines: what a forecast must beat before it is worth anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from riskmap.models.distributions import Mixture, NegativeBinomial, Resample
from riskmap.models.estimators import CountEstimator, windows_ahead
from riskmap.panels.features import DAYS_A_MONTH, DAYS_A_YEAR
from riskmap.panels.risk_days import (
    counts_and_days,
    days_ahead,
    least_days,
    watched_share,
)

if TYPE_CHECKING:
    from riskmap.typing import CountHistory, FloatArray

#: Half an incident in all the regions together: what is expected where nothing was ever seen.
UNSEEN = 0.5


class WeightedHistory(CountEstimator):
    """Base of baselines that take the mean rate of a region's own history, windows weighted.

    The rate is Gamma distributed around the weighted mean of the region's own history, with a
    prior at the mean of all regions that is worth `prior_windows` windows, so that a region
    without incidents has a small chance and not none. The count is then negative binomial.
    """

    prior_windows = 1.0

    def _weights(self, history: CountHistory) -> FloatArray:
        """Return the weight of each window, shape (n_windows,)."""
        raise NotImplementedError

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        weights = self._weights(history)
        count, days, *beside = (weights @ part for part in counts_and_days(history))
        mean_rate = _mean_rate(history)
        prior_days = self.prior_windows * float(np.mean(history.days))
        ahead = days_ahead(history, self.horizon_days_)
        scale = ahead / (days + prior_days)
        prior = np.broadcast_to(prior_days * mean_rate, count.shape)
        parts = {"own_history": count * scale, "all_regions": prior * scale}
        if beside:
            parts["own_history"] = parts["own_history"] + beside[0] * ahead / (
                beside[1] + prior_days
            )
        return parts, NegativeBinomial(sum_parts(parts), size=count + prior)


def _mean_rate(history: CountHistory) -> float:
    """Return the incidents a day at risk over all regions, never 0."""
    count, days, *beside = (float(part.sum()) for part in counts_and_days(history))
    least = float(least_days(history, at=np.array([history.n_windows]))[0])
    rate = (count + UNSEEN) / max(days, least, float(history.days.min()))
    return rate + (beside[0] / beside[1] if beside and beside[1] else 0.0)


def sum_parts(parts: dict[str, FloatArray]) -> FloatArray:
    """Return the sum of named parts.

    Examples
    --------
    >>> sum_parts({"a": np.array([1.0]), "b": np.array([2.0])}).tolist()
    [3.0]
    """
    return np.sum(list(parts.values()), axis=0)


class Climatology(WeightedHistory):
    r"""The mean of all of a region's own history.

    .. math:: \lambda = \frac{k + \tau \bar\lambda}{d + \tau}, \qquad
              N \sim \mathrm{NB}(\lambda h,\; s = k + \tau \bar\lambda)

    with :math:`k` incidents in :math:`d` observed days, the mean rate :math:`\bar\lambda` of all
    regions as a prior worth :math:`\tau` days, and :math:`h` days ahead.

    Parameters
    ----------
    prior_windows
        What the prior is worth, in windows.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[0.0, 3.0], [0.0, 1.0]]), np.full(2, 30.0),
    ...                        np.zeros(2, int), np.zeros(2, int))
    >>> model = Climatology().fit(history, horizon_days=30)
    >>> model.predict_distribution(history).mean.round(2).tolist()
    [0.38, 1.71]
    """

    def __init__(self, prior_windows: float = 1.0) -> None:
        self.prior_windows = prior_windows

    def _weights(self, history: CountHistory) -> FloatArray:
        return np.ones(history.n_windows)


class Zero(CountEstimator):
    """Nothing will happen: the forecast that an average of mostly empty regions rewards.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((2, 1)), np.full(2, 30.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> Zero().fit(history, horizon_days=30).predict_distribution(history).p_gt(0).tolist()
    [0.0]
    """

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        nothing = np.zeros(history.n_regions)
        return {"own_history": nothing}, NegativeBinomial(nothing)


class Persistence(WeightedHistory):
    """What happened in the last horizon happens again.

    Parameters
    ----------
    prior_windows
        What the mean rate of all regions is worth as a prior, in windows.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[9.0], [9.0], [1.0]]), np.full(3, 30.0),
    ...                        np.zeros(1, int), np.zeros(1, int))
    >>> model = Persistence(prior_windows=0.1).fit(history, horizon_days=30)
    >>> model.predict_distribution(history).mean.round(1).tolist()
    [1.5]
    """

    def __init__(self, prior_windows: float = 1.0) -> None:
        self.prior_windows = prior_windows

    def _weights(self, history: CountHistory) -> FloatArray:
        age = history.days[::-1].cumsum()[::-1] - history.days
        return np.where(age < self.horizon_days_, 1.0, 0.0)


class ExponentialMean(WeightedHistory):
    r"""The mean of a region's own history, windows of age `a` weighted by :math:`2^{-a/h}`.

    Parameters
    ----------
    half_life_months
        Age at which a window weighs half (`h`).
    prior_windows
        What the mean rate of all regions is worth as a prior, in windows.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[8.0], [0.0]]), np.full(2, 30.4375),
    ...                        np.zeros(1, int), np.zeros(1, int))
    >>> model = ExponentialMean(half_life_months=1, prior_windows=1e-9)
    >>> found = model.fit(history, horizon_days=30.4375).predict_distribution(history)
    >>> found.mean.round(2).tolist()
    [2.67]
    """

    def __init__(self, half_life_months: float = 12.0, prior_windows: float = 1.0) -> None:
        self.half_life_months = half_life_months
        self.prior_windows = prior_windows

    def _weights(self, history: CountHistory) -> FloatArray:
        age = history.days[::-1].cumsum()[::-1] - history.days
        return np.asarray(0.5 ** (age / (self.half_life_months * DAYS_A_MONTH)))


class Seasonal(WeightedHistory):
    """The mean of a region's own history at the same time of the year.

    Windows count whose middle lies within the horizon's part of the year, in any year. A history
    that holds no such window counts as a whole.

    Parameters
    ----------
    prior_windows
        What the mean rate of all regions is worth as a prior, in windows.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.tile([[5.0], [0.0]], (4, 1)), np.full(8, 182.625),
    ...                        np.zeros(1, int), np.zeros(1, int), phase=np.tile([0.0, 0.5], 4))
    >>> model = Seasonal(prior_windows=1e-9).fit(history, horizon_days=180)
    >>> model.predict_distribution(history).mean.round(0).tolist()
    [5.0]
    """

    def __init__(self, prior_windows: float = 1.0) -> None:
        self.prior_windows = prior_windows

    def _weights(self, history: CountHistory) -> FloatArray:
        years = history.days / DAYS_A_YEAR
        start = history.phase[-1] + years[-1]
        after = (history.phase + years / 2 - start) % 1.0
        same = after <= self.horizon_days_ / DAYS_A_YEAR
        return np.where(same | ~same.any(), 1.0, 0.0)


class Conflictology(CountEstimator):
    """A region's past, resampled: any earlier horizon may happen again, each as likely.

    The totals of all stretches of the horizon's length in a region's history are its forecast
    (Hegre and others, 2025, use the last year's months). One more stretch is added that nobody
    has seen, geometric with the mean of all regions, so that a first incident is not impossible.
    A region that nobody watched has the stretches of all regions.

    Parameters
    ----------
    last_windows
        How many of the last windows to resample; all when None.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[0.0], [4.0], [0.0]]), np.full(3, 30.0),
    ...                        np.zeros(1, int), np.zeros(1, int))
    >>> model = Conflictology().fit(history, horizon_days=30)
    >>> model.predict_distribution(history).quantile(0.9).tolist()
    [4.0]
    """

    def __init__(self, last_windows: int | None = None) -> None:
        self.last_windows = last_windows

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], Mixture]:
        ahead = windows_ahead(history, self.horizon_days_)
        last = history.n_windows if self.last_windows is None else self.last_windows
        totals = _stretches(history, slice(-max(last, ahead), None), ahead)
        new = _mean_rate(history) * days_ahead(history, self.horizon_days_)
        seen, fresh = Resample(totals), NegativeBinomial(new, 1.0)
        weights = np.array([len(totals), 1.0]) / (len(totals) + 1.0)
        parts = {"own_history": weights[0] * seen.mean, "all_regions": weights[1] * new}
        return parts, Mixture((seen, fresh), weights)


def _stretches(history: CountHistory, windows: slice, ahead: int) -> FloatArray:
    """Return the totals of stretches that were watched throughout, or of which something was told.

    The others are missing; a region that has nothing else takes the spread of all regions.
    """
    totals = sliding_window_view(np.nan_to_num(history.counts[windows]), ahead, axis=0).sum(axis=-1)
    share = watched_share(history)
    if share is None:
        return totals
    watched = (sliding_window_view(share[windows], ahead, axis=0) == 1).all(axis=-1)
    totals = np.where(watched | (totals > 0), totals, np.nan)
    unseen = np.isnan(totals).all(axis=0)
    if unseen.all():
        return np.zeros_like(totals)
    steps = (np.arange(len(totals)) + 0.5) / len(totals)
    anywhere = np.nanquantile(totals[:, ~unseen], steps, method="inverted_cdf")
    return np.where(unseen, anywhere[:, None], totals)
