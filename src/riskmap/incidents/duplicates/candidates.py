"""Candidates: which reports are compared at all, and which pairs may be one incident.

Reports are compared that are near in time and space, of one day and country, or whose texts open
alike. The links of a table are those of its runs of whole days. So they can be found a part at a
time; rows that no chain of links joins are never one incident.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process, utils
from scipy import spatial

from riskmap.incidents.duplicates.likeness import (
    ACTOR_SAME,
    ENOUGH,
    KM_PER_DEGREE,
    NATION_SAME,
    PROOF_LENGTH,
    REACH_KM,
    Facts,
    are_apart,
    count_days,
    score_pairs,
)
from riskmap.incidents.feeds import CURATED
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import IntArray

#: What ``quarantine_reason`` says of a report whose incident is counted by another row.
DUPLICATE = "duplicate"
_OF, _WHY = "of ", r" \([^()]*\)$"

#: For a feed that corrects itself, reports of other days are compared when so many characters of
#: their text begin alike, and there are as many as single an incident out.
OPENING, BEGIN_LENGTH = 50, 20
#: Days by which a report that is told anew may have its day corrected.
CORRECTED_DAYS = 31

#: What more rows than this have in common, such as a day and country, singles none of them out.
COMMON = 300

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
_ALIKE = ["event_date", "event_date_end", *_PLACE, *TOLLS]


@dataclass(frozen=True)
class Links:
    """What may be one incident, by pairs of rows.

    Parameters
    ----------
    certain : ndarray of int, shape (n, 2)
        Copies and reprints.
    likely : ndarray of int, shape (m, 2)
        Rows that are one incident by their points, or would be if more were known of who was hit
        and who did it.
    """

    certain: IntArray
    likely: IntArray


def link_days(table: gpd.GeoDataFrame, usable: IntArray) -> Links:
    """Return the links between rows of the same day or neighbouring days, by position.

    Parameters
    ----------
    table
        Rows of an Incidents table in order (:func:`in_order`): all those of a run of days.
    usable
        Positions of the rows that can be reports of incidents.
    """
    rows = table.iloc[usable].reset_index(drop=True)
    text, release = plain_words(rows), find_releases(rows)
    keys = _name_copies(rows, text)
    copy_of = _find_copies(rows, keys)
    is_copy = copy_of != np.arange(len(rows))
    copies, first = np.flatnonzero(is_copy), np.flatnonzero(~is_copy)
    # pairs are made and judged block by block, so that their number needs no memory
    others = (of(rows, first) for of in (_of_a_day, partial(_of_an_opening, text)))
    blocks = chain(_near(rows, first), others)
    likely = _likely(rows, text, release, blocks)
    reprints = _find_reprints(rows, keys, copy_of)
    certain = np.concatenate([np.stack([copies, copy_of[copies]], axis=1), reprints])
    return Links(usable[certain], usable[likely])


def plain_words(table: gpd.GeoDataFrame) -> list[str]:
    """Return the notes of each row in small letters, without signs."""
    return [utils.default_process(note) for note in table["notes"].fillna("").tolist()]


def find_releases(table: gpd.GeoDataFrame) -> IntArray:
    """Return a key for the release each row is of: a source's file, of articles each text."""
    text = table["source_id"].str.replace(r"-\d+$", "", regex=True)
    of = table[["source", "source_file"]].assign(text=text.where(table["source"] == "article", ""))
    return hash_texts(of)


def hash_texts(table: pd.DataFrame) -> IntArray:
    """Return a key for each row of texts, the same for the same texts everywhere."""
    plain = table.astype(object).where(table.notna(), "\0")
    return pd.util.hash_pandas_object(plain, index=False, categorize=True).to_numpy().view(np.int64)


