"""Releases that are files: downloaded once, checked, kept in the cache, and read row by row."""

from __future__ import annotations

import csv
import io
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pandas as pd

from riskmap.downloads import bare_address, stream
from riskmap.errors import ServiceError
from riskmap.incidents.clients.answers import check_columns, plain
from riskmap.incidents.clients.transports import Session
from riskmap.settings import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from riskmap.incidents.clients.queries import Client

#: Bytes from which on a packed file is refused.
LARGEST_FILE = 1 << 33


def read_release(
    client: Client,
    address: str,
    keep: Callable[[pd.DataFrame], pd.Series],
    *,
    session: Session | None = None,
) -> tuple[pd.DataFrame, int]:
    """Return the wanted rows of a release, as text, and how many rows it holds.

    Parameters
    ----------
    client
        The service.
    address
        Where the file is: CSV, or a zip file with one CSV in it.
    keep
        Says which rows of a part of the file are wanted.
    session
        How to ask, when the file isn't in the cache.

    Raises
    ------
    ServiceError
        When it can't be had, or is no whole file of the feed; a spoilt file is forgotten.
    """
    path = cache_folder() / "incidents" / client.name / address.rpartition("/")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        session = session or Session(client)
        session.persist(lambda: stream(address, part, client.service))
        part.replace(path)
    try:
        return _read(path, client, keep)
    except (csv.Error, UnicodeError, zipfile.BadZipFile, EOFError, ServiceError) as error:
        path.unlink()
        raise ServiceError(
            f"{bare_address(address)}: no whole file of {client.title}: " + plain(str(error))
        ) from None


def _read(
    path: Path, client: Client, keep: Callable[[pd.DataFrame], pd.Series], *, chunk: int = 50_000
) -> tuple[pd.DataFrame, int]:
    """Return wanted rows and the number of all, a chunk at a time."""
    parts: list[pd.DataFrame] = []
    count = 0
    with _open(path) as file:
        reader = csv.reader(file)
        header = next(reader, [])
        check_columns([dict.fromkeys(header, "")], client.columns, client.title)
        rows: list[list[str]] = []
        for row in reader:
            if len(row) != len(header):
                raise ServiceError(
                    f"line {reader.line_num} holds {len(row)} fields of {len(header)}"
                )
            rows.append(row)
            count += 1
            if len(rows) == chunk:
                parts.append(_wanted(rows, header, keep))
                rows = []
    parts.append(_wanted(rows, header, keep))
    return pd.concat(parts, ignore_index=True), count


def _wanted(
    rows: list[list[str]], header: list[str], keep: Callable[[pd.DataFrame], pd.Series]
) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=header, dtype="str")
    return table[keep(table)]


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOBase]:
    """Open a CSV, or the one in a zip file, as text."""
    if path.suffix.lower() != ".zip":
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
        return
    with zipfile.ZipFile(path) as packed:
        names = [item for item in packed.infolist() if item.filename.lower().endswith(".csv")]
        if len(names) != 1 or names[0].file_size > LARGEST_FILE:
            raise ServiceError(f"{len(names)} CSV files are packed in it, expected one")
        with packed.open(names[0]) as raw:
            yield io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
