"""Counting: placed incidents to a complete table of regions by windows, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import InputError, SchemaError
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.panels.attacks import find_attacks
from riskmap.panels.cells import GRAIN, Cells, day_numbers, sum_cells
from riskmap.panels.doubts import find_missing, share_lost, sum_lost
from riskmap.panels.joins import Once, join_placements, line_up
from riskmap.panels.knowledge import (
    LAYERS,
    days_at_risk_share,
    default_rules,
    find_watchers,
    know_regions,
    main_watchers,
    watched_share,
)
from riskmap.panels.measures import (
    GROUP_SERIES,
    RELEVANCE_UNIT,
    SERIES,
    driver_of,
    hits_foreigners,
    leaves_victims_unclear,
    measure,
    tells_victims,
)
from riskmap.panels.neighbours import find_neighbours
from riskmap.panels.scans import NO_DAY, Scan
from riskmap.panels.shares import going_shares
from riskmap.panels.tallies import (
    COUNTED,
    place_newest,
    refuse_rows,
    scan_cells,
    scan_evidence,
    scan_series,
    see_sums,
    spread_areas,
    sum_reports,
    weigh_areas,
)
from riskmap.panels.targeting import with_targeting
from riskmap.panels.windows import EVERY, frame_of, parse_day, step_windows
from riskmap.schema import check_regions
from riskmap.typing import CountHistory

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import geopandas as gpd
    from numpy.typing import NDArray
    from scipy import sparse

    from riskmap.panels.groups import WorkerGroup
    from riskmap.places.placements import Located
    from riskmap.typing import FloatArray, IntArray

_EPOCH = np.datetime64("1970-01-01", "D")

#: The series whose days at risk those of another series are.
_AT_RISK = {"unknown": "violence", "group_unknown": "violence", "group": "foreign"}


@dataclass(frozen=True)
class Panel:
    """Counts of incidents for every region and window, as they were known on a day.

    Parameters
    ----------
    frame : DataFrame
        ``region_id, window_start, window_end`` and the series ``reports, violence, foreign,
        unknown, fatalities``, with a group ``group`` and ``group_unknown`` too; complete and sorted
        by region and window. ``unknown`` are violent incidents that don't say who was hit. Zero is
        zero; a count is missing where nothing was told and no source watched.
    keys : DataFrame
        ``region_id, parent_id, iso3``, one row a region, in the order of `frame`.
    neighbours : scipy.sparse.csr_array
        Row-normalised weights of neighbouring regions; empty when none are known.
    evidence_of : callable
        Gives `evidence`; lining up a million incidents is put off until somebody asks for them.
    as_of : pandas.Timestamp
        The day the counts are made for; nothing of that day or later is in them.
    every
        The windows' length: day, week, month or quarter.
    ledger : Ledger
        What became of every row so far.
    exposure : ndarray, shape (n_windows, n_regions), optional
        Worker-years at risk in each window and region; None when unknown.
    at_risk : mapping of str to ndarray, shape (n_windows, n_regions), or None
        For ``violence`` and ``foreign`` the share of each window that models count as watched, and
        ``reported``, that in which anybody reported from the country at all; None for all of it.
    knowledge : DataFrame
        What could have been told of each region and layer
        (:func:`riskmap.panels.knowledge.know_regions`).
    shares : DataFrame
        What part of the incidents that don't say who was hit is taken to have hit foreigners.
    attacks : DataFrame
        The attacks of the last 90 days on the group, or on any foreigners without one.
    group : WorkerGroup, optional
        Whose series are counted.
    missing : DataFrame
        What may be missing in the counts (:func:`riskmap.panels.doubts.find_missing`).

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> panel.wide("violence").shape
    (84, 24)
    """

    frame: pd.DataFrame
    keys: pd.DataFrame
    neighbours: sparse.csr_array
    evidence_of: Callable[[], pd.DataFrame]
    as_of: pd.Timestamp
    every: str
    ledger: Ledger
    exposure: FloatArray | None = None
    at_risk: dict[str, FloatArray | None] = field(default_factory=dict)
    knowledge: pd.DataFrame = field(default_factory=pd.DataFrame)
    shares: pd.DataFrame = field(default_factory=pd.DataFrame)
    attacks: pd.DataFrame = field(default_factory=pd.DataFrame)
    group: WorkerGroup | None = None
    missing: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def evidence(self) -> pd.DataFrame:
        """The incidents that were counted, newest first.

        ``incident_id, region_id, weight, method`` and what is known of each.
        """
        return self.evidence_of()

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return len(self.keys)

    @property
    def edges(self) -> NDArray[np.datetime64]:
        """Edges of the windows, shape (n_windows + 1,)."""
        n_windows = len(self.frame) // self.n_regions
        starts = self.frame["window_start"].to_numpy()[:n_windows].astype("datetime64[D]")
        return np.append(starts, np.datetime64(self.as_of, "D"))

    def wide(self, series: str) -> pd.DataFrame:
        """Return one series as a table of windows (rows, by their start) by regions (columns)."""
        values = self._values(series)
        index = pd.DatetimeIndex(self.edges[:-1], name="window_start")
        return pd.DataFrame(values, index=index, columns=self.keys["region_id"].to_numpy())

    def history(self, series: str) -> CountHistory:
        """Return one series as a model sees it, with the series around it as drivers.

        Counts are all that was told; ``watched`` says in what share of each window somebody would
        have told of more.
        """
        edges = self.edges
        years = edges[:-1].astype("datetime64[Y]")
        phase = (edges[:-1] - years.astype("datetime64[D]")).astype(float) / 365.25
        layer = _AT_RISK.get(series, series)
        return CountHistory(
            counts=np.nan_to_num(self._values(series)),
            days=np.diff(edges).astype(float),
            parent=_codes(self.keys["iso3"] + "/" + self.keys["parent_id"]),
            country=_codes(self.keys["iso3"]),
            phase=phase,
            neighbours=self.neighbours if self.neighbours.nnz else None,
            drivers={"violence": self._driver(series)} if layer == "foreign" else {},
            exposure=self.exposure,
            watched=self.at_risk.get(layer),
            reported=self.at_risk.get("reported"),
        )

    def _driver(self, series: str) -> FloatArray:
        """Return the series that may lead another."""
        names = ("violence", "unknown", "foreign", "group")
        known = [name for name in names if name in self.frame]
        return driver_of(series, {name: np.nan_to_num(self._values(name)) for name in known})

    def _values(self, series: str) -> FloatArray:
        if series not in self.frame:
            known = [name for name in (*SERIES, *GROUP_SERIES) if name in self.frame]
            raise InputError("no such series", met=series, expected=" or ".join(known))
        values = self.frame[series].to_numpy(dtype=float)
        return np.ascontiguousarray(values.reshape(self.n_regions, -1).T)


def _codes(labels: pd.Series) -> IntArray:
    """Return 0, 1, 2 ... for each distinct label, in sorted order; a missing one is a label too."""
    return pd.factorize(labels.fillna(""), sort=True)[0].astype(np.int64)


def count_incidents(
    located: Located | Scan,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None = None,
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
    group : WorkerGroup, optional
        Whose risk is asked for: the series ``group`` holds the foreign incidents, each weighted by
        how it bears on the group.
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
    day = parse_day(as_of, what="as_of")
    if every not in EVERY:
        raise InputError("unknown window", column="every", met=every, expected=" or ".join(EVERY))
    ordered = regions.sort_values("region_id", ignore_index=True)
    if isinstance(located, Scan):
        return _count_scan(located, ordered, group=group, as_of=day, every=every, start=start)
    # what had happened and was known before the day
    refused = _find_reasons(located.incidents, day)
    known = located.incidents.loc[refused.isna(), "event_date"]
    edges = _reach(known, day, every=every, start=start)
    reasons = _find_reasons(located.incidents, day, first=edges[0])
    used = reasons.isna().to_numpy()
    counted = pd.DataFrame(located.incidents if used.all() else located.incidents[used])
    ledger = located.ledger.then(
        Stage(
            "count",
            rows_in=len(located.incidents),
            rows_out=len(counted),
            reasons=count_reasons(reasons),
        )
    )
    placed = join_placements(located, used, ordered["region_id"])
    group = _target(group, counted, placed, ordered)
    if group is not None:
        counted = counted.assign(relevance=group.relevance(counted))
    return _make_panel(
        _cells_of(counted, placed, group),
        see_reports(counted, placed),
        Grid(ordered, edges, day, every, find_neighbours(ordered)),
        evidence_of=Once(partial(line_up, counted, placed, ordered["region_id"])),
        ledger=ledger,
        lost=share_lost(sum_lost(located.aside, group), ordered, as_of=day),
        group=group,
        attacks=find_attacks(
            counted, placed, ordered, group=group, as_of=day, aside=getattr(located, "aside", None)
        ),
    )


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
        return pd.DataFrame(self.regions[["region_id", "parent_id", "iso3"]])


def _make_panel(  # noqa: PLR0913 - what every way of counting ends with
    cells: Cells,
    seen: pd.DataFrame,
    grid: Grid,
    *,
    evidence_of: Callable[[], pd.DataFrame],
    ledger: Ledger,
    lost: pd.DataFrame | None,
    group: WorkerGroup | None,
    attacks: pd.DataFrame,
) -> Panel:
    """Return the panel of cells and of the reports that were seen."""
    keys, today = grid.keys, int(day_numbers(np.array([grid.as_of], dtype="datetime64[D]"))[0])
    sums = sum_cells(cells, n_regions=len(keys), edges=grid.edges)
    sums |= {name: sums[name] * RELEVANCE_UNIT for name in GROUP_SERIES if name in sums}
    named = seen[seen["heard"] > 0]  # what is spread names none of its regions
    watchers = find_watchers(named, keys["iso3"], today=today)
    alive = find_watchers(seen, keys["iso3"], today=today)  # but shows that its source reports
    # told is told, however thin: only gaps are left out where nobody watched
    rules = replace(default_rules(), thin_share=0.0)
    told = named.assign(scope="violence")
    everyone = find_watchers(told, keys["iso3"], today=today, rules=rules)
    bounds = day_numbers(grid.edges)
    reporting = find_watchers(told, keys["iso3"], today=today)
    reporting = main_watchers(reporting, named, keys["iso3"], "reports", today=today)
    share = watched_share(reporting, "violence", bounds=bounds, n_regions=len(keys))
    at_risk: dict[str, FloatArray | None] = {"reported": None if (share == 1.0).all() else share}
    for layer in LAYERS:
        main = main_watchers(watchers, named, keys["iso3"], layer, today=today)
        watched, at_risk[layer] = days_at_risk_share(
            main, everyone, layer, bounds=bounds, n=len(keys)
        )
        names = [name for name in sums if _SEEN_WITH.get(name) == layer]
        blind = (watched.T == 0).ravel()
        for name in names:
            sums[name] = np.where(blind & (sums[name] == 0), np.nan, sums[name])
    return Panel(
        frame=frame_of(sums, keys=keys, edges=grid.edges),
        keys=keys,
        neighbours=grid.neighbours,
        evidence_of=evidence_of,
        as_of=grid.as_of,
        every=grid.every,
        ledger=ledger,
        at_risk=at_risk,
        knowledge=know_regions(seen, keys, alive, today=today, lost=lost, group=group),
        shares=_learn_shares(seen, keys),
        attacks=attacks,
        group=group,
        missing=find_missing(lost, keys, seen),
    )


#: Whose silence a series is missing with.
_SEEN_WITH = {"violence": "violence", "fatalities": "violence", "foreign": "foreign"} | _AT_RISK


def see_reports(counted: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Return the reports by region, day, source and scope, and what they tell.

    Parameters
    ----------
    counted, placed
        The used incidents, and what :func:`riskmap.panels.joins.join_placements` returned for them.

    Returns
    -------
    DataFrame
        ``position, day, source, scope, reports, told, violence, unknown, foreign, unclear, heard,
        spread``: of the incidents that named one region; ``spread`` are those that were spread over
        several, and of the ``unclear`` ones it is not understood who was hit.
        What other sources tell of them too is ``heard``, and no report more.
    """
    row = placed["row"].to_numpy()
    facts = {
        "reports": np.ones(len(counted)),
        "told": tells_victims(counted).astype(float),
        **{k: v.astype(float) for k, v in measure(counted).items() if k in _TOLD},
    }
    facts["unclear"] = leaves_victims_unclear(counted) * (facts["foreign"] == 0)
    weight = placed["weight"].to_numpy(dtype=float)
    sharp = (placed["method"] != "spread").to_numpy()
    table = pd.DataFrame(
        {
            "position": placed["position"].to_numpy(),
            "day": day_numbers(counted["event_date"].to_numpy())[row],
            "source": counted["source"].array.take(row),
            "scope": counted["scope"].array.take(row),
            "confirmed_by": counted["confirmed_by"].array.take(row),
            **{name: values[row] * np.where(sharp, weight, 0.0) for name, values in facts.items()},
            "spread": np.where(sharp, 0.0, weight),
        }
    )
    return sum_reports(table)


