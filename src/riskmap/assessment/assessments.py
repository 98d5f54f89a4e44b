"""Assessing: a forecast to levels, with sufficiency first and every number explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.assessment.changes import audit_method, explain_changes, has_moved
from riskmap.assessment.consequences import add_consequences
from riskmap.assessment.exposures import add_rates
from riskmap.assessment.groups import WorkerGroup, add_group
from riskmap.assessment.holds import hold_levels
from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    CHANGE_COLUMNS,
    DRIVER_COLUMNS,
    RISK_COLUMNS,
    RiskLayer,
    empty_table,
)
from riskmap.assessment.levels import INSUFFICIENT, LevelScale
from riskmap.assessment.notables import carried_incidents
from riskmap.assessment.reasons import find_reasons
from riskmap.assessment.silences import find_gone, find_silent, flag_silences, measure_sources
from riskmap.assessment.sites import assess_sites
from riskmap.assessment.sufficiency import judge_sufficiency
from riskmap.assessment.validities import describe_validity
from riskmap.errors import SchemaError
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform

if TYPE_CHECKING:
    from riskmap.models.forecasts import Forecast

_NUMBERS = ("p_any", "expected_count", "q05", "q50", "q95")
_BOUNDARY = ("boundary_source", "boundary_version", "boundary_licence")


def assess(
    forecast: Forecast,
    regions: gpd.GeoDataFrame,
    *,
    group: WorkerGroup | None = None,
    scale: LevelScale | None = None,
    previous: RiskLayer | None = None,
) -> RiskLayer:
    """Turn a forecast into levels that people can act on.

    Parameters
    ----------
    forecast : Forecast
        Probabilities by region and layer.
    regions : GeoDataFrame
        The regions that were counted.
    group : WorkerGroup, optional
        Whose risk is asked for; adds the layer ``group``, which becomes the headline.
    scale : LevelScale, optional
        Thresholds and wording; the scale that ships with riskmap by default.
    previous : RiskLayer, optional
        The layer before, such as :func:`riskmap.read_layer` returns it. With it levels fall only
        after a dwell, and the layer says what has changed and why.

    Returns
    -------
    RiskLayer
        The headline is the layer ``group`` where a group is given, else ``foreign``; where no
        source says who was hit it is ``violence``. A region with insufficient data has level 0 and
        no probability.

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
    if not ordered["region_id"].equals(forecast.activity["region_id"]):
        raise SchemaError("the regions are not those that were counted", column="region_id")
    if group is not None:
        forecast = add_group(forecast, group)
    provenance = _describe(forecast, ordered, chosen)
    risks = _judge(forecast, chosen)
    gone, audit = frozenset[str](), [empty_table(AUDIT_COLUMNS)]
    if previous is not None:
        provenance["previous_as_of"] = previous.provenance["as_of"]
        gone, doubts = find_gone(forecast.evidence, forecast.activity, previous)
        risks, holds = hold_levels(risks, previous, chosen, provenance=provenance, silent=gone)
        methods = audit_method(forecast, previous, chosen, provenance=provenance)
        audit += [doubts, methods, holds]
    silent = find_silent(forecast.evidence, forecast.activity, as_of=provenance["as_of"])
    risks = flag_silences(risks, silent, gone)
    reasons = find_reasons(forecast, risks, chosen)
    risks = add_consequences(reasons.risks, forecast)
    risks = add_rates(risks, forecast, ordered, group=group)
    carried = carried_incidents(forecast.evidence)
    if len(carried) < len(forecast.evidence):
        provenance["incidents_left_out"] = len(forecast.evidence) - len(carried)
    drivers = forecast.components.rename(columns={"component": "driver"})
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, ["region_id", "layer"]]
    foreign = forecast.frame.loc[forecast.frame["layer"] == "foreign", "p_any"]
    plain = pd.DataFrame(ordered).drop(columns=ordered.geometry.name)
    return RiskLayer(
        regions=gpd.GeoDataFrame(
            conform(plain, REGION_COLUMNS), geometry=ordered.geometry.array, crs=CRS
        ),
        risks=risks,
        drivers=conform(known.merge(drivers, on=["region_id", "layer"]), DRIVER_COLUMNS),
        incidents=carried,
        scale=chosen,
        headline="violence" if foreign.isna().all() else "group" if group else "foreign",
        provenance=provenance,
        ledger=forecast.ledger,
        sites=assess_sites(risks, ordered, group=group),
        changes=empty_table(CHANGE_COLUMNS)
        if previous is None
        else explain_changes(
            forecast, risks, previous, group=group, moved=has_moved(previous, provenance)
        ),
        audit=pd.concat([*audit, reasons.audit], ignore_index=True),
        sources=measure_sources(forecast.evidence, as_of=provenance["as_of"]),
        influences=reasons.influences,
        counterfactuals=reasons.counterfactuals,
    )


def _judge(forecast: Forecast, scale: LevelScale) -> pd.DataFrame:
    """Return the risks: probabilities, levels and knowledge, side by side."""
    known = forecast.provenance
    history = pd.Timestamp(known["as_of"]) - pd.Timestamp(known["history_start"])
    knowledge = judge_sufficiency(forecast.activity, history_days=float(history.days))
    risks = forecast.frame.merge(knowledge, on="region_id", how="left", validate="many_to_one")
    unknown = risks["p_any"].isna()
    risks.loc[unknown, ["data_sufficiency", "confidence"]] = ["insufficient", "low"]
    risks.loc[risks["data_sufficiency"] == "insufficient", list(_NUMBERS)] = np.nan
    levels = np.zeros(len(risks), dtype=np.int64)
    for layer in risks["layer"].unique():
        rows = (risks["layer"] == layer).to_numpy()
        levels[rows] = scale.level_of(
            risks.loc[rows, "p_any"].to_numpy(),
            layer=layer,
            horizon_days=forecast.provenance["horizon_days"],
        )
    names = np.array([level.name for level in scale.levels], dtype=object)
    risks = risks.assign(risk_level=levels, level_name=names[levels], threshold_level=levels)

    known_names = [column.name for column in RISK_COLUMNS if column.name in risks]
    return conform(risks[known_names], RISK_COLUMNS)


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
