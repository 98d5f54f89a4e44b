"""Counting: placed incidents to a complete table of regions by windows, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd

from riskmap.errors import InputError, SchemaError
from riskmap.incidents.foreign_victims import count_of
from riskmap.ledgers import HELPFUL, Ledger, Stage, tell_helpful, tell_reasons
from riskmap.panels.attacks import count_drafts, find_attacks, find_later
from riskmap.panels.coverage import (
    days_at_risk_share,
    main_sources,
    main_watchers,
    reported_share,
    times_without,
    watched_windows,
    whole_share,
)
from riskmap.panels.doubts import share_lost, sum_lost
from riskmap.panels.features import find_neighbours
from riskmap.panels.groups import WorkerGroup, with_targeting
from riskmap.panels.joins import Once, join_placements, line_up
from riskmap.panels.knowledge import LAYERS, going_shares, know_regions
from riskmap.panels.measures import (
    GROUP_SERIES,
    NO_DAY,
    RELEVANCE_UNIT,
    is_known,
    join_sources,
    measure,
    refuse_rows,
    tell_facts,
)
from riskmap.panels.panel import AT_RISK, Panel
from riskmap.panels.scans import KEYS, Scan
from riskmap.panels.tallies import (
    cells_of,
    scan_evidence,
    see_reports,
    spread_areas,
    weigh_areas,
    without_padding,
)
from riskmap.panels.watchers import find_watchers
from riskmap.panels.windows import (
    EVERY,
    GRAIN,
    day_numbers,
    frame_of,
    parse_day,
    step_windows,
    sum_cells,
)
from riskmap.schema import check_regions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import geopandas as gpd
    from numpy.typing import NDArray
    from scipy import sparse

    from riskmap.places.placements import Located
    from riskmap.typing import FloatArray

if TYPE_CHECKING:
    #: Placed facts, what gives the evidence, and incidents that are whole with where they count.
    _Placed = tuple[pd.DataFrame, Callable[[], pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]

_EPOCH = np.datetime64("1970-01-01", "D")


def count_incidents(
    located: Located | Scan,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | str | None = None,
    every: str = "month",
    as_of: str | date | pd.Timestamp,
    start: str | date | pd.Timestamp | None = None,
) -> Panel:
    """Count placed incidents by region and window, as they were known on a day.

    Windows are half-open, ``[start, end)``, in the regions' local days. The last ends on `as_of`
    and the others are stepped back from it, so the newest incidents are never in a window that is
    half over. An incident whose day is known only to its week, month or year is spread over the
    windows by days, up to `as_of`.

    Parameters
    ----------
    located : Located or Scan
        What :func:`riskmap.locate` or :func:`riskmap.scan_incidents` returned; the counts are the
        same.
    regions : GeoDataFrame
        The regions it was given.
    group : WorkerGroup or str, optional
        Whose risk is asked for, in text such as ``"CHN/mining"``: the series ``group`` holds the
        foreign incidents, each weighted by how it bears on the group.
    every
        ``"day"``, ``"week"``, ``"month"`` or ``"quarter"``.
    as_of
        The day the counts are made for. Incidents of that day or later, and those that became
        known then or later (``ingested_at``, from midnight UTC), are set aside.
    start
        A day that the first window must reach; the first incident's day by default. Incidents
        before the first window are set aside.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        When `every` or a date is wrong, or there is nothing to count before `as_of`.
    SchemaError
        When placements name regions that are not among `regions`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="quarter", as_of="2024-01-01")
    >>> panel.ledger.stages[-1].stage
    'count'
    """
    check_regions(regions)
    group = WorkerGroup.of(group)
    day = parse_day(as_of, what="as_of")
    if every not in EVERY:
        raise InputError("unknown window", column="every", met=every, expected=" or ".join(EVERY))
    ordered = regions.sort_values("region_id", ignore_index=True)
    place: Callable[..., _Placed]
    if isinstance(located, Scan):
        facts, lost, place = located.sums, located.lost, partial(_place_scan, located)
    else:
        facts, lost = tell_facts(located.incidents), sum_lost(located.aside)
        place = partial(_place_located, located)
    if facts.empty and start is None:
        _refuse_nothing(located.ledger)
    edges = _find_edges(facts, day, every=every, start=start, ledger=located.ledger)
    today, first = (int(one) for one in day_numbers(np.append(np.datetime64(day, "D"), edges[:1])))
    reasons = refuse_rows(facts, as_of=today, first=first)
    used = reasons.isna().to_numpy()
    stage = Stage(
        "count",
        rows_in=int(facts["rows"].sum()),
        rows_out=int(facts.loc[used, "rows"].sum()),
        reasons={str(k): int(n) for k, n in facts["rows"].groupby(reasons).sum().items()},
    )
    rows, evidence_of, newest = place(facts, ordered, used=used, group=group)
    panel = _make_panel(
        rows,
        Grid(ordered, edges, day, every, find_neighbours(ordered)),
        evidence_of=evidence_of,
        ledger=located.ledger.then(stage),
        lost=lost[(lost["known"] < today).to_numpy(bool)],
        group=group,
        attacks=find_attacks(*newest, ordered, group=group, as_of=day, aside=located.aside),
    )
    own = located.newest if isinstance(located, Scan) else located.incidents
    least = sum(stage.reasons.get(reason, 0) for reason in ("after_as_of", "not_yet_known"))
    later = find_later(own, located.aside, panel.group, as_of=day, least=least)
    return replace(panel, drafts=count_drafts(located.aside, day), later=later)


def _place_located(
    located: Located,
    facts: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    used: NDArray[np.bool_],
    group: WorkerGroup | None,
) -> _Placed:
    """Return the used facts by region, evidence, and the incidents with where they count."""
    counted = pd.DataFrame(located.incidents if used.all() else located.incidents[used])
    placed = join_placements(located, used, regions["region_id"])
    rows = _by_region(facts if used.all() else facts[used], placed)
    evidence_of = Once(partial(line_up, counted, placed, regions["region_id"], group))
    return rows, evidence_of, (counted, placed)


def _by_region(facts: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Return facts as they are placed: one row for each region of each."""
    return facts.take(placed["row"].to_numpy()).assign(
        position=placed["position"].to_numpy(),
        grains=(placed["weight"].to_numpy() / GRAIN).astype(np.int64),
        is_sharp=(placed["method"] != "spread").to_numpy(),
    )


