"""Judgements: probabilities to levels, with what is known first and floors last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.changes import audit_method
from riskmap.assessment.exposures import count_theirs
from riskmap.assessment.floors import carry_attacks, raise_attacked, raise_violence, tell_cleared
from riskmap.assessment.holds import FLOOR, hold_levels
from riskmap.assessment.layers import AUDIT_COLUMNS, GONE_COLUMNS, RISK_COLUMNS, empty_table
from riskmap.assessment.reasons import find_reasons
from riskmap.assessment.silences import find_gone, measure_sources
from riskmap.hazards import OWN_MONTHS, hazard_of
from riskmap.panels.features import DAYS_A_MONTH
from riskmap.panels.shares import shipped_share
from riskmap.schema import conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.contexts import Context
    from riskmap.assessment.desk_files import Decision
    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.models.tables import Forecast
    from riskmap.typing import IntArray

_NUMBERS = ("p_any", "p_least", "p_most", "expected_count", "q05", "q50", "q95")
_KEY = ["region_id", "layer"]


@dataclass(frozen=True)
class Judgement:
    """Levels, and what they rest on.

    Parameters
    ----------
    risks, influences, counterfactuals, audit, sources, attacks, gone : DataFrame
        As in :class:`riskmap.RiskLayer`; the risks are without consequence and rates.
    """

    risks: pd.DataFrame
    influences: pd.DataFrame
    counterfactuals: pd.DataFrame
    audit: pd.DataFrame
    sources: pd.DataFrame
    attacks: pd.DataFrame
    gone: pd.DataFrame


def judge_levels(
    forecast: Forecast,
    scale: LevelScale,
    *,
    previous: RiskLayer | None,
    context: Context,
    decisions: Sequence[Decision] = (),
) -> Judgement:
    """Return the levels of a forecast: knowledge, thresholds, holds, caps, and floors last.

    Parameters
    ----------
    forecast : Forecast
        Probabilities by region and layer.
    scale : LevelScale
        The thresholds.
    previous : RiskLayer, optional
        The layer before.
    context : Context
        Of the layer that is made.
    decisions
        What analysts have decided.

    Returns
    -------
    Judgement

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> from riskmap.assessment.contexts import Context
    >>> forecast = rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01"))
    >>> judged = judge_levels(forecast, rm.LevelScale.default(), previous=None,
    ...                       context=Context.read(forecast.provenance))
    >>> judged.risks["risk_level"].equals(rm.assess(forecast, districts).risks["risk_level"])
    True
    """
    as_of, days = context.as_of, context.horizon_days
    risks, told = _read_levels(forecast, scale, days)
    missed = empty_table(GONE_COLUMNS)
    audit = [empty_table(AUDIT_COLUMNS), told]
    if previous is not None:
        gone = find_gone(
            forecast.evidence, forecast.keys, previous, as_of=as_of, decisions=decisions
        )
        rows = zip(risks["region_id"], risks["layer"], strict=True)
        silent = np.array([row in gone.doubtful for row in rows])
        risks, holds = hold_levels(risks, previous, scale, context=context, silent=silent)
        methods = audit_method(forecast, previous, scale, context=context)
        audit += [gone.audit, methods, holds]
        risks, missed = _flag_gone(risks, silent), gone.reports
    reasons = find_reasons(forecast, risks, scale, context=context)
    carried = carry_attacks(forecast, previous, as_of=as_of)
    attacks = tell_cleared(carried, decisions, as_of=as_of)
    floored, floors = raise_attacked(
        reasons.risks, attacks, scale, decisions=decisions, as_of=as_of
    )
    floored = _restore_numbers(floored, forecast)
    final, ordered = raise_violence(floored, scale, horizon_days=days)
    return Judgement(
        risks=conform(_spanned(_restore_numbers(final, forecast)), RISK_COLUMNS),
        influences=reasons.influences,
        counterfactuals=reasons.counterfactuals,
        audit=pd.concat([*audit, reasons.audit, floors, ordered], ignore_index=True),
        sources=measure_sources(forecast.evidence, as_of=as_of),
        attacks=attacks,
        gone=missed,
    )


def _flag_gone(risks: pd.DataFrame, silent: NDArray[np.bool_]) -> pd.DataFrame:
    """Return risks that say where known reports have gone, and are no longer sure there."""
    sure = risks["confidence"].mask(silent & (risks["confidence"] == "high"), "medium")
    return risks.assign(reporting_gap=risks["reporting_gap"] | silent, confidence=sure)


def _read_levels(
    forecast: Forecast, scale: LevelScale, days: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the risks: probabilities, levels and knowledge side by side, and why some differ.

    Where nobody watches there is no level, unless what the region's own reports tell gives moderate
    or more: then that stands, as the least it can be. What names no region is nobody's own.
    """
    known = forecast.knowledge.drop(columns=["sources", "rows_lost", "rows_spread"])
    risks = forecast.frame.merge(known, on=_KEY, how="left", validate="one_to_one")
    levels = scale.levels_of(risks, horizon_days=days)
    own = scale.levels_of(risks, "p_own", horizon_days=days)
    blind = ~risks["watched"].fillna(value=False).to_numpy(bool) | risks["p_any"].isna().to_numpy()
    at_least = blind & (own >= FLOOR) & risks["last_report_days"].notna().to_numpy()
    at_home = risks["reasons"].fillna("").str.contains("at_home").to_numpy()
    at_least &= ~at_home
    shared = _rests_on_share(risks, forecast) & (levels == 1) & ~blind
    levels = np.where(blind & ~at_least, 0, np.where(shared, 2, levels))
    unknown = levels == 0
    risks.loc[unknown, list(_NUMBERS)] = np.nan
    risks.loc[blind, "data_sufficiency"] = "insufficient"
    risks.loc[blind, "confidence"] = "low"
    risks["reasons"] = risks["reasons"].mask(unknown & risks["reasons"].isna(), "not_covered")
    doubt = _levels_in_doubt(risks, scale, forecast, days)
    risks["reasons"] = _tell_doubt(risks["reasons"], levels, doubt)
    low = scale.levels_of(risks, "p_low", horizon_days=days)
    high = np.maximum(scale.levels_of(risks, "p_high", horizon_days=days), doubt["rows_lost"])
    names = np.array([level.name for level in scale.levels], dtype=object)
    top = len(scale.levels) - 1
    found = risks.assign(
        risk_level=levels,
        level_name=names[levels],
        threshold_level=levels,
        at_least=at_least,
        attacked=False,
        level_low=_known(np.minimum(np.where(at_least, levels, low), levels), ~unknown),
        level_high=_known(np.maximum(np.where(at_least, top, high), levels), ~unknown),
        attacks_told=risks["region_id"]
        .map(count_theirs(forecast))
        .where(risks["layer"] == "group"),
    )
    audit = _tell_unwatched(found, shared)
    kept = [column.name for column in RISK_COLUMNS if column.name in found]
    return conform(found[kept], RISK_COLUMNS), audit


