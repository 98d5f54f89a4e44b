"""Downloads: over https, from named hosts alone, within limits, going on where they stopped.

Messages name addresses without what follows ``?``, and what signs a request goes to the host that
it was made for and to no other: keys can't get out by either way.
"""

from __future__ import annotations

import http.client
import math
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.errors import OfflineError, ServiceError
from riskmap.settings import VERSION, is_offline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from email.message import Message
    from pathlib import Path

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHUNK = 1 << 16
_LARGEST_ANSWER = 1 << 20
_WORDS = 2000
#: Headers that may follow a redirect to another origin.
_HARMLESS = ("User-agent", "Accept-encoding", "Accept", "Range")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_LEADS_ELSEWHERE = (301, 302, 303, 307, 308)
_NOT_FOUND, _PARTIAL, _BEYOND = 404, 206, 416


@dataclass(frozen=True)
class Service:
    """A service on the network and what is allowed of it.

    Parameters
    ----------
    api
        The address that questions start with.
    hosts
        The hosts that may answer, also after a redirect.
    timeout
        Seconds without a byte after which a connection is given up.
    deadline
        Seconds after which a download is given up, however it drips.
    largest
        Bytes after which a file is refused.

    Examples
    --------
    >>> Service(api="https://example.org/api", hosts=("example.org",)).timeout
    30.0
    """

    api: str
    hosts: tuple[str, ...]
    timeout: float = 30.0
    deadline: float = 900.0
    largest: int = 1 << 30


