"""Attacks: the incidents of the last days that hold levels up, and where they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.panels.groups import THEIRS
from riskmap.panels.knowledge import default_rules
from riskmap.panels.measures import hits_foreigners
from riskmap.schema import COUNT, DAY, FLAG, TEXT, Column, conform

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd

    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.presence import Site

#: Attacks: incidents of relevance 1 of the last 90 days, newest first; they hold levels up.
ATTACK_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("region_id", TEXT, "its region; missing when it is known to an area only"),
    Column("area", TEXT, "the province or country that it is known to, when to no region"),
    Column("event_date", DAY, "its first possible day"),
    Column("until", DAY, "the first day on which it no longer holds a level up"),
    Column("is_point", FLAG, "whether it is located to a point, so that neighbours are concerned"),
    Column("regions", TEXT, "regions whose level it holds up, joined by ';'"),
    Column("sites", TEXT, "sites of the group within reach and how far, joined by '; '; private"),
    Column("place", TEXT, "the place as written"),
    Column("event_type", TEXT, "what happened"),
    Column("killed", COUNT, "people killed"),
    Column("wounded", COUNT, "people wounded"),
    Column("abducted", COUNT, "people abducted"),
    Column("nationality", TEXT, "victims' nationalities"),
    Column("sector", TEXT, "victims' sector of work"),
    Column("source", TEXT, "who tells it"),
    Column("source_count", COUNT, "independent reports of it"),
    Column("cleared", TEXT, "why and by whom it was cleared; missing when it was not"),
)

_POINT = ("point", "stated", "named", "nearest")


def find_attacks(
    counted: pd.DataFrame,
    placed: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Return the attacks on a group that hold levels up on a day; on any foreigners without one.

    An attack counts for 90 days from the later of the day it happened and the day it became known.
    It holds up its own region; where it is located to a point, also the regions within 25 km of it.
    Known only to an area it holds up no region: the area is told.

    Parameters
    ----------
    counted, placed
        The used incidents with their geometry, or ``longitude`` and ``latitude``, and where they
        are placed.
    regions
        The regions, sorted by id.
    group, as_of
        Whose attacks, and the day.

    Returns
    -------
    DataFrame
        :data:`ATTACK_COLUMNS`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> bool((panel.attacks["until"] > panel.as_of).all())
    True
    """
    rules = default_rules()
    theirs = hits_foreigners(counted)
    if group is not None:
        grades = counted["relevance"] if "relevance" in counted else group.relevance(counted)
        theirs = grades.isin(THEIRS).to_numpy()
    told = counted["ingested_at"].dt.tz_localize(None).dt.normalize()
    since = counted["event_date_end"].fillna(counted["event_date"])
    since = since.where(~(told > since), told).clip(upper=as_of)
    until = since + pd.Timedelta(days=rules.attack_days)
    rows = np.flatnonzero(theirs & (until > as_of).to_numpy())
    own, reach = placed[placed["row"].isin(rows)], rules.attack_reach_km
    told_of = counted.iloc[rows].filter(_PLACE)
    lines = [
        _line(attack, own[own["row"] == row], regions, group, reach)
        for row, (_, attack) in zip(rows, told_of.iterrows(), strict=True)
    ]
    if not lines:
        return conform(pd.DataFrame(), ATTACK_COLUMNS)
    facts = counted.iloc[rows].drop(columns=["region_id"]).reset_index(drop=True)
    table = pd.concat([pd.DataFrame(lines), facts.filter(_FACTS)], axis=1)
    table["until"] = until.iloc[rows].to_numpy()
    ordered = table.sort_values(["event_date", "incident_id"], ascending=[False, True])
    kept = [column.name for column in ATTACK_COLUMNS if column.name in ordered]
    return conform(ordered[kept].reset_index(drop=True), ATTACK_COLUMNS)


_PLACE = ["admin1", "country", "geo_precision", "geometry", "longitude", "latitude"]
_FACTS = [
    *("incident_id", "event_date", "place", "event_type", "killed", "wounded", "abducted"),
    *("nationality", "sector", "source", "source_count"),
]


def _line(
    attack: pd.Series,
    where: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    group: WorkerGroup | None,
    reach_km: float,
) -> dict[str, object]:
    """Return where one attack holds levels up."""
    sharp = where[where["method"] != "spread"]
    if sharp.empty:
        known = attack["admin1"] if pd.notna(attack["admin1"]) else attack["country"]
        return {"region_id": None, "area": known, "is_point": False, "regions": None}
    own = int(sharp["position"].iloc[0])
    exact = attack["geo_precision"] == "point" or (
        pd.isna(attack["geo_precision"]) and sharp["method"].iloc[0] in _POINT
    )
    point = _point_of(attack) if exact else None
    near: Iterable[int] = [own]
    sites = None
    if point is not None:
        metres = _metres(point, regions.geometry.to_numpy())
        near = sorted({own, *np.flatnonzero(metres <= 1000.0 * reach_km).tolist()})
        sites = _near_sites(point, () if group is None else group.sites, reach_km)
    ids = regions["region_id"]
    return {
        "region_id": ids.iloc[own],
        "area": None,
        "is_point": point is not None,
        "regions": ";".join(ids.iloc[position] for position in near),
        "sites": sites,
    }


def _point_of(attack: pd.Series) -> shapely.Point | None:
    """Return the point of an incident, None where it has none."""
    if "longitude" in attack:
        place = (attack["longitude"], attack["latitude"])
        return None if pd.isna(place[0]) else shapely.Point(*place)
    return attack.get("geometry")


def _metres(point: shapely.Point, geometries: np.ndarray) -> np.ndarray:
    """Return the metres from a point to each geometry, on a plane around the point."""
    scale = np.array([np.cos(np.radians(point.y)), 1.0]) * METRES_A_DEGREE
    centre = np.array([point.x, point.y])
    tree = shapely.STRtree(geometries)
    near = tree.query(point.buffer(_NEAR_DEGREES / max(np.cos(np.radians(point.y)), 0.1)))
    found = np.full(len(geometries), np.inf)
    flat = shapely.transform(geometries[near], lambda xy: (xy - centre) * scale)
    found[near] = shapely.distance(flat, shapely.Point(0.0, 0.0))
    return found


#: Metres of a degree of latitude, on average.
METRES_A_DEGREE = 111_195.0
_NEAR_DEGREES = 0.5


def _near_sites(point: shapely.Point, sites: tuple[Site, ...], reach_km: float) -> str | None:
    """Return the sites within reach of a point and how far they are."""
    at = np.array([shapely.Point(site.lon, site.lat) for site in sites], dtype=object)
    if not len(at):
        return None
    metres = _metres(point, at)
    told = [
        f"{sites[i].name} ({metres[i] / 1000.0:.0f} km)"
        for i in np.argsort(metres, kind="stable")
        if metres[i] <= 1000.0 * reach_km
    ]
    return "; ".join(told) or None