_TOLD = ("violence", "unknown", "foreign")


def _learn_shares(seen: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Return the going share of each source and country."""
    iso3 = keys["iso3"].fillna("").to_numpy(dtype=object)[seen["position"].to_numpy()]
    by = seen.assign(iso3=iso3, reports=seen["violence"], told=seen["violence"] - seen["unknown"])
    columns = ["source", "iso3", "scope"]
    told = by.groupby(columns, dropna=False, sort=True, as_index=False)
    return going_shares(told[["reports", "told", "foreign"]].sum())


def _count_scan(
    scan: Scan,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    as_of: pd.Timestamp,
    every: str,
    start: str | date | pd.Timestamp | None,
) -> Panel:
    """Return the panel of a scan."""
    if tuple(regions["region_id"]) != scan.region_ids:
        raise SchemaError("the regions are not those that were scanned", column="region_id")
    today = int(day_numbers(np.array([as_of], dtype="datetime64[D]"))[0])
    sums = scan.sums
    past = sums[(sums["known"] < today) & (sums["first"] != NO_DAY)]
    days = (_EPOCH + past["first"].to_numpy()).astype("datetime64[us]")
    edges = _reach(pd.Series(days), as_of, every=every, start=start)
    first = int(day_numbers(edges[:1])[0])
    reasons = refuse_rows(sums, as_of=today, first=first)
    counted = sums[reasons.isna()]
    aside = sums["reports"].groupby(reasons).sum().to_dict()
    stage = Stage(
        "count",
        rows_in=int(sums["reports"].sum()),
        rows_out=int(counted["reports"].sum()),
        reasons=aside,
    )
    weights = weigh_areas(scan, regions)
    spread = spread_areas(counted[list(COUNTED)], weights)
    own = scan.newest[refuse_rows(scan.newest, as_of=today, first=first).isna()]
    group = with_targeting(
        group,
        spread,
        foreign=scan_series(spread, group)["foreign"] > 0,
        position=spread["position"].to_numpy(),
        day=spread["first"].to_numpy(),
        weight=spread["reports"].to_numpy() * spread["grains"].to_numpy() * GRAIN,
        region_ids=list(regions["region_id"]),
    )
    return _make_panel(
        scan_cells(spread, group),
        see_sums(spread),
        Grid(regions, edges, as_of, every, find_neighbours(regions)),
        evidence_of=Once(partial(scan_evidence, scan, counted, weights=weights, group=group)),
        ledger=scan.ledger.then(stage),
        lost=share_lost(scan.lost, regions, as_of=as_of),
        group=group,
        attacks=find_attacks(
            *place_newest(own), regions, group=group, as_of=as_of, aside=scan.aside
        ),
    )


def reach_back(panel: Panel, days: float) -> Panel:
    """Return a panel whose windows reach back so many days; nobody watched those before its first.

    So short a history shows no silence: no region is watched.

    Parameters
    ----------
    panel : Panel
        With fewer days.
    days
        Days before its ``as_of`` that the first window must reach.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2018-02-01")
    >>> long = reach_back(panel, 90)
    >>> len(panel.edges) - 1, len(long.edges) - 1, bool(long.knowledge["watched"].any())
    (1, 3, False)
    """
    start = panel.as_of - pd.Timedelta(days=int(np.ceil(days)))
    edges = step_windows(panel.as_of, start, every=panel.every)
    more = len(edges) - len(panel.edges)
    names = [name for name in (*SERIES, *GROUP_SERIES) if name in panel.frame]
    sums = {
        name: np.pad(
            panel.frame[name].to_numpy(dtype=float).reshape(panel.n_regions, -1),
            ((0, 0), (more, 0)),
            constant_values=np.nan,
        ).ravel()
        for name in names
    }
    shape = (len(panel.edges) - 1, panel.n_regions)
    told = {name: panel.at_risk.get(name) for name in LAYERS}
    shares = {name: np.ones(shape) if one is None else one for name, one in told.items()}
    exposure = panel.exposure
    return replace(
        panel,
        frame=frame_of(sums, keys=panel.keys, edges=edges),
        at_risk={name: np.pad(one, ((more, 0), (0, 0))) for name, one in shares.items()},
        exposure=None if exposure is None else np.pad(exposure, ((more, 0), (0, 0)), mode="edge"),
        knowledge=panel.knowledge.assign(
            watched=False, named=False, data_sufficiency="insufficient", confidence="low"
        ),
    )


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
        As in :class:`Panel`. Incidents outside of the windows are left out.
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
    placed = rows[["weight", "method"]].assign(row=np.arange(len(rows)), position=position)
    group = _target(group, rows, placed, keys)
    return _make_panel(
        _cells_of(rows, placed, group),
        see_reports(rows, placed),
        Grid(keys, edges, day, every, neighbours),
        evidence_of=lambda: rows,
        ledger=Ledger(),
        lost=None,
        group=group,
        attacks=pd.DataFrame(),
    )


def _target(
    group: WorkerGroup | None, counted: pd.DataFrame, placed: pd.DataFrame, keys: pd.DataFrame
) -> WorkerGroup | None:
    """Return the group with its targeting among placed incidents."""
    row = placed["row"].to_numpy()
    rows = counted.iloc[row]
    return with_targeting(
        group,
        rows,
        foreign=hits_foreigners(rows, group),
        position=placed["position"].to_numpy(),
        day=day_numbers(rows["event_date"].to_numpy()),
        weight=placed["weight"].to_numpy(dtype=float),
        region_ids=list(keys["region_id"]),
    )


def _reach(
    known: pd.Series,
    as_of: pd.Timestamp,
    *,
    every: str,
    start: str | date | pd.Timestamp | None,
) -> NDArray[np.datetime64]:
    """Return the windows' edges from a start, or from the first of some days."""
    if start is not None:
        return step_windows(as_of, parse_day(start, what="start"), every=every)
    if known.empty:
        raise InputError(
            "no incident is known before as_of",
            met=f"{as_of:%Y-%m-%d}",
            expected="incidents with an earlier event_date, or start=",
        )
    return step_windows(as_of, known.min(), every=every)


def _find_reasons(
    incidents: gpd.GeoDataFrame, as_of: pd.Timestamp, *, first: np.datetime64 | None = None
) -> pd.Series:
    """Return why each incident can't be counted, missing where it can."""
    reasons = pd.Series(np.nan, index=incidents.index, dtype="str")
    ends = incidents["event_date_end"].fillna(incidents["event_date"])
    reasons[ends < pd.Timestamp(first)] = "before_start"
    reasons[incidents["ingested_at"] >= as_of.tz_localize("UTC")] = "not_yet_known"
    reasons[incidents["event_date"] >= as_of] = "after_as_of"
    reasons[incidents["event_date"].isna()] = "no_date"
    return reasons


def _cells_of(counted: pd.DataFrame, placed: pd.DataFrame, group: WorkerGroup | None) -> Cells:
    """Return the cells of placed incidents."""
    row = placed["row"].to_numpy()
    first = day_numbers(counted["event_date"].to_numpy())
    last = day_numbers(counted["event_date_end"].fillna(counted["event_date"]).to_numpy())
    return Cells(
        position=placed["position"].to_numpy(),
        first=first[row],
        last=last[row],
        grains=(placed["weight"].to_numpy() / GRAIN).astype(np.int64),
        series={name: values[row] for name, values in measure(counted, group).items()},
    )
