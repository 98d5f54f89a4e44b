"""ACLED: exports of 31 columns and older ones, CSV or the JSON of the API, and the API.

Values may all come as text; dates are ``07 January 2025`` in exports and ISO in the API. Victims'
nationality is not told. Codebook: ACLED Codebook (2023); codes to be corrected here.

The API (https://acleddata.com/acled-api-documentation) gives a token for a user's name and
password, pages until one is empty, and withdrawn events. ACLED's terms forbid passing its rows on:
what is fetched is for the fetcher.

Counts are made of it too, and no row of them is an incident. Columns of the weekly tables
(acleddata.com, "aggregated data"): a week by its first day, province, types, ``EVENTS``,
``FATALITIES``; ``ID`` is the province's. Of the monthly workbooks (data.humdata.org): a month and a
year, district, ``Events``, ``Fatalities``; a file is of all political violence, of attacks on
civilians among it, or of demonstrations, and its name alone says of which. HDX HAPI
(https://hapi.humdata.org/docs) counts by month and district; its types overlap: attacks on
civilians are counted among political violence too, and are set aside where that is told of the same
district and month.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from riskmap.countries import display_name
from riskmap.downloads import Service
from riskmap.errors import ServiceError
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import AREAS, Codes, Feed, Source, by_meaning, find_precision
from riskmap.incidents.queries import (
    Client,
    Page,
    Query,
    Question,
    Signature,
    list_of,
    object_of,
    sign_with_key,
)
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import (
    map_codes,
    number_rows,
    parse_counts,
    parse_numbers,
    per_unique,
    repeat_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: 1 the day, 2 the week, 3 the month.
DATE_PRECISION = {"1": "day", "2": "week", "3": "month"}

#: What happened, by sub_event_type where it says more than event_type.
SUB_EVENT_TYPE = by_meaning(
    armed_attack=("Attack",),
    abduction=("Abduction/forced disappearance",),
    assault=("Sexual violence",),
    arrest=("Arrests",),
    explosion=("Suicide bomb", "Grenade"),
)

#: What happened, by event_type.
EVENT_TYPE = by_meaning(
    battle=(
        *("Battles", "Battle-No change of territory", "Battle-Government regains territory"),
        "Battle-Non-state actor overtakes territory",
    ),
    explosion=("Explosions/Remote violence", "Remote violence"),
    armed_attack=("Violence against civilians",),
    unrest=("Protests", "Riots", "Riots/Protests"),
    other=(
        *("Strategic developments", "Strategic development", "Headquarters or base established"),
        "Non-violent transfer of territory",
    ),
)

#: Unix seconds of the year 2100: a later timestamp is no time.
LAST_SECOND = 4_102_444_800


#: geo_precision
GEO_PRECISION = {
    "1": "place",  # the town itself
    "2": "admin2",  # a town that stands for its surroundings
    "3": "admin1",  # the province's capital stands for the province
}


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return event types of two columns, the number of sources, and when a row became known."""
    fine = map_codes(source.texts("sub_event_type"), SUB_EVENT_TYPE)
    seconds = parse_numbers(source.texts("timestamp"))
    seconds[~((seconds > 0) & (seconds < LAST_SECOND))] = np.nan
    known = pd.to_datetime(seconds, unit="s", utc=True)
    return {
        "event_type": fine.fillna(frame["event_type"]),
        "source_count": per_unique(source.texts("source"), count_sources, "Int64"),
        "ingested_at": pd.Series(known, index=frame.index),
    }


def count_sources(text: str) -> int | None:
    """Return how many sources a list names.

    Examples
    --------
    >>> count_sources("Pajhwok; Tolo News"), count_sources("")
    (2, None)
    """
    return len({part.strip() for part in text.split(";") if part.strip()}) or None


FEED = Feed(
    name="acled",
    title="Armed Conflict Location & Event Data",
    # exports up to 2018 lack sub_event_type; the oldest have data_id alone
    required=frozenset({"event_date", "time_precision", "actor1", "geo_precision", "fatalities"}),
    # an extract has the columns that were asked for, and its ids are named as nobody else's
    marks=(frozenset({"event_id_cnty", "event_date", "event_type"}),),
    dates=(("event_date",),),
    texts={
        "source_id": ("event_id_cnty", "data_id"),
        "place": ("location",),
        "admin1": ("admin1",),
        "admin2": ("admin2",),
        "actor": ("actor1",),
        "notes": ("notes",),
    },
    counts={"killed": ("fatalities",)},
    codes={
        "event_type": Codes(("event_type",), EVENT_TYPE, "unknown"),
        "date_precision": Codes(("time_precision",), DATE_PRECISION),
        "geo_precision": Codes(("geo_precision",), GEO_PRECISION),
    },
    country=(("country", "iso3"), find_iso),
    # all political violence of the countries it covers, fatal or not
    scope=Scope(("violence",)),
    finish=_finish,
    reads=frozenset({"sub_event_type", "source", "timestamp"}),
    curated=True,
)


