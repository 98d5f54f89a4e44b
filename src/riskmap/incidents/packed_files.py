"""Packed files: one table in a zip or gzip file, laid out as a plain file while it is read."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError
from riskmap.incidents.parts import Block

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: Kinds of file that are no delimited text.
JSON, SHEETS = (".json", ".geojson"), (".xlsx",)
#: How the names of packed files end.
PACKED = (".zip", ".gz")
#: Names that end so hold tables; others that are packed with them are left alone.
TABLES = (".csv", ".tsv", ".tab", ".txt", *JSON, *SHEETS)
#: Bytes from which on what is packed is refused.
LARGEST_FILE = 1 << 33
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_PIECE = 1 << 20


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
