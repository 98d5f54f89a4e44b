"""Floors and caps: what bounds a level after the thresholds, and what it rests on.

A source that stands alone raises it by one step at most; an attack on the group, and what
foreigners face, are floors, which come last. And the least that would move it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.desk_files import ATTACKED
from riskmap.assessment.hysteresis import FLOOR
from riskmap.assessment.layers import (
    COUNTERFACTUAL_COLUMNS,
    INFLUENCE_COLUMNS,
    KEY,
    RISK_COLUMNS,
    audit_lines,
)
from riskmap.assessment.levels import INSUFFICIENT, NAMES, LevelScale
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.lapses import default_rules
from riskmap.schema import conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.contexts import Context
    from riskmap.assessment.desk_files import Decision
    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.models.results import Forecast
    from riskmap.schema import Column
    from riskmap.typing import IntArray

#: So many of the weightiest incidents are told for each region and layer.
TOLD = 10


def find_reasons(
    forecast: Forecast, risks: pd.DataFrame, scale: LevelScale, *, context: Context
) -> dict[str, pd.DataFrame]:
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
    dict of str to DataFrame
        ``influences, counterfactuals, audit`` as in :class:`riskmap.RiskLayer`, and ``risks`` with
        ``fragility``, ``single_source`` and ``disagreement``, and levels that rest on one source
        capped.
    """
    influences = _judge_influences(forecast, risks, scale, context)
    capped, audit = cap_single_sources(risks, influences)
    asked = set(forecast.responses["layer"].unique())
    stamped = _stamp_fragility(capped, influences, asked=asked)
    spread = stamped["p_most"] - stamped["p_least"]
    return {
        "risks": stamped.assign(disagreement=spread),
        "influences": _tell_influences(influences),
        "counterfactuals": _find_counterfactuals(forecast, risks, scale, context.horizon_days),
        "audit": audit,
    }


def _judge_influences(
    forecast: Forecast, risks: pd.DataFrame, scale: LevelScale, context: Context
) -> pd.DataFrame:
    """Return the influences on regions of which enough is known, with what is known of each."""
    columns = [*KEY, "risk_level", "expected_count"]
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, columns]
    known = known.rename(columns={"risk_level": "level_now", "expected_count": "count_now"})
    table = forecast.influences.merge(known, on=KEY)
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
    risks: pd.DataFrame, influences: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let one source alone raise a level to moderate, and beyond that by no more than one step.

    A level is compared with that without each single voice: everything that a source tells and no
    second one confirms. Of a source of record
    (:meth:`riskmap.models.histories.Reports.of_record`) every report is a voice of its own,
    since the level has nothing else to rest on. The cap is moderate, or one step above the level
    without the voice, and never below the level of the layer before.

    Parameters
    ----------
    risks : DataFrame
        With ``threshold_level``, and ``level_before`` where there is one.
    influences : DataFrame
        Levels without each report and source, with ``confirmed`` and ``of_record``.

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
    lowest = lowest.drop_duplicates(KEY).set_index(KEY)
    found = lowest[["risk_level", "key", "source"]].reindex(pd.MultiIndex.from_frame(risks[KEY]))
    now = risks["threshold_level"].to_numpy(dtype=np.int64)
    without = found["risk_level"].fillna(pd.Series(now, index=found.index)).to_numpy(dtype=np.int64)
    before = risks["level_before"].fillna(0).to_numpy(dtype=np.int64)
    cap = np.minimum(now, np.maximum(np.maximum(without + 1, FLOOR), before))
    lowered = cap < now
    level = risks["risk_level"].to_numpy(dtype=np.int64)
    level = np.where(lowered, np.minimum(level, cap), level)
    level = np.where(risks["level_as_of"].notna(), np.maximum(level, before), level)
    source, key = found["source"].to_numpy(), found["key"].to_numpy()
    details = [
        f"{NAMES[now[i]]} rests on {source[i]!r} alone ({key[i]}); without it {NAMES[without[i]]}, "
        f"so {NAMES[level[i]]} until another source confirms it"
        for i in np.flatnonzero(lowered)
    ]
    same = pd.Series(lowered & (level == before), index=risks.index)
    capped = risks.assign(
        risk_level=level,
        level_name=NAMES[level],
        single_source=(without < now) & (now > 0),
        trend=risks["trend"].mask(same, "unchanged"),
    )
    return conform(capped, RISK_COLUMNS), audit_lines(risks[lowered], "single_source", details)


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
    fragile = pd.MultiIndex.from_frame(influences.loc[decides, KEY])
    rows = pd.MultiIndex.from_frame(risks[KEY])
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
    ordered = ordered.sort_values([*KEY, "kind", "decides", "size", "key"], kind="stable")
    rank = ordered.groupby([*KEY, "kind"]).cumcount()
    told = ordered[(rank < TOLD) | (ordered["kind"] == "source")]
    return _select(told, INFLUENCE_COLUMNS)


