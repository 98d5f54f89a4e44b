"""Placed facts: the cells, the reports and the evidence that they make, and what areas weigh."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import RiskmapWarning
from riskmap.incidents.counted import find_padding
from riskmap.incidents.foreign_victims import HARMLESS, count_of, leaves_victims_unclear
from riskmap.panels.groups import THEIRS
from riskmap.panels.joins import EVIDENCE, POINT_COLUMNS
from riskmap.panels.measures import NO_DAY, measure
from riskmap.panels.scans import KEYS, subtract_rows, sum_up
from riskmap.panels.windows import GRAIN, WHOLE, Cells
from riskmap.places.evidence import are_named, find_members
from riskmap.places.placements import Past, weigh_area
from riskmap.schema import INCIDENT_COLUMNS, conform

if TYPE_CHECKING:
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.scans import Scan
    from riskmap.typing import FloatArray

_EPOCH = np.datetime64("1970-01-01", "D")


def see_reports(rows: pd.DataFrame, group: WorkerGroup | None = None) -> pd.DataFrame:
    """Return the reports by region, day, source and scope, and what they tell.

    Parameters
    ----------
    rows
        Placed facts (:func:`cells_of`).
    group
        Of whom ``theirs`` are.

    Returns
    -------
    DataFrame
        ``position, day, source, scope, reports, told, violence, unknown, foreign, unclear, heard,
        quiet, spread, spread_foreign, spread_ways``: of the incidents that named one region;
        ``spread`` are those that were spread over several, also of foreigners, and each times their
        number (``spread_ways``); of the ``unclear`` ones it is not understood who was hit. What
        other sources tell of them too is ``heard``, and no report more; so is a row that counts no
        incident and names a region, which is ``quiet``. Their intervals are of so many ``days``
        together.
    """
    series = measure(rows)
    number = rows["reports"].to_numpy() * rows["grains"].to_numpy() * GRAIN
    sharp = rows["is_sharp"].to_numpy()
    facts = {"reports": 1.0, "told": rows["told"].to_numpy(dtype=float)}
    facts |= {name: series[name] for name in ("violence", "unknown", "foreign")}
    if group is not None:
        relevance = group.relevance(rows, foreign=facts["foreign"] > 0)
        facts["theirs"] = facts["foreign"] * relevance.isin(THEIRS).to_numpy()
    facts["unclear"] = leaves_victims_unclear(rows) * (series["foreign"] == 0)
    seen = pd.DataFrame(
        {
            "position": rows["position"].to_numpy(),
            "day": rows["first"].to_numpy(),
            **{name: rows[name].array for name in ("source", "scope", "confirmed_by")},
            **{name: values * np.where(sharp, number, 0.0) for name, values in facts.items()},
            "quiet": sharp & (number == 0.0) & (rows["rows"].to_numpy() > 0),
            "days": np.where(sharp, 1.0 + (rows["last"] - rows["first"]).to_numpy(), 0.0)
            * np.maximum(number, 1.0),
            "spread": np.where(sharp, 0.0, number),
            "spread_foreign": np.where(sharp, 0.0, number * series["foreign"]),
            "spread_ways": np.where(sharp, 0.0, number * _count_ways(rows)),
        }
    )
    return _sum_reports(seen)


def _count_ways(rows: pd.DataFrame) -> FloatArray:
    """Return over how many regions the incident of each row is spread; rows keep its index."""
    ways = pd.Series(rows.index).map(pd.Series(rows.index).value_counts())
    return ways.to_numpy(dtype=float)


def _sum_reports(table: pd.DataFrame) -> pd.DataFrame:
    """Return reports by region, day, source and scope, those that confirm another one with them.

    Parameters
    ----------
    table
        ``position, day, source, scope, confirmed_by`` and numbers, ``reports`` and ``spread`` among
        them. One that another source confirms is ``heard`` from that source too, and counts once.
    """
    told = table[table["confirmed_by"].notna() & (table["reports"] > 0)]
    parts = told["confirmed_by"].str.split(" | ", regex=False).explode()
    pairs = parts.str.split(" = ", n=1, regex=False)
    others = pd.DataFrame(
        {
            "position": table["position"].reindex(parts.index).to_numpy(dtype=np.int64),
            "day": table["day"].reindex(parts.index).to_numpy(dtype=np.int64),
            "source": pairs.str[0].array,
            "scope": pairs.str[1].where(pairs.str[1] != "").array,
            "heard": 1.0,
        }
    )
    heard = table["reports"] + table["quiet"]
    own = table.drop(columns="confirmed_by").assign(heard=heard, quiet=table["quiet"].astype(float))
    both = pd.concat([own, others], ignore_index=True) if len(others) else own
    numbers = both.columns.difference(_BY)
    both[numbers] = both[numbers].fillna(0.0)
    return both.groupby(_BY, dropna=False, sort=True, as_index=False).sum()


_BY = ["position", "day", "source", "scope"]


def without_padding(seen: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Return reports without zeros that a table was filled up with, of which a warning tells.

    Such are zeros before a source began to tell of incidents of a country and after it ceased
    (:func:`riskmap.incidents.counted.find_padding`); and those of a source that watches where its
    reports come from, in provinces of which it never tells.

    Parameters
    ----------
    seen
        From :func:`see_reports`.
    keys : DataFrame
        ``iso3`` and, where there are provinces, ``parent_id`` of the regions, in order.
    """
    told = (seen["reports"] + seen["spread"]).to_numpy(dtype=float)
    none = (told == 0.0) & (seen["quiet"] > 0).to_numpy(bool)
    if not none.any():
        return seen
    at = seen["position"].to_numpy(dtype=np.int64)
    provinces = keys["parent_id"] if "parent_id" in keys else pd.Series("", keys.index)
    country, province = (pd.factorize(one)[0][at] for one in (keys["iso3"], provinces))
    first = seen["day"].to_numpy(dtype=np.int64)
    number = np.maximum(told + seen["quiet"].to_numpy(dtype=float), 1.0)
    last = first + np.maximum(seen["days"].to_numpy(dtype=float) / number, 1.0).astype(int) - 1
    padded = np.zeros(len(seen), dtype=bool)
    for (source, _), rows in seen.groupby(["source", country], dropna=False).indices.items():
        if not none[rows].any():
            continue
        some = np.where(none[rows], 0.0, np.maximum(told[rows], GRAIN))
        away = ~np.isin(province[rows], province[rows][~none[rows]])
        away &= seen["scope"].iloc[rows].str.contains("reach=reports", na=False).to_numpy(bool)
        found = find_padding(first[rows], last[rows], some) | (away & none[rows])
        padded[rows] = found
        if found.any():
            text = f"{source}: {found.sum():,} of {none[rows].sum():,} zeros are not watched: they "
            text += "lie before its first incident, after its last, or in provinces that it never "
            warnings.warn(text + "tells of", RiskmapWarning, stacklevel=2)
    return seen[~padded]


