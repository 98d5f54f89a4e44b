"""UCDP GED: the API with a token, paged by ``NextPageUrl``, and the files that need none.

https://ucdp.uu.se/apidocs/ and https://ucdp.uu.se/downloads/. Files are named by their version:
yearly ``25.1``, monthly candidates ``25.0.3``, quarterly candidates ``26.01.26.06``.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from riskmap.downloads import Service
from riskmap.errors import InputError, ServiceError
from riskmap.incidents.clients.answers import count_of, list_of, object_of
from riskmap.incidents.clients.queries import Client, Pace, Page, Query, Question, Signature
from riskmap.incidents.feeds import ucdp
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    if query.since is not None:
        params["StartDate"] = query.since.isoformat()
    if query.until is not None:
        params["EndDate"] = query.until.isoformat()
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
    with data_path("gleditsch_ward.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
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


def _sign(
    client: Client,
    keys: Mapping[str, str],
    ask: Callable[[Question], Any],  # noqa: ARG001 - the token needs no asking
) -> Signature:
    return Signature(headers={"x-ucdp-access-token": keys[next(iter(client.keys))]})


CLIENT = Client(
    name="ucdp",
    title="UCDP Georeferenced Event Dataset",
    feed="ucdp",
    service=Service(api="https://ucdpapi.pcr.uu.se/api", hosts=("ucdpapi.pcr.uu.se",)),
    keys={"RISKMAP_UCDP_TOKEN": "a token, on request from UCDP (ucdp.uu.se/apidocs)"},
    licence=_LICENCE,
    ask=_ask,
    read=_read,
    sign=_sign,
    columns=ucdp.FEED.required,
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
