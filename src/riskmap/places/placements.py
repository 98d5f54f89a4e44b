"""Where incidents count: which regions, with what weight, how surely, or why nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.duplicates import DUPLICATE
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.places.centroids import flag_known_points
from riskmap.places.distances import boundary_distances
from riskmap.places.spreads import check_spread, spread_weights
from riskmap.places.witnesses import DEFAULT_LEVEL, Witnesses, hear_witnesses
from riskmap.schema import PLACEMENT_COLUMNS, check_incidents, check_regions, conform

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


def locate(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    spread: str | None = "history",
    exposure: pd.Series | None = None,
) -> Located:
    """Place each incident in the region that it belongs to, or in the regions that it may be in.

    A region that the source states, by id or by name, outranks the point; where both exist and
    differ, both are kept. A point counts when the incident's precision is enough for the level of
    the region that it lies in: an incident known to its province can be placed in a province and
    not in a district. An incident that is known only to an area that holds several regions is
    spread over them, never put on a centroid or a capital; one of untold precision whose point is
    a centroid or capital of such an area keeps its region, and its method says so. Nothing is
    dropped: a row without a region is in the ledger and in ``set_aside``, as

    - ``outside_country``: its country is stated and is none of the regions',
    - ``unknown_region``: it states a region that is none of the regions,
    - ``no_place``: it has no coordinates and states no place of the regions,
    - ``outside_regions``: its point lies in none of the regions, and not within 5 km of one in the
      country that it states either (``nearest``),
    - ``imprecise``: its place is not known well enough for the regions' level, and can't be spread.

    Parameters
    ----------
    incidents
        Incidents table; rows with a ``quarantine_reason`` go to the ledger's stage ``read``.
    regions
        Regions table.
    gazetteer : NameResolver, optional
        Resolves the names in ``admin2`` (or ``admin1``, for regions of level 1); by default a
        :class:`riskmap.Gazetteer` of the regions' own names.
    spread
        How to spread an incident over the regions of its province or country: by the precise
        incidents that were known before it, smoothed (``"history"``), ``"uniform"``, by
        ``"exposure"``, or not at all (None).
    exposure : Series, optional
        Non-negative exposure by ``region_id``, for ``spread="exposure"``.

    Returns
    -------
    Located
        Incidents, placements, ledger, and the rows set aside.

    Raises
    ------
    SchemaError
        When a table is not what it must be.
    InputError
        When `spread` is unknown or `exposure` is missing or negative.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> sorted(located.placements["method"].unique())
    ['named', 'spread']
    """
    check_incidents(incidents)
    check_regions(regions)
    check_spread(spread, exposure)
    refused = incidents["quarantine_reason"].notna()
    told = incidents["quarantine_reason"] == DUPLICATE
    usable = incidents[~refused].reset_index(drop=True)
    heard = hear_witnesses(usable, regions, gazetteer=gazetteer)
    reasons = _reasons(usable, regions, heard, spread=spread)
    kept = reasons.isna().to_numpy()
    area = _areas(heard, spread=spread).where(kept)
    placed = _place_sharp(usable, regions, heard, np.flatnonzero(kept & area.isna()))
    shared = _place_spread(usable, regions, area, placed, how=spread, exposure=exposure)
    stages = (
        Stage(
            "read",
            rows_in=len(incidents),
            rows_out=len(usable),
            reasons=count_reasons(incidents.loc[~told, "quarantine_reason"]),
            merged=int(told.sum()),
        ),
        Stage(
            "locate",
            rows_in=len(usable),
            rows_out=int(kept.sum()),
            reasons=count_reasons(reasons),
        ),
    )
    both = pd.concat([placed, shared]) if len(shared) else placed
    order = both.sort_values(["row", "position"], kind="stable", ignore_index=True)
    return Located(
        incidents=usable[kept].reset_index(drop=True),
        placements=conform(order.drop(columns=["row", "position"]), PLACEMENT_COLUMNS),
        ledger=Ledger(stages),
        set_aside=_set_aside(incidents[refused], usable[~kept], reasons[~kept]),
    )


def _areas(heard: Witnesses, *, spread: str | None) -> pd.Series:
    """Return the area that each vague incident is spread over: column and code; else missing."""
    area = pd.Series(np.nan, index=range(len(heard.x)), dtype="str")
    if spread is None:
        return area
    outside = np.isfinite(heard.x) & (heard.pointed < 0) & ~heard.coarse
    vague = (heard.stated < 0) & ~heard.sharp & ~outside
    province, country = pd.Series(heard.province), pd.Series(heard.country)
    known = ("parent_id=" + province.astype("str")).fillna("iso3=" + country.astype("str"))
    return area.mask(vague, known)


def _reasons(
    usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, heard: Witnesses, *, spread: str | None
) -> pd.Series:
    """Return why each usable incident has no region; missing where it has one."""
    countries = set(regions["iso3"].dropna())
    foreign = usable["country"].notna() & ~usable["country"].isin(countries) & bool(countries)
    vague = _areas(heard, spread=spread).notna().to_numpy()
    verdicts = [
        (heard.stated >= 0, None),
        (foreign.to_numpy(), "outside_country"),
        (usable["region_id"].notna().to_numpy(), "unknown_region"),
        (heard.sharp | vague, None),
        (~(np.isfinite(heard.x) & np.isfinite(heard.y)), "no_place"),
        (heard.pointed < 0, "outside_regions"),
        (np.full(len(usable), fill_value=True), "imprecise"),
    ]
    reasons = np.full(len(usable), None, dtype=object)
    for holds, reason in reversed(verdicts):
        reasons[holds] = reason
    return pd.Series(reasons, index=usable.index, dtype="str")


def _place_sharp(
    usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, heard: Witnesses, rows: IntArray
) -> pd.DataFrame:
    """Return the placements of the incidents that count in one region."""
    ids = regions["region_id"].to_numpy(dtype=object)
    stated, named, pointed = heard.stated[rows], heard.named[rows], heard.pointed[rows]
    x, y = heard.x[rows], heard.y[rows]
    said = np.where(stated >= 0, stated, named)
    chosen = np.where(said >= 0, said, pointed)
    nearest = heard.nearest[rows]
    method = np.select(
        [stated >= 0, named >= 0, nearest], ["stated", "named", "nearest"], default="point"
    )
    untold = (method == "point") & usable["geo_precision"].isna().to_numpy()[rows]
    method = np.where(untold, _doubted(usable.iloc[rows], regions, untold), method)
    geometries = regions.geometry.to_numpy()
    metres = boundary_distances(geometries, chosen, x, y)
    elsewhere = ~nearest & (pointed >= 0) & (pointed != chosen)
    return pd.DataFrame(
        {
            "row": rows,
            "position": chosen,
            "incident_id": usable["incident_id"].to_numpy(dtype=object)[rows],
            "region_id": ids[chosen],
            "weight": np.ones(len(rows)),
            "method": method,
            "confidence": pd.Series(np.where(untold & (method == "point"), "untold", method)).map(
                CONFIDENCE
            ),
            "boundary_distance_m": metres,
            "on_edge": _on_edge(geometries, chosen, x, y, metres),
            "conflict_region_id": np.where(elsewhere, ids[pointed], None),
        }
    )


def _doubted(
    sharp: gpd.GeoDataFrame, regions: gpd.GeoDataFrame, untold: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Return ``capital`` or ``centroid`` for points that may stand for a larger area, or ``point``.

    Only areas that are larger than the regions matter: a district's own centre is in the district.
    """
    method = np.full(len(sharp), "point", dtype=object)
    if not untold.any():
        return method
    flags = flag_known_points(sharp[untold], regions).to_numpy(dtype=object)
    larger = ("country", "province")[: int(regions["adm_level"].fillna(DEFAULT_LEVEL).max())]
    area, _, kind = np.array([str(flag).partition("_") for flag in flags], dtype=object).T
    method[untold] = np.where(np.isin(area.astype(str), larger), kind, "point")
    return method


