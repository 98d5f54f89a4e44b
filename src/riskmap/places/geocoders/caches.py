"""Answers of geocoding services, kept in a SQLite file: one row an answer, committed at once."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VERSION = 1
_DAY = 86_400.0
_TABLE = """
create table if not exists answers (
    key text primary key,
    service text not null,
    query text not null,
    country text,
    status text not null check (status in ('hit', 'miss', 'ambiguous', 'error')),
    detail text,
    points text not null,
    answered_at real not null
) without rowid
"""


@dataclass(frozen=True)
class Reply:
    """What a service said to one query.

    Parameters
    ----------
    status
        ``hit``, ``miss``, ``ambiguous``, ``error``, or ``unasked`` when no request went out.
    points
        Longitude, latitude and name of each answer, best first.
    detail
        Why it is no hit, as a code.
    """

    status: str
    points: tuple[tuple[float, float, str], ...] = ()
    detail: str | None = None


class GeocodeCache:
    """A file of answers; errors are written down and never answer.

    A row is committed as soon as it is there, so that a run that was killed asks nothing again. No
    key, password or address with one is ever part of a row.

    Parameters
    ----------
    path
        The SQLite file; made when absent. ``":memory:"`` keeps nothing.
    keep_found_days, keep_missing_days
        For how long hits and ambiguous answers, and misses, are believed.
    clock
        Returns the seconds since 1970.

    Raises
    ------
    InputError
        When the file is no such cache.

    Examples
    --------
    >>> with GeocodeCache(":memory:") as cache:
    ...     cache.put("nominatim@example.org", "Kabul", "AFG", Reply("miss"))
    ...     cache.get("nominatim@example.org", "kabul", "AFG").status
    'miss'
    """

    def __init__(
        self,
        path: str | Path,
        *,
        keep_found_days: float = 365.0,
        keep_missing_days: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._days = {
            "hit": keep_found_days,
            "ambiguous": keep_found_days,
            "miss": keep_missing_days,
        }
        self._clock = clock
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(path)
        except BaseException:
            self.close()
            raise

    def _prepare(self, path: str | Path) -> None:
        """Make the table, or raise when the file holds something else."""
        try:
            version = self._connection.execute("pragma user_version").fetchone()[0]
            tables = self._connection.execute("select count(*) from sqlite_master").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise InputError("is no cache of answers", file=path, met=str(error)) from error
        if version != _VERSION and (version or tables):
            raise InputError("is no cache of answers", file=path, met=f"version {version}")
        self._connection.execute(_TABLE)
        self._connection.execute(f"pragma user_version = {_VERSION}")

    def __enter__(self) -> Self:
        """Return the cache."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def get(self, service: str, query: str, country: str | None) -> Reply | None:
        """Return the answer to a query that is still believed; None when there is none."""
        row = self._connection.execute(
            "select status, detail, points, answered_at from answers where key = ?",
            (_key(service, query, country),),
        ).fetchone()
        if row is None or self._clock() - row[3] > self._days.get(row[0], -1.0) * _DAY:
            return None
        points = tuple((float(x), float(y), str(name)) for x, y, name in json.loads(row[2]))
        return Reply(row[0], points, row[1])

    def put(self, service: str, query: str, country: str | None, reply: Reply) -> None:
        """Write an answer down; it replaces an older one."""
        self._connection.execute(
            "insert or replace into answers values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _key(service, query, country),
                service,
                query,
                country,
                reply.status,
                reply.detail,
                json.dumps(reply.points, allow_nan=False),
                self._clock(),
            ),
        )


def _key(service: str, query: str, country: str | None) -> str:
    """Return the key of a query: spelling differences of case and space make no difference."""
    text = json.dumps([service, " ".join(query.casefold().split()), country])
    return hashlib.sha256(text.encode()).hexdigest()
