"""Files: written beside their place, made durable, and moved there whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from riskmap.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What the system, SQLite and GDAL raise when a file can't be written, as on a full disk.
WRITING_FAILED = (OSError, sqlite3.Error, DataSourceError, DataLayerError, FeatureError)

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
#: Where less than this is free, a failure that names no reason is put down to the disk: by the time
#: it is told, GDAL has removed what it wrote. Else so much is written, to meet quotas and limits.
_ROOM, _TRIED = 64 * 2**20, 2**20


@contextlib.contextmanager
def told_why(what: str, folder: Path) -> Iterator[None]:
    """Raise what fails to be written as a PublishError that says whether the disk is the reason.

    It must be left before what was written is removed, or the disk has room again.

    Parameters
    ----------
    what
        What was not written, as the begin of a sentence.
    folder
        Where it should have been.

    Raises
    ------
    PublishError
        Instead of any of :data:`WRITING_FAILED`.

    Examples
    --------
    >>> with told_why("a.csv was not written", Path("out")):
    ...     raise PermissionError(errno.EACCES, "no")
    Traceback (most recent call last):
    riskmap.errors.PublishError: a.csv was not written: out can't be written: [Errno 13] no
    """
    try:
        yield
    except WRITING_FAILED as error:
        raise PublishError(f"{what}: {_reason(error, folder)}") from error


def _reason(error: Exception, folder: Path) -> str:
    """Return why a file can't be written: SQLite and GDAL don't say when the disk is full."""
    found = error.errno if isinstance(error, OSError) else _try_room(folder)
    if found in _FORBIDDEN:
        return f"{folder} can't be written: {error}"
    if found in _FULL:
        place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        free = shutil.disk_usage(place).free
        return f"the disk of {folder} is full or nearly so ({free:,} bytes free): {error}"
    if found is not None and not isinstance(error, OSError):
        return f"{folder} can't be written ({os.strerror(found)}): {error}"
    return str(error)


def _try_room(folder: Path) -> int | None:
    """Return the number of the system's error when a folder is written to, or None."""
    try:
        if shutil.disk_usage(folder).free < _ROOM:
            return errno.ENOSPC
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED))
    except OSError as error:
        return error.errno
    return None


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
        with told_why(f"{path} was not written", path.parent):
            write_chunks(partial, chunks)
            sync(partial)
            partial.replace(path)
            sync(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path
