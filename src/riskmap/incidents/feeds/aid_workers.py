"""Attacks on aid and health workers: the Aid Worker Security Database, and Insecurity Insight.

AWSD has the headers of 2016, 2020 and 2025. The 2016 file is Windows-1252 and has codes where later
files have words. There is no precision column: an incident known only to its country or province
sits on the area's centre, so the precision is read from which of City, District and Region are
filled.

In the files of Insecurity Insight (SHCC, Aid Worker KIKA) headers repeat and hold apostrophes.
There is no id, so one is made from the row's content, and no precision: it stays missing. A worker
who was kidnapped and then killed counts in both columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
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
from riskmap.incidents.values import parse_counts

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
    arrest=("Detention", "Detention/arrest"),
    unknown=("Unknown", "U", ""),
)


def _finish_awsd(_: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the precision from the filled names, and whether staff were foreign."""
    return {"geo_precision": find_precision(frame), "staff_type": find_staff(frame)}


AWSD = Feed(
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
    finish=_finish_awsd,
    restores_points=True,
    encoding="cp1252",
)


#: Weapon.
WEAPON = by_meaning(
    armed_attack=("Firearms", "Tasers, live and rubber bullets", "Arson"),
    explosion=("Aerial bombing, missiles and shelling", "IED"),
    assault=("Blunt, dagger, knife  and machetes", "Unarmed", "Fist and foot", "Stones", "Liquid"),
    unknown=("No information on weapons",),
)


def _finish_shcc(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return kidnappings and arrests as such, and whether staff were foreign."""
    arrested = parse_counts(source.texts("arrested")).numbers
    kinds = np.select(
        [(frame["abducted"].fillna(0) > 0), (arrested.fillna(0) > 0)], ["abduction", "arrest"], ""
    )
    return {
        "event_type": frame["event_type"].where(kinds == "", pd.Series(kinds, dtype="str")),
        "staff_type": find_staff(frame),
    }


SHCC = Feed(
    name="shcc",
    title="Insecurity Insight, attacks on aid workers",
    required=frozenset({"date", "weapon", "organisation", "killed", "injured", "kidnapped"}),
    dates=(("date",),),
    texts={"source_id": ("incident_id", "event_id"), "actor": ("actor",)},
    counts={"killed": ("killed",), "wounded": ("injured",), "abducted": ("kidnapped",)},
    sums={
        "foreign_victims": ("int'l_killed", "int'l_injured", "int'l_kidnapped", "int'l_arrested"),
        "nationals": ("nat'l_killed", "nat'l_injured", "nat'l_kidnapped", "nat'l_arrested"),
    },
    codes={"event_type": Codes(("weapon",), WEAPON, "unknown")},
    country=(("iso", "country"), find_iso),
    constants={"sector": "aid"},
    # aid and health workers alone, of whom it tells how many were foreign
    scope=Scope(("foreign",), sectors=("aid", "health")),
    unknown=frozenset({"No information", "NoInformation"}),
    finish=_finish_shcc,
    reads=None,
)
