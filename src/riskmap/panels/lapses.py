"""Lapses: times in which a source went on, and hardly told of something or anything any more."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

from riskmap.incidents.scope import find_gaps
from riskmap.settings import data_path

if TYPE_CHECKING:
    from riskmap.typing import FloatArray, IntArray

#: The end of a time that lasts.
OPEN = 2**31


@dataclass(frozen=True)
class Rules:
    """What lately, often and recent mean (``data/knowledge/default.toml`` says it in words)."""

    often_days: int
    lately_days: int
    recent_days: int
    gap_probability: float
    region_gap_probability: float
    past_gap_probability: float
    past_gap_factor: float
    least_gap_days: float
    fresh_gap_days: float
    least_history_days: float
    thin_share: float
    longest_delay_days: float
    least_watched_days: float
    sufficient_reports: float
    confident_reports: float
    lost_share: float
    lost_days: int
    gap_days: int
    attack_days: int
    attack_reach_km: float


@lru_cache(maxsize=1)
def default_rules() -> Rules:
    """Return the rules that ship with riskmap.

    Examples
    --------
    >>> default_rules().attack_days
    90
    """
    text = data_path("knowledge/default.toml").read_text(encoding="utf-8")
    return Rules(**tomllib.loads(text))


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
    and r are the lowest share and the lowest pace of any stretch as long in the time before, since
    the first hit. The clearest time is taken out, as if it had not been, and the rest is searched
    again. One that lasts, but with a few hits in it lately, ends now: who tells a little may tell
    all again.

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
    rules = _Rules(*probability, thin_share, memory_days)
    known = day < until
    if not thin_share or rules.are_few(hits[known].sum()):
        return np.empty((0, 2), dtype=np.int64)
    told = day[known].astype(np.int64), number[known].astype(float), hits[known].astype(float)
    # a panel asks the same of a source for each layer, and again for what was lost
    key = (blake2b(b"".join(one.tobytes() for one in told)).digest(), until, rules)
    found = _FOUND.get(key)
    if found is None:
        if len(_FOUND) >= _REMEMBERED:
            _FOUND.clear()
        found = _FOUND[key] = _find(*told, until, rules)
    return found.copy()


def _find(
    day: IntArray, number: FloatArray, hits: FloatArray, until: int, rules: _Rules
) -> IntArray:
    """Return the lapses in reports before the day up to which the source is asked."""
    days, at = np.unique(day, return_inverse=True)
    # when nothing at all is told is another question: of such a time a quarter counts
    clock = np.append(0, np.minimum(np.diff(days), _QUARTER).cumsum())[: len(days)]
    reports, last = (clock[at], number, hits), until - days[-1:].sum()
    end = int(clock[-1:].sum() + last)
    found = np.array(_search(*reports, end, rules), dtype=np.int64).reshape(-1, 2)
    times = np.append(days, until)[np.searchsorted(clock, found)]
    if len(found) and found[-1, 1] == end:
        start = found[-1, 0]
        for time in found[-2::-1]:
            reports = _without(*reports, *time)
            start, end = start - (time[1] - time[0]), end - (time[1] - time[0])
        if _Told.of(*reports, rules).ends(start, end):
            times[-1, 1] = OPEN
    return times[times[:, 1] >= until - rules.memory_days]


class _Rules(NamedTuple):
    """How sure it must be, that it lasts too; what hardly any is; how far back is looked."""

    probability: float
    lasting_probability: float
    thin_share: float
    memory_days: int

    def are_few(self, hits: float) -> bool:
        """Return whether there are so few hits that a time without any is never a surprise."""
        sure = min(self.probability, self.lasting_probability)
        return bool(2.0 * (hits - 2.0) < -np.log1p(-sure))


#: The lapses that were found, by a digest of the reports, and how many are remembered.
_FOUND: dict[tuple[bytes, int, _Rules], IntArray] = {}
_REMEMBERED = 2**16


def _search(
    day: IntArray, number: FloatArray, hits: FloatArray, until: int, rules: _Rules
) -> list[tuple[int, int]]:
    """Return the times, of which none touches another."""
    time = _Told.of(day, number, hits, rules).clearest(until)
    if time is None:
        return []
    start, end = time
    long = end - start
    rest = _search(*_without(day, number, hits, start, end), until - long, rules)
    times = [time, *((low + long * (low >= start), up + long * (up > start)) for low, up in rest)]
    joined: list[tuple[int, int]] = []
    for low, up in sorted(times):
        if joined and low <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(up, joined[-1][1])
        else:
            joined.append((low, up))
    return joined


def _without(
    day: IntArray, number: FloatArray, hits: FloatArray, start: int, end: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return reports as if a time had not been."""
    kept = (day <= start) | (day >= end)
    return np.where(day < end, day, day - (end - start))[kept], number[kept], hits[kept]


