"""Parts: a source of incidents whole, or a piece of it that fits in memory and is read on its own.

A piece is a run of lines of a text file, some row groups of a Parquet file or a partition of a
table of Dask's. What is packed, and a run of lines, is laid out as a plain file while it is read.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError
from riskmap.incidents.scope import ScopeRules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: Names that end so hold tables; others that are packed with them are left alone.
TABLES = (".csv", ".tsv", ".tab", ".txt", ".json", ".geojson", ".xlsx")
#: Bytes from which on what is packed is refused.
LARGEST_FILE = 1 << 33

#: Bytes of text a block holds, about: a hundred thousand rows of a wide feed.
BLOCK_BYTES = 1 << 26

#: How many times as long a block may get while a quoted field seems to be open. A quote that is
#: never closed would otherwise make the rest of a file one block.
PATIENCE = 4

_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_QUOTE, _BREAK, _TAB = b'"', b"\n", b"\t"
_PIECE = 1 << 20
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Part:
    """A part of the input, or a source that is read at once.

    Parameters
    ----------
    source
        A path, a frame, a :class:`Block`, or a partition (:mod:`riskmap.incidents.partitions`).
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

    @property
    def lines_before(self) -> int:
        """Lines of the file that stand before the block, its header aside."""
        return self.line - 1 - bool(self.header)

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
    if first.startswith(_WIDE) or (has_header and first.count(_QUOTE) % 2):
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


@contextmanager
def laid_out(source: Path | Block) -> Iterator[Path]:
    """Yield a plain file: a file itself, or for as long as it is needed what is packed in it.

    Packing is told by the first bytes, whatever the name. Of a block its rows are laid out.

    Parameters
    ----------
    source
        The file, or a block of one.

    Raises
    ------
    InputError
        When it is packed and holds no table or several, is cut short, too large, or has a
        password.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.csv.gz"
    ...     _ = file.write_bytes(gzip.compress(b"date,place"))
    ...     with laid_out(file) as plain:
    ...         plain.name, plain.read_text()
    ('a.csv', 'date,place')
    """
    start = b""
    if isinstance(source, Path) and source.suffix.lower() != ".xlsx" and source.is_file():
        with source.open("rb") as file:
            start = file.read(4)
    if isinstance(source, Path) and not start.startswith((_ZIP, _GZIP)):
        yield source
        return
    with TemporaryDirectory() as folder:
        if isinstance(source, Block):
            plain = Path(folder) / source.path.name
            source.copy_to(plain)
        else:
            try:
                plain = (_from_zip if start == _ZIP else _from_gzip)(source, Path(folder))
            except _BROKEN as error:
                raise InputError(
                    f"can't be unpacked: {error}",
                    file=source.name,
                    expected="a whole zip or gzip file",
                ) from error
        yield plain


def _from_gzip(path: Path, folder: Path) -> Path:
    plain = folder / (path.stem if path.suffix.lower() == ".gz" else path.name)
    with gzip.open(path) as packed:
        return _unpack(packed, plain, path)


def _from_zip(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as packed:
        names = [name for name in packed.namelist() if _is_table(PurePosixPath(name))]
        if len(names) != 1:
            raise InputError(
                f"{len(names)} tables are packed in it",
                file=path.name,
                met=", ".join(names or packed.namelist())[:200],
                expected="one (" + ", ".join(TABLES) + "); unpack it and name the file",
            )
        size = packed.getinfo(names[0]).file_size
        with packed.open(names[0]) as source:
            return _unpack(source, folder / PurePosixPath(names[0]).name, path, size)


def _is_table(name: PurePosixPath) -> bool:
    """Return whether a packed file is a table, and not what an archiver put beside it."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in TABLES and not hidden


def _unpack(packed: Any, plain: Path, path: Path, size: int = 0) -> Path:
    """Write what is packed as a file, up to the largest size; `size` is what it states."""
    target: BinaryIO
    with plain.open("wb") as target:
        while piece := packed.read(_PIECE):
            target.write(piece)
            if max(size, target.tell()) > LARGEST_FILE:
                raise InputError(
                    "too large when unpacked", file=path.name, expected=f"{LARGEST_FILE:,} bytes"
                )
    return plain