def _place_spread(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    area: pd.Series,
    placed: pd.DataFrame,
    *,
    how: str | None,
    exposure: pd.Series | None,
) -> pd.DataFrame:
    """Return the placements of the incidents that are spread over the regions of an area."""
    known = _known_at(usable)
    history = (placed["position"].to_numpy(), known[placed["row"].to_numpy()])
    worth = None if exposure is None else exposure.reindex(regions["region_id"]).to_numpy(float)
    ids = regions["region_id"].to_numpy(dtype=object)
    tables = []
    for name, rows in sorted(area.groupby(area).groups.items()):
        column, _, code = name.partition("=")
        members = np.flatnonzero((regions[column] == code).to_numpy())
        weights = spread_weights(
            members, known[rows], how=str(how), history=history, exposure=worth
        ).ravel()
        table = pd.DataFrame({"row": np.repeat(rows, len(members))})
        table["position"] = np.tile(members, len(rows))
        table["weight"] = table["confidence"] = weights
        tables.append(table)
    if not tables:
        return placed.iloc[:0]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["weight"] > 0]
    return table.assign(
        incident_id=usable["incident_id"].to_numpy(dtype=object)[table["row"]],
        region_id=ids[table["position"]],
        method="spread",
        boundary_distance_m=np.nan,
        on_edge=False,
        conflict_region_id=None,
    )


def _known_at(usable: gpd.GeoDataFrame) -> NDArray[np.datetime64]:
    """Return when each incident had happened and was known."""
    told = usable["ingested_at"].dt.tz_localize(None)
    return pd.concat([usable["event_date"], told], axis=1).max(axis=1).to_numpy()


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
            "no_place": "no coordinates, and no place of the regions stated",
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
