"""Services that publish incidents: what is asked of one, how it is asked, what it answers.

A service is plain values and pure functions (:class:`Client`, one in its feed's file); asking is
the same for all. Keys come from environment variables, live in a session's memory, go to the
service's own origin, and stand in no message, file or representation. Messages repeat what was met
in full: whoever shows one takes the keys out first, then cuts it short (:func:`plain`).
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import date
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, quote_plus, urlencode

import orjson

from riskmap.countries import find_country
from riskmap.downloads import RateLimiter, RefusalError, bare_address, refuse_offline, send
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.dates import read_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskmap.downloads import Service

_T = TypeVar("_T")

#: Bytes from which on a page is refused.
LARGEST_PAGE = 1 << 28
#: Shorter keys stand in texts by chance.
SHORTEST_KEY = 8
_UNAUTHORISED, _FORBIDDEN, _TOO_MANY, _SERVER = 401, 403, 429, 500


@dataclass(frozen=True)
class Query:
    """What a caller wants to know.

    Parameters
    ----------
    country
        Alpha-3 code of the country; all countries when None.
    since, until
        First and last day.
    version
        The release, for services that have several.

    Examples
    --------
    >>> Query.of(country="Afghanistan", since=2020, until="2021-02")
    Query(country='AFG', since=datetime.date(2020, 1, 1), until=datetime.date(2021, 2, 28), \
version=None)
    """

    country: str | None = None
    since: date | None = None
    until: date | None = None
    version: str | None = None

    @classmethod
    def of(
        cls,
        *,
        country: str | None = None,
        since: date | str | int | None = None,
        until: date | str | int | None = None,
        version: str | None = None,
    ) -> Query:
        """Return a checked query; a year or month stands for its first or its last day.

        Raises
        ------
        InputError
            When the country is not known, a day is none, or the days are in the wrong order.
        """
        code = None if country is None else find_country(country)
        if country is not None and code is None:
            raise InputError("unknown country", met=country, expected="an alpha-3 code such as AFG")
        first, last = _day(since, last=False), _day(until, last=True)
        if first and last and first > last:
            raise InputError("the days are in the wrong order", met=f"{first} to {last}")
        return cls(code, first, last, None if version is None else str(version))

    def as_dict(self) -> dict[str, str]:
        """Return what was asked as plain values, without what was left open."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}


def _day(value: date | str | int | None, *, last: bool) -> date | None:
    """Return the first or last day of a day, month or year."""
    if value is None or isinstance(value, date):
        return value
    found = read_day(str(value))
    if found.first is None:
        raise InputError("not a day", met=value, expected="YYYY, YYYY-MM or YYYY-MM-DD")
    return found.last if last else found.first


