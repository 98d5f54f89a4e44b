"""Coverage: which sources' silence adds days at risk, and how many of each window.

The main sources of a country cover its regions between them: when they fall silent, days are lost.
Other sources only tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from riskmap.panels.lapses import default_rules
from riskmap.panels.watchers import find_watchers
from riskmap.places.placements import MEMORY_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from riskmap.panels.lapses import Rules
    from riskmap.panels.watchers import Watcher
    from riskmap.typing import FloatArray, IntArray

#: A source covers regions for itself when they are where so much happened of what it tells.
_NEW = 0.5
#: Sources that tell of so large a share of as many regions as the widest are main ones too.
_AS_WIDE = 2.0 / 3.0
_FEW = 2
#: One that is no wider than this would be none, had a report or two named another region.
_SURELY_AS_WIDE = 0.8
#: A source covers a region that tells there no less than this share of what the fullest one does,
#: and is as wide as the widest that tells no less than this share of all that it does.
_THIN = 0.25


class MainSources(NamedTuple):
    """Country and name of each main source, of those that hardly are, and of all that teach."""

    main: set[tuple[str, str]]
    hardly: set[tuple[str, str]]
    teaching: set[tuple[str, str]]


def main_sources(
    watchers: list[Watcher], seen: pd.DataFrame, iso3: pd.Series, layer: str, *, today: int
) -> MainSources:
    """Return the country and name of each main source, and of each that teaches models.

    The silence of main sources adds days at risk. They are the one that tells of a layer in the
    most regions of a country, more than a year and less than ten years ago (ever, where nobody
    does) and since they watch, and those that do in two thirds as many and tell a quarter as much;
    where a source tells less than a quarter of the fullest it doesn't count. Another one is added
    for the regions that none before it names, when they are where most of what it tells happened:
    two teams that share a country are both main sources, and a log of some districts beside one of
    the whole country is none, however much it tells of them. Of ``foreign`` one that tells of
    attacks on foreigners teaches too, where these tell of none. Those are left out that have told
    nothing for five years, that see a part of the layer alone (some sectors, or deaths) or don't
    name it in their scope, and that report too seldom to watch, where there are others. What they
    tell raises; that they watch, and tell little or much of elsewhere, or watched long ago, lowers
    nothing.

    Parameters
    ----------
    watchers
        From :func:`riskmap.panels.watchers.find_watchers`.
    seen : DataFrame
        ``position, day, source`` and the series.
    iso3
        Countries of the regions, in order.
    layer
        ``"violence"`` or ``"foreign"``.
    today
        The day, since 1970.
    """
    position = seen["position"].to_numpy(dtype=np.int64)
    voices = _Voices.of(iso3.fillna("").to_numpy(dtype=object)[position], seen["source"].fillna(""))
    day, rules = seen["day"].to_numpy(), default_rules()
    age = today - day
    current = pd.Series(age).groupby(voices.voice).transform("min").to_numpy() <= rules.gap_days
    current |= ~voices.in_country(current)
    whole = [w for w in watchers if w.scope.covers(layer)]
    naming = [w for w in whole if layer in w.scope.layers]
    able = current & voices.are({(w.iso3, w.source) for w in whole})
    for some in (whole, naming, [w for w in naming or whole if w.alive or w.stopped]):
        fit = voices.are({(w.iso3, w.source) for w in some})
        current &= fit | ~voices.in_country(fit & current)
    reports = number = seen[layer].to_numpy(dtype=float)
    if layer == "foreign":  # violence of local people tells of them too
        number = np.maximum((seen["violence"] - seen["unknown"]).to_numpy(dtype=float), number)

    def of_record(some: NDArray[np.bool_]) -> NDArray[np.bool_]:
        some = some & (age > 0)
        old = some & (age > rules.recent_days) & (age <= MEMORY_DAYS)
        old &= ~voices.are_older(day, watchers)
        return old | some & ~voices.in_country(old)

    record = of_record(current & (number > 0))
    by = voices.voice[record]
    table = pd.Series(number[record]).groupby([by, position[record]]).sum().unstack(fill_value=0.0)  # noqa: PD010 - its columns are regions
    abroad = of_record(able & (reports > 0)) & (layer == "foreign")
    hits = pd.Series(reports[abroad]).groupby(voices.voice[abroad]).sum()
    hits.index = [voices.names[voice] for voice in hits.index]
    names = [voices.names[voice] for voice in table.index]
    codes = np.array([code for code, _ in names], dtype=object)
    all_of = MainSources(set(), set(), set())
    for code in dict.fromkeys(codes):
        here = np.flatnonzero(codes == code)
        cover, hardly = _cover(table.to_numpy(dtype=float)[here])
        found = {names[here[row]] for row in cover}
        all_of.main.update(found)
        all_of.hardly.update(names[here[row]] for row in hardly)
        books = _books_of_hits({k: n for k, n in hits.items() if k[0] == code}, found)
        all_of.teaching.update(found | books)
    return all_of


@dataclass(frozen=True)
class _Voices:
    """Which report is of which country, and of which source in it; by number, to be quick.

    Parameters
    ----------
    country, voice : ndarray of int, shape (n_reports,)
        The country of each report, and the country with the source, both in order of name.
    names
        Country and source by the number of a voice.
    """

    country: IntArray
    voice: IntArray
    names: dict[int, tuple[str, str]]

    @classmethod
    def of(cls, country: NDArray[np.object_], source: pd.Series) -> _Voices:
        """Return the voices of reports."""
        there, codes = pd.factorize(country, sort=True)
        by, sources = pd.factorize(source, sort=True)
        voice = there * len(sources) + by
        pairs = ((int(one), *divmod(int(one), len(sources))) for one in np.unique(voice))
        return cls(there, voice, {one: (str(codes[i]), str(sources[j])) for one, i, j in pairs})

    def in_country(self, some: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which reports are of a country of which some are."""
        return np.isin(self.country, np.unique(self.country[some]))

    def are(self, names: set[tuple[str, str]]) -> NDArray[np.bool_]:
        """Return which reports are of some sources and countries."""
        return np.isin(self.voice, [one for one, name in self.names.items() if name in names])

    def are_older(self, day: IntArray, watchers: list[Watcher]) -> NDArray[np.bool_]:
        """Return which reports are from before their source watched their country."""
        begun = {(w.iso3, w.source): float(w.begin.min()) for w in watchers if len(w.begin)}
        first = np.array([begun.get(name, np.nan) for name in self.names.values()], dtype=float)
        return np.asarray(day < first[np.searchsorted(list(self.names), self.voice)])


