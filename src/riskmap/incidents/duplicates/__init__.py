"""Duplicates: reports that tell of the same incident, within a feed and across feeds.

Reports are compared when they are of neighbouring days and close in space. What speaks for one
incident adds up, what speaks against it is taken off, and from
:data:`riskmap.incidents.duplicates.points.ENOUGH` points on two reports are one incident. Within
one release of a feed (one source and file; of articles, one text) rows are different incidents by
the feed's own word, however alike, unless nobody has curated it and they are copies or reprints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import utils
from scipy import sparse

from riskmap.incidents.duplicates.pairs import find_copies, find_pairs, find_reprints
from riskmap.incidents.duplicates.points import TOLL
from riskmap.schema import DATE_PRECISIONS, GEO_PRECISIONS, check_incidents

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import IntArray

#: What ``quarantine_reason`` says of a report whose incident is counted by another row.
DUPLICATE = "duplicate"
_OF = "of "

#: How often one source counts in one incident, however often it tells of it.
SOURCE_CAP = 1

_WHO = (
    *("foreign_victims", "nationality", "sector", "staff_type"),
    *("actor", "claimed_by", "attributed_to"),
)
#: What is pooled and speaks for one incident: more of it may lead to further reports.
_SCORED = ["actor", "nationality"]


def merge_duplicates(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Mark all but one report of each incident as a duplicate.

    Every row is kept. The report with the best known place and day stands for the incident; it
    takes over what only others know of who was hit and who did it, and counts its sources. The
    others get the ``quarantine_reason`` ``duplicate``, with the id of their incident in
    ``quarantine_detail``, so that :func:`riskmap.locate` counts them as merged. Rows with the same
    id are one incident; all but one get a number behind it.

    The result does not depend on the order of rows, and merging it again changes nothing: what was
    one incident stays one, also when newer files are added.

    Parameters
    ----------
    incidents
        Incidents table, such as several read files in one; ids may occur more than once.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table, sorted by date and id. ``source_count`` is at least the number of
        different sources among an incident's reports: one source counts once however often it
        repeats itself. What only ``derive_victims`` knows gives way to what a feed says.

    Raises
    ------
    SchemaError
        When it is not an Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents()
    >>> merged = rm.merge_duplicates(pd.concat([table, table], ignore_index=True))
    >>> len(merged) - len(table), int(merged["quarantine_reason"].isna().sum()) - len(table)
    (416, 0)
    """
    numbers = pd.array([str(i) for i in range(len(incidents))], dtype="str")
    check_incidents(incidents.assign(incident_id=numbers))
    table = _in_order(incidents)
    merged_before, lead = _earlier(table)
    table.loc[merged_before, ["quarantine_reason", "quarantine_detail"]] = None
    usable = np.flatnonzero(table["quarantine_reason"].isna())
    lead = np.where(np.isin(lead, usable), lead, np.arange(len(table)))
    rank = _rank(table, merged_before)
    pooled = table
    while True:  # what an incident's reports know together may lead to further reports
        label = np.arange(len(table))
        known_as_one = np.searchsorted(usable, lead[usable])
        rows = pooled.iloc[usable].reset_index(drop=True)
        label[usable] = usable[_clusters(rows, known_as_one)]
        label = _stand(label, rank)
        known, pooled = pooled[_SCORED], _pool(table, label, rank)
        if known.fillna("").equals(pooled[_SCORED].fillna("")):
            break
        lead = label.copy()
    return _marked(pooled, label)


def count_reports(merged: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return how often each source tells of each incident, and how often it counts.

    Parameters
    ----------
    merged
        What :func:`merge_duplicates` returned.

    Returns
    -------
    pandas.DataFrame
        One row an incident and source, sorted: ``incident_id``, ``source``, ``reports``, and
        ``counted``, which is ``reports`` up to :data:`SOURCE_CAP`.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().iloc[:1]
    >>> count_reports(rm.merge_duplicates(pd.concat([table] * 3, ignore_index=True)))
      incident_id    source  reports  counted
    0  invented:1  invented        3        1
    """
    told = merged["quarantine_reason"] == DUPLICATE
    lead = merged["quarantine_detail"].str.removeprefix(_OF).where(told, merged["incident_id"])
    usable = told | merged["quarantine_reason"].isna()
    reports = merged[usable].assign(incident_id=lead).groupby(["incident_id", "source"]).size()
    table = reports.rename("reports").reset_index()
    return table.assign(counted=table["reports"].clip(upper=SOURCE_CAP))


def _marked(table: gpd.GeoDataFrame, label: IntArray) -> gpd.GeoDataFrame:
    """Return the table with duplicates marked, ids made unique, by date and id."""
    told = label != np.arange(len(table))
    merged = table.copy()
    merged.loc[told, "quarantine_reason"] = DUPLICATE
    merged.loc[told, "quarantine_detail"] = _OF + table["incident_id"].to_numpy()[label[told]]
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


def _in_order(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the table by date and id, the newest of each id first, whatever order it came in."""
    table = incidents.reset_index(drop=True)
    keys = table.assign(
        refused=table["quarantine_reason"].notna(),
        known=-table.notna().sum(axis=1),
        where=shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=9),
    )
    by = ["event_date", "incident_id", "refused", "ingested_at", "known"]
    rest = ["source_file", "source_row", "notes", "where", *TOLL]
    newest = [name != "ingested_at" for name in (*by, *rest)]
    return table.iloc[keys.sort_values([*by, *rest], ascending=newest).index].reset_index(drop=True)


