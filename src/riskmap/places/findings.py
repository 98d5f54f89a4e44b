"""Finding places: the one region that an incident belongs to, or the area that it is known to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.coordinates import number_rows
from riskmap.places.centroids import flag_known_points
from riskmap.places.distances import boundary_distances
from riskmap.places.witnesses import (
    DEFAULT_LEVEL,
    WITNESS_COLUMNS,
    Witnesses,
    hear_witnesses,
)

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.places.region_index import RegionIndex
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
        The area that each vague incident is known to, ``parent_id=...`` or ``iso3=...``; missing
        for the others.
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
    spots, spot = distinct_spots(usable)
    heard = hear_witnesses(spots, regions, gazetteer=gazetteer, index=index)
    area = _areas(heard, spread=spread)
    vague = area.notna().to_numpy()
    why = _reasons(spots, regions, heard, vague=vague)
    found = why.isna().to_numpy()
    area = area if found[vague].all() else area.where(found)
    sharp = _place_sharp(spots, regions, heard, np.flatnonzero(found & ~vague))
    if measure:
        sharp = _measured(sharp, regions, heard)
    level = int(regions["adm_level"].fillna(DEFAULT_LEVEL).max())
    name = spots["admin1" if level == 1 else "admin2"].fillna(spots["region_id"])
    unknown = vague & name.notna().to_numpy() & ~heard.coarse
    return Places(
        placed=_at_rows(sharp, spot),
        area=pd.Series(area.array.take(spot)),
        reasons=pd.Series(why.array.take(spot)),
        names_region=unknown[spot],
    )


def distinct_spots(usable: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, IntArray]:
    """Return one row for each place that the incidents tell of, and the place of each incident.

    A million incidents tell of some ten thousand places; each is placed once.

    Parameters
    ----------
    usable
        Incidents table.

    Examples
    --------
    >>> import riskmap as rm
    >>> spots, spot = distinct_spots(rm.datasets.incidents().iloc[[3, 3, 4]])
    >>> len(spots), spot.tolist()
    (2, [0, 0, 1])
    """
    points = usable.geometry.to_numpy()
    told = [usable[column] for column in WITNESS_COLUMNS]
    number, first = number_rows([shapely.get_x(points), shapely.get_y(points), *told])
    return usable.iloc[first].reset_index(drop=True), number


def _areas(heard: Witnesses, *, spread: str | None) -> pd.Series:
    """Return the area that each vague incident is spread over: column and code; else missing."""
    outside = np.isfinite(heard.x) & (heard.pointed < 0) & ~heard.coarse
    vague = np.flatnonzero((heard.stated < 0) & ~heard.sharp & ~outside & (spread is not None))
    province, country = (
        pd.Series(codes[vague], dtype="str") for codes in (heard.province, heard.country)
    )
    known = ("parent_id=" + province).fillna("iso3=" + country)
    return known.set_axis(vague).reindex(range(len(heard.x)))


def _reasons(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    heard: Witnesses,
    *,
    vague: NDArray[np.bool_],
) -> pd.Series:
    """Return why each usable incident has no region; missing where it has one."""
    countries = set(regions["iso3"].dropna())
    foreign = usable["country"].notna() & ~usable["country"].isin(countries) & bool(countries)
    verdicts: list[tuple[NDArray[np.bool_], str | None]] = [
        (heard.stated >= 0, None),
        (foreign.to_numpy(), "outside_country"),
        (usable["region_id"].notna().to_numpy(), "unknown_region"),
        (heard.sharp | vague, None),
        (~(np.isfinite(heard.x) & np.isfinite(heard.y)), "no_place"),
        (heard.pointed < 0, "outside_regions"),
    ]
    conditions, reasons = zip(*verdicts, strict=True)
    first = np.select(conditions, range(len(reasons)), len(reasons))
    return pd.Series(pd.array([*reasons, "imprecise"], dtype="str").take(first))


def _place_sharp(
    spots: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, heard: Witnesses, rows: IntArray
) -> Placed:
    """Return the placements of the places that count in one region."""
    stated, named, pointed = heard.stated[rows], heard.named[rows], heard.pointed[rows]
    said = np.where(stated >= 0, stated, named)
    chosen = np.where(said >= 0, said, pointed)
    nearest = heard.nearest[rows]
    how = ("stated", "named", "nearest", "point")
    method = np.array([METHODS.index(word) for word in how])[
        np.select([stated >= 0, named >= 0, nearest], range(3), 3)
    ]
    is_point = method == METHODS.index("point")
    untold = is_point & spots["geo_precision"].isna().to_numpy()[rows]
    method[untold] = _doubted(spots.iloc[rows[untold]], regions)
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


def _measured(sharp: Placed, regions: gpd.GeoDataFrame, heard: Witnesses) -> Placed:
    """Return placements with the distance of each place to the border of its region."""
    geometries = regions.geometry.to_numpy()
    x, y = heard.x[sharp.row], heard.y[sharp.row]
    metres = boundary_distances(geometries, sharp.position, x, y)
    on_edge = _on_edge(geometries, sharp.position, x, y, metres)
    return replace(sharp, metres=metres, on_edge=on_edge)


def _at_rows(sharp: Placed, spot: IntArray) -> Placed:
    """Return the placements of incidents from those of their places; `spot` is each one's place."""
    order = np.full(int(spot.max(initial=-1)) + 1, -1)
    order[sharp.row] = np.arange(len(sharp.row))
    at = order[spot]
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


def _on_edge(
    geometries: NDArray[np.object_],
    owners: IntArray,
    x: FloatArray,
    y: FloatArray,
    metres: FloatArray,
) -> NDArray[np.bool_]:
    """Return whether each point lies on the border of its region and of another one too."""
    edge = np.zeros(len(x), dtype=bool)
    near = np.flatnonzero(metres < _EDGE_M)
    points = shapely.points(x[near], y[near])
    touching = near[shapely.touches(geometries[owners[near]], points)]
    tree = shapely.STRtree(geometries)
    who, _ = tree.query(shapely.points(x[touching], y[touching]), predicate="intersects")
    edge[touching[np.bincount(who, minlength=len(touching)) > 1]] = True
    return edge