@dataclass(frozen=True)
class _Told:
    """How many reports a source told until each day from the first, and how many were hits."""

    first: int
    number: FloatArray
    hits: FloatArray
    rules: _Rules

    @classmethod
    def of(cls, day: IntArray, number: FloatArray, hits: FloatArray, rules: _Rules) -> _Told:
        """Return the sums over reports."""
        first = int(day.min()) if len(day) else 0
        n, k = (np.append(0.0, np.bincount(day - first, one).cumsum()) for one in (number, hits))
        return cls(first, n, k, rules)

    @property
    def hit_days(self) -> IntArray:
        """The days with a hit."""
        return self.first + np.flatnonzero(np.diff(self.hits) > 0)

    def until(self, day: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the reports and the hits up to days."""
        at = (day - (self.first - 1)).clip(0, len(self.hits) - 1)
        return self.number[at], self.hits[at]

    def clearest(self, until: int) -> tuple[int, int] | None:
        """Return the time that the hits are the likeliest to have been fewer in, if one is sure.

        It begins with a hit, and ends with one or at the last day.
        """
        hit = self.hit_days
        if self.rules.are_few(self.hits[-1]):
            return None
        after = np.append(hit, until)
        late = np.flatnonzero(after[1:] >= until - 2 * self.rules.memory_days)
        ends = after[np.searchsorted(after, hit[late, None] + _ENDS).clip(max=len(hit))]
        ends[:, 0], ends[:, -1] = after[late + 1], until
        gain = self.gain(hit[late], ends, until)
        if not (gain > 0.0).any():
            return None
        start = hit[late[np.argmax(gain.max(axis=1))]]
        ends = after[after > start]
        return int(start), int(ends[np.argmax(self.gain(start[None], ends[None], until))])

    def gain(self, start: IntArray, ends: IntArray, until: int) -> FloatArray:
        """Return how much likelier hits are at a rate of their own, 0 where that is not sure."""
        (n0, k0), (n1, k1) = self.until(start), self.until(ends - 1)
        few = k1 - k0[:, None]
        mean = self.expected(start, ends - 1 - start[:, None], n1 - n0[:, None])
        lasting = (ends == until) & (few == 0)
        sure = np.where(lasting, self.rules.lasting_probability, self.rules.probability)
        found = few < self.rules.thin_share * mean
        found &= special.pdtr(np.floor(few), mean) < 1.0 - sure
        mean = np.where(found, mean, 1.0)
        return np.where(found, special.xlogy(few, few / mean) - few + mean, 0.0)

    def ends(self, start: int, until: int) -> bool:
        """Return whether there is surely no hit any more since the last of a time that lasts."""
        last = self.hit_days[-1:]
        (n0, _), (n1, _) = self.until(last), self.until(np.array([until - 1]))
        mean = self.expected(np.array([start]), until - 1 - last[:, None], (n1 - n0)[:, None])
        return bool(np.exp(-mean[0, 0]) < 1.0 - self.rules.lasting_probability)

    def expected(self, start: IntArray, long: IntArray, number: FloatArray) -> FloatArray:
        """Return how many hits are to be expected of so long times and so many reports.

        Parameters
        ----------
        start : ndarray, shape (n,)
            The day up to which the time before reaches.
        long, number : ndarray, shape (n, n_ends)
            Days and reports.
        """
        low = np.maximum(start - self.rules.memory_days, self.hit_days[0] - 1)
        parts = np.maximum((start - low) // _QUARTER, 1)[:, None, None]
        whole = np.clip(long[:, :, None] // _QUARTER, 1, np.maximum(2 * parts // 3, 1))
        j = np.arange(self.rules.memory_days // _QUARTER + 1)
        low, start = low[:, None, None], start[:, None, None]
        begin, after = (
            low + (start - low) * np.minimum(one, parts) // parts for one in (j, j + whole)
        )
        (n, k), (n_after, k_after) = self.until(begin), self.until(after)
        # the day is chosen for its hit: two fewer tell the share
        hits = np.maximum(k_after - k - 2.0, 0.0)
        told = (j + whole <= parts) & (n_after > n)
        share, pace = (
            np.where(told, hits / np.maximum(of, 1.0), np.inf).min(axis=2, initial=np.inf)
            for of in (n_after - n, after - begin)
        )
        known = np.isfinite(share) & (parts[:, :, 0] > 1)
        share, pace = np.where(known, share, 0.0), np.where(known, pace, 0.0)
        # of a time longer than two thirds of what is known before, so much is judged
        judged = np.minimum(1.0, (whole[:, :, 0] + 1) * _QUARTER / np.maximum(long, 1))
        return np.minimum(share * number, pace * long) * judged


#: Days of the parts that stretches are made of, and of times that are tried before the end of one
#: is sought.
_QUARTER = 91
_ENDS = _QUARTER * np.array([0, 1, 2, 4, 8, 16, 0])


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


def find_last_gap(days: IntArray, until: int, rules: Rules) -> int:
    """Return the day on which the last silence ended that was no chance, -1 without one.

    Reports come in bursts: beside the rate of the year before, the silence is held against the
    others of the source within five years. One that lasts is told before the source has stopped.
    """
    nodes = np.append(days, until)
    quiet = np.diff(nodes)
    sure = find_gaps(
        days,
        until,
        recent_days=rules.recent_days,
        probability=rules.past_gap_probability,
        least_days=rules.fresh_gap_days,
    )
    sure[:-1] &= quiet[:-1] > rules.least_gap_days
    sure[-1:] &= quiet[-1:] <= rules.least_gap_days  # beyond that it has stopped
    for i in np.flatnonzero(sure)[::-1]:
        near = np.abs(days - days[i]) <= rules.gap_days
        near[i] = False
        others = np.sort(quiet[near])
        if len(others) > 1 and quiet[i] > rules.past_gap_factor * others[-min(_STOPS, len(others))]:
            return int(nodes[i + 1])
    return -1


#: A source may have stopped so often in five years that its other stops don't excuse one.
_STOPS = 4
