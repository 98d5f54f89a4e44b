"""Where incidents count: which regions, with what weight, how surely, or why nowhere.

Incidents that are known only to a province or a country are spread over its regions.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import RiskmapWarning
from riskmap.incidents.counted import find_double_counts
from riskmap.incidents.feeds import MADE_OF
from riskmap.places.evidence import are_named, find_members
from riskmap.places.found_places import METHODS, SPREAD, Places, find_places
from riskmap.places.names.units import tell_ages
from riskmap.schema import PLACEMENT_COLUMNS, Tables, check_incidents, check_regions, conform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from riskmap.ledgers import Ledger
    from riskmap.typing import FloatArray, IntArray, NameResolver


#: What stood there, for reasons that are about one column.
_SAID_BY = {
    "outside_country": "country",
    "unknown_region": "region_id",
    "imprecise": "geo_precision",
}

#: Weights are whole numbers of this, so that they sum to 1 exactly, in any order.
_GRAIN = 2.0**-40

#: A day that is missing.
_NEVER = int(np.iinfo(np.int64).min)

_DAY_BITS = 32
_HALF = 2 ** (_DAY_BITS - 1)

#: Incidents that became known longer ago than this don't tell where others happen.
MEMORY_DAYS = 3653


@dataclass(frozen=True, eq=False, repr=False)
class Located(Tables):
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
    aside
        The rows that were set aside, or spread although they name a region, with the ``area`` that
        each is known to (:func:`riskmap.places.found_places.find_aside`).

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
    aside: pd.DataFrame = field(default_factory=pd.DataFrame)

    def _summary(self) -> Mapping[str, object]:
        placed = self.placements
        return {
            "placed": f"{len(self.incidents):,} incidents",
            "regions": f"{placed['region_id'].nunique():,} with any",
            "aside": f"{len(self.set_aside):,} rows",
            "methods": ", ".join(f"{k} {n:,}" for k, n in placed["method"].value_counts().items()),
        }


def locate(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
) -> Located:
    """Place each incident in the region that it belongs to, or in the regions that it may be in.

    A region that the source states, by id or by name, outranks the point; where both exist and
    differ, both are kept. A point counts when the incident's precision is enough for the level of
    the region that it lies in: an incident known to its province can be placed in a province and
    not in a district. An incident that is known only to an area that holds several regions is
    spread over them, by the precise incidents that were known there in the ten years before, plus
    one a region; it is never put on a centroid or a capital. One of untold precision whose point is
    a centroid or capital of such an area keeps its region, and its method says so. Of duplicates
    the highest toll and all nationalities count. Nothing is dropped: a row without a region is in
    the ledger, in ``set_aside`` and in ``lost``, as

    - ``outside_country``: its country is stated and is none of the regions',
    - ``unknown_region``: it states a region that is none of the regions, and nothing else,
    - ``no_place``: it has no coordinates and states no place of the regions,
    - ``outside_regions``: its point lies in none of the regions, and not within 5 km of one in the
      country that it states either (``nearest``),
    - ``swapped_coordinates``: its point would lie in one of the regions, of its country if it
      states one, with latitude and longitude exchanged or another sign, and it names neither that
      nor its province,
    - ``imprecise``: its place is not known well enough for the regions' level, nor is its country.

    Parameters
    ----------
    incidents
        Incidents table; rows with a ``quarantine_reason`` go to the ledger's stage ``read``.
    regions
        Regions table.
    gazetteer : NameResolver, optional
        Resolves the names in ``admin2`` (or ``admin1``, for regions of level 1); by default a
        :class:`riskmap.Gazetteer` of the regions' own names.

    Returns
    -------
    Located
        Incidents, placements, ledger, and the rows set aside.

    Raises
    ------
    SchemaError
        When a table is not what it must be.

    Warns
    -----
    RiskmapWarning
        When boundaries are older than the incidents, and for each unit that they name and the
        regions lack, with the region that it was part of.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> sorted(located.placements["method"].unique())
    ['named', 'spread']
    """
    check_incidents(incidents)
    check_regions(regions)
    for told in (*find_double_counts(incidents, MADE_OF), *tell_ages(incidents, regions)):
        warnings.warn(told, RiskmapWarning, stacklevel=2)
    found = find_places(incidents, regions, gazetteer=gazetteer)
    usable, kept = found.usable, found.reasons.isna().to_numpy()
    placed = _spread(found, regions)
    refused = incidents[incidents["quarantine_reason"].notna()]
    return Located(
        incidents=(usable if kept.all() else usable[kept]).reset_index(drop=True),
        placements=_as_placements(placed, usable, regions),
        ledger=found.ledger,
        set_aside=_set_aside(refused, usable[~kept], found.reasons[~kept]),
        aside=found.aside,
    )


def _as_placements(
    placed: pd.DataFrame, usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Return the placements table, in the order of the incidents and then of the regions."""
    order = np.lexsort([placed["position"], placed["row"]])
    told = {name: column.to_numpy()[order] for name, column in placed.items()}
    ids = regions["region_id"].array
    table = {
        "incident_id": usable["incident_id"].array.take(told["row"]),
        "region_id": ids.take(told["position"]),
        "weight": told["weight"],
        "method": pd.array(METHODS, dtype="str").take(told["method"]),
        "confidence": told["confidence"],
        "boundary_distance_m": told["metres"],
        "conflict_region_id": ids.take(told["conflict"], allow_fill=True),
    }
    return conform(pd.DataFrame(table), PLACEMENT_COLUMNS)


