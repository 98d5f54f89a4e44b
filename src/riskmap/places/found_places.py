"""Finding places: the one region that an incident belongs to, or the area that it is known to.

A row that could not be read or placed still says something of where it belongs: a district, a
province, a country. So does one that names a district which nobody knows. So no silence is made of
what was set aside (:func:`find_aside`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from riskmap.incidents.duplicates.candidates import DUPLICATE, derived_marks
from riskmap.incidents.duplicates.merging import share_knowledge
from riskmap.incidents.quarantines import are_lost, count_lost
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.places.areas import boundary_distances
from riskmap.places.evidence import NAMED, NAMED_BY, Evidence, gather_evidence, level_of, name_one
from riskmap.places.names import Gazetteer
from riskmap.places.region_index import NO_COORDINATES, RegionIndex, find_meant, with_points
from riskmap.settings import data_path

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

#: Why incidents that may be of these regions have no place.
LOST = ("unknown_region", "no_place", "swapped_coordinates", "imprecise")

#: A kilometre on the unit sphere: what counts as on a centre or capital.
_CHORD = 2 * np.sin(1000.0 / 6_371_008.8 / 2)

#: Degrees around the regions beyond which nothing is near.
_NEAR = 1.0


@dataclass(frozen=True)
class Places:
    """Where incidents belong, before the vague ones are spread.

    Parameters
    ----------
    usable : GeoDataFrame
        The incidents without a quarantine reason, in their order, with what their duplicates know.
    placed : DataFrame
        One row a usable incident that belongs to one region: ``row`` and ``position`` of the two,
        ``weight``, ``method`` (the place of a word in :data:`METHODS`), ``confidence``, ``metres``
        to the border, and ``conflict``, the position of another region, -1 for none.
    area : Series of str
        The area that each vague incident is known to, as in
        :class:`riskmap.places.evidence.Evidence`; missing for the others.
    reasons : Series of str
        Why a usable incident has no place at all; missing where it has one.
    aside : GeoDataFrame
        The rows that were set aside (:func:`find_aside`), and usable ones that are vague although
        they name one region, and nobody knows which that is.
    ledger : Ledger
        Stages ``read`` and ``locate``.
    """

    usable: gpd.GeoDataFrame
    placed: pd.DataFrame
    area: pd.Series
    reasons: pd.Series
    aside: gpd.GeoDataFrame
    ledger: Ledger


def find_places(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    index: RegionIndex | None = None,
    measure: bool = True,
) -> Places:
    """Find the region or the area of each incident.

    Parameters
    ----------
    incidents, regions, gazetteer
        As for :func:`riskmap.locate`.
    index
        The index of the regions; it is made when not given.
    measure
        Whether to measure how far each place is from the border of its region.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents()
    >>> places = find_places(table, rm.datasets.regions())
    >>> len(places.placed) + int(places.area.notna().sum()) == len(table)
    True
    """
    index = RegionIndex(regions) if index is None else index
    usable = share_knowledge(incidents)[incidents["quarantine_reason"].isna().to_numpy()]
    usable = usable.reset_index(drop=True)
    names = usable[["admin1", "admin2", "place"]]
    if gazetteer is None and level_of(regions) in NAMED_BY and names.notna().any(axis=None):
        gazetteer = Gazetteer.from_regions(regions)
    evidence = gather_evidence(usable, regions, gazetteer=gazetteer, index=index)
    outside = np.isfinite(evidence.x) & (evidence.pointed < 0) & ~evidence.coarse
    area = evidence.area.where((evidence.region < 0) & ~outside)
    vague = area.notna().to_numpy()
    usable = _with_points(usable, evidence)
    nowhere = outside & (evidence.region < 0) & (evidence.stated < 0)
    country = evidence.places["country"]
    meant = find_meant(evidence.x, evidence.y, country, regions=regions, index=index)
    exchanged = np.isfinite(meant[0]) & nowhere & ~vague
    why = _reasons(regions, evidence, vague=vague).mask(exchanged, "swapped_coordinates")
    found = why.isna().to_numpy()
    sharp = _place_sharp(regions, evidence, np.flatnonzero(found & ~vague))
    if measure:
        at, row = sharp["position"].to_numpy(), sharp["row"].to_numpy()
        shapes, x, y = regions.geometry.to_numpy(), evidence.x[row], evidence.y[row]
        sharp["metres"] = boundary_distances(shapes, at, x, y)
    reasons = pd.Series(why.array.take(evidence.place))
    rows = _take_aside(incidents, regions, evidence, sharp, why=why, vague=vague, index=index)
    placed = _at_rows(sharp, evidence.place)
    return Places(
        usable=_with_countries(usable, regions, placed),
        placed=placed,
        area=pd.Series(area.where(found).array.take(evidence.place)),
        reasons=reasons,
        aside=find_aside(rows, regions, gazetteer, index=index),
        ledger=_write_ledger(
            incidents, reasons, *_lose(regions, evidence, area=area.where(found), why=why)
        ),
    )


def _take_aside(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    evidence: Evidence,
    sharp: pd.DataFrame,
    *,
    why: pd.Series,
    vague: NDArray[np.bool_],
    index: RegionIndex,
) -> gpd.GeoDataFrame:
    """Return the rows of :func:`find_aside`: what is lost, and what may be of other regions too.

    The middle of an area stands for all of it: what is counted there may be of any of its regions.
    So may what a log of one's own counts in a district, and says to know no better than its
    province; what a text merely mentions; and what is spread since nobody understood its point.
    """
    usable = incidents["quarantine_reason"].isna().to_numpy()
    found, either = why.isna().to_numpy(), evidence.either.notna().to_numpy()
    middle = np.zeros(len(evidence.places), dtype=bool)
    middle[sharp["row"]] = _stand_for_areas(regions, evidence, sharp)
    unfound = found & ((vague & _name_one_region(regions, evidence)) | either)
    by_name = found & evidence.unsure & (evidence.stated < 0)

    def at_rows(places: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which incidents are of some places."""
        marks = np.zeros(len(incidents), dtype=bool)
        marks[usable] = places[evidence.place]
        return marks

    pointless = incidents["not_understood"].str.contains(NO_COORDINATES, na=False)
    spread = at_rows(unfound | middle | by_name)
    spread |= at_rows(found & vague) & pointless.to_numpy(bool)
    where = incidents.geometry.mask(at_rows(middle | by_name))
    swapped = at_rows((why == "swapped_coordinates").to_numpy(bool))
    wrong = (where[swapped].x.to_numpy(), where[swapped].y.to_numpy())
    told = incidents["country"][swapped]
    where[swapped] = shapely.points(*find_meant(*wrong, told, regions=regions, index=index))
    rows = incidents.assign(spread=spread, geometry=where)
    for name in (NAMED_BY.get(level_of(regions), "admin2"), "place"):
        rows[name] = rows[name].mask(at_rows(by_name))
    return rows[are_lost(incidents) | at_rows(~found) | spread]


