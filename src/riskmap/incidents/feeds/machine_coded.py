"""Events that machines read from news: GDELT 1 and 2, ICEWS and POLECAT, tab-separated.

GDELT has no header and FIPS country codes. Rows of 57 or 58 fields are version 1, of 61 version 2.
Only protest, coercion and violence (CAMEO 14 and 17 to 20) are incidents; the rest goes to
quarantine as ``no_incident``. Victims aren't told. Codebook: GDELT Event Codebook 2.0 (2015); codes
to be corrected here.

CAMEO codes, which ICEWS shares, are text: ``0102`` is not 102. The longest prefix counts. Talk, aid
and agreements (01 to 13, 15 and 16) are no incidents. Source: Schrodt, CAMEO Codebook 1.1b3
(2012).

Of ICEWS and POLECAT only protest, coercion and violence are incidents too. ICEWS ids are not unique
across its files. Sources: Boschee et al., ICEWS Coded Event Data (Harvard Dataverse, 2015);
Halterman et al., PLOVER and POLECAT (2023); codes to be corrected here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.countries import from_fips
from riskmap.incidents.feeds.generic import find_iso
from riskmap.incidents.feeds.mappings import Codes, Feed, Source, by_meaning, find_precision
from riskmap.incidents.scope import Scope
from riskmap.incidents.values import map_codes, per_unique

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_ACTOR = (
    *("code", "name", "countrycode", "knowngroupcode", "ethniccode", "religion1code"),
    *("religion2code", "type1code", "type2code", "type3code"),
)
_EVENT = (
    *("isrootevent", "eventcode", "eventbasecode", "eventrootcode", "quadclass"),
    *("goldsteinscale", "nummentions", "numsources", "numarticles", "avgtone"),
)


def _header(*geo: str) -> tuple[str, ...]:
    """Return the columns of one version, which differ in what they tell of places."""
    return (
        *("globaleventid", "sqldate", "monthyear", "year", "fractiondate"),
        *(f"actor{i}{name}" for i in (1, 2) for name in _ACTOR),
        *_EVENT,
        *(f"{who}geo_{name}" for who in ("actor1", "actor2", "action") for name in geo),
        *("dateadded", "sourceurl"),
    )


#: Version 1 (its oldest files lack the last column) and version 2.
HEADERS = (
    _header("type", "fullname", "countrycode", "adm1code", "lat", "long", "featureid"),
    _header("type", "fullname", "countrycode", "adm1code", "adm2code", "lat", "long", "featureid"),
)


_TIME = r"\d{14}"
#: Other tables of GDELT: what each is called, some of its columns, and how its rows begin without.
_OTHERS = (
    ("Global Knowledge Graph", {"gkgrecordid"}, (rf"{_TIME}-T?\d+", _TIME)),
    ("Global Knowledge Graph", {"numarts", "cameoeventids"}, (r"\d{8}", r"\d+", r"([A-Z_]+#|$).*")),
    ("Mentions", {"globaleventid", "mentiontimedate"}, (r"\d+", _TIME, rf"{_TIME}.*")),
)


def find_other_table(fields: Sequence[str]) -> str | None:
    """Return which table of GDELT a first line is of that tells no events; None when it is of none.

    Examples
    --------
    >>> find_other_table(["20240506120000-1", "20240506120000", *"12345678"])
    'Global Knowledge Graph'
    >>> find_other_table(["date", "place"]) is None
    True
    """
    names = {name.strip().lower() for name in fields}
    for title, columns, begins in _OTHERS:
        pairs = zip(begins, fields, strict=False)
        is_row = len(fields) > _FEWEST and all(re.match(f"(?:{how})$", one) for how, one in pairs)
        if columns <= names or is_row:
            return title
    return None


#: A row of these tables has more fields.
_FEWEST = 9

#: ActionGeo_Type
GEO_PRECISION = {
    "0": "unknown",  # no place is told
    "1": "country",
    "2": "admin1",  # state of the United States
    "3": "place",  # city of the United States
    "4": "place",  # city elsewhere
    "5": "admin1",  # province elsewhere
}


def _finish_gdelt(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return the event type and when the row was added, in UTC; talk is set aside."""
    types = find_types(source.texts("eventcode"))
    added = source.texts("dateadded").str.slice(0, 14).str.ljust(14, "0")
    return {
        "event_type": types,
        "set_aside": types.isna().map(NO_INCIDENT),
        "ingested_at": pd.to_datetime(
            added, format="%Y%m%d%H%M%S", utc=True, errors="coerce"
        ).set_axis(frame.index),
    }


GDELT = Feed(
    name="gdelt",
    title="GDELT events",
    required=frozenset({"globaleventid", "sqldate", "eventcode", "actiongeo_type"}),
    dates=(("sqldate",),),
    texts={
        "source_id": ("globaleventid",),
        "place": ("actiongeo_fullname",),
        "actor": ("actor1name",),
        "notes": ("sourceurl",),
    },
    counts={"source_count": ("numsources",)},
    codes={"geo_precision": Codes(("actiongeo_type",), GEO_PRECISION)},
    country=(("actiongeo_countrycode",), from_fips),
    point=(("actiongeo_lat",), ("actiongeo_long",)),
    # read by machine from what newspapers happen to print: heard, never taken for silence
    scope=Scope(),
    finish=_finish_gdelt,
    reads=frozenset({"eventcode", "dateadded"}),
    headers=HEADERS,
    signs={"globaleventid": r"\d+", "sqldate": r"\d{8}"},
    optional=1,
)


#: Type of each code's prefix.
EVENT_TYPE = by_meaning(
    unrest=("14",),
    other=("17", "172", "191", "192"),
    arrest=("173",),
    assault=("175", "18"),
    abduction=("181",),
    explosion=("183", "194", "195"),
    armed_attack=("185", "186", "20"),
    battle=("19",),
)

#: Root codes of talk, aid, agreements and what is no violence.
TALK = tuple(f"{root:02}" for root in (*range(1, 14), 15, 16))

#: Reason of rows that are no incident.
NO_INCIDENT = {True: "no_incident", False: None}


def find_type(code: str) -> str | None:
    """Return the event type of a code; None when it is no incident.

    A code that the codebook lacks is an incident of a type that is not known.

    Examples
    --------
    >>> find_type("1831"), find_type("0102"), find_type("190"), find_type("x1")
    ('explosion', None, 'battle', 'unknown')
    """
    text = code.strip()
    if not text or text[:2] in TALK:
        return None
    return next((EVENT_TYPE[text[:n]] for n in (3, 2) if text[:n] in EVENT_TYPE), "unknown")


def find_types(codes: pd.Series) -> pd.Series:
    """Return the event types of a column of codes, missing where a code is no incident.

    Examples
    --------
    >>> import pandas as pd
    >>> find_types(pd.Series(["145", "042"])).tolist()
    ['unrest', nan]
    """
    return per_unique(codes, lambda code: find_type(str(code)))


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
