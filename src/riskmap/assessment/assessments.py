"""Assessing: a forecast to levels, with sufficiency first and every number explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.assessment.changes import explain_changes, has_moved
from riskmap.assessment.consequences import add_consequences
from riskmap.assessment.exposures import add_rates
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
from riskmap.assessment.notables import carried_incidents
from riskmap.assessment.sites import assess_sites
from riskmap.assessment.successors import carry_regions
from riskmap.assessment.validities import describe_validity
from riskmap.errors import SchemaError
from riskmap.panels.shares import SHARE_COLUMNS
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.assessment.decisions import Decision
    from riskmap.models.tables import Forecast

_BOUNDARY = ("boundary_source", "boundary_version", "boundary_licence")


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
        What analysts have decided (:func:`riskmap.assessment.decisions.read_decisions`).

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
    provenance = _describe(forecast, ordered, chosen)
    judged = judge_levels(
        forecast, chosen, previous=previous, provenance=provenance, decisions=decisions
    )
    risks = add_consequences(judged.risks, forecast)
    risks = add_rates(risks, forecast, ordered, group=group)
    if previous is not None:
        provenance["previous_as_of"] = previous.provenance["as_of"]
    carried = carried_incidents(forecast.evidence)
    if len(carried) < len(forecast.evidence):
        provenance["incidents_left_out"] = len(forecast.evidence) - len(carried)
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
            forecast, risks, previous, moved=has_moved(previous, provenance) or not moved.empty
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
    as_of = pd.Timestamp(forecast.provenance["as_of"])
    known = forecast.provenance
    return {
        **forecast.provenance,
        **describe_validity(as_of, horizon_days=known["horizon_days"], every=known["every"]),
        "scale_id": scale.scale_id,
        **{name: _join(regions[name]) for name in _BOUNDARY},
    }


def _join(values: pd.Series) -> str:
    """Return the distinct values of a column as one text."""
    return "; ".join(sorted(values.dropna().unique()))
