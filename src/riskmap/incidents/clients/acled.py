"""ACLED: a token for a user's name and password, pages until one is empty, withdrawn events.

https://acleddata.com/acled-api-documentation. ACLED's terms forbid passing its rows on: what is
fetched is for the fetcher.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from riskmap.countries import display_name
from riskmap.downloads import Service
from riskmap.errors import ServiceError
from riskmap.incidents.clients.answers import list_of, object_of
from riskmap.incidents.clients.queries import Client, Pace, Page, Query, Question, Signature
from riskmap.incidents.feeds import acled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


def _sign(client: Client, keys: Mapping[str, str], ask: Callable[[Question], Any]) -> Signature:
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
                body=urlencode(form).encode(),
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
    columns=acled.FEED.required,
    identity="event_id_cnty",
    country="country",
    days=("event_date",),
    pace=Pace(pause=1.0),
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