def _spread(found: Places, regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return all placements: the vague incidents have a row in each region of their area."""
    known, placed = _known_at(found.usable), found.placed
    number = found.usable["count"].fillna(1).to_numpy(dtype=np.int64)[placed["row"]]
    past = Past.of(placed["position"].to_numpy(), known[placed["row"]], number)
    codes, names = pd.factorize(found.area, sort=True)
    parts = find_members(names, regions)
    every: list[tuple[IntArray, IntArray, FloatArray]] = []
    for code, name in enumerate(names):
        rows = np.flatnonzero(codes == code)
        days, day = np.unique(known[rows], return_inverse=True)
        members, weights = weigh_area(parts[name], days, past=past, is_named=are_named(name))
        row, member = np.nonzero(weights[day] > 0)  # a share of nothing is none
        every.append((rows[row], members[member], weights[day[row], member]))
    if not every:
        return placed.reset_index(drop=True)
    row, position, weight = (np.concatenate(one) for one in zip(*every, strict=True))
    shares = pd.DataFrame({"row": row, "position": position, "weight": weight})
    shares = shares.assign(method=SPREAD, metres=np.nan, conflict=-1, confidence=weight)
    return pd.concat([placed, shares], ignore_index=True)


def _known_at(usable: gpd.GeoDataFrame) -> IntArray:
    """Return the day since 1970 on which each incident had happened and was known."""
    told = usable["ingested_at"].dt.tz_localize(None)
    known = np.fmax(usable["event_date"].to_numpy(), told.to_numpy())
    return np.asarray(known.astype("datetime64[D]").astype(np.int64))


def _set_aside(
    refused: gpd.GeoDataFrame, placeless: gpd.GeoDataFrame, reasons: pd.Series
) -> pd.DataFrame:
    """Return the rows that did not get through, each with its stage, reason and detail."""
    columns = ["incident_id", "stage", "reason", "detail"]
    quarantined = ["incident_id", "stage", "quarantine_reason", "quarantine_detail"]
    read = pd.DataFrame(refused.assign(stage="read")[quarantined]).set_axis(columns, axis=1)
    located = placeless.assign(stage="locate", reason=reasons, detail=_details(placeless, reasons))
    table = pd.concat([read, pd.DataFrame(located[columns])], ignore_index=True)
    return table.astype("str")


def _details(placeless: gpd.GeoDataFrame, reasons: pd.Series) -> pd.Series:
    """Return what stood where a place was expected."""
    lon, lat = (axis.astype("str") for axis in (placeless.geometry.x, placeless.geometry.y))
    told = pd.Series("no coordinates, and no place of the regions stated", placeless.index)
    pointed = reasons.isin(("outside_regions", "swapped_coordinates"))
    told = told.mask(pointed, "longitude " + lon + ", latitude " + lat)
    for reason, column in _SAID_BY.items():
        told = told.mask(reasons == reason, f"{column}: " + placeless[column])
    return told


def exact_weights(shares: FloatArray) -> FloatArray:
    """Return weights in proportion to some shares that sum to exactly 1, row by row.

    Each weight is a whole multiple of ``2 ** -40``; what rounding leaves over goes to the largest.

    Parameters
    ----------
    shares : ndarray, shape (n_rows, n_regions)
        Non-negative; at least one of each row is positive.

    Examples
    --------
    >>> weights = exact_weights(np.array([[1.0, 1.0, 1.0]]))
    >>> float(weights.sum()), weights.round(6).tolist()
    (1.0, [[0.333333, 0.333333, 0.333333]])
    """
    share = shares / shares.sum(axis=1, keepdims=True)
    weights = np.floor(share / _GRAIN) * _GRAIN
    rows = np.arange(len(weights))
    weights[rows, share.argmax(axis=1)] += 1.0 - weights.sum(axis=1)
    return weights


@dataclass(frozen=True)
class Past:
    """Incidents of one region each, sorted by region and then by the day they were known.

    Parameters
    ----------
    keys : ndarray of int, shape (n,)
        Region and day as one number, ascending.
    total : ndarray of int, shape (n + 1,)
        How many incidents stand before each.
    """

    keys: IntArray
    total: IntArray

    @classmethod
    def of(cls, region: IntArray, known: IntArray, reports: IntArray) -> Past:
        """Return the past of incidents; those that were never known are none.

        Parameters
        ----------
        region, known : ndarray of int, shape (n,)
            Position of the region, and days since 1970; the smallest integer where it is missing.
        reports : ndarray of int, shape (n,)
            How many incidents each row stands for.
        """
        told = known != _NEVER
        keys = _key(region[told], known[told])
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], np.append(0, reports[told][order].cumsum()))

    def before(self, regions: IntArray, days: IntArray) -> IntArray:
        """Return how many incidents of each region were known before each day.

        Parameters
        ----------
        regions : ndarray of int, shape (n_regions,)
        days : ndarray of int, shape (n_days,)

        Returns
        -------
        ndarray of int, shape (n_days, n_regions)

        Examples
        --------
        >>> past = Past.of(np.array([5, 5, 7]), np.array([10, 20, 10]), np.array([1, 1, 1]))
        >>> past.before(np.array([5, 7]), np.array([10, 21])).tolist()
        [[0, 0], [2, 1]]
        """
        until = np.searchsorted(self.keys, _key(regions, days[:, None]))
        return np.asarray(
            self.total[until] - self.total[np.searchsorted(self.keys, _key(regions, _NEVER))]
        )


def _key(region: IntArray, day: IntArray | int) -> IntArray:
    """Return one number for a region and a day."""
    return (region << _DAY_BITS) + np.clip(day, -_HALF, _HALF - 1)


def weigh_area(
    parts: list[IntArray], when: IntArray, *, past: Past, is_named: bool = False
) -> tuple[IntArray, FloatArray]:
    """Return the regions of an area, and how incidents that are known to it count in each.

    A region counts by its precise incidents that became known in the ten years before, plus one
    (Laplace's rule), so that later knowledge never changes an earlier forecast.

    Parameters
    ----------
    parts : list of ndarray of int
        Positions of regions, from :func:`riskmap.places.evidence.find_members`. Each part counts
        alike.
    when : ndarray of int, shape (n_days,)
        Days on which vague incidents became known, since 1970.
    past
        The precise incidents.
    is_named
        Whether the regions are all that bear one name: each counts alike, since where more
        happens says nothing of which is meant.

    Returns
    -------
    members : ndarray of int, shape (n_members,)
        Positions of all parts.
    weights : ndarray, shape (n_days, n_members)
        Each row sums to exactly 1.

    Examples
    --------
    >>> past, days = Past.of(*np.array([[5], [20], [1]])), np.array([10, 30])
    >>> weigh_area([np.array([5, 7])], days, past=past)[1].round(3).tolist()
    [[0.5, 0.5], [0.667, 0.333]]
    >>> members, weights = weigh_area([np.array([0, 1]), np.array([16])], days, past=past)
    >>> members.tolist(), weights[0].tolist()
    ([0, 1, 16], [0.25, 0.25, 0.5])
    """
    shares = []
    for some in parts:
        lately = past.before(some, when) - past.before(some, when - MEMORY_DAYS)
        lately = np.zeros_like(lately) if is_named else lately
        shares.append(exact_weights(1.0 + lately.astype(float)))
    return np.concatenate(parts), exact_weights(np.concatenate(shares, axis=1))
