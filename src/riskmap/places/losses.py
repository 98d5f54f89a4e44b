"""Losses: which regions the rows that were set aside had named, so that no silence is made of them.

A row that could not be read or placed still says something of where it belongs: a district, a
province, a country. It is lost there, in equal shares where that holds several regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.coordinates import number_rows
from riskmap.incidents.duplicates import DUPLICATE
from riskmap.places.findings import distinct_spots
from riskmap.places.witnesses import Witnesses, hear_witnesses
from riskmap.schema import DAY, NUMBER, TEXT, Column, conform

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.places.region_index import RegionIndex
    from riskmap.typing import IntArray, NameResolver

#: Lost: rows that were set aside, by the regions that they name.
LOST_COLUMNS = (
    Column("incident_id", TEXT, "the row; of rows of one day and area, the first"),
    Column("region_id", TEXT, "a region that it names, or may be in"),
    Column("event_date", DAY, "its day, or when it became known; missing when neither is known"),
    Column("weight", NUMBER, "how many rows are lost here; the shares of one sum to 1"),
)

#: Why rows are set aside that tell of no incident, or of one that another row tells of.
NO_LOSS = (DUPLICATE, "withdrawn", "no_incident", "aggregate", "hashtag_row", "recounted", "arrest")

_SAME = ("event_date", "admin1", "admin2", "region_id", "place", "killed")


def find_aside(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    gazetteer: NameResolver | None = None,
    *,
    placeless: NDArray[np.bool_] | None = None,
    index: RegionIndex | None = None,
) -> gpd.GeoDataFrame:
    """Return the rows that were set aside, with the area that each is known to.

    Rows of a country that is none of the regions' are among them only where they are located to a
    point near the regions; duplicates and what tells of no incident (:data:`NO_LOSS`) never.

    Parameters
    ----------
    incidents
        Incidents table with its ``quarantine_reason``.
    regions, gazetteer
        As for :func:`riskmap.locate`.
    placeless : ndarray of bool, optional
        Which rows were set aside although they have no ``quarantine_reason``.
    index
        The index of the regions; it is made when not given.

    Returns
    -------
    GeoDataFrame
        The rows and their ``area``: ``region_id=...``, ``parent_id=...`` or ``iso3=...``, ``""``
        for a row that knows nothing, and missing for one of another country.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().iloc[:2]
    >>> table = table.assign(quarantine_reason=["bad_date", None])
    >>> find_aside(table, rm.datasets.regions())["area"].tolist()
    ['region_id=XQA0304']
    """
    reason = incidents["quarantine_reason"]
    aside = reason.notna().to_numpy() & ~reason.isin(NO_LOSS).to_numpy() & ~_are_copies(incidents)
    if placeless is not None:
        aside |= placeless
    rows = incidents[aside].reset_index(drop=True)
    countries = set(regions["iso3"].dropna())
    abroad = rows["country"].notna() & ~rows["country"].isin(countries) & bool(countries)
    kept = (~abroad).to_numpy() | _lie_near(rows, regions, abroad.to_numpy())
    abroad, rows = (table[kept].reset_index(drop=True) for table in (abroad, rows))
    if rows.empty:
        return rows.assign(area=pd.Series(dtype="str"))
    spots, spot = distinct_spots(rows)
    heard = hear_witnesses(spots, regions, gazetteer=gazetteer, index=index)
    areas = pd.array(_areas(heard, regions["region_id"].to_numpy(dtype=object)), dtype="str")
    return rows.assign(area=pd.Series(areas.take(spot)).mask(abroad))


def _lie_near(
    rows: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, among: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which of some rows are located to a point that lies near the regions, or in them."""
    points = rows.geometry.to_numpy()
    sharp = among & (rows["geo_precision"] == "point").to_numpy(dtype=bool)
    west, south, east, north = regions.total_bounds
    box = shapely.box(west - _NEAR, south - _NEAR, east + _NEAR, north + _NEAR)
    found = np.flatnonzero(sharp)[shapely.intersects(box, points[sharp])]
    tree = shapely.STRtree(regions.geometry.to_numpy())
    at, _ = tree.query(points[found], predicate="dwithin", distance=_NEAR)
    return np.isin(np.arange(len(rows)), found[at])


