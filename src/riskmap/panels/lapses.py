"""Lapses: times in which a source went on, and hardly told of something any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from riskmap.typing import FloatArray, IntArray

#: The end of a time that lasts.
OPEN = 2**31


def find_lapses(
    day: IntArray,
    number: FloatArray,
    hits: FloatArray,
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
    day, number, hits : ndarray, shape (n,)
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
    >>> day, ones = np.arange(1400), np.ones(1400)
    >>> hits = (day % 10 == 0) & (day < 1000)
    >>> find_lapses(day, ones, hits.astype(float), 1400, probability=(0.9999, 0.999),
    ...             thin_share=0.25, memory_days=1826)
    array([[       990, 2147483648]])
    """
    known = day < until
    days, at = np.unique(day[known], return_inverse=True)
    n, k = (
        np.append(0.0, np.bincount(at, one[known], len(days)).cumsum()) for one in (number, hits)
    )
    told = _Told(days, n, k, thin_share, memory_days)
    hit = days[np.diff(k) > 0]
    late = hit >= until - memory_days
    start, end = hit[late], np.append(hit[1:], until)[: len(hit)][late]
    ended, since = (told.surprise(start, one) for one in (end, np.full(len(end), until)))
    sure = since.chance < 1.0 - np.where(since.hits > 0, *probability)
    last = int(np.argmax(np.where(sure, since.gain, -1.0))) if sure.any() else len(start)
    quiet = (ended.chance < 1.0 - probability[0]) & (end < until)
    found = [(start[i], end[i]) for i in np.flatnonzero(quiet[:last])]
    if sure.any():
        found.append((start[last], OPEN if (sure & (since.hits == 0)).any() else until))
    return np.array(found, dtype=np.int64).reshape(-1, 2)


class _Surprise(NamedTuple):
    """How likely so few hits were, how much likelier they are at a rate of their own, how many."""

    chance: FloatArray
    gain: FloatArray
    hits: FloatArray


@dataclass(frozen=True)
class _Told:
    """How many reports a source told until each day, and how many of them were hits."""

    days: IntArray
    number: FloatArray
    hits: FloatArray
    thin_share: float
    memory_days: int

    def until(self, day: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the reports and the hits up to days."""
        at = np.searchsorted(self.days, day, side="right")
        return self.number[at], self.hits[at]

    def surprise(self, start: IntArray, end: IntArray) -> _Surprise:
        """Return how unlikely what follows each day is, up to the day before another."""
        (n0, k0), (n1, k1) = self.until(start), self.until(end - 1)
        first = self.days[:1] - 1
        low = np.maximum(start - self.memory_days, first)
        parts = np.maximum((start - low) // _QUARTER, 1)
        long = np.clip((end - start) // _QUARTER, 1, parts)
        j = np.arange(self.memory_days // _QUARTER + 1)
        begin, after = (
            low[:, None]
            + (start - low)[:, None] * np.minimum(one, parts[:, None]) // parts[:, None]
            for one in (j, j + long[:, None])
        )
        (n, k), (n_after, k_after) = self.until(begin), self.until(after)
        # the day is chosen for its hit: two fewer tell the share
        hits = np.maximum(k_after - k - 2.0, 0.0)
        whole = j + long[:, None] <= parts[:, None]
        share, pace = (
            np.where(whole, hits / np.maximum(of, 1.0), np.inf).min(axis=1, initial=np.inf)
            for of in (n_after - n, after - begin)
        )
        mean, few = np.minimum(share * (n1 - n0), pace * (end - 1 - start)), k1 - k0
        thin = few < self.thin_share * mean
        mean = np.where(thin, mean, 1.0)
        gain = special.xlogy(few, few / mean) - few + mean
        chance = np.where(thin, special.pdtr(np.floor(few), mean), 1.0)
        return _Surprise(chance, np.where(thin, gain, 0.0), few)


#: Days of the parts that stretches are made of.
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
