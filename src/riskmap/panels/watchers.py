"""Watchers: which sources watch which regions and when, by the days of their reports.

A source watches a region on the days on which it reports from the country (or, a log, from the
region itself) at about the rate at which it lately does; and only its scope says which layers its
silence is about.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from riskmap.incidents.feeds import CURATED
from riskmap.incidents.scope import Scope, find_gaps
from riskmap.panels.lapses import (
    OPEN,
    Rules,
    default_rules,
    find_lapses,
    find_last_gap,
    without_times,
)
from riskmap.panels.windows import day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

    Rows = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Watcher:
    """One source, as it watches the regions of one country.

    Parameters
    ----------
    source, iso3
        The source and the country.
    scope : Scope
        What it can see.
    regions : ndarray of int
        Positions of the regions that it watches when it does.
    begin, end : ndarray of int, shape (n_spans,)
        First day and day after the last of each span in which it watched, since 1970.
    alive
        Whether it watches on the day the panel is made for.
    stopped
        Whether it does not because it has fallen silent.
    last_gap
        The day on which its last silence ended that was no chance; -1 where there was none.
    over
        Whether its last report is so old that it is no longer expected to report.
    mute : mapping of str to ndarray of int, shape (n_spans, 2)
        From when to when it told of hardly any violence against all chance, though it told of
        protests; of hardly any foreigner, though it told who was hit: a form says 0 unless somebody
        changes it; and of hardly any foreigner of the group. One that lasts ends at :data:`OPEN`.
        By layer.
    """

    source: str
    iso3: str
    scope: Scope
    regions: IntArray
    begin: IntArray
    end: IntArray
    alive: bool
    stopped: bool = False
    last_gap: int = -1
    over: bool = False
    mute: Mapping[str, IntArray] = field(default_factory=dict)

    def watches(self, layer: str) -> bool:
        """Return whether it watches a layer on the day, if its scope covers it."""
        return self.alive and not (self.mute_times(layer)[:, 1] == OPEN).any()

    def mute_times(self, layer: str) -> IntArray:
        """Return from when to when it told of hardly anything of a layer."""
        return self.mute.get(layer, np.empty((0, 2), dtype=np.int64))

    def had_gap(self, layer: str) -> int:
        """Return the day on which the last silence ended in which it told nothing of a layer."""
        ended = self.mute_times(layer)[:, 1]
        return max(self.last_gap, -1, *ended[ended < OPEN])

    def share(self, bounds: IntArray, layer: str = "violence") -> FloatArray:
        """Return the share of each window in which it watched a layer."""
        days = np.zeros(len(bounds) - 1)
        spans = without_times(self.begin, self.end, self.mute_times(layer))
        for begin, end in zip(*spans, strict=True):
            days += np.clip(np.minimum(end, bounds[1:]) - np.maximum(begin, bounds[:-1]), 0, None)
        return days / np.diff(bounds)


def find_watchers(
    seen: pd.DataFrame, keys: pd.DataFrame, *, today: int, rules: Rules | None = None
) -> list[Watcher]:
    """Return who watched where and when, of the sources whose silence may tell anything.

    Parameters
    ----------
    seen : DataFrame
        ``position, day, source, scope``, of reports before `today`; with ``reports``, rows of 0 are
        of incidents spread over several regions: they name the country and none of its regions,
        unless they are ``quiet``: then the source has told that nothing happened in the region.
    keys : DataFrame
        ``iso3`` and, where there are provinces, ``parent_id`` of the regions, in order.
    today
        The day the panel is made for, since 1970.
    rules : Rules, optional

    Examples
    --------
    >>> seen = pd.DataFrame({"position": 0, "day": range(0, 700, 7), "source": "a",
    ...                      "scope": "violence; reach=countries"})
    >>> found, = find_watchers(seen, pd.DataFrame({"iso3": ["XQA", "XQA"]}), today=700)
    >>> found.alive, found.regions.tolist(), found.end.tolist()
    (True, [0, 1], [700])
    """
    chosen = default_rules() if rules is None else rules
    found: list[Watcher] = []
    countries = pd.factorize(keys["iso3"].fillna(""), sort=True)
    province = pd.factorize(keys["parent_id"])[0] if "parent_id" in keys else np.full(len(keys), -1)
    stated = seen[seen["scope"].notna()]
    columns = {name: stated[name].to_numpy() for name in _COLUMNS if name in stated}
    told = stated.assign(source=stated["source"].astype(object).fillna(""))
    groups = told.groupby(["source", "scope"], sort=True).indices
    for (source, text), at in sorted(groups.items()):
        scope = Scope.parse(str(text))
        rows = _at(columns, at)
        if scope.layers and not _is_peaceful(rows):
            areas = (countries, province)
            found += _watch(str(source), scope, rows, areas, today=today, rules=chosen)
    return found


#: What is asked of reports: arrays by name, since tables would be cut thousands of times.
_COLUMNS = (
    *("position", "day", "days", "reports", "heard", "quiet"),
    *("violence", "told", "foreign", "theirs"),
)


def _at(rows: Rows, some: NDArray[Any]) -> Rows:
    """Return some of the reports, by a mask or by positions."""
    return {name: values[some] for name, values in rows.items()}


def _is_peaceful(rows: Rows) -> bool:
    """Return whether a source tells of incidents and never of violence: it may not look for it."""
    if "violence" not in rows:
        return False
    return bool(rows["reports"].sum() > 0 and rows["violence"].sum() == 0)


def _watch(
    source: str,
    scope: Scope,
    rows: Rows,
    areas: tuple[tuple[IntArray, pd.Index[str]], IntArray],
    *,
    today: int,
    rules: Rules,
) -> Iterator[Watcher]:
    """Yield how one source watches each country; areas are those of the regions, by province."""
    (country, codes), province = areas
    rows = dict(rows, **{name: rows[name].astype(np.int64) for name in ("position", "day")})
    until = today - int(np.ceil(scope.delay_days))
    # a source that has watched for long is known from the first report of the file on
    since = None if scope.since is None else max(day_of(scope.since), int(rows["day"].min()))
    asked = _Asked(source, scope, since, until, _covered(rows, until), today, rules)
    there = country[rows["position"]]
    named = [] if scope.reach in ("countries", "reports") else scope.reach.split(";")
    numbers = codes.get_indexer(named) if named else np.unique(there)
    for place, code in zip(numbers, named or codes[numbers], strict=True):
        # a scope that names a country watches it as long as the source reports from anywhere
        inside = there == place
        own = dict(rows, inside=inside) if named else _at(rows, inside)
        yield from _once(asked, str(code), own, np.flatnonzero(country == place), province)


class _Asked(NamedTuple):
    """Who is asked, since when and up to which day it can have watched, on which day, and how."""

    source: str
    scope: Scope
    since: int | None
    until: int
    covered: int
    today: int
    rules: Rules


#: The watchers that were found, by all that they hang on, and of how many they are remembered.
_FOUND: dict[tuple[Any, ...], tuple[Watcher, ...]] = {}
_REMEMBERED = 2**14


def _once(
    asked: _Asked, code: str, rows: Rows, regions: IntArray, province: IntArray
) -> tuple[Watcher, ...]:
    """Return how a source watches a country; a panel asks the same again for layers and losses."""
    arrays = regions, province[regions], *rows.values()
    digest = blake2b(b"".join(one.tobytes() for one in arrays)).digest()
    key = (asked, code, len(regions), *rows, digest)
    found = _FOUND.get(key)
    if found is None:
        if len(_FOUND) >= _REMEMBERED:
            _FOUND.clear()
        found = _FOUND[key] = tuple(_watch_country(asked, code, rows, regions, province))
    return found


def _watch_country(
    asked: _Asked, code: str, rows: Rows, regions: IntArray, province: IntArray
) -> Iterator[Watcher]:
    """Yield how one source watches one country.

    Rows are those of the country; where the scope names it, all of them, and which are ``inside``.
    """
    source, scope, since, until, covered, today, rules = asked
    named = scope.reach.split(";") if "inside" in rows else []
    day, inside = rows["day"], rows.get("inside", np.ones(len(rows["day"]), dtype=bool))
    # what is spread shows that the source reports, and not that it names regions of the country
    days = np.unique(day)
    near = days if named else np.unique(day[names_region(rows, "heard")])
    told = np.unique(day[inside & (day < until)])
    if not len(near) or (len(named) > 1 and len(told) < rules.often_days):
        return  # one scope for all files: this one hardly ever told of that country
    often = bool(named) or np.sum(near >= until - rules.lately_days) >= rules.often_days
    begin, end, alive = _spans(days, since, source=source, until=until, rules=rules)
    end = np.minimum(end, covered)
    if (end - begin).sum() < rules.least_history_days:
        return
    gap = find_last_gap(days[days < until], until, rules)
    over = bool(days[-1] < today - rules.gap_days)
    alive &= scope.delay_days <= rules.longest_delay_days
    if scope.reach == "countries" and len(near) < rules.often_days:
        return
    watches = alive and (bool(often) or scope.reach == "reports")
    here = _at(rows, inside) if named else rows
    last = gap, over, _mute_times(here, until, rules)
    whole = Watcher(source, code, scope, regions, begin, end, watches, not alive, *last)
    if len(named) > 1:
        number = _numbers(rows)
        whole = _lapsed(whole, _lapses_of(day, number, number * inside, until, rules))
    for one in _offices(whole, here, province, until=until, rules=rules):
        yield from [one] if scope.reach != "reports" else _by_region(one, here, until, rules)


def _covered(rows: Rows, until: int) -> int:
    """Return up to which day a source can have watched.

    One whose rows are mostly of weeks or months has watched to the end of the last one.
    """
    if "days" not in rows:
        return until
    number = (rows["reports"] + rows["quiet"]).astype(float)
    of_one = rows["days"].astype(float) / np.maximum(number, 1.0)
    if number[of_one >= _PERIOD].sum() * 2 <= number.sum():
        return until
    return min(until, int(np.ceil((rows["day"] + of_one).max())))


#: An interval of so many days is a period, and no unsure day.
_PERIOD = 6


def _offices(
    whole: Watcher, rows: Rows, province: IntArray, *, until: int, rules: Rules
) -> Iterator[Watcher]:
    """Yield how a source watches the provinces that it tells of, and each that it tells of no more.

    One of several offices that write a log may close, and the log goes on. The coders of a curated
    feed read of the whole country.
    """
    position, day = rows["position"], rows["day"]
    sharp = names_region(rows)
    number = _numbers(rows)
    # what is known to one province only tells of it; what is known to the country, of none
    wide = province.max(initial=0) + 2  # -1 is of no province
    vague, of = np.divmod(np.unique((day * wide + province[position] + 1)[~sharp]), wide)
    _, at, times = np.unique(vague, return_index=True, return_counts=True)
    vague, of = vague[at[times == 1]], of[at[times == 1]] - 1
    days = np.append(day[sharp], vague)
    there = np.append(province[position][sharp], of)
    number = np.append(number[sharp], np.ones(len(vague)))
    rest = np.ones(len(whole.regions), dtype=bool)
    for code in np.unique(there[there >= 0]) if whole.source not in CURATED else ():
        lapses = _lapses_of(days, number, number * (there == code), until, rules)
        if len(lapses):
            own = province[whole.regions] == code
            rest &= ~own
            yield _lapsed(replace(whole, regions=whole.regions[own]), lapses)
    yield replace(whole, regions=whole.regions[rest])


def _numbers(rows: Rows) -> FloatArray:
    """Return how many reports each row stands for; that nothing happened is one too."""
    if "reports" not in rows:
        return np.ones(len(rows["day"]))
    quiet = rows.get("quiet", 0.0)
    return np.asarray(rows["reports"] + quiet, dtype=float)


def _lapses_of(
    day: IntArray,
    number: FloatArray,
    hits: FloatArray,
    until: int,
    rules: Rules,
    *,
    probability: tuple[float, float] | None = None,
) -> IntArray:
    """Return when a source told hardly anything of a country, a province or a kind of people."""
    return find_lapses(
        *(day, number, hits, until),
        probability=probability or (rules.region_gap_probability,) * 2,
        thin_share=rules.thin_share,
        memory_days=rules.gap_days,
    )


def _lapsed(watcher: Watcher, lapses: IntArray) -> Watcher:
    """Return a watcher without the times in which it told hardly anything of its regions."""
    begin, end = without_times(watcher.begin, watcher.end, lapses)
    is_open = bool((lapses[:, 1] == OPEN).any())
    return replace(
        watcher,
        begin=begin,
        end=end,
        alive=watcher.alive and not is_open,
        stopped=watcher.stopped or is_open,
        last_gap=max(watcher.last_gap, *lapses[lapses[:, 1] < OPEN, 1], -1),
    )


def _mute_times(rows: Rows, until: int, rules: Rules) -> dict[str, IntArray]:
    """Return from when to when a source told of hardly any foreigner, though it told who was hit.

    Or told of hardly any report who was hit any more; and, of the group, from when to when it told
    of hardly any of them among foreigners.
    """
    lasts = (rules.region_gap_probability, rules.past_gap_probability)

    def times(number: str, hits: str) -> IntArray:
        of, among = (rows[name].astype(float) for name in (hits, number))
        return _lapses_of(rows["day"], among, of, until, rules, probability=lasts)

    if "foreign" not in rows:
        return {}
    peace = times("reports", "violence") if "violence" in rows else np.empty((0, 2), np.int64)
    found = np.concatenate([peace, times("told", "foreign"), times("reports", "told")])
    theirs = times("foreign", "theirs") if "theirs" in rows else found[:0]
    return {"violence": peace, "foreign": found, "group": np.concatenate([found, theirs])}


def _by_region(whole: Watcher, rows: Rows, until: int, rules: Rules) -> Iterator[Watcher]:
    """Yield how a log watches each region from which its reports come."""
    own = _at(rows, names_region(rows) & np.isin(rows["position"], whole.regions))
    for region in np.unique(own["position"]):
        day = own["day"][own["position"] == region]
        low, high = int(day.min()), int(day.max()) + rules.lately_days
        inside = (whole.end > low) & (whole.begin < high)
        yield replace(
            whole,
            regions=np.array([region]),
            begin=np.maximum(whole.begin[inside], low),
            end=np.minimum(whole.end[inside], high),
            alive=whole.alive and bool(day.max() >= until - rules.lately_days),
            last_gap=whole.last_gap if low < whole.last_gap else -1,
        )


def names_region(seen: Rows, by: str = "reports") -> NDArray[np.bool_]:
    """Return which rows name one region; the others are spread over several."""
    if by not in seen:
        return np.ones(len(seen["day"]), dtype=bool)
    quiet = seen.get("quiet", 0.0)
    return np.asarray((seen[by] > 0) | (quiet > 0))


#: Fewer reports than this, and one more, in the year before a silence show no pace.
_LONE = 2


def _are_lone(days: IntArray, until: int, rules: Rules) -> NDArray[np.bool_]:
    """Return which reports, hardly any of them before, are followed by a silence that is no watch.

    One old row stands before a log: at the pace of the year after it the silence is no chance.
    """
    recent, nodes = rules.recent_days, np.append(days, until)
    before = np.arange(len(days)) - np.searchsorted(days, days - recent)
    quiet, start = np.diff(nodes), nodes[1:]
    after = np.searchsorted(days, start + recent, side="left") - np.arange(1, len(nodes))
    pace = after / np.clip(until - start, rules.least_gap_days, recent)
    sure = np.exp(-pace * quiet) < 1.0 - rules.past_gap_probability
    return np.asarray((before < _LONE) & sure)


def _spans(
    days: IntArray, since: int | None, *, source: str, until: int, rules: Rules
) -> tuple[IntArray, IntArray, bool]:
    """Return the spans in which a source watched, from the days of its reports, and if it does.

    Between two reports it watched unless the silence is a gap, or reports around are thin against
    those of lately: a trickle of old rows is no watch.
    """
    days = days[days < until] if since is None else days[(days < until) & (days >= since)]
    days = _era(days, until, rules)
    if not len(days):
        return np.empty(0, np.int64), np.empty(0, np.int64), False
    nodes = np.append(days, until)
    recent = rules.recent_days
    gap = find_gaps(
        days,
        until,
        recent_days=recent,
        probability=rules.gap_probability,
        least_days=rules.least_gap_days,
    )
    around = np.searchsorted(days, days + recent, side="right") - np.searchsorted(
        days, days - recent, side="left"
    )
    lately = len(days) - np.searchsorted(days, days[-1] - 2 * recent, side="right")
    thin = around < rules.thin_share * lately
    keep = ~gap & ~thin & ~np.append(thin[1:], [False])
    if source not in CURATED:
        keep &= ~_are_lone(days, until, rules)
    if not keep.any():
        return np.empty(0, np.int64), np.empty(0, np.int64), False
    begin, end = nodes[:-1][keep], nodes[1:][keep]
    if since is not None and keep[0] and since < begin[0]:
        begin = np.append(since, begin[1:])
    joins = begin[1:] == end[:-1]
    begin, end = begin[np.append(True, ~joins)], end[np.append(~joins, True)]
    return begin, end, bool(keep[-1])


def _era(days: IntArray, until: int, rules: Rules) -> IntArray:
    """Return the days of a source's reports since it began anew.

    It did after a silence of more than ``lately_days``, when it has reported for a while since then
    at more than twice its pace before, or no chance explains the silence at either pace.
    """
    for i in np.flatnonzero(np.diff(days) > rules.lately_days)[::-1]:
        before, after = days[: i + 1], days[i + 1 :]
        spans = max(before[-1] - before[0], rules.recent_days), until - after[0]
        paces = [len(some) / span for some, span in zip((before, after), spans, strict=True)]
        silence = after[0] - before[-1]
        sure = np.exp(-min(paces) * silence) < 1.0 - rules.past_gap_probability
        if spans[1] >= rules.least_watched_days and (sure or paces[1] > 2 * paces[0]):
            return after
    return days