def _place_scan(
    scan: Scan,
    facts: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    used: NDArray[np.bool_],
    group: WorkerGroup | None,
) -> _Placed:
    """Return the used sums by region, evidence, and the newest incidents with where they count."""
    if tuple(regions["region_id"]) != scan.region_ids:
        raise SchemaError("the regions are not those that were scanned", column="region_id")
    weights, counted = weigh_areas(scan, regions), facts[used]
    evidence_of = Once(partial(scan_evidence, scan, counted, weights=weights, group=group))
    newest = scan.newest.merge(counted[list(KEYS)], on=list(KEYS), how="inner")
    placed = newest[["position", "method"]].assign(row=np.arange(len(newest)), weight=1.0)
    placed = placed[placed["position"] >= 0].reset_index(drop=True)
    return spread_areas(counted, weights), evidence_of, (newest, placed)


@dataclass(frozen=True)
class Grid:
    """The regions and windows that are counted in.

    Parameters
    ----------
    regions : DataFrame
        With ``region_id, parent_id, iso3``, sorted.
    edges
        Edges of the windows.
    as_of, every, neighbours
        As in :class:`Panel`.
    """

    regions: pd.DataFrame
    edges: NDArray[np.datetime64]
    as_of: pd.Timestamp
    every: str
    neighbours: sparse.csr_array

    @property
    def keys(self) -> pd.DataFrame:
        """What the panel keeps of its regions."""
        return pd.DataFrame(self.regions[["region_id", "parent_id", "iso3"]]).astype("str")


