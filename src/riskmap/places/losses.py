"""Losses: where the rows that were set aside belong, so that no silence is made of them.

A row that could not be read or placed still says something of where it belongs: a district, a
province, a country. So does one that names a district which nobody knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.coordinates import number_rows
from riskmap.incidents.duplicates import DUPLICATE
from riskmap.places.findings import distinct_spots
from riskmap.places.witnesses import Witnesses, hear_witnesses, name_one

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.places.region_index import RegionIndex
    from riskmap.typing import IntArray, NameResolver

#: Why rows are set aside that tell of no incident, or of one that another row tells of.
NO_LOSS = (DUPLICATE, "withdrawn", "no_incident", "aggregate", "hashtag_row", "recounted", "arrest")

_SAME = ("event_date", "admin1", "admin2", "region_id", "place", "killed")


def find_aside(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    gazetteer: NameResolver | None = None,
    *,
    placeless: NDArray[np.bool_] | None = None,
    unfound: NDArray[np.bool_] | None = None,
    index: RegionIndex | None = None,
) -> gpd.GeoDataFrame:
    """Return the rows that were set aside, with the area that each is known to.

    Rows of a country that is none of the regions' are among them only where they are located to a
    point near the regions, or where their province and district together name one region, which
    says more than a country's code; duplicates and what tells of no incident (:data:`NO_LOSS`)
    never.

    Parameters
    ----------
    incidents
        Incidents table with its ``quarantine_reason``.
    regions, gazetteer
        As for :func:`riskmap.locate`.
    placeless : ndarray of bool, optional
        Which rows were set aside although they have no ``quarantine_reason``.
    unfound : ndarray of bool, optional
        Which rows count in several regions although they name one.
    index
        The index of the regions; it is made when not given.

    Returns
    -------
    GeoDataFrame
        The rows, their ``area`` (``region_id=...``, ``parent_id=...``, ``iso3=...``, ``""`` for a
        row that knows nothing, and missing for one of another country), and whether they are
        ``spread`` and so count all the same.

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
    spread = np.zeros(len(incidents), dtype=bool) if unfound is None else unfound
    rows = incidents.assign(spread=spread)[aside | spread].reset_index(drop=True)
    countries = set(regions["iso3"].dropna())
    abroad = rows["country"].notna() & ~rows["country"].isin(countries) & bool(countries)
    abroad &= ~name_one(rows, regions, abroad.to_numpy())
    kept = (~abroad).to_numpy() | _lie_near(rows, regions, abroad.to_numpy())
    abroad, rows = (table[kept].reset_index(drop=True) for table in (abroad, rows))
    if rows.empty:
        return rows.assign(area=pd.Series(dtype="str"))
    wrong = ~abroad & ~rows["country"].isin(countries)
    spots, spot = distinct_spots(rows.assign(country=rows["country"].mask(wrong)))
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
