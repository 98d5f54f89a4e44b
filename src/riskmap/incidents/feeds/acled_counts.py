"""Counts made from ACLED: its weekly tables by province, and the monthly workbooks on HDX.

No row is an incident. Columns of the weekly tables (acleddata.com, "aggregated data"): a week by
its first day, province, types, ``EVENTS``, ``FATALITIES``; ``ID`` is the province's. Of the monthly
ones (data.humdata.org): a month and a year, district, ``Events``, ``Fatalities``; a file is of all
political violence, of attacks on civilians among it, or of demonstrations, and its name alone says
of which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.incidents.feeds.acled import EVENT_TYPE, SUB_EVENT_TYPE
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import AREAS, Codes, Feed, Source, find_precision
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import map_codes, repeat_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def _finish_weeks(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return event types of two columns, and how exactly places are known."""
    fine = map_codes(source.texts("sub_event_type"), SUB_EVENT_TYPE)
    return {
        "event_type": fine.fillna(frame["event_type"]),
        "geo_precision": pd.Series(find_precision(frame, AREAS[1:]), frame.index, "str"),
    }


def _finish_months(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the type that the file's name tells, and how exactly places are known."""
    kind = "unrest" if "demonstration" in source.raw.name.casefold() else "unknown"
    return {
        "event_type": repeat_text(kind, len(frame)),
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
    scope=Scope(("violence",)),
    constants={"source": "acled"},
    finish=_finish_months,
    reads=None,
)
