"""Places to regions and points: what is stated, the gazetteer, then a service and its cache.

A service on the network is asked politely: one request a second, a budget, every answer kept in a
SQLite file as it comes. Keys, and addresses with them, are in no row, log, error or result.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import sqlite3
import time
import warnings
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from riskmap import countries
from riskmap.downloads import RateLimiter, refuse_offline
from riskmap.errors import InputError, SchemaError
from riskmap.places.evidence import level_of
from riskmap.places.names import regions_above
from riskmap.places.place_texts import find_by_words
from riskmap.places.region_index import RegionIndex
from riskmap.schema import Column, conform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.places.names import Gazetteer

    Query = tuple[str, str | None]
    Point = tuple[float, float, str]

#: Geocodes: what :func:`geocode` returns, one row a place.
GEOCODE_COLUMNS = (
    Column("region_id", "str", "the region; missing unless the status is 'hit'"),
    Column("lon", "float64", "longitude that a service gave, in degrees; else missing"),
    Column("lat", "float64", "latitude that a service gave, in degrees; else missing"),
    Column("status", "str", "how it ended", ("hit", "miss", "ambiguous", "error", "unasked")),
    Column("method", "str", "who said it", ("stated", "gazetteer", "cache", "service")),
    Column("matched_name", "str", "the name that was met; untrusted when a service gave it"),
    Column("candidates", "object", "ids of the regions it may be, best first, as a tuple"),
    Column("detail", "str", "why it is no hit, as a code"),
)

#: The likeness below which a name that is not sure is taken for an unknown one.
_LIKE_ENOUGH = 0.75

_FIELDS = ("region_id", "place", "admin2", "admin1", "country")

_DISTRICT = 2
_VERSION = 2
#: For how many seconds answers are believed.
_BELIEVED = {"hit": 365 * 86_400.0, "miss": 30 * 86_400.0}
#: The longest ``Retry-After``, in seconds, that is waited for.
_PATIENCE = 60.0
_TRIES = 3
_LONGEST_NAME = 200
#: Loggers that write addresses with their keys.
_TALKATIVE = ("geopy", "requests", "urllib3", "urllib3.connectionpool")
#: One pace a service for the whole application, however many chains ask it.
_PACES: dict[str, RateLimiter] = {}


def geocode(
    places: pd.DataFrame, gazetteer: Gazetteer, *, service: GeocodeService | None = None
) -> pd.DataFrame:
    """Find the region of each place: as stated, by the gazetteer, by a service's cache, by asking.

    A stated region stands: its id, or its name (``admin2`` within ``admin1``) where the gazetteer
    is sure of it. Then the gazetteer is asked for ``place`` within ``admin1``. What is left goes to
    the service when one is given; each query goes out once, and its answer is kept at once.

    Parameters
    ----------
    places
        Any of the columns ``region_id, place, admin2, admin1, country``, such as an Incidents
        table; ``country`` is an alpha-3 code.
    gazetteer
        Knows the regions' names.
    service
        A service on the network; without one nothing is sent anywhere.

    Returns
    -------
    pandas.DataFrame
        One row a place, with the index of `places` and the columns of :data:`GEOCODE_COLUMNS`.
        ``error`` says that the service failed, which is no miss; ``unasked`` that its budget was
        spent or that it refuses this application.

    Raises
    ------
    SchemaError
        When `places` has none of the columns.
    OfflineError
        When the service would be asked and ``RISKMAP_OFFLINE`` forbids it.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> gazetteer = rm.Gazetteer.from_regions(rm.datasets.regions())
    >>> places = pd.DataFrame({"admin2": ["Kalda", None], "place": [None, "Esk"]})
    >>> rm.geocode(places, gazetteer)[["region_id", "status", "method"]].values.tolist()
    [['XQA0303', 'hit', 'stated'], [nan, 'ambiguous', 'gazetteer']]
    """
    found, queries = _offline(places, gazetteer)
    if service is not None:
        inside = gazetteer.inside(_column(places, "admin1"))
        replies: dict[Query, tuple[Reply, str]] = {}
        for at, query in queries.items():
            if query not in replies:
                known = service.recall(*query)
                replies[query] = (known, "cache") if known else (service.ask(*query), "service")
            (reply, method), limit = replies[query], inside[at]
            regions = service.regions_of(reply.points, query[1])
            ours = {one: regions[one] for one in regions if limit is None or one in limit}
            found[at] = _with_reply(found[at], reply, ours, method)
    names = [column.name for column in GEOCODE_COLUMNS]
    table = pd.DataFrame(found, index=places.index, columns=names)
    return conform(table, GEOCODE_COLUMNS)


def count_requests(places: pd.DataFrame, gazetteer: Gazetteer, *, service: GeocodeService) -> int:
    """Return how many requests :func:`geocode` would send, without sending any.

    Parameters
    ----------
    places, gazetteer, service
        As for :func:`geocode`.

    Returns
    -------
    int
        Queries that neither what is stated, nor the gazetteer, nor the cache answers, each once;
        the budget is not looked at.

    Raises
    ------
    SchemaError
        When `places` has none of the columns.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> from geopy.geocoders import Nominatim
    >>> nominatim = Nominatim(user_agent="example/1.0 (a@example.org)")
    >>> service = rm.places.GeocodeService(nominatim, rm.datasets.regions())
    >>> places = pd.DataFrame({"place": ["Ashkor", "Old Mill", "Old Mill"]})
    >>> count_requests(places, rm.Gazetteer.from_regions(rm.datasets.regions()), service=service)
    1
    """
    queries = set(_offline(places, gazetteer)[1].values())
    return sum(service.recall(*query) is None for query in queries)


def _column(places: pd.DataFrame, name: str) -> list[str | None]:
    """Return a column's trimmed texts, None for what is missing."""
    values = places[name] if name in places.columns else [None] * len(places)
    return [text.strip() or None if isinstance(text, str) else None for text in values]


