"""Attacks: the incidents of the last days that hold levels up, and where they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.foreign_victims import hits_foreigners
from riskmap.ledgers import NO_LOSS
from riskmap.panels.groups import THEIRS
from riskmap.panels.lapses import default_rules
from riskmap.panels.measures import is_known
from riskmap.places.evidence import members_of, readings
from riskmap.schema import COUNT, DAY, FLAG, TEXT, Column, conform

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.panels.groups import Site, WorkerGroup

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
    Column("source_count", COUNT, "reports of it, as the feed or the files tell"),
    Column("cleared", TEXT, "why and by whom it was cleared; missing when it was not"),
    Column("unusable", TEXT, "why its day is not known, as written; it then holds no level up"),
)

#: Why rows are set aside that stand for no attack: nobody has found that there was one, beside
#: those that tell of no incident.
NO_ATTACK = (
    *NO_LOSS,
    *("not_reviewed", "rejected", "alleged", "summary", "bad_answer", "invented_quote"),
    *("not_proven", "unread_language"),
)

_POINT = ("point", "stated", "named", "nearest")


def find_attacks(
    counted: pd.DataFrame,
    placed: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    as_of: pd.Timestamp,
    aside: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the attacks on a group that hold levels up on a day; on any foreigners without one.

    An attack counts for 90 days from the later of the day it happened and the day it became known.
    It holds up its own region; where it is located to a point, also the regions within 25 km of it,
    whatever country it is in. Known only to an area it holds up no region: the area is told. A row
    that was set aside tells of an attack too, where its day can be read: in its region, or
    somewhere in its area. One whose day can't be read stands last, and holds nothing up.

    Parameters
    ----------
    counted, placed
        The used incidents with their geometry, or ``longitude`` and ``latitude``, and where they
        are placed.
    regions
        The regions, sorted by id.
    group, as_of
        Whose attacks, and the day.
    aside
        Rows that were set aside (:func:`riskmap.places.found_places.find_aside`), as `counted`.

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
    if aside is not None and len(aside) and "area" not in counted:
        known = aside[aside["spread"].to_numpy(bool)].drop_duplicates("incident_id")
        known = known.set_index("incident_id")["area"]
        counted = counted.assign(area=counted["incident_id"].map(known))
    tables = [_find(counted, placed, regions, group=group, as_of=as_of)]
    if aside is not None and len(aside):
        lost = aside[_may_be_here(aside) & ~aside["spread"].to_numpy(bool)]
        rows = lost[is_known(lost, as_of)].reset_index(drop=True)
        where = _place_aside(rows["area"], regions)
        found = _find(rows, where, regions, group=group, as_of=as_of)
        abroad = rows.loc[rows["area"].isna(), "incident_id"]
        far = found["regions"].isna() & found["incident_id"].isin(abroad)
        tables.append(found[~far])
        tables.append(_find_undated(lost, regions, group=group, as_of=as_of))
    table = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    ordered = table.sort_values(["event_date", "incident_id"], ascending=[False, True])
    return conform(ordered.reset_index(drop=True), ATTACK_COLUMNS)


def _find(
    counted: pd.DataFrame,
    placed: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Return the attacks among some incidents."""
    rules = default_rules()
    told = counted["ingested_at"].dt.tz_localize(None).dt.normalize()
    since = counted["event_date_end"].fillna(counted["event_date"])
    since = since.where(~(told > since), told).clip(upper=as_of)
    until = since + pd.Timedelta(days=rules.attack_days)
    rows = np.flatnonzero(until > as_of)
    rows = rows[names_group(counted.iloc[rows], group)]
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
    written = [counted[name].iloc[rows].reset_index(drop=True) for name in _WRITTEN]
    table["place"] = table["place"].where(table["area"].isna(), _first_of(written))
    return conform(table, ATTACK_COLUMNS)