def _with_countries(
    usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, placed: pd.DataFrame
) -> gpd.GeoDataFrame:
    """Return incidents that state no country with that of their region, or the only one there is.

    Whether a victim was foreign hangs on it. A note that names local people alone rarely says that
    nobody else was hit: then it tells of no nationality.
    """
    missing = usable["country"].isna()
    if not missing.any():
        return usable
    codes = regions["iso3"].dropna().unique()
    known = pd.Series(codes[0] if len(codes) == 1 else None, usable.index, dtype="str")
    first = placed.drop_duplicates("row")
    known.iloc[first["row"]] = regions["iso3"].array.take(first["position"])
    country = usable["country"].fillna(known).astype(usable["country"].dtype)
    guessed = derived_marks(usable).str.contains(";nationality;", regex=False)
    local = missing & guessed & (usable["nationality"] == country).fillna(value=False)
    return usable.assign(country=country, nationality=usable["nationality"].mask(local))


def _name_one_region(regions: gpd.GeoDataFrame, evidence: Evidence) -> NDArray[np.bool_]:
    """Return which places state a region of the regions' level by id or name, known or not."""
    places = evidence.places
    name = places["admin1" if level_of(regions) == 1 else "admin2"].fillna(places["region_id"])
    return name.notna().to_numpy() & (~evidence.coarse | evidence.unsure)


def _lose(
    regions: gpd.GeoDataFrame, evidence: Evidence, *, area: pd.Series, why: pd.Series
) -> tuple[int, int]:
    """Return how many usable incidents are lost, and how many of them name an unused district.

    A name that several regions bear is used: it is spread over its bearers.
    """
    spread = area.notna() & ~area.str.contains(NAMED, na=False)
    aside = why.isin(LOST).to_numpy()
    named = _name_one_region(regions, evidence) & (spread.to_numpy(bool) | aside)
    return int((named | aside)[evidence.place].sum()), int(named[evidence.place].sum())


def _write_ledger(incidents: pd.DataFrame, reasons: pd.Series, lost: int, not_used: int) -> Ledger:
    """Return what became of rows: those quarantined, and why usable ones have no place."""
    quarantined = incidents["quarantine_reason"]
    told = quarantined == DUPLICATE
    kept = int(reasons.isna().sum())
    read = Stage(
        "read",
        rows_in=len(quarantined),
        rows_out=len(reasons),
        reasons=count_reasons(quarantined[~told]),
        merged=int(told.sum()),
        lost=count_lost(incidents)[0],
    )
    located = Stage(
        "locate",
        rows_in=len(reasons),
        rows_out=kept,
        reasons=count_reasons(reasons),
        lost=lost,
        not_used=not_used,
    )
    return Ledger((read, located))


