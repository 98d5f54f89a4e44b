"""Scans: what any number of incidents adds up to, in memory that does not grow with their number.

A scan holds whole numbers: how many incidents, and how many dead, each region has for each interval
of days, source and kind of victim. So scans of parts add up to the scan of the whole, exactly and
in any order, and the panel counted from a scan is the panel counted from the incidents themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError
from riskmap.incidents.readers import EXTRA_COLUMNS
from riskmap.ledgers import Ledger, Stage
from riskmap.panels.cells import GRAIN, WHOLE, Cells, day_numbers
from riskmap.panels.joins import EVIDENCE
from riskmap.panels.measures import HARMLESS, measure
from riskmap.places.spreads import exact_weights
from riskmap.schema import CRS, INCIDENT_COLUMNS, conform

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskmap.places.placements import Places
    from riskmap.typing import IntArray

#: How many of the newest incidents of a region a scan keeps whole, to name them among the reasons
#: of a level; and as many of the newest that hit foreigners. The others are kept as sums.
KEPT = 200

#: The day number that stands for no day.
NO_DAY = int(np.iinfo(np.int64).min)

_KEYS = (
    *("position", "area", "first", "last", "known", "source"),
    *("violence", "foreign", "told", "nationality", "sector"),
)
_SUMS = ("reports", "fatalities")

#: Scans that are held before they are added up.
_PENDING = 16

_EPOCH = np.datetime64("1970-01-01", "D")


@dataclass(frozen=True)
class Scan:
    """What incidents add up to, by region and day.

    Parameters
    ----------
    sums : DataFrame
        One row for each ``position`` of a region (-1: none, but an ``area``), ``first`` and
        ``last`` day, day it was ``known`` (days since 1970), ``source``, whether it is ``violence``
        and hit ``foreign`` people, whether that was ``told``, ``nationality`` and ``sector``; with
        the number of ``reports`` and of ``fatalities``.
    newest : DataFrame
        The newest of each region and area: the keys above, and their own columns.
    region_ids : tuple of str
        The regions, sorted; positions count in them.
    ledger : Ledger
        What became of every row.
    spread
        How the incidents of an area are spread over its regions when they are counted.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> scan = rm.scan_incidents([rm.datasets.incidents()], districts)
    >>> rm.count_incidents(scan, districts, as_of="2025-01-01").wide("violence").shape
    (84, 24)
    """

    sums: pd.DataFrame
    newest: pd.DataFrame
    region_ids: tuple[str, ...]
    ledger: Ledger
    spread: str | None = "history"


def scan_places(
    usable: gpd.GeoDataFrame,
    found: Places,
    *,
    region_ids: tuple[str, ...],
    ledger: Ledger,
    spread: str | None,
) -> Scan:
    """Return the scan of incidents whose places were found.

    Parameters
    ----------
    usable
        Incidents without a quarantine reason.
    found
        What :func:`riskmap.places.placements.find_places` told of them.
    region_ids
        Ids of the regions, sorted.
    ledger
        What became of every row so far.
    spread
        As in :class:`Scan`.
    """
    facts = pd.DataFrame(usable)
    first = day_numbers(facts["event_date"].to_numpy())
    told = day_numbers(facts["ingested_at"].dt.tz_localize(None).to_numpy())
    series = measure(facts)
    position = np.full(len(facts), -1, dtype=np.int64)
    position[found.placed.row] = found.placed.position
    method = np.full(len(facts), "spread", dtype=object)
    method[found.placed.row] = found.placed.method
    keys = pd.DataFrame(
        {
            "position": position,
            "area": found.area.array,
            "first": first,
            "last": day_numbers(facts["event_date_end"].fillna(facts["event_date"]).to_numpy()),
            "known": np.maximum(first, told),
            "source": facts["source"].array,
            "violence": series["violence"],
            "foreign": series["foreign"],
            "told": (facts["foreign_victims"].notna() | facts["nationality"].notna()).array,
            "nationality": facts["nationality"].array,
            "sector": facts["sector"].array,
        }
    )
    kept = (position >= 0) | found.area.notna().to_numpy()
    keys = keys[kept].reset_index(drop=True)
    own = _as_reported(usable)[kept].reset_index(drop=True)
    whole = own.assign(method=pd.Series(method[kept], dtype="str")).join(
        keys.drop(columns=["source", "nationality", "sector"])
    )
    counts = {name: series[name][kept] for name in _SUMS}
    return Scan(_sum_up(keys.assign(**counts)), _newest(whole), region_ids, ledger, spread)


def _as_reported(usable: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the incidents with all that merging and placing them again may need."""
    points = usable.geometry.to_numpy()
    table = pd.DataFrame(usable)
    nothing = pd.Series(None, index=table.index, dtype="str")
    return table[["incident_id", "region_id", *EVIDENCE]].assign(
        longitude=shapely.get_x(points),
        latitude=shapely.get_y(points),
        **{name: table.get(name, nothing) for name in EXTRA_COLUMNS},
    )


