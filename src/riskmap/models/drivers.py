"""Drivers: the rates that a model looks at, listed once.

Features of the past and what-ifs evaluate the same list, by the same body (:func:`rate_of`); only
the sums differ that they take it from. Names are labels: nothing reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from riskmap.models.baselines import UNSEEN
from riskmap.models.shrinkage import shrunk_rates, shrunk_shares
from riskmap.panels.features import DAYS_A_MONTH, decayed_sums, membership, neighbour_sums
from riskmap.panels.risk_days import counts_and_days, least_days, ratio, watched_share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.typing import CountHistory, FloatArray, IntArray

#: The counts themselves, and every series beside them such as ``violence``.
COUNTS, OTHERS = "counts", "*"

#: Half-lives in months for a region's own history, from the last weeks to a decade.
OWN_HALF_LIVES = (1.5, 3.0, 6.0, 12.0, 24.0, 48.0, 120.0)
#: More of them, from four days on, where windows are no longer than they are.
SHORT_HALF_LIVES = (0.125, 0.25, 0.5)
#: Half-lives in months for neighbours, the parent, the country, all regions and other series.
OTHER_HALF_LIVES = (3.0, 12.0, 48.0)

#: Own history up to this half-life in months is called recent.
_RECENT_MONTHS = 3.0
#: The share of the counts in another series is that of the past decayed at this half-life.
_SHARE_DAYS = 48.0 * DAYS_A_MONTH
#: What the strengths of the shrinkage are multiplied by.
_WORTH = {"base": 1.0, "base_wide": 4.0}
#: What units are called as parts of a forecast, where not by their own name.
_PARTS = {"all": "all_regions", "level": "all_regions", **dict.fromkeys(_WORTH, "base_rate")}


@dataclass(frozen=True)
class Driver:
    """A rate a day.

    Parameters
    ----------
    series
        ``"counts"``, the name of a series beside them, or ``"*"`` for each of those.
    unit
        Whose rate: ``"own"``, the ``"neighbours"``, the ``"parent"``, the ``"country"`` or
        ``"all"`` regions, decayed at the half-life; or without one ``"base"`` (shrunk from region
        to all), ``"base_wide"`` (with four times the strength) or ``"level"`` (of all regions, as
        of half an incident more).
    half_life
        In months.

    Examples
    --------
    >>> Driver("violence", "country", 12.0).label, Driver("counts", "base").label
    ('violence_country_12m', 'base')
    """

    series: str
    unit: str
    half_life: float = np.inf

    @property
    def label(self) -> str:
        """Its name in tables and files."""
        if not np.isfinite(self.half_life):
            return self.unit
        names = [self.series, self.unit, f"{self.half_life:g}m"]
        return "_".join(names[self.series == COUNTS :]).replace("_own_", "_")

    @property
    def part(self) -> str:
        """The part of a forecast that it belongs to."""
        if self.series != COUNTS:
            return self.series
        if self.unit == "own":
            return "own_recent" if self.half_life <= _RECENT_MONTHS else "own_history"
        return _PARTS.get(self.unit, self.unit)


LEVEL = Driver(COUNTS, "level")
BASE = Driver(COUNTS, "base")

#: The drivers of the default model. One more is one line; see :func:`drivers_of`.
DRIVERS = (
    *(Driver(COUNTS, "own", months) for months in SHORT_HALF_LIVES + OWN_HALF_LIVES),
    *(Driver(COUNTS, "neighbours", months) for months in OTHER_HALF_LIVES),
    *(Driver(COUNTS, "parent", months) for months in OTHER_HALF_LIVES),
    *(Driver(COUNTS, "country", months) for months in OTHER_HALF_LIVES),
    *(Driver(COUNTS, "all", months) for months in OTHER_HALF_LIVES),
    *(Driver(OTHERS, "own", months) for months in OTHER_HALF_LIVES),
    *(Driver(OTHERS, "country", months) for months in OTHER_HALF_LIVES),
    BASE,
    Driver(COUNTS, "base_wide"),
)


def drivers_of(history: CountHistory) -> tuple[Driver, ...]:
    """Return the drivers that a history has.

    A region's own rates of less than a month only where windows are as short, those of neighbours
    only where there are any, and of every series beside the counts what is listed for all. A
    driver of a named series is left out where the history lacks it.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> one = np.zeros(2, int)
    >>> history = CountHistory(np.ones((4, 2)), np.full(4, 30.0), one, one)
    >>> [driver.label for driver in drivers_of(history)][:2]
    ['own_1.5m', 'own_3m']
    """
    months = float(np.median(history.days)) / DAYS_A_MONTH
    found: list[Driver] = []
    for driver in DRIVERS:
        short = driver.half_life in SHORT_HALF_LIVES and driver.half_life < months
        if short or (driver.unit == "neighbours" and history.neighbours is None):
            continue
        every = sorted(history.drivers)
        names = every if driver.series == OTHERS else [driver.series]
        names = [name for name in names if name in (COUNTS, *every)]
        found += [replace(driver, series=name) for name in names]
    return tuple(found)


class Sums(Protocol):
    """What drivers are made of: of the past at some origins, or of a history that is changed."""

    def level(self) -> FloatArray:
        """Return the rate of all regions, as of half an incident more."""
        ...

    def shrunk(self, strengths: FloatArray) -> FloatArray:
        """Return rates shrunk from region to parent to country to all."""
        ...

    def rate(self, series: str, unit: str, half_life_days: float) -> FloatArray:
        """Return the decayed rate a day of a series in each region's unit."""
        ...

    def share(self, series: str, strengths: tuple[float, ...], half_life_days: float) -> FloatArray:
        """Return how many of the counts go with one incident of a series, shrunk likewise."""
        ...