@dataclass(frozen=True)
class Question:
    """One request to a service, without what signs it.

    Parameters
    ----------
    url
        The address.
    params
        What stands behind ``?``.
    body
        What is posted; nothing is, when None.
    kind
        Media type of the body.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    kind: str = "application/json"


@dataclass(frozen=True)
class Page:
    """One answer: its records, and what to ask next.

    Parameters
    ----------
    records
        The records as the service writes them.
    following
        The question for the next page; None after the last one.
    """

    records: list[dict[str, Any]]
    following: Question | None = None


@dataclass(frozen=True)
class Pace:
    """How often a service is asked, and how patiently.

    Parameters
    ----------
    pause
        Seconds from one request to the next.
    tries
        How often a request is tried that fails for a reason that may pass.
    backoff
        Seconds before the second try; doubled before each further one.
    patience
        Seconds beyond which riskmap gives up rather than wait.
    """

    pause: float = 1.0
    tries: int = 5
    backoff: float = 2.0
    patience: float = 600.0


@dataclass(frozen=True, kw_only=True)
class Client:
    """One service: where it is, what it needs, and what its rows are.

    Parameters
    ----------
    name
        What callers write.
    title
        The service's name, as it wants to be cited.
    feed
        The feed that its rows are of.
    service
        Its address and hosts.
    licence
        What its terms say, in one sentence.
    columns
        What its rows must have, by the names that it uses.
    country, days
        The rows' columns of the country, and of the first and last day.
    keys
        Environment variables that hold what it asks for, and where to get it.
    pace
        How often it is asked.
    """

    name: str
    title: str
    feed: str
    service: Service
    licence: str
    columns: frozenset[str]
    country: str
    days: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, kw_only=True)
class FileClient(Client):
    """A service that gives files.

    Parameters
    ----------
    release
        Makes the address of a query's file: CSV, or a zip file with one CSV in it.
    """

    release: Callable[[FileClient, Query], str]


@dataclass(frozen=True, kw_only=True)
class PagedClient(Client):
    """A service that gives records page by page.

    Parameters
    ----------
    ask
        Makes the first question of a query.
    read
        Makes a page of an answer's JSON and its question; raises ServiceError when the answer has
        another shape than expected.
    sign
        Makes the headers that show that the caller may ask, from the keys; may ask for a token.
    identity
        The records' column of the id, where they have one.
    """

    ask: Callable[[PagedClient, Query], Question]
    read: Callable[[Any, Question], Page]
    sign: Callable[[Mapping[str, str], Callable[[Question], Any], PagedClient], Mapping[str, str]]
    identity: str | None = None


AnyClient = FileClient | PagedClient
_SHOWN = 300


def plain(text: str) -> str:
    r"""Return what a service says as one line of printable text, cut short.

    Examples
    --------
    >>> plain("no\x1b access")
    'no? access'
    """
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."


def records_of(content: Any, name: str, service: str) -> list[dict[str, Any]]:
    """Return the records that an answer holds under a name.

    Examples
    --------
    >>> records_of({"data": [{"id": 1}]}, "data", "a service")
    [{'id': 1}]
    """
    if not isinstance(content, dict):
        raise ServiceError(f"{service} answered a {type(content).__name__}, expected an object")
    records = content.get(name)
    if not isinstance(records, list):
        met = ", ".join(sorted(map(str, content))) or "nothing"
        raise ServiceError(f"{service} answered no list {name!r}, met {met}")
    if not all(isinstance(record, dict) for record in records):
        raise ServiceError(f"{service} answered records in {name!r} that are no objects")
    return records


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
        self._keys = _read_keys(client.keys)
        self._sleep = sleep
        self._limit = RateLimiter(client.pace.pause, clock=clock, sleep=sleep)
        self._signed: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        """Return the session without its keys."""
        return f"Session({self.client.name!r})"

    def ask(self, client: PagedClient, question: Question) -> tuple[Any, str | None]:
        """Return the JSON that the service answers, and when it answered.

        What signs the question is made when it is first needed, and anew once it has run out.

        Raises
        ------
        ServiceError
            When it refuses, fails more often than the pace allows, or answers no JSON.
        """
        had = self._signed is not None
        if self._signed is None:
            self._signed = client.sign(self._keys, lambda one: self._send(one, {})[0], client)
        try:
            return self._send(question, self._signed)
        except RefusalError as error:
            if error.status != _UNAUTHORISED or not had:
                raise
            self._signed = None
            return self.ask(client, question)

    def refuse_keys(self, records: list[dict[str, Any]]) -> bytes:
        """Return records as JSON; raise when they hold a key, or are nested without end."""
        try:
            content = orjson.dumps(records)
        except orjson.JSONEncodeError as error:
            raise ServiceError(f"{self.client.title}: records can't be kept: {error}") from None
        if any(way in content for way in self._spellings(SHORTEST_KEY)):
            raise ServiceError(
                f"{self.client.title} repeats a key in its records; nothing of this was kept"
            )
        return content

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
                wait = _waiting_time(error, pace.backoff * 2 ** (number - 1))
                if wait is None or number == pace.tries:
                    raise self._told(error, number) from None
                if wait > pace.patience:
                    asked = f"it asks to wait {wait:,.0f} seconds: run again then"
                    raise ServiceError(f"{error}; {asked}") from None
                self._sleep(wait)
        raise AssertionError("unreachable")

    def _send(self, question: Question, signed: Mapping[str, str]) -> tuple[Any, str | None]:
        query = urlencode(question.params)
        kind = {} if question.body is None else {"Content-Type": question.kind}
        body, headers = self.persist(
            lambda: send(
                f"{question.url}?{query}" if query else question.url,
                self.client.service,
                headers={"Accept": "application/json", **kind, **signed},
                body=None if question.body is None else question.body.encode(),
                largest=LARGEST_PAGE,
            )
        )
        try:
            return orjson.loads(body), headers.get("Date")
        except orjson.JSONDecodeError as error:  # what was met may hold a key
            raise ServiceError(
                f"{bare_address(question.url)}: not JSON, met {len(body):,} bytes, {error.msg} "
                f"on line {error.lineno}"
            ) from None

    def _spellings(self, shortest: int = 1) -> set[bytes]:
        """Return the ways in which the keys, and what signs the questions, may be written."""
        signs = [part for value in (self._signed or {}).values() for part in value.split()]
        keys = [key for key in (*self._keys.values(), *signs) if len(key) >= shortest]
        return {way.encode() for key in keys for way in _written(key)}

    def _told(self, error: ServiceError, number: int) -> ServiceError:
        """Return an error with what the service says and what to do, and without keys."""
        text = f"{self.client.title}: {error}" + (f" (tried {number} times)" if number > 1 else "")
        if not isinstance(error, RefusalError):
            return ServiceError(text)
        names = " and ".join(self.client.keys)
        if error.status == _UNAUTHORISED and names:
            text += f": it does not accept {names}; {'; '.join(self.client.keys.values())}"
        if error.status == _FORBIDDEN and names:
            text += f": {names} is known there but may not ask this, or is not approved yet"
        said = self.without_keys(error.words.decode("utf-8", "replace"))
        return RefusalError(
            text + (f"; it says: {said}" if said else ""), error.status, error.headers
        )


def _waiting_time(error: ServiceError, backoff: float) -> float | None:
    """Return the seconds to wait before the next try; None when there is no use in one.

    A service may name a number of seconds, or a moment by its own clock.
    """
    if not isinstance(error, RefusalError):
        return backoff
    if error.status != _TOO_MANY and error.status < _SERVER:
        return None
    asked = error.headers.get("Retry-After") or ""
    if asked.strip().isdecimal():
        return max(backoff, float(asked))
    try:
        until = parsedate_to_datetime(asked)
        now = parsedate_to_datetime(error.headers.get("Date") or "")
        return max(backoff, (until - now).total_seconds())
    except (ValueError, TypeError):
        return backoff


def _read_keys(names: Mapping[str, str]) -> dict[str, str]:
    """Return keys by the environment variables that hold them; no message shows one."""
    keys = {}
    for name, hint in names.items():
        keys[name] = os.environ.get(name, "").strip()
        if not keys[name]:
            raise InputError(f"the environment variable {name} is not set", expected=hint)
        if not keys[name].isprintable() or not keys[name].isascii():
            raise InputError(f"the environment variable {name} holds no key", expected=hint)
    return keys


def _written(key: str) -> set[str]:
    """Return a key as it stands in text, addresses and JSON."""
    escaped = {json.dumps(key)[1:-1], orjson.dumps(key).decode()[1:-1]}
    return {key, quote(key), quote_plus(key), quote(key, safe="")} | escaped
