"""Days at risk and hazards: what was watched, for how long, and of how many people.

A window that nobody watched adds no days. What was told of it all the same is kept apart and adds
to a rate what it would add had all days been watched: it raises, and days without eyes lower
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import CountHistory, FloatArray, IntArray

#: A window of which no more than this share was watched is one that nobody watched: what is told
#: of it is not set against its few days.
LITTLE = 0.05
#: So long after a break a model learns nothing.
SHAKEN_DAYS = 730.0
#: At this half-life in months a region's own incidents tell its own rate.
OWN_MONTHS = 24.0

#: Between these sizes, in so many halvings, that of a negative binomial is looked for.
_SIZES = (1e-6, 1e9)
_HALVINGS = 60


def relative_exposure(history: CountHistory) -> FloatArray | None:
    """Return exposure a day relative to the first window's mean, or None when it is unknown.

    Only ratios of exposure matter to a model, so that its unit does not.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.zeros((1, 2)), np.ones(1), np.zeros(2, int), np.zeros(2, int),
    ...                        exposure=np.array([[10.0, 30.0]]))
    >>> relative_exposure(history).tolist()
    [[0.5, 1.5]]
    """
    if history.exposure is None:
        return None
    density = history.exposure / history.days[:, None]
    means = density.mean(axis=1)
    return density / means[np.argmax(means > 0)] if (means > 0).any() else density


def watched_share(history: CountHistory, series: str = "counts") -> FloatArray | None:
    """Return the share of each window in which somebody watched; None when all were watched.

    Where the counts are missing, or the series, nobody did.

    Parameters
    ----------
    history
        Counts by window and region.
    series
        ``"counts"`` or the name of a driver.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0, np.nan]]), np.full(1, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int))
    >>> watched_share(history).tolist()
    [[1.0, 0.0]]
    """
    missing = np.isnan(history.counts)
    if series != "counts":
        missing |= np.isnan(history.drivers[series])
    if history.watched is None:
        return np.where(missing, 0.0, 1.0) if missing.any() else None
    share = np.where(missing, 0.0, history.watched)
    return None if (share == 1).all() else share


def was_watched(history: CountHistory, series: str = "counts") -> NDArray[np.bool_] | None:
    """Return which windows somebody watched; None when all were.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.zeros((1, 2)), np.ones(1), np.zeros(2, int), np.zeros(2, int),
    ...                        watched=np.array([[1.0, 0.0]]))
    >>> was_watched(history).tolist()
    [[True, False]]
    """
    share = watched_share(history, series)
    return None if share is None else share > LITTLE


def whole_days(history: CountHistory) -> FloatArray:
    """Return each window's days by region, times relative exposure, watched or not.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0, np.nan]]), np.full(1, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int))
    >>> whole_days(history).tolist()
    [[7.0, 7.0]]
    """
    days = np.repeat(history.days[:, None], history.n_regions, axis=1)
    exposure = relative_exposure(history)
    return days if exposure is None else days * exposure


def days_at_risk(history: CountHistory, series: str = "counts") -> FloatArray:
    """Return each window's watched days by region, times relative exposure.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0, np.nan]]), np.full(1, 8.0), np.zeros(2, int),
    ...                        np.zeros(2, int), watched=np.array([[0.5, 1.0]]))
    >>> days_at_risk(history).tolist()
    [[4.0, 0.0]]
    """
    share = watched_share(history, series)
    return whole_days(history) if share is None else whole_days(history) * share


def days_ahead(history: CountHistory, horizon_days: float) -> FloatArray:
    """Return the horizon's days by region, times the relative exposure of the last window.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.zeros((1, 2)), np.ones(1), np.zeros(2, int), np.zeros(2, int))
    >>> days_ahead(history, 90.0).tolist()
    [90.0, 90.0]
    """
    exposure = relative_exposure(history)
    if exposure is None:
        return np.full(history.n_regions, float(horizon_days))
    return horizon_days * exposure[-1]


def days_beside(history: CountHistory) -> FloatArray:
    """Return the days that incidents of unwatched windows are set against, by region.

    They are those on which anybody reported at all: a trickle of old reports stretches nothing.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((2, 1)), np.full(2, 7.0), np.zeros(1, int),
    ...                        np.zeros(1, int), reported=np.array([[0.0], [1.0]]))
    >>> days_beside(history).tolist()
    [[0.0], [7.0]]
    """
    days = whole_days(history)
    if history.reported is None:
        return days
    some = history.reported > LITTLE
    return np.where(some | ~some.any(axis=0), days, 0.0)


def counts_and_days(history: CountHistory, series: str = "counts") -> tuple[FloatArray, ...]:
    """Return incidents and days at risk by window and region, as :func:`ratio` takes their sums.

    Parameters
    ----------
    history
        Counts by window and region.
    series
        ``"counts"`` or the name of a driver.

    Returns
    -------
    tuple of ndarray, shape (n_windows, n_regions)
        Incidents of watched windows and the days at risk, both times the weight; then, if there
        are any, incidents told of windows that nobody watched, and :func:`days_beside`.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0, 2.0]]), np.full(1, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int), watched=np.array([[1.0, 0.0]]))
    >>> [values.tolist() for values in counts_and_days(history)]
    [[[1.0, 0.0]], [[7.0, 0.0]], [[0.0, 2.0]], [[7.0, 7.0]]]
    """
    told = np.nan_to_num(history.counts if series == "counts" else history.drivers[series])
    some = was_watched(history, series)
    days = days_at_risk(history, series)
    seen = told if some is None else np.where(some, told, 0.0)
    days = days if some is None else np.where(some, days, 0.0)
    if history.weight is not None:
        seen, days = seen * history.weight, days * history.weight
    if some is None or not told[~some].any():
        return seen, days
    return seen, days, np.where(some, 0.0, told), days_beside(history)


def ratio(
    seen: FloatArray,
    risk: FloatArray,
    beside: FloatArray | None = None,
    whole: FloatArray | None = None,
) -> FloatArray:
    """Return rates: incidents a day at risk, and what else was told a day of all; 0 without days.

    Examples
    --------
    >>> ratio(np.array([2.0, 0.0]), np.array([4.0, 0.0]), np.array([0.0, 1.0]), np.full(2, 8.0))
    array([0.5  , 0.125])
    """
    rates = np.divide(seen, risk, out=np.zeros_like(seen), where=risk > 0)
    if beside is None or whole is None:
        return rates
    return rates + np.divide(beside, whole, out=np.zeros_like(beside), where=whole > 0)


def least_days(history: CountHistory, *, at: IntArray) -> FloatArray:
    """Return the fewest days that a rate of all regions is set against: those of one window.

    So a few watched days, or none, make no rate without bounds. It is a day where all was watched.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.zeros((2, 3)), np.full(2, 7.0), np.zeros(3, int),
    ...                        np.zeros(3, int), watched=np.zeros((2, 3)))
    >>> least_days(history, at=np.array([2])).tolist()
    [21.0]
    """
    if watched_share(history) is None:
        return np.ones(len(at))
    days = np.append(0.0, whole_days(history).sum(axis=1).cumsum())
    return np.maximum(days[at] / np.maximum(at, 1), 1.0)


def fill_missing(history: CountHistory) -> CountHistory:
    """Return the history with no count missing: nothing was told, and nobody watched.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[1.0, np.nan]]), np.full(1, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int))
    >>> fill_missing(history).watched.tolist()
    [[1.0, 0.0]]
    """
    from dataclasses import replace

    if not np.isnan(history.counts).any():
        return history
    return replace(history, counts=np.nan_to_num(history.counts), watched=watched_share(history))


def observed_totals(history: CountHistory, start: int, ahead: int) -> FloatArray:
    """Return each region's incidents of some windows; missing unless all of them were watched.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((2, 2)), np.full(2, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int), watched=np.array([[1.0, 1.0], [1.0, 0.0]]))
    >>> observed_totals(history, 0, 2).tolist()
    [2.0, nan]
    """
    windows = slice(start, start + ahead)
    totals = history.counts[windows].sum(axis=0)
    share = watched_share(history)
    return totals if share is None else np.where((share[windows] == 1).all(axis=0), totals, np.nan)


def leave_out_breaks(history: CountHistory) -> CountHistory:
    """Return what a model learns from: all windows are worth the same, but those after a break.

    For :data:`SHAKEN_DAYS` after it, drivers that look back tell little of what follows: those
    windows teach nothing, as if nobody had watched and nothing been told.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((3, 1)), np.full(3, 700.0), np.zeros(1, int),
    ...                        np.zeros(1, int), weight=np.array([[0.5], [1.0], [1.0]]))
    >>> left = leave_out_breaks(history)
    >>> left.counts.ravel().tolist(), left.watched.ravel().tolist()
    ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0])
    """
    from dataclasses import replace

    if history.weight is None:
        return history
    shaken = np.zeros(history.counts.shape, dtype=bool)
    since = np.full(history.n_regions, np.inf)
    for t in range(1, history.n_windows):
        since = since + history.days[t - 1]
        since[history.weight[t] > history.weight[t - 1]] = 0.0
        shaken[t] = since < SHAKEN_DAYS
    share = watched_share(history)
    return replace(
        history,
        counts=np.where(shaken, 0.0, np.nan_to_num(history.counts)),
        drivers={name: np.where(shaken, 0.0, one) for name, one in history.drivers.items()},
        watched=np.where(shaken, 0.0, 1.0 if share is None else share),
        weight=None,
    )


def hazard_of(p_any: FloatArray) -> FloatArray:
    """Return minus the log of the probability of none.

    Examples
    --------
    >>> hazard_of(np.array([0.0, 0.5])).round(3).tolist()
    [0.0, 0.693]
    """
    return np.asarray(-special.log1p(-np.minimum(p_any, 1 - 1e-16)))


def match_size(mean: FloatArray, p_any: FloatArray) -> FloatArray:
    """Return the size of the negative binomial of a mean and a probability of at least one.

    It solves ``size * log(1 + mean / size) = -log(1 - p_any)``, by bisection.

    Examples
    --------
    >>> match_size(np.array([1.0]), np.array([0.5])).round(6).tolist()
    [1.0]
    """
    wanted = -np.log1p(-np.minimum(p_any, 1 - 1e-16))
    low = np.full(np.shape(mean), np.log(_SIZES[0]))
    high = np.full(np.shape(mean), np.log(_SIZES[1]))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = np.exp(middle) * np.log1p(mean / np.exp(middle)) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.exp((low + high) / 2)
