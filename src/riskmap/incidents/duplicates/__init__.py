"""Duplicates: reports that tell of the same incident, within a feed and across feeds.

Reports are compared when they are of neighbouring days and close in space. What speaks for one
incident adds up, what speaks against it is taken off, and from
:data:`riskmap.incidents.duplicates.likeness.ENOUGH` points on two reports are one incident. Within
one release of a feed (one source and file; of articles, one text) rows are different incidents by
the feed's own word, however alike, unless nobody has curated it and they are copies or reprints: a
desk that files six attacks of a day under six ids has counted six. Whatever their points, reports
that state different districts or places, or tell of different things, stay two incidents
(:mod:`riskmap.incidents.duplicates.likeness`).

Links are found in runs of days, each a part of the rows, and among rows of one id. Rows that chains
of links join are then read again together: only they can be one incident. What is held is one run
of days, and three numbers a link.

Each part of an input holds its rows in the order of their days, and sorted keys of their ids: as
they are in memory, or as an Arrow file. A row's number tells its part and its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.incidents.duplicates.candidates import (
    DUPLICATE,
    Links,
    find_releases,
    hash_texts,
    in_order,
    lead_of,
    link_days,
)
from riskmap.incidents.duplicates.merging import merge_linked
from riskmap.incidents.feeds import CURATED
from riskmap.incidents.parts import import_arrow
from riskmap.schema import INCIDENT_COLUMNS, check_incidents, conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.typing import IntArray, Mapper

#: Rows that are compared, and keys that are looked at, at once.
ROWS, KEYS = 200_000, 4_000_000

#: The day of rows without one.
NO_DAY = int(np.iinfo(np.int64).min)

#: The part of a row's number that tells its place in its part.
PLACE_BITS = 32

_CHUNK = 20_000
_ROW = "stored_row"
_NONE = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True)
class StoredPart:
    """A part of the input, in memory or on disk.

    Parameters
    ----------
    rows
        The Incidents table; or the Arrow file that holds it, beside which its keys lie.
    number
        The part's number.
    days, rows_of_day : ndarray of int
        The days that occur, and how many rows each has.
    releases
        What tells its releases apart, as keys.
    curated
        Whether all of it is from feeds that have told their incidents apart.
    held_keys
        The keys of a part in memory.
    """

    rows: gpd.GeoDataFrame | Path
    number: int
    days: IntArray
    rows_of_day: IntArray
    releases: frozenset[int]
    curated: bool
    held_keys: IntArray | None = None

    def number_rows(self) -> IntArray:
        """Return the numbers of its rows."""
        return (self.number << PLACE_BITS) + np.arange(int(self.rows_of_day.sum()))

    @property
    def keys(self) -> IntArray:
        """The keys of its ids, sorted, and the number of the row of each: key, row."""
        if isinstance(self.rows, Path):
            return np.load(self.rows.with_suffix(".npy"), mmap_mode="r")
        return _NONE if self.held_keys is None else self.held_keys

    def read(self, places: IntArray) -> gpd.GeoDataFrame:
        """Return some of its rows."""
        if isinstance(self.rows, Path):
            return _read_arrow(self.rows, places)
        return self.rows.iloc[places]


def store_part(table: gpd.GeoDataFrame, number: int, path: Path | None = None) -> StoredPart:
    """Return a part of the input, held in memory or written to disk.

    Parameters
    ----------
    table
        Incidents table.
    number
        The part's number.
    path
        Where an Arrow file is to be; one that is there already is replaced as a whole.
    """
    day = table["event_date"].to_numpy("datetime64[D]").astype(np.int64)
    order = np.argsort(day, kind="stable")
    table, day = table.iloc[order].reset_index(drop=True), day[order]
    rows = (number << PLACE_BITS) + np.arange(len(table))
    release = find_releases(table)
    keys = _id_keys(table, rows)
    keys = keys[np.argsort(keys[:, 0], kind="stable")]
    if path is not None:
        _write_arrow(table, path)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, keys)
        unfinished.replace(path.with_suffix(".npy"))
    days, rows_of_day = np.unique(day, return_counts=True)
    return StoredPart(
        table if path is None else path,
        number,
        days,
        rows_of_day,
        frozenset(np.unique(release).tolist()),
        curated=bool(table["source"].isin(CURATED).all()),
        held_keys=keys if path is None else None,
    )


def _id_keys(table: pd.DataFrame, rows: IntArray) -> IntArray:
    """Return keys of the rows' ids, and of those that marks point to: key, row."""
    marks = np.flatnonzero(table["quarantine_reason"] == DUPLICATE)
    ids = [table["incident_id"], lead_of(table["quarantine_detail"].iloc[marks])]
    keys = hash_texts(pd.concat(ids).fillna("").str.replace(r"(?s)#.*", "", regex=True).to_frame())
    return np.stack([keys, np.concatenate([rows, rows[marks]])], axis=1)


