"""Floors: what no level falls below, after every threshold, hold and cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.holds import FLOOR
from riskmap.assessment.layers import AUDIT_COLUMNS
from riskmap.schema import conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.decisions import Decision
    from riskmap.assessment.levels import LevelScale
    from riskmap.typing import IntArray

_KEY = ["region_id", "layer"]


def find_cleared(
    attacks: pd.DataFrame, decisions: Sequence[Decision], *, as_of: str
) -> pd.DataFrame:
    """Return the attacks with why each was cleared, where an analyst has cleared it.

    Parameters
    ----------
    attacks : DataFrame
        :data:`riskmap.panels.attacks.ATTACK_COLUMNS`.
    decisions
        Those that clear an attack of a region, until a day.
    as_of
        The day of the layer.
    """
    day = pd.Timestamp(as_of)
    cleared = attacks["cleared"].astype(object) if len(attacks) else pd.Series(dtype=object)
    for decision in decisions:
        if pd.Timestamp(decision.until) <= day:
            continue
        same = attacks["region_id"] == decision.region_id
        if decision.clears != "attacked":
            same &= attacks["incident_id"] == decision.clears
        cleared = cleared.mask(
            same, f"{decision.reason} ({decision.author}, until {decision.until:%Y-%m-%d})"
        )
    return attacks.assign(cleared=cleared.astype("str") if len(attacks) else attacks.get("cleared"))


def raise_attacked(
    risks: pd.DataFrame, attacks: pd.DataFrame, scale: LevelScale
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return risks in which nobody reads "low" after an attack on the group.

    Where an attack holds levels up, ``group``, ``foreign`` and ``violence`` are at least moderate,
    and ``attacked`` says why.

    Parameters
    ----------
    risks : DataFrame
        Judged by everything else.
    attacks : DataFrame
        Those that were not cleared count.
    scale : LevelScale
        For the names of levels.

    Returns
    -------
    risks, audit : DataFrame
    """
    why: dict[str, str] = {}
    for row in attacks[attacks["cleared"].isna()].itertuples():
        for region in str(row.regions).split(";") if pd.notna(row.regions) else ():
            text = (
                f"attack {row.incident_id} of {row.event_date:%Y-%m-%d}, until {row.until:%Y-%m-%d}"
            )
            why.setdefault(region, text)
    attacked = risks["region_id"].isin(why).to_numpy()
    low = attacked & (risks["risk_level"].to_numpy(dtype=np.int64) < FLOOR)
    audit = risks.loc[low, _KEY].assign(
        rule="attacked", detail=risks.loc[low, "region_id"].map(why) + ": at least moderate"
    )
    found = _raised(risks.assign(attacked=attacked), low, FLOOR, scale)
    return found, conform(audit, AUDIT_COLUMNS).reset_index(drop=True)


def raise_violence(
    risks: pd.DataFrame, scale: LevelScale, *, horizon_days: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return risks in which violence is at least what foreigners alone face.

    Where attacks on foreigners are watched and violence is not, violence is at least as probable
    as they are: its level is the one that their probability gives on its own scale, if that is
    moderate or more.

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
    low = wide & blind & (level >= FLOOR) & (risks["risk_level"].to_numpy(np.int64) < level)
    audit = risks.loc[low, _KEY].assign(
        rule="at_least", detail="violence is at least as probable as attacks on foreigners"
    )
    told = {
        name: risks[name].mask(low, foreign[name].reindex(risks["region_id"]).to_numpy())
        for name in ("p_any", "expected_count")
    }
    found = _raised(risks.assign(at_least=risks["at_least"] | low, **told), low, level, scale)
    return found, conform(audit, AUDIT_COLUMNS).reset_index(drop=True)


def _raised(
    risks: pd.DataFrame, rows: NDArray[np.bool_], level: IntArray | int, scale: LevelScale
) -> pd.DataFrame:
    """Return risks with some levels raised, their names and spans with them."""
    names = np.array([step.name for step in scale.levels], dtype=object)
    new = np.where(rows, level, risks["risk_level"].to_numpy(dtype=np.int64)).astype(np.int64)
    top = len(names) - 1
    low, high = (risks[name].astype("Int64") for name in ("level_low", "level_high"))
    wide = rows & risks["at_least"].to_numpy(bool)
    high = high.mask(wide, top)
    return risks.assign(
        risk_level=new,
        level_name=names[new],
        level_low=low.mask(rows, pd.Series(new, index=risks.index)).astype("Int64"),
        level_high=high.where(~(rows & (high.fillna(0) < new)), pd.Series(new, index=risks.index)),
    )