def _spanned(risks: pd.DataFrame) -> pd.DataFrame:
    """Return risks whose span holds the level, whatever rule has moved it."""
    level = risks["risk_level"].where(risks["risk_level"] > 0)
    low, high = (risks[name].fillna(level) for name in ("level_low", "level_high"))
    return risks.assign(level_low=low.clip(upper=level), level_high=high.clip(lower=level))


def _restore_numbers(risks: pd.DataFrame, forecast: Forecast) -> pd.DataFrame:
    """Return risks in which a level that a floor holds up has its numbers again."""
    rows = (risks["risk_level"] > 0) & risks["level_as_of"].isna()
    known = risks[_KEY].merge(forecast.frame, on=_KEY, how="left")
    return risks.assign(
        **{
            name: risks[name].mask(rows & risks[name].isna(), known[name].to_numpy())
            for name in _NUMBERS
        }
    )


def _known(levels: IntArray, known: NDArray[np.bool_]) -> pd.Series:
    """Return levels as whole numbers, missing where none is known."""
    return pd.Series(levels, dtype="Int64").where(pd.Series(known))


#: A level within this share of the hazard of the next one says so.
BORDER = 0.02
_LENT = 1.25
#: Less than so much of a report is of no region: what may be anywhere in a country is no region's.
_LEAST = 0.1


