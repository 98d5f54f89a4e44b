"""Scans: what any number of incidents adds up to, in memory that does not grow with their number.

A scan holds whole numbers: how many incidents, and how many dead, each region has for each interval
of days, source and kind of victim. So scans of parts add up to the scan of the whole, exactly and
in any order, and the panel counted from a scan is the panel counted from the incidents themselves.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError, MissingDependencyError
from riskmap.incidents.foreign_victims import count_of, hits_foreigners
from riskmap.incidents.readers import EXTRA_COLUMNS
from riskmap.ledgers import Ledger, Stage
from riskmap.panels.attacks import WAITING
from riskmap.panels.doubts import add_lost, sum_lost
from riskmap.panels.joins import EVIDENCE
from riskmap.panels.measures import FACTS, tell_facts
from riskmap.places.found_places import METHODS, SPREAD
from riskmap.schema import CRS, INCIDENT_COLUMNS, conform

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from riskmap.places.found_places import Places
    from riskmap.typing import IntArray

#: How many of the newest incidents of a region a scan keeps whole, to name them among the reasons
#: of a level; and as many of the newest that hit foreigners. The others are kept as sums.
KEPT = 200

#: What the sums of a scan are by, in their order.
KEYS = ("position", *FACTS[:3], "area", *FACTS[3:])
SUMS = ("rows", "reports", "fatalities")
_KEPT_BY = ["position", "area", "foreign"]

#: How many times as long as others a table is, when it is not sorted anew to add them.
_FEW = 20

#: Version of the files that scans are saved as.
FORMAT = 6

_ABOUT, _TABLES = "scan.json", ("sums", "newest", "aside", "lost")

#: Scans that are held before they are added up.
_PENDING = 6


@dataclass(frozen=True)
class Scan:
    """What incidents add up to, by region and day.

    Parameters
    ----------
    sums : DataFrame
        One row for each ``position`` of a region (-1: none, but an ``area``), ``first`` and
        ``last`` day, day it was ``known`` (days since 1970), ``source`` and its ``scope``, who
        else told it (``confirmed_by``), whether it is ``violence`` and hit ``foreign`` people,
        whether that was ``told``, ``nationality``, ``sector``, ``target``, ``staff_type`` and
        ``strange`` (which of these were stated and not understood); with the number of ``rows``, of
        ``reports`` that they tell of, and of ``fatalities``.
    newest : DataFrame
        The newest of each region and area: the keys above, and their own columns.
    region_ids : tuple of str
        The regions, sorted; positions count in them.
    aside : DataFrame
        Rows that were set aside and tell of foreigners, or of whom an attack was aimed at, with the
        ``area`` that each is known to.
    lost : DataFrame
        What all rows that were set aside add up to (:func:`riskmap.panels.doubts.sum_lost`).
    ledger : Ledger
        What became of every row.

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
    aside: pd.DataFrame
    lost: pd.DataFrame

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the scan as one file (extra ``parquet``); one that is there is replaced at once.

        Parameters
        ----------
        path
            The file. It holds Parquet and JSON and nothing that could run.
        """
        target = Path(path)
        unfinished = target.with_name(f".{target.name}.part")
        about = {
            "format": FORMAT,
            "region_ids": self.region_ids,
            "ledger": self.ledger.as_list(),
        }
        try:
            with zipfile.ZipFile(unfinished, "w") as file:
                file.writestr(zipfile.ZipInfo(_ABOUT), json.dumps(about))
                for name in _TABLES:
                    with file.open(zipfile.ZipInfo(f"{name}.parquet"), "w") as table:
                        table.write(_as_parquet(getattr(self, name)))
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Scan:
        """Return the scan that :meth:`save` wrote.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        InputError
            When it is missing, no scan, or of another version of the format.

        Examples
        --------
        >>> import tempfile, riskmap as rm
        >>> scan = rm.scan_incidents([rm.datasets.incidents()], rm.datasets.regions())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     scan.save(f"{folder}/yesterday.scan")
        ...     rm.Scan.load(f"{folder}/yesterday.scan").sums.equals(scan.sums)
        True
        """
        source = Path(path)
        if not source.is_file():
            raise InputError("there is no such file", file=source)
        try:
            with zipfile.ZipFile(source) as file:
                about = json.loads(file.read(_ABOUT))
                if about["format"] != FORMAT:
                    raise InputError(
                        "a scan of another format", met=about["format"], expected=str(FORMAT)
                    )
                tables = {name: _from_parquet(file.read(f"{name}.parquet")) for name in _TABLES}
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise InputError("not a scan", file=source.name, met=str(error)) from error
        stages = [
            Stage(**{name: value for name, value in stage.items() if name != "quarantined"})
            for stage in about["ledger"]
        ]
        ids = tuple(about["region_ids"])
        return cls(**tables, region_ids=ids, ledger=Ledger(tuple(stages)))


def _as_parquet(table: pd.DataFrame) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), sink)
    return bytes(sink.getvalue())


def _from_parquet(content: bytes) -> pd.DataFrame:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    return pq.read_table(pa.BufferReader(content)).to_pandas()


def scan_places(found: Places, *, region_ids: tuple[str, ...]) -> Scan:
    """Return the scan of incidents whose places were found.

    Parameters
    ----------
    found
        What :func:`riskmap.places.found_places.find_places` told of them.
    region_ids
        Ids of the regions, sorted.
    """
    usable, aside = found.usable, found.aside
    facts = tell_facts(pd.DataFrame(usable))
    position = np.full(len(facts), -1, dtype=np.int64)
    position[found.placed.row] = found.placed.position
    method = np.full(len(facts), SPREAD)
    method[found.placed.row] = found.placed.method
    facts = facts.assign(position=position, area=found.area.array)
    kept = (position >= 0) | found.area.notna().to_numpy()
    facts = facts[kept].reset_index(drop=True)
    late = find_late(facts)
    rows = np.flatnonzero(kept)[late]
    own = _as_reported(usable.iloc[rows]).reset_index(drop=True)
    whole = own.assign(method=pd.array(METHODS, dtype="str").take(method[rows])).join(
        facts.drop(columns=[*own.columns.intersection(facts.columns), *SUMS])
        .iloc[late]
        .reset_index(drop=True)
    )
    theirs = hits_foreigners(aside) | aside["target"].notna().to_numpy(dtype=bool)
    theirs |= aside["quarantine_reason"].isin(WAITING).to_numpy(bool)
    theirs = aside[theirs & ~aside["spread"].to_numpy(bool)]
    return Scan(
        sum_up(facts),
        keep_newest(whole),
        region_ids,
        found.ledger,
        _as_reported(theirs).join(theirs[_OF_ASIDE]).reset_index(drop=True),
        sum_lost(aside),
    )


_OF_ASIDE = ["quarantine_reason", "quarantine_detail", "area", "spread"]


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


def take_out(scan: Scan, places: IntArray) -> list[Scan]:
    """Return scans that add up to one without some of the incidents that it keeps whole.

    The second holds what is taken away, so that a scan of many sums is gone through once, when more
    is added.

    Parameters
    ----------
    scan
        The scan.
    places
        Positions among what :func:`keep_whole` returned.
    """
    if not len(places):
        return [scan]
    order = np.argsort(scan.newest["first"].to_numpy(), kind="stable")
    gone = np.zeros(len(order), dtype=bool)
    gone[order[places]] = True
    ones = subtract_rows(scan.newest[gone])
    read, located = scan.ledger.stages
    n = len(places)
    stages = (
        replace(read, rows_in=read.rows_in - n, rows_out=read.rows_out - n),
        replace(located, rows_in=located.rows_in - n, rows_out=located.rows_out - n),
    )
    rest = replace(scan, newest=scan.newest[~gone].reset_index(drop=True), ledger=Ledger(stages))
    nothing = Ledger(tuple(Stage(stage.stage, rows_in=0, rows_out=0) for stage in stages))
    taken = replace(scan, sums=sum_up(ones), newest=scan.newest.iloc[:0], ledger=nothing)
    return [rest, replace(taken, aside=scan.aside.iloc[:0], lost=scan.lost.iloc[:0])]


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
        sums=add_sums([scan.sums for scan in scans]),
        newest=keep_newest(pd.concat([scan.newest for scan in scans], ignore_index=True)),
        aside=pd.concat([scan.aside for scan in scans], ignore_index=True),
        lost=add_lost([scan.lost for scan in scans]),
        region_ids=scans[0].region_ids,
        ledger=_add_ledgers([scan.ledger for scan in scans]),
    )


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
        lost=sum(stage.lost for stage in stages),
        not_used=sum(stage.not_used for stage in stages),
    )


def add_sums(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the sums of all tables; of a long one, only rows of the others' days are looked at.

    A table may hold what is taken away, as negative numbers; rows of nothing are left out.
    """
    long, *others = sorted(tables, key=len, reverse=True)
    few = sum_up(pd.concat(others, ignore_index=True))
    if len(few) * _FEW > len(long):
        return _something(sum_up(pd.concat([long, few], ignore_index=True)))
    place, concerned = _places(long), np.unique(_places(few))
    start = np.searchsorted(place, concerned, side="left")
    touched = np.zeros(len(long) + 1, dtype=np.int64)
    np.add.at(touched, start, 1)
    np.add.at(touched, np.searchsorted(place, concerned, side="right"), -1)
    is_touched = np.cumsum(touched[:-1]) > 0
    fresh = _something(sum_up(pd.concat([long[is_touched], few], ignore_index=True)))
    rest = np.flatnonzero(~is_touched)
    order = np.argsort(np.concatenate([place[rest], _places(fresh)]), kind="stable")
    rows = np.append(rest, len(long) + np.arange(len(fresh)))[order]
    return pd.concat([long, fresh], ignore_index=True).take(rows).reset_index(drop=True)


