"""ICEWS and POLECAT: events read by machine from news, tab-separated, places as names and points.

Only protest, coercion and violence are incidents; the rest goes to quarantine as ``no_incident``.
ICEWS ids are not unique across its files. Sources: Boschee et al., ICEWS Coded Event Data (Harvard
Dataverse, 2015); Halterman et al., PLOVER and POLECAT (2023); codes to be corrected here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riskmap.incidents.feeds.gdelt import NO_INCIDENT, find_types
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import Feed, Source, by_meaning, find_precision
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import map_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


#: PLOVER event types that are incidents.
PLOVER_TYPE = {"ASSAULT": "armed_attack", "COERCE": "other", "PROTEST": "unrest"}

#: PLOVER modes that say more than the type.
PLOVER_MODE = by_meaning(
    abduction=("abduct",),
    explosion=("aerial", "drone", "explosives", "heavy-weapons", "suicide-attack"),
    arrest=("arrest",),
    assault=("beat", "sexual", "torture"),
    armed_attack=("cleansing",),
)


def _finish_icews(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return event types of CAMEO codes; codes that are no incident stay out."""
    types = find_types(source.texts("cameo_code"))
    return {
        "event_type": types,
        "set_aside": types.isna().map(NO_INCIDENT),
        "geo_precision": find_precision(frame),
    }


def _finish_polecat(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return event types of PLOVER types and modes; types that are no incident stay out."""
    coarse = map_codes(source.texts("event_type"), PLOVER_TYPE)
    fine = map_codes(source.texts("event_mode"), PLOVER_MODE)
    return {
        "event_type": fine.where(fine.notna() & coarse.notna(), coarse),
        "set_aside": coarse.isna().map(NO_INCIDENT),
        "geo_precision": find_precision(frame),
    }


_PLACES = {
    "source_id": ("event_id",),
    "place": ("city",),
    "admin2": ("district",),
    "admin1": ("province",),
}

ICEWS = Feed(
    name="icews",
    title="Integrated Crisis Early Warning System",
    required=frozenset({"event_id", "event_date", "cameo_code", "story_id"}),
    dates=(("event_date",),),
    texts={**_PLACES, "actor": ("source_name",), "notes": ("event_text",)},
    # read by machine from what newspapers happen to print: heard, never taken for silence
    scope=Scope(),
    unknown=frozenset({"NA"}),
    finish=_finish_icews,
    reads=frozenset({"cameo_code"}),
)

POLECAT = Feed(
    name="polecat",
    title="Political Event Classification, Attributes, and Types",
    required=frozenset({"event_id", "event_date", "event_type", "event_mode", "quad_code"}),
    dates=(("event_date",),),
    texts={**_PLACES, "actor": ("actor_name",), "notes": ("event_mode",)},
    country=(("country",), find_iso),
    # read by machine from what newspapers happen to print: heard, never taken for silence
    scope=Scope(),
    unknown=frozenset({"NA", "None"}),
    finish=_finish_polecat,
    reads=frozenset({"event_type", "event_mode"}),
)
