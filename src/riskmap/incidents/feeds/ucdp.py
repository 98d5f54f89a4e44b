"""UCDP Georeferenced Event Dataset: yearly files and candidate files, and rows of the API.

Headers of 41, 48 and 49 columns are known. Fatal events only; victims' nationality and work are not
told. Codebook: Högbladh, UCDP GED Codebook (Uppsala University); codes to be corrected here.

The files (https://ucdp.uu.se/downloads/) need no key and are named by their version: yearly
``25.1``, monthly candidates ``25.0.3``, quarterly candidates ``26.01.26.06``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.downloads import Service
from riskmap.errors import InputError
from riskmap.incidents.feeds.mappings import Codes, Feed, Source
from riskmap.incidents.scope import Scope
from riskmap.incidents.services import FileClient, Query

if TYPE_CHECKING:
    from collections.abc import Mapping


#: 1 day, 2 two to six days, 3 week, 4 month, 5 more than a month.
DATE_PRECISION = {"1": "day", "2": "week", "3": "week", "4": "month", "5": "year"}

#: 1 state-based and 2 non-state conflict, 3 one-sided violence.
EVENT_TYPE = {"1": "battle", "2": "battle", "3": "armed_attack"}


#: where_prec; 5 is a line or fuzzy region, known to the province that the row names, if any
GEO_PRECISION = {
    "1": "point",  # the exact place
    "2": "place",  # within 25 km of it
    "3": "admin2",
    "4": "admin1",
    "5": "admin1",
    "6": "country",
    "7": "unknown",  # international waters or airspace
}


def _finish(_: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return whole ids, both sides of a battle, and the province of a fuzzy region."""
    battle = (frame["event_type"] == "battle") & frame["side_b"].notna()
    both = frame["actor"].str.cat(frame["side_b"], sep="; ")
    nameless = (frame["geo_precision"] == "admin1") & frame["admin1"].isna()
    return {
        "source_id": frame["source_id"].str.replace(r"^(\d+)\.0$", r"\1", regex=True),
        "geo_precision": frame["geo_precision"].mask(nameless, "country"),
        "actor": frame["actor"].mask(battle, both),
    }


FEED = Feed(
    name="ucdp",
    title="UCDP Georeferenced Event Dataset",
    required=frozenset({"id", "type_of_violence", "where_prec", "date_prec", "date_start"}),
    dates=(("date_start",), ("date_end",)),
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
        "geo_precision": Codes(("where_prec",), GEO_PRECISION, "unknown"),
        "date_precision": Codes(("date_prec",), DATE_PRECISION),
    },
    point=(("latitude", "lat"), ("longitude", "lon")),
    unknown=frozenset({"-1"}),
    # fatal events of organised violence alone: its silence says nothing of kidnapping
    scope=Scope(("violence",), deaths_only=True, since=pd.Timestamp("1989-01-01")),
    finish=_finish,
)


#: The release that is asked for when the caller names none.
VERSION = "26.1"
_YEARLY = re.compile(r"(\d\d)\.1")
_CANDIDATE = re.compile(r"\d\d\.0\.\d{1,2}|\d\d\.\d\d\.\d\d\.\d\d")


def file_address(client: FileClient, query: Query) -> str:
    """Return where the file of a version is.

    Raises
    ------
    InputError
        When there is no such version.

    Examples
    --------
    >>> file_address(CLIENT, Query(version="25.1"))
    'https://ucdp.uu.se/downloads/ged/ged251-csv.zip'
    >>> file_address(CLIENT, Query(version="25.0.3"))
    'https://ucdp.uu.se/downloads/candidateged/GEDEvent_v25_0_3.csv'
    """
    version = query.version or VERSION
    if _YEARLY.fullmatch(version):
        return f"{client.service.api}/ged/ged{version.replace('.', '')}-csv.zip"
    if _CANDIDATE.fullmatch(version):
        return f"{client.service.api}/candidateged/GEDEvent_v{version.replace('.', '_')}.csv"
    raise InputError(
        "unknown version of UCDP GED",
        met=version,
        expected="a yearly one (25.1) or a candidate (25.0.3, 26.01.26.06)",
    )


#: Files: nothing to sign, and the whole world in each.
CLIENT = FileClient(
    name="ucdp",
    title=FEED.title,
    feed="ucdp",
    service=Service(api="https://ucdp.uu.se/downloads", hosts=("ucdp.uu.se",)),
    licence="CC BY 4.0, Uppsala Conflict Data Program: cite it with its version.",
    columns=FEED.required,
    country="country",
    days=("date_start", "date_end"),
    release=file_address,
)
