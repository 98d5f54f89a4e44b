"""Parts: a source of incidents whole, or a piece of it that fits in memory and is read on its own.

A piece is a run of lines of a text file, or some row groups of a Parquet file, alone or in a folder
of files of one schema.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import shapely

from riskmap.errors import InputError, MissingDependencyError
from riskmap.incidents.scope import ScopeRules
from riskmap.schema import CRS, INCIDENT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

#: Bytes of text a block holds, about: a hundred thousand rows of a wide feed.
BLOCK_BYTES = 1 << 26

#: How many times as long a block may get while a quoted field seems to be open. A quote that is
#: never closed would otherwise make the rest of a file one block.
PATIENCE = 4

PARQUET = (".parquet", ".pq")
#: Rows of a Parquet file that a part holds, about.
PART_ROWS = 200_000

_QUOTE, _BREAK, _TAB = b'"', b"\n", b"\t"
_PIECE = 1 << 20
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Part:
    """A part of the input, or a source that is read at once.

    Parameters
    ----------
    source
        A path, a frame, a :class:`Block` or a :class:`RowGroups`.
    feed
        The feed's name where it is known.
    scope
        What is known of the scope of the source as a whole.
    """

    source: Any
    feed: str | None = None
    scope: ScopeRules = field(default_factory=ScopeRules)


@dataclass(frozen=True)
class Block:
    """A run of whole rows of a text file.

    Parameters
    ----------
    path
        The file.
    header
        Its first line with the line's end; empty where there is none.
    start, stop
        Bytes from and up to which the rows stand.
    line
        The 1-based line of the first row.
    """

    path: Path
    header: bytes
    start: int
    stop: int
    line: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of its rows, some at a time."""
        left = self.stop - self.start
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left and (piece := file.read(min(left, _PIECE))):
                yield piece
                left -= len(piece)

    def copy_to(self, path: Path) -> None:
        """Write the block as a file of its own, under the header of the whole."""
        with path.open("wb") as target:
            target.write(self.header)
            target.writelines(self.pieces())

    def count_rows(self) -> int:
        """Return the number of lines in the block."""
        lines, last = 0, _BREAK
        for piece in self.pieces():
            lines, last = lines + piece.count(_BREAK), piece[-1:]
        return lines + (last != _BREAK)


def split_file(path: Path, *, has_header: bool = True, size: int = BLOCK_BYTES) -> Iterator[Block]:
    r"""Split a delimited text file into blocks, at ends of lines outside of quoted fields.

    Parameters
    ----------
    path
        The file. One in UTF-16, or whose header takes several lines, is one block.
    has_header
        Whether the first line holds the columns' names.
    size
        Bytes that a block holds at least, the last one aside.

    Yields
    ------
    Block
        The blocks in order; together they are the rows of the file.

    Raises
    ------
    InputError
        When the file is missing.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.csv"
    ...     _ = file.write_bytes(b'id,text\n1,"a\nb"\n2,c\n')
    ...     [(block.line, block.stop - block.start) for block in split_file(file, size=1)]
    [(2, 8), (4, 4)]
    """
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    end = path.stat().st_size
    with path.open("rb") as file:
        first = file.readline(_PIECE)
    header = first if has_header else b""
    # other encodings, and names of columns with a line break in them, are left to the reader
    if first.startswith(_WIDE) or b"\0" in first or (has_header and first.count(_QUOTE) % 2):
        yield Block(path, b"", 0, end, 1)
        return
    start, line = len(header), 1 + bool(header)
    for stop, lines in _find_cuts(path, start, size=size, quoted=_TAB not in first):
        yield Block(path, header, start, stop, line)
        start, line = stop, line + lines
    if start < end:
        yield Block(path, header, start, end, line)


def _find_cuts(path: Path, start: int, *, size: int, quoted: bool) -> Iterator[tuple[int, int]]:
    """Yield where each block but the last ends, and how many lines it has."""
    at, held, lines, is_open = start, 0, 0, False
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(min(_PIECE, size)):
            rest = file.readline()
            piece += rest
            if quoted:
                is_open ^= piece.count(_QUOTE) % 2 == 1
            at, held = at + len(piece), held + len(piece)
            lines += piece.count(_BREAK)
            if held >= size and (not is_open or held >= PATIENCE * max(size, _PIECE)):
                yield at, lines
                held, lines, is_open = 0, 0, False


class UnreadableError(InputError):
    """Rows of a file that can't be decoded.

    Parameters
    ----------
    file
        The file, and which of its rows.
    rows
        How many they are.
    met
        What the decoder said.
    """

    def __init__(self, file: str, rows: int, met: str) -> None:
        """Keep what the ledger needs."""
        super().__init__("can't be decoded", met=met)
        self.file, self.rows = file, rows