def _reasons(
    regions: gpd.GeoDataFrame, evidence: Evidence, *, vague: NDArray[np.bool_]
) -> pd.Series:
    """Return why each place is in no region; missing where it is in one."""
    places, countries = evidence.places, set(regions["iso3"].dropna())
    foreign = places["country"].notna() & ~places["country"].isin(countries) & bool(countries)
    verdicts: list[tuple[NDArray[np.bool_], str | None]] = [
        (evidence.stated >= 0, None),
        (foreign.to_numpy(), "outside_country"),
        ((evidence.region >= 0) | vague, None),
        (places["region_id"].notna().to_numpy(), "unknown_region"),
        (~(np.isfinite(evidence.x) & np.isfinite(evidence.y)), "no_place"),
        (evidence.pointed < 0, "outside_regions"),
    ]
    conditions, reasons = zip(*verdicts, strict=True)
    first = np.select(conditions, range(len(reasons)), len(reasons))
    return pd.Series(pd.array([*reasons, "imprecise"], dtype="str").take(first))


def _with_points(rows: gpd.GeoDataFrame, evidence: Evidence) -> gpd.GeoDataFrame:
    """Return incidents with the points of their places that were turned round."""
    at = evidence.place
    return with_points(rows, evidence.x[at], evidence.y[at], evidence.turned[at])


def _place_sharp(regions: gpd.GeoDataFrame, evidence: Evidence, at: IntArray) -> pd.DataFrame:
    """Return the placements of the places that count in one region; ``row`` is a place's number."""
    stated, named, pointed = evidence.stated[at], evidence.named[at], evidence.pointed[at]
    chosen, nearest, places = evidence.region[at], evidence.nearest[at], evidence.places.iloc[at]
    how = ("stated", "named", "nearest", "point")
    method = np.array([METHODS.index(word) for word in how])[
        np.select([stated >= 0, named >= 0, nearest], range(3), 3)
    ]
    is_point = method == METHODS.index("point")
    untold = is_point & places["geo_precision"].isna().to_numpy()
    if untold.any():
        points = places[untold].geometry.to_numpy()
        doubted = match_centres(points, regions, level=level_of(regions))
        method[untold] = [METHODS.index(kind or "point") for kind in doubted]
    trust = np.array([CONFIDENCE.get(word, np.nan) for word in METHODS])[method]
    trust[untold & (method == METHODS.index("point"))] = CONFIDENCE["untold"]
    elsewhere = ~nearest & (pointed >= 0) & (pointed != chosen)
    sharp = {"row": at, "position": chosen, "weight": 1.0, "method": method, "confidence": trust}
    conflict = np.where(elsewhere, pointed, -1)
    return pd.DataFrame(sharp | {"metres": np.nan, "conflict": conflict})


def _stand_for_areas(
    regions: gpd.GeoDataFrame, evidence: Evidence, sharp: pd.DataFrame
) -> NDArray[np.bool_]:
    """Return which places are the middle of a larger area, and name nothing within it.

    A geocoder that is asked for a province gives such a point.
    """
    places = evidence.places.iloc[sharp["row"].to_numpy()]
    method = sharp["method"].to_numpy()
    found = method == METHODS.index("centroid")
    nameless = places[["region_id", "admin2", "place"]].isna().all(axis=1).to_numpy()
    asked = np.flatnonzero(nameless & (method == METHODS.index("point")))
    if len(asked):
        points = places.geometry.to_numpy()[asked]
        kinds = match_centres(points, regions, level=level_of(regions))
        found[asked] = [kind == "centroid" for kind in kinds]
    return np.asarray(found)


def _at_rows(sharp: pd.DataFrame, place: IntArray) -> pd.DataFrame:
    """Return the placements of incidents from those of their places; `place` is each one's."""
    at = pd.Index(sharp["row"]).get_indexer(place)
    rows = np.flatnonzero(at >= 0)
    return sharp.iloc[at[rows]].assign(row=rows).reset_index(drop=True)


