"""HDX HAPI conflict events: monthly counts by district, made from ACLED.

No row is an incident. Types overlap: attacks on civilians are counted among political violence too,
and are set aside where that is told of the same district and month. The API:
https://hapi.humdata.org/docs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.downloads import Service
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import (
    AREAS,
    Codes,
    Feed,
    Source,
    by_meaning,
    find_precision,
)
from riskmap.incidents.queries import (
    Client,
    Page,
    Query,
    Question,
    list_of,
    object_of,
    sign_with_key,
)
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import number_rows, parse_counts, repeat_text

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What is counted; civilians may be attacked in any way.
EVENT_TYPE = by_meaning(
    unknown=("political_violence",), armed_attack=("civilian_targeting",), unrest=("demonstration",)
)
_WHERE = ("country", "admin1", "admin2", "region_id", "event_date")


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return which rows are counted in others too, what they watch, and how places are known.

    Who counts demonstrations alone, or attacks on civilians, watches no violence.
    """
    number = parse_counts(source.texts("events")).numbers
    wide = (frame["notes"] == "political_violence").to_numpy(bool)
    place, _ = number_rows([frame[name] for name in _WHERE])
    most = number.where(wide).groupby(place).transform("max")
    inside = (frame["notes"] == "civilian_targeting") & (most >= number).fillna(value=False)
    return {
        "set_aside": repeat_text("aggregate", len(frame)).where(inside),
        "set_aside_detail": repeat_text("counted as political violence too", len(frame)),
        "scope": repeat_text("none", len(frame)).mask(wide),
        "geo_precision": pd.Series(find_precision(frame, AREAS[1:]), frame.index, "str"),
    }


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
    count=("events",),
    codes={"event_type": Codes(("event_type",), EVENT_TYPE, "unknown")},
    # all political violence of the countries it counts, fatal or not
    scope=Scope(("violence",)),
    finish=_finish,
    reads=None,
    made_of="acled",
)


#: Records a page; the service gives no more.
SIZE = 10_000


def _ask(client: Client, query: Query) -> Question:
    params = {"output_format": "json", "limit": str(SIZE), "offset": "0"}
    if query.country is not None:
        params["location_code"] = query.country
    params |= query.name_days("start_date", "end_date")
    return Question(f"{client.service.api}/api/v2/coordination-context/conflict-events", params)


def _read(content: Any, question: Question) -> Page:
    records = list_of(object_of(content, "HDX HAPI"), "data", "HDX HAPI")
    offset = str(int(question.params["offset"]) + len(records))
    following = replace(question, params={**question.params, "offset": offset})
    return Page(records, following if records else None)


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
    sign=sign_with_key(header="X-HDX-HAPI-APP-IDENTIFIER"),
    columns=FEED.required,
    country="location_code",
    days=("reference_period_start", "reference_period_end"),
)