#: Records a page.
SIZE = 5000
USERNAME, PASSWORD = "RISKMAP_ACLED_USERNAME", "RISKMAP_ACLED_PASSWORD"

#: Countries as ACLED writes them, where that is not their name for display.
NAMES = {
    "COD": "Democratic Republic of Congo",
    "COG": "Republic of Congo",
    "CIV": "Ivory Coast",
    "SWZ": "eSwatini",
    "CZE": "Czech Republic",
    "BIH": "Bosnia and Herzegovina",
    "MKD": "North Macedonia",
    "CAF": "Central African Republic",
    "SSD": "South Sudan",
    "ARE": "United Arab Emirates",
    "TLS": "East Timor",
    "USA": "United States",
    "CPV": "Cape Verde",
    "STP": "Sao Tome and Principe",
    "GNQ": "Equatorial Guinea",
    "DOM": "Dominican Republic",
    "TUR": "Turkey",
    "PRK": "North Korea",
    "KOR": "South Korea",
}
_FIRST, _LAST = date(1997, 1, 1), date(2100, 12, 31)


def _ask(client: Client, query: Query) -> Question:
    params = {"_format": "json", "limit": str(SIZE), "page": "1"}
    if query.country is not None:
        params["country"] = NAMES.get(query.country) or display_name(query.country)
    if query.since is not None or query.until is not None:
        params["event_date"] = f"{query.since or _FIRST}|{query.until or _LAST}"
        params["event_date_where"] = "BETWEEN"
    return Question(f"{client.service.api}/api/acled/read", params)


def _ask_withdrawn(client: Client, query: Query) -> Question:
    params = {"_format": "json", "limit": str(SIZE), "page": "1"}
    if query.since is not None:
        params["deleted_timestamp"] = str((query.since - date(1970, 1, 1)).days * 86_400)
        params["deleted_timestamp_where"] = ">"
    return Question(f"{client.service.api}/api/deleted/read", params)


def _read(content: Any, question: Question) -> Page:
    answer = object_of(content, "ACLED")
    if answer.get("success") is False:
        raise ServiceError("ACLED answered that it did not succeed")
    records = list_of(answer, "data", "ACLED")
    page = str(int(question.params["page"]) + 1)
    following = replace(question, params={**question.params, "page": page})
    return Page(records, following if records else None)


def _sign(keys: Mapping[str, str], ask: Callable[[Question], Any], client: Client) -> Signature:
    """Return a token for the user's name and password; it is kept in memory alone."""
    form = {
        "username": keys[USERNAME],
        "password": keys[PASSWORD],
        "grant_type": "password",
        "client_id": "acled",
    }
    answer = object_of(
        ask(
            Question(
                f"{client.service.api}/oauth/token",
                body=urlencode(form),
                kind="application/x-www-form-urlencoded",
            )
        ),
        "ACLED",
    )
    token = answer.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ServiceError("ACLED answered the name and password without an access token")
    return Signature(headers={"Authorization": f"Bearer {token}"})


CLIENT = Client(
    name="acled",
    title="Armed Conflict Location & Event Data (ACLED)",
    feed="acled",
    service=Service(api="https://acleddata.com", hosts=("acleddata.com",)),
    keys={
        USERNAME: "the e-mail address of an account at acleddata.com",
        PASSWORD: "its password",
    },
    licence="ACLED terms of use: rows may not be passed on to others.",
    ask=_ask,
    read=_read,
    sign=_sign,
    columns=FEED.required,
    identity="event_id_cnty",
    country="country",
    days=("event_date",),
)

#: Events that ACLED has withdrawn: ids and moments, no incidents.
WITHDRAWN = replace(
    CLIENT,
    name="acled-withdrawn",
    feed=None,
    ask=_ask_withdrawn,
    columns=frozenset({"event_id_cnty", "deleted_timestamp"}),
    country=None,
    days=(),
)