def _offline(
    places: pd.DataFrame, gazetteer: Gazetteer
) -> tuple[list[dict[str, Any]], dict[int, Query]]:
    """Return what is stated and what the gazetteer knows, and the queries of the rows without."""
    if not set(_FIELDS[:-1]) & set(places.columns):
        raise SchemaError(
            "places lack a column", column="place", expected="one of " + ", ".join(_FIELDS)
        )
    region_id, place, admin2, admin1, country = (_column(places, name) for name in _FIELDS)
    answers = (gazetteer.resolve(names, admin1).to_dict("records") for names in (admin2, place))
    ids, found, queries = set(gazetteer.regions["region_id"]), [], {}
    for own, by_district, by_place in zip(region_id, *answers, strict=True):
        sure = by_district["status"] == "match"
        unsure = by_district["status"] == "ambiguous" and by_place["status"] != "match"
        if own is not None and own in ids:
            hit = {"region_id": own, "status": "hit", "method": "stated", "candidates": (own,)}
            found.append(hit)
        elif sure or unsure:
            found.append(_from_names(by_district, "stated" if sure else "gazetteer"))
        else:
            found.append(_from_names(by_place, "gazetteer"))
    by_words = _by_words(places, gazetteer, np.array([one["status"] == "miss" for one in found]))
    for at, own in enumerate(by_words):
        if isinstance(own, str):
            hit = {"region_id": own, "status": "hit", "candidates": (own,)}
            found[at] = hit | {"method": "gazetteer", "matched_name": place[at] or admin1[at]}
    for at, answer in enumerate(found):
        if answer["status"] != "hit" and (place[at] is not None or admin2[at] is not None):
            known = countries.table().get(country[at] or "")
            parts = [place[at], admin2[at], admin1[at], known.name if known else None]
            queries[at] = ", ".join(part for part in parts if part), country[at]
    return found, queries


def _by_words(
    places: pd.DataFrame, gazetteer: Gazetteer, among: NDArray[np.bool_]
) -> list[str | None]:
    """Return the region that other words of a row name, where its place is known to nobody."""
    level = level_of(gazetteer.regions)
    if level not in (1, _DISTRICT) or not among.any():
        return []
    words = {name: _column(places, name) for name in _FIELDS[1:]}
    above = regions_above(gazetteer.regions)["name"].dropna()
    table = pd.DataFrame(words, index=places.index, dtype=object)
    return find_by_words(table, among, level=level, gazetteer=gazetteer, above=above).tolist()


def _from_names(resolution: dict[str, Any], method: str) -> dict[str, Any]:
    """Return a geocode for what the gazetteer found."""
    miss = {"status": "miss", "candidates": (), "detail": "not_found"}
    if resolution["status"] == "miss":
        return miss | {"candidates": resolution["candidates"]}
    if resolution["score"] < _LIKE_ENOUGH:
        return miss
    told = {key: resolution[key] for key in ("matched_name", "candidates")} | {"method": method}
    if resolution["status"] == "match":
        return told | {"region_id": resolution["region_id"], "status": "hit"}
    return told | {"status": "ambiguous", "detail": "ambiguous_name"}


