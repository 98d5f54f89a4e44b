"""Global Terrorism Database: CSV, or XLSX (with openpyxl), 135 columns.

0 means an unknown month or day, -9 and -99 mean unknown; files are ISO-8859-1. Up to three target
nationalities are told, but not how many victims were foreign. Codebook: START, GTD Codebook (2021);
codes to be corrected here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import find_country
from riskmap.incidents.feeds.mappings import Codes, Feed, Source, by_meaning
from riskmap.incidents.nationalities import find_nationalities
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import map_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

#: attacktype1_txt.
EVENT_TYPE = by_meaning(
    armed_attack=("Armed Assault", "Assassination"),
    explosion=("Bombing/Explosion",),
    abduction=("Hostage Taking (Kidnapping)", "Hostage Taking (Barricade Incident)", "Hijacking"),
    assault=("Unarmed Assault",),
    other=("Facility/Infrastructure Attack",),
    unknown=("Unknown",),
)

#: targsubtype1_txt, where it says more than targtype1_txt.
SECTOR_OF_SUBTYPE = by_meaning(
    construction=("Construction",),
    mining=("Mining",),
    energy=("Gas/Oil/Electric", "Gas", "Electricity", "Oil"),
    trade=("Retail/Grocery/Bakery",),
)

#: targtype1_txt.
SECTOR = by_meaning(
    aid=("NGO",),
    media=("Journalists & Media",),
    transport=("Transportation", "Airports & Aircraft", "Maritime"),
    energy=("Utilities",),
)


#: targtype1_txt of targets that carry arms: an attack on them is aimed at no foreign worker.
ARMED = (
    *("Military", "Police", "Terrorists/Non-State Militia", "Terrorists/Non-state Militia"),
    "Violent Political Party",
)


#: specificity
GEO_PRECISION = {
    "1": "point",  # the place
    "2": "place",  # the centre of the smallest unit
    "3": "admin2",
    "4": "admin1",
    "5": "unknown",
}


def _nations(source: Source) -> list[list[str]]:
    """Return the nationalities of each row's targets; words that are none are noted."""
    known: dict[str, tuple[list[str], bool, list[str]]] = {"": ([], False, [])}
    found: list[set[str]] = [set() for _ in range(len(source))]
    for column in ("natlty1_txt", "natlty2_txt", "natlty3_txt"):
        for row, text in enumerate(source.clean(column).fillna("")):
            if text not in known:
                known[text] = find_nationalities(text)
            found[row].update(known[text][0])
            for word in known[text][2]:
                source.not_understood.note(row, "nationality", word)
    return [sorted(codes) for codes in found]


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return nationalities, the sector, and whether the group claimed it or others blame it."""
    nations = _nations(source)
    sector = map_codes(source.texts("targsubtype1_txt"), SECTOR_OF_SUBTYPE)
    sector = sector.fillna(map_codes(source.texts("targtype1_txt"), SECTOR))
    abroad = [
        any(nation != country for nation in found)
        for found, country in zip(nations, frame["country"], strict=True)
    ]
    civil = ~source.texts("targtype1_txt").str.strip().isin(ARMED)
    claimed = source.texts("claimed").str.strip().isin(["1", "1.0"])
    return {
        "nationality": pd.Series([";".join(found) or None for found in nations], dtype="str"),
        "sector": sector,
        "target": sector.mask(civil & np.array(abroad, bool), "foreigners"),
        "claimed_by": frame["actor"].where(claimed),
        "attributed_to": frame["actor"].mask(claimed),
    }


FEED = Feed(
    name="gtd",
    title="Global Terrorism Database",
    required=frozenset({"eventid", "iyear", "imonth", "iday", "attacktype1_txt", "gname"}),
    # extracts of a few columns, without ids
    marks=(
        frozenset({"iyear", "imonth", "country_txt"}),
        frozenset({"iyear", "imonth", "attacktype1_txt"}),
    ),
    dates=(("iyear",), ("imonth",), ("iday",)),
    texts={
        "source_id": ("eventid",),
        "place": ("city",),
        "admin1": ("provstate", "state"),
        "actor": ("gname",),
        "notes": ("summary",),
    },
    counts={"killed": ("nkill",), "wounded": ("nwound",), "abducted": ("nhostkid",)},
    codes={
        "event_type": Codes(("attacktype1_txt",), EVENT_TYPE, "unknown"),
        "geo_precision": Codes(("specificity",), GEO_PRECISION),
    },
    country=(("country_txt",), find_country),
    # attacks on anyone, and the nationality of whom they were aimed at
    scope=Scope(("violence", "foreign"), since=pd.Timestamp("1970-01-01")),
    unknown=frozenset({"-9", "-99", "Unknown", "unknown"}),
    finish=_finish,
    reads=frozenset(
        {"natlty1_txt", "natlty2_txt", "natlty3_txt", "claimed"}
        | {"targtype1_txt", "targsubtype1_txt"}
    ),
    encoding="iso-8859-1",
    curated=True,
)