def _find_undated(
    aside: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Return the attacks among rows without a day; those known for long have passed."""
    rules = default_rules()
    known = aside["ingested_at"].dt.tz_localize(None)
    passed = (known >= as_of) | (known < as_of - pd.Timedelta(days=rules.attack_days))
    open_ = aside["event_date"].isna() & ~passed
    rows = aside[open_.to_numpy(bool)].reset_index(drop=True)
    rows = rows[names_group(rows, group)].reset_index(drop=True)
    dated = rows.assign(event_date=as_of, event_date_end=as_of)  # it may be of any day
    found = _find(dated, _place_aside(rows["area"], regions), regions, group=group, as_of=as_of)
    if found.empty:
        return found
    return found.assign(
        event_date=pd.NaT, until=pd.NaT, regions=None, sites=None, is_point=False,
        place=_first_of([rows[name] for name in _WRITTEN]),
        unusable=_why_unusable(rows),
    )  # fmt: skip


def _why_unusable(rows: pd.DataFrame) -> pd.Series:
    """Return what stands where a day should; of a row whose fields are not known, all of it."""
    why = rows["quarantine_detail"].str.split(", expected ").str[0]
    whole = (rows["quarantine_reason"] == "ragged_row") & rows["notes"].notna()
    return why.mask(whole, why + ": " + rows["notes"])


def names_group(incidents: pd.DataFrame, group: WorkerGroup | None) -> NDArray[np.bool_]:
    """Return which incidents are attacks on a group itself; on any foreigners without one.

    Parameters
    ----------
    incidents
        An Incidents table; grades in a column ``relevance`` are taken as they are.
    group
        Whose attacks.

    Examples
    --------
    >>> import riskmap as rm
    >>> bool(names_group(rm.datasets.incidents(), None).any())
    True
    """
    if group is None:
        return hits_foreigners(incidents)
    grades = incidents["relevance"] if "relevance" in incidents else group.relevance(incidents)
    return np.asarray(grades.isin(THEIRS), dtype=bool)


def find_later(
    placed: pd.DataFrame,
    aside: pd.DataFrame,
    group: WorkerGroup | None,
    *,
    as_of: pd.Timestamp,
    least: int = 0,
) -> dict[str, Any]:
    """Return how many reports came too late for a day, and which of them tell of attacks.

    Parameters
    ----------
    placed, aside
        Incidents that are placed in the regions, and those that were set aside
        (:func:`riskmap.locate`); those elsewhere are left out.
    group
        Whose attacks are told one by one; those on any foreigners without one.
    as_of
        The day: what happened or became known on it or later changes nothing as of it.
    least
        How many there are at least, where not all are in the table.

    Returns
    -------
    dict
        ``later``: how many reports, and how many of them tell of attacks; ``later_attacks``: the
        newest of these, each as its day and place. Empty where none came too late.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> find_later(located.incidents, located.aside, None, as_of=pd.Timestamp("2025-01-01"))
    {'later': {'reports': 1, 'attacks': 0}, 'later_attacks': []}
    """
    here = aside[_may_be_here(aside)] if "area" in aside else aside
    parts = [rows[rows["event_date"].notna() & ~is_known(rows, as_of)] for rows in (placed, here)]
    late = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
    n = max(len(late), least)
    if not n:
        return {}
    theirs = late[names_group(late, group)]
    spots = _first_of([theirs[name] for name in (*_WRITTEN, "country")]).fillna("")
    days = theirs["event_date"].dt.strftime("%Y-%m-%d")
    told = sorted(set(zip(days, spots.astype(str), strict=True)), reverse=True)
    return {
        "later": {"reports": n, "attacks": len(theirs)},
        "later_attacks": [list(one) for one in told[:_TOLD]],
    }


def count_drafts(aside: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, int]:
    """Return how many reports wait for an analyst's decision, by the region that each names.

    Parameters
    ----------
    aside
        The rows that were set aside, with their ``area`` (:func:`riskmap.locate`).
    as_of
        The day: reports of it or later don't count.

    Returns
    -------
    dict
        Ids of regions, the one with most drafts first; ``""`` for those of no single region.

    Examples
    --------
    >>> aside = pd.DataFrame({"quarantine_reason": ["not_reviewed"], "area": ["region_id=XQA0304"],
    ...                       "event_date": [pd.Timestamp("2025-01-03")]})
    >>> count_drafts(aside, pd.Timestamp("2025-01-31")), count_drafts(aside.iloc[:0], pd.NaT)
    ({'XQA0304': 1}, {})
    """
    if "quarantine_reason" not in aside or aside.empty:
        return {}
    waits = aside["quarantine_reason"].isin(WAITING) & ~(aside["event_date"] >= as_of)
    areas = pd.DataFrame(aside.loc[waits])["area"].fillna("")
    keys = areas.where(areas.str.startswith("region_id="), "").str.removeprefix("region_id=")
    counts = keys.value_counts()
    return {
        str(key): int(counts[key]) for key in sorted(counts.index, key=lambda k: (-counts[k], k))
    }


#: Why rows are set aside on which somebody has yet to decide.
WAITING = ("not_reviewed", "unread_language", "not_proven")


#: Attacks that came too late are told one by one, the newest of them, up to so many.
_TOLD = 5
#: What is told of a place, the finest first.
_WRITTEN = ("place", "admin2", "region_id", "admin1")


def _first_of(columns: list[pd.Series]) -> pd.Series:
    """Return what the first of some columns says that says anything."""
    found = columns[0]
    for column in columns[1:]:
        found = found.fillna(column)
    return found


def _may_be_here(aside: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows that were set aside tell of an incident that may be in the regions.

    One whose point is outside of all regions, and that names no country, is elsewhere.
    """
    reason = aside["quarantine_reason"]
    pointed = aside["longitude" if "longitude" in aside else "geometry"].notna()
    elsewhere = reason.isna() & (aside["area"] == "") & pointed
    return (~reason.isin(NO_ATTACK) & ~elsewhere).to_numpy(dtype=bool)


def _place_aside(area: pd.Series, regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return where the rows that were set aside are whose region is known."""
    named = area[area.fillna("").str.startswith("region_id=")]
    position = pd.Index("region_id=" + regions["region_id"]).get_indexer(named)
    found = pd.DataFrame({"row": named.index, "position": position, "method": "named"})
    return found[position >= 0].reset_index(drop=True)


_PLACE = ["area", "admin1", "country", "geo_precision", "geometry", "longitude", "latitude"]
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
    exact = attack["geo_precision"] == "point" or (
        pd.isna(attack["geo_precision"]) and sharp["method"].isin(_POINT).any()
    )
    point = _point_of(attack) if exact else None
    marked, sites = set(sharp["position"].head(1)) | _named_by(attack, regions), None
    if point is not None:
        metres = metres_from(point, regions.geometry.to_numpy())
        marked |= set(np.flatnonzero(metres <= 1000.0 * reach_km))
        sites = _near_sites(point, () if group is None else group.sites, reach_km)
    ids = regions["region_id"].to_numpy(dtype=object)
    return {
        "region_id": None if sharp.empty else ids[sharp["position"].iloc[0]],
        "area": _area_of(attack, where, regions) if sharp.empty else None,
        "is_point": point is not None,
        "regions": ";".join(ids[sorted(marked)]) or None,
        "sites": sites,
    }


def _named_by(attack: pd.Series, regions: gpd.GeoDataFrame) -> set[int]:
    """Return the regions any of which the words of an attack may name."""
    area = attack.get("area")
    named = readings(area)[-1] if isinstance(area, str) else ""
    return set(members_of(named, regions)) if named.startswith("region_id=") else set()


def _area_of(attack: pd.Series, where: pd.DataFrame, regions: gpd.GeoDataFrame) -> str | None:
    """Return the province, or the countries joined by ";", that an attack is known to."""
    told = attack.get("area")
    if isinstance(told, str):
        told = readings(told)[0]
        among, precise = regions.iloc[members_of(told, regions)], told.startswith("parent_id=")
    else:
        among = regions.iloc[where["position"]]
        precise = pd.notna(attack["admin1"]) or _point_of(attack) is not None
    provinces, countries = (
        sorted(among[name].dropna().unique()) if name in among else []
        for name in ("parent", "iso3")
    )
    if precise and len(provinces) == 1:
        return str(provinces[0])
    if countries:
        return ";".join(countries)
    known = attack["country"]
    if pd.notna(attack["admin1"]) and len(where):
        known = attack["admin1"]
    return None if pd.isna(known) else str(known)


def _point_of(attack: pd.Series) -> shapely.Point | None:
    """Return the point of an incident, None where it has none."""
    if "longitude" in attack:
        place = (attack["longitude"], attack["latitude"])
        return None if pd.isna(place[0]) else shapely.Point(*place)
    point = attack.get("geometry")
    return point if isinstance(point, shapely.Point) else None


def metres_from(point: shapely.Point, geometries: np.ndarray) -> np.ndarray:
    """Return the metres from a point to each geometry, on a plane around the point.

    What is more than half a degree away is infinitely far.

    Examples
    --------
    >>> metres_from(shapely.Point(0, 0), np.array([shapely.Point(0, 0.1)])).round().tolist()
    [11120.0]
    """
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
    metres = metres_from(point, at)
    told = [
        f"{sites[i].name} ({metres[i] / 1000.0:.0f} km)"
        for i in np.argsort(metres, kind="stable")
        if metres[i] <= 1000.0 * reach_km
    ]
    return "; ".join(told) or None