def _make_panel(
    rows: pd.DataFrame,
    grid: Grid,
    *,
    evidence_of: Callable[[], pd.DataFrame],
    ledger: Ledger,
    lost: pd.DataFrame | None,
    group: WorkerGroup | None,
    attacks: pd.DataFrame,
) -> Panel:
    """Return the panel of placed facts."""
    days = rows["first"].to_numpy()
    rows = rows.assign(source=join_sources(rows["source"], days, rows["position"]))
    keys, today = grid.keys, int(day_numbers(np.array([grid.as_of], dtype="datetime64[D]"))[0])
    group = with_targeting(
        group,
        rows,
        foreign=measure(rows, group)["foreign"] > 0,
        position=rows["position"].to_numpy(),
        day=rows["first"].to_numpy(),
        weight=rows["reports"].to_numpy() * rows["grains"].to_numpy() * GRAIN,
        region_ids=list(keys["region_id"]),
    )
    seen = without_padding(see_reports(rows, group), keys)
    sums = sum_cells(cells_of(rows, group), n_regions=len(keys), edges=grid.edges)
    sums |= {name: sums[name] * RELEVANCE_UNIT for name in GROUP_SERIES if name in sums}
    counts = {layer: sums[layer].reshape(len(keys), -1).T for layer in LAYERS}
    watch = _watch_windows(seen, keys, grid.edges, counts, today=today)
    for name, values in sums.items():
        if (layer := _SEEN_WITH.get(name)) is not None:
            blind = (watch.watched[layer].T == 0).ravel()
            sums[name] = np.where(blind & (values == 0), np.nan, values)
    alive = find_watchers(seen, keys, today=today)  # what is spread shows who reports
    gone = None if lost is None else share_lost(lost, keys, as_of=grid.as_of, group=group)
    return Panel(
        frame=frame_of(sums, keys=keys, edges=grid.edges),
        keys=keys,
        neighbours=grid.neighbours,
        evidence_of=evidence_of,
        as_of=grid.as_of,
        every=grid.every,
        ledger=ledger,
        at_risk=watch.at_risk,
        knowledge=know_regions(
            *(seen, keys, alive), today=today, lost=gone, times=watch.times, group=group
        ),
        shares=_learn_shares(seen, keys),
        attacks=attacks,
        group=group,
        lost=pd.DataFrame() if lost is None else lost,
        main_sources=watch.main_sources,
    )


@dataclass(frozen=True)
class _Watch:
    """What was watched of each window and layer, what counts as days at risk, and whose silence."""

    watched: dict[str, FloatArray]
    at_risk: dict[str, FloatArray | None]
    main_sources: dict[str, frozenset[tuple[str, str]]]
    times: dict[str, FloatArray]


def _watch_windows(
    seen: pd.DataFrame,
    keys: pd.DataFrame,
    edges: NDArray[np.datetime64],
    counts: dict[str, FloatArray],
    *,
    today: int,
) -> _Watch:
    """Return who watched in which window."""
    bounds, n, iso3 = day_numbers(edges), len(keys), keys["iso3"]
    named = seen[seen["heard"] > 0]  # what is spread names none of its regions
    # a zero of who can't see violence is no report, and adds no day on which one was to be had
    scope = named["scope"].astype("str").fillna("")
    sees = scope.str.contains("violence")
    some = ~sees & scope.str.contains("foreign")
    told = named.assign(scope="violence", is_partial=some)[(named["heard"] > named["quiet"]) | sees]

    def reporting(rows: pd.DataFrame) -> FloatArray:
        watchers = find_watchers(rows, keys, today=today)
        told_most = main_sources(watchers, named, iso3, "reports", today=today)
        watchers = main_watchers(watchers, told_most.main)
        return watched_windows(watchers, "violence", bounds=bounds, n_regions=n)

    share = whole_share(told, reporting, bounds=bounds)
    found = _Watch({}, {"reported": None if (share == 1.0).all() else share}, {}, {})
    anybody = reported_share(told, keys, counts["violence"], bounds=bounds, today=today)
    watchers = find_watchers(named, keys, today=today)
    for layer in LAYERS:
        sources = main_sources(watchers, named, iso3, layer, today=today)
        found.watched[layer], found.at_risk[layer] = days_at_risk_share(
            main_watchers(watchers, sources.main), anybody, layer, bounds=bounds
        )
        found.main_sources[layer] = frozenset(sources.teaching)
        if sources.hardly:
            sure = main_watchers(watchers, sources.main - sources.hardly)
            _, less = days_at_risk_share(sure, anybody, layer, bounds=bounds)
            found.times[layer] = times_without(counts[layer], found.at_risk[layer], less)
    return found


#: Whose silence a series is missing with.
_SEEN_WITH = {"violence": "violence", "fatalities": "violence", "foreign": "foreign"} | AT_RISK


