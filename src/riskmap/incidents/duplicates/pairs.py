"""Which reports are compared at all: near in time and space, of the same text, or alike in both."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process
from scipy import spatial

from riskmap.incidents.duplicates.agreements import CURATED, PROOF_LENGTH, Facts, are_apart
from riskmap.incidents.duplicates.points import (
    ACTOR_SAME,
    ENOUGH,
    KM_PER_DEGREE,
    NATION_SAME,
    REACH_KM,
    TOLL,
    count_days,
    score_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import IntArray

#: For a feed that corrects itself, reports of other days are compared when so many characters of
#: their text begin alike.
OPENING = 50

#: What more rows than this have in common, such as a day and country, singles none of them out.
COMMON = 300

#: Characters from which on the first words of a text single it out.
BEGIN_LENGTH = 20
#: Texts that prove that two rows are copies also prove reprints when they are as alike (0 to 100).
REPRINT_ALIKE = 95.0
#: How many of the texts that sort next to it a text is compared with, in a crowd.
NEIGHBOURS = 20

#: What reports of one incident tell each other, with the points that it may bring.
POOLED = {"actor": ACTOR_SAME, "nationality": NATION_SAME}

#: Rows that are looked at at once.
BLOCK = 20_000

_DIGIT = re.compile(r"\d")
_PLACE = ["country", "region_id", "admin1", "admin2", "place"]
_ALIKE = ["event_date", "event_date_end", *_PLACE, *TOLL]


def name_copies(table: gpd.GeoDataFrame, text: list[str]) -> pd.DataFrame:
    """Return what copies have in common: the text in plain words, the day, the place, the toll."""
    where = shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=4)
    return table[_ALIKE].assign(text=pd.array(text, dtype="str"), where=where)


def find_copies(table: gpd.GeoDataFrame, keys: pd.DataFrame) -> IntArray:
    """Return for each row the one whose copy it is, itself for most.

    Copies have the same text, day, place and toll, and come from feeds that nobody has curated,
    whatever the source and file: a story that is printed 500 times is one story. A short text, or a
    day that isn't known, is no proof: lists of victims repeat them. `keys` are what
    :func:`name_copies` returned.
    """
    proof = _can_prove(table, keys["text"])
    order = table.sort_values(["source", "source_file", "source_row"]).index.to_numpy()
    rows = order[proof[order]]
    groups = keys.iloc[rows].assign(row=rows).groupby([*keys.columns], dropna=False, sort=False)
    copy_of = np.arange(len(table))
    copy_of[rows] = groups["row"].transform("first").to_numpy()
    return copy_of


def find_reprints(table: gpd.GeoDataFrame, keys: pd.DataFrame, copy_of: IntArray) -> IntArray:
    """Return pairs of rows that tell of the same day, place and toll in nearly the same words.

    Numbers in the text must be the same: two incidents of one day may be told in one form of words.
    """
    first = copy_of == np.arange(len(table))
    some = np.flatnonzero(first & _can_prove(table, keys["text"]))
    text = keys["text"].tolist()
    told = [text[row] for row in some]
    numbers = [" ".join(word for word in words.split() if _DIGIT.search(word)) for words in told]
    same = keys.drop(columns="text").iloc[some].assign(numbers=numbers)
    group = same.groupby(list(same.columns), dropna=False, sort=False).ngroup().to_numpy()
    order = np.argsort(group, kind="stable")
    crowds = np.split(some[order], np.flatnonzero(np.diff(group[order])) + 1)
    found = [pair for rows in crowds if len(rows) > 1 for pair in _near_texts(rows, text)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _near_texts(rows: IntArray, text: list[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows with nearly the same text; in a crowd only among those that sort near."""
    ordered = sorted(rows.tolist(), key=lambda row: text[row])
    reach = len(ordered) if len(ordered) <= COMMON else NEIGHBOURS
    for at, row in enumerate(ordered):
        others = ordered[at + 1 : at + 1 + reach]
        hits = process.extract_iter(
            text[row], [text[k] for k in others], scorer=fuzz.ratio, score_cutoff=REPRINT_ALIKE
        )
        yield from ((row, others[k]) for _, _, k in hits)


def _can_prove(table: gpd.GeoDataFrame, text: pd.Series) -> NDArray[np.bool_]:
    """Return which rows' texts can prove something."""
    proof = (table["date_precision"] == "day") & ~table["source"].isin(CURATED)
    return np.asarray(proof, dtype=bool) & (text.str.len() >= PROOF_LENGTH).to_numpy(bool)


def pairs_of_days(
    table: gpd.GeoDataFrame, text: list[str], rows: IntArray, release: IntArray
) -> IntArray:
    """Return pairs of rows of neighbouring days that may be one incident.

    Pairs are made and judged block by block, so that their number needs no memory.

    Parameters
    ----------
    table
        The Incidents table.
    text
        Its notes in plain words.
    rows
        Those that are compared.
    release
        What each row of the table is of; rows of one release are never compared.
    """
    return _likely(table, text, release, chain(_near(table, rows), map(_of_a_day, [table], [rows])))


