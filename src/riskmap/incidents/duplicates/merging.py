"""Merging: of rows that links join, one report stands for each incident and knows what all know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.incidents.duplicates.candidates import (
    DUPLICATE,
    POOLED,
    Links,
    derived_marks,
    find_earlier,
    find_releases,
    lead_of,
    plain_words,
    write_detail,
)
from riskmap.incidents.duplicates.likeness import (
    ENOUGH,
    SAME_STORY,
    SAME_WORDS,
    SPOT_KM,
    Facts,
    alike_texts,
    are_apart,
    in_other_regions,
    score_pairs,
)
from riskmap.incidents.feeds import CURATED
from riskmap.schema import DATE_PRECISIONS, GEO_PRECISIONS

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import IntArray

#: Rows of one id are one incident when so few days lie between them.
SAME_ID_DAYS = 7

_WHO = (
    *("foreign_victims", "nationality", "sector", "staff_type", "target"),
    *("actor", "claimed_by", "attributed_to"),
)

#: Of these the highest counts; kinds of event that tell nothing; names that are taken together.
_HIGHEST = ("count", "killed", "wounded", "abducted", "foreign_victims")
_VAGUE = ("unknown", "other")
_NAMES = ("region_id", "admin2")


def merge_linked(table: gpd.GeoDataFrame, links: Links) -> gpd.GeoDataFrame:
    """Mark all but one report of each incident, as :func:`riskmap.merge_duplicates` does.

    Parameters
    ----------
    table
        Rows in order (:func:`riskmap.incidents.duplicates.candidates.in_order`), among them all
        that any of them is linked with.
    links
        Their links, by position.
    """
    merged_before, lead = find_earlier(table)
    rank = _rank(table, merged_before)
    table = table.copy()
    table.loc[merged_before, ["quarantine_reason", "quarantine_detail"]] = None
    usable = table["quarantine_reason"].isna().to_numpy()
    own = np.arange(len(table))
    lead = np.where(usable[lead], lead, own)
    keys = [table["incident_id"], _episodes(table)]
    by_id = pd.Series(own).mask(~usable).groupby(keys).transform("first")
    by_id = np.where(usable, by_id.fillna(0).to_numpy(np.int64), own)
    facts, release, pooled = Facts.of(table, plain_words(table)), find_releases(table), table
    of_one_id = np.stack([own, by_id], axis=1)
    of_one_id = of_one_id[~_numbered_alike(facts, of_one_id)]
    certain = np.concatenate([links.certain[usable[links.certain].all(axis=1)], of_one_id])
    likely = links.likely[usable[links.likely].all(axis=1)]
    while True:  # what an incident's reports know together may lead to further reports
        root = _components(np.concatenate([certain, np.stack([own, lead], axis=1)]), len(table))
        label = _stand(
            _join(root, release, facts, _enough(facts.knowing(pooled), table, likely)), rank
        )
        known, pooled = pooled[list(POOLED)], _pool(table, label, rank)
        if known.fillna("").equals(pooled[list(POOLED)].fillna("")):
            return _marked(pooled, label, facts)
        lead = label


def _episodes(table: gpd.GeoDataFrame) -> pd.Series:
    """Return a number that tells rows of one id apart that lie more than a week apart.

    A log that begins its numbers anew has the same id for different incidents. A curated feed has
    not: there the newer row is a revision, whatever day it tells.
    """
    days = table["event_date"].groupby(table["incident_id"]).diff()
    anew = (days > pd.Timedelta(days=SAME_ID_DAYS)) & ~table["source"].isin(CURATED)
    return anew.astype("int64").groupby(table["incident_id"]).cumsum()


def _numbered_alike(facts: Facts, pairs: IntArray) -> NDArray[np.bool_]:
    """Return which pairs have an id in common and are two incidents.

    Offices of one desk number their own rows alike. What a row states of its district, or of its
    day and its toll, is then another; a curated feed revises them.
    """
    i, j = pairs[:, 0], pairs[:, 1]
    toll = facts.toll
    told = ~np.isnan(toll[i]) & ~np.isnan(toll[j])
    revised = (facts.day[i] == facts.day[j]) | ~(told & (toll[i] != toll[j])).any(axis=1)
    return (in_other_regions(facts, i, j) | ~revised) & ~np.isin(facts.source[i], CURATED)


def _enough(facts: Facts, table: gpd.GeoDataFrame, likely: IntArray) -> IntArray:
    """Return the pairs that are one incident by what is known now, the surest first."""
    points = score_pairs(facts, likely)
    pairs, points = likely[points >= ENOUGH], points[points >= ENOUGH]
    line = table["source_row"].fillna(0).to_numpy(dtype=np.int64)
    lines = line[pairs].sum(axis=1)  # among equals, files tell of incidents in the same order
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0], lines, -points.round(6)))]


def _marked(table: gpd.GeoDataFrame, label: IntArray, facts: Facts) -> gpd.GeoDataFrame:
    """Return the table with duplicates marked, ids made unique, by date and id."""
    told = np.flatnonzero(label != np.arange(len(table)))
    merged = table.copy()
    why = _tell_why(
        facts.knowing(table), np.stack([told, label[told]], axis=1), table["incident_id"]
    )
    leads = table["incident_id"].to_numpy(object)[label[told]]
    details = [write_detail(*pair) for pair in zip(leads, why, strict=True)]
    merged.loc[told, "quarantine_reason"] = DUPLICATE
    merged.loc[told, "quarantine_detail"] = pd.array(details, dtype="str")
    merged["incident_id"] = _unique(table["incident_id"])
    return merged.sort_values(["event_date", "incident_id"], kind="stable", ignore_index=True)


def _unique(ids: pd.Series) -> pd.Series:
    """Return ids of which all but the first of each have a number behind them."""
    taken = set(ids)
    again = ids.groupby(ids).cumcount().to_numpy()
    made = ids.to_numpy(object).copy()
    for row in np.flatnonzero(again):
        number = int(again[row]) + 1
        while f"{ids.iloc[row]}#{number}" in taken:
            number += 1
        made[row] = f"{ids.iloc[row]}#{number}"
        taken.add(made[row])
    return pd.Series(made, index=ids.index, dtype="str")


def _rank(table: gpd.GeoDataFrame, merged_before: pd.Series) -> IntArray:
    """Return which report is best: of the newest of each id, the best known place and day."""
    places = {name: i for i, name in enumerate(GEO_PRECISIONS)}
    days = {name: i for i, name in enumerate(DATE_PRECISIONS)}
    keys = (
        np.arange(len(table)),
        -table.notna().sum(axis=1).to_numpy(),
        table["date_precision"].map(days).fillna(len(days)).to_numpy(),
        table["geo_precision"].map(places).fillna(len(places)).to_numpy(),
        table.groupby("incident_id").cumcount().to_numpy() > 0,
        merged_before.to_numpy(bool),
    )
    rank = np.empty(len(table), dtype=np.int64)
    rank[np.lexsort(keys)] = np.arange(len(table))
    return rank


def _stand(label: IntArray, rank: IntArray) -> IntArray:
    """Return for each row the best row of its cluster."""
    order = np.argsort(rank)
    _, first, cluster = np.unique(label[order], return_index=True, return_inverse=True)
    best = np.empty(len(label), dtype=np.int64)
    best[order] = order[first][cluster]
    return best


def _components(edges: IntArray, n: int) -> IntArray:
    """Return for each row the first row that edges lead to."""
    graph = sparse.coo_array((np.ones(len(edges)), edges.T), shape=(n, n))
    cluster = sparse.csgraph.connected_components(graph, directed=False)[1]
    _, first = np.unique(cluster, return_index=True)
    return np.asarray(first[cluster], dtype=np.int64)


def _join(root: IntArray, release: IntArray, facts: Facts, pairs: IntArray) -> IntArray:
    """Join clusters by pairs in their order.

    They stay apart when a release would then be in one twice, or when two of their rows can't be
    one incident.
    """
    parent = root.tolist()

    def find(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    concerned = np.flatnonzero(np.isin(root, root[pairs]))
    rows = pd.Series(concerned).groupby(root[concerned]).agg(list).to_dict()
    held = {first: set(release[some].tolist()) for first, some in rows.items()}
    for i, j in pairs.tolist():
        first, second = sorted((find(i), find(j)))
        if first == second or not held[first].isdisjoint(held[second]):
            continue
        if len(rows[first]) + len(rows[second]) > 2:  # noqa: PLR2004 - the pair itself is judged
            both = np.stack(np.meshgrid(rows[first], rows[second]), axis=-1).reshape(-1, 2)
            if are_apart(facts, both).any():
                continue
        parent[second] = first
        held[first] |= held.pop(second)
        rows[first] += rows.pop(second)
    return np.array([find(row) for row in range(len(parent))], dtype=np.int64)


def _tell_why(facts: Facts, pairs: IntArray, ids: pd.Series) -> list[str]:
    """Return for each pair what the two rows agree on, in words.

    Parameters
    ----------
    facts
        What the rows of a table state.
    pairs
        Positions of rows, two a row.
    ids
        Their ids.
    """
    if not len(pairs):
        return []
    i, j = pairs[:, 0], pairs[:, 1]
    plain = ids.str.replace(r"#\d+$", "", regex=True).to_numpy(object)
    day = np.nan_to_num(facts.day, nan=-1e18)  # undated reports agree in that
    apart = np.abs(day[i] - day[j])
    km = np.where(facts.exact[i] & facts.exact[j], facts.km(i, j), np.nan)
    toll, actor, nation = facts.toll, facts.actor, facts.nation
    known = ~np.isnan(toll[i]) & ~np.isnan(toll[j])
    shares = {
        "same id": plain[i] == plain[j],
        "same day": apart == 0,
        "a day apart": apart == 1,
        "same place": facts.same("place", i, j) | (km <= SPOT_KM),
        "same district": facts.same("admin2", i, j),
        "same words": alike_texts(facts, i, j) >= SAME_WORDS,
        "same story": facts.shared_words(i, j) >= SAME_STORY,
        "same toll": known.any(axis=1) & (~known | (toll[i] == toll[j])).all(axis=1),
        "same nationality": (nation[i] == nation[j]) & (nation[i] != ""),
        "same actor": (actor[i] == actor[j]) & (actor[i] != ""),
    }
    shares["same story"] &= ~shares["same words"]
    shares["same district"] &= ~shares["same place"]
    found = pd.DataFrame(shares)
    return [", ".join(found.columns[row]) or "told as one" for row in found.to_numpy(bool)]


def _pool(table: gpd.GeoDataFrame, label: IntArray, rank: IntArray) -> gpd.GeoDataFrame:
    """Return the table with what all reports of an incident know in the one that stands for it."""
    several = np.flatnonzero(np.bincount(label, minlength=len(label))[label] > 1)
    merged = table.copy()
    if not several.size:
        return merged
    reports = table.iloc[several[np.argsort(rank[several])]]
    groups = reports.groupby(label[reports.index])
    leads = np.isin(table.index, label[several])
    guessed = derived_marks(reports)
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
    told = _confirm(reports, label)
    merged.loc[told.index, "confirmed_by"] = told
    return _pool_evidence(merged, reports, label, taken)


def _confirm(reports: pd.DataFrame, label: IntArray) -> pd.Series:
    """Return the other sources that tell of each incident, with what they can see, by its row."""
    lead = label[reports.index]
    own = reports["source"].reindex(lead).to_numpy(dtype=object)
    other = (reports["source"].fillna("").to_numpy(dtype=object) != own) & (reports.index != lead)
    told = reports.loc[other, "source"].fillna("") + " = " + reports.loc[other, "scope"].fillna("")
    told = pd.concat([told, reports.loc[other, "confirmed_by"].dropna()])
    groups = told.groupby(label[told.index])
    return groups.agg(lambda texts: " | ".join(sorted(set(texts)))).astype("str")


def _pool_evidence(
    merged: gpd.GeoDataFrame, reports: pd.DataFrame, label: IntArray, taken: dict[str, pd.Series]
) -> gpd.GeoDataFrame:
    """Return the table with what is derived of an incident, and the phrases, in its own row."""
    if "derived" not in reports:
        return merged
    marks = derived_marks(reports)
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

    The highest of all tolls counts, and all nationalities that any report names. A kind of event
    that the row itself does not tell is taken from another, and so is a district where it tells no
    spot either. Points for likeness stand on what each row tells itself, so this comes after
    merging.

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
        codes = ";".join(nations.get_group(lead).dropna()).split(";")
        taken["nationality"][lead] = ";".join(sorted(set(codes)))
    kinds = merged["event_type"].iloc[rows].reset_index(drop=True)
    clear = kinds.where(~kinds.isin(_VAGUE)).groupby(own).first()
    taken["event_type"] = clear.fillna(kinds.groupby(own).first())
    first = merged.iloc[np.unique(leads)]
    at_spot = first["geo_precision"].isin(("point", "place")) & first.geometry.notna()
    vague = first[list(_NAMES)].isna().all(axis=1).to_numpy() & ~at_spot.to_numpy()
    shared = merged.copy()
    taken |= {name: groups[name].first()[vague] for name in _NAMES}
    for name, values in taken.items():
        told_by_all = values.astype(shared[name].dtype).array
        shared.iloc[values.index.to_numpy(), shared.columns.get_loc(name)] = told_by_all
    return shared
