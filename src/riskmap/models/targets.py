"""What a model learns from: past origins, the counts that followed each, and what each is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskmap.panels.features import DAYS_A_MONTH
from riskmap.panels.risk_days import counts_and_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import CountHistory, FloatArray, IntArray


@dataclass(frozen=True)
class Targets:
    """Counts that followed past origins; one row an origin and region, origins outermost.

    Parameters
    ----------
    at : ndarray of int
        The origins: forecasts are made before these windows.
    when : ndarray of int, shape (n_rows,)
        Each row's origin.
    ahead
        Windows that the horizon covers.
    counts, risk, weights : ndarray, shape (n_rows,)
        Incidents in the horizon, its days at risk, and what the row is worth. Of windows that
        nobody watched nothing is learnt: they add neither incidents nor days.
    """

    at: IntArray
    when: IntArray
    ahead: int
    counts: FloatArray
    risk: FloatArray
    weights: FloatArray

    def part(self, rows: NDArray[np.bool_]) -> Targets:
        """Return some of the rows."""
        return Targets(
            self.at,
            self.when[rows],
            self.ahead,
            self.counts[rows],
            self.risk[rows],
            self.weights[rows],
        )

    def split(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the rows known by the last quarter of the origins, and those of that quarter."""
        start = self.at[len(self.at) * 3 // 4] if len(self.at) else 0
        return self.when + self.ahead <= start, self.when >= start


def targets_of(
    history: CountHistory,
    horizon_days: float,
    *,
    most_rows: int,
    memory_months: float = np.inf,
) -> Targets:
    """Return what followed each past origin, after a first eighth that only serves as past.

    Parameters
    ----------
    history
        Counts by window and region.
    horizon_days
        Length of the horizon; it is rounded to whole windows, at least one.
    most_rows
        Origins are thinned out evenly until there are at most this many rows; in any case three a
        horizon are enough.
    memory_months
        Age at which an origin is worth half. Overlapping horizons share the worth of one.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.arange(6.0)[:, None], np.full(6, 30.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> targets_of(history, 60.0, most_rows=100).counts.tolist()
    [3.0, 5.0, 7.0, 9.0]
    """
    ahead = max(1, round(horizon_days / float(np.mean(history.days))))
    first = max(1, history.n_windows // 8)
    n, n_regions = history.n_windows, history.n_regions
    step = max(1, ahead // 3, -(-(n - first) * n_regions // most_rows))
    at = np.arange(n - ahead, first - 1, -step)[::-1].astype(np.int64)
    windows = at[:, None] + np.arange(ahead)
    counts, risk = (part[windows].sum(axis=1) for part in counts_and_days(history)[:2])
    age = history.days[::-1].cumsum()[::-1][at] / DAYS_A_MONTH
    worth = 0.5 ** (age / memory_months) * min(1.0, step / ahead)
    return Targets(
        at=at,
        when=np.repeat(at, n_regions),
        ahead=ahead,
        counts=counts.ravel(),
        risk=risk.ravel(),
        weights=np.repeat(worth, n_regions),
    )
