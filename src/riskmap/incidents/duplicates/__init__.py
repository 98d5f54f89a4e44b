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
from scipy import sparse

from riskmap.incidents.duplicates.links import (
    DUPLICATE,
    OF,
    Links,
    find_earlier,
    find_links,
    find_releases,
    in_order,
    plain_words,
)
from riskmap.incidents.duplicates.pairs import POOLED, score_among
from riskmap.incidents.duplicates.points import ENOUGH
from riskmap.incidents.duplicates.pools import pool
from riskmap.schema import DATE_PRECISIONS, GEO_PRECISIONS, check_incidents

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import IntArray

__all__ = ["DUPLICATE", "SOURCE_CAP", "count_reports", "merge_duplicates", "merge_linked"]

#: How often one source counts in one incident, however often it tells of it.
SOURCE_CAP = 1


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
    table = in_order(incidents)
    awake = table["quarantine_reason"].isna() | find_earlier(table)[0]
    return merge_linked(table, find_links(table, np.flatnonzero(awake)))


def merge_linked(table: gpd.GeoDataFrame, links: Links) -> gpd.GeoDataFrame:
    """Mark all but one report of each incident, as :func:`merge_duplicates` does.

    Parameters
    ----------
    table
        Rows in order (:func:`riskmap.incidents.duplicates.links.in_order`), among them all that
        any of them is linked with.
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
    by_id = pd.Series(own).mask(~usable).groupby(table["incident_id"]).transform("first")
    by_id = np.where(usable, by_id.fillna(0).to_numpy(np.int64), own)
    alike = links.certain[usable[links.certain].all(axis=1)]
    certain = np.concatenate([alike, np.stack([own, by_id], axis=1)])
    likely = links.likely[usable[links.likely].all(axis=1)]
    text, release = plain_words(table), find_releases(table)
    pooled = table
    while True:  # what an incident's reports know together may lead to further reports
        root = _components(np.concatenate([certain, np.stack([own, lead], axis=1)]), len(table))
        label = _stand(_join(root, release, _enough(pooled, text, likely)), rank)
        known, pooled = pooled[list(POOLED)], pool(table, label, rank)
        if known.fillna("").equals(pooled[list(POOLED)].fillna("")):
            return _marked(pooled, label)
        lead = label


def _enough(table: gpd.GeoDataFrame, text: list[str], likely: IntArray) -> IntArray:
    """Return the pairs that are one incident by what is known now, the surest first."""
    points = score_among(table, text, likely)
    pairs, points = likely[points >= ENOUGH], points[points >= ENOUGH]
    line = table["source_row"].fillna(0).to_numpy(dtype=np.int64)
    lines = line[pairs].sum(axis=1)  # among equals, files tell of incidents in the same order
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0], lines, -points.round(6)))]


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
    lead = merged["quarantine_detail"].str.removeprefix(OF).where(told, merged["incident_id"])
    usable = told | merged["quarantine_reason"].isna()
    reports = merged[usable].assign(incident_id=lead).groupby(["incident_id", "source"]).size()
    table = reports.rename("reports").reset_index()
    return table.assign(counted=table["reports"].clip(upper=SOURCE_CAP))


def _marked(table: gpd.GeoDataFrame, label: IntArray) -> gpd.GeoDataFrame:
    """Return the table with duplicates marked, ids made unique, by date and id."""
    told = label != np.arange(len(table))
    merged = table.copy()
    merged.loc[told, "quarantine_reason"] = DUPLICATE
    merged.loc[told, "quarantine_detail"] = OF + table["incident_id"].to_numpy()[label[told]]
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