def _with_reply(
    before: dict[str, Any], reply: Reply, regions: dict[str, Point], method: str
) -> dict[str, Any]:
    """Return what a place is after a service's reply; an ambiguous name stays so after a miss."""
    told = {"status": reply.status, "method": method, "candidates": before["candidates"]}
    if reply.status in ("error", "unasked"):
        return told | {"detail": reply.detail}
    if not regions:
        detail = {"status": "miss", "detail": reply.detail or "outside_admin1"}
        return before if before["status"] == "ambiguous" else told | detail
    told["candidates"] = tuple(regions)
    if len(regions) > 1:
        return told | {"status": "ambiguous", "detail": "several_regions"}
    region_id, (lon, lat, name) = next(iter(regions.items()))
    where = {"region_id": region_id, "lon": lon, "lat": lat, "matched_name": name}
    return told | where | {"status": "hit"}


class Reply(NamedTuple):
    """What a service said to one query.

    Parameters
    ----------
    status
        ``hit``, ``miss``, ``error``, or ``unasked`` when no request went out.
    points
        Longitude, latitude and name of each answer, best first.
    detail
        Why it is no hit, as a code.
    """

    status: str
    points: tuple[Point, ...] = ()
    detail: str | None = None


class GeocodeService:
    """Any geocoder of geopy, with a cache, a limit, a budget, and a check of what it says.

    Nothing is asked unless a service is given to :func:`riskmap.places.geocode`. Keys stay in the
    geocoder: they are in no log, no error, no cache and no result.

    Parameters
    ----------
    geocoder
        A synchronous geocoder of geopy with a user agent of your own, which also says how long a
        request may take. Its own retries are switched off: they go out unseen by the limit and the
        budget, and obey any ``Retry-After``.
    regions
        Regions table; an answer outside of the asked country's regions is refused.
    cache
        The SQLite file where answers are kept, made when absent; None keeps none. Hits are believed
        for a year, misses for 30 days, and errors are not kept.
    budget
        How many requests may go out in the life of this object.
    pace
        The time between requests; by default one a second, shared by all that ask this service.

    Raises
    ------
    InputError
        When the geocoder has the default user agent of geopy, or is asynchronous; when the file is
        no such cache.

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
        cache: str | Path | None = None,
        budget: int = 1000,
        pace: RateLimiter | None = None,
    ) -> None:
        _check_geocoder(geocoder)
        host = str(getattr(geocoder, "domain", "")).rpartition("@")[2].partition("/")[0]
        self.name = f"{type(geocoder).__name__.lower()}@{host}"
        self.budget = budget
        self._geocoder = geocoder
        self._cache = None if cache is None else _check_cache(cache)
        self._pace = _PACES.setdefault(self.name, RateLimiter()) if pace is None else pace
        self._index = RegionIndex(regions)
        self._regions = regions
        self._closed: str | None = None

    def __repr__(self) -> str:
        """Return the service's name and what is left of its budget."""
        return f"GeocodeService({self.name!r}, budget={self.budget})"

    def recall(self, query: str, country: str | None) -> Reply | None:
        """Return the cached answer to a query; None when there is none that is still believed."""
        asked = "select reply, answered_at from replies where key = ?"
        row = self._execute(asked, self._key(query, country))
        if row is None:
            return None
        status, points, detail = json.loads(row[0])
        is_old = time.time() - row[1] > _BELIEVED[status]
        return None if is_old else Reply(status, tuple(map(tuple, points)), detail)

    def ask(self, query: str, country: str | None) -> Reply:
        """Send a query, write the answer down and return it.

        A failure of the service is a reply of status ``error`` and its kind, never a miss. When the
        service refuses this application, or asks to come back later than in a minute, no further
        request goes out.

        Raises
        ------
        OfflineError
            When ``RISKMAP_OFFLINE`` forbids every connection.
        """
        refuse_offline(f"{self.name} would be asked")
        for _ in range(_TRIES):
            if self._closed is not None or self.budget <= 0:
                return Reply("unasked", detail=self._closed or "budget_spent")
            reply = self._request(query, country)
            if reply.detail != "rate_limited" or self._closed is not None:
                break
        if reply.status != "error":
            row = self._key(query, country), json.dumps(reply), time.time()
            self._execute("insert or replace into replies values (?, ?, ?)", *row)
        return reply

    def _key(self, query: str, country: str | None) -> str:
        """Return the key of a query: spelling differences of case and space make no difference."""
        text = json.dumps([self.name, " ".join(query.casefold().split()), country])
        return hashlib.sha256(text.encode()).hexdigest()

    def _execute(self, statement: str, *values: Any) -> Any:
        """Return the first row of a statement on the cache; what it writes is committed at once."""
        if self._cache is None:
            return None
        with closing(sqlite3.connect(self._cache, isolation_level=None)) as file:
            return file.execute(statement, values).fetchone()

    def regions_of(self, points: Sequence[Point], country: str | None) -> dict[str, Point]:
        """Return the regions of points inside a country, each with its first point."""
        found: dict[str, Point] = {}
        lon, lat = ([point[axis] for point in points] for axis in (0, 1))
        ids, iso3 = self._regions["region_id"].array, self._regions["iso3"].array
        for point, position in zip(points, self._index.query(lon, lat), strict=True):
            if position >= 0 and country in (None, iso3[position]):
                found.setdefault(ids[position], point)
        return found

    def _request(self, query: str, country: str | None) -> Reply:
        """Send one request and return its reply; one that comes too early puts off the next."""
        from geopy import exc

        kinds = {
            exc.GeocoderRateLimited: "rate_limited",
            exc.GeocoderAuthenticationFailure: "refused",
            exc.GeocoderInsufficientPrivileges: "refused",
            exc.GeocoderQuotaExceeded: "quota_spent",
            exc.GeocoderTimedOut: "timed_out",
            exc.GeocoderParseError: "unreadable",
        }
        self._pace.wait()
        self.budget -= 1
        try:
            with _quiet():
                answers = self._geocoder.geocode(query, **self._options(country))
            points = tuple(_point(answer) for answer in answers or ())
        except exc.GeopyError as error:
            detail = next((kinds[kind] for kind in kinds if isinstance(error, kind)), "failed")
            wait = getattr(error, "retry_after", None) or self._pace.seconds * 2
            if detail in ("refused", "quota_spent") or wait > _PATIENCE:
                self._closed = detail
            elif detail == "rate_limited":
                self._pace.postpone(wait)
            return Reply("error", detail=detail)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return Reply("error", detail="unreadable")
        if not self.regions_of(points, country):
            return Reply("miss", detail="outside_country" if points else "not_found")
        return Reply("hit", points)

    def _options(self, country: str | None) -> dict[str, Any]:
        """Return the options of a request, as far as the geocoder has them."""
        known = inspect.signature(self._geocoder.geocode).parameters
        found = countries.table().get(country or "")
        code = {"country_codes": found.iso2.lower()} if found else {}
        return {"exactly_one": False} | {key: code[key] for key in code if key in known}


