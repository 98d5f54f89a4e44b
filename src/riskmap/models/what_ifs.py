"""What a fitted model would say of a history with more incidents in it, or with fewer.

The model is held: only the history changes. A what-if is one event (so many incidents, spread over
regions and windows, added or taken away) as it looks from one region.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from riskmap.models.baselines import UNSEEN
from riskmap.models.drivers import COUNTS, PastSums
from riskmap.panels.features import membership
from riskmap.panels.measures import driver_of
from riskmap.panels.risk_days import (
    days_at_risk,
    days_beside,
    fill_missing,
    least_days,
    ratio,
    was_watched,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from riskmap.typing import CountHistory, FloatArray, IntArray

#: What is left of a sum, as a share of it, that is nothing but rounding.
_ROUNDING = 1e-12
#: What rates are shrunk towards below that of all regions, from far to near.
_LADDER = ("ladder", "parent", "own")


@dataclass(frozen=True)
class WhatIfs:
    """Changes of a history, and the regions from which they are looked at.

    Event e adds ``amounts[s][e] * time[e, t] * place[e, r]`` to series s in window t and region r.
    The counts are the series ``"counts"``; other series go by the names of the history's drivers.

    Parameters
    ----------
    place : scipy.sparse.csr_array, shape (n_events, n_regions)
        Where each event happens.
    time : scipy.sparse.csr_array, shape (n_events, n_windows)
        When it happens.
    amounts : mapping of str to ndarray, shape (n_events,)
        How much it adds to each series; negative to take away. Series that are not named stay.
    event, region : ndarray of int, shape (n,)
        The pairs that are asked for.
    """

    place: Any
    time: Any
    amounts: Mapping[str, FloatArray]
    event: IntArray
    region: IntArray

    def changed(self, history: CountHistory, events: IntArray) -> CountHistory:
        """Return the history that some of the events leave together, never less than nothing.

        Who tells of a window that nobody watched doesn't watch it.

        Examples
        --------
        >>> import riskmap as rm
        >>> history, _ = rm.datasets.simulate_counts(24, 3)
        >>> one_more = WhatIfs(place=sparse.csr_array([[0.0, 1.0, 0.0]]),
        ...                    time=sparse.csr_array(np.eye(24)[[-1]]),
        ...                    amounts={"counts": np.ones(1)}, event=np.zeros(1, int),
        ...                    region=np.ones(1, int))
        >>> more = one_more.changed(history, np.array([0])).counts - history.counts
        >>> more[-1].tolist(), more.sum().item()
        ([0.0, 1.0, 0.0], 1.0)
        """
        history = fill_missing(history)
        time, place = self.time[events], self.place[events]

        def added(series: FloatArray, name: str) -> FloatArray:
            if name not in self.amounts:
                return series
            more = (time.T @ (place * self.amounts[name][events][:, None])).toarray()
            left = series + more
            gone = (more < 0) & (left <= _ROUNDING * np.maximum(series, 1.0))
            return np.where(gone, 0.0, left)

        drivers = {name: added(series, name) for name, series in history.drivers.items()}
        return replace(history, counts=added(history.counts, COUNTS), drivers=drivers)


def lengthen(
    history: CountHistory, days: FloatArray, rates: Mapping[str, FloatArray], *, series: str
) -> CountHistory:
    """Return a history that goes on for some windows with as many incidents as are expected.

    Somebody watches all of them.

    Parameters
    ----------
    history
        The history so far.
    days : ndarray, shape (n_more_windows,)
        Lengths of the windows to come.
    rates : mapping of str to ndarray, shape (n_regions,)
        Incidents a day by series.
    series
        The series that is counted.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((2, 1)), np.full(2, 30.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> rates = {"violence": np.full(1, 0.5)}
    >>> lengthen(history, np.array([31.0]), rates, series="violence").counts.ravel().tolist()
    [1.0, 1.0, 15.5]
    """
    ends = (history.phase[-1:] + (history.days[-1] + np.r_[0.0, days[:-1].cumsum()]) / 365.25) % 1.0

    def watched(share: FloatArray | None) -> FloatArray | None:
        ahead = np.ones((len(days), history.n_regions))
        return None if share is None else np.vstack([share, ahead])

    exposure = history.exposure
    if exposure is not None:
        density = exposure[-1] / history.days[-1]
        exposure = np.vstack([exposure, days[:, None] * density])
    return replace(
        history,
        counts=np.vstack([history.counts, np.outer(days, rates[series])]),
        days=np.append(history.days, days),
        phase=np.append(history.phase, ends),
        drivers={
            name: np.vstack([one, np.outer(days, driver_of(series, rates))])
            for name, one in history.drivers.items()
        },
        exposure=exposure,
        watched=watched(history.watched),
        reported=watched(history.reported),
        weight=watched(history.weight),
    )


class ChangedSums:
    """Decayed sums of a history as each what-if leaves them, for regions and what they belong to.

    Sums are linear in the counts, so that an event adds its amount times its weight at an age,
    times the part of it that falls into the unit: the region itself (``own``), its ``parent``,
    ``country`` and ``all``; ``ladder`` is the country that its parent belongs to. What falls into
    windows that nobody watched is summed apart (``beside``).

    Parameters
    ----------
    history
        A history.
    what_ifs
        Changes of it.
    """

    def __init__(self, history: CountHistory, what_ifs: WhatIfs) -> None:
        self._history, self._what_ifs = fill_missing(history), what_ifs
        self._age = history.days[::-1].cumsum()[::-1] - history.days
        self._risk, self._whole = days_at_risk(self._history), days_beside(self._history)
        self._watched = was_watched(self._history)
        if self._watched is not None:
            self._risk = np.where(self._watched, self._risk, 0.0)
        self._weight = history.weight
        if self._weight is not None:
            self._risk = self._risk * self._weight
        country_of = np.zeros(int(history.parent.max()) + 1, dtype=np.int64)
        country_of[history.parent] = history.country
        every = np.zeros(history.n_regions, dtype=np.int64)
        self._units = {
            "own": np.arange(history.n_regions),
            "parent": history.parent,
            "country": history.country,
            "ladder": country_of[history.parent],
            "all": every,
        }
        self._cells = _Cells.of(what_ifs, self._watched, self._weight)
        self._keep = cache(lambda half_life_days: 0.5 ** (self._age / half_life_days))
        self._membership = cache(lambda unit: membership(self._units[unit]))
        self.share, self.days = cache(self._share), cache(self._days)
        self._decayed, self._is_beside = cache(self._decay), cache(self._has_beside)
        self._added, self._reach = cache(self._add), cache(self._reach_of)
        self._near, self._mean_around = cache(self._reach_around), cache(self._means_around)

    def _seen(self, codes: IntArray) -> IntArray:
        return codes[self._what_ifs.region]

    def _reach_of(self, unit: str) -> FloatArray:
        """Return the part of each pair's event that falls into its unit."""
        table = self._what_ifs.place @ self._membership(unit)
        return at_pairs(table, self._what_ifs.event, self._seen(self._units[unit]))

    def _series(self, name: str, part: str) -> FloatArray:
        """Return a series in windows that somebody watched (``seen``), or nobody (``beside``)."""
        values = self._history.counts if name == "counts" else self._history.drivers[name]
        if part == "seen" and self._weight is not None:
            values = values * self._weight
        if self._watched is None:
            return values if part == "seen" else np.zeros_like(values)
        return np.where(self._watched == (part == "seen"), values, 0.0)

    def _decay(self, name: str, part: str, half_life_days: float) -> FloatArray:
        """Return the decayed sum of a part of a series by region, as it is."""
        return self._keep(half_life_days) @ self._series(name, part)

    def _has_beside(self, name: str) -> bool:
        """Return whether a series, or what is added to it, is in windows that nobody watched."""
        if self._watched is None:
            return False
        added = self._cells is not None and not self._cells.watched.all()
        return added or bool(self._series(name, "beside").any())

    def _amount(self, name: str, keep: FloatArray) -> FloatArray | float:
        """Return what each pair's event adds to a series, decayed, wherever it happens."""
        if name not in self._what_ifs.amounts:
            return 0.0
        added = self._what_ifs.amounts[name] * (self._what_ifs.time @ keep)
        return np.asarray(added[self._what_ifs.event])

    def _add(self, name: str, unit: str, half_life_days: float, part: str) -> FloatArray | float:
        """Return what each pair's event adds to a part of a series in its unit, decayed."""
        keep = self._keep(half_life_days)
        if self._cells is None:
            return self._amount(name, keep) * self._reach(unit) if part == "seen" else 0.0
        if name not in self._what_ifs.amounts:
            return 0.0
        codes, event = self._units[unit], self._what_ifs.event
        table = self._cells.placed(keep, part) @ self._membership(unit)
        return self._what_ifs.amounts[name][event] * at_pairs(table, event, self._seen(codes))

    def _days(self, unit: str, half_life_days: float = np.inf) -> FloatArray:
        """Return the decayed days at risk of each pair's unit."""
        return self._total(self._keep(half_life_days) @ self._risk, unit)

    def _total(self, by_region: FloatArray, unit: str) -> FloatArray:
        codes = self._units[unit]
        return by_region_sums(by_region, codes)[self._what_ifs.region]

    def counts(
        self, name: str, unit: str, half_life_days: float = np.inf, *, part: str = "seen"
    ) -> FloatArray:
        """Return the decayed sum of a part of a series in each pair's unit, changed."""
        if part == "beside" and not self._is_beside(name):
            return np.zeros(len(self._what_ifs.event))
        whole = self._total(self._series(name, part).sum(axis=0), unit)
        left = whole + self._added(name, unit, np.inf, part)
        if np.isinf(half_life_days):
            return np.where(left > _ROUNDING * whole, left, 0.0)
        decayed = self._total(self._decayed(name, part, half_life_days), unit)
        decayed = decayed + self._added(name, unit, half_life_days, part)
        return np.where(left > _ROUNDING * whole, np.maximum(decayed, 0.0), 0.0)

    def beside(self, name: str, unit: str, half_life_days: float, more: float = 0.0) -> FloatArray:
        """Return the rate a day of what was told of windows that nobody watched, changed.

        `more` days are added to those of all windows.
        """
        if not self._is_beside(name):
            return np.zeros(len(self._what_ifs.event))
        days = self._total(self._keep(half_life_days) @ self._whole, unit) + more
        return ratio(self.counts(name, unit, half_life_days, part="beside"), days)

    def rate(self, series: str, unit: str, half_life_days: float) -> FloatArray:
        """Return the decayed rate a day of a series in each pair's unit, changed."""
        if unit == "neighbours":
            return self._neighbour_rate(series, half_life_days)
        days = self.days(unit, half_life_days)
        rates = ratio(self.counts(series, unit, half_life_days), days)
        if self._watched is None:
            return rates
        rates = np.where(days > 0, rates, self._anywhere(series, half_life_days))
        return rates + self.beside(series, unit, half_life_days)

    def _anywhere(self, name: str, half_life_days: float) -> FloatArray:
        """Return the rate of all regions, for units that nobody ever watched."""
        counts = self.counts(name, "all", half_life_days)
        return ratio(counts, self.days("all", half_life_days))

    def _neighbour_rate(self, series: str, half_life_days: float) -> FloatArray:
        """Return the mean decayed rate of a series around each pair's region, changed."""
        rate = self._around(series, half_life_days, "seen")
        if self._watched is None:
            return rate
        links = sparse.csr_array(self._history.neighbours)
        never = (self._keep(half_life_days) @ self._risk <= 0).astype(float)
        rate = rate + (links @ never)[self._what_ifs.region] * self._anywhere(
            series, half_life_days
        )
        return rate + self._around(series, half_life_days, "beside")

    def _around(self, series: str, half_life_days: float, part: str) -> FloatArray:
        """Return the mean rate of the neighbours, changed; nothing where all was taken away."""
        if part == "beside" and not self._is_beside(series):
            return np.zeros(len(self._what_ifs.event))
        left, whole = self._mean_around(series, np.inf, part)
        rate, _ = self._mean_around(series, half_life_days, part)
        return np.where(left > _ROUNDING * whole, np.maximum(rate, 0.0), 0.0)

    def _means_around(
        self, series: str, half_life_days: float, part: str
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean rate of the neighbours, changed and as it is."""
        pairs = self._what_ifs
        links, a_day, reach = self._near(half_life_days, part)
        base = (links @ (self._decayed(series, part, half_life_days) * a_day))[pairs.region]
        if self._cells is None:
            keep = self._keep(half_life_days)
            return base + self._amount(series, keep) * reach * (part == "seen"), base
        amounts = pairs.amounts.get(series, np.zeros(pairs.place.shape[0]))
        return base + amounts[pairs.event] * reach, base

    def _reach_around(self, half_life_days: float, part: str) -> tuple[Any, FloatArray, FloatArray]:
        """Return the links, what an incident adds to each rate, and each event to those around."""
        keep, pairs = self._keep(half_life_days), self._what_ifs
        links = sparse.csr_array(self._history.neighbours)
        days = keep @ (self._risk if part == "seen" else self._whole)
        a_day = np.divide(1.0, days, out=np.zeros_like(days), where=days > 0)
        place = pairs.place if self._cells is None else self._cells.placed(keep, part)
        place = sparse.csr_array(place, copy=True)
        place.data = place.data * a_day[place.indices]
        near = sparse.csr_array(place @ links.T)
        return links, a_day, at_pairs(near, pairs.event, pairs.region)

    def level(self) -> FloatArray:
        """Return the rate of all regions, changed, as of half an incident more."""
        count = self.counts(COUNTS, "all") + UNSEEN
        least = least_days(self._history, at=np.array([self._history.n_windows]))
        rate = count / np.maximum(self.days("all"), least)
        return rate + self.beside(COUNTS, "all", np.inf)

    def shrunk(self, strengths: FloatArray) -> FloatArray:
        """Return rates a day at risk, shrunk from region to parent to country to all, changed."""
        rate = self.level()
        for unit, strength in zip(_LADDER, strengths[::-1], strict=True):
            count, days = self.counts(COUNTS, unit), self.days(unit)
            rate = (count + strength * rate) / (days + strength)
            rate = rate + self.beside(COUNTS, unit, np.inf, more=strength)
        return rate

    def _share(
        self, series: str, strengths: tuple[float, ...], half_life_days: float
    ) -> FloatArray:
        """Return how many of the counts go with one incident of a series, shrunk likewise."""
        part = "seen" if self._watched is None or self._watched.any() else "beside"

        def both(unit: str) -> tuple[FloatArray, FloatArray]:
            return (
                self.counts(COUNTS, unit, half_life_days, part=part),
                self.counts(series, unit, half_life_days, part=part),
            )

        count, days = both("all")
        share = (count + UNSEEN) / np.maximum(days, 1.0)
        for unit, strength in zip(_LADDER, strengths[::-1], strict=True):
            count, days = both(unit)
            share = (count + strength * share) / (days + strength)
        record = self._history.record
        if record is None:
            return share
        known = PastSums(record, np.array([record.n_windows]))
        return np.maximum(
            share, known.share(series, strengths, half_life_days)[0, self._what_ifs.region]
        )


@dataclass(frozen=True)
class _Cells:
    """What each event adds to each region and window, and what these are worth where watched."""

    event: IntArray
    region: IntArray
    window: IntArray
    amount: FloatArray
    watched: NDArray[np.bool_]
    weight: FloatArray
    shape: tuple[int, int]

    @classmethod
    def of(
        cls, what_ifs: WhatIfs, watched: NDArray[np.bool_] | None, weight: FloatArray | None
    ) -> _Cells | None:
        """Return the cells of the events; None when all were watched and are worth the same."""
        if watched is None and weight is None:
            return None
        place, time = sparse.coo_array(what_ifs.place), sparse.csr_array(what_ifs.time)
        event, region = place.coords
        times = np.diff(time.indptr)[event]
        first = np.cumsum(times) - times
        entry = np.arange(times.sum()) + np.repeat(time.indptr[event] - first, times)
        region, window = np.repeat(region, times), time.indices[entry]
        ones = np.ones(len(window))
        some = ones > 0 if watched is None else watched[window, region]
        worth = ones if weight is None else np.where(some, weight[window, region], 1.0)
        if some.all() and (worth == 1).all():
            return None
        amount = np.repeat(place.data, times) * time.data[entry]
        return cls(np.repeat(event, times), region, window, amount, some, worth, place.shape)

    def placed(self, keep: FloatArray, part: str) -> Any:
        """Return what of each event falls into a part of each region, decayed."""
        rows = self.watched == (part == "seen")
        cells = (self.event[rows], self.region[rows])
        values = self.amount[rows] * self.weight[rows] * keep[self.window[rows]]
        return sparse.csr_array(sparse.coo_array((values, cells), shape=self.shape))


def by_region_sums(values: FloatArray, codes: IntArray) -> FloatArray:
    """Return for each region the sum over the unit that it belongs to.

    Examples
    --------
    >>> by_region_sums(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 1])).tolist()
    [1.0, 6.0, 6.0]
    """
    return np.asarray(np.bincount(codes, values)[codes], dtype=float)


def at_pairs(table: Any, row: IntArray, column: IntArray) -> FloatArray:
    """Return entries of a sparse table.

    Examples
    --------
    >>> at_pairs(sparse.csr_array([[0.0, 2.0]]), np.array([0, 0]), np.array([0, 1])).tolist()
    [0.0, 2.0]
    """
    if len(row) == 0:
        return np.empty(0)
    return np.asarray(sparse.csr_array(table)[row, column]).ravel().astype(float)