def _write_arrow(table: gpd.GeoDataFrame, path: Path) -> None:
    pa = import_arrow()
    rows = pa.table(table.to_arrow(index=False))
    unfinished = path.with_suffix(".part")
    with pa.ipc.new_file(unfinished, rows.schema) as file:
        file.write_table(rows, max_chunksize=_CHUNK)
    unfinished.replace(path)


def _read_arrow(path: Path, places: IntArray) -> gpd.GeoDataFrame:
    """Return some rows of an Arrow file as an Incidents table."""
    pa = import_arrow()
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
        if len(places) and places[-1] - places[0] == len(places) - 1:
            rows = table.slice(int(places[0]), len(places))
        else:
            rows = table.take(pa.array(places))
        return conform(gpd.GeoDataFrame.from_arrow(rows), INCIDENT_COLUMNS)


def read_rows(parts: Sequence[StoredPart], rows: IntArray) -> gpd.GeoDataFrame:
    """Return rows by their numbers, in this order.

    Parameters
    ----------
    parts
        The parts.
    rows
        Numbers, ascending.
    """
    part, place = rows >> PLACE_BITS, rows & ((1 << PLACE_BITS) - 1)
    by_number = {one.number: one for one in parts}
    found = [by_number[int(n)].read(place[part == n]) for n in np.unique(part)]
    found = found or [parts[0].read(place)]
    return (
        pd.concat(found, ignore_index=True) if len(found) > 1 else found[0].reset_index(drop=True)
    )


@dataclass(frozen=True)
class Bin:
    """Rows that may be one incident with each other and with no other, by number, ascending."""

    rows: IntArray
    certain: IntArray
    likely: IntArray


def find_bins(parts: Sequence[StoredPart], mapper: Mapper = map, *, since: int = 0) -> list[Bin]:
    """Return the rows that may be one incident with another, as many at a time as fit in memory.

    Parameters
    ----------
    parts
        The stored input.
    mapper
        Like :func:`map` (the default): what runs the work on each part of the links.
    since
        The number of the first part that has not been merged before: rows of earlier parts are
        compared with those of later ones only.
    """
    ids = np.concatenate([_NONE, *mapper(partial(_link_ids, parts), _ranges(parts))])
    several = len(frozenset().union(*(part.releases for part in parts))) > 1
    days = []
    if several or not all(part.curated for part in parts):
        days = list(mapper(partial(_link_days, parts), _runs(parts)))
    kinds = [
        ids,
        np.concatenate([_NONE, *(links.certain for links in days)]),
        np.concatenate([_NONE, *(links.likely for links in days)]),
    ]
    edges, kind = np.concatenate(kinds), np.repeat([0, 1, 2], [len(some) for some in kinds])
    rows, edge = np.unique(edges, return_inverse=True)
    edge = edge.reshape(-1, 2)
    pack = _pack(edge, rows >> PLACE_BITS >= since)
    of_edge = pack[edge[:, 0]]
    return [
        Bin(
            rows[pack == number],
            certain=edges[(of_edge == number) & (kind == 1)],
            likely=edges[(of_edge == number) & (kind == 2)],  # noqa: PLR2004 - its place in kinds
        )
        for number in np.unique(pack[pack >= 0])
    ]


def _pack(edge: IntArray, is_fresh: NDArray[np.bool_]) -> IntArray:
    """Return a number for each row, the same for about as many as are compared at once.

    No edge joins rows of two numbers. Rows that no edges join to fresh ones have -1.
    """
    n = len(is_fresh)
    graph = sparse.coo_array((np.ones(len(edge)), edge.T), shape=(n, n))
    cluster = sparse.csgraph.connected_components(graph, directed=False)[1]
    counts = np.bincount(cluster, is_fresh) > 0
    pack = (np.cumsum(np.bincount(cluster) * counts) - 1) // ROWS
    return np.asarray(np.where(counts, pack, -1)[cluster])