def _select(table: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    """Return a table with the columns of a schema alone, its rows numbered anew."""
    return conform(table[[column.name for column in columns]], columns).reset_index(drop=True)


def _find_counterfactuals(
    forecast: Forecast, risks: pd.DataFrame, scale: LevelScale, horizon_days: float
) -> pd.DataFrame:
    """Return the fewest more incidents that raise each level and quiet days that lower it."""
    known = risks.loc[risks["risk_level"] > INSUFFICIENT, [*KEY, "threshold_level"]]
    table = forecast.responses.merge(known, on=KEY)
    table = table.assign(risk_level=scale.levels_of(table, horizon_days=horizon_days))
    up = (table["kind"] == "more") & (table["risk_level"] > table["threshold_level"])
    down = (table["kind"] == "quiet") & (table["risk_level"] < table["threshold_level"])
    table = table.assign(direction=np.where(up, "up", "down"))[up | down]
    least = table.sort_values("amount", kind="stable").drop_duplicates([*KEY, "kind"])
    return _select(least.sort_index(), COUNTERFACTUAL_COLUMNS)


def carry_attacks(
    forecast: Forecast, previous: RiskLayer | None, *, context: Context
) -> pd.DataFrame:
    """Return the attacks of a forecast, and those of the layer before that are told no more.

    An attack that was withdrawn or is told otherwise holds levels up until it has passed, or
    somebody clears it by name: a row that was changed is no decision.

    Parameters
    ----------
    forecast : Forecast
        Today's.
    previous : RiskLayer, optional
        The layer before. Of another group its attacks count that may be on the one of today, by
        their nationalities and sectors. A public one doesn't say whose it is: it may be theirs.
    context : Context
        Of the layer that is made.
    """
    now = conform(forecast.attacks, ATTACK_COLUMNS)
    if previous is None:
        return now
    known = set(forecast.keys["region_id"])
    old = previous.attacks[previous.attacks["until"] > context.as_of]
    old = old[_may_be_on(old, previous, context.group)]
    gone = old[[not _tells_again(row, now, known) for row in old.itertuples()]]
    if gone.empty:
        return now
    gone = _told_as_before(gone, previous.regions, known)
    placed = now.loc[now["region_id"].notna() & now["until"].notna(), "incident_id"]
    moved = gone["incident_id"].isin(placed)
    also = dict(zip(gone["incident_id"][moved], gone["regions"][moved].fillna(""), strict=True))
    marked = [
        _join(row.regions, also.get(row.incident_id, ""))
        if pd.notna(row.region_id)
        else row.regions
        for row in now.itertuples()
    ]
    now = now.assign(regions=pd.Series(marked, index=now.index, dtype="str"))
    return pd.concat([now, gone[~moved]], ignore_index=True)


def _may_be_on(attacks: pd.DataFrame, previous: RiskLayer, group: str | None) -> NDArray[np.bool_]:
    """Return which attacks of a layer are on a group, or may be; all were on foreigners."""
    same_group = previous.context.group == group
    if previous.context.is_public:  # it tells neither whom it is about nor who was hit
        same_group |= previous.headline == "group" and group is not None
        return np.full(len(attacks), same_group)
    if group is None or same_group:
        return np.ones(len(attacks), dtype=bool)
    nationality, _, sector = group.partition("/")
    hit = attacks["nationality"].fillna("").str.split(";")
    theirs = hit.map(lambda codes: not set(codes).isdisjoint(nationality.split(","))).astype(bool)
    same = (attacks["sector"] == sector).fillna(value=False)
    untold = attacks["nationality"].isna() & attacks["sector"].isna()
    anyone = not nationality and not sector
    return np.asarray(theirs | same | untold | anyone, dtype=bool)


def _join(*told: Any) -> str | None:
    """Return the regions of texts in which ``;`` stands between them, None where there is none."""
    names = {name for text in told if isinstance(text, str) for name in text.split(";")} - {""}
    return ";".join(sorted(names)) or None


def _tells_again(old: Any, now: pd.DataFrame, known: set[str]) -> bool:
    """Return whether attacks of today tell one of the layer before, in all regions that it marked.

    They do by its id, or, whatever their ids, by its day and region, or its day and area.
    """
    where = "area" if pd.isna(old.region_id) else "region_id"
    alike = (now["event_date"] == old.event_date) & (now[where] == getattr(old, where))
    again = now[(now["incident_id"] == old.incident_id) | alike]
    marked = {one for row in again["regions"].dropna() for one in row.split(";")}
    mine = set() if pd.isna(old.regions) else set(str(old.regions).split(";"))
    return len(again) > 0 and (mine & known) <= marked


def _told_as_before(gone: pd.DataFrame, regions: pd.DataFrame, known: set[str]) -> pd.DataFrame:
    """Return attacks of the layer before as they are told today: of old regions by their names."""
    names = dict(zip(regions["region_id"], regions["name"], strict=True))
    own, marked = gone["region_id"], gone["regions"].fillna("").str.split(";")
    kept = [";".join(one for one in ids if one in known) or None for ids in marked]
    lost = own.notna() & ~own.isin(known)
    return gone.assign(
        incident_id=gone["incident_id"].fillna("of the public set before"),
        region_id=own.mask(lost),
        area=gone["area"].mask(lost, own.map(names).fillna(own)),
        regions=pd.Series(kept, index=gone.index, dtype="str"),
    )


def tell_cleared(
    attacks: pd.DataFrame, decisions: Sequence[Decision], *, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Return the attacks with why each was cleared, and by whom, where an analyst has cleared it.

    Parameters
    ----------
    attacks : DataFrame
        :data:`riskmap.panels.attacks.ATTACK_COLUMNS`.
    decisions
        Those that clear an attack of a region, until a day.
    as_of
        The day of the layer.
    """
    where = attacks["region_id"].fillna(attacks["regions"]).fillna("")
    told = [
        "; ".join(
            f"{one.layer}: {one}"
            for one in decisions
            if one.region_id in own.split(";")
            and _clears(one, row, one.region_id, one.layer, as_of=as_of)
        )
        or None
        for row, own in zip(attacks.itertuples(), where, strict=True)
    ]
    return conform(attacks.assign(cleared=pd.Series(told, dtype="str")), ATTACK_COLUMNS)


def _clears(
    decision: Decision, attack: Any, region: str, layer: str, *, as_of: pd.Timestamp
) -> bool:
    """Return whether a decision takes an attack from a region and layer on a day."""
    known = attack.until - pd.Timedelta(days=default_rules().attack_days)
    return decision.takes(
        attack.incident_id, region, layer, kind=ATTACKED, known=known, as_of=as_of
    )


def raise_attacked(
    risks: pd.DataFrame,
    attacks: pd.DataFrame,
    *,
    decisions: Sequence[Decision] = (),
    as_of: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return risks in which nobody reads "low" after an attack on the group.

    Where an attack holds levels up, ``group``, ``foreign`` and ``violence`` are at least moderate,
    and ``attacked`` says why; that no attack is told from there is then left out.

    Parameters
    ----------
    risks : DataFrame
        Judged by everything else.
    attacks : DataFrame
        From :func:`riskmap.panels.attacks.find_attacks`.
    decisions
        Those that clear attacks, each for one region and layer.
    as_of
        The day of the layer.

    Returns
    -------
    risks, audit : DataFrame
    """
    why: dict[tuple[str, str], str] = {}
    for row in attacks[attacks["regions"].notna()].itertuples():
        day, until = (f"{one:%Y-%m-%d}" for one in (row.event_date, row.until))
        text = f"attack {row.incident_id} of {day}, until {until}"
        for region in str(row.regions).split(";"):
            for layer in risks["layer"].unique():
                if not any(_clears(one, row, region, layer, as_of=as_of) for one in decisions):
                    why.setdefault((region, layer), text)
    keys = pd.Series(list(zip(risks["region_id"], risks["layer"], strict=True)), index=risks.index)
    attacked = keys.isin(why).to_numpy()
    low = attacked & (risks["risk_level"].to_numpy(dtype=np.int64) < FLOOR)
    audit = audit_lines(
        risks[low], "attacked", [f"{why[key]}: at least moderate" for key in keys[low]]
    )
    told = risks["attacks_told"].mask(attacked & (risks["attacks_told"] == 0).to_numpy(bool))
    return _raised(risks.assign(attacked=attacked, attacks_told=told), low, FLOOR), audit


def raise_violence(
    risks: pd.DataFrame, scale: LevelScale, *, horizon_days: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return risks in which violence is at least what foreigners alone face.

    An attack on foreigners is violence, so that violence is at least as probable: its level is no
    lower than the one that their probability gives on its own scale; where nobody watches
    violence, if that is moderate or more. Where the level of foreigners was capped, since one
    source alone tells of the attacks, their probability raises no watched violence.

    Parameters
    ----------
    risks : DataFrame
        With layers ``violence`` and ``foreign``.
    scale : LevelScale
        The thresholds.
    horizon_days
        What the probabilities are over.

    Returns
    -------
    risks, audit : DataFrame
    """
    wide = (risks["layer"] == "violence").to_numpy()
    foreign = risks[risks["layer"] == "foreign"].set_index("region_id")
    p_any = foreign["p_any"].reindex(risks["region_id"]).to_numpy(dtype=float)
    level = scale.level_of(p_any, layer="violence", horizon_days=horizon_days)
    blind = (risks["data_sufficiency"] == "insufficient").to_numpy()
    now, own = (risks[name].to_numpy(dtype=float) for name in ("risk_level", "p_any"))
    capped = (foreign["risk_level"] < foreign["threshold_level"]).reindex(risks["region_id"])
    is_told = np.where(blind, level >= FLOOR, ~capped.to_numpy(dtype=bool))
    low = wide & is_told & ((now < level) | (np.nan_to_num(own) < p_any))
    level = np.maximum(level, now.astype(np.int64))
    why = "violence is at least as probable as attacks on foreigners"
    audit = audit_lines(risks[low], "foreign", why)
    audit["rule"] = audit["rule"].mask(blind[low], "at_least")
    is_blind = risks["at_least"] | (low & blind)
    raised = risks.assign(at_least=is_blind, p_any=risks["p_any"].mask(low, p_any))
    return _raised(raised, low, level), audit


def _raised(risks: pd.DataFrame, rows: NDArray[np.bool_], level: IntArray | int) -> pd.DataFrame:
    """Return risks with some levels raised, their names and spans with them."""
    new = np.where(rows, level, risks["risk_level"].to_numpy(dtype=np.int64)).astype(np.int64)
    low, high = (risks[name].astype("Int64") for name in ("level_low", "level_high"))
    high = high.mask(rows & risks["at_least"].to_numpy(bool), len(NAMES) - 1)
    least = pd.Series(new, index=risks.index)
    return risks.assign(
        risk_level=new,
        level_name=NAMES[new],
        level_low=low.mask(rows, least).astype("Int64"),
        level_high=high.where(~(rows & (high.fillna(0) < new)), least),
    )
