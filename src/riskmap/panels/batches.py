"""Batches: files of any length through the same feeds, places and counts, a part at a time.

Where reports of the same incident count once, parts are read once and kept on disk. Rows that may
be one incident with another are merged together and then scanned; all others are scanned part by
part. So the scan is that of the whole table merged at once, and no more than one part, or one run
of days, is in memory.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.errors import InputError, RiskmapWarning
from riskmap.executors import map_on
from riskmap.incidents.duplicates import (
    PLACE_BITS,
    Bin,
    StoredPart,
    find_bins,
    merge_bin,
    read_rows,
    store_part,
)
from riskmap.incidents.parts import Block, Part, RowGroups, UnreadableError, check_columns
from riskmap.incidents.readers import no_incidents, read_part
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.tabular import split_source
from riskmap.ledgers import Ledger, Stage
from riskmap.panels.scans import Scan, keep_whole, scan_places, sum_scans, take_out
from riskmap.places.found_places import find_places
from riskmap.places.region_index import RegionIndex
from riskmap.schema import check_regions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import geopandas as gpd

    from riskmap.incidents.scope import Scope
    from riskmap.typing import IntArray, Mapper, NameResolver

#: Why the rows of a part that can't be read are set aside.
UNREADABLE = "unreadable_part"


@dataclass(frozen=True)
class Task:
    """What is done to each part; it can be sent to another process."""

    regions: gpd.GeoDataFrame
    index: RegionIndex
    gazetteer: NameResolver | None
    options: ReadingOptions
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None


def scan_incidents(  # noqa: PLR0913 - those of read_incidents and locate, and how to go about it
    sources: Iterable[str | Path | pd.DataFrame | Any],
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    ingested_at: str | None = None,
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None,
    merge: bool = False,
    scope: Scope | str | None = None,
    onto: Scan | None = None,
    client: Any = None,
    options: ReadingOptions | None = None,
) -> Scan:
    """Read and place incidents a part at a time, and return what they add up to.

    Memory does not grow with the number of rows: a part is read, placed and summed up before the
    next one is opened. :func:`riskmap.count_incidents` makes of a scan the panel that it makes of
    the same incidents read and located at once.

    Parameters
    ----------
    sources
        CSV or other files of incidents; Parquet or GeoParquet files of a feed's columns, or folders
        of them (extra ``parquet``); Incidents tables.
    regions
        Regions table.
    gazetteer
        As for :func:`riskmap.locate`.
    ingested_at
        As for :func:`riskmap.read_incidents`.
    each
        What to do to the Incidents table of each part before it is placed, such as
        :func:`riskmap.derive_victims`.
    merge
        Whether reports of the same incident count once, in whatever part they stand: as if
        :func:`riskmap.merge_duplicates` had been given all of them (extra ``parquet``). All rows
        are written to the system's folder for temporary files on the way; workers must see it too.
    scope
        As for :func:`riskmap.read_incidents`; it is inferred only from a file that is one part.
        Incidents tables keep theirs.
    onto
        A scan to add to: yesterday's, and only today's files are read. With `merge` they are
        compared with the newest incidents that it keeps whole.
    client
        A ``distributed.Client`` whose workers share the parts (extra ``dask``); the result is the
        same.
    options
        How files are read (:class:`riskmap.incidents.reading_options.ReadingOptions`).

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        When there is no source, a file is of no known feed, Parquet files differ in columns, or a
        scope holds an unknown word. A part of a file that can't be read is set aside and its rows
        are in the ledger.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> scan = rm.scan_incidents([rm.datasets.incidents()], districts)
    >>> panel = rm.count_incidents(scan, districts, as_of="2025-01-01")
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel.frame.equals(rm.count_incidents(located, districts, as_of="2025-01-01").frame)
    True
    """
    check_regions(regions)
    ordered = regions.sort_values("region_id", ignore_index=True)
    options = options or ReadingOptions()
    if ingested_at is not None:
        options = replace(options, ingested_at=ingested_at)
    task = Task(ordered, RegionIndex(ordered), gazetteer, options, each)
    split = partial(split_source, scope=scope, options=options)
    parts = [part for source in sources for part in split(source)]
    found = [part.source for part in parts]
    check_columns({one.path: one for one in found if isinstance(one, RowGroups)}.values())
    if not parts and onto is None:
        raise InputError("there is nothing to scan", expected="files or tables of incidents")
    if merge:
        return _scan_merged(parts, task, map_on(client), onto=onto)
    scans = map_on(client)(partial(_scan_part, task), parts)
    return sum_scans(chain([] if onto is None else [onto], scans))


def _scan_part(task: Task, part: Part) -> Scan:
    """Return the scan of one part."""
    table = _read(task, part)
    return _scan_table(task, table) if isinstance(table, pd.DataFrame) else table


def _read(task: Task, part: Part) -> gpd.GeoDataFrame | Scan:
    """Return the incidents of a part; or the scan of a part that can't be read."""
    try:
        if isinstance(part.source, pd.DataFrame):
            table = part.source
        else:
            table = read_part(part, task.options)
    except UnreadableError as error:
        return _scan_nothing(task, str(error.file), int(error.rows), error)
    except InputError as error:
        block = part.source
        if not isinstance(block, Block):
            raise
        n = block.count_rows()
        where = f"{block.path.name}, lines {block.line} to {block.line + n - 1}"
        return _scan_nothing(task, where, n, error)
    return table if task.each is None else task.each(table)