#: Degrees around the regions beyond which nothing is near.
_NEAR = 1.0


def share_lost(aside: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the rows that were set aside, by the regions that they name.

    A row that states or names a region, or has a point in one, is lost there; one that knows its
    province or its country alone is lost in equal shares in all their regions, and one that knows
    nothing in all there are.

    Parameters
    ----------
    aside
        From :func:`find_aside`.
    regions
        The same regions.

    Returns
    -------
    DataFrame
        :data:`LOST_COLUMNS`, one row for each day, area and region of it. The weights sum to the
        number of rows that are lost.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().iloc[:2].assign(quarantine_reason="bad_date")
    >>> lost = share_lost(find_aside(table, rm.datasets.regions()), rm.datasets.regions())
    >>> lost["weight"].tolist()
    [1.0, 1.0]
    """
    aside = aside[aside["area"].notna()]
    if aside.empty:
        return conform(pd.DataFrame(columns=[c.name for c in LOST_COLUMNS]), LOST_COLUMNS)
    day = aside["event_date"].fillna(aside["ingested_at"].dt.tz_localize(None).dt.floor("D"))
    return _shared_out(aside["incident_id"], aside["area"], day, regions)


def _are_copies(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows whose id stands twice tell the same as the row that has it first."""
    again = np.flatnonzero(incidents["quarantine_reason"] == "duplicate_id")
    copies = np.zeros(len(incidents), dtype=bool)
    if not len(again):
        return copies
    ids = incidents["source"] + ":" + incidents["source_id"]
    number, _ = number_rows([ids, *(incidents[name] for name in _SAME)])
    kept = np.delete(number, again)
    copies[again] = np.isin(number[again], kept)
    return copies


def _areas(heard: Witnesses, ids: NDArray[np.object_]) -> list[str]:
    """Return for each place the region or the area that it is known to."""
    sharp = np.where(heard.named >= 0, heard.named, np.where(heard.coarse, -1, heard.pointed))
    position = np.where(heard.stated >= 0, heard.stated, sharp)
    known = zip(position.tolist(), heard.province, heard.country, strict=True)
    return [
        f"region_id={ids[at]}"
        if at >= 0
        else f"parent_id={province}"
        if province is not None
        else f"iso3={country}"
        if isinstance(country, str)
        else ""
        for at, province, country in known
    ]


def _shared_out(
    ids: pd.Series, area: pd.Series, day: pd.Series, regions: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Return the rows of each area and day, in equal shares of its regions."""
    rows = pd.DataFrame({"incident_id": ids, "area": area, "event_date": day, "n": 1})
    groups = rows.groupby(["area", "event_date"], sort=True, dropna=False, as_index=False)
    summed = groups.agg(incident_id=("incident_id", "first"), n=("n", "sum"))
    members = {name: members_of(name, regions) for name in summed["area"].unique()}
    size = summed["area"].map({name: len(some) for name, some in members.items()}).to_numpy()
    row = np.repeat(np.arange(len(summed)), size)
    position = np.concatenate([members[name] for name in summed["area"]])
    table = {
        "incident_id": summed["incident_id"].array.take(row),
        "region_id": regions["region_id"].array.take(position),
        "event_date": summed["event_date"].array.take(row),
        "weight": (summed["n"].to_numpy(dtype=float) / size)[row],
    }
    return conform(pd.DataFrame(table), LOST_COLUMNS)


def members_of(area: str, regions: gpd.GeoDataFrame) -> IntArray:
    """Return the positions of the regions of an area; of one that is not known, all.

    Examples
    --------
    >>> import riskmap as rm
    >>> members_of("parent_id=XQA03", rm.datasets.regions()).tolist()
    [16, 17, 18, 19, 20, 21, 22, 23]
    """
    column, _, key = area.partition("=")
    if not column:
        return np.arange(len(regions))
    return np.flatnonzero((regions[column] == key).to_numpy())
