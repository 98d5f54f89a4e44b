"""Baselines: what a forecast must beat before it is worth anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.models.distributions import NegativeBinomial
from riskmap.models.estimators import CountEstimator
from riskmap.panels.features import days_ahead, days_at_risk

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
        at_risk = days_at_risk(history)
        days = weights @ at_risk
        count = weights @ np.nan_to_num(history.counts)
        mean_rate = (np.nansum(history.counts) + UNSEEN) / max(at_risk.sum(), history.days.min())
        prior_days = self.prior_windows * float(np.mean(history.days))
        ahead = days_ahead(history, self.horizon_days_)
        scale = ahead / (days + prior_days)
        prior = np.broadcast_to(prior_days * mean_rate, count.shape)
        parts = {"own_history": count * scale, "all_regions": prior * scale}
        return parts, NegativeBinomial(sum_parts(parts), size=count + prior)


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