def rate_of(
    driver: Driver,
    sums: Sums,
    *,
    strength_days: FloatArray,
    share_strengths: Mapping[str, FloatArray] | None = None,
) -> FloatArray:
    """Return the rate that a driver stands for.

    Parameters
    ----------
    driver
        Which.
    sums
        What it is made of.
    strength_days : ndarray, shape (3,)
        Of the shrinkage of base rates, in days.
    share_strengths : mapping of str to ndarray, shape (3,), optional
        Of the shrinkage of the share of the counts in each other series: a rate of such a series is
        multiplied by this share. None leaves it as it is.
    """
    if driver.unit == LEVEL.unit:
        return sums.level()
    if driver.unit in _WORTH:
        return sums.shrunk(_WORTH[driver.unit] * strength_days)
    rate = sums.rate(driver.series, driver.unit, driver.half_life * DAYS_A_MONTH)
    if driver.series == COUNTS or share_strengths is None:
        return rate
    return rate * sums.share(driver.series, tuple(share_strengths[driver.series]), _SHARE_DAYS)


class PastSums:
    """Decayed sums of the past at some origins, shape (len(at), n_regions).

    Parameters
    ----------
    history
        Counts by window and region.
    at : ndarray of int, sorted
        Windows before which to look: nothing later can change what is seen.
    """

    def __init__(self, history: CountHistory, at: IntArray) -> None:
        self._history, self._at = history, at
        every = np.zeros(history.n_regions, dtype=np.int64)
        self._units = {"parent": history.parent, "country": history.country, "all": every}
        self._decayed, self._own = cache(self._decay), cache(self._own_rate)
        self.share = cache(self._share)

    def level(self) -> FloatArray:
        """Return the rate of all regions, as of half an incident more."""
        history, at = self._history, self._at
        seen, risk, *beside = (
            np.append(0.0, part.sum(axis=1).cumsum())[at] for part in counts_and_days(history)
        )
        level = ratio(seen + UNSEEN, np.maximum(risk, least_days(history, at=at)), *beside)
        return np.repeat(level[:, None], history.n_regions, axis=1)

    def shrunk(self, strengths: FloatArray) -> FloatArray:
        """Return rates shrunk from region to parent to country to all."""
        return shrunk_rates(self._history, strengths, at=self._at)

    def rate(self, series: str, unit: str, half_life_days: float) -> FloatArray:
        """Return the decayed rate a day of a series in each region's unit."""
        if unit == "own":
            return self._own(series, half_life_days)
        if unit == "neighbours":
            return neighbour_sums(self._own(series, half_life_days), self._history.neighbours)
        codes = self._units[unit]
        parts = [part @ membership(codes) for part in self._decayed(series, half_life_days)]
        return self._ratio(series, parts)[:, codes]

    def _share(
        self, series: str, strengths: tuple[float, ...], half_life_days: float
    ) -> FloatArray:
        """Return how many of the counts go with one incident of a series, shrunk likewise."""
        history, at = self._history, self._at
        told = shrunk_shares(
            history, series, np.array(strengths), half_life_days=half_life_days, at=at
        )
        if history.record is None:
            return told
        return np.maximum(
            told, PastSums(history.record, at).share(series, strengths, half_life_days)
        )

    def _decay(self, series: str, half_life_days: float) -> list[FloatArray]:
        """Return the decayed sums of counts and of days at risk."""
        return [
            decayed_sums(
                part, lengths=self._history.days, half_life_days=half_life_days, at=self._at
            )
            for part in counts_and_days(self._history, series)
        ]

    def _own_rate(self, series: str, half_life_days: float) -> FloatArray:
        return self._ratio(series, self._decayed(series, half_life_days))

    def _ratio(self, series: str, sums: list[FloatArray]) -> FloatArray:
        """Return rates of units; of those that nobody ever watched, that of all."""
        rates, (seen, risk) = ratio(*sums), sums[:2]
        if watched_share(self._history, series) is None:
            return rates
        every = ratio(*(part.sum(axis=-1, keepdims=True) for part in (seen, risk)))
        return rates + np.where(risk > 0, 0.0, every)