def _cover(counts: FloatArray) -> tuple[list[int], list[int]]:
    """Return which sources, in rows, cover the regions: the widest, and what adds to them.

    And which of them hardly do, for they are just about as wide.

    Parameters
    ----------
    counts : ndarray, shape (n_sources, n_regions)
        What each tells of each region.

    Examples
    --------
    >>> wide, log, team = [5] * 9 + [0], [90] + [0] * 9, [0] * 9 + [7]
    >>> _cover(np.array([wide, log, team], dtype=float))
    ([0, 2], [])
    """
    covers = (counts > 0) & (counts >= _THIN * counts.max(axis=0))
    wide, told = covers.sum(axis=1) + _FEW, counts.sum(axis=1)  # a few regions more or less
    order = np.lexsort((-told, -wide))
    found, hardly = [], []
    named = np.zeros(counts.shape[1], dtype=bool)
    for row in order.tolist():
        own = counts[row]
        adds = own[~named].sum() >= _NEW * told[row]
        as_wide = wide[row] >= _AS_WIDE * wide.max() and told[row] >= _THIN * told[order[0]]
        if told[row] > 0 and (as_wide or adds):
            found.append(row)
            named |= own > 0
            if not adds and wide[row] < _SURELY_AS_WIDE * wide.max():
                hardly.append(row)
    return found, hardly


