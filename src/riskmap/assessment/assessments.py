"""Assessing: a forecast to levels, with sufficiency first and every number explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.assessment.changes import carry_regions, explain_changes
from riskmap.assessment.consequences import add_consequences
from riskmap.assessment.contexts import BOUNDARY, Context, describe_validity
from riskmap.assessment.exposures import add_rates, assess_sites
from riskmap.assessment.judgements import judge_levels
from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    CHANGE_COLUMNS,
    DRIVER_COLUMNS,
    KNOWLEDGE_COLUMNS,
    RiskLayer,
    empty_table,
)
from riskmap.assessment.levels import INSUFFICIENT, LevelScale
from riskmap.errors import SchemaError
from riskmap.panels.joins import CARRIED, WHOLE, find_newest
from riskmap.panels.measures import hits_foreigners
from riskmap.panels.shares import SHARE_COLUMNS
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.assessment.desk_files import Decision
    from riskmap.models.tables import Forecast


def assess(
    forecast: Forecast,
    regions: gpd.GeoDataFrame,
    *,
    scale: LevelScale | None = None,
    previous: RiskLayer | None = None,
    decisions: Sequence[Decision] = (),
) -> RiskLayer:
    """Turn a forecast into levels that people can act on.

    Parameters
    ----------
    forecast : Forecast
        Probabilities by region and layer.
    regions : GeoDataFrame
        The regions that were counted.
    scale : LevelScale, optional
        Thresholds and wording; the scale that ships with riskmap by default.
    previous : RiskLayer, optional
        The layer before, such as :func:`riskmap.read_layer` returns it. With it levels fall only
        after a dwell, and the layer says what has changed and why.
    decisions
        What analysts have decided (:func:`riskmap.assessment.desk_files.read_decisions`).

    Returns
    -------
    RiskLayer
        The headline is the layer ``group`` where a group was counted, else ``foreign``. A region
        and layer that nobody watches has level 0 and no probability, unless what its own reports
        tell gives moderate or more.

    Raises
    ------
    SchemaError
        When the regions are not those of the forecast.
    InputError
        When the layer before is of a later day.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> layer.headline, layer.risks["risk_level"].between(0, 5).all().item()
    ('foreign', True)
    """
    check_regions(regions)
    chosen = LevelScale.default() if scale is None else scale
    ordered = regions.sort_values("region_id", ignore_index=True)
    if not ordered["region_id"].equals(forecast.keys["region_id"]):
        raise SchemaError("the regions are not those that were counted", column="region_id")
    group = forecast.group
    moved = empty_table(AUDIT_COLUMNS)
    if previous is not None:
        previous, moved = carry_regions(previous, ordered)
    carried = carried_incidents(forecast.evidence)
    provenance = _describe(forecast, ordered, chosen)
    if previous is not None:
        provenance["previous_as_of"] = previous.provenance["as_of"]
    if len(carried) < len(forecast.evidence):
        provenance["incidents_left_out"] = len(forecast.evidence) - len(carried)
    context = Context.read(provenance)
    judged = judge_levels(forecast, chosen, previous=previous, context=context, decisions=decisions)
    risks = add_consequences(judged.risks, forecast)
    risks = add_rates(risks, forecast, ordered, context=context)
    drivers = forecast.components.rename(columns={"component": "driver"})
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, ["region_id", "layer"]]
    plain = pd.DataFrame(ordered).drop(columns=ordered.geometry.name)
    return RiskLayer(
        regions=gpd.GeoDataFrame(
            conform(plain, REGION_COLUMNS), geometry=ordered.geometry.array, crs=CRS
        ),
        risks=risks,
        drivers=conform(known.merge(drivers, on=["region_id", "layer"]), DRIVER_COLUMNS),
        incidents=carried,
        scale=chosen,
        headline="foreign" if group is None else "group",
        provenance=provenance,
        ledger=forecast.ledger,
        sites=assess_sites(risks, ordered, group=group, attacks=judged.attacks),
        changes=empty_table(CHANGE_COLUMNS)
        if previous is None
        else explain_changes(
            forecast,
            risks,
            previous,
            context=context,
            moved=bool(context.differs(previous.context, BOUNDARY)) or not moved.empty,
        ),
        audit=pd.concat([moved, judged.audit], ignore_index=True),
        sources=judged.sources,
        influences=judged.influences,
        counterfactuals=judged.counterfactuals,
        knowledge=conform(forecast.knowledge, KNOWLEDGE_COLUMNS),
        shares=conform(forecast.shares, SHARE_COLUMNS),
        attacks=judged.attacks,
        gone=judged.gone,
    )


def _describe(forecast: Forecast, regions: gpd.GeoDataFrame, scale: LevelScale) -> dict[str, Any]:
    """Return the provenance of a layer as plain values; no clock is read."""
    known = forecast.provenance
    return {
        **known,
        **describe_validity(Context.read(known)),
        "scale_id": scale.scale_id,
        **{name: _join(regions[name]) for name in (*BOUNDARY, "boundary_licence")},
    }


def _join(values: pd.Series) -> str:
    """Return the distinct values of a column as one text."""
    return "; ".join(sorted(values.dropna().unique()))


def carried_incidents(
    evidence: pd.DataFrame, limit: int = CARRIED, *, whole: int = WHOLE
) -> pd.DataFrame:
    """Return all incidents, or of very many each region's newest, and newest that hit foreigners.

    A layer is read, shown and published; a million incidents in it would be none of these. All of
    them counted, whatever is carried along.

    Parameters
    ----------
    evidence
        The incidents that were counted, newest first (:attr:`riskmap.Panel.evidence`).
    limit
        How many of each kind are kept a region.
    whole
        Up to how many are all kept.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> kept = carried_incidents(panel.evidence, limit=3, whole=0)
    >>> int(kept[kept["foreign_victims"] == 0].groupby("region_id").size().max())
    3
    """
    if len(evidence) <= whole:
        return evidence
    region = pd.factorize(evidence["region_id"])[0]
    kept = find_newest(region, hits_foreigners(evidence), limit, whole=whole)
    return evidence if kept.all() else evidence[kept].reset_index(drop=True)
