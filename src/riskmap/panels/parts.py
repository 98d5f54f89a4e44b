"""Parts: long inputs in pieces that fit in memory, each read, placed and summed up on its own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.errors import InputError, RiskmapWarning
from riskmap.incidents.blocks import Block, split_file
from riskmap.incidents.duplicates.links import DUPLICATE
from riskmap.incidents.duplicates.pools import share_knowledge
from riskmap.incidents.readers import open_table, read_block, read_incidents
from riskmap.incidents.stated_scopes import ScopeRules
from riskmap.ledgers import Ledger, Stage, count_reasons
from riskmap.panels.partitions import (
    LazyPartition,
    UnreadableError,
    check_columns,
    compute_partition,
    find_partitions,
    open_partition,
    read_partition,
)
from riskmap.panels.scans import Scan, scan_places
from riskmap.places.findings import find_places
from riskmap.places.losses import find_aside
from riskmap.places.region_index import RegionIndex
from riskmap.places.spreads import check_spread
from riskmap.schema import check_incidents, check_regions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from riskmap.incidents.scope import Scope
    from riskmap.typing import NameResolver

#: Why the rows of a part that can't be read are set aside.
UNREADABLE = "unreadable_part"

#: Rows of a Parquet file that a part holds, about.
PART_ROWS = 200_000

_HEAD = 1 << 16


@dataclass(frozen=True)
class Part:
    """A part of the input: a block of a text file, row groups, a partition, or a whole.

    What its source can see is what the file says as a whole.
    """

    source: Any
    feed: str | None = None
    groups: tuple[int, int] | None = None
    scope: ScopeRules = field(default_factory=ScopeRules)


@dataclass(frozen=True)
class Task:
    """What is done to each part; it can be sent to another process."""

    regions: gpd.GeoDataFrame
    index: RegionIndex
    gazetteer: NameResolver | None
    spread: str | None
    ingested_at: str | None
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None


def prepare(
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None = None,
    spread: str | None = "history",
    ingested_at: str | None = None,
    each: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None,
) -> Task:
    """Return what is done to each part, with one index of the regions for all of them.

    Parameters
    ----------
    regions, gazetteer, spread, ingested_at, each
        As for :func:`scan_incidents`.
    """
    check_regions(regions)
    check_spread(spread, None)
    ordered = regions.sort_values("region_id", ignore_index=True)
    return Task(ordered, RegionIndex(ordered), gazetteer, spread, ingested_at, each)


def scan_part(task: Task, part: Part) -> Scan:
    """Return the scan of one part."""
    table = read_part(task, part)
    return scan_table(task, table) if isinstance(table, pd.DataFrame) else table


def read_part(task: Task, part: Part) -> gpd.GeoDataFrame | Scan:
    """Return the incidents of a part; or the scan of a part that can't be read."""
    try:
        table = _read(task, part)
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


def scan_table(task: Task, table: gpd.GeoDataFrame) -> Scan:
    """Return the scan of a table of incidents."""
    refused = table["quarantine_reason"].notna().to_numpy()
    told = table["quarantine_reason"] == DUPLICATE
    usable = share_knowledge(table)[~refused].reset_index(drop=True)
    places = find_places(
        usable,
        task.regions,
        gazetteer=task.gazetteer,
        index=task.index,
        spread=task.spread,
        measure=False,
    )
    kept = int(places.reasons.isna().sum())
    placeless = ~refused
    placeless[~refused] = places.reasons.notna().to_numpy()
    unfound = ~refused
    unfound[~refused] = places.names_region & places.reasons.isna().to_numpy()
    aside = find_aside(
        table,
        task.regions,
        task.gazetteer,
        placeless=placeless,
        unfound=unfound,
        index=task.index,
    )
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
        aside=aside,
        region_ids=tuple(task.regions["region_id"]),
        ledger=Ledger((read, located)),
        spread=task.spread,
    )


