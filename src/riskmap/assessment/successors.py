"""Successors: what a layer says of today's regions, where some were renamed, split or merged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from riskmap.assessment.holds import last_known
from riskmap.assessment.layers import AUDIT_COLUMNS
from riskmap.places.areas import carry_over, find_predecessors
from riskmap.schema import conform

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.assessment.layers import RiskLayer

_KEY = ["region_id", "layer"]

#: Tables of a layer that have a row for each region: all that is said of a region is said of its
#: successors, but for weights, which are shared out by area.
_BY_REGION = ("incidents", "knowledge", "gone")


def carry_regions(previous: RiskLayer, regions: gpd.GeoDataFrame) -> tuple[RiskLayer, pd.DataFrame]:
    """Return a layer as if it were of other regions, and a line for each that comes from others.

    A region that was renamed is the same. Otherwise each region has the state (level, dwell, the
    day of a level that was kept) of the one of its predecessors
    (:func:`riskmap.places.areas.find_predecessors`) with the highest level, and its expected
    count by area; nobody has given it a probability. What no region of today comes from stays as it
    was.

    Parameters
    ----------
    previous : RiskLayer
        The layer before.
    regions : GeoDataFrame
        Today's regions.

    Returns
    -------
    previous : RiskLayer
    audit : DataFrame

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layer = rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01")),
    ...                   districts)
    >>> renamed = districts.assign(region_id="N" + districts["region_id"])
    >>> carried, audit = carry_regions(layer, renamed)
    >>> carried.risks["risk_level"].equals(layer.risks["risk_level"]), audit["detail"].iloc[0]
    (True, 'the state is that of XQA0101')
    """
    pairs = find_predecessors(previous.regions, regions)
    if pairs["old_id"].equals(pairs["new_id"]):
        return previous, conform(pd.DataFrame(), AUDIT_COLUMNS)
    gone = previous.regions["region_id"]
    gone = gone[~gone.isin(pairs["old_id"]) & ~gone.isin(pairs["new_id"])]
    pairs = pd.concat([pairs, pd.DataFrame({"old_id": gone, "new_id": gone, "weight": 1.0})])
    risks, audit = _carry_risks(previous.risks, pairs)
    tables = {name: _succeed(getattr(previous, name), pairs) for name in _BY_REGION}
    attacks = _carry_attacks(previous.attacks, pairs)
    return replace(previous, risks=risks, attacks=attacks, **tables), audit


def _carry_risks(risks: pd.DataFrame, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return risks with the state of the predecessor whose level is the highest."""
    known = risks.assign(known=last_known(risks), old_id=risks["region_id"])
    known = _succeed(known.drop(columns="expected_count"), pairs)
    first = ["known", "below_since", "old_id"]  # who waits for the shortest time comes first
    known = known.sort_values(first, ascending=[False, False, True], na_position="first")
    known = known.drop_duplicates(_KEY).sort_index()
    counts = risks.loc[risks["region_id"].isin(pairs["old_id"]), [*_KEY, "expected_count"]]
    found = known.merge(carry_over(counts, pairs, values=["expected_count"]), on=_KEY)
    several = pairs["old_id"].duplicated(keep=False) | pairs["new_id"].duplicated(keep=False)
    mixed = found["region_id"].isin(pairs.loc[several, "new_id"])
    found["p_any"] = found["p_any"].mask(mixed)
    told = found[found["old_id"] != found["region_id"]]
    audit = told[_KEY].assign(rule="boundary", detail="the state is that of " + told["old_id"])
    return found[risks.columns], conform(audit.reset_index(drop=True), AUDIT_COLUMNS)


def _succeed(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of regions as rows of their successors, weights shared out by area."""
    share = pairs.rename(columns={"old_id": "region_id", "weight": "share"})
    found = table.merge(share, on="region_id")
    if "weight" in table:
        found["weight"] = found["weight"] * found["share"]
    return found.assign(region_id=found["new_id"])[table.columns]


def _carry_attacks(attacks: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return attacks that hold up all successors of the regions that they held up."""
    every = pairs.groupby("old_id")["new_id"].agg(";".join)
    most = pairs.sort_values("weight", kind="stable").drop_duplicates("old_id", keep="last")
    own = attacks["region_id"].map(most.set_index("old_id")["new_id"])
    held = [
        ";".join(every.get(name, name) for name in told.split(";"))
        if isinstance(told, str)
        else None
        for told in attacks["regions"]
    ]
    return attacks.assign(region_id=own, regions=pd.Series(held, attacks.index, "str"))
