"""Batches: files of any length through the same feeds, places and counts, a part at a time."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError
from riskmap.panels.merges import scan_merged
from riskmap.panels.parts import prepare, scan_part, split_sources
from riskmap.panels.scans import sum_scans
from riskmap.workers import map_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from riskmap.incidents.scope import Scope
    from riskmap.panels.scans import Scan
    from riskmap.typing import NameResolver


def scan_incidents(  # noqa: PLR0913 - those of read_incidents and locate, and how to go about it
    sources: Iterable[str | Path | pd.DataFrame | Any],
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    spread: str | None = "history",
    ingested_at: str | None = None,
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None,
    merge: bool = False,
    scope: Scope | str | None = None,
    onto: Scan | None = None,
    client: Any = None,
) -> Scan:
    """Read and place incidents a part at a time, and return what they add up to.

    Memory does not grow with the number of rows: a part is read, placed and summed up before the
    next one is opened. :func:`riskmap.count_incidents` makes of a scan the panel that it makes of
    the same incidents read and located at once.

    Parameters
    ----------
    sources
        CSV or other files of incidents; Parquet or GeoParquet files of a feed's columns, or folders
        of them (extra ``parquet``); Incidents tables; tables of ``dask.dataframe`` with a feed's
        columns, of which one partition is computed at a time (extra ``dask``).
    regions
        Regions table.
    gazetteer, spread
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
    task = prepare(regions, gazetteer=gazetteer, spread=spread, ingested_at=ingested_at, each=each)
    parts = split_sources(sources, scope=scope)
    if not parts and onto is None:
        raise InputError("there is nothing to scan", expected="files or tables of incidents")
    if merge:
        return scan_merged(parts, task, map_on(client), onto=onto)
    scans = map_on(client)(partial(scan_part, task), parts)
    return sum_scans(chain([] if onto is None else [onto], scans))
