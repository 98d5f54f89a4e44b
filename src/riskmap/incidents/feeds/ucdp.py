"""UCDP Georeferenced Event Dataset: yearly files, candidate files, the API's rows.

Headers of 41, 48 and 49 columns are known. Fatal events only; victims' nationality and work are not
told. Codebook: Högbladh, UCDP GED Codebook (Uppsala University); codes to be corrected here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.incidents.feeds.mappings import Codes, Feed, Source
from riskmap.incidents.feeds.precisions import GEO_PRECISION
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import integer_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.incidents.dates import Days

#: 1 day, 2 two to six days, 3 week, 4 month, 5 more than a month.
DATE_PRECISION = {"1": "day", "2": "week", "3": "week", "4": "month", "5": "year"}

#: 1 state-based and 2 non-state conflict, 3 one-sided violence.
EVENT_TYPE = {"1": "battle", "2": "battle", "3": "armed_attack"}


def _dates(source: Source) -> Days:
    """Return the days from start to end."""
    return source.interval("date_start", "date_end")


def _finish(_: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return whole ids, both sides of a battle, and the province of a fuzzy region."""
    battle = (frame["event_type"] == "battle") & frame["side_b"].notna()
    both = frame["actor"].str.cat(frame["side_b"], sep="; ")
    nameless = (frame["geo_precision"] == "admin1") & frame["admin1"].isna()
    return {
        "source_id": integer_text(frame["source_id"]),
        "geo_precision": frame["geo_precision"].mask(nameless, "country"),
        "actor": frame["actor"].mask(battle, both),
    }


FEED = Feed(
    name="ucdp",
    title="UCDP Georeferenced Event Dataset",
    required=frozenset({"id", "type_of_violence", "where_prec", "date_prec", "date_start"}),
    dates=_dates,
    date_columns=("date_start", "date_end"),
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
        "geo_precision": Codes(("where_prec",), GEO_PRECISION["ucdp"], "unknown"),
        "date_precision": Codes(("date_prec",), DATE_PRECISION),
    },
    point=(("latitude", "lat"), ("longitude", "lon")),
    unknown=frozenset({"-1"}),
    # fatal events of organised violence alone: its silence says nothing of kidnapping
    scope=Scope(("violence",), deaths_only=True, since=pd.Timestamp("1989-01-01")),
    finish=_finish,
)