def _scan_table(task: Task, table: gpd.GeoDataFrame) -> Scan:
    """Return the scan of a table of incidents."""
    places = find_places(
        table,
        task.regions,
        gazetteer=task.gazetteer,
        index=task.index,
        measure=False,
    )
    ids = tuple(task.regions["region_id"])
    return scan_places(places, region_ids=ids)


def _scan_nothing(task: Task, where: str, n: int, error: InputError) -> Scan:
    """Return the scan of a part that can't be read: its rows are in the ledger."""
    warnings.warn(f"{where}: set aside: {error}", RiskmapWarning, stacklevel=2)
    stages = (
        Stage("read", rows_in=n, rows_out=0, reasons={UNREADABLE: n}, lost=n),
        Stage("locate", rows_in=0, rows_out=0),
    )
    return replace(_scan_table(task, no_incidents()), ledger=Ledger(stages))


def _scan_merged(parts: Sequence[Part], task: Task, mapper: Mapper, *, onto: Scan | None) -> Scan:
    """Return the scan of parts in which each incident counts once.

    Parameters
    ----------
    parts, task
        What is read, and what is done to it.
    mapper
        Like :func:`map`: what runs the work on each part.
    onto
        A scan to add to; the incidents that it keeps whole are compared too.
    """
    with TemporaryDirectory(prefix="riskmap-") as folder:
        store = partial(_store, task, Path(folder))
        found = list(mapper(store, list(enumerate(parts, start=1))))
        stored = [one for one in found if isinstance(one, StoredPart)]
        scans = [one for one in found if isinstance(one, Scan)]
        before = [] if onto is None else [store_part(keep_whole(onto), 0, Path(folder) / "0.arrow")]
        bins = find_bins([*before, *stored], mapper, since=1) if stored else []
        if onto is not None:
            scans += take_out(onto, _rows_of(bins, 0))
        todo = [(one, _rows_of(bins, one.number)) for one in stored]
        loners = mapper(partial(_scan_loners, task), todo)
        merged = mapper(partial(_scan_bin, task, [*before, *stored]), bins)
        return sum_scans(chain(scans, loners, merged))


def _store(task: Task, folder: Path, numbered: tuple[int, Part]) -> StoredPart | Scan:
    """Write the rows of a part to disk, or return the scan of one that can't be read."""
    number, part = numbered
    table = _read(task, part)
    if isinstance(table, Scan):
        return table
    return store_part(table, number, folder / f"{number}.arrow")


def _rows_of(bins: Sequence[Bin], number: int) -> IntArray:
    """Return the places of the rows of a part that are in bins, ascending."""
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(one.rows for one in bins)])
    return np.sort(rows[rows >> PLACE_BITS == number] - (number << PLACE_BITS))


def _scan_loners(task: Task, todo: tuple[StoredPart, IntArray]) -> Scan:
    """Return the scan of the rows of a part that are in no bin."""
    part, linked = todo
    return _scan_table(task, read_rows([part], np.delete(part.number_rows(), linked)))


def _scan_bin(task: Task, parts: Sequence[StoredPart], rows: Bin) -> Scan:
    """Return the scan of the rows of a bin, merged."""
    return _scan_table(task, merge_bin(parts, rows))
