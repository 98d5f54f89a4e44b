"""Judgements: probabilities to levels, with sufficiency, holds, silences and caps in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import audit_method
from riskmap.assessment.holds import hold_levels
from riskmap.assessment.layers import AUDIT_COLUMNS, RISK_COLUMNS, empty_table
from riskmap.assessment.reasons import find_reasons
from riskmap.assessment.silences import find_gone, find_silent, flag_silences, measure_sources
from riskmap.assessment.sufficiency import judge_sufficiency
from riskmap.schema import conform

if TYPE_CHECKING:
    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.models.forecasts import Forecast

_NUMBERS = ("p_any", "p_least", "p_most", "expected_count", "q05", "q50", "q95")


@dataclass(frozen=True)
class Judgement:
    """Levels, and what they rest on.

    Parameters
    ----------
    risks, influences, counterfactuals, audit, sources : DataFrame
        As in :class:`riskmap.RiskLayer`; the risks are without consequence and rates.
    """

    risks: pd.DataFrame
    influences: pd.DataFrame
    counterfactuals: pd.DataFrame
    audit: pd.DataFrame
    sources: pd.DataFrame


def judge_levels(
    forecast: Forecast,
    scale: LevelScale,
    *,
    previous: RiskLayer | None,
    provenance: dict[str, Any],
) -> Judgement:
    """Return the levels of a forecast: thresholds, then holds, silences and caps.

    Parameters
    ----------
    forecast : Forecast
        Probabilities by region and layer.
    scale : LevelScale
        The thresholds.
    previous : RiskLayer, optional
        The layer before.
    provenance : dict
        Of the layer that is made.

    Returns
    -------
    Judgement

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> forecast = rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01"))
    >>> judged = judge_levels(forecast, rm.LevelScale.default(), previous=None,
    ...                       provenance=forecast.provenance)
    >>> judged.risks["risk_level"].equals(rm.assess(forecast, districts).risks["risk_level"])
    True
    """
    risks = _read_thresholds(forecast, scale)
    gone, audit = frozenset[str](), [empty_table(AUDIT_COLUMNS)]
    if previous is not None:
        gone, doubts = find_gone(forecast.evidence, forecast.activity, previous)
        risks, holds = hold_levels(risks, previous, scale, provenance=provenance, silent=gone)
        methods = audit_method(forecast, previous, scale, provenance=provenance)
        audit += [doubts, methods, holds]
    as_of = forecast.provenance["as_of"]
    silent = find_silent(forecast.evidence, forecast.activity, as_of=as_of)
    reasons = find_reasons(forecast, flag_silences(risks, silent, gone), scale)
    return Judgement(
        risks=reasons.risks,
        influences=reasons.influences,
        counterfactuals=reasons.counterfactuals,
        audit=pd.concat([*audit, reasons.audit], ignore_index=True),
        sources=measure_sources(forecast.evidence, as_of=as_of),
    )


def _read_thresholds(forecast: Forecast, scale: LevelScale) -> pd.DataFrame:
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
