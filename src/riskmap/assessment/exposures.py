"""Exposure: how many workers are at risk, where they work and which ways they go.

Incidents per 1 000 worker-years, and the risk at sites and along routes: never where these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from scipy import special

from riskmap.assessment.desk_files import YEAR_DAYS
from riskmap.assessment.hysteresis import FLOOR
from riskmap.assessment.layers import SITE_COLUMNS, empty_table
from riskmap.errors import InputError
from riskmap.places.areas import boundary_distances, metres_per_degree
from riskmap.places.region_index import RegionIndex
from riskmap.schema import conform
from riskmap.settings import data_path, read_toml

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.assessment.contexts import Context
    from riskmap.models.results import Forecast
    from riskmap.panels.groups import Presence, Route, Site, WorkerGroup
    from riskmap.typing import FloatArray, IntArray

#: Rates are per so many worker-years.
PER = 1000.0

#: What `exposure_basis` says where worker-years were given.
GIVEN = "worker-years as given"
CARRIED = "worker-years as given, the last period carried forward"
NONE = "none of the group there, as given: no rate"
DISPUTED = "none of the group there, as given, but incidents of the group were reported: no rate"

_DISTRICT = 2


@lru_cache(maxsize=1)
def read_scenarios() -> tuple[str, dict[int, tuple[float, float, float]]]:
    """Return the assumed numbers of workers in a region where nobody told how many there are.

    Returns
    -------
    str
        Versioned name that outputs carry.
    dict
        Low, middle and high headcount by administrative level.

    Examples
    --------
    >>> name, workers = read_scenarios()
    >>> name, workers[2]
    ('riskmap-exposure-2026.1', (20.0, 200.0, 2000.0))
    """
    table = read_toml(data_path("exposure/scenarios.toml"))
    return table["scenario_id"], {
        row["adm_level"]: (float(row["low"]), float(row["mid"]), float(row["high"]))
        for row in table["scenarios"]
    }


def add_rates(
    risks: pd.DataFrame,
    forecast: Forecast,
    regions: gpd.GeoDataFrame,
    *,
    context: Context,
) -> pd.DataFrame:
    r"""Return risks with the group's incidents per 1 000 worker-years and their 90 % interval.

    With :math:`\mu` expected incidents of the group over the horizon and `w` worker-years of the
    group within it, the rate is :math:`1000\,\mu/w`. Its uncertainty is Gamma distributed, with a
    squared coefficient of variation of

    .. math:: \frac{1}{k + 1/2} + \frac{1}{s},

    where `k` is the number of the group's incidents seen in the region (Jeffreys' interval; Brown,
    Cai and DasGupta, 2003) and `s` the size of the forecast's negative binomial. Where no
    exposure was given the rate is that of the middle scenario, and the interval reaches from its
    lower end at the high headcount to its upper end at the low one.

    Parameters
    ----------
    risks : DataFrame
        One row a region and layer.
    forecast : Forecast
        What they were judged from, with the layer ``group``.
    regions : GeoDataFrame
        The regions, sorted by id.
    context : Context
        Of the forecast. Without a group there are no rates. Presence is of all workers of
        its nationality and sector, not of one company's.

    Returns
    -------
    DataFrame
        The risks with ``rate_per_1000_wy, wy_rate_q05, wy_rate_q95, exposure_basis``, missing for
        the layers ``violence`` and ``foreign``, whose exposure nobody gives.

    Raises
    ------
    InputError
        When exposure is given for a region that is not among `regions`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, group=rm.WorkerGroup("CHN"),
    ...                            as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> layer.risks["exposure_basis"].dropna().iloc[0]
    'none given: scenario of 200 workers (20 to 2000), riskmap-exposure-2026.1'
    """
    group = forecast.group
    if group is None:
        return risks
    known = set(regions["region_id"])
    strange = next((one.region_id for one in group.presence if one.region_id not in known), None)
    if strange is not None:
        raise InputError(
            "exposure is given for a region that is not among the regions",
            column="region_id",
            met=strange,
        )
    seen = count_theirs(forecast)
    years, basis = _find_years(group.presence, regions, context, seen=seen)
    rows = (risks["layer"] == "group").to_numpy()
    order = pd.Index(regions["region_id"]).get_indexer(risks.loc[rows, "region_id"])
    mean = risks.loc[rows, "expected_count"].to_numpy()
    frame = forecast.frame[forecast.frame["layer"] == "group"].set_index("region_id")
    excess = frame["dispersion"].reindex(risks.loc[rows, "region_id"]).to_numpy() - 1.0
    low, high = _interval(mean, np.maximum(excess, 0.0), seen.to_numpy()[order])
    found = risks.copy()
    for name, number, column in (
        ("rate_per_1000_wy", mean, 1),
        ("wy_rate_q05", low, 2),
        ("wy_rate_q95", high, 0),
    ):
        below = years[order, column]
        rate = np.divide(number, below, out=np.full(len(mean), np.nan), where=below > 0)
        found.loc[rows, name] = PER * rate
    found.loc[rows, "exposure_basis"] = basis[order]
    return found


def count_theirs(forecast: Forecast) -> pd.Series:
    """Return how many incidents hit or targeted the group itself in each region, by its id."""
    theirs = forecast.evidence.loc[forecast.measures["theirs"], ["region_id", "weight"]]
    told = theirs.groupby("region_id")["weight"].sum()
    return told.reindex(forecast.keys["region_id"], fill_value=0.0)


def _interval(
    mean: FloatArray, excess: FloatArray, seen: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the 5 % and 95 % quantiles of the expected count."""
    variation = 1.0 / (seen + 0.5)
    variation += np.divide(excess, mean, out=np.zeros(len(mean)), where=mean > 0)
    shape = 1.0 / variation
    low, high = (mean * special.gammaincinv(shape, q) / shape for q in (0.05, 0.95))
    return low, high


