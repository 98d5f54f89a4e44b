"""Stores: rows on disk that can be read again by day, by key and by number, a few at a time.

Each part of an input is one Arrow file, its rows in the order of their days, with sorted keys of
their ids and of what their texts open with beside it. A row's number tells its part and its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import MissingDependencyError
from riskmap.incidents.duplicates.agreements import CURATED
from riskmap.incidents.duplicates.links import DUPLICATE, lead_of, name_releases, plain_words
from riskmap.incidents.duplicates.pairs import name_openings
from riskmap.schema import CRS, INCIDENT_COLUMNS, conform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riskmap.typing import IntArray

#: The day of rows without one.
NO_DAY = int(np.iinfo(np.int64).min)

#: The part of a row's number that tells its place in its part.
PLACE_BITS = 32

_CHUNK = 20_000


@dataclass(frozen=True)
class StoredPart:
    """A part of the input on disk.

    Parameters
    ----------
    path
        The Arrow file; keys lie beside it.
    number
        The part's number.
    days, rows_of_day : ndarray of int
        The days that occur, and how many rows each has.
    releases
        What tells its releases apart, as keys.
    marks : ndarray of int
        The rows that an earlier merge has marked.
    curated
        Whether all of it is from feeds that have told their incidents apart.
    """

    path: Path
    number: int
    days: IntArray
    rows_of_day: IntArray
    releases: frozenset[int]
    marks: IntArray
    curated: bool

    def number_rows(self) -> IntArray:
        """Return the numbers of its rows."""
        return (self.number << PLACE_BITS) + np.arange(int(self.rows_of_day.sum()))

    def keys(self, name: str) -> IntArray:
        """Return a table of keys, sorted by the first column; the last one is the row's number."""
        return np.load(self.path.with_suffix(f".{name}.npy"), mmap_mode="r")


def store_part(table: gpd.GeoDataFrame, path: Path, number: int) -> StoredPart:
    """Write a part of the input; a file that is there already is replaced as a whole.

    Parameters
    ----------
    table
        Incidents table.
    path
        Where the Arrow file is to be.
    number
        The part's number.
    """
    day = _days(table)
    order = np.argsort(day, kind="stable")
    table, day = table.iloc[order].reset_index(drop=True), day[order]
    rows = (number << PLACE_BITS) + np.arange(len(table))
    release = _hash(name_releases(table))
    _write(table, path)
    _write_keys(path, "ids", _id_keys(table, rows))
    opening = name_openings(table, plain_words(table))
    usable = table["quarantine_reason"].isna() | (table["quarantine_reason"] == DUPLICATE)
    some = np.flatnonzero(opening["text"].notna() & usable)
    told = [_hash(opening.iloc[some]), release[some], rows[some]]
    _write_keys(path, "openings", np.stack(told, axis=1))
    days, rows_of_day = np.unique(day, return_counts=True)
    return StoredPart(
        path,
        number,
        days,
        rows_of_day,
        frozenset(np.unique(release).tolist()),
        marks=rows[(table["quarantine_reason"] == DUPLICATE).to_numpy(bool)],
        curated=bool(table["source"].isin(CURATED).all()),
    )


def _days(table: pd.DataFrame) -> IntArray:
    return table["event_date"].to_numpy("datetime64[D]").astype(np.int64)


def _id_keys(table: pd.DataFrame, rows: IntArray) -> IntArray:
    """Return keys of the rows' ids, and of those that marks point to: key, row."""
    marks = np.flatnonzero(table["quarantine_reason"] == DUPLICATE)
    ids = [table["incident_id"], lead_of(table["quarantine_detail"].iloc[marks])]
    keys = _hash(pd.concat(ids).fillna("").str.replace(r"(?s)#.*", "", regex=True).to_frame())
    return np.stack([keys, np.concatenate([rows, rows[marks]])], axis=1)


def _hash(table: pd.DataFrame) -> IntArray:
    """Return a key for each row of texts, the same for the same texts everywhere."""
    plain = table.astype(object).where(table.notna(), "\0")
    return pd.util.hash_pandas_object(plain, index=False, categorize=True).to_numpy().view(np.int64)


def _write_keys(path: Path, name: str, keys: IntArray) -> None:
    target = path.with_suffix(f".{name}.npy")
    unfinished = target.with_suffix(".part.npy")
    np.save(unfinished, keys[np.argsort(keys[:, 0], kind="stable")])
    unfinished.replace(target)


def _write(table: gpd.GeoDataFrame, path: Path) -> None:
    pa = _arrow()
    plain = pd.DataFrame(table.drop(columns=table.geometry.name))
    plain["geometry"] = shapely.to_wkb(table.geometry.to_numpy())
    unfinished = path.with_suffix(".part")
    rows = pa.Table.from_pandas(plain, preserve_index=False)
    with pa.ipc.new_file(unfinished, rows.schema) as file:
        file.write_table(rows, max_chunksize=_CHUNK)
    unfinished.replace(path)


def _arrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    return pa


def read_days(
    parts: Sequence[StoredPart], first: int, last: int
) -> tuple[gpd.GeoDataFrame, IntArray]:
    """Return all rows of a run of days, with their numbers.

    Parameters
    ----------
    parts
        The parts.
    first, last
        The days, inclusive.
    """
    numbers = []
    for part in parts:
        ends = np.append(0, part.rows_of_day.cumsum())
        start = ends[np.searchsorted(part.days, first, side="left")]
        stop = ends[np.searchsorted(part.days, last, side="right")]
        numbers.append((part.number << PLACE_BITS) + np.arange(start, stop))
    rows = np.concatenate(numbers)
    return read_rows(parts, rows), rows


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
    tables = [_read(by_number[int(n)], place[part == n]) for n in np.unique(part)]
    if not tables:
        tables = [_read(parts[0], place)]
    whole = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    geometry = shapely.from_wkb(whole.pop("geometry").to_numpy(object))
    return gpd.GeoDataFrame(conform(whole, INCIDENT_COLUMNS), geometry=geometry, crs=CRS)


def _read(part: StoredPart, places: IntArray) -> pd.DataFrame:
    pa = _arrow()
    with pa.memory_map(str(part.path)) as file:
        table = pa.ipc.open_file(file).read_all()
        if len(places) and places[-1] - places[0] == len(places) - 1:
            return table.slice(int(places[0]), len(places)).to_pandas()
        return table.take(pa.array(places)).to_pandas()
