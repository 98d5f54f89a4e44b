"""Attacks on aid and health workers: the Aid Worker Security Database, and Insecurity Insight.

AWSD has the headers of 2016, 2020 and 2025. The 2016 file is Windows-1252 and has codes where later
files have words. There is no precision column: an incident known only to its country or province
sits on the area's centre, so the precision is read from which of City, District and Region are
filled.

In the older files of Insecurity Insight (SHCC, Aid Worker KIKA) headers repeat and hold
apostrophes; the newer ones count aid workers, health workers, educators or students, and often
withhold coordinates.
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
from riskmap.incidents.values import parse_counts, repeat_text

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
    arrest=("Detention", "Detention/arrest", "Detention / arrest", "Arrest"),
    unknown=("Unknown", "U", ""),
)


def _finish_awsd(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the precision from the filled names, arrests, and whether staff were foreign."""
    detained = parse_counts(source.texts("total_detained"), source.unknown).numbers.fillna(0) > 0
    others = frame[["killed", "wounded", "abducted"]].fillna(0).sum(axis=1) > 0
    arrest = detained & ~others & (frame["event_type"] == "unknown")
    return {
        "geo_precision": find_precision(frame),
        "staff_type": find_staff(frame),
        "event_type": frame["event_type"].mask(arrest, "arrest"),
    }


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
        "foreign_victims": ("total_internationals", "total_international", "internationals"),
        "nationals": ("total_nationals", "total_national", "nationals"),
    },
    codes={"event_type": Codes(("means_of_attack",), EVENT_TYPE, "unknown")},
    constants={"sector": "aid"},
    # aid workers alone, of whom it tells how many were foreign: not miners, not the country's war
    scope=Scope(("foreign",), sectors=("aid",), since=pd.Timestamp("1997-01-01")),
    unknown=frozenset({"Unknown", "U"}),
    finish=_finish_awsd,
    reads=frozenset({"total_detained"}),
    restores_points=True,
    encoding="cp1252",
    curated=True,
)


#: Weapon.
WEAPON = by_meaning(
    armed_attack=("Firearms", "Tasers, live and rubber bullets", "Arson"),
    explosion=("Aerial bombing, missiles and shelling", "IED"),
    assault=("Blunt, dagger, knife  and machetes", "Unarmed", "Fist and foot", "Stones", "Liquid"),
    unknown=("No information on weapons",),
)


def _by_fate(frame: pd.DataFrame, arrested: pd.Series) -> pd.Series:
    """Return the event types, kidnappings and arrests as such."""
    taken, held = frame["abducted"], parse_counts(arrested).numbers
    kinds = np.select([taken.fillna(0) > 0, held.fillna(0) > 0], ["abduction", "arrest"], "")
    return frame["event_type"].where(kinds == "", pd.Series(kinds, dtype="str"))


def _finish_shcc(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return kidnappings and arrests as such, and whether staff were foreign."""
    kinds = _by_fate(frame, source.texts("arrested"))
    return {"event_type": kinds, "staff_type": find_staff(frame)}


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


#: Whom the newer files of Insecurity Insight count, and their sector.
_COUNTED = {
    "aid_workers": "aid",
    "health_workers": "health",
    "educators": "education",
    "students": "education",
}


def _counts(*fates: str) -> tuple[str, ...]:
    """Return the columns that count those of one fate."""
    return tuple(f"{who}_{fate}" for fate in fates for who in _COUNTED)


def _finish_sind(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return kidnappings and arrests as such, and the sector of those who are counted."""
    told = [sector for who, sector in _COUNTED.items() if f"{who}_killed" in source]
    return {
        "event_type": _by_fate(frame, source.texts(*_counts("arrested"))),
        "sector": repeat_text(told[0] if told else None, len(frame)),
    }


SIND = Feed(
    name="sind",
    title="Insecurity Insight, attacks on aid, health and education",
    required=frozenset({"date", "reported_perpetrator", "sind_event_id"}),
    marks=(frozenset({"date", "reported_perpetrator", "weapon_carried/used"}),),
    dates=(("date",),),
    texts={
        "source_id": ("sind_event_id",),
        "admin1": ("admin_1",),
        "actor": ("reported_perpetrator_name", "reported_perpetrator"),
        "notes": ("event_description", "location_of_event"),
    },
    sums={
        "killed": _counts("killed"),
        "wounded": _counts("injured"),
        "abducted": _counts("kidnapped"),
    },
    codes={"event_type": Codes(("weapon_carried/used",), WEAPON, "unknown")},
    country=(("country_iso", "country"), find_iso),
    # such workers alone, and nothing of who was foreign: heard, never taken for silence
    scope=Scope(),
    unknown=frozenset({"No information", "No Information", "NoInformation", "Censored"}),
    finish=_finish_sind,
    reads=frozenset(_counts("arrested")),
)
