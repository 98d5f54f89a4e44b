"""UCDP Georeferenced Event Dataset: yearly files, candidate files, the API's rows.

Headers of 41, 48 and 49 columns are known. Fatal events only; victims' nationality and work are not
told. Codebook: Högbladh, UCDP GED Codebook (Uppsala University); codes to be corrected here.

The API (https://ucdp.uu.se/apidocs/) wants a token and is paged by ``NextPageUrl``; the files
(https://ucdp.uu.se/downloads/) need none and are named by their version: yearly ``25.1``, monthly
candidates ``25.0.3``, quarterly candidates ``26.01.26.06``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from riskmap.downloads import Service
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.feeds.mappings import Codes, Feed, Source
from riskmap.incidents.queries import (
    Client,
    Pace,
    Page,
    Query,
    Question,
    count_of,
    list_of,
    object_of,
    sign_with_key,
)
from riskmap.incidents.scope import Scope
from riskmap.incidents.words import read_list

if TYPE_CHECKING:
    from collections.abc import Mapping


#: 1 day, 2 two to six days, 3 week, 4 month, 5 more than a month.
DATE_PRECISION = {"1": "day", "2": "week", "3": "week", "4": "month", "5": "year"}

#: 1 state-based and 2 non-state conflict, 3 one-sided violence.
EVENT_TYPE = {"1": "battle", "2": "battle", "3": "armed_attack"}


#: where_prec; 5 is a line or fuzzy region, known to the province that the row names, if any
GEO_PRECISION = {
    "1": "point",  # the exact place
    "2": "place",  # within 25 km of it
    "3": "admin2",
    "4": "admin1",
    "5": "admin1",
    "6": "country",
    "7": "unknown",  # international waters or airspace
}


#: The columns of files since 2023; candidate files also come without their names.
COLUMNS = (
    *("id", "relid", "year", "active_year", "code_status", "type_of_violence"),
    *("conflict_dset_id", "conflict_new_id", "conflict_name"),
    *("dyad_dset_id", "dyad_new_id", "dyad_name"),
    *("side_a_dset_id", "side_a_new_id", "side_a"),
    *("side_b_dset_id", "side_b_new_id", "side_b"),
    *("number_of_sources", "source_article", "source_office", "source_date"),
    *("source_headline", "source_original", "where_prec", "where_coordinates", "where_description"),
    *("adm_1", "adm_2", "latitude", "longitude", "geom_wkt", "priogrid_gid"),
    *("country", "country_id", "region", "event_clarity", "date_prec"),
    *("date_start", "date_end", "deaths_a", "deaths_b", "deaths_civilians"),
    *("deaths_unknown", "best", "high", "low", "gwnoa", "gwnob"),
)


def _finish(_: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return whole ids, both sides of a battle, and the province of a fuzzy region."""
    battle = (frame["event_type"] == "battle") & frame["side_b"].notna()
    both = frame["actor"].str.cat(frame["side_b"], sep="; ")
    nameless = (frame["geo_precision"] == "admin1") & frame["admin1"].isna()
    return {
        "source_id": frame["source_id"].str.replace(r"^(\d+)\.0$", r"\1", regex=True),
        "geo_precision": frame["geo_precision"].mask(nameless, "country"),
        "actor": frame["actor"].mask(battle, both),
    }


FEED = Feed(
    name="ucdp",
    title="UCDP Georeferenced Event Dataset",
    required=frozenset({"id", "type_of_violence", "where_prec", "date_prec", "date_start"}),
    dates=(("date_start",), ("date_end",)),
    texts={
        "source_id": ("id",),
        "place": ("where_coordinates", "where_description"),
        "admin1": ("adm_1",),
        "admin2": ("adm_2",),
        "actor": ("side_a",),
        "side_b": ("side_b",),
        "notes": ("source_headline", "source_article"),
    },
    counts={"killed": ("best",), "source_count": ("number_of_sources",)},
    codes={
        "event_type": Codes(("type_of_violence",), EVENT_TYPE, "unknown"),
        "geo_precision": Codes(("where_prec",), GEO_PRECISION),
        "date_precision": Codes(("date_prec",), DATE_PRECISION),
    },
    point=(("latitude", "lat"), ("longitude", "lon")),
    unknown=frozenset({"-1"}),
    # fatal events of organised violence alone: its silence says nothing of kidnapping
    scope=Scope(("violence",), deaths_only=True, since=pd.Timestamp("1989-01-01")),
    finish=_finish,
    headers=(COLUMNS,),
    signs={
        "id": r"\d+",
        "relid": r"[A-Z]{3}-\d{4}-\d-\S+",
        "year": r"\d{4}",
        "date_start": r"\d{4}-\d\d-\d\d\D.*",
    },
    curated=True,
    typed=False,
)


