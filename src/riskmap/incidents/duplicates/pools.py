"""What all reports of an incident know together, in the row that stands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.incidents.duplicates.links import DUPLICATE, lead_of

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import IntArray

_WHO = (
    *("foreign_victims", "nationality", "sector", "staff_type", "target"),
    *("actor", "claimed_by", "attributed_to"),
)

#: Of these the highest counts; kinds of event that tell nothing; names that are taken together.
_HIGHEST = ("killed", "wounded", "abducted", "foreign_victims")
_VAGUE = ("unknown", "other")
_NAMES = ("region_id", "admin2")


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
    return _pool_evidence(merged, reports, label, taken)


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


def share_knowledge(merged: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return merged incidents with what their duplicates tell beyond them.

    The highest of all tolls counts, and all nationalities that any report names; a kind of event
    and a district that the row itself does not tell are taken from another. Points for likeness
    stand on what each row tells itself, so this comes after merging.

    Parameters
    ----------
    merged
        What :func:`riskmap.merge_duplicates` returned.

    Examples
    --------
    >>> import riskmap as rm
    >>> rows = rm.datasets.incidents().iloc[[0, 0]].reset_index(drop=True)
    >>> rows.loc[1, "killed"] = 7
    >>> int(share_knowledge(rm.merge_duplicates(rows))["killed"].max())
    7
    """
    told = np.flatnonzero(merged["quarantine_reason"] == DUPLICATE)
    at = pd.Series(np.arange(len(merged)), index=merged["incident_id"])
    lead = lead_of(merged["quarantine_detail"].iloc[told]).map(at[~at.index.duplicated()])
    told, leads = told[lead.notna()], lead.dropna().to_numpy(np.int64)
    if not len(told):
        return merged
    rows = np.concatenate([np.unique(leads), told])
    own = np.concatenate([np.unique(leads), leads])
    groups = merged.iloc[rows].reset_index(drop=True).groupby(own)
    taken = {name: groups[name].max() for name in _HIGHEST}
    nations = groups["nationality"]
    several = nations.nunique().ge(2)
    taken["nationality"] = nations.first()
    for lead in several.index[several]:
        taken["nationality"][lead] = _union(nations.get_group(lead))
    kinds = merged["event_type"].iloc[rows].reset_index(drop=True)
    clear = kinds.where(~kinds.isin(_VAGUE)).groupby(own).first()
    taken["event_type"] = clear.fillna(kinds.groupby(own).first())
    firsts = {name: groups[name].first() for name in _NAMES}
    vague = groups[list(_NAMES)].nth(0).isna().all(axis=1).to_numpy()
    shared = merged.copy()
    for name, values in taken.items():
        shared[name] = _put(shared[name], values.index, values)
    for name, values in firsts.items():
        shared[name] = _put(shared[name], values.index[vague], values[vague])
    return shared


def _put(column: pd.Series, rows: pd.Index, values: pd.Series) -> pd.Series:
    """Return a column with other values in some rows, by position."""
    changed = column.copy()
    changed.iloc[rows.to_numpy()] = values.astype(column.dtype).array
    return changed


def _union(lists: pd.Series) -> object:
    """Return all codes of lists that are joined by ``;``."""
    codes = {code for text in lists.dropna() for code in text.split(";")}
    return ";".join(sorted(codes)) or pd.NA
