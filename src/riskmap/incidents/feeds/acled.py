"""ACLED: exports of 31 columns and older ones, CSV or the JSON of the API.

Values may all come as text; dates are ``07 January 2025`` in exports and ISO in the API. Victims'
nationality is not told. Codebook: ACLED Codebook (2023); codes to be corrected here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import Codes, Feed, Source
from riskmap.incidents.feeds.precisions import GEO_PRECISION
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import map_codes, parse_numbers, per_unique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.incidents.dates import Days

#: 1 the day, 2 the week, 3 the month.
DATE_PRECISION = {"1": "day", "2": "week", "3": "month"}

#: What happened, by sub_event_type where it says more than event_type.
SUB_EVENT_TYPE = {
    "Attack": "armed_attack",
    "Abduction/forced disappearance": "abduction",
    "Sexual violence": "assault",
    "Arrests": "arrest",
    "Suicide bomb": "explosion",
    "Grenade": "explosion",
}

#: What happened, by event_type.
EVENT_TYPE = {
    "Battles": "battle",
    "Explosions/Remote violence": "explosion",
    "Violence against civilians": "armed_attack",
    "Protests": "unrest",
    "Riots": "unrest",
    "Strategic developments": "other",
}

#: Unix seconds of the year 2100: a later timestamp is no time.
LAST_SECOND = 4_102_444_800


def _dates(source: Source) -> Days:
    """Return the day of the event."""
    return source.interval("event_date", "")


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
    required=frozenset(
        {"event_date", "time_precision", "sub_event_type", "actor1", "geo_precision", "fatalities"}
    ),
    dates=_dates,
    date_columns=("event_date",),
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
        "geo_precision": Codes(("geo_precision",), GEO_PRECISION["acled"], "unknown"),
    },
    country=(("country", "iso3"), find_iso),
    # all political violence of the countries it covers, fatal or not
    scope=Scope(("violence",)),
    finish=_finish,
    reads=frozenset({"sub_event_type", "source", "timestamp"}),
)
