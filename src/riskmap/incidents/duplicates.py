"""Duplicates: reports that tell of the same incident, within a feed and across feeds.

Reports are compared when they are of neighbouring days and close in space. What speaks for one
incident adds up, what speaks against it is taken off, and from :data:`ENOUGH` points on two reports
are one incident. Within one release of a feed (one source and file) rows are different incidents by
the feed's own word, however alike, unless nobody has curated it and they are the same text of the
same day and place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process, utils
from scipy import sparse, spatial

from riskmap.schema import DATE_PRECISIONS, GEO_PRECISIONS, check_incidents

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: What ``quarantine_reason`` says of a report whose incident is counted by another row.
DUPLICATE = "duplicate"

#: Reports are compared when they are a day and so many km apart at most ...
REACH_KM = 50.0

#: ... or, for a feed that corrects itself, when so many characters of their text begin alike.
OPENING = 50

#: Points from which on two reports are one incident. All points were weighed on the incidents of
#: odd years in two releases of one feed, and tried on those of even years.
ENOUGH = 4.0

#: Points for a text that is the same, and likeness (0 to 1) that speaks neither for nor against.
#: Other authors use other words, so between sources unlike texts take nothing off.
TEXT, TEXT_NEUTRAL = 6.0, 0.6

#: Points for places that are known well, up to each distance in km.
NEAR = ((1.0, 2.0), (10.0, 1.0), (REACH_KM, -0.5))

#: Points for tolls that are the same with victims, the same without, and different.
TOLL_SAME, TOLL_NONE, TOLL_OTHER = 2.0, 0.5, -2.0

#: Points for the same and another type of event, and for the same actor.
TYPE_SAME, TYPE_OTHER, ACTOR_SAME = 0.5, -0.5, 1.0

#: Points for the next day, and for another day (a corrected date, where texts begin alike).
NEXT_DAY, OTHER_DAY = -1.0, -3.0

#: Actors whose names are as alike (0 to 100) are the same.
ACTOR_ALIKE = 85.0

#: Feeds whose coders have told incidents apart: their rows are different incidents, even where all
#: that is told is the same (their text may be the title of a yearbook).
CURATED = ("acled", "awsd", "gtd", "ucdp")

#: What more rows than this have in common, such as a day and country, singles none of them out.
COMMON = 300

#: Texts of as many characters can prove that two rows of one release are copies.
PROOF_LENGTH = 20

_TOLL = ("killed", "wounded", "abducted")
_WHO = (
    *("foreign_victims", "nationality", "sector", "staff_type"),
    *("actor", "claimed_by", "attributed_to"),
)
_KM_PER_DEGREE = 111.2
_ALIKE_WITHIN = ["source", "source_file", "event_date", "event_date_end", "place", *_TOLL]


def merge_duplicates(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Mark all but one report of each incident as a duplicate.

    Every row is kept. The report with the best known place and day stands for the incident; it
    takes over what only others know of who was hit and who did it, and counts its sources. The
    others get the ``quarantine_reason`` ``duplicate``, with the id of their incident in
    ``quarantine_detail``, so that :func:`riskmap.locate` counts them as merged. Rows with the same
    id are one incident; all but one get a number behind it.

    The result does not depend on the order of rows.

    Parameters
    ----------
    incidents
        Incidents table, such as several read files in one; ids may occur more than once.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table, sorted by date and id. ``source_count`` is at least the number of
        different sources among an incident's reports: one source counts once however often it
        repeats itself.

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
    usable = np.flatnonzero(table["quarantine_reason"].isna())
    label = np.arange(len(table))
    label[usable] = usable[_clusters(table.iloc[usable].reset_index(drop=True))]
    rank = _rank(table)
    label = _stand(label, rank)
    merged = _pool(table, label, rank)
    told = label != np.arange(len(table))
    merged.loc[told, "quarantine_reason"] = DUPLICATE
    merged.loc[told, "quarantine_detail"] = "of " + table["incident_id"].to_numpy()[label[told]]
    again = table.groupby("incident_id").cumcount()
    numbered = table["incident_id"] + "#" + (again + 1).astype("str")
    merged["incident_id"] = table["incident_id"].where(again == 0, numbered)
    return merged


def _in_order(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the table by date and id, the newest of each id first, whatever order it came in."""
    table = incidents.reset_index(drop=True)
    keys = table.assign(
        refused=table["quarantine_reason"].notna(),
        known=-table.notna().sum(axis=1),
        where=shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=9),
    )
    by = ["event_date", "incident_id", "refused", "ingested_at", "known"]
    rest = ["source_file", "source_row", "notes", "where", *_TOLL]
    newest = [name != "ingested_at" for name in (*by, *rest)]
    return table.iloc[keys.sort_values([*by, *rest], ascending=newest).index].reset_index(drop=True)