def _find_years(
    presence: tuple[Presence, ...],
    regions: gpd.GeoDataFrame,
    context: Context,
    *,
    seen: pd.Series,
) -> tuple[FloatArray, NDArray[np.object_]]:
    """Return low, middle and high worker-years of each region in the horizon, and their basis."""
    (scenario_id, assumed), days = read_scenarios(), context.horizon_days
    by_region: dict[str, list[Presence]] = {}
    for entry in presence:
        by_region.setdefault(entry.region_id, []).append(entry)
    years, basis = [], []
    levels = regions["adm_level"].fillna(_DISTRICT).astype(int)
    for region, level in zip(regions["region_id"], levels, strict=True):
        if region in by_region:
            crew, why = _count_years(by_region[region], start=context.as_of, days=days)
            if crew == 0:
                why = DISPUTED if seen[region] > 0 else NONE
            years.append([crew] * 3)
        else:
            low, mid, high = assumed[min(level, _DISTRICT)]
            why = f"none given: scenario of {mid:g} workers ({low:g} to {high:g}), {scenario_id}"
            years.append([workers * days / YEAR_DAYS for workers in (low, mid, high)])
        basis.append(why)
    return np.array(years), np.array(basis, dtype=object)


def _count_years(told: list[Presence], *, start: pd.Timestamp, days: float) -> tuple[float, str]:
    """Return the worker-years of one region in the horizon; the last known where all is past."""
    first = start.toordinal()
    total = 0.0
    for entry in told:
        begin = max(first, _ordinal(entry.start, first))
        end = min(first + days, _ordinal(entry.end, first + days))
        total += entry.headcount * max(end - begin, 0.0) / YEAR_DAYS
    past = [entry.end for entry in told if entry.end is not None]
    if len(past) == len(told) and max(past).toordinal() <= first:
        last = max(past)
        crew = sum(entry.headcount for entry in told if entry.end == last)
        return crew * days / YEAR_DAYS, CARRIED
    return total, GIVEN


def _ordinal(day: date | None, otherwise: float) -> float:
    return otherwise if day is None else float(day.toordinal())


#: A way may pass so large a share of its length outside of what is assessed, such as the straight
#: line across a bay, and still have a probability: that of the rest.
LARGEST_GAP = 0.01

