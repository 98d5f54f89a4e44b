"""Finding places: the one region that an incident belongs to, or the area that it is known to.

A row that could not be read or placed still says something of where it belongs: a district, a
province, a country. So does one that names a district which nobody knows. So no silence is made of
what was set aside (:func:`find_aside`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.coordinates import number_rows
from riskmap.incidents.duplicates import DUPLICATE
from riskmap.places.evidence import (
    DEFAULT_LEVEL,
    Evidence,
    distinct_places,
    gather_evidence,
    name_one,
)
from riskmap.places.points import boundary_distances, flag_known_points
from riskmap.places.region_index import RegionIndex

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray, NameResolver


#: Probability that a placement names the right region. Of 6,695 known Afghan places 5 % have a
#: point on the other side of a border, so a point is right in 95 of 100 cases and a stated region
#: outranks it, also when it is stated by name; a point whose precision the source does not tell is
#: trusted less, one just outside of every region still less, and one that may stand for a whole
#: province or country least. A spread incident is in each of its regions with the probability of
#: its weight.
CONFIDENCE = {
    "stated": 0.98,
    "named": 0.96,
    "point": 0.95,
    "untold": 0.8,
    "nearest": 0.7,
    "capital": 0.5,
    "centroid": 0.3,
}

#: How an incident came to its region.
METHODS = ("stated", "named", "point", "nearest", "capital", "centroid", "spread")
SPREAD = METHODS.index("spread")

#: Why rows are set aside that tell of no incident, or of one that another row tells of.
NO_LOSS = (DUPLICATE, "withdrawn", "no_incident", "aggregate", "hashtag_row", "recounted", "arrest")

#: What two rows of one id have in common when they are copies.
_SAME = ("event_date", "admin1", "admin2", "region_id", "place", "killed")

#: Degrees around the regions beyond which nothing is near.
_NEAR = 1.0
_EDGE_M = 0.01


@dataclass(frozen=True)
class Placed:
    """Placements as arrays; `row` and `position` are those of an incident and a region.

    Of a place, `row` is its own number. `method` is the place of a word in :data:`METHODS`;
    `conflict` is the position of a region, -1 for none.
    """

    row: IntArray
    position: IntArray
    weight: FloatArray
    method: IntArray
    confidence: FloatArray
    metres: FloatArray
    on_edge: NDArray[np.bool_]
    conflict: IntArray


@dataclass(frozen=True)
class Places:
    """Where incidents belong, before the vague ones are spread.

    Parameters
    ----------
    placed : Placed
        The incidents that belong to one region.
    area : Series of str
        The area that each vague incident is known to, as in
        :class:`riskmap.places.evidence.Evidence`; missing for the others.
    reasons : Series of str
        Why an incident has no place at all; missing where it has one.
    names_region : ndarray of bool
        Which vague incidents name one region all the same, and nobody knows which that is.
    """

    placed: Placed
    area: pd.Series
    reasons: pd.Series
    names_region: NDArray[np.bool_]


def find_places(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    index: RegionIndex | None = None,
    spread: str | None = "history",
    measure: bool = True,
) -> Places:
    """Find the region or the area of each incident.

    Parameters
    ----------
    usable
        Incidents without a quarantine reason, indexed by their position.
    regions, gazetteer, spread
        As for :func:`locate`.
    index
        The index of the regions; it is made when not given.
    measure
        Whether to measure how far each place is from the border of its region.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().reset_index(drop=True)
    >>> places = find_places(table, rm.datasets.regions())
    >>> len(places.placed.row) + int(places.area.notna().sum()) == len(table)
    True
    """
    index = RegionIndex(regions) if index is None else index
    places, place = distinct_places(usable)
    evidence = gather_evidence(places, regions, gazetteer=gazetteer, index=index)
    outside = np.isfinite(evidence.x) & (evidence.pointed < 0) & ~evidence.coarse
    area = evidence.area.where((evidence.region < 0) & ~outside & (spread is not None))
    vague = area.notna().to_numpy()
    why = _reasons(places, regions, evidence, vague=vague)
    found = why.isna().to_numpy()
    area = area.where(found)
    sharp = _place_sharp(places, regions, evidence, np.flatnonzero(found & ~vague))
    if measure:
        sharp = _measured(sharp, regions, evidence, index)
    level = int(regions["adm_level"].fillna(DEFAULT_LEVEL).max())
    name = places["admin1" if level == 1 else "admin2"].fillna(places["region_id"])
    unknown = vague & name.notna().to_numpy() & ~evidence.coarse
    return Places(
        placed=_at_rows(sharp, place),
        area=pd.Series(area.array.take(place)),
        reasons=pd.Series(why.array.take(place)),
        names_region=unknown[place],
    )


def _reasons(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    evidence: Evidence,
    *,
    vague: NDArray[np.bool_],
) -> pd.Series:
    """Return why each usable incident has no region; missing where it has one."""
    countries = set(regions["iso3"].dropna())
    foreign = usable["country"].notna() & ~usable["country"].isin(countries) & bool(countries)
    verdicts: list[tuple[NDArray[np.bool_], str | None]] = [
        (evidence.stated >= 0, None),
        (foreign.to_numpy(), "outside_country"),
        (usable["region_id"].notna().to_numpy(), "unknown_region"),
        ((evidence.region >= 0) | vague, None),
        (~(np.isfinite(evidence.x) & np.isfinite(evidence.y)), "no_place"),
        (evidence.pointed < 0, "outside_regions"),
    ]
    conditions, reasons = zip(*verdicts, strict=True)
    first = np.select(conditions, range(len(reasons)), len(reasons))
    return pd.Series(pd.array([*reasons, "imprecise"], dtype="str").take(first))


def _place_sharp(
    places: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, evidence: Evidence, rows: IntArray
) -> Placed:
    """Return the placements of the places that count in one region."""
    stated, named, pointed = evidence.stated[rows], evidence.named[rows], evidence.pointed[rows]
    chosen, nearest = evidence.region[rows], evidence.nearest[rows]
    how = ("stated", "named", "nearest", "point")
    method = np.array([METHODS.index(word) for word in how])[
        np.select([stated >= 0, named >= 0, nearest], range(3), 3)
    ]
    is_point = method == METHODS.index("point")
    untold = is_point & places["geo_precision"].isna().to_numpy()[rows]
    method[untold] = _doubted(places.iloc[rows[untold]], regions)
    trust = np.array([CONFIDENCE.get(word, np.nan) for word in METHODS])[method]
    trust[untold & (method == METHODS.index("point"))] = CONFIDENCE["untold"]
    elsewhere = ~nearest & (pointed >= 0) & (pointed != chosen)
    return Placed(
        row=rows,
        position=chosen,
        weight=np.ones(len(rows)),
        method=method,
        confidence=trust,
        metres=np.full(len(rows), np.nan),
        on_edge=np.zeros(len(rows), dtype=bool),
        conflict=np.where(elsewhere, pointed, -1),
    )


def _measured(
    sharp: Placed, regions: gpd.GeoDataFrame, evidence: Evidence, index: RegionIndex
) -> Placed:
    """Return placements with the distance of each place to the border of its region.

    On an edge is what lies on the border of its region and in another one too.
    """
    geometries = regions.geometry.to_numpy()
    x, y = evidence.x[sharp.row], evidence.y[sharp.row]
    metres = boundary_distances(geometries, sharp.position, x, y)
    near = np.flatnonzero(metres < _EDGE_M)
    points = shapely.points(x[near], y[near])
    touching = near[shapely.touches(geometries[sharp.position[near]], points)]
    who, _ = index.query_all(x[touching], y[touching])
    on_edge = np.zeros(len(x), dtype=bool)
    on_edge[touching[np.bincount(who, minlength=len(touching)) > 1]] = True
    return replace(sharp, metres=metres, on_edge=on_edge)


def _at_rows(sharp: Placed, place: IntArray) -> Placed:
    """Return the placements of incidents from those of their places; `place` is each one's."""
    order = np.full(int(place.max(initial=-1)) + 1, -1)
    order[sharp.row] = np.arange(len(sharp.row))
    at = order[place]
    rows = np.flatnonzero(at >= 0)
    columns = {field.name: getattr(sharp, field.name)[at[rows]] for field in fields(sharp)}
    return Placed(**columns | {"row": rows})


