"""A geocoding service on the network, asked politely: one request a second, a budget, a cache.

Answers are kept in a SQLite file: one row an answer, committed at once.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import sqlite3
import time
import warnings
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from riskmap import countries
from riskmap.downloads import RateLimiter, refuse_offline
from riskmap.errors import InputError
from riskmap.places.region_index import RegionIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import geopandas as gpd


_VERSION = 1
_DAY = 86_400.0
#: For how long answers are believed.
_BELIEVED_DAYS = {"hit": 365.0, "ambiguous": 365.0, "miss": 30.0}
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

#: Loggers that write addresses with their keys.
_TALKATIVE = ("geopy", "requests", "urllib3", "urllib3.connectionpool")
_LONGEST_NAME = 200
_TRIES = 3


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


class GeocodeCache(AbstractContextManager["GeocodeCache"]):
    """A file of answers; errors are written down and never answer.

    A row is committed as soon as it is there, so that a run that was killed asks nothing again. No
    key, password or address with one is ever part of a row.

    Parameters
    ----------
    path
        The SQLite file; made when absent. ``":memory:"`` keeps nothing.
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
        clock: Callable[[], float] = time.time,
    ) -> None:
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
        if row is None or self._clock() - row[3] > _BELIEVED_DAYS.get(row[0], -1.0) * _DAY:
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


#: One pace a service for the whole application, however many chains ask it.
_PACES: dict[str, RateLimiter] = {}


class GeocodeService:
    """Any geocoder of geopy, with a cache, a limit, a budget, and a check of what it says.

    Nothing is asked unless a service is given to :func:`riskmap.geocode`. Keys stay in the
    geocoder: they are in no log, no error, no cache and no result.

    Parameters
    ----------
    geocoder
        A synchronous geocoder of geopy with a user agent of your own. Its own retries are switched
        off: they go out unseen by the limit and the budget, and obey any ``Retry-After``.
    regions
        Regions table; an answer outside of the asked country's regions is refused.
    cache
        Where answers are kept; None keeps none.
    budget
        How many requests may go out in the life of this object.
    timeout
        Seconds after which a request is given up.
    patience
        The longest ``Retry-After``, in seconds, that is waited for.
    pace
        The time between requests; by default one a second, shared by all that ask this service.

    Raises
    ------
    InputError
        When the geocoder has the default user agent of geopy, or is asynchronous.

    Examples
    --------
    >>> import riskmap as rm
    >>> from geopy.geocoders import Nominatim
    >>> nominatim = Nominatim(user_agent="example-risk-desk/1.0 (desk@example.org)")
    >>> GeocodeService(nominatim, rm.datasets.regions(), budget=10).name
    'nominatim@nominatim.openstreetmap.org'
    """

    def __init__(
        self,
        geocoder: Any,
        regions: gpd.GeoDataFrame,
        *,
        cache: GeocodeCache | None = None,
        budget: int = 1000,
        timeout: float = 10.0,
        patience: float = 60.0,
        pace: RateLimiter | None = None,
    ) -> None:
        _check_geocoder(geocoder)
        _stop_own_retries(geocoder)
        self.name = _name_of(geocoder)
        self.budget = budget
        self.cache = cache
        self._geocoder = geocoder
        self._timeout = timeout
        self._patience = patience
        self._pace = _PACES.setdefault(self.name, RateLimiter()) if pace is None else pace
        self._index = RegionIndex(regions)
        self._ids = regions["region_id"].tolist()
        self._countries = regions["iso3"].tolist()
        self._closed: str | None = None

    def __repr__(self) -> str:
        """Return the service's name and what is left of its budget."""
        return f"GeocodeService({self.name!r}, budget={self.budget})"

    def recall(self, query: str, country: str | None) -> Reply | None:
        """Return the cached answer to a query; None when there is none that is still believed."""
        return None if self.cache is None else self.cache.get(self.name, query, country)

    def ask(self, query: str, country: str | None) -> Reply:
        """Send a query, write the answer down and return it.

        A failure of the service is a reply of status ``error`` and its kind, never a miss. When the
        service refuses this application, or asks to come back later than `patience`, no further
        request goes out.

        Raises
        ------
        OfflineError
            When ``RISKMAP_OFFLINE`` forbids every connection.
        """
        refuse_offline(f"{self.name} would be asked")
        for attempt in range(_TRIES):
            if self._closed is not None or self.budget <= 0:
                return Reply("unasked", detail=self._closed or "budget_spent")
            reply, retry_after = self._request(query, country)
            if retry_after is None or attempt == _TRIES - 1:
                break
            self._pace.postpone(retry_after)
        if self.cache is not None:
            self.cache.put(self.name, query, country, reply)
        return reply

    def region_ids(self, reply: Reply, country: str | None) -> list[tuple[str, int]]:
        """Return the regions of a reply's points inside a country, each with its first point."""
        found: dict[str, int] = {}
        lon, lat = ([point[axis] for point in reply.points] for axis in (0, 1))
        for row, position in enumerate(self._index.query(lon, lat)):
            if position >= 0 and country in (None, self._countries[position]):
                found.setdefault(self._ids[position], row)
        return list(found.items())

    def _request(self, query: str, country: str | None) -> tuple[Reply, float | None]:
        """Send one request; return its reply, and the seconds after which to try once more."""
        from geopy import exc

        self._pace.wait()
        self.budget -= 1
        try:
            with _quiet():
                answers = self._geocoder.geocode(query, **self._options(country))
            points = tuple(_point(answer) for answer in answers or ())
        except exc.GeocoderRateLimited as error:
            return self._limited(error.retry_after)
        except (exc.GeocoderAuthenticationFailure, exc.GeocoderInsufficientPrivileges):
            self._closed = "refused"
            return Reply("error", detail="refused"), None
        except exc.GeocoderQuotaExceeded:
            self._closed = "quota_spent"
            return Reply("error", detail="quota_spent"), None
        except exc.GeocoderTimedOut:
            return Reply("error", detail="timed_out"), None
        except exc.GeocoderParseError:
            return Reply("error", detail="unreadable"), None
        except exc.GeopyError:
            return Reply("error", detail="failed"), None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return Reply("error", detail="unreadable"), None
        return self._judge(points, country), None

    def _limited(self, retry_after: float | None) -> tuple[Reply, float | None]:
        """Return the reply of a service that asks for patience, and how long to wait."""
        wait = self._pace.seconds * 2 if retry_after is None else float(retry_after)
        if wait > self._patience:
            self._closed = "rate_limited"
            return Reply("error", detail="rate_limited"), None
        return Reply("error", detail="rate_limited"), wait

    def _judge(self, points: tuple[tuple[float, float, str], ...], country: str | None) -> Reply:
        """Return a reply for the points that a service found."""
        regions = self.region_ids(Reply("hit", points), country)
        if not points:
            return Reply("miss", detail="not_found")
        if not regions:
            return Reply("miss", detail="outside_country")
        return Reply("hit" if len(regions) == 1 else "ambiguous", points)

    def _options(self, country: str | None) -> dict[str, Any]:
        """Return the options of a request, as far as the geocoder has them."""
        known = inspect.signature(self._geocoder.geocode).parameters
        options: dict[str, Any] = {"exactly_one": False, "timeout": self._timeout}
        found = None if country is None else countries.table().get(country)
        if found is not None and "country_codes" in known:
            options["country_codes"] = found.iso2.lower()
        return options


