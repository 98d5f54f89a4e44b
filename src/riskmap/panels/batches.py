"""Batches: files of any length through the same feeds, places and counts, a part at a time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.errors import InputError, MissingDependencyError, RiskmapWarning
from riskmap.incidents.blocks import Block, split_file
from riskmap.incidents.duplicates import DUPLICATE
from riskmap.incidents.readers import open_table, read_block, read_incidents
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.panels.scans import Scan, add_scans, scan_places
from riskmap.places.placements import find_places
from riskmap.places.region_index import RegionIndex
from riskmap.places.spreads import check_spread
from riskmap.schema import check_incidents, check_regions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from riskmap.typing import NameResolver

#: Why the rows of a part that can't be read are set aside.
UNREADABLE = "unreadable_part"

#: Rows of a Parquet file that a part holds, about.
PART_ROWS = 200_000

#: Scans that are held before they are added up.
_PENDING = 16
_HEAD = 1 << 16


@dataclass(frozen=True)
class _Part:
    """A part of the input: a block of a text file, rows of a Parquet file, or a whole."""

    source: Any
    feed: str | None = None
    rows: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Task:
    """What is done to each part; it can be sent to another process."""

    regions: gpd.GeoDataFrame
    index: bytes
    gazetteer: NameResolver | None
    spread: str | None
    ingested_at: str | None
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None


def scan_incidents(  # noqa: PLR0913 - those of read_incidents and locate, and how to go about it
    sources: Iterable[str | Path | pd.DataFrame],
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    spread: str | None = "history",
    ingested_at: str | None = None,
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None,
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
        CSV or other files of incidents, Parquet files of a feed's columns (extra ``parquet``), or
        Incidents tables.
    regions
        Regions table.
    gazetteer, spread
        As for :func:`riskmap.locate`.
    ingested_at
        As for :func:`riskmap.read_incidents`.
    each
        What to do to the Incidents table of each part before it is placed, such as
        :func:`riskmap.derive_victims` or :func:`riskmap.merge_duplicates`.
    onto
        A scan to add to: yesterday's, and only today's files are read.
    client
        A ``distributed.Client`` whose workers share the parts (extra ``dask``); the result is the
        same.

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        When there is no source, a file is of no known feed, or Parquet files differ in columns. A
        part of a file that can't be read is set aside and its rows are in the ledger.

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
    parts = [part for source in sources for part in split(source)]
    _check_columns(parts)
    scans = (
        (_scan_part(part, task) for part in parts)
        if client is None
        else scan_there(parts, task, client)
    )
    pending: list[Scan] = [] if onto is None else [onto]
    for scan in scans:
        pending.append(scan)
        if len(pending) >= _PENDING:
            pending = [add_scans(pending)]
    if not pending:
        raise InputError("there is nothing to scan", expected="files or tables of incidents")
    return add_scans(pending)


def prepare(
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    spread: str | None = "history",
    ingested_at: str | None = None,
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None,
) -> _Task:
    """Return what is done to each part, with the index of the regions built once for all of them.

    Parameters
    ----------
    regions, gazetteer, spread, ingested_at, each
        As for :func:`scan_incidents`.
    """
    check_regions(regions)
    check_spread(spread, None)
    ordered = regions.sort_values("region_id", ignore_index=True)
    return _Task(ordered, _save_index(ordered), gazetteer, spread, ingested_at, each)


def connect(address: str, *, timeout: float = 10.0) -> Any:
    """Return a client of a Dask scheduler.

    Parameters
    ----------
    address
        Such as ``tcp://127.0.0.1:8786``.
    timeout
        Seconds to wait for an answer.

    Raises
    ------
    InputError
        When nothing answers there.
    MissingDependencyError
        When `distributed` is not installed (extra ``dask``).
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingDependencyError("distributed", extra="dask") from error
    make: Any = Client
    try:
        return make(address, timeout=timeout)
    except (OSError, ValueError) as error:
        raise InputError("no scheduler answers", met=address, expected=str(error)) from error


def scan_there(parts: Sequence[_Part], task: _Task, client: Any) -> Iterator[Scan]:
    """Yield the scan of each part in their order, made by the workers of a cluster.

    Parameters
    ----------
    parts
        What :func:`split` yielded.
    task
        What :func:`prepare` returned.
    client
        A ``distributed.Client``. The parts of a worker that dies are given to another.
    """
    sent = client.scatter(task, broadcast=True)
    for future in client.map(_scan_part, parts, [sent] * len(parts), pure=False):
        yield future.result()
        future.release()