def _doubted(untold: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> list[int]:
    """Return ``capital`` or ``centroid`` for points that may stand for a larger area, or ``point``.

    Only areas that are larger than the regions matter: a district's own centre is in the district.
    """
    if untold.empty:
        return []
    larger = ("country", "province")[: int(regions["adm_level"].fillna(DEFAULT_LEVEL).max())]
    flags = [str(flag).partition("_") for flag in flag_known_points(untold, regions)]
    return [METHODS.index(kind if area in larger else "point") for area, _, kind in flags]


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
    point near the regions, or where their district is that of one region, and their province its
    own or blank, which says more than a country's code; duplicates and what tells of no incident
    (:data:`NO_LOSS`) never.

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
        The rows, without days that can't be right, their ``area`` (``region_id=...``, or as in
        :class:`riskmap.places.evidence.Evidence`, ``""`` for a row that knows nothing, and missing
        for one of another country), and whether they are
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
    impossible = rows["quarantine_reason"] == "future_date"  # such a day is none
    days = {name: rows[name].mask(impossible) for name in ("event_date", "event_date_end")}
    rows = rows.assign(**days)
    index = RegionIndex(regions) if index is None else index
    covering = index.query(*(at(rows.geometry.to_numpy()) for at in (shapely.get_x, shapely.get_y)))
    countries = set(regions["iso3"].dropna())
    abroad = rows["country"].notna() & ~rows["country"].isin(countries) & bool(countries)
    alone = int(regions["adm_level"].fillna(DEFAULT_LEVEL).max()) > 1
    abroad &= ~name_one(rows, regions, abroad.to_numpy(), covering, alone=alone)
    kept = (~abroad).to_numpy() | _lie_near(rows, regions, abroad.to_numpy())
    abroad, rows = (table[kept].reset_index(drop=True) for table in (abroad, rows))
    if rows.empty:
        return rows.assign(area=pd.Series(dtype="str"))
    wrong = ~abroad & ~rows["country"].isin(countries)
    places, place = distinct_places(rows.assign(country=rows["country"].mask(wrong)))
    evidence = gather_evidence(places, regions, gazetteer=gazetteer, index=index)
    one = pd.Series(regions["region_id"].array.take(evidence.region, allow_fill=True), dtype="str")
    areas = ("region_id=" + one).fillna(evidence.area).fillna("")
    return rows.assign(area=pd.Series(areas.array.take(place)).mask(abroad))


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
