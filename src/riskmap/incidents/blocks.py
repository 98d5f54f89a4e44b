"""Blocks: a long file in parts that each fit in memory and can be read on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Bytes of text a block holds, about: a hundred thousand rows of a wide feed.
BLOCK_BYTES = 1 << 26

#: How many times as long a block may get while a quoted field seems to be open. A quote that is
#: never closed would otherwise make the rest of a file one block.
PATIENCE = 4

_QUOTE, _BREAK, _TAB = b'"', b"\n", b"\t"
_PIECE = 1 << 20
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Block:
    """A run of whole rows of a file.

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

    def copy_to(self, path: Path) -> None:
        """Write the block as a file of its own, under the header of the whole."""
        with self.path.open("rb") as source, path.open("wb") as target:
            target.write(self.header)
            source.seek(self.start)
            left = self.stop - self.start
            while left and (piece := source.read(min(left, _PIECE))):
                target.write(piece)
                left -= len(piece)

    def count_rows(self) -> int:
        """Return the number of lines in the block."""
        lines, last, left = 0, _BREAK, self.stop - self.start
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left and (piece := file.read(min(left, _PIECE))):
                lines, last, left = lines + piece.count(_BREAK), piece[-1:], left - len(piece)
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
    if first.startswith(_WIDE) or (has_header and first.count(_QUOTE) % 2):
        yield Block(path, b"", 0, end, 1)
        return
    quoted = _TAB not in first
    start, line = len(header), 1 + bool(header)
    for stop, lines in _find_cuts(path, start, size=size, quoted=quoted):
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