def _scan_nothing(task: Task, where: str, n: int, error: InputError) -> Scan:
    """Return the scan of a part that can't be read: its rows are in the ledger."""
    warnings.warn(f"{where}: set aside: {error}", RiskmapWarning, stacklevel=2)
    nothing = read_incidents(pd.DataFrame({"date": ["2000-01-01"], "place": ["nowhere"]})).iloc[:0]
    places = find_places(nothing, task.regions, spread=task.spread)
    aside = nothing.assign(area=None, spread=False).astype({"area": "str"})
    stages = (
        Stage("read", rows_in=n, rows_out=0, reasons={UNREADABLE: n}),
        Stage("locate", rows_in=0, rows_out=0),
    )
    ids = tuple(task.regions["region_id"])
    return scan_places(
        nothing, places, aside=aside, region_ids=ids, ledger=Ledger(stages), spread=task.spread
    )


def split_sources(sources: Iterable[Any], *, scope: Scope | str | None = None) -> list[Part]:
    """Return the parts of sources: of files, folders of Parquet files, and tables.

    Raises
    ------
    InputError
        When a file is missing or of no known feed, Parquet files differ in columns, or a scope
        holds an unknown word.
    """
    parts = [part for source in sources for part in split(source, scope=scope)]
    check_columns(dict.fromkeys(part.source for part in parts if part.groups is not None))
    return parts


def split(source: Any, *, scope: Scope | str | None = None) -> Iterator[Part]:
    """Yield the parts of a source.

    What a source can see is inferred from its rows only where it is one part: no part shows what
    the others hold.

    Parameters
    ----------
    source
        A file, a folder of Parquet files, an Incidents table, or a table of ``dask.dataframe``.
    scope
        As for :func:`riskmap.read_incidents`.
    """
    if isinstance(source, pd.DataFrame):
        check_incidents(source)
        yield Part(source)
        return
    parts = list(_split(source))
    path = None if hasattr(source, "npartitions") else source
    rules = ScopeRules.read(scope, path=path, is_whole=len(parts) == 1)
    yield from (replace(part, scope=rules) for part in parts)


def _split(source: Any) -> Iterator[Part]:
    """Yield the parts of a source that is read."""
    if hasattr(source, "npartitions"):  # a table of Dask's, which need not be installed
        for number in range(source.npartitions):
            yield Part(LazyPartition(source.partitions[number], number))
        return
    path = Path(source)
    if path.is_dir() or path.suffix.lower() in (".parquet", ".pq"):
        for partition in find_partitions(path):
            yield from _split_partition(partition)
    elif path.suffix.lower() in (".json", ".geojson", ".xlsx", ".zip", ".gz"):
        yield Part(path)
    else:
        feed, has_header = _peek(path)
        blocks = split_file(path, has_header=has_header)
        yield from (Part(block, feed) for block in blocks)


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


def _split_partition(path: Path) -> Iterator[Part]:
    """Yield runs of row groups of a Parquet file."""
    groups = open_partition(path).metadata
    start, rows = 0, 0
    for group in range(groups.num_row_groups):
        rows += groups.row_group(group).num_rows
        if rows >= PART_ROWS or group == groups.num_row_groups - 1:
            yield Part(path, groups=(start, group + 1))
            start, rows = group + 1, 0


def _read(task: Task, part: Part) -> gpd.GeoDataFrame:
    """Return the incidents of a part."""
    if isinstance(part.source, gpd.GeoDataFrame):
        return part.source
    if isinstance(part.source, LazyPartition):
        return compute_partition(part.source, ingested_at=task.ingested_at, scope=part.scope)
    if isinstance(part.source, Block):
        return read_block(
            part.source,
            feed=str(part.feed),
            columns=None,
            ingested_at=task.ingested_at,
            scope=part.scope,
        )
    if part.groups is None:
        return read_incidents(part.source, ingested_at=task.ingested_at, scope=part.scope)
    return read_partition(part.source, part.groups, ingested_at=task.ingested_at, scope=part.scope)