def _rank(table: gpd.GeoDataFrame) -> IntArray:
    """Return which report is best: of the newest of each id, the best known place and day."""
    places = {name: i for i, name in enumerate(GEO_PRECISIONS)}
    days = {name: i for i, name in enumerate(DATE_PRECISIONS)}
    keys = (
        np.arange(len(table)),
        -table.notna().sum(axis=1).to_numpy(),
        table["date_precision"].map(days).fillna(len(days)).to_numpy(),
        table["geo_precision"].map(places).fillna(len(places)).to_numpy(),
        table.groupby("incident_id").cumcount().to_numpy() > 0,
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
    known = groups[list(_WHO)].first()
    for name in _WHO:
        merged[name] = known[name].astype(table[name].dtype).reindex(table.index, fill_value=pd.NA)
        merged[name] = merged[name].where(np.isin(table.index, known.index), table[name])
    sources = pd.concat([groups["source"].nunique(), groups["source_count"].max()], axis=1)
    independent = sources["source"] > 1
    count = sources.max(axis=1)[independent].astype("Int64")
    merged.loc[count.index, "source_count"] = count
    return merged


def _clusters(table: gpd.GeoDataFrame) -> IntArray:
    """Return for each row the first row of its cluster."""
    text = [utils.default_process(note) for note in table["notes"].fillna("")]
    release = pd.factorize(pd.MultiIndex.from_frame(table[["source", "source_file"]]))[0]
    if len(release) == 0 or (release == release[0]).all():
        return _certain(table, text)
    pairs = np.unique(np.concatenate([_near(table), _opening_alike(table, text)]), axis=0)
    pairs = pairs[release[pairs[:, 0]] != release[pairs[:, 1]]]
    points = _points(table, text, pairs)
    line = table["source_row"].fillna(0).to_numpy(dtype=np.int64)
    lines = line[pairs].sum(axis=1)  # among equals, files tell of incidents in the same order
    best_first = np.lexsort((pairs[:, 1], pairs[:, 0], lines, -points.round(6)))
    return _join(_certain(table, text), release, pairs[best_first[points[best_first] >= ENOUGH]])


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


def _certain(table: gpd.GeoDataFrame, text: list[str]) -> IntArray:
    """Return for each row the first row that is it without a doubt.

    These are rows with the same id, and rows of one release of a feed that nobody has curated with
    the same text of the same day, place and toll. A short text, or a day that isn't known, is no
    proof: lists of victims repeat them.
    """
    where = shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=4)
    proof = (table["date_precision"] == "day") & ~table["source"].isin(CURATED)
    proof &= pd.Series(text, dtype="str").str.len() >= PROOF_LENGTH
    alike = table[_ALIKE_WITHIN].assign(text=text, where=where, row=np.arange(len(table)))
    by_text = alike[proof].groupby([*_ALIKE_WITHIN, "text", "where"], dropna=False, sort=False)
    row = np.arange(len(table))
    first_alike = row.copy()
    first_alike[proof] = by_text["row"].transform("first")
    first_id = alike.groupby(table["incident_id"], sort=False)["row"].transform("first").to_numpy()
    edges = np.concatenate([np.stack([row, first_alike]), np.stack([row, first_id])], axis=1)
    graph = sparse.coo_array((np.ones(edges.shape[1]), edges), shape=(len(row), len(row)))
    cluster = sparse.csgraph.connected_components(graph, directed=False)[1]
    _, first = np.unique(cluster, return_index=True)
    return np.asarray(first[cluster], dtype=np.int64)


def _near(table: gpd.GeoDataFrame) -> IntArray:
    """Return pairs of rows that begin within a day of each other and lie within reach.

    Rows without coordinates pair with rows of the same day and country.
    """
    day = _days(table)
    x, y = shapely.get_x(table.geometry.to_numpy()), shapely.get_y(table.geometry.to_numpy())
    there = np.isfinite(x) & np.isfinite(y) & np.isfinite(day)
    scale = _KM_PER_DEGREE / REACH_KM
    at = np.stack([x * np.cos(np.radians(y)) * scale, y * scale, day], axis=1)[there]
    found = np.empty((0, 2), dtype=np.int64)
    if there.any():
        near = spatial.KDTree(at).query_pairs(1.0 + 1e-9, p=np.inf, output_type="ndarray")
        found = np.flatnonzero(there)[near]
    when = pd.DataFrame({"country": table["country"].fillna(""), "day": day})
    return np.concatenate([np.sort(found, axis=1), _alike(when[np.isfinite(day)], some=~there)])