#: How far from a site another region is next door: as far as an attack at a known spot reaches.
NEXT_DOOR_M = 25_000.0

#: A route within one region is measured to its border from at least so many points.
POINTS = 200


@dataclass(frozen=True)
class _Way:
    """A site or route as the regions it passes, with the share of its length in each.

    There are none where all of it lies outside of the regions.
    """

    name: str
    kind: str
    region: IntArray
    share: FloatArray
    border_m: float
    near: IntArray
    near_m: FloatArray
    shape: shapely.Point | shapely.LineString


def assess_sites(
    risks: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    attacks: pd.DataFrame | None = None,
) -> pd.DataFrame:
    r"""Return the risk at each site and along each route of a group.

    A site has the probability and level of its region. A route has

    .. math:: p = 1 - \prod_r (1 - p_r)^{w_r},

    where :math:`w_r` is the share of its length, in metres on the ellipsoid, that lies in region
    `r`: the hazards of the regions weighted by length. Its level is that of its worst stretch.

    Parameters
    ----------
    risks : DataFrame
        One row a region and layer, as published.
    regions : GeoDataFrame
        The regions, sorted by id.
    group : WorkerGroup or None
        Whose sites and routes.
    attacks : DataFrame, optional
        Attacks on the group; a site within reach of one is at least moderate.

    Returns
    -------
    DataFrame
        :data:`riskmap.assessment.layers.SITE_COLUMNS`. Where more than 1 % of a way is not
        assessed the probability is missing and ``assessed_share`` tells how much is known; the
        level is still that of the worst known stretch, and 0 where nothing is known. What lies
        outside of all regions has no ``region_id``.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.panels.groups import Site
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> group = rm.WorkerGroup("CHN", sites=(Site("camp", 4.5, -6.5),))
    >>> panel = rm.count_incidents(located, districts, group=group, as_of="2025-01-01")
    >>> rm.assess(rm.forecast(panel), districts).sites["layer"].tolist()
    ['violence', 'foreign', 'group']
    """
    if group is None or not (group.sites or group.routes):
        return empty_table(SITE_COLUMNS)
    geometries = regions.geometry.to_numpy()
    index = RegionIndex(regions)
    ways = [_stand(site, index, geometries) for site in group.sites]
    ways += [_travel(route, index, geometries) for route in group.routes]
    ids = regions["region_id"]
    rows: list[dict[str, Any]] = []
    for layer in risks["layer"].unique():
        table = risks[risks["layer"] == layer].set_index("region_id").reindex(ids)
        p = table["p_any"].to_numpy(dtype=float)
        levels = table["risk_level"].to_numpy(dtype=np.int64)
        near = _near_attacks(attacks, str(layer))
        marked = table["attacked"].fillna(value=False).to_numpy(bool)
        for way in ways:
            row = _judge(way, p, levels, layer=layer, ids=ids)
            hit = way.name in near or bool(marked[way.region].any())
            level = max(row["risk_level"], FLOOR) if hit else row["risk_level"]
            row |= _next_door(way, p, levels, marked, ids=ids)
            rows.append(row | {"attacked": hit, "risk_level": level})
    table = conform(pd.DataFrame(rows), SITE_COLUMNS)
    order = {way.name: i for i, way in enumerate(ways)}
    return table.sort_values("site", key=lambda s: s.map(order), kind="stable", ignore_index=True)


def _near_attacks(attacks: pd.DataFrame | None, layer: str) -> set[str]:
    """Return the names of the sites within reach of an attack that was not cleared for a layer."""
    if attacks is None or attacks.empty:
        return set()
    cleared = attacks["cleared"].fillna("").str.contains(f"{layer}: ", regex=False)
    told = attacks.loc[~cleared, "sites"].dropna()
    return {name.rpartition(" (")[0] for text in told for name in text.split("; ")}