def match_centres(
    points: NDArray[np.object_], regions: gpd.GeoDataFrame, *, level: int
) -> list[str | None]:
    """Say which points merely sit on the centre or the capital of an area larger than the regions.

    Only larger areas matter: a district's own centre is in the district. An area has two centres:
    its centroid, and a point that lies inside it for sure. Capitals are those that ship with
    riskmap (``data/places/capitals.csv``), of the regions' countries. Within a kilometre counts as
    on it: gazetteers differ by as much.

    Parameters
    ----------
    points : ndarray of points, shape (n,)
        None of them missing or empty.
    regions
        Regions table.
    level
        Administrative level of the regions.

    Returns
    -------
    list
        ``"centroid"``, ``"capital"`` or None for each; of several, that of the largest area.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> shapes = [districts.union_all(), districts.geometry.iloc[2]]
    >>> points = np.array([shape.centroid for shape in shapes])
    >>> match_centres(points, districts, level=2)
    ['centroid', None]
    """
    capitals = pd.read_csv(data_path("places/capitals.csv"), keep_default_na=False)
    capitals = capitals[capitals["iso3"].isin(regions["iso3"].dropna())]
    kinds, known = [], [np.empty((0, 2))]
    for area, key in (("country", "iso3"), ("province", "parent_id"))[:level]:
        areas = regions.dropna(subset=[key])
        if area == "country" or areas[key].nunique() > areas["iso3"].nunique():
            merged = [_merge(rows.to_numpy()) for _, rows in areas.groupby(key).geometry]
            centres = [*shapely.centroid(merged), *shapely.point_on_surface(merged)]
            known.append(shapely.get_coordinates(centres))
            kinds += ["centroid"] * len(centres)
        own = capitals[capitals["kind"] == f"{area}_capital"]
        known.append(own[["lon", "lat"]].to_numpy())
        kinds += ["capital"] * len(own)
    tree = cKDTree(_on_sphere(np.concatenate(known)))
    near = tree.query_ball_point(_on_sphere(shapely.get_coordinates(points)), _CHORD)
    return [kinds[min(found)] if found else None for found in near]


def _merge(shapes: np.ndarray) -> shapely.Geometry:
    """Return the union of shapes, or their collection where they are too broken to be united."""
    try:
        return shapely.union_all(shapes)
    except shapely.GEOSException:
        return shapely.geometrycollections(shapes)


def _on_sphere(points: FloatArray) -> FloatArray:
    """Return longitudes and latitudes, shape (n, 2), as points on the unit sphere, shape (n, 3)."""
    x, y = np.radians(points).T
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


def find_aside(
    rows: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    gazetteer: NameResolver | None = None,
    *,
    index: RegionIndex,
) -> gpd.GeoDataFrame:
    """Return rows that were set aside, with the area that each is known to.

    Rows of a country that is none of the regions' are among them only where they are located to a
    point near the regions, or where their district is that of one region, and their province its
    own or blank, which says more than a country's code.

    Parameters
    ----------
    rows
        Incidents table; duplicates and what tells of no incident are not in it
        (:data:`riskmap.ledgers.NO_LOSS`).
    regions, gazetteer
        As for :func:`riskmap.locate`.
    index
        The index of the regions.

    Returns
    -------
    GeoDataFrame
        The rows, without days that can't be right, and their ``area`` (``region_id=...``, or as in
        :class:`riskmap.places.evidence.Evidence`, ``""`` for a row that knows nothing, and missing
        for one of another country).

    Examples
    --------
    >>> import riskmap as rm
    >>> table, regions = rm.datasets.incidents().iloc[:1], rm.datasets.regions()
    >>> table = table.assign(quarantine_reason="bad_date")
    >>> find_aside(table, regions, index=rm.RegionIndex(regions))["area"].tolist()
    ['region_id=XQA0304']
    """
    rows = rows.reset_index(drop=True)
    impossible = rows["quarantine_reason"] == "future_date"  # such a day is none
    days = {name: rows[name].mask(impossible) for name in ("event_date", "event_date_end")}
    rows = rows.assign(**days)
    covering = index.query(*(at(rows.geometry.to_numpy()) for at in (shapely.get_x, shapely.get_y)))
    countries = set(regions["iso3"].dropna())
    abroad = rows["country"].notna() & ~rows["country"].isin(countries) & bool(countries)
    alone = level_of(regions) > 1
    abroad &= ~name_one(rows, regions, abroad.to_numpy(), covering, alone=alone)
    kept = (~abroad).to_numpy() | _lie_near(rows, regions, abroad.to_numpy())
    abroad, rows = (table[kept].reset_index(drop=True) for table in (abroad, rows))
    if rows.empty:
        return rows.assign(area=pd.Series(dtype="str"))
    wrong = ~abroad & ~rows["country"].isin(countries)
    asked = rows.assign(country=rows["country"].mask(wrong))
    evidence = gather_evidence(asked, regions, gazetteer=gazetteer, index=index)
    rows = _with_points(rows, evidence)
    one = pd.Series(regions["region_id"].array.take(evidence.region, allow_fill=True), dtype="str")
    areas = evidence.either.fillna("region_id=" + one).fillna(evidence.area).fillna("")
    return rows.assign(area=pd.Series(areas.array.take(evidence.place)).mask(abroad))


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