def pairs_of_openings(
    table: gpd.GeoDataFrame, text: list[str], rows: IntArray, release: IntArray
) -> IntArray:
    """Return pairs of rows whose texts begin alike that may be one incident.

    Parameters
    ----------
    table, text, rows, release
        As for :func:`pairs_of_days`.
    """
    return _likely(table, text, release, map(_opening, [table], [text], [rows]))


def _likely(
    table: gpd.GeoDataFrame, text: list[str], release: IntArray, blocks: Iterable[IntArray]
) -> IntArray:
    """Return the pairs that are one incident, or would be if more were known of the two."""
    found = [np.empty((0, 2), dtype=np.int64)]
    several = len(release) > 0 and (release != release[0]).any()
    for pairs in blocks if several else ():
        apart = pairs[release[pairs[:, 0]] != release[pairs[:, 1]]]
        points = score_among(table, text, apart) + _gains(table, apart)
        likely = apart[points >= ENOUGH]
        found.append(likely[~are_apart_among(table, text, likely)])
    return np.unique(np.concatenate(found), axis=0)


def score_among(table: gpd.GeoDataFrame, text: list[str], pairs: IntArray) -> NDArray[np.float64]:
    """Return the points of each pair of a few rows of a table."""
    if not len(pairs):
        return np.zeros(0)
    rows, pair = np.unique(pairs, return_inverse=True)
    return score_pairs(table.iloc[rows], [text[row] for row in rows], pair.reshape(pairs.shape))


def are_apart_among(table: gpd.GeoDataFrame, text: list[str], pairs: IntArray) -> NDArray[np.bool_]:
    """Return which pairs of a few rows of a table can't be one incident."""
    rows, pair = np.unique(pairs, return_inverse=True)
    facts = Facts.of(table.iloc[rows], [text[row] for row in rows])
    return are_apart(facts, pair.reshape(pairs.shape))


def _gains(table: gpd.GeoDataFrame, pairs: IntArray) -> NDArray[np.float64]:
    """Return the points that pairs may still gain by what other reports know of either."""
    guessed = ";" + table["derived"].fillna("") + ";" if "derived" in table else None
    total = np.zeros(len(pairs))
    for name, points in POOLED.items():
        is_open = table[name].isna()
        if guessed is not None:
            is_open |= guessed.str.contains(f";{name};", regex=False)
        total += points * is_open.to_numpy(bool)[pairs].any(axis=1)
    return total


def _near(table: gpd.GeoDataFrame, rows: IntArray) -> Iterator[IntArray]:
    """Yield pairs of rows that begin within a day of each other and lie within reach."""
    where = table.geometry.to_numpy()[rows]
    day = count_days(table)[rows]
    x, y = shapely.get_x(where), shapely.get_y(where)
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(day))
    there = there[np.argsort(day[there], kind="stable")]
    scale = KM_PER_DEGREE / REACH_KM
    at = np.stack([x * np.cos(np.radians(y)) * scale, y * scale, day], axis=1)[there]
    start = 0
    while start < len(at):
        last = at[min(start + BLOCK, len(at)) - 1, 2]
        stop = int(np.searchsorted(at[:, 2], last, side="right"))
        beyond = int(np.searchsorted(at[:, 2], last + 1, side="right"))
        near = spatial.KDTree(at[start:beyond]).query_pairs(
            1.0 + 1e-9, p=np.inf, output_type="ndarray"
        )
        near = near[near.min(axis=1) < stop - start] if len(near) else near.reshape(-1, 2)
        yield np.sort(rows[there[start + near]], axis=1)
        start = stop


def _of_a_day(table: gpd.GeoDataFrame, rows: IntArray) -> IntArray:
    """Return pairs of rows of the same day and country, one of them without coordinates."""
    keys = pd.DataFrame(
        {"country": table["country"].fillna(""), "day": count_days(table)}, index=table.index
    ).iloc[rows]
    there = ~shapely.is_missing(table.geometry.to_numpy())
    return _alike(keys[np.isfinite(keys["day"])], some=~there)


def _opening(table: gpd.GeoDataFrame, text: list[str], rows: IntArray) -> IntArray:
    """Return pairs of rows of one source whose texts begin alike."""
    opening = name_openings(table, text).iloc[rows]
    return _alike(opening[opening["text"].notna()])


def name_openings(table: gpd.GeoDataFrame, text: list[str]) -> pd.DataFrame:
    """Return the source, the country and the first words of each row, missing where too few."""
    begin = pd.Series([words[:OPENING] for words in text], index=table.index, dtype="str")
    return pd.DataFrame(
        {
            "source": table["source"],
            "country": table["country"].fillna(""),
            "text": begin.where(begin.str.len() >= BEGIN_LENGTH),
        }
    )


def _alike(keys: pd.DataFrame, *, some: NDArray[np.bool_] | None = None) -> IntArray:
    """Return pairs of rows with the same keys, with at least one of `some` in each."""
    names = list(keys.columns)
    right = keys.assign(row=keys.index)
    right = right[right.groupby(names)["row"].transform("size") <= COMMON]
    left = right if some is None else right[some[right["row"]]]
    both = left.merge(right, on=names)[["row_x", "row_y"]].to_numpy(np.int64)
    return np.sort(both[both[:, 0] != both[:, 1]], axis=1)