def _check_geocoder(geocoder: Any) -> None:
    """Raise unless a geocoder is synchronous and says who asks."""
    from geopy.adapters import BaseAsyncAdapter

    agent = str(getattr(geocoder, "headers", {}).get("User-Agent", ""))
    if not agent.strip() or agent.startswith("geopy/"):
        raise InputError(
            "the geocoder does not say who asks",
            met=agent,
            expected="a user agent that names your application and how to reach you",
        )
    if isinstance(getattr(geocoder, "adapter", None), BaseAsyncAdapter):
        raise InputError("the geocoder is asynchronous", expected="a synchronous adapter of geopy")


def _stop_own_retries(geocoder: Any) -> None:
    """Switch off the retries of a geocoder that speaks through requests."""
    session = getattr(getattr(geocoder, "adapter", None), "session", None)
    for transport in getattr(session, "adapters", {}).values():
        transport.max_retries = transport.max_retries.new(
            total=0, read=False, respect_retry_after_header=False
        )


def _name_of(geocoder: Any) -> str:
    """Return the name of a service: the kind of geocoder and its host, without user or path."""
    host = str(getattr(geocoder, "domain", "")).rpartition("@")[2].partition("/")[0]
    return f"{type(geocoder).__name__.lower()}@{host}"


def _point(answer: Any) -> tuple[float, float, str]:
    """Return longitude, latitude and name of one answer; raise when it has no such."""
    lon, lat = float(answer.longitude), float(answer.latitude)
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):  # noqa: PLR2004 - degrees
        raise ValueError("not a point on earth")
    return lon, lat, str(answer.address)[:_LONGEST_NAME]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loggers and warnings that may tell addresses with their keys quiet."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]

    def drop(_: logging.LogRecord) -> bool:
        return False

    for logger in loggers:
        logger.addFilter(drop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(drop)