def keep_whole(scan: Scan) -> gpd.GeoDataFrame:
    """Return the incidents that a scan keeps whole as an Incidents table, in their order by day."""
    order = np.argsort(scan.newest["first"].to_numpy(), kind="stable")
    rows = scan.newest.iloc[order].reset_index(drop=True)
    points = np.full(len(rows), None, dtype=object)
    there = rows["longitude"].notna().to_numpy()
    points[there] = shapely.points(rows["longitude"][there], rows["latitude"][there])
    names = [column.name for column in INCIDENT_COLUMNS if column.name in rows]
    table = conform(rows[[*names, *EXTRA_COLUMNS]], INCIDENT_COLUMNS)
    return gpd.GeoDataFrame(table, geometry=points, crs=CRS)


def take_out(scan: Scan, places: IntArray) -> Scan:
    """Return a scan without some of the incidents that it keeps whole.

    Parameters
    ----------
    scan
        The scan.
    places
        Positions among what :func:`keep_whole` returned.
    """
    if not len(places):
        return scan
    order = np.argsort(scan.newest["first"].to_numpy(), kind="stable")
    gone = np.zeros(len(order), dtype=bool)
    gone[order[places]] = True
    ones = scan.newest.loc[gone, list(_KEYS)].assign(
        reports=-1, fatalities=-scan.newest.loc[gone, "killed"].fillna(0).astype("int64")
    )
    sums = _sum_up(pd.concat([scan.sums, ones], ignore_index=True))
    read, located = scan.ledger.stages
    n = len(places)
    stages = (
        replace(read, rows_in=read.rows_in - n, rows_out=read.rows_out - n),
        replace(located, rows_in=located.rows_in - n, rows_out=located.rows_out - n),
    )
    return replace(
        scan,
        sums=sums[sums["reports"] > 0].reset_index(drop=True),
        newest=scan.newest[~gone].reset_index(drop=True),
        ledger=Ledger(stages),
    )


def sum_scans(scans: Iterable[Scan]) -> Scan:
    """Return the sum of one or more scans, of which few are held at a time."""
    pending: list[Scan] = []
    for scan in scans:
        pending.append(scan)
        if len(pending) >= _PENDING:
            pending = [add_scans(pending)]
    return add_scans(pending)


def add_scans(scans: Sequence[Scan]) -> Scan:
    """Return the scan of the incidents of several scans together.

    Parameters
    ----------
    scans
        One or more, of the same regions.

    Raises
    ------
    InputError
        When they are of different regions.

    Examples
    --------
    >>> import riskmap as rm
    >>> scan = rm.scan_incidents([rm.datasets.incidents()], rm.datasets.regions())
    >>> int(add_scans([scan, scan]).sums["reports"].sum() / scan.sums["reports"].sum())
    2
    """
    if len({scan.region_ids for scan in scans}) > 1:
        raise InputError("scans of different regions can't be added")
    if len(scans) == 1:
        return scans[0]
    return Scan(
        sums=_sum_up(pd.concat([scan.sums for scan in scans], ignore_index=True)),
        newest=_newest(pd.concat([scan.newest for scan in scans], ignore_index=True)),
        region_ids=scans[0].region_ids,
        spread=scans[0].spread,
        ledger=_add_ledgers([scan.ledger for scan in scans]),
    )