def _learn_shares(seen: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Return the going share of each source and country."""
    iso3 = keys["iso3"].fillna("").to_numpy(dtype=object)[seen["position"].to_numpy()]
    by = seen.assign(iso3=iso3, reports=seen["violence"], told=seen["violence"] - seen["unknown"])
    columns = ["source", "iso3", "scope"]
    told = by.groupby(columns, dropna=False, sort=True, as_index=False)
    return going_shares(told[["reports", "told", "foreign"]].sum())


def recount_evidence(
    evidence: pd.DataFrame,
    *,
    keys: pd.DataFrame,
    neighbours: sparse.csr_array,
    start: str,
    as_of: str,
    every: str,
    group: WorkerGroup | None = None,
) -> Panel:
    """Return the panel that incidents make which were counted once: another day, other incidents.

    Parameters
    ----------
    evidence : DataFrame
        As in :class:`Panel`. Incidents outside of the windows are left out; all others are taken as
        known, whenever they were: this asks what would be, had they been told.
    keys, neighbours
        As in :class:`Panel`.
    start, as_of, every, group
        As for :func:`count_incidents`.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = recount_evidence(panel.evidence, keys=panel.keys, neighbours=panel.neighbours,
    ...                          start=str(panel.edges[0]), as_of="2025-01-01", every="month")
    >>> bool(np.allclose(found.wide("reports"), panel.wide("reports")))
    True
    """
    day = parse_day(as_of, what="as_of")
    edges = step_windows(day, parse_day(start, what="start"), every=every)
    ends = evidence["event_date_end"].fillna(evidence["event_date"])
    inside = (ends >= pd.Timestamp(edges[0])) & (evidence["event_date"] < day)
    rows = evidence[inside].reset_index(drop=True)
    position = pd.Index(keys["region_id"]).get_indexer(rows["region_id"])
    # the weight of evidence is the number of incidents, of which each row of facts knows its own
    share = rows["weight"].to_numpy(dtype=float) / np.maximum(count_of(rows), 1)
    placed = rows[["method"]].assign(row=np.arange(len(rows)), position=position, weight=share)
    return _make_panel(
        _by_region(tell_facts(rows), placed),
        Grid(keys, edges, day, every, neighbours),
        evidence_of=lambda: rows,
        ledger=Ledger(),
        lost=None,
        group=group,
        attacks=pd.DataFrame(),
    )


def _refuse_nothing(ledger: Ledger) -> NoReturn:
    """Raise because no incident was placed, and say what became of them and what would help."""
    read = ledger.stages[0]
    stages = ledger.stages if read.rows_out else ledger.stages[:1]
    why = dict[str, int]()
    for stage in stages:
        why |= {name: n + why.get(name, 0) for name, n in stage.reasons.items()}
    raise InputError(
        "no incident could be placed in the regions"
        if read.rows_out
        else f"none of {read.rows_in:,} rows can be used",
        met=tell_reasons(why) or "no incident",
        expected=tell_helpful(why) or HELPFUL["no_place"],
    )


def _refuse_later(facts: pd.DataFrame, as_of: pd.Timestamp, today: int, ledger: Ledger) -> NoReturn:
    """Raise because no incident is known before the day, and say when they are."""
    days = facts.loc[facts["first"] != NO_DAY]
    late = days[days["first"] >= today]
    told = [f"{as_of:%Y-%m-%d}"]
    if len(late):
        first = pd.Timestamp(_EPOCH + np.timedelta64(int(late["first"].min()), "D"))
        told += [f"{int(late['reports'].sum()):,} happened then or later, from {first:%Y-%m-%d}"]
    if n := int(days.loc[days["first"] < today, "reports"].sum()):
        told += [f"{n:,} became known then or later (ingested_at)"]
    aside = sum(stage.quarantined for stage in ledger.stages)
    told += [f"{aside:,} of {ledger.stages[0].rows_in:,} rows were set aside"] if aside else []
    raise InputError(
        "no incident is known before as_of",
        met=", ".join(told),
        expected="a later as_of=, or incidents with an earlier event_date",
    )


def _find_edges(
    facts: pd.DataFrame,
    as_of: pd.Timestamp,
    *,
    every: str,
    start: str | date | pd.Timestamp | None,
    ledger: Ledger,
) -> NDArray[np.datetime64]:
    """Return the windows' edges from the start that was asked for, or from the first incident."""
    if start is not None:
        return step_windows(as_of, parse_day(start, what="start"), every=every)
    today = int(day_numbers(np.array([as_of], dtype="datetime64[D]"))[0])
    known = facts.loc[is_known(facts, today), "first"]
    if known.empty:
        _refuse_later(facts, as_of, today, ledger)
    first = _EPOCH + np.timedelta64(int(known.min()), "D")
    return step_windows(as_of, pd.Timestamp(first), every=every)
