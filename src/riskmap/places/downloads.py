"""Downloads: over https, from named hosts alone, within limits, going on where they stopped."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.errors import ServiceError
from riskmap.settings import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHUNK = 1 << 16
_LARGEST_ANSWER = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
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


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to a host that the service may use."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Check the new address before urllib makes a request of it."""
        check_address(newurl, self.service)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(url: str, service: Service) -> None:
    """Raise unless an address is https at one of the service's hosts (http on loopback).

    Examples
    --------
    >>> check_address("https://example.org/a", Service(api="", hosts=("example.org",)))
    """
    parts = urllib.parse.urlsplit(url)
    scheme = "http" if parts.hostname in _LOOPBACK else "https"
    if parts.scheme != scheme or parts.hostname not in service.hosts:
        raise ServiceError(
            f"{url!r} is refused: expected {scheme} at one of {', '.join(service.hosts)}"
        )


def ask(url: str, service: Service) -> Any:
    """Return the JSON that an address answers; None when it answers that there is no such thing.

    Raises
    ------
    ServiceError
        When it fails, or answers something else than JSON.
    """
    try:
        with _open(url, {}, service) as response:
            body = response.read(_LARGEST_ANSWER)
    except urllib.error.HTTPError as error:
        if error.code == _NOT_FOUND:
            return None
        raise ServiceError(f"{url}: HTTP {error.code} {error.reason}") from error
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ServiceError(f"{url}: not JSON, met {body[:40]!r}") from error


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
            _receive(response, part, have, service)
    except urllib.error.HTTPError as error:
        if error.code == _BEYOND and have:
            part.unlink()
            stream(url, part, service)
            return
        raise ServiceError(f"{url}: HTTP {error.code} {error.reason}") from error


def _receive(response: Any, part: Path, have: int, service: Service) -> None:
    """Write a response's body behind the first `have` bytes of a file, or from its start."""
    partial = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    goes_on = response.status == _PARTIAL and partial is not None and int(partial[1]) == have
    length = response.headers.get("Content-Length", "")
    total = int(partial[2]) if goes_on and partial else int(length) if length.isdecimal() else None
    size = have if goes_on else 0
    stop = time.monotonic() + service.deadline
    with part.open("ab" if goes_on else "wb") as file:
        while chunk := response.read1(_CHUNK):
            file.write(chunk)
            size += len(chunk)
            if size > service.largest:
                raise ServiceError(f"{response.url}: more than {service.largest:,} bytes")
            if time.monotonic() > stop:
                raise ServiceError(
                    f"{response.url}: {size:,} bytes in {service.deadline:g} seconds; "
                    "run again to go on"
                )
    if total is not None and size != total:
        raise ServiceError(
            f"{response.url}: ended after {size:,} of {total:,} bytes; run again to go on"
        )


@contextmanager
def _open(url: str, headers: dict[str, str], service: Service) -> Iterator[Any]:
    """Open an address; every failure but an HTTP status becomes a ServiceError."""
    check_address(url, service)
    opener = urllib.request.build_opener(_Redirects(service))
    headers = {
        "User-Agent": f"riskmap/{VERSION}",
        "Accept-Encoding": "identity",
        **headers,
    }
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
    try:
        with opener.open(request, timeout=service.timeout) as response:
            yield response
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise ServiceError(f"{url}: {error or type(error).__name__}") from error
