"""Lapses: times in which a source went on, and hardly told of something any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import pandas as pd

    from riskmap.typing import FloatArray, IntArray

#: The end of a time that lasts.
OPEN = 2**31


def find_lapses(
    day: pd.Series,
    number: pd.Series,
    hits: pd.Series,
    until: int,
    *,
    probability: tuple[float, float],
    thin_share: float,
    memory_days: int,
) -> IntArray:
    """Return the times in which hardly any report was a hit any more, against all chance.

    In t days and n reports k or fewer would be hits with the probability of a Poisson variable of
    mean m, the less of s n and r t; that must be less than 1 - `probability`, and k less than
    `thin_share` of m. Hits come in bursts, wars move on, and other reports may come in floods: s
    and r are the lowest share and the lowest pace of any stretch as long in the time before.
    Of several days the likeliest is the one since when. One that lasts, but with a few hits in it,
    ends now: who tells a little may tell all again.

    Parameters
    ----------
    day, number, hits : Series
        Days of reports since 1970, how many they are, and how many of them are hits: of a province,
        or of foreigners.
    until
        The day up to which the source is asked.
    probability
        How sure it must be; and of one that lasts without any hit, since there is only one such.
    thin_share
        What share of the expected hits are hardly any.
    memory_days
        How far back lapses are told of, and the time before them reaches.

    Returns
    -------
    ndarray of int, shape (n_times, 2)
        First day and day after the last of each; one that lasts ends at :data:`OPEN`.

    Examples
    --------
    >>> import pandas as pd
    >>> day, ones = pd.Series(range(1400)), pd.Series(np.ones(1400))
    >>> hits = (day % 10 == 0) & (day < 1000)
    >>> find_lapses(day, ones, hits.astype(float), 1400, probability=(0.9999, 0.999),
    ...             thin_share=0.25, memory_days=1826)
    array([[       990, 2147483648]])
    """
    known = (day < until).to_numpy()
    days, at = np.unique(day.to_numpy(dtype=np.int64)[known], return_inverse=True)
    sums: list[FloatArray] = [
        np.append(0.0, np.bincount(at, one.to_numpy(dtype=float)[known], len(days)).cumsum())
        for one in (number, hits)
    ]
    told = _Told(days, sums[0], sums[1], thin_share, memory_days)
    found: list[tuple[int, int]] = []
    likeliest, hit = 0.0, days[np.diff(told.hits) > 0]
    for start, end in zip(hit, [*hit[1:], until][: len(hit)], strict=True):
        if start < until - memory_days:
            continue
        ended, since = (told.surprise(int(start), int(one)) for one in (end, until))
        sure = since.chance < 1.0 - probability[not since.hits]
        if sure and since.gain > likeliest:
            likeliest = since.gain
            found = [one for one in found if one[1] <= start] + [(int(start), until)]
        if sure and not since.hits:
            found[-1] = (found[-1][0], OPEN)
        elif end < until and ended.chance < 1.0 - probability[0] and not likeliest:
            found.append((int(start), int(end)))
    return np.array(found, dtype=np.int64).reshape(-1, 2)


class _Surprise(NamedTuple):
    """How likely so few hits were, how much likelier they are at a rate of their own, how many."""

    chance: float
    gain: float
    hits: float


@dataclass(frozen=True)
class _Told:
    """How many reports a source told until each day, and how many of them were hits."""

    days: IntArray
    number: FloatArray
    hits: FloatArray
    thin_share: float
    memory_days: int

    def of(self, edges: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the reports and the hits between days, each after its first up to its last."""
        at = np.searchsorted(self.days, edges, side="right")
        return np.diff(self.number[at]), np.diff(self.hits[at])

    def surprise(self, start: int, end: int) -> _Surprise:
        """Return how unlikely what follows a day is, up to the day before another."""
        after, few = (float(one[0]) for one in self.of(np.array([start, end - 1])))
        edges = _quarters(max(start - self.memory_days, int(self.days[0]) - 1), start)
        n, k = (np.append(0.0, one.cumsum()) for one in self.of(edges))
        long = min(max((end - start) // _QUARTER, 1), len(n) - 1)
        # the day is chosen for its hit: two fewer tell the share
        told = np.maximum(k[long:] - k[:-long] - 2.0, 0.0)
        share = float((told / np.maximum(n[long:] - n[:-long], 1.0)).min())
        pace = float((told / (edges[long:] - edges[:-long])).min())
        mean = min(share * after, pace * (end - 1 - start))
        if few >= self.thin_share * mean:
            return _Surprise(1.0, 0.0, few)
        chance = float(special.pdtr(np.floor(few), mean))
        return _Surprise(chance, float(special.xlogy(few, few / mean) - few + mean), few)


def _quarters(start: int, end: int) -> IntArray:
    """Return days that cut a time into quarters, or one part where it is shorter."""
    return np.linspace(start, end, max((end - start) // _QUARTER, 1) + 1).astype(np.int64)


_QUARTER = 91


def without_times(begin: IntArray, end: IntArray, lapses: IntArray) -> tuple[IntArray, IntArray]:
    """Return spans without some times.

    Parameters
    ----------
    begin, end : ndarray of int, shape (n_spans,)
        First day and day after the last of each span.
    lapses : ndarray of int, shape (n_times, 2)
        The times.

    Examples
    --------
    >>> [days.tolist() for days in without_times(np.array([0]), np.array([9]), np.array([[2, 5]]))]
    [[0, 5], [2, 9]]
    """
    spans = list(zip(begin, end, strict=True))
    for low, high in lapses:
        cut = (part for x, y in spans for part in ((x, min(y, low)), (max(x, high), y)))
        spans = [(x, y) for x, y in cut if x < y]
    found = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