def cells_of(rows: pd.DataFrame, group: WorkerGroup | None) -> Cells:
    """Return the cells of placed facts.

    Parameters
    ----------
    rows
        From :func:`riskmap.panels.measures.tell_facts`, or the sums of a scan, by region: with
        ``position`` of the region, ``grains`` of the weight, and ``is_sharp``, whether they name
        that region.
    group
        Whose series are counted too.
    """
    reports = rows["reports"].to_numpy()
    series = {name: reports * one for name, one in measure(rows, group).items()}
    return Cells(
        **{name: rows[name].to_numpy() for name in ("position", "first", "last", "grains")},
        series=series | {"reports": reports, "fatalities": rows["fatalities"].to_numpy()},
    )


def scan_evidence(
    scan: Scan, counted: pd.DataFrame, *, weights: pd.DataFrame, group: WorkerGroup | None = None
) -> pd.DataFrame:
    """Return the incidents of counted rows of a scan: the newest whole, the others as sums.

    Parameters
    ----------
    scan
        The scan.
    counted
        The rows of its sums that are counted.
    weights
        What :func:`weigh_areas` returned.
    group
        Whose ``relevance`` is told too.

    Returns
    -------
    DataFrame
        ``incident_id, region_id, weight, method`` and :data:`riskmap.panels.joins.EVIDENCE`, newest
        first. A sum stands for as many incidents as its weight says, and its id says so too.
    """
    keys = list(KEYS)
    named = scan.newest.merge(counted[keys], on=keys, how="inner")
    named = named.assign(weight=count_of(named).astype(float))
    rest = sum_up(pd.concat([counted, subtract_rows(named)], ignore_index=True))
    rest = rest[rest["rows"] > 0].reset_index(drop=True)
    sums = as_incidents(rest).assign(
        **{name: rest[name] for name in keys if name != "nationality"},
        incident_id=_name_sums(rest),
        method=np.where(rest["position"] >= 0, "point", "spread"),
    )
    both = pd.concat([named, sums.astype({"method": "str"})])
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
    points = [column.name for column in POINT_COLUMNS]
    columns = ["incident_id", "region_id", "weight", "method", *EVIDENCE, *points]
    found = pd.DataFrame(order[columns]).reset_index(drop=True)
    return found if group is None else found.assign(relevance=group.relevance(found))


