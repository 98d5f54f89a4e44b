"""The tables of an extraction: their columns, and rows made into tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from riskmap.incidents.scope import Scope
from riskmap.schema import COUNT, CRS, INCIDENT_COLUMNS, TEXT, Column, conform

Rows = Sequence[Mapping[str, Any]]

#: Columns that an extracted incident has beside those of every Incidents table.
ARTICLE_COLUMNS = (
    Column("event_status", TEXT, "'reported', 'recounted' or 'arrest'"),
    Column("date_phrase", TEXT, "the words that date it"),
    Column(
        "killed_max", COUNT, "most people killed, when the text gives a range; missing when open"
    ),
    Column("wounded_max", COUNT, "likewise"),
    Column("abducted_max", COUNT, "likewise"),
    Column("arrested", COUNT, "people arrested"),
    Column("arrested_max", COUNT, "likewise"),
    Column("released", COUNT, "people released or freed"),
    Column("attackers_killed", COUNT, "attackers killed, not in `killed`"),
    Column("attackers_wounded", COUNT, "attackers wounded, not in `wounded`"),
    Column("occupation", TEXT, "what the victims do"),
    Column("survivors", TEXT, "who is said to be unharmed"),
    Column("weapon", TEXT, "the weapon or means"),
    Column("denied_by", TEXT, "the group that denies it"),
    Column("stated_by", TEXT, "who says so"),
)

EVIDENCE_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("field", TEXT, "its column"),
    Column("value", TEXT, "what was read"),
    Column("start", COUNT, "first character of the phrase, from 0"),
    Column("end", COUNT, "the character after the phrase"),
    Column("phrase", TEXT, "the text between them"),
)

PLACE_COLUMNS = (
    Column("start", COUNT, "first character of the name"),
    Column("end", COUNT, "the character after it"),
    Column("phrase", TEXT, "the name as written"),
    Column("level", TEXT, "'country', 'admin1', 'admin2' or 'place'"),
    Column("name", TEXT, "the region's name, or the name as written"),
    Column("region_id", TEXT, "the region, when it is known"),
    Column("role", TEXT, "its role in the text"),
)

SET_ASIDE_COLUMNS = (
    Column("reason", TEXT, "why no incident was made of the sentence"),
    Column("start", COUNT, "first character of the sentence"),
    Column("end", COUNT, "the character after it"),
    Column("sentence", TEXT, "the sentence"),
)


def incidents_table(rows: Rows) -> gpd.GeoDataFrame:
    """Return rows as an Incidents table with the columns of articles behind those of all feeds."""
    columns = (*INCIDENT_COLUMNS, *ARTICLE_COLUMNS)
    frame = pd.DataFrame(list(rows), columns=[c.name for c in columns])
    for name in ("event_date", "event_date_end"):
        frame[name] = pd.to_datetime(frame[name])
    frame["ingested_at"] = pd.to_datetime(frame["ingested_at"], utc=True)
    frame["scope"] = str(Scope())  # one story is no watch
    return gpd.GeoDataFrame(
        conform(frame, columns), geometry=gpd.GeoSeries([None] * len(frame), crs=CRS), crs=CRS
    )


def make_table(rows: Rows, columns: Sequence[Column]) -> pd.DataFrame:
    """Return rows as a table with some columns."""
    frame = pd.DataFrame(list(rows), columns=[c.name for c in columns])
    return conform(frame, columns)
