"""Reasons: which incident or source a level rests on, and the least that would move it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.holds import FLOOR
from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    COUNTERFACTUAL_COLUMNS,
    INFLUENCE_COLUMNS,
    RISK_COLUMNS,
)
from riskmap.assessment.levels import INSUFFICIENT, LevelScale
from riskmap.schema import conform

if TYPE_CHECKING:
    from riskmap.assessment.contexts import Context
    from riskmap.models.tables import Forecast

#: So many of the weightiest incidents are told for each region and layer.
TOLD = 10

_KEYS = ["region_id", "layer"]


@dataclass(frozen=True)
class Reasons:
    """What explains the levels of a layer.

    Parameters
    ----------
    influences, counterfactuals, audit : DataFrame
        As in :class:`riskmap.RiskLayer`.
    risks : DataFrame
        With ``fragility``, ``single_source`` and ``disagreement``, and levels that rest on one
        source capped.
    """

    risks: pd.DataFrame
    influences: pd.DataFrame
    counterfactuals: pd.DataFrame
    audit: pd.DataFrame


def find_reasons(
    forecast: Forecast, risks: pd.DataFrame, scale: LevelScale, *, context: Context
) -> Reasons:
    """Return the reasons of levels, and the levels that one source alone may raise by one step.

    Parameters
    ----------
    forecast : Forecast
        With its influences and responses.
    risks : DataFrame
        Judged by the thresholds.
    scale : LevelScale
        The thresholds.
    context : Context
        Of the forecast.

    Returns
    -------
    Reasons
    """
    influences = _judge_influences(forecast, risks, scale, context)
    capped, audit = cap_single_sources(risks, influences, scale)
    asked = set(forecast.responses["layer"].unique())
    stamped = _stamp_fragility(capped, influences, asked=asked)
    spread = stamped["p_most"] - stamped["p_least"]
    return Reasons(
        risks=stamped.assign(disagreement=spread),
        influences=_tell_influences(influences),
        counterfactuals=_find_counterfactuals(forecast, risks, scale, context.horizon_days),
        audit=audit,
    )


def _judge_influences(
    forecast: Forecast, risks: pd.DataFrame, scale: LevelScale, context: Context
) -> pd.DataFrame:
    """Return the influences on regions of which enough is known, with what is known of each."""
    columns = [*_KEYS, "risk_level", "expected_count"]
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, columns]
    known = known.rename(columns={"risk_level": "level_now", "expected_count": "count_now"})
    table = forecast.influences.merge(known, on=_KEYS)
    facts = forecast.reports
    sources = facts.drop_duplicates("key").set_index("key")["source"]
    table = table.merge(facts.drop(columns="source"), on=["region_id", "key"], how="left")
    single = table["kind"] == "source"
    table.loc[single, ["weight", "age_days"]] = np.nan
    table["source"] = table["key"].map(sources).where(~single, table["key"])
    record = dict(context.sources_of_record)
    record["group"] = record.get("foreign", frozenset())
    trusted = [
        source in record[layer]
        for source, layer in zip(table["source"], table["layer"], strict=True)
    ]
    return table.assign(
        of_record=trusted,
        value=table["count_now"] - table["expected_count"],
        risk_level=scale.levels_of(table, horizon_days=context.horizon_days),
    )


def cap_single_sources(
    risks: pd.DataFrame, influences: pd.DataFrame, scale: LevelScale
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let one source alone raise a level to moderate, and beyond that by no more than one step.

    A level is compared with that without each single voice: everything that a source tells and no
    second one confirms. Of a source of record
    (:meth:`riskmap.models.reports.Reports.of_record`) every report is a voice of its own,
    since the level has nothing else to rest on. The cap is moderate, or one step above the level
    without the voice, and never below the level of the layer before.

    Parameters
    ----------
    risks : DataFrame
        With ``threshold_level``, and ``level_before`` where there is one.
    influences : DataFrame
        Levels without each report and source, with ``confirmed`` and ``of_record``.
    scale : LevelScale
        For the names of levels.

    Returns
    -------
    risks, audit : DataFrame
        The risks with their levels capped, and a line for each cap.
    """
    incident = influences["kind"] == "incident"
    voices = influences[
        (incident & ~influences["confirmed"].astype(bool) & influences["of_record"])
        | (~incident & ~influences["of_record"])
    ]
    lowest = voices.sort_values(["risk_level", "expected_count", "key"], kind="stable")
    lowest = lowest.drop_duplicates(_KEYS).set_index(_KEYS)
    found = lowest[["risk_level", "key", "source"]].reindex(pd.MultiIndex.from_frame(risks[_KEYS]))
    now = risks["threshold_level"].to_numpy(dtype=np.int64)
    without = found["risk_level"].fillna(pd.Series(now, index=found.index)).to_numpy(dtype=np.int64)
    before = risks["level_before"].fillna(0).to_numpy(dtype=np.int64)
    cap = np.minimum(now, np.maximum(np.maximum(without + 1, FLOOR), before))
    lowered = cap < now
    level = np.where(lowered, np.minimum(risks["risk_level"].to_numpy(dtype=np.int64), cap), now)
    level = np.where(lowered, level, risks["risk_level"].to_numpy(dtype=np.int64))
    level = np.where(risks["level_as_of"].notna(), np.maximum(level, before), level)
    names = np.array([step.name for step in scale.levels], dtype=object)
    audit = risks.loc[lowered, _KEYS].assign(
        rule="single_source",
        detail=[
            f"{names[high]} rests on {source!r} alone ({key}); without it {names[low]}, so "
            f"{names[held]} until another source confirms it"
            for high, low, held, source, key in zip(
                now[lowered],
                without[lowered],
                level[lowered],
                found["source"].to_numpy()[lowered],
                found["key"].to_numpy()[lowered],
                strict=True,
            )
        ],
    )
    same = pd.Series(lowered & (level == before), index=risks.index)
    capped = risks.assign(
        risk_level=level,
        level_name=names[level],
        single_source=(without < now) & (now > 0),
        trend=risks["trend"].mask(same, "unchanged"),
    )
    return conform(capped, RISK_COLUMNS), conform(audit, AUDIT_COLUMNS).reset_index(drop=True)


