"""What stands on the map page beside the regions: their names, incidents, and sites of the group.

An incident is drawn as exactly as it is known: a point, the whole of a district, or a province.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.assessment.exposures import LARGEST_GAP
from riskmap.incidents.foreign_victims import hits_foreigners, is_incident
from riskmap.outputs.wordings import display, hit_nobody_foreign, lies_here
from riskmap.places.names import Gazetteer
from riskmap.places.names.forms import fold_name
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.bundles import Bundle
    from riskmap.typing import IntArray

#: Incidents that are listed.
INCIDENTS_A_REGION = 8
INCIDENTS = 2100
#: Days before the layer's day whose incidents are drawn.
RECENT_DAYS = 90
#: Letters that other names of regions and towns have on a page at most.
LETTERS = 40_000
#: How exactly the place of an incident is known, by what is drawn: a point, a place, the district.
_DRAWN = {"point": 1, "place": 2}
_DISTRICT = 3
_DIGITS = 4


def other_names(bundle: Bundle) -> tuple[list[str], bool]:
    """Return by what other names each region is searched, and whether towns are among them.

    Returns
    -------
    list of str
        Joined by ``" | "``: aliases, spellings and towns that the gazetteer knows.
    bool
        Whether names of towns (GeoNames) are among them.
    """
    regions = bundle.regions
    shown = regions[["region_id", "name", "names"]].fillna("").itertuples(index=False)
    own = {
        key: {fold_name(one) for one in (key, name, *names.split(" | "))}
        for key, name, names in shown
    }
    whole = bool(regions.geometry.notna().all())
    table = Gazetteer.from_regions(regions, towns=whole).known_names()
    folded = [*map(fold_name, table["name"])]
    new = [text not in own[key] for key, text in zip(table["region_id"], folded, strict=True)]
    table = table[new]
    table = table[table["name"].str.len().cumsum() <= LETTERS]
    told = table.groupby("region_id")["name"].agg(lambda names: " | ".join(map(display, names)))
    return [told.get(key, "") for key in regions["region_id"]], bool(table["is_town"].any())


#: What stands before the nations of people at whom an attack was aimed that hit none of them.
AIMED = "~"


def newest_incidents(bundle: Bundle) -> dict[str, Any]:
    """Return the newest incidents of each region: date, kind, toll, nationality, id; no notes.

    One that is known to an area, and to none of its regions, is listed under none of them; of the
    last :data:`RECENT_DAYS` it is counted for its parent.

    Returns
    -------
    dict
        Columns. ``known`` has a hexadecimal digit an incident: a bit for foreigners, one for the
        group, and two for its place: 1 a point, 2 a place, 3 the district. ``at`` are index, x and
        y of the recent ones that have a point; ``areas`` the parents of those that have no region.
        A ``source`` begins with the number of its feed, and of ``nations`` those at whom it was
        aimed and none of whom was hit with :data:`AIMED`.
    """
    layer, ids = bundle.layer, bundle.regions["region_id"]
    known = layer.incidents[layer.incidents["region_id"].isin(ids)]
    table = known[lies_here(known)]
    table = table.sort_values(["event_date", "incident_id"], ascending=[False, True], kind="stable")
    table = table[table.groupby("region_id").cumcount() < INCIDENTS_A_REGION].head(INCIDENTS)
    nationality = table["nationality"].map(display, na_action="ignore")
    unhurt = np.array([hit_nobody_foreign(row) for row in table.itertuples()], dtype=bool)
    nationality = nationality.mask(unhurt, AIMED + nationality.astype("str"))
    types, nations = find_kinds(table["event_type"]), find_kinds(nationality)
    days = table["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    first = int(days.min()) if days.size else 0
    bounds = [
        sum(1 << bit for bit, name in enumerate(TOLLS) if name in text)
        for text in table["toll"].map(display)
    ]
    parted = [display(key).partition(":") for key in table["incident_id"]]
    feeds = sorted({feed for feed, _, _ in parted})
    exact, at = _exactness(bundle, table)
    return {
        "region": codes_of(table["region_id"], ids),
        "first": first,
        "day": (days - first).tolist(),
        "types": types,
        "type": codes_of(table["event_type"], types),
        **{name: [int(n) for n in table[name].fillna(0)] for name in TOLLS},
        **({"bounds": bounds} if any(bounds) else {}),
        "nations": nations,
        "nation": codes_of(nationality, nations),
        "feeds": feeds,
        "source": [f"{feeds.index(feed)}{colon}{rest}" for feed, colon, rest in parted],
        "known": "".join(
            f"{4 * e + a:x}" for e, a in zip(exact, _about(layer, table), strict=True)
        ),
        "at": at,
        "since": _start(layer).to_numpy().astype("datetime64[D]").astype(int).item() - first,
        "areas": _areas(layer, known, bundle.regions),
    }


def _exactness(bundle: Bundle, table: pd.DataFrame) -> tuple[list[int], list[int]]:
    """Return how exactly incidents are known, and where the recent ones with a point are drawn."""
    exact = table["geo_precision"].map(_DRAWN).fillna(_DISTRICT).astype("int64").to_numpy()
    if "longitude" not in table:
        return np.full(len(table), _DISTRICT).tolist(), []
    points = table[["longitude", "latitude"]].to_numpy(dtype=float)
    exact = np.where(np.isfinite(points).all(axis=1), exact, _DISTRICT)
    recent = (table["event_date"] >= _start(bundle.layer)).to_numpy()
    rows = np.flatnonzero((exact < _DISTRICT) & recent)
    xy = np.round(bundle.drawing.place(points[rows]))
    rows, xy = rows[np.isfinite(xy).all(axis=1)], xy[np.isfinite(xy).all(axis=1)]
    return exact.tolist(), np.column_stack([rows, xy]).astype(int).ravel().tolist()


def recent_incidents(bundle: Bundle) -> pd.DataFrame:
    """Return the incidents of the last :data:`RECENT_DAYS` that lie in a region.

    Returns
    -------
    DataFrame
        ``region_id, longitude, latitude`` and ``exact``: ``"point"``, ``"place"``, or
        ``"district"`` where no more is known.
    """
    table = bundle.layer.incidents
    table = table[lies_here(table) & (table["event_date"] >= _start(bundle.layer))]
    names = ["longitude", "latitude"]
    told = table.reindex(columns=["region_id", *names, "geo_precision"])
    known = told["geo_precision"].isin(_DRAWN) & told[names].notna().all(axis=1)
    return told.assign(exact=told.pop("geo_precision").where(known, "district"))


def _start(layer: RiskLayer) -> pd.Timestamp:
    """Return the first day of the recent incidents."""
    return layer.context.as_of - pd.Timedelta(days=RECENT_DAYS)


def _about(layer: RiskLayer, table: pd.DataFrame) -> list[int]:
    """Return a bit for incidents that hit foreigners, one for those that count for the group."""
    counts = {grade: float(weight) > 0 for grade, weight in layer.context.relevance.items()}
    foreign = hits_foreigners(table)
    if "relevance" not in table:
        return foreign.astype(int).tolist()
    theirs = table["relevance"].map(counts).eq(other=True).to_numpy(dtype=bool)
    return (foreign + 2 * theirs).tolist()


def _areas(layer: RiskLayer, known: pd.DataFrame, regions: pd.DataFrame) -> list[int]:
    """Return the parent of each recent incident of which no region is known; -1 for several."""
    groups, _ = parent_codes(regions)
    parent = dict(zip(regions["region_id"], groups.tolist(), strict=True))
    vague = known[~lies_here(known) & is_incident(known) & (known["event_date"] >= _start(layer))]
    told = vague.assign(parent=vague["region_id"].map(parent)).groupby("incident_id")["parent"]
    return [int(low) if low == high else -1 for low, high in told.agg(["min", "max"]).to_numpy()]


def parent_codes(regions: pd.DataFrame) -> tuple[IntArray, pd.Index]:
    """Return the number of each region's parent, and the parents' ids; of names without ids."""
    ids = regions["parent_id"].fillna(regions["parent"]).fillna("").astype("str")
    return pd.factorize(ids, sort=True)


def site_levels(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    """Return each site and route: name, region, level, probability, attacked, known in part.

    Then the highest region near it: which, its level, attacked, and how many metres it is away.
    """
    rows = layer.sites[layer.sites["layer"] == name]
    columns = (
        map(display, rows["site"]),
        codes_of(rows["region_id"], ids),
        map(int, rows["risk_level"]),
        map(printed, rows["p_any"]),
        map(int, rows["attacked"].eq(other=True)),
        map(int, rows["assessed_share"].lt(1 - LARGEST_GAP)),
        codes_of(rows["near_region_id"], ids),
        map(int, rows["near_level"].fillna(0)),
        map(int, rows["near_attacked"].eq(other=True)),
        (float(f"{metres:.2g}") for metres in rows["near_distance_m"].fillna(0.0)),
    )
    return {"sites": [*map(list, zip(*columns, strict=True))]} if len(rows) else {}


def site_places(bundle: Bundle) -> list[list[Any]]:
    """Return the name of each site and route, and x and y of its points; only private layers know.

    Returns
    -------
    list of list
        Name, then x and y one after another: one point is a site, several are a route.
    """
    rows = bundle.layer.sites.drop_duplicates("site").dropna(subset="wkt")
    found = []
    for name, wkt in zip(rows["site"], rows["wkt"], strict=True):
        points = bundle.drawing.place(shapely.get_coordinates(shapely.from_wkt(wkt)))
        if np.isfinite(points).all():
            found.append([display(name), *np.round(points).astype(int).ravel().tolist()])
    return found


def codes_of(values: pd.Series, codes: Sequence[str] | pd.Series) -> list[int]:
    """Return the position of each value among its codes, -1 when missing.

    Examples
    --------
    >>> codes_of(pd.Series(["b", None]), ["a", "b"])
    [1, -1]
    """
    return [int(code) for code in pd.Index(codes).get_indexer(values)]


def find_kinds(values: pd.Series) -> list[str]:
    """Return what occurs among some texts, in order."""
    return sorted(values.dropna().unique())


def printed(value: Any) -> int | float | None:
    """Return a number with the two digits that the page prints, above 0.99 with all it needs.

    Examples
    --------
    >>> printed(0.1234), printed(0.9934)
    (0.12, 0.9934)
    """
    number = short(value)
    if number is None or 0.99 < number < 1:  # noqa: PLR2004 - nothing is certain
        return number
    return short(float(f"{number:.2g}"))


def short(value: Any) -> int | float | None:
    """Return a number with four significant digits, whole when it can be; None when missing.

    Examples
    --------
    >>> short(0.123456), short(3.0), short(float("nan"))
    (0.1235, 3, None)
    """
    if pd.isna(value) or not np.isfinite(value):
        return None
    found = float(f"{float(value):.{_DIGITS}g}")
    return int(found) if found.is_integer() else found