def _levels_in_doubt(
    risks: pd.DataFrame, scale: LevelScale, forecast: Forecast, days: float
) -> dict[str, IntArray]:
    r"""Return the levels that regions might have, by the reason for which they might.

    The hazard may be higher by a hair, ``borderline``. And reports may be of the region that count
    nowhere or elsewhere, ``rows_lost``: each would add to the region's own rate what it adds at a
    half-life of 24 months,

    .. math:: H' = (1 + b) k H_w + 1.25 m h / d, \qquad d = 24 / \ln 2 \text{ months}

    with :math:`H_w` had the rows counted that were set aside (``p_whole``), k for what was lost all
    over the country (:func:`riskmap.panels.doubts.find_doubts`), m reports that may be of the
    region (a quarter more, since what they lend to the province comes back), and the horizon h.
    Less than a tenth of a report counts for nothing, nor does what adds less than the share b, nor
    k below 1 + b. Of reports that don't say who was hit the going share is foreign.
    """
    hazard = hazard_of(risks["p_any"].to_numpy(dtype=float))
    whole = np.fmax(hazard, hazard_of(risks["p_whole"].to_numpy(dtype=float)))
    any_share = len(forecast.shares) > 0
    times = risks["hazard_times"].fillna(1.0).to_numpy(dtype=float)
    may_be = risks["may_be_here"].fillna(0.0)
    may_be = may_be.where(may_be >= _LEAST, 0.0)
    wide = risks["layer"] == "violence"
    of_all = risks["region_id"].map(may_be[wide].set_axis(risks.loc[wide, "region_id"]))
    going = max(shipped_share()["share"], forecast.shares["share"].max() if any_share else 0.0)
    may_be = may_be.where(wide, np.fmax(may_be, going * of_all)).to_numpy(dtype=float)
    times = np.where(times < 1.0 + BORDER, 1.0, times)
    own_days = OWN_MONTHS * DAYS_A_MONTH / np.log(2.0)
    more = _LENT * may_be * days / own_days
    more = np.where(more < BORDER * hazard, 0.0, more)
    hazards = {
        "borderline": (1.0 + BORDER) * hazard,
        "rows_lost": (1.0 + BORDER) * times * whole + more,
    }
    return {
        name: scale.levels_of(risks.assign(p=-np.expm1(-values)), "p", horizon_days=days)
        for name, values in hazards.items()
    }


def _tell_doubt(reasons: pd.Series, levels: IntArray, doubt: dict[str, IntArray]) -> pd.Series:
    """Return reasons with those for which a level that is known might be higher."""
    told = reasons.fillna("").str.split(";").tolist()
    near, lost = doubt["borderline"] > levels, doubt["rows_lost"] > levels
    for i in np.flatnonzero(lost & (levels > 0)):
        code = "borderline" if near[i] else "rows_lost"
        told[i] = list(dict.fromkeys([*filter(None, told[i]), code]))
    return pd.Series([";".join(codes) or None for codes in told], reasons.index, dtype="str")


def _rests_on_share(risks: pd.DataFrame, forecast: Forecast) -> np.ndarray:
    """Return where a layer is known only through the share that ships with riskmap."""
    shares = forecast.shares
    learnt = set() if shares.empty else set(shares.loc[shares["basis"] == "learnt", "iso3"])
    country = risks["region_id"].map(forecast.keys.set_index("region_id")["iso3"])
    unnamed = ~risks["named"].fillna(value=False).to_numpy(bool)
    return (
        unnamed & (risks["layer"] != "violence").to_numpy() & ~country.isin(learnt).to_numpy(bool)
    )


def _tell_unwatched(risks: pd.DataFrame, shared: np.ndarray) -> pd.DataFrame:
    """Return a line for every level that is missing, is a least one, or rests on a share alone."""
    why = risks["reasons"].fillna("not_covered")
    blind = (risks["risk_level"] == 0).to_numpy()
    at_least = risks["at_least"].to_numpy(bool)
    tables = [
        risks.loc[blind, _KEY].assign(rule="unwatched", detail="no level: " + why[blind]),
        risks.loc[at_least, _KEY].assign(
            rule="at_least",
            detail="the region's own reports give at least this; nobody watches: " + why[at_least],
        ),
        risks.loc[shared, _KEY].assign(
            rule="share", detail="rests on the share that ships with riskmap alone: never level 1"
        ),
    ]
    whole = pd.concat(tables).sort_index(kind="stable").reset_index(drop=True)
    return conform(whole, AUDIT_COLUMNS)
