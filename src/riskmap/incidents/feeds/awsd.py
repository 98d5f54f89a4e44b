"""Aid Worker Security Database: the headers of 2016, 2020 and 2025.

The 2016 file is Windows-1252 and has codes where later files have words. There is no precision
column: an incident known only to its country or province sits on the area's centre, so the
precision is read from which of City, District and Region are filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import (
    Codes,
    Feed,
    Source,
    by_meaning,
    find_precision,
    find_staff,
)
from riskmap.incidents.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Means of attack, in words (2020 and later) and in the codes of 2016.
EVENT_TYPE = by_meaning(
    armed_attack=("Shooting", "S", "Complex attack", "CX"),
    abduction=("Kidnapping", "K", "Kidnap-killing", "KK"),
    assault=("Bodily assault", "BA", "Rape/sexual assault", "RSA"),
    explosion=(
        *("Aerial bombardment", "AB", "Shelling", "SH", "Other Explosives", "B", "Body-borne IED"),
        *("BBIED", "Vehicle-born IED", "VBIED", "VBIED-S", "VBIED-RC", "Roadside IED", "RIED"),
        *("Landmine", "LM"),
    ),
    arrest=("Detention",),
    unknown=("Unknown", "U", ""),
)


def _finish(_: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the precision from the filled names, and whether staff were foreign."""
    return {"geo_precision": find_precision(frame), "staff_type": find_staff(frame)}


FEED = Feed(
    name="awsd",
    title="Aid Worker Security Database",
    required=frozenset(
        {"incident_id", "year", "month", "day", "means_of_attack", "total_affected"}
    ),
    dates=(("year",), ("month",), ("day",)),
    country=(("country", "country_code"), find_iso),
    texts={
        "source_id": ("incident_id",),
        "place": ("city",),
        "admin2": ("district",),
        "admin1": ("region",),
        "actor": ("actor_name", "actor_type"),
        "notes": ("details",),
    },
    counts={
        "killed": ("total_killed",),
        "wounded": ("total_wounded",),
        "abducted": ("total_kidnapped",),
        "foreign_victims": ("total_internationals",),
        "nationals": ("total_nationals",),
    },
    codes={"event_type": Codes(("means_of_attack",), EVENT_TYPE, "unknown")},
    constants={"sector": "aid"},
    # aid workers alone, of whom it tells how many were foreign: not miners, not the country's war
    scope=Scope(("foreign",), sectors=("aid",), since=pd.Timestamp("1997-01-01")),
    unknown=frozenset({"Unknown", "U"}),
    finish=_finish,
    restores_points=True,
    encoding="cp1252",
)
