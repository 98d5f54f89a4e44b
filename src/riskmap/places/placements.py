"""Where incidents count: which regions, with what weight, how surely, or why nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.duplicates import DUPLICATE
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.places.distances import boundary_distances
from riskmap.places.region_index import RegionIndex
from riskmap.schema import PLACEMENT_COLUMNS, check_incidents, check_regions, conform

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: The finest administrative level that each precision is good for; an unknown one is good for none.
FINEST_LEVEL = {"point": 9, "place": 9, "admin2": 2, "admin1": 1, "country": 0, "unknown": -1}

#: Level of regions that do not state one.
DEFAULT_LEVEL = 2

#: Probability that a placement names the right region. Of 6,695 known Afghan places 5 % have a
#: point on the other side of a border, so a point is right in 95 of 100 cases and a stated region
#: outranks it; a point whose precision the source does not tell is trusted less, and a point just
#: outside of every region least.
CONFIDENCE = {"stated": 0.98, "point": 0.95, "point of untold precision": 0.8, "nearest": 0.7}

#: How far outside of all regions a point of their own country may lie and still count in the
#: nearest one: half a millimetre on a map of 1:10,000,000, the scale of the provinces that ship.
#: Towns on border rivers and coasts, capitals among them, would be lost otherwise.
NEAREST_M = 5_000.0

_EDGE_M = 0.01


@dataclass(frozen=True)
class Located:
    """Incidents with the regions that they count in.

    Parameters
    ----------
    incidents
        The usable incidents that have a region, in their order.
    placements
        Long table (:data:`riskmap.schema.PLACEMENT_COLUMNS`), one row an incident and region, in
        the order of `incidents`; the weights of one incident sum to 1.
    ledger
        Stages ``read`` and ``locate``.
    set_aside
        Every other row: ``incident_id, stage, reason, detail``.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> len(located.incidents) + len(located.set_aside) == len(rm.datasets.incidents())
    True
    """

    incidents: gpd.GeoDataFrame
    placements: pd.DataFrame
    ledger: Ledger
    set_aside: pd.DataFrame


def locate(incidents: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> Located:
    """Place each incident in the region that it belongs to.

    A region that the source states by id outranks the point; where both exist and differ, both are
    kept. A point counts when the incident's precision is enough for the level of the region that
    it lies in: an incident known to its province can be placed in a province and not in a district.
    Nothing is dropped: a row without a region is in the ledger and in ``set_aside``, as

    - ``outside_country``: its country is stated and is none of the regions',
    - ``unknown_region``: it states a region that is none of the regions,
    - ``no_place``: it has no coordinates and states no region,
    - ``outside_regions``: its point lies in none of the regions, and not within 5 km of one in the
      country that it states either (``nearest``),
    - ``imprecise``: its place is not known well enough for the regions' level.

    Parameters
    ----------
    incidents
        Incidents table; rows with a ``quarantine_reason`` go to the ledger's stage ``read``.
    regions
        Regions table.

    Returns
    -------
    Located
        Incidents, placements, ledger, and the rows set aside.

    Raises
    ------
    SchemaError
        When a table is not what it must be.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> located.placements["method"].unique().tolist()
    ['point']
    """
    check_incidents(incidents)
    check_regions(regions)
    refused = incidents["quarantine_reason"].notna()
    told = incidents["quarantine_reason"] == DUPLICATE
    usable = incidents[~refused].reset_index(drop=True)
    evidence = _evidence(usable, regions)
    reasons = _reasons(usable, regions, evidence)
    kept = reasons.isna().to_numpy()
    ledger = Ledger().then(
        Stage(
            "read",
            rows_in=len(incidents),
            rows_out=len(usable),
            reasons=count_reasons(incidents.loc[~told, "quarantine_reason"]),
            merged=int(told.sum()),
        )
    )
    return Located(
        incidents=usable[kept].reset_index(drop=True),
        placements=_placements(usable, regions, evidence, kept),
        ledger=ledger.then(
            Stage(
                "locate",
                rows_in=len(usable),
                rows_out=int(kept.sum()),
                reasons=count_reasons(reasons),
            )
        ),
        set_aside=_set_aside(incidents[refused], usable[~kept], reasons[~kept]),
    )


@dataclass(frozen=True)
class _Evidence:
    """What each usable incident tells of its place, as positions of regions (-1 is none)."""

    x: FloatArray
    y: FloatArray
    pointed: IntArray
    stated: IntArray
    nearest: NDArray[np.bool_]


def _evidence(usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> _Evidence:
    points = usable.geometry.to_numpy()
    x, y = shapely.get_x(points), shapely.get_y(points)
    by_id = pd.Index(regions["region_id"])
    covering = RegionIndex(regions).query(x, y)
    pointed = np.where(covering >= 0, covering, _nearest(usable, regions, covering < 0))
    return _Evidence(
        x=x,
        y=y,
        pointed=pointed,
        stated=by_id.get_indexer(usable["region_id"]).astype(np.int64),
        nearest=pointed != covering,
    )


def _nearest(
    usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, outside: NDArray[np.bool_]
) -> IntArray:
    """Return the nearest region of its own country for each point just outside; -1 is none."""
    found = np.full(len(usable), -1, dtype=np.int64)
    geometries, iso3 = regions.geometry.to_numpy(), regions["iso3"].to_numpy(dtype=object)
    rank = regions["region_id"].rank().to_numpy()
    points, country = usable.geometry.to_numpy(), usable["country"].to_numpy(dtype=object)
    x, y = shapely.get_x(points), shapely.get_y(points)
    located = outside & np.isfinite(x) & np.isfinite(y)
    for code in sorted(regions["iso3"].dropna().unique()):
        rows, home = np.flatnonzero(located & (country == code)), np.flatnonzero(iso3 == code)
        left, right = shapely.STRtree(geometries[home]).query_nearest(points[rows])
        left, right = rows[left], home[right]
        near = boundary_distances(geometries, right, x[left], y[left]) <= NEAREST_M
        left, right = left[near], right[near]
        order = np.lexsort((-rank[right], left))
        found[left[order]] = right[order]
    return found


def _reasons(usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, evidence: _Evidence) -> pd.Series:
    """Return why each usable incident has no region; missing where it has one."""
    countries = set(regions["iso3"].dropna())
    foreign = usable["country"].notna() & ~usable["country"].isin(countries) & bool(countries)
    pointless = ~(np.isfinite(evidence.x) & np.isfinite(evidence.y))
    finest = usable["geo_precision"].fillna("place").map(FINEST_LEVEL).to_numpy(dtype=np.int64)
    levels = regions["adm_level"].fillna(DEFAULT_LEVEL).to_numpy(dtype=np.int64)
    verdicts = [
        (evidence.stated >= 0, None),
        (foreign.to_numpy(), "outside_country"),
        (usable["region_id"].notna().to_numpy(), "unknown_region"),
        (pointless, "no_place"),
        (evidence.pointed < 0, "outside_regions"),
        (finest < levels[evidence.pointed], "imprecise"),
    ]
    reasons = np.full(len(usable), None, dtype=object)
    for holds, reason in reversed(verdicts):
        reasons[holds] = reason
    return pd.Series(reasons, index=usable.index, dtype="str")


def _placements(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    evidence: _Evidence,
    kept: NDArray[np.bool_],
) -> pd.DataFrame:
    ids = regions["region_id"].to_numpy(dtype=object)
    stated, pointed = evidence.stated[kept], evidence.pointed[kept]
    x, y = evidence.x[kept], evidence.y[kept]
    named = stated >= 0
    chosen = np.where(named, stated, pointed)
    untold = usable["geo_precision"].isna().to_numpy()[kept]
    nearest = evidence.nearest[kept]
    trust = np.where(nearest, "nearest", np.where(untold, "point of untold precision", "point"))
    geometries = regions.geometry.to_numpy()
    metres = boundary_distances(geometries, chosen, x, y)
    return conform(
        pd.DataFrame(
            {
                "incident_id": usable["incident_id"].to_numpy(dtype=object)[kept],
                "region_id": ids[chosen],
                "weight": np.ones(len(chosen)),
                "method": np.where(named, "stated", np.where(nearest, "nearest", "point")),
                "confidence": pd.Series(np.where(named, "stated", trust)).map(CONFIDENCE),
                "boundary_distance_m": metres,
                "on_edge": _on_edge(geometries, chosen, x, y, metres),
                "conflict_region_id": np.where(
                    named & ~nearest & (pointed >= 0) & (pointed != stated), ids[pointed], None
                ),
            }
        ),
        PLACEMENT_COLUMNS,
    )


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


def _set_aside(
    refused: gpd.GeoDataFrame, placeless: gpd.GeoDataFrame, reasons: pd.Series
) -> pd.DataFrame:
    """Return the rows that did not get through, each with its stage, reason and detail."""
    read = pd.DataFrame(
        {
            "incident_id": refused["incident_id"],
            "stage": "read",
            "reason": refused["quarantine_reason"],
            "detail": refused["quarantine_detail"],
        }
    )
    located = pd.DataFrame(
        {
            "incident_id": placeless["incident_id"],
            "stage": "locate",
            "reason": reasons,
            "detail": _details(placeless, reasons),
        }
    )
    return pd.concat([read, located], ignore_index=True).astype("str")


def _details(placeless: gpd.GeoDataFrame, reasons: pd.Series) -> pd.Series:
    """Return what stood where a place was expected."""
    points = placeless.geometry
    at = "longitude " + points.x.astype("str") + ", latitude " + points.y.astype("str")
    told = pd.DataFrame(
        {
            "outside_country": "country: " + placeless["country"],
            "unknown_region": "region_id: " + placeless["region_id"],
            "no_place": "no coordinates and no region_id",
            "outside_regions": at,
            "imprecise": "geo_precision: " + placeless["geo_precision"],
        },
        index=placeless.index,
        dtype="str",
    )
    details = pd.Series(None, index=placeless.index, dtype="str")
    for reason in told:
        details = details.mask(reasons == reason, told[reason])
    return details