def merge_bin(parts: Sequence[StoredPart], rows: Bin) -> gpd.GeoDataFrame:
    """Return the rows of a bin, merged.

    Parameters
    ----------
    parts
        The stored input.
    rows
        One of what :func:`find_bins` returned.
    """
    table, numbers = _read_in_order(parts, rows.rows)
    order = np.argsort(numbers)

    def place(links: IntArray) -> IntArray:
        return np.asarray(order[np.searchsorted(rows.rows, links)], dtype=np.int64)

    likely = np.unique(np.sort(place(rows.likely), axis=1), axis=0)
    return merge_linked(table, Links(place(rows.certain), likely))


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
    whole = [store_part(incidents, 0)]
    bins = find_bins(whole)
    linked = np.concatenate([_NONE[:, 0], *(one.rows for one in bins)])
    alone = read_rows(whole, np.setdiff1d(whole[0].number_rows(), linked))
    merged = pd.concat([alone, *(merge_bin(whole, one) for one in bins)], ignore_index=True)
    return merged.sort_values(["event_date", "incident_id"], kind="stable", ignore_index=True)


def _read_in_order(
    parts: Sequence[StoredPart], rows: IntArray
) -> tuple[gpd.GeoDataFrame, IntArray]:
    """Return rows in the order in which they are merged, and their numbers."""
    table = in_order(read_rows(parts, rows).assign(**{_ROW: rows}))
    numbers = table[_ROW].to_numpy()
    return table.drop(columns=_ROW), numbers


def _ranges(parts: Sequence[StoredPart]) -> list[tuple[int, int]]:
    """Return ranges of keys, each of about as many as are looked at at once."""
    n = max(1, -(-sum(len(part.keys) for part in parts) // KEYS))
    edges = [-(2**63) + 2**64 * k // n for k in range(n + 1)]
    return [(start, stop - 1) for start, stop in pairwise(edges)]


def _link_ids(parts: Sequence[StoredPart], wanted: tuple[int, int]) -> IntArray:
    """Return pairs of rows that follow on each other among those of the same id."""
    found = []
    for part in parts:
        keys = part.keys
        start = np.searchsorted(keys[:, 0], wanted[0], side="left")
        found.append(keys[start : np.searchsorted(keys[:, 0], wanted[1], side="right")])
    keys = np.concatenate(found)
    keys = keys[np.lexsort((keys[:, 1], keys[:, 0]))]
    same = (keys[1:, 0] == keys[:-1, 0]) & (keys[1:, 1] != keys[:-1, 1])
    return np.stack([keys[:-1, 1][same], keys[1:, 1][same]], axis=1)


def _runs(parts: Sequence[StoredPart]) -> list[tuple[int, int]]:
    """Return runs of whole days, each of about as many rows as are compared at once."""
    days = np.concatenate([part.days for part in parts])
    counts = np.concatenate([part.rows_of_day for part in parts])
    day, which = np.unique(days, return_inverse=True)
    rows = np.bincount(which, counts).astype(np.int64)
    run = np.cumsum(rows) // ROWS
    run[day == NO_DAY] = -1
    starts = np.flatnonzero(np.diff(run, prepend=-2))
    ends = np.append(starts[1:], len(day)) - 1
    return [(int(day[a]), int(day[b])) for a, b in zip(starts, ends, strict=True)]


def _link_days(parts: Sequence[StoredPart], run: tuple[int, int]) -> Links:
    """Return the links of a run of days, and of its last day to the day after.

    Rows that an earlier merge has marked are reports like any other: merging knows which stand.
    """
    first, last = run
    numbers = []
    for part in parts:
        ends = np.append(0, part.rows_of_day.cumsum())
        start = ends[np.searchsorted(part.days, first, side="left")]
        stop = ends[np.searchsorted(part.days, last + (last != NO_DAY), side="right")]
        numbers.append((part.number << PLACE_BITS) + np.arange(start, stop))
    table, rows = _read_in_order(parts, np.concatenate(numbers))
    usable = table["quarantine_reason"].isna() | (table["quarantine_reason"] == DUPLICATE)
    usable &= table["count"].isna()  # counts of a region and a period are like many and none
    links = link_days(table, np.flatnonzero(usable))
    return Links(rows[links.certain], rows[links.likely])
