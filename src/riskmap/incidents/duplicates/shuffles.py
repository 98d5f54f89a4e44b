"""Shuffles: merging duplicates among rows that do not fit into memory.

Links are found in runs of days and among texts that open alike, each a part of the rows. Rows that
chains of links join are then read again together: only they can be one incident. What is held is
one run of days, and three numbers a link.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from riskmap.incidents.duplicates import merge_linked
from riskmap.incidents.duplicates.links import (
    Links,
    find_earlier,
    in_order,
    link_days,
    link_openings,
)
from riskmap.incidents.duplicates.pairs import COMMON
from riskmap.incidents.duplicates.stores import NO_DAY, PLACE_BITS, read_days, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from riskmap.incidents.duplicates.stores import StoredPart
    from riskmap.typing import IntArray, Mapper

#: Rows that are compared, and keys that are looked at, at once.
ROWS, KEYS = 200_000, 4_000_000

_ROW = "stored_row"
_NONE = np.empty((0, 2), dtype=np.int64)


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
    ids = np.concatenate([_NONE, *mapper(partial(_link_ids, parts), _ranges(parts, "ids"))])
    awake = _find_awake(parts, ids, mapper)
    several = len(frozenset().union(*(part.releases for part in parts))) > 1
    days = []
    if several or not all(part.curated for part in parts):
        days = list(mapper(partial(_link_days, parts, awake), _runs(parts)))
    certain = np.concatenate([_NONE, *(links.certain for links in days)])
    copies = np.unique(np.concatenate([_NONE[:, 0], *(links.copies for links in days)]))
    likely = [links.likely for links in days]
    if several:
        asleep = np.setdiff1d(np.concatenate([part.marks for part in parts]), awake)
        left_out = np.union1d(copies, asleep)
        alike = mapper(partial(_open_alike, parts, left_out), _ranges(parts, "openings"))
        groups = _pack(np.concatenate([_NONE, *alike]))
        likely += mapper(partial(_link_openings, parts), [rows for rows, _ in groups])
    edges = np.concatenate([ids, certain, *likely])
    first, second = len(ids), len(ids) + len(certain)
    return [
        Bin(
            rows,
            certain=edges[joined[(joined >= first) & (joined < second)]],
            likely=edges[joined[joined >= second]],
        )
        for rows, joined in _pack(edges, since=since)
    ]


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
    return merge_linked(table, Links(place(rows.certain), likely, rows.rows[:0]))


def _read_in_order(
    parts: Sequence[StoredPart], rows: IntArray
) -> tuple[gpd.GeoDataFrame, IntArray]:
    """Return rows in the order in which they are merged, and their numbers."""
    table = in_order(read_rows(parts, rows).assign(**{_ROW: rows}))
    numbers = table[_ROW].to_numpy()
    return table.drop(columns=_ROW), numbers


def _ranges(parts: Sequence[StoredPart], name: str) -> list[tuple[str, int, int]]:
    """Return ranges of keys, each of about as many as are looked at at once."""
    n = max(1, -(-sum(len(part.keys(name)) for part in parts) // KEYS))
    edges = [-(2**63) + 2**64 * k // n for k in range(n + 1)]
    return [(name, start, stop - 1) for start, stop in pairwise(edges)]


def _read_keys(parts: Sequence[StoredPart], wanted: tuple[str, int, int]) -> IntArray:
    """Return the keys of all parts within a range, in order."""
    name, first, last = wanted
    found = []
    for part in parts:
        keys = part.keys(name)
        start = np.searchsorted(keys[:, 0], first, side="left")
        found.append(keys[start : np.searchsorted(keys[:, 0], last, side="right")])
    whole = np.concatenate(found)
    return whole[np.lexsort((whole[:, -1], whole[:, 0]))]


def _link_ids(parts: Sequence[StoredPart], wanted: tuple[str, int, int]) -> IntArray:
    """Return pairs of rows that follow on each other among those of the same id."""
    keys = _read_keys(parts, wanted)
    same = (keys[1:, 0] == keys[:-1, 0]) & (keys[1:, 1] != keys[:-1, 1])
    return np.stack([keys[:-1, 1][same], keys[1:, 1][same]], axis=1)


def _find_awake(parts: Sequence[StoredPart], ids: IntArray, mapper: Mapper) -> IntArray:
    """Return the rows that an earlier merge has marked, and whose incident is there."""
    if not any(len(part.marks) for part in parts):
        return _NONE[:, 0]
    found = mapper(partial(_awake_among, parts), [rows for rows, _ in _pack(ids)])
    return np.sort(np.concatenate([_NONE[:, 0], *found]))


def _awake_among(parts: Sequence[StoredPart], rows: IntArray) -> IntArray:
    table, numbers = _read_in_order(parts, rows)
    return numbers[find_earlier(table)[0].to_numpy()]


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


def _link_days(parts: Sequence[StoredPart], awake: IntArray, run: tuple[int, int]) -> Links:
    """Return the links of a run of days, and of its last day to the day after."""
    first, last = run
    table, rows = read_days(parts, first, last + (last != NO_DAY))
    table = in_order(table.assign(**{_ROW: rows}))
    rows = table.pop(_ROW).to_numpy()
    usable = table["quarantine_reason"].isna().to_numpy() | np.isin(rows, awake)
    links = link_days(table, np.flatnonzero(usable))
    return Links(rows[links.certain], rows[links.likely], rows[links.copies])


def _open_alike(
    parts: Sequence[StoredPart], left_out: IntArray, wanted: tuple[str, int, int]
) -> IntArray:
    """Return pairs of rows that follow on each other among those whose texts open alike.

    Openings of one release alone, and of crowds, are left out.
    """
    keys = _read_keys(parts, wanted)
    keys = keys[~np.isin(keys[:, 2], left_out)]
    starts = np.flatnonzero(np.diff(keys[:, 0], prepend=keys[:1, 0] - 1))
    size = np.diff(starts, append=len(keys))
    differ = keys[:, 1] != np.repeat(keys[starts, 1], size)
    several = np.logical_or.reduceat(differ, starts) if len(starts) else differ
    kept = np.repeat(several & (size <= COMMON), size)
    first = np.repeat(starts, size)
    return np.stack([keys[first, 2], keys[:, 2]], axis=1)[kept]


def _link_openings(parts: Sequence[StoredPart], rows: IntArray) -> IntArray:
    """Return the likely pairs among all rows of some openings."""
    table, numbers = _read_in_order(parts, rows)
    return numbers[link_openings(table, np.arange(len(table)))]


def _pack(edges: IntArray, *, since: int = 0) -> list[tuple[IntArray, IntArray]]:
    """Return the rows that edges join, as many at a time as are compared at once, and their edges.

    No edge joins rows of two packs. Rows of parts before `since` that no edges join to later ones
    are left out. Rows are ascending, edges are given by their positions in `edges`.
    """
    rows, edge = np.unique(edges, return_inverse=True)
    edge = edge.reshape(-1, 2)
    graph = sparse.coo_array((np.ones(len(edge)), edge.T), shape=(len(rows), len(rows)))
    cluster = sparse.csgraph.connected_components(graph, directed=False)[1]
    is_fresh = np.bincount(cluster, rows >> PLACE_BITS >= since) > 0
    size = np.bincount(cluster) * is_fresh
    pack_of = np.where(is_fresh, (np.cumsum(size) - 1) // ROWS, -1)
    packs, number = np.unique(pack_of[cluster], return_inverse=True)
    of_row, of_edge = (
        np.split(
            np.argsort(which, kind="stable"), np.bincount(which, minlength=len(packs)).cumsum()
        )
        for which in (number, number[edge[:, 0]])
    )
    both = zip(packs, of_row[:-1], of_edge[:-1], strict=True)
    return [(rows[some], joined) for pack, some, joined in both if pack >= 0]