def in_order(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the table by date and id, the newest of each id first, whatever order it came in."""
    table = incidents.reset_index(drop=True)
    by = ["event_date", "incident_id"]
    order = np.array(table.sort_values(by).index)
    is_twin = table.duplicated(by, keep=False).to_numpy()  # for the others, that was enough
    twins = table[is_twin]
    keys = twins.assign(
        refused=twins["quarantine_reason"].notna(),
        known=-twins.notna().sum(axis=1),
        where=shapely.to_wkt(twins.geometry.to_numpy(), rounding_precision=9),
    )
    by += ["refused", "ingested_at", "known", "source_file", "source_row", "notes", "where", *TOLLS]
    newest = [name != "ingested_at" for name in by]
    order[is_twin[order]] = keys.sort_values(by, ascending=newest).index
    return table.iloc[order].reset_index(drop=True)


def lead_of(details: pd.Series) -> pd.Series:
    """Return the ids of the incidents that details of duplicates name.

    Examples
    --------
    >>> lead_of(pd.Series(["of wire:7 (same day, same place)", None])).tolist()
    ['wire:7', nan]
    """
    return details.str.removeprefix(_OF).str.replace(_WHY, "", regex=True)


def write_detail(lead: str, why: str) -> str:
    """Return the detail of a duplicate: the incident it is of, and what both rows agree on.

    Examples
    --------
    >>> write_detail("wire:7", "same day, same place")
    'of wire:7 (same day, same place)'
    """
    return f"{_OF}{lead} ({why})"


def find_earlier(table: gpd.GeoDataFrame) -> tuple[pd.Series, IntArray]:
    """Return which rows an earlier merge has marked, and for each row the one that stands for it.

    A mark whose incident is not in the table any more stays as it is.
    """
    first = table.reset_index().drop_duplicates("incident_id").set_index("incident_id")["index"]
    names = table["quarantine_detail"].where(table["quarantine_reason"] == DUPLICATE)
    found = lead_of(names).map(first)
    standing = table["quarantine_reason"].isna() | (table["quarantine_reason"] == DUPLICATE)
    marked = found.notna() & found.isin(table.index[standing])
    return marked, np.where(marked, found, table.index).astype(np.int64)


def _name_copies(table: gpd.GeoDataFrame, text: list[str]) -> pd.DataFrame:
    """Return what copies have in common: the text in plain words, the day, the place, the toll."""
    where = shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=4)
    return table[_ALIKE].assign(text=pd.array(text, dtype="str"), where=where)


def _find_copies(table: gpd.GeoDataFrame, keys: pd.DataFrame) -> IntArray:
    """Return for each row the one whose copy it is, itself for most.

    Copies have the same text, day, place and toll, and come from feeds that nobody has curated,
    whatever the source and file: a story that is printed 500 times is one story. A short text, or a
    day that isn't known, is no proof: lists of victims repeat them. `keys` are what
    :func:`_name_copies` returned.
    """
    proof = _can_prove(table, keys["text"])
    order = table.sort_values(["source", "source_file", "source_row"]).index.to_numpy()
    rows = order[proof[order]]
    groups = keys.iloc[rows].assign(row=rows).groupby([*keys.columns], dropna=False, sort=False)
    copy_of = np.arange(len(table))
    copy_of[rows] = groups["row"].transform("first").to_numpy()
    return copy_of


def _find_reprints(table: gpd.GeoDataFrame, keys: pd.DataFrame, copy_of: IntArray) -> IntArray:
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


def _likely(
    table: gpd.GeoDataFrame, text: list[str], release: IntArray, blocks: Iterable[IntArray]
) -> IntArray:
    """Return the pairs that are one incident, or would be if more were known of the two."""
    found = [np.empty((0, 2), dtype=np.int64)]
    several = len(release) > 0 and (release != release[0]).any()
    for pairs in blocks if several else ():
        apart = pairs[release[pairs[:, 0]] != release[pairs[:, 1]]]
        if not len(apart):
            continue
        rows, pair = np.unique(apart, return_inverse=True)
        pair = pair.reshape(apart.shape)
        facts = Facts.of(table.iloc[rows], [text[row] for row in rows])
        likely = score_pairs(facts, pair) + _gains(table, apart) >= ENOUGH
        found.append(apart[likely][~are_apart(facts, pair[likely])])
    return np.unique(np.concatenate(found), axis=0)


def _gains(table: gpd.GeoDataFrame, pairs: IntArray) -> NDArray[np.float64]:
    """Return the points that pairs may still gain by what other reports know of either."""
    guessed, total = derived_marks(table), np.zeros(len(pairs))
    for name, points in POOLED.items():
        is_open = table[name].isna() | guessed.str.contains(f";{name};", regex=False)
        total += points * is_open.to_numpy(bool)[pairs].any(axis=1)
    return total


def derived_marks(table: pd.DataFrame) -> pd.Series:
    """Return the columns that each row has from its notes alone, each between two ``;``."""
    if "derived" not in table:
        return pd.Series("", index=table.index, dtype="str")
    return ";" + table["derived"].fillna("") + ";"


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


def _of_an_opening(text: list[str], table: gpd.GeoDataFrame, rows: IntArray) -> IntArray:
    """Return pairs of rows of the same source and country whose texts begin alike.

    A report that is told anew has its day corrected, by a month at most; a short text, or one of
    nobody who was hit, may be a form of words. Only those who tell incidents apart by ids of their
    own correct days by more.
    """
    begin = pd.Series([words[:OPENING] for words in text], index=table.index, dtype="str")
    keys = table[["source"]].assign(country=table["country"].fillna(""), text=begin).iloc[rows]
    pairs = _alike(keys[keys["text"].str.len() >= BEGIN_LENGTH])
    apart = np.abs(np.subtract(*count_days(table)[pairs.T]))
    coded = table["source"].isin(CURATED).to_numpy(bool)[pairs[:, 0]]
    long = np.array([len(words) >= PROOF_LENGTH for words in text], dtype=bool)
    single = long & (table[list(TOLLS)].fillna(0).sum(axis=1) > 0).to_numpy(bool)
    near = (apart <= 1) | (single[pairs].all(axis=1) & ~(apart > CORRECTED_DAYS))
    return pairs[coded | near]


def _alike(keys: pd.DataFrame, *, some: NDArray[np.bool_] | None = None) -> IntArray:
    """Return pairs of rows with the same keys, with at least one of `some` in each."""
    names = list(keys.columns)
    right = keys.assign(row=keys.index)
    right = right[right.groupby(names)["row"].transform("size") <= COMMON]
    left = right if some is None else right[some[right["row"]]]
    both = left.merge(right, on=names)[["row_x", "row_y"]].to_numpy(np.int64)
    return np.sort(both[both[:, 0] != both[:, 1]], axis=1)
