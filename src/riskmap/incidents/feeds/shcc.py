"""Insecurity Insight: incidents that hit aid and health workers (SHCC, Aid Worker KIKA).

Headers repeat and hold apostrophes. There is no id, so one is made from the row's content, and no
precision: it stays missing. A worker who was kidnapped and then killed counts in both columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import Codes, Feed, Source, by_meaning, find_staff
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import parse_counts

if TYPE_CHECKING:
    from collections.abc import Mapping


#: Weapon.
EVENT_TYPE = by_meaning(
    armed_attack=("Firearms", "Tasers, live and rubber bullets", "Arson"),
    explosion=("Aerial bombing, missiles and shelling", "IED"),
    assault=("Blunt, dagger, knife  and machetes", "Unarmed", "Fist and foot", "Stones", "Liquid"),
    unknown=("No information on weapons",),
)


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return kidnappings and arrests as such, and whether staff were foreign."""
    arrested = parse_counts(source.texts("arrested")).numbers
    kinds = np.select(
        [(frame["abducted"].fillna(0) > 0), (arrested.fillna(0) > 0)], ["abduction", "arrest"], ""
    )
    return {
        "event_type": frame["event_type"].where(kinds == "", pd.Series(kinds, dtype="str")),
        "staff_type": find_staff(frame),
    }


FEED = Feed(
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
    codes={"event_type": Codes(("weapon",), EVENT_TYPE, "unknown")},
    country=(("iso", "country"), find_iso),
    constants={"sector": "aid"},
    # aid and health workers alone, of whom it tells how many were foreign
    scope=Scope(("foreign",), sectors=("aid", "health")),
    unknown=frozenset({"No information", "NoInformation"}),
    finish=_finish,
    reads=None,
)
