"""Global Terrorism Database: CSV, or XLSX (with openpyxl), 135 columns.

0 means an unknown month or day, -9 and -99 mean unknown; files are ISO-8859-1. Up to three target
nationalities are told, but not how many victims were foreign. Codebook: START, GTD Codebook (2021);
codes to be corrected here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.countries import find_country
from riskmap.incidents.dates import Days, read_parts
from riskmap.incidents.feeds.generic import find_nationalities
from riskmap.incidents.feeds.mappings import Codes, Feed, Source
from riskmap.incidents.feeds.precisions import GEO_PRECISION
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import map_codes, per_unique

if TYPE_CHECKING:
    from collections.abc import Mapping

#: attacktype1_txt.
EVENT_TYPE = {
    "Armed Assault": "armed_attack",
    "Assassination": "armed_attack",
    "Bombing/Explosion": "explosion",
    "Hostage Taking (Kidnapping)": "abduction",
    "Hostage Taking (Barricade Incident)": "abduction",
    "Hijacking": "abduction",
    "Unarmed Assault": "assault",
    "Facility/Infrastructure Attack": "other",
    "Unknown": "unknown",
}

#: targsubtype1_txt, where it says more than targtype1_txt.
SECTOR_OF_SUBTYPE = {
    "Construction": "construction",
    "Mining": "mining",
    "Gas/Oil/Electric": "energy",
    "Gas": "energy",
    "Electricity": "energy",
    "Oil": "energy",
    "Retail/Grocery/Bakery": "trade",
}

#: targtype1_txt.
SECTOR = {
    "NGO": "aid",
    "Journalists & Media": "media",
    "Transportation": "transport",
    "Airports & Aircraft": "transport",
    "Maritime": "transport",
    "Utilities": "energy",
}


def _dates(source: Source) -> Days:
    """Return the days of iyear, imonth and iday."""
    parts = (source.texts(name) for name in ("iyear", "imonth", "iday"))
    return read_parts(*parts, columns="iyear, imonth, iday")


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return nationalities, the sector, and whether the group claimed it or others blame it."""
    words = pd.concat([source.clean(f"natlty{i}_txt").fillna("") for i in (1, 2, 3)], axis=1)
    joined = words.agg(";".join, axis=1)
    sector = map_codes(source.texts("targsubtype1_txt"), SECTOR_OF_SUBTYPE)
    claimed = source.texts("claimed").str.strip().isin(["1", "1.0"])
    return {
        "nationality": per_unique(joined, find_nationalities),
        "sector": sector.fillna(map_codes(source.texts("targtype1_txt"), SECTOR)),
        "claimed_by": frame["actor"].where(claimed),
        "attributed_to": frame["actor"].mask(claimed),
    }


FEED = Feed(
    name="gtd",
    title="Global Terrorism Database",
    required=frozenset({"eventid", "iyear", "imonth", "iday", "attacktype1_txt", "gname"}),
    dates=_dates,
    date_columns=("iyear", "imonth", "iday"),
    texts={
        "source_id": ("eventid",),
        "place": ("city",),
        "admin1": ("provstate",),
        "actor": ("gname",),
        "notes": ("summary",),
    },
    counts={"killed": ("nkill",), "wounded": ("nwound",), "abducted": ("nhostkid",)},
    codes={
        "event_type": Codes(("attacktype1_txt",), EVENT_TYPE, "other"),
        "geo_precision": Codes(("specificity",), GEO_PRECISION["gtd"], "unknown"),
    },
    country=(("country_txt",), find_country),
    # attacks on anyone, and the nationality of whom they were aimed at
    scope=Scope(("violence", "foreign")),
    unknown=frozenset({"-9", "-99", "Unknown", "unknown"}),
    finish=_finish,
    reads=frozenset(
        {"natlty1_txt", "natlty2_txt", "natlty3_txt", "claimed"}
        | {"targtype1_txt", "targsubtype1_txt"}
    ),
    encoding="iso-8859-1",
)