@dataclass
class RateLimiter:
    """The time between two requests of one application to one service.

    Parameters
    ----------
    seconds
        At least so many seconds pass between two requests.
    clock, sleep
        How time is read and spent.

    Examples
    --------
    >>> waits = []
    >>> limit = RateLimiter(1.0, clock=lambda: 0.0, sleep=waits.append)
    >>> limit.wait(), limit.wait(), waits
    (None, None, [1.0])
    """

    seconds: float = 1.0
    _: KW_ONLY
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _next: float = field(default=-math.inf, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def wait(self) -> None:
        """Sleep until the next request may go out."""
        with self._lock:
            left = self._next - self.clock()
            if left > 0:
                self.sleep(left)
            self._next = max(self._next, self.clock()) + self.seconds

    def postpone(self, seconds: float) -> None:
        """Let no request go out for some seconds."""
        with self._lock:
            self._next = max(self._next, self.clock() + seconds)


class RefusalError(ServiceError):
    """A service answered with an HTTP status that is no success.

    Parameters
    ----------
    message
        What to tell.
    status
        The HTTP status.
    headers
        The answer's headers.
    words
        The start of the answer's body; untrusted.
    """

    def __init__(
        self, message: str, status: int, headers: Message[str, str], words: bytes = b""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.words = words


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to a host that the service may use."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Check the new address before urllib makes a request of it; keys stay at their origin."""
        try:
            check_address(newurl, self.service)
        except ServiceError:
            fp.close()
            raise
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and _origin(newurl) != _origin(req.full_url):
            request.headers = {k: v for k, v in request.headers.items() if k in _HARMLESS}
        return request


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def bare_address(url: str) -> str:
    """Return an address without its query, which may hold keys.

    Examples
    --------
    >>> bare_address("https://example.org/a?key=b")
    'https://example.org/a'
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def check_address(url: str, service: Service) -> None:
    """Raise unless an address is https at one of the service's hosts (http on loopback).

    Examples
    --------
    >>> check_address("https://example.org/a", Service(api="", hosts=("example.org",)))
    """
    parts = urllib.parse.urlsplit(url)
    scheme = "http" if parts.hostname in _LOOPBACK else "https"
    if parts.scheme != scheme or parts.hostname not in service.hosts:
        hosts = ", ".join(service.hosts)
        raise ServiceError(f"{bare_address(url)!r} is refused: expected {scheme} at one of {hosts}")


def refuse_offline(what: str) -> None:
    """Raise when ``RISKMAP_OFFLINE`` forbids what would need a connection.

    Raises
    ------
    OfflineError
        When it does.
    """
    if is_offline():
        raise OfflineError(f"{what}, and RISKMAP_OFFLINE forbids it")


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file that is whole or absent, whenever the process is killed.

    Parameters
    ----------
    path
        Where it is to be; what is there already is replaced.
    content
        What it holds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def ask(url: str, service: Service) -> Any:
    """Return the JSON that an address answers; None when it answers that there is no such thing.

    Raises
    ------
    ServiceError
        When it fails, or answers something else than JSON.
    """
    try:
        body, _ = send(url, service)
    except RefusalError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ServiceError(f"{bare_address(url)}: not JSON, met {body[:40]!r}") from error


def send(
    url: str,
    service: Service,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    largest: int = _LARGEST_ANSWER,
) -> tuple[bytes, Message[str, str]]:
    """Return the body and the headers that an address answers.

    Parameters
    ----------
    url
        The address.
    service
        What is allowed.
    headers
        Further headers, such as a key.
    body
        What to post; nothing is posted, and the address is got, when not given.
    largest
        Bytes from which on an answer is refused.

    Raises
    ------
    RefusalError
        When it answers with an HTTP status that is no success.
    ServiceError
        When it can't be reached, ends too early, drips too long or is too large.
    """
    with _open(url, dict(headers or {}), service, body) as response:
        parts: list[bytes] = []
        _receive(response, parts.append, service, (largest, _length(response)))
        return b"".join(parts), response.headers


def stream(url: str, part: Path, service: Service) -> None:
    """Download a file to `part`; what an earlier try left there is kept and gone on from.

    Raises
    ------
    ServiceError
        When it fails or ends too early; what came is kept for the next try.
    """
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with _open(url, headers, service) as response:
            told = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            goes_on = response.status == _PARTIAL and told is not None and int(told[1]) == have
            start, total = (have, int(told[2])) if told and goes_on else (0, _length(response))
            with part.open("ab" if start else "wb") as file:
                sizes, hint = (service.largest, total), "; run again to go on"
                _receive(response, file.write, service, sizes, have=start, hint=hint)
    except RefusalError as error:
        if error.status != _BEYOND or not have:
            raise
        part.unlink()
        stream(url, part, service)


def _length(response: Any) -> int | None:
    """Return the bytes that a response says it has."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _receive(
    response: Any,
    keep: Callable[[bytes], object],
    service: Service,
    sizes: tuple[int, int | None],
    *,
    have: int = 0,
    hint: str = "",
) -> None:
    """Keep a response's body chunk by chunk; raise when it is too large, too slow or ends early.

    `sizes` are the most bytes that are allowed, and those that are told of, where they are.
    """
    largest, total = sizes
    stop = time.monotonic() + service.deadline
    where, size = bare_address(response.url), have
    while chunk := response.read1(_CHUNK):
        keep(chunk)
        size += len(chunk)
        if size > largest:
            raise ServiceError(f"{where}: more than {largest:,} bytes")
        if time.monotonic() > stop:
            raise ServiceError(f"{where}: {size:,} bytes in {service.deadline:g} seconds{hint}")
    if total is not None and size != total:
        raise ServiceError(f"{where}: ended after {size:,} of {total:,} bytes{hint}")


@contextmanager
def _open(
    url: str, headers: dict[str, str], service: Service, body: bytes | None = None
) -> Iterator[Any]:
    """Open an address; every failure becomes a ServiceError."""
    check_address(url, service)
    opener = urllib.request.build_opener(_Redirects(service))
    headers = {"User-Agent": f"riskmap/{VERSION}", "Accept-Encoding": "identity", **headers}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was checked
    try:
        with opener.open(request, timeout=service.timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        raise _refusal(url, error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServiceError(f"{bare_address(url)}: {error or type(error).__name__}") from None


def _refusal(url: str, error: urllib.error.HTTPError) -> RefusalError:
    """Return the error for an HTTP status, with the start of what the service says."""
    try:
        words = error.read(_WORDS)
    except (OSError, http.client.HTTPException, ValueError):
        words = b""
    error.close()
    refused = ": where it leads is not allowed" if error.code in _LEADS_ELSEWHERE else ""
    message = f"{bare_address(url)}: HTTP {error.code}{refused}"
    return RefusalError(message, error.code, error.headers, words)
