"""Files: written beside their place, made durable, and moved there whole."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from riskmap.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What the system, SQLite and GDAL raise when a file can't be written, as on a full disk.
WRITING_FAILED = (OSError, sqlite3.Error, DataSourceError, DataLayerError, FeatureError)


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file piece by piece."""
    with path.open("wb") as file:
        file.writelines(chunks)


def sync(path: Path) -> None:
    """Make a file or folder durable: what was written is on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: str | Path, chunks: Iterable[bytes]) -> Path:
    """Write one file beside its place and move it there when it is whole.

    Raises
    ------
    PublishError
        When it can't be written; what stood there is untouched.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     replace_file(Path(folder) / "a.txt", [b"a", b"b"]).read_bytes()
    b'ab'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        try:
            write_chunks(partial, chunks)
            sync(partial)
            partial.replace(path)
            sync(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise PublishError(f"{path} was not written: {error}") from error
    return path