def import_arrow() -> Any:
    """Return pyarrow.

    Raises
    ------
    MissingDependencyError
        When it is not installed (extra ``parquet``).
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingDependencyError("pyarrow", extra="parquet") from error
    return pa


@dataclass(frozen=True)
class RowGroups:
    """Row groups of a Parquet file.

    Parameters
    ----------
    path
        The file.
    start, stop
        The first of them, and the one after the last; to the file's end when None.
    """

    path: Path
    start: int = 0
    stop: int | None = None

    def read(self) -> pd.DataFrame:
        """Return the rows; an Incidents table that was written as GeoParquet as such.

        Points of a GeoParquet file are given as columns where there are none of coordinates.

        Raises
        ------
        UnreadableError
            When the rows can't be decoded.
        """
        file = self.open()
        import pyarrow as pa

        stop = file.metadata.num_row_groups if self.stop is None else self.stop
        wanted = list(range(self.start, stop))
        try:
            rows = file.read_row_groups(wanted).to_pandas().reset_index(drop=True)
        except (OSError, pa.ArrowException) as error:
            n = sum(file.metadata.row_group(group).num_rows for group in wanted)
            where = f"{self.path.name}, row groups {self.start} to {stop - 1}"
            raise UnreadableError(where, n, str(error)) from error
        geo = (file.schema_arrow.metadata or {}).get(b"geo")
        return rows if geo is None else _with_points(rows, json.loads(geo), self.path)

    def open(self) -> Any:
        """Return the Parquet file, opened.

        Raises
        ------
        InputError
            When it is missing or no Parquet file.
        MissingDependencyError
            When `pyarrow` is not installed (extra ``parquet``).
        """
        pa = import_arrow()
        import pyarrow.parquet as pq

        if not self.path.is_file():
            raise InputError("there is no such file", file=self.path)
        try:
            return pq.ParquetFile(self.path)
        except (OSError, pa.ArrowException) as error:
            raise InputError("not a Parquet file", file=self.path.name, met=str(error)) from error


def split_parquet(path: Path) -> Iterator[RowGroups]:
    """Yield runs of row groups of a Parquet file, or of all those of a folder, by name.

    Raises
    ------
    InputError
        When a folder, such as Dask and Spark write, has none, or its folders' names hold a column.
    """
    found = path.rglob("*") if path.is_dir() else [path]
    files = sorted(file for file in found if file.suffix.lower() in PARQUET)
    if not files:
        raise InputError("a folder without Parquet files", file=path)
    for folder in (str(file.relative_to(path).parent) for file in files):
        if "=" in folder:
            raise InputError(
                "a folder whose name stands for a column",
                met=folder,
                expected="Parquet files that hold all of their columns",
            )
    for file in files:
        groups = RowGroups(file).open().metadata
        start, rows = 0, 0
        for group in range(groups.num_row_groups):
            rows += groups.row_group(group).num_rows
            if rows >= PART_ROWS or group == groups.num_row_groups - 1:
                yield RowGroups(file, start, group + 1)
                start, rows = group + 1, 0


def check_columns(paths: Iterable[Path]) -> None:
    """Raise when Parquet files differ in their columns."""
    expected: list[str] | None = None
    for path in paths:
        names = RowGroups(path).open().schema_arrow.names
        expected = names if expected is None else expected
        if names != expected:
            raise InputError(
                "a file with other columns than the first",
                file=path.name,
                met=", ".join(sorted(set(names) ^ set(expected))) or "another order",
                expected=", ".join(expected)[:200],
            )


def _with_points(rows: pd.DataFrame, geo: dict[str, Any], path: Path) -> pd.DataFrame:
    """Return rows of GeoParquet with their points, unless they have columns of coordinates."""
    name = geo["primary_column"]
    told = geo["columns"][name]
    if told["encoding"] != "WKB" or set(told["geometry_types"]) - {"Point"}:
        raise InputError(
            "not points as WKB",
            file=path.name,
            column=name,
            met=f"{told['encoding']} {', '.join(told['geometry_types'])}",
        )
    crs = told.get("crs", "OGC:CRS84")
    points = gpd.GeoSeries(shapely.from_wkb(rows[name].to_numpy(object)), crs=crs)
    points = points.to_crs(CRS) if crs is not None else points.set_crs(CRS)
    points = points.where(~points.is_empty)
    others = rows.drop(columns=list(geo["columns"]))
    if not is_incidents(others) and ("longitude" in others or "latitude" in others):
        return others
    return gpd.GeoDataFrame(others, geometry=points)


def is_incidents(rows: pd.DataFrame) -> bool:
    """Return whether a table has the columns of an Incidents table."""
    return {column.name for column in INCIDENT_COLUMNS} <= set(rows.columns)
