"""HDX HAPI: conflict events, monthly counts by district made from ACLED.

https://hapi.humdata.org/docs. Its rows are aggregates: the feed sets every one aside as such.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from riskmap.downloads import Service
from riskmap.incidents.clients.answers import list_of, object_of
from riskmap.incidents.clients.queries import Client, Pace, Page, Query, Question, Signature
from riskmap.incidents.feeds import hapi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Records a page; the service gives no more.
SIZE = 10_000


def _ask(client: Client, query: Query) -> Question:
    params = {"output_format": "json", "limit": str(SIZE), "offset": "0"}
    if query.country is not None:
        params["location_code"] = query.country
    if query.since is not None:
        params["start_date"] = query.since.isoformat()
    if query.until is not None:
        params["end_date"] = query.until.isoformat()
    return Question(f"{client.service.api}/api/v2/coordination-context/conflict-events", params)


def _read(content: Any, question: Question) -> Page:
    records = list_of(object_of(content, "HDX HAPI"), "data", "HDX HAPI")
    offset = str(int(question.params["offset"]) + len(records))
    following = replace(question, params={**question.params, "offset": offset})
    return Page(records, following if records else None)


def _sign(
    client: Client,
    keys: Mapping[str, str],
    ask: Callable[[Question], Any],  # noqa: ARG001 - the identifier needs no asking
) -> Signature:
    return Signature(headers={"X-HDX-HAPI-APP-IDENTIFIER": keys[next(iter(client.keys))]})


CLIENT = Client(
    name="hapi",
    title="HDX Humanitarian API (HAPI)",
    feed="hapi",
    service=Service(api="https://hapi.humdata.org", hosts=("hapi.humdata.org",)),
    keys={
        "RISKMAP_HAPI_APP_IDENTIFIER": "base64 of 'application:e-mail', from "
        "hapi.humdata.org/api/v2/encode_app_identifier"
    },
    licence="Made from ACLED: see its terms of use and the licence of the dataset on HDX.",
    ask=_ask,
    read=_read,
    sign=_sign,
    columns=hapi.FEED.required,
    country="location_code",
    days=("reference_period_start", "reference_period_end"),
    pace=Pace(pause=1.0),
)