def _earlier(table: gpd.GeoDataFrame) -> tuple[pd.Series, IntArray]:
    """Return which rows an earlier merge has marked, and for each row the one that stands for it.

    A mark whose incident is not in the table any more stays as it is.
    """
    first = table.reset_index().drop_duplicates("incident_id").set_index("incident_id")["index"]
    names = table["quarantine_detail"].where(table["quarantine_reason"] == DUPLICATE)
    found = names.str.removeprefix(_OF).map(first)
    standing = table["quarantine_reason"].isna() | (table["quarantine_reason"] == DUPLICATE)
    marked = found.notna() & found.isin(table.index[standing])
    return marked, np.where(marked, found, table.index).astype(np.int64)


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


def _pool(table: gpd.GeoDataFrame, label: IntArray, rank: IntArray) -> gpd.GeoDataFrame:
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


def _clusters(table: gpd.GeoDataFrame, lead: IntArray) -> IntArray:
    """Return for each row the first row of its cluster."""
    text = [utils.default_process(note) for note in table["notes"].fillna("")]
    release = _releases(table)
    copy_of = find_copies(table, text)
    root = _certain(table, text, copy_of, lead)
    if len(release) == 0 or (release == release[0]).all():
        return root
    pairs, points = find_pairs(table, text, release, copy_of)
    line = table["source_row"].fillna(0).to_numpy(dtype=np.int64)
    lines = line[pairs].sum(axis=1)  # among equals, files tell of incidents in the same order
    best_first = np.lexsort((pairs[:, 1], pairs[:, 0], lines, -points.round(6)))
    return _join(root, release, pairs[best_first])


def _releases(table: gpd.GeoDataFrame) -> IntArray:
    """Return a number for the release each row is of: a source's file, of articles each text."""
    text = table["source_id"].str.replace(r"-\d+$", "", regex=True)
    keys = [table["source"], table["source_file"], text.where(table["source"] == "article", "")]
    return pd.factorize(pd.MultiIndex.from_arrays(keys))[0]


def _certain(
    table: gpd.GeoDataFrame, text: list[str], copy_of: IntArray, lead: IntArray
) -> IntArray:
    """Return for each row the first row that it is without a doubt.

    These are rows with the same id, rows that were one incident before, copies, and reprints.
    """
    row = np.arange(len(table))
    by_id = pd.Series(row).groupby(table["incident_id"].to_numpy(), sort=False).transform("first")
    edges = np.concatenate(
        [
            np.stack([row, copy_of], axis=1),
            np.stack([row, by_id.to_numpy()], axis=1),
            np.stack([row, lead], axis=1),
            find_reprints(table, text, copy_of),
        ]
    )
    graph = sparse.coo_array((np.ones(len(edges)), edges.T), shape=(len(row), len(row)))
    cluster = sparse.csgraph.connected_components(graph, directed=False)[1]
    _, first = np.unique(cluster, return_index=True)
    return np.asarray(first[cluster], dtype=np.int64)


def _join(root: IntArray, release: IntArray, pairs: IntArray) -> IntArray:
    """Join clusters by pairs in their order, unless a release would then be in one twice."""
    parent = root.tolist()

    def find(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    concerned = np.flatnonzero(np.isin(root, root[pairs]))
    held = pd.Series(release[concerned]).groupby(root[concerned]).agg(set).to_dict()
    for i, j in pairs.tolist():
        first, second = sorted((find(i), find(j)))
        if first != second and held[first].isdisjoint(held[second]):
            parent[second] = first
            held[first] |= held.pop(second)
    return np.array([find(row) for row in range(len(parent))], dtype=np.int64)
