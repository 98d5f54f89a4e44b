"""Packed files: the one table in a zip or gzip file, as UCDP and GDELT publish theirs."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names that end so hold tables; others that are packed with them are left alone.
TABLES = (".csv", ".tsv", ".tab", ".txt", ".json", ".geojson", ".xlsx")
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a file itself, or for as long as it is needed the one table that is packed in it.

    Packing is told by the first bytes, whatever the name.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        When it is packed and holds no table or several, is cut short, or has a password.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.csv.gz"
    ...     _ = file.write_bytes(gzip.compress(b"date,place"))
    ...     with unpacked(file) as plain:
    ...         plain.name, plain.read_text()
    ('a.csv', 'date,place')
    """
    start = _first_bytes(path)
    if path.suffix.lower() == ".xlsx" or not start.startswith((_ZIP, _GZIP)):
        yield path
        return
    with TemporaryDirectory() as folder:
        try:
            plain = (_from_zip if start.startswith(_ZIP) else _from_gzip)(path, Path(folder))
        except _BROKEN as error:
            raise InputError(
                f"can't be unpacked: {error}", file=path.name, expected="a whole zip or gzip file"
            ) from error
        yield plain


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(4)


def _from_gzip(path: Path, folder: Path) -> Path:
    plain = folder / (path.stem if path.suffix.lower() == ".gz" else path.name)
    with gzip.open(path) as packed, plain.open("wb") as target:
        shutil.copyfileobj(packed, target)
    return plain


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
        plain = folder / PurePosixPath(names[0]).name
        with packed.open(names[0]) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
    return plain


def _is_table(name: PurePosixPath) -> bool:
    """Return whether a packed file is a table, and not what an archiver put beside it."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in TABLES and not hidden