def _scan_part(part: _Part, task: _Task) -> Scan:
    """Return the scan of one part."""
    index = _load_index(task.index)
    try:
        table = _read(part, task)
    except InputError as error:
        if not isinstance(part.source, Block):
            raise
        return _scan_nothing(part.source, task, error)
    if task.each is not None:
        table = task.each(table)
    refused = table["quarantine_reason"].notna().to_numpy()
    told = table["quarantine_reason"] == DUPLICATE
    usable = table[~refused].reset_index(drop=True)
    places = find_places(
        usable,
        task.regions,
        gazetteer=task.gazetteer,
        index=index,
        spread=task.spread,
        measure=False,
    )
    kept = int(places.reasons.isna().sum())
    read = Stage(
        "read",
        rows_in=len(table),
        rows_out=len(usable),
        reasons=count_reasons(table.loc[~told, "quarantine_reason"]),
        merged=int(told.sum()),
    )
    located = Stage(
        "locate", rows_in=len(usable), rows_out=kept, reasons=count_reasons(places.reasons)
    )
    return scan_places(
        usable,
        places,
        region_ids=tuple(task.regions["region_id"]),
        ledger=Ledger((read, located)),
        spread=task.spread,
    )


def _scan_nothing(block: Block, task: _Task, error: InputError) -> Scan:
    """Return the scan of a part that can't be read: its rows are in the ledger."""
    n = block.count_rows()
    warnings.warn(
        f"{block.path.name}, lines {block.line} to {block.line + n - 1}: set aside: {error}",
        RiskmapWarning,
        stacklevel=2,
    )
    nothing = read_incidents(pd.DataFrame({"date": ["2000-01-01"], "place": ["nowhere"]})).iloc[:0]
    places = find_places(nothing, task.regions, spread=task.spread)
    stages = (
        Stage("read", rows_in=n, rows_out=0, reasons={UNREADABLE: n}),
        Stage("locate", rows_in=0, rows_out=0),
    )
    ids = tuple(task.regions["region_id"])
    return scan_places(nothing, places, region_ids=ids, ledger=Ledger(stages), spread=task.spread)


def split(source: str | Path | pd.DataFrame) -> Iterator[_Part]:
    """Yield the parts of a source.

    Parameters
    ----------
    source
        A file, or an Incidents table.
    """
    if isinstance(source, pd.DataFrame):
        check_incidents(source)
        yield _Part(source)
        return
    path = Path(source)
    if path.suffix.lower() in (".parquet", ".pq"):
        yield from _split_parquet(path)
    elif path.suffix.lower() in (".json", ".geojson", ".xlsx", ".zip", ".gz"):
        yield _Part(path)
    else:
        feed, has_header = _peek(path)
        blocks = split_file(path, has_header=has_header)
        yield from (_Part(block, feed) for block in blocks)


def _peek(path: Path) -> tuple[str, bool]:
    """Return the feed of a text file, and whether its first line is a header, by its first rows."""
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    with path.open("rb") as file:
        head = file.read(_HEAD) + file.readline()
    with TemporaryDirectory() as folder:
        sample = Path(folder) / path.name
        sample.write_bytes(head)
        raw, feed = open_table(sample)
    return feed.name, bool(raw.lines[0] > 1)


def _split_parquet(path: Path) -> Iterator[_Part]:
    """Yield runs of row groups of a Parquet file."""
    groups = _parquet(path).metadata
    start, rows = 0, 0
    for group in range(groups.num_row_groups):
        rows += groups.row_group(group).num_rows
        if rows >= PART_ROWS or group == groups.num_row_groups - 1:
            yield _Part(path, rows=(start, group + 1))
            start, rows = group + 1, 0


def _parquet(path: Path) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    try:
        return pq.ParquetFile(path)
    except OSError as error:
        raise InputError("not a Parquet file", file=path.name, met=str(error)) from error


def _check_columns(parts: Sequence[_Part]) -> None:
    """Raise when Parquet files differ in their columns."""
    columns: dict[Path, list[str]] = {
        part.source: _parquet(part.source).schema_arrow.names
        for part in parts
        if part.rows is not None
    }
    first = next(iter(columns.values()), [])
    for path, names in columns.items():
        if names != first:
            raise InputError(
                "a file with other columns than the first",
                file=path.name,
                met=", ".join(sorted(set(names) ^ set(first))) or "another order",
                expected=", ".join(first)[:200],
            )


def _read(part: _Part, task: _Task) -> gpd.GeoDataFrame:
    """Return the incidents of a part."""
    if isinstance(part.source, gpd.GeoDataFrame):
        return part.source
    if isinstance(part.source, Block):
        return read_block(
            part.source, feed=str(part.feed), columns=None, ingested_at=task.ingested_at
        )
    if part.rows is None:
        return read_incidents(part.source, ingested_at=task.ingested_at)
    rows = _parquet(part.source).read_row_groups(list(range(*part.rows))).to_pandas()
    return read_incidents(rows, ingested_at=task.ingested_at)


def _save_index(regions: gpd.GeoDataFrame) -> bytes:
    """Return the index of the regions as the bytes of its file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "regions.index"
        RegionIndex(regions).prepare().save(path)
        return path.read_bytes()


@lru_cache(maxsize=2)
def _load_index(saved: bytes) -> RegionIndex:
    """Return the index that was saved, loaded once in each process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "regions.index"
        path.write_bytes(saved)
        return RegionIndex.load(path)