#: The release that is asked for when the caller names none.
VERSION = "26.1"
#: Records a page; the service gives no more.
SIZE = 1000

_LICENCE = "CC BY 4.0, Uppsala Conflict Data Program: cite it with its version."
_YEARLY = re.compile(r"(\d\d)\.1")
_CANDIDATE = re.compile(r"\d\d\.0\.\d{1,2}|\d\d\.\d\d\.\d\d\.\d\d")


def _version(query: Query) -> str:
    version = query.version or VERSION
    if not (_YEARLY.fullmatch(version) or _CANDIDATE.fullmatch(version)):
        raise InputError(
            "unknown version of UCDP GED",
            met=version,
            expected="a yearly one (25.1) or a candidate (25.0.3, 26.01.26.06)",
        )
    return version


def _ask(client: Client, query: Query) -> Question:
    params = {"pagesize": str(SIZE)}
    if query.country is not None:
        params["Country"] = ",".join(country_numbers(query.country))
    params |= query.name_days("StartDate", "EndDate")
    return Question(f"{client.service.api}/gedevents/{_version(query)}", params)


def country_numbers(iso3: str) -> tuple[str, ...]:
    """Return the numbers by which UCDP knows a country (Gleditsch and Ward).

    Parameters
    ----------
    iso3
        Alpha-3 code.

    Raises
    ------
    InputError
        When it has none.

    Examples
    --------
    >>> country_numbers("AFG"), country_numbers("SRB")
    (('700',), ('340', '345'))
    """
    found = _numbers().get(iso3)
    if found is None:
        raise InputError(
            "UCDP has no number for the country", met=iso3, expected="another, or no country"
        )
    return found


@lru_cache(maxsize=1)
def _numbers() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in read_list("gleditsch_ward.csv"):
        found[row["iso3"]] = (*found.get(row["iso3"], ()), row["gw"])
    return found


def _read(content: Any, question: Question) -> Page:
    answer = object_of(content, "UCDP")
    records = list_of(answer, "Result", "UCDP")
    address = answer.get("NextPageUrl") or ""
    following = _following(str(address), question) if address else None
    return Page(records, following, count_of(answer, "TotalCount", "UCDP"))


def _following(address: str, question: Question) -> Question:
    """Return the next question: only what ``NextPageUrl`` asks is taken over, not whom."""
    here = urlsplit(question.url)
    try:
        there = urlsplit(address)
    except ValueError:
        raise ServiceError(f"UCDP: NextPageUrl is no address, met {address!r}") from None
    if (there.hostname, there.path.rstrip("/")) != (here.hostname, here.path.rstrip("/")):
        raise ServiceError("UCDP: NextPageUrl leads elsewhere than where the first page came from")
    page = dict(parse_qsl(there.query)).get("page", "")
    if not page.isdecimal():
        raise ServiceError(f"UCDP: NextPageUrl names no page, met {page!r}")
    return Question(question.url, {**question.params, "page": page})


CLIENT = Client(
    name="ucdp",
    title="UCDP Georeferenced Event Dataset",
    feed="ucdp",
    service=Service(api="https://ucdpapi.pcr.uu.se/api", hosts=("ucdpapi.pcr.uu.se",)),
    keys={"RISKMAP_UCDP_TOKEN": "a token, on request from UCDP (ucdp.uu.se/apidocs)"},
    licence=_LICENCE,
    ask=_ask,
    read=_read,
    sign=sign_with_key(header="x-ucdp-access-token"),
    columns=FEED.required,
    identity="id",
    country="country",
    days=("date_start", "date_end"),
    pace=Pace(pause=0.5),
    versions=True,
)


def file_address(client: Client, query: Query) -> str:
    """Return where the file of a version is.

    Examples
    --------
    >>> file_address(FILES, Query(version="25.1"))
    'https://ucdp.uu.se/downloads/ged/ged251-csv.zip'
    >>> file_address(FILES, Query(version="25.0.3"))
    'https://ucdp.uu.se/downloads/candidateged/GEDEvent_v25_0_3.csv'
    """
    version = _version(query)
    if _YEARLY.fullmatch(version):
        return f"{client.service.api}/ged/ged{version.replace('.', '')}-csv.zip"
    return f"{client.service.api}/candidateged/GEDEvent_v{version.replace('.', '_')}.csv"


#: Files: nothing to sign, and the whole world in each.
FILES = replace(
    CLIENT,
    name="ucdp-files",
    service=Service(api="https://ucdp.uu.se/downloads", hosts=("ucdp.uu.se",)),
    keys={},
    release=file_address,
)
