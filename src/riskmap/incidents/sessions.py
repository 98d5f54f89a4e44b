"""Asking a service: signed, at its pace, patiently, and without ever showing a key.

Keys come from environment variables alone. They live in a session's memory, go to the service's own
origin, and stand in no message, file or representation.
"""

from __future__ import annotations

import json
import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, quote_plus, urlencode

import orjson

from riskmap.downloads import RefusalError, bare_address, send
from riskmap.errors import InputError, OfflineError, ServiceError
from riskmap.incidents.queries import Signature, plain
from riskmap.settings import is_offline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

    from riskmap.incidents.queries import Client, Question


_T = TypeVar("_T")

#: Bytes from which on a page is refused.
LARGEST_PAGE = 1 << 28
#: Shorter keys stand in texts by chance.
SHORTEST_KEY = 8
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
        if is_offline():
            raise OfflineError(
                f"{client.title} would have to be asked, and RISKMAP_OFFLINE forbids it"
            )
        self.client = client
        self._keys = read_keys(client.keys)
        self._sleep, self._clock = sleep, clock
        self._signature: Signature | None = None
        self._last: float | None = None

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
            self._keep_pace()
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

    def _keep_pace(self) -> None:
        if self._last is not None:
            left = self._last + self.client.pace.pause - self._clock()
            if left > 0:
                self._sleep(left)
        self._last = self._clock()

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