def _opening_alike(table: gpd.GeoDataFrame, text: list[str]) -> IntArray:
    """Return pairs of rows of one source whose texts begin alike."""
    opening = pd.DataFrame(
        {
            "source": table["source"],
            "country": table["country"].fillna(""),
            "text": [words[:OPENING] for words in text],
        }
    )
    return _alike(opening[opening["text"].str.len() >= PROOF_LENGTH])


def _alike(keys: pd.DataFrame, *, some: NDArray[np.bool_] | None = None) -> IntArray:
    """Return pairs of rows with the same keys, with at least one of `some` in each."""
    names = list(keys.columns)
    right = keys.assign(row=keys.index)
    right = right[right.groupby(names)["row"].transform("size") <= COMMON]
    left = right if some is None else right[some[right["row"]]]
    both = left.merge(right, on=names)[["row_x", "row_y"]].to_numpy()
    return np.sort(both[both[:, 0] != both[:, 1]], axis=1)


def _days(table: gpd.GeoDataFrame) -> FloatArray:
    """Return the first day of each row as a number, NaN where it is missing."""
    first = table["event_date"]
    days = first.astype("datetime64[s]").astype("int64").to_numpy() / 86_400
    return np.where(first.isna(), np.nan, days)


def _points(table: gpd.GeoDataFrame, text: list[str], pairs: IntArray) -> FloatArray:
    """Return how much speaks for each pair of rows being one incident."""
    i, j = pairs[:, 0], pairs[:, 1]
    points = _text_points(table["source"].to_numpy(), text, i, j)
    points += _place_points(table, i, j)
    toll = table[list(_TOLL)].to_numpy(dtype=float, na_value=np.nan)
    victims = np.nansum(toll, axis=1)
    known = (~np.isnan(toll[i]) & ~np.isnan(toll[j])).any(axis=1)
    same = (np.isnan(toll[i]) | np.isnan(toll[j]) | (toll[i] == toll[j])).all(axis=1)
    alike = np.where(victims[i] + victims[j] > 0, TOLL_SAME, TOLL_NONE)
    points += np.where(known, np.where(same, alike, TOLL_OTHER), 0.0)
    kind = table["event_type"].where(table["event_type"] != "unknown")
    typed = kind.notna().to_numpy()
    code = pd.factorize(kind)[0]
    points += np.where(typed[i] & typed[j], np.where(code[i] == code[j], TYPE_SAME, TYPE_OTHER), 0)
    actor = table["actor"].fillna("").tolist()
    points += np.where(_likeness(actor, i, j, fuzz.token_set_ratio) >= ACTOR_ALIKE, ACTOR_SAME, 0.0)
    apart = np.abs(_days(table)[i] - _days(table)[j])
    return points + np.select([apart == 0, apart == 1], [0.0, NEXT_DAY], OTHER_DAY)


def _text_points(source: Any, text: list[str], i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for likeness of the texts, none where one has no text."""
    alike = (_likeness(text, i, j, fuzz.ratio) + _likeness(text, i, j, fuzz.token_set_ratio)) / 200
    points = TEXT * (alike - TEXT_NEUTRAL) / (1.0 - TEXT_NEUTRAL)
    points = np.where(source[i] == source[j], points, np.maximum(points, 0.0))
    told = np.array([len(words) > 0 for words in text])
    return np.where(told[i] & told[j], points, 0.0)


def _place_points(table: gpd.GeoDataFrame, i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for distance, none where one place is known only to its area."""
    where = table.geometry.to_numpy()
    x, y = shapely.get_x(where), shapely.get_y(where)
    across = (x[i] - x[j]) * np.cos(np.radians(y[i]))
    km = np.hypot(across, y[i] - y[j]) * _KM_PER_DEGREE
    edges = np.array([edge for edge, _ in NEAR])
    worth = np.array([*(points for _, points in NEAR), NEAR[-1][1]])
    exact = table["geo_precision"].fillna("place").isin(("point", "place")).to_numpy()
    points = worth[np.searchsorted(edges, np.nan_to_num(km, nan=np.inf))]
    return np.where(exact[i] & exact[j] & np.isfinite(km), points, 0.0)


def _likeness(words: list[str], i: IntArray, j: IntArray, scorer: Any) -> FloatArray:
    """Return the likeness of pairs of texts, 0 to 100."""
    if not len(i):
        return np.zeros(0)
    pairs = [words[k] for k in i], [words[k] for k in j]
    return np.asarray(process.cpdist(*pairs, scorer=scorer), dtype=float)