def _check_geocoder(geocoder: Any) -> None:
    """Raise unless a geocoder is synchronous and says who asks; switch off its own retries."""
    from geopy.adapters import BaseAsyncAdapter

    agent = str(getattr(geocoder, "headers", {}).get("User-Agent", ""))
    if not agent.strip() or agent.startswith("geopy/"):
        raise InputError(
            "the geocoder does not say who asks",
            met=agent,
            expected="a user agent that names your application and how to reach you",
        )
    adapter = getattr(geocoder, "adapter", None)
    if isinstance(adapter, BaseAsyncAdapter):
        raise InputError("the geocoder is asynchronous", expected="a synchronous adapter of geopy")
    for transport in getattr(getattr(adapter, "session", None), "adapters", {}).values():
        transport.max_retries = transport.max_retries.new(
            total=0, read=False, respect_retry_after_header=False
        )


def _check_cache(path: str | Path) -> str | Path:
    """Return the path of a file of answers; make it, or raise when it holds something else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        try:
            version = file.execute("pragma user_version").fetchone()[0]
            tables = file.execute("select count(*) from sqlite_master").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise InputError("is no cache of answers", file=path, met=str(error)) from error
        if version != _VERSION and (version or tables):
            raise InputError("is no cache of answers", file=path, met=f"version {version}")
        columns = "key text primary key, reply text not null, answered_at real not null"
        file.execute(f"create table if not exists replies ({columns}) without rowid")
        file.execute(f"pragma user_version = {_VERSION}")
    return path


def _point(answer: Any) -> Point:
    """Return longitude, latitude and name of one answer; raise when it has no such."""
    lon, lat = float(answer.longitude), float(answer.latitude)
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):  # noqa: PLR2004 - degrees
        raise ValueError("not a point on earth")
    return lon, lat, str(answer.address)[:_LONGEST_NAME]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loggers and warnings that may tell addresses with their keys quiet."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(_drop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(_drop)


def _drop(_: logging.LogRecord) -> bool:
    return False