def as_incidents(facts: pd.DataFrame) -> pd.DataFrame:
    """Return incidents that count as facts do; ``weight`` is how many each stands for.

    Parameters
    ----------
    facts
        :data:`riskmap.panels.measures.FACTS` and ``reports``.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.panels.measures import tell_facts
    >>> told = as_incidents(tell_facts(rm.datasets.incidents()))
    >>> int(told["foreign_victims"].sum()), int(told["weight"].sum()) == len(told)
    (33, True)
    """
    first, last = (
        pd.Series(facts[name]).where(facts[name] != NO_DAY) for name in ("first", "last")
    )
    kept = ("source", "scope", "confirmed_by", "sector", "target", "staff_type")
    kinds = np.where(facts["violence"] > 0, "unknown", HARMLESS[-1])
    return pd.DataFrame(
        {
            **{name: facts[name] for name in kept},
            "nationality": facts["nationality"].where(facts["foreign"] > 0),
            "not_understood": facts["strange"],
            "weight": facts["reports"].astype(float),
            "event_date": pd.to_datetime(first, unit="D").astype("datetime64[us]"),
            "event_date_end": pd.to_datetime(last, unit="D").astype("datetime64[us]"),
            "event_type": pd.Series(kinds, index=facts.index, dtype="str"),
            "foreign_victims": facts["foreign"].where(facts["told"] > 0).astype("Int64"),
        }
    )


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
        ``area`` (a category), ``known, member, grains``: position of the region, and the weight in
        units of ``2 ** -40``.
    """
    tables = [pd.DataFrame({"area": [], "known": [], "member": [], "grains": []}, dtype=np.int64)]
    past = _past_of(scan.sums)
    vague = scan.sums[scan.sums["position"] < 0]
    areas: list[str] = []
    parts = find_members(vague["area"].unique(), regions)
    for area, rows in vague.groupby("area", sort=True):
        known = np.unique(rows["known"].to_numpy())
        name = str(area)
        members, weights = weigh_area(parts[name], known, past=past, is_named=are_named(name))
        grains = (weights / GRAIN).astype(np.int64)
        table = pd.DataFrame({"known": np.repeat(known, len(members)), "grains": grains.ravel()})
        tables.append(table.assign(area=len(areas), member=np.tile(members, len(known))))
        areas.append(str(area))
    found = pd.concat(tables, ignore_index=True)
    found["area"] = pd.Categorical.from_codes(found["area"], categories=areas)
    return found[found["grains"] > 0]


def _past_of(sums: pd.DataFrame) -> Past:
    """Return the incidents of one region each."""
    sharp = sums["position"].to_numpy() >= 0
    return Past.of(*(sums[name].to_numpy()[sharp] for name in ("position", "known", "reports")))


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
        The rows with ``grains`` instead of ``area``, a position throughout, and ``is_sharp``: which
        name one region. They keep their index.
    """
    is_sharp = rows["position"] >= 0
    sharp = rows[is_sharp].drop(columns="area").assign(grains=WHOLE, is_sharp=True)
    vague = rows[~is_sharp].astype({"area": weights["area"].dtype})
    if vague.empty:
        return sharp
    numbered = vague.reset_index(names="row")
    spread = numbered.merge(weights, on=["area", "known"], how="left", validate="many_to_many")
    spread = spread.set_index("row").rename_axis(None)
    spread = spread.assign(position=spread["member"], is_sharp=False).drop(
        columns=["area", "member"]
    )
    return pd.concat([sharp, spread])
