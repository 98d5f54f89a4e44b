"""Assessing: a forecast to levels, sufficiency first, floors last, every number explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.assessment.changes import carry_regions, explain_changes
from riskmap.assessment.consequences import add_consequences
from riskmap.assessment.contexts import BOUNDARY, Context, describe_validity
from riskmap.assessment.exposures import add_rates, assess_sites, count_theirs
from riskmap.assessment.floors import (
    carry_attacks,
    find_reasons,
    raise_attacked,
    raise_violence,
    tell_cleared,
)
from riskmap.assessment.hysteresis import FLOOR, hold_levels
from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    DRIVER_COLUMNS,
    GONE_COLUMNS,
    KEY,
    KNOWLEDGE_COLUMNS,
    LAYERS,
    RISK_COLUMNS,
    WINDOW_COLUMNS,
    WINDOWS,
    RiskLayer,
    audit_lines,
    empty_table,
)
from riskmap.assessment.levels import INSUFFICIENT, NAMES, LevelScale
from riskmap.assessment.missing_reports import find_gone
from riskmap.errors import InputError, SchemaError
from riskmap.incidents.foreign_victims import hits_foreigners
from riskmap.panels.features import DAYS_A_MONTH
from riskmap.panels.joins import CARRIED, WHOLE, find_newest
from riskmap.panels.knowledge import SHARE_COLUMNS, shipped_share
from riskmap.panels.risk_days import OWN_MONTHS, hazard_of
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.desk_files import Decision
    from riskmap.models.results import Forecast
    from riskmap.typing import IntArray


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
        When the layer before is of a later day, or the forecast is of a horizon that starts later.

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
    if forecast.provenance.get("lead_days"):
        raise InputError("levels are of a horizon that starts at once", column="lead")
    moved = empty_table(AUDIT_COLUMNS)
    if previous is not None:
        previous, moved = carry_regions(previous, ordered)
    carried = carried_incidents(forecast.evidence)
    provenance = _describe(forecast, ordered, chosen, previous)
    if len(carried) < len(forecast.evidence):
        provenance["incidents_left_out"] = len(forecast.evidence) - len(carried)
    if forecast.group and (close := forecast.group.find_close_employers(forecast.evidence)):
        provenance["close_employers"] = [list(one) for one in close]
    context = Context.read(provenance)
    judged = judge_levels(forecast, chosen, previous=previous, context=context, decisions=decisions)
    risks = add_consequences(judged["risks"], forecast)
    risks = add_rates(risks, forecast, ordered, context=context)
    judged |= {"risks": risks, "audit": pd.concat([moved, judged["audit"]], ignore_index=True)}
    if previous is not None:
        renamed = bool(context.differs(previous.context, BOUNDARY)) or not moved.empty
        judged["changes"] = explain_changes(
            forecast, risks, previous, context=context, moved=renamed
        )
    drivers = forecast.components.rename(columns={"component": "driver"})
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, KEY]
    plain = pd.DataFrame(ordered).drop(columns=ordered.geometry.name)
    return RiskLayer(
        regions=gpd.GeoDataFrame(
            conform(plain, REGION_COLUMNS), geometry=ordered.geometry.array, crs=CRS
        ),
        **judged,
        drivers=conform(known.merge(drivers, on=KEY), DRIVER_COLUMNS),
        incidents=carried,
        scale=chosen,
        headline="foreign" if forecast.group is None else "group",
        provenance=provenance,
        ledger=forecast.ledger,
        sites=assess_sites(risks, ordered, group=forecast.group, attacks=judged["attacks"]),
        knowledge=conform(forecast.knowledge, KNOWLEDGE_COLUMNS),
        shares=conform(forecast.shares, SHARE_COLUMNS),
        counts=_tell_counts(forecast.counts),
    )


def _tell_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Return what was counted of each layer in the last windows."""
    recent = counts["window_start"].drop_duplicates().nlargest(WINDOWS)
    names = [name for name in LAYERS if name in counts]
    rows = counts[counts["window_start"].isin(recent)].melt(
        ["region_id", "window_start"], names, var_name="layer", value_name="incidents"
    )
    return conform(rows[rows["incidents"] > 0].reset_index(drop=True), WINDOW_COLUMNS)


