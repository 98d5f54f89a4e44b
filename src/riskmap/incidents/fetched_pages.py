"""Pages of a service, asked until all are there or some are seen to lack; releases that are files.

A page is written beside its place and moved there, so that it is whole or absent whenever a process
is killed. Pages of a fetch that did not finish are kept, so that the next try goes on behind them.
They hold records and the next question, and nothing that signs it. They are dropped when the fetch
has finished, and when they are so old that the service may answer otherwise. A release is
downloaded once, checked, kept in the cache, and read a part at a time.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from riskmap.downloads import bare_address, stream, write_whole
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.delimited import read_header, sniff_text
from riskmap.incidents.parts import split_file
from riskmap.incidents.queries import Page, Question, check_columns, plain
from riskmap.incidents.sessions import Session
from riskmap.incidents.tabular import laid_out, open_table
from riskmap.settings import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from riskmap.incidents.queries import Client, Query


#: Seconds for which pages of an unfinished fetch are gone on from.
FRESH = 86_400.0


class PageStore:
    """The pages of one query to one service.

    Parameters
    ----------
    folder
        Where they stand; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, client: Client, query: Query) -> PageStore:
        """Return the store of a query in the cache folder."""
        asked = orjson.dumps(
            {"api": client.service.api, **query.as_dict()}, option=orjson.OPT_SORT_KEYS
        )
        digest = hashlib.sha256(asked).hexdigest()[:16]
        return cls(cache_folder() / "incidents" / f"{client.name}-{digest}")

    def path(self, number: int) -> Path:
        """Return where a page stands."""
        return self.folder / f"page-{number:05d}.json"

    def read(self, number: int) -> tuple[Page, str | None] | None:
        """Return a page and when the service gave it; None when it is absent, old or spoilt."""
        path = self.path(number)
        try:
            if time.time() - path.stat().st_mtime > FRESH:
                return None
            content = orjson.loads(path.read_bytes())
            kept = content["page"]
            following = kept["following"] and Question(**kept["following"])
            page = Page(kept["records"], following, kept["total"])
            return page, content["answered"]
        except (OSError, KeyError, TypeError, ValueError):
            return None

    def write(self, number: int, content: bytes) -> None:
        """Keep a page, all at once; the ones behind it are of another time and go."""
        later = self.path(number + 1)
        while later.exists():
            later.unlink()
            later = later.with_name(f"page-{int(later.stem[5:]) + 1:05d}.json")
        write_whole(self.path(number), content)

    def drop(self) -> None:
        """Forget every page."""
        shutil.rmtree(self.folder, ignore_errors=True)


def encode_page(page: Page, answered: str | None) -> bytes:
    """Return a page as it is kept."""
    return orjson.dumps({"answered": answered, "page": page})


#: Pages after which a fetch that has no end is given up.
MOST_PAGES = 20_000


def collect_pages(
    client: Client, query: Query, session: Session, store: PageStore
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the records of all pages: kept ones first, then those that the service is asked.

    Parameters
    ----------
    client, query
        The service and what to ask it.
    session
        How to ask.
    store
        Where each page is kept until all are there.

    Returns
    -------
    records : list of dict
        As the service writes them.
    answered : str or None
        When it answered last, by its own clock.

    Raises
    ------
    ServiceError
        When pages repeat, don't end, change while they are asked for, or records are missing.
    """
    records: list[dict[str, Any]] = []
    seen: set[bytes] = set()
    total: int | None = None
    question: Question | None = client.ask(client, query)
    answered = None
    number = 0
    while question is not None:
        kept = store.read(number)
        page, answered = kept or _turn(client, question, session, store, number)
        _check_progress(page, seen, number, client)
        total = page.total if total is None else total
        if page.total is not None and page.total != total:
            store.drop()
            raise ServiceError(
                f"{client.title} changed while it was asked: {total:,} records on the first page, "
                f"{page.total:,} on page {number + 1}; run again to start over"
            )
        records += page.records
        question, number = page.following, number + 1
    if fault := _fault(records, total, client):
        store.drop()
        raise ServiceError(f"{client.title} {fault}; run again to start over")
    return records, answered


def _turn(
    client: Client, question: Question, session: Session, store: PageStore, number: int
) -> tuple[Page, str | None]:
    """Ask for a page, check it and keep it."""
    content, answered = session.ask(question)
    try:
        page = client.read(content, question)
        check_columns(page.records, client.columns, client.title)
    except ServiceError as error:
        raise ServiceError(session.without_keys(str(error))) from None
    encoded = encode_page(page, answered)
    session.refuse_keys(encoded)
    store.write(number, encoded)
    return page, answered


def _fault(records: list[dict[str, Any]], total: int | None, client: Client) -> str:
    """Return what shows that records are missing; nothing when all seem to be there."""
    if total is not None and len(records) != total:
        return f"ended after {len(records):,} of {total:,} records"
    ids = [str(record.get(client.identity)) for record in records] if client.identity else []
    if twice := len(ids) - len(set(ids)):
        return f"gave {twice:,} records twice, so that its pages have moved and others may be lost"
    return ""


def _check_progress(page: Page, seen: set[bytes], number: int, client: Client) -> None:
    """Raise when pages repeat or don't end."""
    digest = hashlib.sha256(encode_page(replace(page, following=None), None)).digest()
    if (page.records and digest in seen) or number >= MOST_PAGES:
        raise ServiceError(
            f"{client.title}: the pages don't end; page {number + 1} "
            + ("is one that came before" if digest in seen else f"is beyond {MOST_PAGES:,}")
        )
    seen.add(digest)


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
        return _read_release(path, client, keep)
    except (InputError, ServiceError) as error:
        path.unlink()
        raise ServiceError(
            f"{bare_address(address)}: no whole file of {client.title}: " + plain(str(error))
        ) from None


def _read_release(
    path: Path, client: Client, keep: Callable[[pd.DataFrame], pd.Series]
) -> tuple[pd.DataFrame, int]:
    """Return wanted rows and the number of all, a part at a time."""
    found: list[pd.DataFrame] = []
    count = 0
    with laid_out(path) as file:
        header = read_header(sniff_text(file)).header
        check_columns([dict.fromkeys(header, "")], client.columns, client.title)
        for block in split_file(file):
            raw, _ = open_table(block, feed=client.feed, every=True)
            for row, fields in raw.broken.items():
                line = raw.lines[row]
                raise ServiceError(f"line {line} holds {len(fields)} fields of {len(header)}")
            found.append(raw.rows[keep(raw.rows)])
            count += len(raw)
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=header)
    return rows, count
