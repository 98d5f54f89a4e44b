"""Asking a service: signed, at its pace, page by page, and without ever showing a key.

Keys come from environment variables alone. They live in a session's memory, go to the service's own
origin, and stand in no message, file or representation.

A page is written beside its place and moved there, so that it is whole or absent whenever a process
is killed. Pages of a fetch that did not finish are kept, so that the next try goes on behind them.
They hold records and the next question, and nothing that signs it. They are dropped when the fetch
has finished, and when they are so old that the service may answer otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, quote_plus, urlencode

import orjson

from riskmap.downloads import (
    RateLimiter,
    RefusalError,
    bare_address,
    refuse_offline,
    send,
    write_whole,
)
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.queries import Page, Question, Signature, check_columns, plain
from riskmap.settings import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

    from riskmap.incidents.queries import Client, Query


_T = TypeVar("_T")

#: Bytes from which on a page is refused.
LARGEST_PAGE = 1 << 28
#: Shorter keys stand in texts by chance.
SHORTEST_KEY = 8
#: Seconds for which pages of an unfinished fetch are gone on from.
FRESH = 86_400.0
#: Pages after which a fetch that has no end is given up.
MOST_PAGES = 20_000
_UNAUTHORISED, _FORBIDDEN, _TOO_MANY, _SERVER = 401, 403, 429, 500


class Session:
    """Asks one service.

    Parameters
    ----------
    client
        The service.
    sleep, clock
        How to wait, and a clock in seconds that only goes forward; for tests.

    Raises
    ------
    InputError
        When an environment variable that the service needs is not set, or holds no key.
    OfflineError
        When connections are forbidden.
    """

    def __init__(
        self,
        client: Client,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        refuse_offline(f"{client.title} would have to be asked")
        self.client = client
        self._keys = read_keys(client.keys)
        self._sleep = sleep
        self._limit = RateLimiter(client.pace.pause, clock=clock, sleep=sleep)
        self._signature: Signature | None = None

    def __repr__(self) -> str:
        """Return the session without its keys."""
        return f"Session({self.client.name!r})"

    def ask(self, question: Question) -> tuple[Any, str | None]:
        """Return the JSON that the service answers, and when it answered.

        Raises
        ------
        ServiceError
            When it refuses, fails more often than the pace allows, answers no JSON, or repeats the
            key in its answer.
        """
        body, headers = self._signed(question)
        content = _parse(body, question.url)
        return content, headers.get("Date")

    def refuse_keys(self, content: bytes) -> None:
        """Raise when something that is about to be kept holds a key."""
        if any(way in content for way in self._spellings(SHORTEST_KEY)):
            raise ServiceError(
                f"{self.client.title} repeats a key in its records; nothing of this was kept"
            )

    def without_keys(self, text: str) -> str:
        """Return text of the service as one line without keys, cut short."""
        body = text.encode("utf-8", "replace")
        for way in sorted(self._spellings(), key=lambda way: (-len(way), way)):
            body = body.replace(way, b"***")
        return plain(body.decode("utf-8", "replace"))

    def persist(self, attempt: Callable[[], _T]) -> _T:
        """Return what an attempt gives; failures that may pass are tried again.

        Raises
        ------
        ServiceError
            When the last try fails too, or when it won't pass.
        """
        pace = self.client.pace
        for number in range(1, pace.tries + 1):
            self._limit.wait()
            try:
                return attempt()
            except ServiceError as error:
                wait = waiting_time(error, number, self.client)
                if wait is None or number == pace.tries:
                    raise self._told(error, number) from None
                if wait > pace.patience:
                    raise ServiceError(
                        f"{error}; it asks to wait {wait:,.0f} seconds: run again then, and it "
                        "goes on from here"
                    ) from None
                self._sleep(wait)
        raise AssertionError("unreachable")

    def _signed(self, question: Question) -> tuple[bytes, Message[str, str]]:
        """Send a question; a signature that has run out is renewed once."""
        fresh = self._signature is None
        if self._signature is None:
            self._signature = self.client.sign(self._keys, self._unsigned, self.client)
        try:
            return self.persist(lambda: self._send(question, self._signature or Signature()))
        except RefusalError as error:
            if error.status != _UNAUTHORISED or fresh or not self.client.keys:
                raise
            self._signature = None
            return self._signed(question)

    def _unsigned(self, question: Question) -> Any:
        """Ask for a token."""
        body, _ = self.persist(lambda: self._send(question, Signature()))
        return _parse(body, question.url)

    def _send(self, question: Question, signature: Signature) -> tuple[bytes, Message[str, str]]:
        query = urlencode({**question.params, **signature.params})
        return send(
            f"{question.url}?{query}" if query else question.url,
            self.client.service,
            headers={
                "Accept": "application/json",
                **({} if question.body is None else {"Content-Type": question.kind}),
                **signature.headers,
            },
            body=None if question.body is None else question.body.encode(),
            largest=LARGEST_PAGE,
        )

    def _spellings(self, shortest: int = 1) -> set[bytes]:
        """Return the ways in which the keys, and what signs the questions, may be written."""
        signature = self._signature or Signature()
        signs = [*signature.headers.values(), *signature.params.values()]
        keys = [*self._keys.values(), *(part for value in signs for part in value.split())]
        ways = {way for key in keys if len(key) >= shortest for way in _written(key)}
        return {way.encode() for way in ways}

    def _told(self, error: ServiceError, number: int) -> ServiceError:
        """Return an error with what the service says and what to do, and without keys."""
        tried = f" (tried {number} times)" if number > 1 else ""
        if not isinstance(error, RefusalError):
            return ServiceError(f"{self.client.title}: {error}{tried}")
        said = self.without_keys(error.words.decode("utf-8", "replace"))
        text = f"{self.client.title}: {error}{tried}{self._advice(error.status)}"
        return RefusalError(
            text + (f"; it says: {said}" if said else ""), error.status, error.headers
        )

    def _advice(self, status: int) -> str:
        names = " and ".join(self.client.keys)
        if status == _UNAUTHORISED and names:
            return f": it does not accept {names}; {'; '.join(self.client.keys.values())}"
        if status == _FORBIDDEN and names:
            return f": {names} is known there but may not ask this, or is not approved yet"
        return ""


def waiting_time(error: ServiceError, number: int, client: Client) -> float | None:
    """Return the seconds to wait before the next try; None when there is no use in one.

    Parameters
    ----------
    error
        What happened.
    number
        How many tries there have been.
    client
        The service, whose pace says how patient to be.
    """
    backoff = client.pace.backoff * 2 ** (number - 1)
    if not isinstance(error, RefusalError):
        return backoff
    if error.status != _TOO_MANY and error.status < _SERVER:
        return None
    return max(backoff, _retry_after(error.headers))


def _retry_after(headers: Message[str, str]) -> float:
    """Return the seconds that a service asks to wait: a number, or a moment by its own clock."""
    asked = headers.get("Retry-After") or ""
    if asked.strip().isdecimal():
        return float(asked)
    try:
        until = parsedate_to_datetime(asked)
        return (until - parsedate_to_datetime(headers.get("Date") or "")).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def read_keys(names: Mapping[str, str]) -> dict[str, str]:
    """Return keys by the environment variables that hold them.

    Parameters
    ----------
    names
        The variables, and where to get what they hold.

    Raises
    ------
    InputError
        When one is not set, or holds what can't be a key; the message does not show it.
    """
    keys = {}
    for name, hint in names.items():
        key = os.environ.get(name, "").strip()
        if not key:
            raise InputError(f"the environment variable {name} is not set", expected=hint)
        if not key.isprintable() or not key.isascii():
            raise InputError(f"the environment variable {name} holds no key", expected=hint)
        keys[name] = key
    return keys


def _written(key: str) -> set[str]:
    """Return a key as it stands in text, addresses and JSON."""
    escaped = {json.dumps(key)[1:-1], orjson.dumps(key).decode()[1:-1]}
    return {key, quote(key), quote_plus(key), quote(key, safe="")} | escaped


def _parse(body: bytes, url: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        met = f"{len(body):,} bytes"
        raise ServiceError(
            f"{bare_address(url)}: not JSON, met {met}, {error.msg} on line {error.lineno}"
        ) from None


class PageStore:
    """The pages of one query to one service, in a folder of the cache that need not exist.

    Parameters
    ----------
    client, query
        The service and what it is asked.
    """

    def __init__(self, client: Client, query: Query) -> None:
        asked = orjson.dumps(
            {"api": client.service.api, **query.as_dict()}, option=orjson.OPT_SORT_KEYS
        )
        digest = hashlib.sha256(asked).hexdigest()[:16]
        self.folder = cache_folder() / "incidents" / f"{client.name}-{digest}"

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
        for later in takewhile(Path.exists, map(self.path, count(number + 1))):
            later.unlink()
        write_whole(self.path(number), content)

    def drop(self) -> None:
        """Forget every page."""
        shutil.rmtree(self.folder, ignore_errors=True)


def encode_page(page: Page, answered: str | None) -> bytes:
    """Return a page as it is kept."""
    return orjson.dumps({"answered": answered, "page": page})


def collect_pages(
    query: Query, session: Session, store: PageStore
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the records of all pages: kept ones first, then those that the service is asked.

    Parameters
    ----------
    query
        What to ask.
    session
        The service and how to ask it.
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
    client = session.client
    records: list[dict[str, Any]] = []
    seen: set[bytes] = set()
    total: int | None = None
    question: Question | None = client.ask(client, query)
    answered = None
    number = 0
    while question is not None:
        kept = store.read(number)
        page, answered = kept or _turn(question, session, store, number)
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
    question: Question, session: Session, store: PageStore, number: int
) -> tuple[Page, str | None]:
    """Ask for a page, check it and keep it."""
    client = session.client
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