def _describe(
    forecast: Forecast, regions: gpd.GeoDataFrame, scale: LevelScale, previous: RiskLayer | None
) -> dict[str, Any]:
    """Return the provenance of a layer as plain values; no clock is read."""
    known = forecast.provenance
    names = (*BOUNDARY, "boundary_licence")
    return {
        **known,
        **describe_validity(Context.read(known)),
        "scale_id": scale.scale_id,
        **{name: "; ".join(sorted(regions[name].dropna().unique())) for name in names},
        **({} if previous is None else {"previous_as_of": previous.provenance["as_of"]}),
    }


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


_NUMBERS = ("p_any", "p_least", "p_most", "expected_count", "q05", "q50", "q95")


def judge_levels(
    forecast: Forecast,
    scale: LevelScale,
    *,
    previous: RiskLayer | None,
    context: Context,
    decisions: Sequence[Decision] = (),
) -> dict[str, pd.DataFrame]:
    """Return the levels of a forecast: knowledge, thresholds, hysteresis, caps, and floors last.

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
    dict of str to DataFrame
        ``risks, influences, counterfactuals, audit, attacks, gone`` as in
        :class:`riskmap.RiskLayer`; the risks are without consequence and rates.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> from riskmap.assessment.contexts import Context
    >>> forecast = rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01"))
    >>> judged = judge_levels(forecast, rm.LevelScale.default(), previous=None,
    ...                       context=Context.read(forecast.provenance))
    >>> judged["risks"]["risk_level"].equals(rm.assess(forecast, districts).risks["risk_level"])
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
        audit += [gone.audit, holds]
        risks, missed = _flag_gone(risks, silent), gone.reports
    reasons = find_reasons(forecast, risks, scale, context=context)
    carried = carry_attacks(forecast, previous, context=context)
    attacks = tell_cleared(carried, decisions, as_of=as_of)
    floored, floors = raise_attacked(reasons["risks"], attacks, decisions=decisions, as_of=as_of)
    floored = _restore_numbers(floored, forecast)
    final, ordered = raise_violence(floored, scale, horizon_days=days)
    return reasons | {
        "risks": conform(_spanned(_restore_numbers(final, forecast)), RISK_COLUMNS),
        "audit": pd.concat([*audit, reasons["audit"], floors, ordered], ignore_index=True),
        "attacks": attacks,
        "gone": missed,
    }


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
    risks = forecast.frame.merge(known, on=KEY, how="left", validate="one_to_one")
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
    high = np.maximum.reduce([scale.levels_of(risks, "p_high", horizon_days=days), *doubt.values()])
    found = risks.assign(
        risk_level=levels,
        level_name=NAMES[levels],
        threshold_level=levels,
        at_least=at_least,
        attacked=False,
        level_low=_known(np.minimum(np.where(at_least, levels, low), levels), ~unknown),
        level_high=_known(np.maximum(np.where(at_least, len(NAMES) - 1, high), levels), ~unknown),
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
    known = risks[KEY].merge(forecast.frame, on=KEY, how="left")
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
_LEAST = 0.05


def _levels_in_doubt(
    risks: pd.DataFrame, scale: LevelScale, forecast: Forecast, days: float
) -> dict[str, IntArray]:
    r"""Return the levels that regions might have, by the reason for which they might.

    The hazard may be higher by a hair, or without a source that hardly covers the country
    (``border_times``): ``borderline``. And reports may be of the region that count
    nowhere or elsewhere, ``rows_lost``: each would add to the region's own rate what it adds at a
    half-life of 24 months,

    .. math:: H' = (1 + b) k H_w + 1.25 m h / d, \qquad d = 24 / \ln 2 \text{ months}

    with :math:`H_w` had the rows counted that were set aside (``p_whole``), k for what was lost all
    over the country (:func:`riskmap.panels.doubts.find_doubts`), m reports that may be of the
    region (a quarter more, since what they lend to the province comes back), and the horizon h.
    Less than a twentieth of a report counts for nothing, nor does what adds less than the share b,
    nor k below 1 + b. Of reports that don't say who was hit the going share is foreign.
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
        "borderline": np.fmax(1.0 + BORDER, risks["border_times"].to_numpy(dtype=float)) * hazard,
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
    for i in np.flatnonzero((near | lost) & (levels > 0)):
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
    rule = np.select([blind, at_least, shared], ["unwatched", "at_least", "share"], "")
    own = "the region's own reports give at least this; nobody watches: " + why
    share = "rests on the share that ships with riskmap alone: never level 1"
    detail = ("no level: " + why).where(blind, own.where(at_least, share))
    return audit_lines(risks[rule != ""], rule[rule != ""], detail[rule != ""].to_numpy())
