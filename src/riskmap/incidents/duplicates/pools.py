"""What all reports of an incident know together, in the row that stands for it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.incidents.scope import Scope

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import IntArray

_WHO = (
    *("foreign_victims", "nationality", "sector", "staff_type"),
    *("actor", "claimed_by", "attributed_to"),
)


def pool(table: gpd.GeoDataFrame, label: IntArray, rank: IntArray) -> gpd.GeoDataFrame:
    """Return the table with what all reports of an incident know in the one that stands for it."""
    several = np.flatnonzero(np.bincount(label, minlength=len(label))[label] > 1)
    merged = table.copy()
    if not several.size:
        return merged
    reports = table.iloc[several[np.argsort(rank[several])]]
    groups = reports.groupby(label[reports.index])
    leads = np.isin(table.index, label[several])
    guessed = _derived(reports)
    taken: dict[str, pd.Series] = {}
    for name in _WHO:
        by_word = guessed.str.contains(f";{name};", regex=False)
        said = reports[name].mask(by_word).groupby(label[reports.index]).first()
        known = said.fillna(groups[name].first())
        taken[name] = said.isna() & known.notna()
        known = known.astype(table[name].dtype).reindex(table.index, fill_value=pd.NA)
        merged[name] = known.where(leads, table[name])
    sources = pd.concat([groups["source"].nunique(), groups["source_count"].max()], axis=1)
    independent = sources["source"] > 1
    count = sources.max(axis=1)[independent].astype("Int64")
    merged.loc[count.index, "source_count"] = count
    widest = reports["scope"].groupby(label[reports.index]).agg(_widest)
    merged.loc[widest.index, "scope"] = widest.astype(table["scope"].dtype)
    return _pool_evidence(merged, reports, label, taken)


def _widest(scopes: pd.Series) -> object:
    """Return the scope that watches most of those of an incident's reports, the best report first.

    What any of its sources sees, an incident can tell.
    """
    told = scopes.dropna().unique()
    return max(told, key=_width) if len(told) else pd.NA


@lru_cache(maxsize=1024)
def _width(scope: str) -> tuple[int, bool, bool]:
    """Return how much a scope watches, to be compared."""
    read = Scope.parse(scope)
    return len(read.layers), not read.deaths_only, not read.sectors


def _derived(reports: pd.DataFrame) -> pd.Series:
    """Return the columns that each row has from its notes alone, each between two ``;``."""
    if "derived" not in reports:
        return pd.Series("", index=reports.index, dtype="str")
    return ";" + reports["derived"].fillna("") + ";"


def _pool_evidence(
    merged: gpd.GeoDataFrame, reports: pd.DataFrame, label: IntArray, taken: dict[str, pd.Series]
) -> gpd.GeoDataFrame:
    """Return the table with what is derived of an incident, and the phrases, in its own row."""
    if "derived" not in reports:
        return merged
    marks = _derived(reports)
    phrases = reports["evidence"].fillna("").str.split(" | ", regex=False)
    cluster = pd.Series(label[reports.index], index=reports.index)
    concerned = cluster.isin(cluster[marks.str.strip(";") != ""])
    for lead, rows in cluster[concerned].groupby(cluster[concerned]).groups.items():
        names = [name for name, by_word in taken.items() if by_word[lead]]
        own = marks[lead].strip(";").split(";")
        kept = [name for name in own if name and name not in taken]
        from_others = [r for r in rows if any(f";{name};" in marks[r] for name in names)]
        found = dict.fromkeys(p for r in (lead, *from_others) for p in phrases[r] if p)
        merged.loc[lead, "derived"] = ";".join([*kept, *names]) or None
        merged.loc[lead, "evidence"] = " | ".join(found) or None
    return merged
