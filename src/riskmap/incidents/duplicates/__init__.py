"""Duplicates: reports that tell of the same incident, within a feed and across feeds.

Reports are compared when they are of neighbouring days and close in space. What speaks for one
incident adds up, what speaks against it is taken off, and from
:data:`riskmap.incidents.duplicates.points.ENOUGH` points on two reports are one incident. Within
one release of a feed (one source and file; of articles, one text) rows are different incidents by
the feed's own word, however alike, unless nobody has curated it and they are copies or reprints: a
desk that files six attacks of a day under six ids has counted six. Whatever their points, reports
that state different districts or places, or tell of different things, stay two incidents
(:mod:`riskmap.incidents.duplicates.agreements`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.incidents.duplicates.agreements import CURATED, Facts, are_apart, tell_why
from riskmap.incidents.duplicates.links import (
    DUPLICATE,
    Links,
    find_earlier,
    find_links,
    find_releases,
    in_order,
    lead_of,
    plain_words,
    write_detail,
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
    others get the ``quarantine_reason`` ``duplicate``, with the id of their incident and what both
    agree on in ``quarantine_detail``, so that :func:`riskmap.locate` counts them as merged. Rows
    with the same id of about the same days are one incident; all but one get a number behind it.

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
    keys = [table["incident_id"], _episodes(table)]
    by_id = pd.Series(own).mask(~usable).groupby(keys).transform("first")
    by_id = np.where(usable, by_id.fillna(0).to_numpy(np.int64), own)
    alike = links.certain[usable[links.certain].all(axis=1)]
    certain = np.concatenate([alike, np.stack([own, by_id], axis=1)])
    likely = links.likely[usable[links.likely].all(axis=1)]
    text, release = plain_words(table), find_releases(table)
    facts, pooled = Facts.of(table, text), table
    while True:  # what an incident's reports know together may lead to further reports
        root = _components(np.concatenate([certain, np.stack([own, lead], axis=1)]), len(table))
        label = _stand(_join(root, release, facts, _enough(pooled, text, likely)), rank)
        known, pooled = pooled[list(POOLED)], pool(table, label, rank)
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


#: Rows of one id are one incident when so few days lie between them.
SAME_ID_DAYS = 7


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
    lead = lead_of(merged["quarantine_detail"]).where(told, merged["incident_id"])
    usable = told | merged["quarantine_reason"].isna()
    reports = merged[usable].assign(incident_id=lead).groupby(["incident_id", "source"]).size()
    table = reports.rename("reports").reset_index()
    return table.assign(counted=table["reports"].clip(upper=SOURCE_CAP))


def _marked(table: gpd.GeoDataFrame, label: IntArray, facts: Facts) -> gpd.GeoDataFrame:
    """Return the table with duplicates marked, ids made unique, by date and id."""
    told = np.flatnonzero(label != np.arange(len(table)))
    merged = table.copy()
    why = tell_why(table, facts, np.stack([told, label[told]], axis=1))
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