def _judge(
    way: _Way, p: FloatArray, levels: IntArray, *, layer: str, ids: pd.Series
) -> dict[str, Any]:
    """Return the row of one way and layer."""
    known = levels[way.region] > 0
    share = float(way.share[known].sum())
    chance = np.nan
    if share >= 1.0 - LARGEST_GAP:
        weight = way.share[known] / share
        with np.errstate(divide="ignore"):  # a certain incident stays certain
            chance = float(-np.expm1(np.sum(weight * np.log1p(-p[way.region[known]]))))
    # the worst stretch: the highest level, then the highest probability, then the first region
    rank = np.lexsort((way.region, -np.nan_to_num(p[way.region]), -levels[way.region]))
    worst = way.region[rank[:1]]
    return {
        "site": way.name,
        "kind": way.kind,
        "region_id": next(iter(ids.iloc[worst]), None),
        "layer": layer,
        "p_any": chance,
        "risk_level": int(levels[worst].sum()),
        "border_distance_m": way.border_m,
        "assessed_share": min(share, 1.0),
        "wkt": shapely.to_wkt(way.shape, rounding_precision=5),
    }


def _next_door(
    way: _Way, p: FloatArray, levels: IntArray, marked: NDArray[np.bool_], *, ids: pd.Series
) -> dict[str, Any]:
    """Return the highest of the other regions near a site: an attacked one, the level, the nearest.

    One that is not assessed comes before low ones: nobody can say that it is no worse.
    """
    if not len(way.near):
        return {}
    level = np.where(levels[way.near] > 0, levels[way.near], FLOOR - 0.5)
    order = (way.near, way.near_m, -np.nan_to_num(p[way.near]), -level, ~marked[way.near])
    first = np.lexsort(order)[0]
    region = way.near[first]
    return {
        "near_region_id": ids.iloc[region],
        "near_level": levels[region],
        "near_attacked": bool(marked[region]),
        "near_distance_m": way.near_m[first],
    }


def _stand(site: Site, index: RegionIndex, geometries: NDArray[np.object_]) -> _Way:
    """Return a site as the region that it stands in, if there is one."""
    region = index.query([site.lon], [site.lat])
    region = region[region >= 0]
    place = shapely.Point(site.lon, site.lat)
    reach = NEXT_DOOR_M / float(np.min(metres_per_degree(np.array(site.lat))))
    close = shapely.STRtree(geometries).query(place, predicate="dwithin", distance=reach)
    owners = np.append(region, np.setdiff1d(close, region))
    at = (np.full(len(owners), value) for value in (site.lon, site.lat))
    metres = boundary_distances(geometries, owners, *at)
    near = np.flatnonzero(metres <= NEXT_DOOR_M)
    near = near[near >= len(region)]
    own = region, np.ones(len(region)), float(metres[0]) if len(region) else np.nan
    return _Way(site.name, "site", *own, owners[near], metres[near], place)


def _travel(route: Route, index: RegionIndex, geometries: NDArray[np.object_]) -> _Way:
    """Return a route as the stretches of its length in each region."""
    from pyproj import Geod

    at = index.query(*zip(*((stop.lon, stop.lat) for stop in route.stops), strict=True))
    globe = Geod(ellps="WGS84")
    line = shapely.LineString([(stop.lon, stop.lat) for stop in route.stops])
    rest = shapely.node(line)  # a way there and back is one way
    whole = globe.geometry_length(rest)
    passed, metres = [], []
    tree = shapely.STRtree(geometries)
    for region in np.sort(tree.query(line, predicate="intersects")):
        part = shapely.intersection(rest, geometries[region])
        length = globe.geometry_length(part)
        if length > 0:
            rest = shapely.difference(rest, geometries[region])
            passed.append(region)
            metres.append(length)
    border = 0.0 if passed else np.nan
    if len(passed) == 1 and (at >= 0).all():
        x, y = shapely.get_coordinates(shapely.segmentize(line, line.length / POINTS)).T
        border = float(boundary_distances(geometries, np.repeat(at[0], len(x)), x, y).min())
    own = np.array(passed, dtype=np.int64), np.array(metres) / whole, border
    return _Way(route.name, "route", *own, np.empty(0, np.int64), np.empty(0), line)