def _sum_up(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each key, in order."""
    groups = table.groupby(list(_KEYS), as_index=False, sort=True, dropna=False, observed=True)
    return groups[list(_SUMS)].sum()


def _newest(whole: pd.DataFrame) -> pd.DataFrame:
    """Return the newest of each region or area, and the newest that hit foreigners."""
    ordered = whole.sort_values(
        ["first", "incident_id", "source_file", "source_row"], ascending=[False, True, True, True]
    )
    rank = ordered.groupby(["position", "area", "foreign"], dropna=False).cumcount()
    return ordered[(rank < KEPT).to_numpy()].reset_index(drop=True)


def _add_ledgers(ledgers: Iterable[Ledger]) -> Ledger:
    """Return the ledger with the sums of each stage."""
    stages = zip(*(ledger.stages for ledger in ledgers), strict=True)
    return Ledger(tuple(_add_stages(several) for several in stages))


def _add_stages(stages: Sequence[Stage]) -> Stage:
    reasons: dict[str, int] = {}
    for stage in stages:
        for reason, n in stage.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + n
    return Stage(
        stages[0].stage,
        rows_in=sum(stage.rows_in for stage in stages),
        rows_out=sum(stage.rows_out for stage in stages),
        reasons=reasons,
        merged=sum(stage.merged for stage in stages),
    )


def refuse_rows(sums: pd.DataFrame, *, as_of: int, first: int) -> pd.Series:
    """Return why the incidents of each row of a scan can't be counted, missing where they can.

    Parameters
    ----------
    sums
        As in :class:`Scan`, or its newest incidents.
    as_of, first
        The day the counts are made for, and the first day of the windows, since 1970.
    """
    reasons = pd.Series(np.nan, index=sums.index, dtype="str")
    reasons[sums["last"] < first] = "before_start"
    reasons[sums["known"] >= as_of] = "not_yet_known"
    reasons[sums["first"] >= as_of] = "after_as_of"
    reasons[sums["first"] == NO_DAY] = "no_date"
    return reasons


def scan_cells(table: pd.DataFrame) -> Cells:
    """Return the cells of placed rows of a scan.

    Parameters
    ----------
    table
        ``position, first, last, grains, reports, violence, foreign, fatalities``.
    """
    reports = table["reports"].to_numpy()
    return Cells(
        position=table["position"].to_numpy(),
        first=table["first"].to_numpy(),
        last=table["last"].to_numpy(),
        grains=table["grains"].to_numpy(),
        series={
            "reports": reports,
            "violence": reports * table["violence"].to_numpy(),
            "foreign": reports * table["foreign"].to_numpy(),
            "fatalities": table["fatalities"].to_numpy(),
        },
    )


def scan_evidence(scan: Scan, counted: pd.DataFrame, *, weights: pd.DataFrame) -> pd.DataFrame:
    """Return the incidents of counted rows of a scan: the newest whole, the others as sums.

    Parameters
    ----------
    scan
        The scan.
    counted
        The rows of its sums that are counted.
    weights
        What :func:`weigh_areas` returned.

    Returns
    -------
    DataFrame
        ``incident_id, region_id, weight, method`` and :data:`riskmap.panels.joins.EVIDENCE`, newest
        first. A sum stands for as many incidents as its weight says, and its id says so too.
    """
    keys = list(_KEYS)
    named = scan.newest.merge(counted[keys], on=keys, how="inner").assign(weight=1.0)
    ones = named[keys].assign(reports=-1, fatalities=-named["killed"].fillna(0).astype("int64"))
    rest = _sum_up(pd.concat([counted, ones], ignore_index=True))
    rest = rest[rest["reports"] > 0].reset_index(drop=True)
    days = {name: (_EPOCH + rest[name].to_numpy()).astype("datetime64[us]") for name in _DAYS}
    sums = pd.DataFrame(
        {
            **{name: rest[name] for name in keys if name != "nationality"},
            "nationality": rest["nationality"].where(rest["foreign"] > 0),
            "incident_id": _name_sums(rest),
            "weight": rest["reports"].astype(float),
            "event_date": days["first"],
            "event_date_end": days["last"],
            "event_type": np.where(rest["violence"] > 0, "unknown", HARMLESS[-1]),
            "foreign_victims": rest["foreign"].where(rest["told"]).astype("Int64"),
            "method": np.where(rest["position"] >= 0, "point", "spread"),
        }
    )
    both = pd.concat([named, sums.astype({"method": "str", "event_type": "str"})])
    spread = spread_areas(both.reset_index(drop=True), weights)
    names = pd.Series(scan.region_ids, dtype="str")
    placed = conform(
        spread.assign(
            region_id=names.array.take(spread["position"].to_numpy()),
            weight=spread["weight"] * spread["grains"] * GRAIN,
        ),
        INCIDENT_COLUMNS,
    )
    order = placed.sort_values(
        ["event_date", "incident_id", "region_id"], ascending=[False, True, True]
    )
    columns = ["incident_id", "region_id", "weight", "method", *EVIDENCE]
    return pd.DataFrame(order[columns]).reset_index(drop=True)


_DAYS = ("first", "last")


def _name_sums(rest: pd.DataFrame) -> pd.Series:
    """Return ids that say how many incidents a row stands for."""
    number = rest.groupby(["source", "first", "position"], dropna=False).cumcount().astype("str")
    day = pd.Series((_EPOCH + rest["first"].to_numpy()).astype(str), index=rest.index)
    where = rest["position"].astype("str")
    return (
        rest["source"].fillna("")
        + ":"
        + rest["reports"].astype("str")
        + " incidents of "
        + day
        + " in "
        + where
        + "."
        + number
    )


def weigh_areas(scan: Scan, regions: pd.DataFrame) -> pd.DataFrame:
    """Return how the incidents of each area, by the day they were known, count in its regions.

    Parameters
    ----------
    scan
        The scan.
    regions
        Regions table, sorted by ``region_id``.

    Returns
    -------
    DataFrame
        ``area, known, member, grains``: position of the region, and the weight in units of
        ``2 ** -40``.
    """
    tables = [pd.DataFrame({"area": [], "known": [], "member": [], "grains": []}, dtype=np.int64)]
    sharp = scan.sums[(scan.sums["position"] >= 0) & (scan.sums["known"] != NO_DAY)]
    by_region = sharp.sort_values("known", kind="stable").groupby("position")
    vague = scan.sums[scan.sums["position"] < 0]
    for area, rows in vague.groupby("area", sort=True):
        column, _, code = str(area).partition("=")
        members = np.flatnonzero((regions[column] == code).to_numpy())
        known = np.unique(rows["known"].to_numpy())
        shares = np.ones((len(known), len(members)))
        for place, member in enumerate(members):
            if scan.spread == "history" and member in by_region.groups:
                shares[:, place] += _known_before(by_region.get_group(member), known)
        grains = (exact_weights(shares) / GRAIN).astype(np.int64)
        table = pd.DataFrame({"known": np.repeat(known, len(members)), "grains": grains.ravel()})
        tables.append(table.assign(area=area, member=np.tile(members, len(known))))
    found = pd.concat(tables[1:] or tables, ignore_index=True)
    return found[found["grains"] > 0]


def _known_before(rows: pd.DataFrame, known: IntArray) -> IntArray:
    """Return how many incidents of a region were known before each day."""
    total = np.append(0, rows["reports"].to_numpy().cumsum())
    return total[np.searchsorted(rows["known"].to_numpy(), known, side="left")]


def spread_areas(rows: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Return rows of a scan by region, those of an area once for each of its regions.

    Parameters
    ----------
    rows
        With ``position, area, known``.
    weights
        What :func:`weigh_areas` returned.

    Returns
    -------
    DataFrame
        The rows with ``grains``, and a position throughout.
    """
    sharp = rows[rows["position"] >= 0].assign(grains=WHOLE)
    vague = rows[rows["position"] < 0]
    if vague.empty:
        return sharp
    spread = vague.merge(weights, on=["area", "known"], how="left", validate="many_to_many")
    spread = spread.assign(position=spread["member"]).drop(columns="member")
    return pd.concat([sharp, spread], ignore_index=True)