def _something(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for incidents."""
    some = (sums["rows"] != 0).to_numpy()
    return sums if some.all() else sums[some].reset_index(drop=True)


def _places(sums: pd.DataFrame) -> IntArray:
    """Return one number for the region and first day of each row, in the order of the sums."""
    first = sums["first"].to_numpy().clip(-(2**31), 2**31 - 1)
    return (sums["position"].to_numpy() << 32) + first


def subtract_rows(newest: pd.DataFrame) -> pd.DataFrame:
    """Return what takes some of the incidents that a scan keeps whole away from its sums."""
    killed = newest["killed"].fillna(0).astype("int64")
    return newest[list(KEYS)].assign(rows=-1, reports=-count_of(newest), fatalities=-killed)


def sum_up(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each key, in order."""
    groups = table.groupby(list(KEYS), as_index=False, sort=True, dropna=False, observed=True)
    return groups[list(SUMS)].sum()


def find_late(keys: pd.DataFrame) -> IntArray:
    """Return the rows of the newest days of each region or area: more than are kept only by ties.

    A million rows are sorted by day here, and only these by their texts.
    """
    group = keys.groupby(_KEPT_BY, dropna=False, sort=False).ngroup().to_numpy()
    first = keys["first"].to_numpy()
    order = np.argsort((group << 32) + first.clip(-(2**31), 2**31 - 1))
    ends = np.searchsorted(group[order], np.arange(group.max(initial=-1) + 1), side="right")
    starts = np.append(0, ends[:-1])
    least = first[order[np.maximum(ends - KEPT, starts)]]
    return np.flatnonzero(first >= least[group]) if len(group) else group


def keep_newest(whole: pd.DataFrame) -> pd.DataFrame:
    """Return the newest of each region or area, and the newest that hit foreigners."""
    ordered = whole.sort_values(
        ["first", "incident_id", "source_file", "source_row"], ascending=[False, True, True, True]
    )
    rank = ordered.groupby(_KEPT_BY, dropna=False).cumcount()
    return ordered[(rank < KEPT).to_numpy()].reset_index(drop=True)
