"""Addresses: files of incidents elsewhere than on this machine, by what fsspec can open."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError, MissingDependencyError, OfflineError
from riskmap.incidents.packed_files import LARGEST_FILE
from riskmap.incidents.scope import scope_path
from riskmap.settings import OFFLINE_VARIABLE, is_offline

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)(?:::|://)")
#: What is reached without a connection.
_NEAR = ("file", "local", "memory")


def is_address(path: Any) -> bool:
    """Return whether a text is an address, such as ``s3://desk/log.csv``, and no path.

    Examples
    --------
    >>> is_address("s3://desk/log.csv"), is_address("desk/log.csv")
    (True, False)
    """
    return isinstance(path, str) and _ADDRESS.match(path) is not None


@contextmanager
def local_copy(path: Any) -> Iterator[Any]:
    """Yield what is named, of an address a copy of its file or folder for as long as it is read.

    A file beside it that states its scope comes with it. What opens an address, and its keys, is
    fsspec's: ``s3://`` wants ``s3fs``, ``gs://`` wants ``gcsfs``.

    Parameters
    ----------
    path
        An address as text; everything else is yielded as it is.

    Raises
    ------
    InputError
        When nothing is there, nothing installed opens such addresses, or the file is too large.
    MissingDependencyError
        When fsspec is not installed (extra ``remote``).
    OfflineError
        When a connection would be needed, and ``RISKMAP_OFFLINE`` forbids it.

    Examples
    --------
    >>> with local_copy("log.csv") as near:
    ...     near
    'log.csv'
    """
    if not is_address(path):
        yield path
        return
    if is_offline() and not path.startswith(_NEAR):
        raise OfflineError(f"{path} can't be read: {OFFLINE_VARIABLE} forbids it")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError("fsspec", extra="remote") from error
    with TemporaryDirectory(prefix="riskmap-") as folder:
        try:
            files, inner = url_to_fs(path)
            near = _fetch(files, inner.rstrip("/"), Path(folder), path)
        except (OSError, ValueError, ImportError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError("can't be read", file=path, met=str(error)[:200]) from error
        yield near


def _fetch(files: Any, inner: str, folder: Path, address: str) -> Path:
    """Copy a file or folder, and what states its scope, and return where the copy is."""
    near = folder / inner.rpartition("/")[2]
    if files.isdir(inner):
        files.get(inner, str(near), recursive=True)
    else:
        if (size := files.size(inner) or 0) > LARGEST_FILE:
            raise InputError(
                "too large", file=address, met=size, expected=f"{LARGEST_FILE:,} bytes"
            )
        files.get_file(inner, str(near))
    beside = scope_path(inner)
    if files.exists(str(beside)):
        files.get_file(str(beside), str(folder / beside.name))
    return near
