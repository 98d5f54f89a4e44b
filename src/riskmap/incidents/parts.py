"""Parts: a source of incidents whole, or a piece of it that fits in memory and is read on its own.

A piece is a run of lines of a text file, or some row groups of a Parquet file, alone or in a folder
of files of one schema.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import geopandas as gpd
import pandas as pd
import shapely

from riskmap.errors import InputError, importing
from riskmap.incidents.scope import ScopeRules
from riskmap.schema import CRS, INCIDENT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Bytes of text a block holds, about: a hundred thousand rows of a wide feed.
BLOCK_BYTES = 1 << 26

#: How many times as long a block may get while a quoted field seems to be open. A quote that is
#: never closed would otherwise make the rest of a file one block.
PATIENCE = 4

PARQUET = (".parquet", ".pq")
#: Ends of names of tables that no program writes beside Parquet files.
_TABLES = (".csv", ".tsv", ".tab", ".geojson", ".ndjson", ".jsonl", ".xlsx", ".xlsm", ".xls")
#: What stands for no value in the name of a folder.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
#: What tables that come from no file are called.
NO_FILE = "table"
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
    with importing("pyarrow", extra="parquet"):
        import pyarrow as pa
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
    folder
        The folder of which the file is a part, whose own folders may be named for a column and its
        value, such as ``country=XQA/year=2024``.
    """

    path: Path
    start: int = 0
    stop: int | None = None
    folder: Path | None = None

    @property
    def name(self) -> str:
        """What it is called: the file, or the folder that the file is a part of."""
        return (self.folder or self.path).name

    @property
    def told(self) -> dict[str, str | None]:
        """The columns that the names of the folders between stand for, and their value."""
        if self.folder is None:
            return {}
        names = self.path.relative_to(self.folder).parts[:-1]
        pairs = (unquote(name).partition("=")[::2] for name in names if "=" in name)
        return {key: None if value == _NO_VALUE else value for key, value in pairs}

    @property
    def columns(self) -> list[str]:
        """The columns of its rows."""
        names = list(self.open().schema_arrow.names)
        return [*names, *(key for key in self.told if key not in names)]

    def read(self) -> pd.DataFrame:
        """Return the rows; an Incidents table that was written as GeoParquet as such.

        Points of a GeoParquet file are given as columns where there are none of coordinates, and
        what the names of its folders say (``country=XQA``) as columns that the file lacks.

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
            rows = _to_pandas(file.read_row_groups(wanted))
        except (OSError, pa.ArrowException) as error:
            n = sum(file.metadata.row_group(group).num_rows for group in wanted)
            where = f"{self.path.name}, row groups {self.start} to {stop - 1}"
            raise UnreadableError(where, n, str(error)) from error
        told = {key: value for key, value in self.told.items() if key not in rows}
        rows = rows.assign(**told) if told else rows
        geo = (file.schema_arrow.metadata or {}).get(b"geo")
        return rows if geo is None else _with_points(rows, json.loads(geo), self.path.name)

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
        When a folder, such as Dask, DuckDB and Spark write, has none.
    """
    for file in find_parquet(path):
        groups = file.open().metadata
        start, rows = 0, 0
        for group in range(groups.num_row_groups):
            rows += groups.row_group(group).num_rows
            if rows >= PART_ROWS or group == groups.num_row_groups - 1:
                yield replace(file, start=start, stop=group + 1)
                start, rows = group + 1, 0


def find_parquet(path: Path) -> list[RowGroups]:
    """Return a Parquet file, or all those of a folder by name, each whole.

    Raises
    ------
    InputError
        When a folder has none.
    """
    if not path.is_dir():
        return [RowGroups(path)]
    found = sorted(path.rglob("*"))
    files = [file for file in found if file.suffix.lower() in PARQUET]
    if not files:
        raise InputError("a folder without Parquet files", file=path)
    others = [
        file.name
        for file in found
        if file.suffix.lower() in _TABLES and not file.name.startswith(("_", "."))
    ]
    if others:
        raise InputError(
            "a folder of Parquet files that holds other tables",
            file=path,
            met=", ".join(others)[:200],
            expected="Parquet files alone; name the others by themselves, or keep them elsewhere",
        )
    return [RowGroups(file, folder=path) for file in files]


def read_folder(path: Path) -> pd.DataFrame:
    """Return the rows of all Parquet files of a folder, by name.

    Raises
    ------
    InputError
        When it has none, or they differ in their columns.
    """
    files = find_parquet(path)
    check_columns(files)
    tables = [file.read() for file in files]
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)


def read_arrow(table: Any) -> pd.DataFrame:
    """Return the rows of anything that gives them as an Arrow stream; points where it has some.

    Parameters
    ----------
    table
        Anything with ``__arrow_c_stream__``, such as a table of pyarrow or polars, or an answer of
        DuckDB. A stream can be read once.

    Raises
    ------
    MissingDependencyError
        When `pyarrow` is not installed (extra ``parquet``).
    """
    found = import_arrow().table(table)
    metadata = found.schema.metadata or {}
    own = [(field.metadata or {}).get(b"ARROW:extension:name", b"") for field in found.schema]
    if any(name.startswith(b"geoarrow.") for name in own):
        points = gpd.GeoDataFrame.from_arrow(found)
        return points if points.crs is not None else points.set_crs(CRS)
    rows = _to_pandas(found)
    geo = metadata.get(b"geo")
    return rows if geo is None else _with_points(rows, json.loads(geo), NO_FILE)


def _to_pandas(table: Any) -> pd.DataFrame:
    """Return an Arrow table; whole numbers stay whole where some are missing."""
    return table.to_pandas(integer_object_nulls=True).reset_index(drop=True)


def check_columns(files: Iterable[RowGroups]) -> None:
    """Raise when Parquet files differ in their columns."""
    expected: list[str] | None = None
    for file in files:
        names = file.columns
        expected = names if expected is None else expected
        if names != expected:
            raise InputError(
                "a file with other columns than the first",
                file=file.path.name,
                met=", ".join(sorted(set(names) ^ set(expected))) or "another order",
                expected=", ".join(expected)[:200],
            )


def _with_points(rows: pd.DataFrame, geo: dict[str, Any], file: str) -> pd.DataFrame:
    """Return rows of GeoParquet with their points, unless they have columns of coordinates."""
    name = geo["primary_column"]
    told = geo["columns"][name]
    strange = set(told["geometry_types"]) - {"Point", "Point Z"}
    if told["encoding"] not in ("WKB", "point") or strange:
        raise InputError(
            "not points",
            file=file,
            column=name,
            met=f"{told['encoding']} {', '.join(told['geometry_types'])}",
            expected="points as WKB, or as x and y",
        )
    crs = told.get("crs", "OGC:CRS84")
    values = rows[name].to_numpy(object)
    if told["encoding"] == "point":
        made = [None if one is None else shapely.Point(one["x"], one["y"]) for one in values]
    else:
        made = shapely.from_wkb(values)
    points = gpd.GeoSeries(made, crs=crs)
    points = points.to_crs(CRS) if crs is not None else points.set_crs(CRS)
    points = points.where(~points.is_empty)
    others = rows.drop(columns=list(geo["columns"]))
    if not is_incidents(others) and ("longitude" in others or "latitude" in others):
        return others
    return gpd.GeoDataFrame(others, geometry=points)


def is_incidents(rows: pd.DataFrame) -> bool:
    """Return whether a table has the columns of an Incidents table."""
    return {column.name for column in INCIDENT_COLUMNS} <= set(rows.columns)