def _stamp_fragility(
    risks: pd.DataFrame, influences: pd.DataFrame, *, asked: set[str]
) -> pd.DataFrame:
    """Stamp a level fragile that another one would be without one report or one source.

    That a source of record can't be left out goes without saying. Where the model can't be asked
    about reports, a level that no source decides is neither robust nor fragile.
    """
    decides = (influences["risk_level"] != influences["level_now"]) & (
        (influences["kind"] == "incident") | ~influences["of_record"]
    )
    fragile = pd.MultiIndex.from_frame(influences.loc[decides, _KEYS])
    rows = pd.MultiIndex.from_frame(risks[_KEYS])
    known = (risks["threshold_level"] > INSUFFICIENT).to_numpy(dtype=bool)
    robust = risks["layer"].isin(asked).to_numpy()
    stamps = pd.Series(None, index=risks.index, dtype="object")
    stamps[known & robust] = "robust"
    stamps[known & rows.isin(fragile)] = "fragile"
    return conform(risks.assign(fragility=stamps), RISK_COLUMNS)


def _tell_influences(influences: pd.DataFrame) -> pd.DataFrame:
    """Return the weightiest influences of each region and layer, those that decide among them."""
    size = -influences["value"].abs()
    ordered = influences.assign(
        size=size, decides=influences["risk_level"] == influences["level_now"]
    )
    ordered = ordered.sort_values([*_KEYS, "kind", "decides", "size", "key"], kind="stable")
    rank = ordered.groupby([*_KEYS, "kind"]).cumcount()
    told = ordered[(rank < TOLD) | (ordered["kind"] == "source")]
    return conform(told[[c.name for c in INFLUENCE_COLUMNS]], INFLUENCE_COLUMNS).reset_index(
        drop=True
    )


def _find_counterfactuals(
    forecast: Forecast, risks: pd.DataFrame, scale: LevelScale, horizon_days: float
) -> pd.DataFrame:
    """Return the fewest more incidents that raise each level and quiet days that lower it."""
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, [*_KEYS, "threshold_level"]]
    table = forecast.responses.merge(known, on=_KEYS)
    table = table.assign(risk_level=scale.levels_of(table, horizon_days=horizon_days))
    up = (table["kind"] == "more") & (table["risk_level"] > table["threshold_level"])
    down = (table["kind"] == "quiet") & (table["risk_level"] < table["threshold_level"])
    table = table.assign(direction=np.where(up, "up", "down"))[up | down]
    least = table.sort_values("amount", kind="stable").drop_duplicates([*_KEYS, "kind"])
    least = least.sort_index()
    return conform(
        least[[c.name for c in COUNTERFACTUAL_COLUMNS]], COUNTERFACTUAL_COLUMNS
    ).reset_index(drop=True)