def _books_of_hits(
    hits: dict[tuple[str, str], float], main: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return the source that tells of most attacks on foreigners, where no main one tells of any.

    A desk may keep two books, one of them of foreigners; or a feed tells of the same attacks as its
    log, but for those. What the log tells teaches; that it tells of none elsewhere adds no day,
    since a second source lowers nothing.

    Examples
    --------
    >>> gtd, log = ("XQA", "gtd"), ("XQA", "log")
    >>> _books_of_hits({log: 9.0}, {gtd}), _books_of_hits({gtd: 1.0, log: 9.0}, {gtd})
    ({('XQA', 'log')}, set())
    """
    return {max(hits, key=lambda name: hits[name])} if hits and not main & hits.keys() else set()


def watched_windows(
    watchers: list[Watcher], layer: str, *, bounds: IntArray, n_regions: int
) -> FloatArray:
    """Return the share of each window and region in which a source watched a series.

    Parameters
    ----------
    watchers
        From :func:`riskmap.panels.watchers.find_watchers`.
    layer
        ``"violence"`` or ``"foreign"``: those whose scope names it, also for some sectors or deaths
        alone. Whether that suffices for a low level is another question
        (:func:`riskmap.panels.knowledge.know_regions`).
    bounds : ndarray of int, shape (n_windows + 1,)
        Edges of the windows, days since 1970.
    n_regions
        Number of regions.

    Returns
    -------
    ndarray, shape (n_windows, n_regions)
    """
    share = np.zeros((len(bounds) - 1, n_regions))
    for watcher in watchers:
        if layer in watcher.scope.layers:
            own = watcher.share(bounds, layer)[:, None]
            share[:, watcher.regions] = np.maximum(share[:, watcher.regions], own)
    return share


def main_watchers(watchers: list[Watcher], main: set[tuple[str, str]]) -> list[Watcher]:
    """Return the watchers that are main sources; all of them in a country that has none."""
    countries = {code for code, _ in main}
    return [w for w in watchers if w.iso3 not in countries or (w.iso3, w.source) in main]


def times_without(
    counts: FloatArray, at_risk: FloatArray | None, less: FloatArray | None
) -> FloatArray:
    """Return how many times higher the rate of each region is on a part of its days at risk.

    Parameters
    ----------
    counts : ndarray, shape (n_windows, n_regions)
        What happened.
    at_risk, less : ndarray, shape (n_windows, n_regions), or None
        On what share of each window a region was at risk, and a part of that; None for all of it.

    Examples
    --------
    >>> counts = np.array([[1.0], [0.0]])
    >>> times_without(counts, None, np.array([[1.0], [0.0]]))
    array([2.])
    """
    rates = []
    for share in (at_risk, less):
        days = np.ones_like(counts) if share is None else share
        told = np.where(days > 0, counts, 0.0).sum(axis=0)
        rates.append(np.divide(told, days.sum(axis=0), where=days.any(axis=0), out=0 * told))
    whole, part = rates
    return np.maximum(np.divide(part, whole, where=whole > 0, out=np.ones_like(part)), 1.0)


def days_at_risk_share(
    watchers: list[Watcher], reported: FloatArray, layer: str, *, bounds: IntArray
) -> tuple[FloatArray, FloatArray | None]:
    """Return what was watched, and what of each window models count as days at risk.

    A region that was hardly ever watched, or not lately, has no rate of its own. What is told of it
    is then held against the days on which anybody reported from its country at all: a rate that is
    at least so high, since nobody would have told of everything.

    Parameters
    ----------
    watchers
        Those whose silence may tell.
    reported : ndarray, shape (n_windows, n_regions)
        On what share of each window anybody reported, from :func:`reported_share`.
    layer, bounds
        As for :func:`watched_windows`.

    Returns
    -------
    watched : ndarray, shape (n_windows, n_regions)
    at_risk : ndarray, shape (n_windows, n_regions), or None
        None where all of it is at risk.
    """
    days = np.diff(bounds).astype(float)
    watched = watched_windows(watchers, layer, bounds=bounds, n_regions=reported.shape[1])
    at_risk = watched.copy()
    blind = _is_blind(watched, bounds, days)
    if blind.any():
        at_risk[:, blind] = reported[:, blind]
    return watched, None if (at_risk == 1.0).all() else at_risk


def reported_share(
    told: pd.DataFrame, keys: pd.DataFrame, counts: FloatArray, *, bounds: IntArray, today: int
) -> FloatArray:
    """Return on what share of each window anybody reported from the country of a region.

    All sources are taken as one. A time in which they told hardly anything, as of old rows beside a
    log, is left out, but for the windows of which something is told of the region itself. Where
    that leaves less than a year, or nothing of late, all windows count since they began, and those
    of the last year. Sources that see a part alone are treated as :func:`whole_share` says.

    Parameters
    ----------
    told : DataFrame
        As for :func:`riskmap.panels.watchers.find_watchers`, of rows that name a region, and
        ``is_partial``: whether their source sees a part alone.
    keys : DataFrame
        The regions.
    counts : ndarray, shape (n_windows, n_regions)
        What is told of each window and region.
    bounds, today
        As for :func:`watched_windows` and ``find_watchers``.
    """
    late, rules = told[told["day"] >= today - MEMORY_DAYS], default_rules()

    def share(rows: pd.DataFrame, rules: Rules = rules) -> FloatArray:
        watchers = find_watchers(rows, keys, today=today, rules=rules)
        return watched_windows(watchers, "violence", bounds=bounds, n_regions=len(keys))

    ever = share(late, replace(rules, thin_share=0.0))
    mostly = whole_share(late.assign(source=""), share, bounds=bounds)
    blind = _is_blind(mostly, bounds, np.diff(bounds).astype(float))
    begun = mostly.cumsum(axis=0) > 0
    lately = bounds[-1] - bounds[1:, None] < rules.least_watched_days
    mostly[:, blind] = (begun | lately | ~begun.any(axis=0))[:, blind]
    return np.where(counts > 0, np.maximum(ever, mostly), mostly)


def whole_share(
    told: pd.DataFrame, share: Callable[[pd.DataFrame], FloatArray], *, bounds: IntArray
) -> FloatArray:
    """Return on what share of each window somebody reported who tells of all violence.

    A source that tells of a part alone, such as attacks on aid workers, may go on when a log has
    ended: where another told of a region for a year, it adds no day.

    Parameters
    ----------
    told : DataFrame
        As for :func:`reported_share`.
    share
        What gives the share of each window and region of some of its rows.
    bounds
        As for :func:`watched_windows`.
    """
    found, others = share(told), told[~told["is_partial"]]
    if len(others) < len(told):
        own = share(others)
        here = np.unique(others["position"].to_numpy(dtype=np.int64))
        days = np.diff(bounds).astype(float)
        here = here[days @ own[:, here] >= min(default_rules().least_watched_days, days.sum())]
        found[:, here] = own[:, here]
    return found


def _is_blind(share: FloatArray, bounds: IntArray, days: FloatArray) -> NDArray[np.bool_]:
    """Return the regions that were watched for too few days, or on none of late."""
    rules = default_rules()
    few = days @ share < min(rules.least_watched_days, days.sum())
    late = bounds[1:] > bounds[-1] - rules.lately_days
    return np.asarray(few | (share[late].sum(axis=0) == 0))