def _finish_weeks(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return event types of two columns, and how exactly places are known."""
    fine = map_codes(source.texts("sub_event_type"), SUB_EVENT_TYPE)
    kind = fine.fillna(frame["event_type"])
    return {
        "event_type": kind,
        "geo_precision": pd.Series(find_precision(frame, AREAS[1:]), frame.index, "str"),
    }


def _finish_months(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the type and the scope that the file's name tells, and how exactly places are known.

    Who counts demonstrations alone, or attacks on civilians, watches no violence.
    """
    name = source.raw.name.casefold()
    kind = "unrest" if "demonstration" in name else "unknown"
    part = kind == "unrest" or "civilian" in name
    return {
        "event_type": repeat_text(kind, len(frame)),
        "scope": repeat_text("none" if part else None, len(frame)),
        "geo_precision": pd.Series(find_precision(frame, AREAS[1:]), frame.index, "str"),
    }


WEEKLY = Feed(
    name="acled-weekly",
    title="ACLED counts by week and province",
    required=frozenset({"week", "country", "admin1", "event_type", "events", "fatalities"}),
    dates=(("week",),),
    texts={"admin1": ("admin1",), "admin2": ("admin2",), "notes": ("sub_event_type",)},
    counts={"killed": ("fatalities",)},
    count=("events",),
    codes={"event_type": Codes(("event_type",), EVENT_TYPE, "unknown")},
    country=(("iso3", "country"), find_iso),
    # all political violence of the countries it counts, fatal or not
    scope=Scope(("violence",)),
    constants={"source": "acled"},
    finish=_finish_weeks,
    reads=frozenset({"sub_event_type", "disorder_type"}),
)

MONTHLY = Feed(
    name="acled-monthly",
    title="ACLED counts by month and district (HDX)",
    required=frozenset({"country", "admin1", "month", "year", "events", "iso3"}),
    dates=(("event_date",),),
    texts={
        "admin1": ("admin1",),
        "admin2": ("admin2",),
        "region_id": ("admin2_pcode", "admin2_p_code", "adm2_pcode"),
    },
    counts={"killed": ("fatalities",)},
    count=("events",),
    country=(("iso3", "country"), find_iso),
    # all political violence of the countries it counts, fatal or not
    scope=Scope(("violence",)),
    constants={"source": "acled"},
    finish=_finish_months,
    reads=None,
)


#: What HDX HAPI counts; civilians may be attacked in any way.
HAPI_EVENT_TYPE = by_meaning(
    unknown=("political_violence",), armed_attack=("civilian_targeting",), unrest=("demonstration",)
)
_HAPI_WHERE = ("country", "admin1", "admin2", "region_id", "event_date")


def _finish_hapi(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return which rows are counted in others too, what they watch, and how places are known.

    Who counts demonstrations alone, or attacks on civilians, watches no violence.
    """
    number = parse_counts(source.texts("events")).numbers
    wide = (frame["notes"] == "political_violence").to_numpy(bool)
    place, _ = number_rows([frame[name] for name in _HAPI_WHERE])
    most = number.where(wide).groupby(place).transform("max")
    inside = (frame["notes"] == "civilian_targeting") & (most >= number).fillna(value=False)
    return {
        "set_aside": repeat_text("aggregate", len(frame)).where(inside),
        "set_aside_detail": repeat_text("counted as political violence too", len(frame)),
        "scope": repeat_text("none", len(frame)).mask(wide),
        "geo_precision": pd.Series(find_precision(frame, AREAS[1:]), frame.index, "str"),
    }


HAPI = Feed(
    name="hapi",
    title="HDX HAPI conflict events",
    required=frozenset({"events", "fatalities", "reference_period_start", "location_code"}),
    dates=(("reference_period_start",), ("reference_period_end",)),
    texts={
        "source_id": ("hapi_id",),
        "admin1": ("admin1_name", "provider_admin1_name"),
        "admin2": ("admin2_name", "provider_admin2_name"),
        "region_id": ("admin2_code",),
        "notes": ("event_type",),
    },
    counts={"killed": ("fatalities",)},
    country=(("location_code",), find_iso),
    count=("events",),
    codes={"event_type": Codes(("event_type",), HAPI_EVENT_TYPE, "unknown")},
    # all political violence of the countries it counts, fatal or not
    scope=Scope(("violence",)),
    finish=_finish_hapi,
    reads=None,
    made_of="acled",
)


#: Records a page; HDX HAPI gives no more.
HAPI_SIZE = 10_000


def _ask_hapi(client: Client, query: Query) -> Question:
    params = {"output_format": "json", "limit": str(HAPI_SIZE), "offset": "0"}
    if query.country is not None:
        params["location_code"] = query.country
    params |= query.name_days("start_date", "end_date")
    return Question(f"{client.service.api}/api/v2/coordination-context/conflict-events", params)


def _read_hapi(content: Any, question: Question) -> Page:
    records = list_of(object_of(content, "HDX HAPI"), "data", "HDX HAPI")
    offset = str(int(question.params["offset"]) + len(records))
    following = replace(question, params={**question.params, "offset": offset})
    return Page(records, following if records else None)


HAPI_CLIENT = Client(
    name="hapi",
    title="HDX Humanitarian API (HAPI)",
    feed="hapi",
    service=Service(api="https://hapi.humdata.org", hosts=("hapi.humdata.org",)),
    keys={
        "RISKMAP_HAPI_APP_IDENTIFIER": "base64 of 'application:e-mail', from "
        "hapi.humdata.org/api/v2/encode_app_identifier"
    },
    licence="Made from ACLED: see its terms of use and the licence of the dataset on HDX.",
    ask=_ask_hapi,
    read=_read_hapi,
    sign=sign_with_key(header="X-HDX-HAPI-APP-IDENTIFIER"),
    columns=HAPI.required,
    country="location_code",
    days=("reference_period_start", "reference_period_end"),
)
