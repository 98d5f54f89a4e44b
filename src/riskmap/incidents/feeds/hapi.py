"""HDX HAPI conflict events: monthly counts by district, made from ACLED.

They are aggregates whose types overlap, so no row is an incident: every one goes to quarantine as
``aggregate``. They may inform exposure and reporting. The API: https://hapi.humdata.org/docs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from riskmap.downloads import Service
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import Feed
from riskmap.incidents.scope import Scope
from riskmap.incidents.services import Page, PagedClient, Query, Question, records_of

FEED = Feed(
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
    # sums of events, none of which is an incident: every row is refused, so its silence is none
    scope=Scope(),
    constants={"set_aside": "aggregate"},
    reads=None,
)


#: Records a page; the service gives no more.
SIZE = 10_000


def _ask(client: PagedClient, query: Query) -> Question:
    params = {"output_format": "json", "limit": str(SIZE), "offset": "0"}
    if query.country is not None:
        params["location_code"] = query.country
    if query.since is not None:
        params["start_date"] = query.since.isoformat()
    if query.until is not None:
        params["end_date"] = query.until.isoformat()
    return Question(f"{client.service.api}/api/v2/coordination-context/conflict-events", params)


def _read(content: Any, question: Question) -> Page:
    records = records_of(content, "data", "HDX HAPI")
    offset = str(int(question.params["offset"]) + len(records))
    following = replace(question, params={**question.params, "offset": offset})
    return Page(records, following if records else None)


CLIENT = PagedClient(
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
    sign=lambda keys, *_: {"X-HDX-HAPI-APP-IDENTIFIER": keys["RISKMAP_HAPI_APP_IDENTIFIER"]},
    columns=FEED.required,
    country="location_code",
    days=("reference_period_start", "reference_period_end"),
)
