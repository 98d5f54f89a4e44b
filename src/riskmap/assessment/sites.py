"""Sites and routes: the risk where a group works and along its ways, and never where that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.assessment.holds import FLOOR
from riskmap.assessment.layers import SITE_COLUMNS, empty_table
from riskmap.errors import InputError
from riskmap.places.points import boundary_distances
from riskmap.places.region_index import RegionIndex
from riskmap.schema import conform

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.presence import Route, Site
    from riskmap.typing import FloatArray, IntArray

#: A way may pass so large a share of its length outside of what is assessed, such as the straight
#: line across a bay, and still have a probability: that of the rest.
LARGEST_GAP = 0.01

#: A route within one region is measured to its border from at least so many points.
POINTS = 200


@dataclass(frozen=True)
class _Way:
    """A site or route as the regions it passes, with the share of its length in each."""

    name: str
    kind: str
    region: IntArray
    share: FloatArray
    border_m: float


def assess_sites(
    risks: pd.DataFrame,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None,
    attacks: pd.DataFrame | None = None,
) -> pd.DataFrame:
    r"""Return the risk at each site and along each route of a group, without saying where they are.

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
        level is still that of the worst known stretch, and 0 where nothing is known.

    Raises
    ------
    InputError
        When a site, or a stop of a route, lies outside of the regions.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.panels.presence import Site
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
    worst = way.region[rank[0]]
    return {
        "site": way.name,
        "kind": way.kind,
        "region_id": ids.iloc[worst],
        "layer": layer,
        "p_any": chance,
        "risk_level": levels[worst],
        "border_distance_m": way.border_m,
        "assessed_share": min(share, 1.0),
    }


def _stand(site: Site, index: RegionIndex, geometries: NDArray[np.object_]) -> _Way:
    """Return a site as the region that it stands in."""
    region = _find([site], index, what=f"site {site.name!r}")
    metres = boundary_distances(geometries, region, np.array([site.lon]), np.array([site.lat]))
    return _Way(site.name, "site", region, np.ones(1), float(metres[0]))


def _travel(route: Route, index: RegionIndex, geometries: NDArray[np.object_]) -> _Way:
    """Return a route as the stretches of its length in each region."""
    from pyproj import Geod

    at = _find(list(route.stops), index, what=f"a stop of route {route.name!r}")
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
    border = 0.0
    if len(passed) == 1:
        x, y = shapely.get_coordinates(shapely.segmentize(line, line.length / POINTS)).T
        border = float(boundary_distances(geometries, np.repeat(at[0], len(x)), x, y).min())
    return _Way(route.name, "route", np.array(passed), np.array(metres) / whole, border)


def _find(stops: list[Site], index: RegionIndex, *, what: str) -> IntArray:
    """Return the region of each point; none is an error that doesn't repeat where it is."""
    region = index.query([stop.lon for stop in stops], [stop.lat for stop in stops])
    if (region < 0).any():
        raise InputError(f"{what} lies outside of the regions")
    return np.asarray(region, dtype=np.int64)
