"""HDX HAPI conflict events: monthly counts by district, made from ACLED.

They are aggregates whose types overlap, so no row is an incident: every one goes to quarantine as
``aggregate``. They may inform exposure and reporting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import Feed, Source
from riskmap.incidents.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from riskmap.incidents.dates import Days


def _dates(source: Source) -> Days:
    """Return the days of the reference period."""
    return source.interval("reference_period_start", "reference_period_end")


def _finish(_: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Say that no row is an incident."""
    return {"set_aside": np.full(len(frame), "aggregate", dtype=object)}


FEED = Feed(
    name="hapi",
    title="HDX HAPI conflict events",
    required=frozenset({"events", "fatalities", "reference_period_start", "location_code"}),
    dates=_dates,
    date_columns=("reference_period_start", "reference_period_end"),
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
    finish=_finish,
    reads=None,
)
