"""Rounds: a service is asked page after page until all are there, or some are seen to lack."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from riskmap.errors import ServiceError
from riskmap.incidents.clients.answers import check_columns
from riskmap.incidents.clients.pages import encode_page

if TYPE_CHECKING:
    from riskmap.incidents.clients.pages import PageStore
    from riskmap.incidents.clients.queries import Client, Page, Query, Question
    from riskmap.incidents.clients.transports import Session

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
