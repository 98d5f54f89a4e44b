"""Places to regions and points: what is stated, the gazetteer, then a service and its cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap import countries
from riskmap.errors import SchemaError
from riskmap.schema import Column, conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.places.geocode_services import GeocodeService, Reply
    from riskmap.places.names import Gazetteer

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


@dataclass(frozen=True)
class _Geocode:
    """What became of one place."""

    region_id: str | None = None
    lon: float | None = None
    lat: float | None = None
    status: str = "miss"
    method: str | None = None
    matched_name: str | None = None
    candidates: tuple[str, ...] = ()
    detail: str | None = None


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
    rows = _fields(places)
    found = _offline(rows, gazetteer)
    if service is not None:
        replies: dict[tuple[str, str | None], tuple[Reply, str]] = {}
        inside = gazetteer.inside([row["admin1"] for row in rows])
        for position, row in enumerate(rows):
            query = _query(row)
            if found[position].status == "hit" or query is None:
                continue
            if query not in replies:
                known = service.recall(*query)
                replies[query] = (
                    (service.ask(*query), "service") if known is None else (known, "cache")
                )
            (reply, method), limit = replies[query], inside[position]
            regions = [
                (region_id, point)
                for region_id, point in service.region_ids(reply, query[1])
                if limit is None or region_id in limit
            ]
            found[position] = _with_reply(found[position], reply, regions, method)
    return conform(pd.DataFrame(found), GEOCODE_COLUMNS).set_axis(places.index, axis=0)


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
    >>> from riskmap.places.geocode_services import GeocodeService
    >>> service = GeocodeService(Nominatim(user_agent="example/1.0 (a@example.org)"),
    ...                          rm.datasets.regions())
    >>> places = pd.DataFrame({"place": ["Ashkor", "Old Mill", "Old Mill"]})
    >>> count_requests(places, rm.Gazetteer.from_regions(rm.datasets.regions()), service=service)
    1
    """
    rows = _fields(places)
    found = _offline(rows, gazetteer)
    queries = {
        query
        for row, answer in zip(rows, found, strict=True)
        if answer.status != "hit" and (query := _query(row)) is not None
    }
    return sum(service.recall(*query) is None for query in queries)


def _fields(places: pd.DataFrame) -> list[dict[str, str | None]]:
    """Return the texts of each place, None for what is missing."""
    if not set(_FIELDS[:-1]) & set(places.columns):
        raise SchemaError(
            "places lack a column", column="place", expected="one of " + ", ".join(_FIELDS)
        )
    columns = {
        name: [text.strip() or None if isinstance(text, str) else None for text in places[name]]
        if name in places.columns
        else [None] * len(places)
        for name in _FIELDS
    }
    return [dict(zip(_FIELDS, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _offline(rows: Sequence[dict[str, str | None]], gazetteer: Gazetteer) -> list[_Geocode]:
    """Return what is stated, and what the gazetteer knows."""
    parents = [row["admin1"] for row in rows]
    stated = gazetteer.resolve([row["admin2"] for row in rows], parents).to_dict("records")
    named = gazetteer.resolve([row["place"] for row in rows], parents).to_dict("records")
    ids = set(gazetteer.regions["region_id"])
    found = []
    for row, by_district, by_place in zip(rows, stated, named, strict=True):
        region_id = row["region_id"]
        if region_id is not None and region_id in ids:
            stands = _Geocode(region_id, status="hit", method="stated", candidates=(region_id,))
            found.append(stands)
        elif by_district["status"] == "match":
            found.append(_from_names(by_district, "stated"))
        else:
            unsure = by_district["status"] == "ambiguous" and by_place["status"] != "match"
            found.append(_from_names(by_district if unsure else by_place, "gazetteer"))
    return found


def _from_names(resolution: dict[str, Any], method: str) -> _Geocode:
    """Return a geocode for what the gazetteer found."""
    if resolution["status"] == "miss":
        return _Geocode(candidates=resolution["candidates"], detail="not_found")
    if resolution["score"] < _LIKE_ENOUGH:
        return _Geocode(detail="not_found")
    is_match = resolution["status"] == "match"
    return _Geocode(
        region_id=resolution["region_id"] if is_match else None,
        status="hit" if is_match else "ambiguous",
        method=method,
        matched_name=resolution["matched_name"],
        candidates=resolution["candidates"],
        detail=None if is_match else "ambiguous_name",
    )


def _query(row: dict[str, str | None]) -> tuple[str, str | None] | None:
    """Return the text and the country to ask a service for; None when there is no name."""
    if row["place"] is None and row["admin2"] is None:
        return None
    code = row["country"]
    country = countries.table().get(code) if code is not None else None
    parts = [row["place"], row["admin2"], row["admin1"], country.name if country else None]
    return ", ".join(part for part in parts if part), code


def _with_reply(
    before: _Geocode, reply: Reply, regions: Sequence[tuple[str, int]], method: str
) -> _Geocode:
    """Return what a place is after a service's reply; an ambiguous name stays so after a miss."""
    if reply.status in ("error", "unasked"):
        return _Geocode(
            status=reply.status, method=method, candidates=before.candidates, detail=reply.detail
        )
    if not regions and before.status == "ambiguous":
        return before
    if not regions:
        detail = reply.detail or "outside_admin1"
        return _Geocode(method=method, candidates=before.candidates, detail=detail)
    candidates = tuple(region_id for region_id, _ in regions)
    if len(regions) > 1:
        return _Geocode(
            status="ambiguous", method=method, candidates=candidates, detail="several_regions"
        )
    lon, lat, name = reply.points[regions[0][1]]
    return _Geocode(candidates[0], lon, lat, "hit", method, name, candidates)
