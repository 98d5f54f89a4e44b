"""Any table with a date and a place: the columns of docs/formats.md, or a column map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import find_country, from_iso2
from riskmap.incidents.feeds.mappings import (
    STAFF_TYPES,
    Codes,
    Feed,
    Source,
    find_precision,
    same_words,
)
from riskmap.incidents.feeds.people import (
    count_foreign,
    hear_others,
    join_texts,
    read_people,
)
from riskmap.incidents.structured import NO_FILE
from riskmap.incidents.values import clean_texts
from riskmap.schema import DATE_PRECISIONS, EVENT_TYPES, GEO_PRECISIONS, RELIABILITIES

if TYPE_CHECKING:
    from collections.abc import Container, Mapping


#: Whose nationality a column tells, and what columns of nationalities are called.
_WHOSE = ("victim", "victims", "casualty", "casualties", "worker", "staff", "target")
_NATIONS = ("nationality", "nationalities", "citizenship", "citizenships", "country_of_origin")


def _nationality_names() -> tuple[str, ...]:
    """Return the names of columns that tell nationalities; of several each counts."""
    turned = (
        *("{whose}_{nation}", "{whose}'s_{nation}", "{whose}'_{nation}", "{nation}_{whose}"),
        *("{nation}_of_{whose}", "{nation}_of_the_{whose}", "{nation}_({whose})"),
    )
    named = [
        form.format(whose=whose, nation=nation)
        for nation in _NATIONS
        for whose in _WHOSE
        for form in turned
    ]
    named += [f"{whose}_{nation}" for whose in _WHOSE[:4] for nation in ("nation", "country")]
    named += [f"country_of_{whose}" for whose in _WHOSE[:4]]
    numbered = [f"{name}{n}" for name in ("nationality", "nationality_") for n in (1, 2, 3)]
    return ("nationality", *_NATIONS[1:], *named, *numbered, *_TRANSLATED["nationality"])


def _foreign_names() -> tuple[str, ...]:
    """Return the names of columns that count foreign people."""
    people = (
        *("foreign", "foreigners", "foreign_nationals", "foreign_citizens", "foreign_workers"),
        *("foreign_staff", "foreign_victims", "expats", "expatriates", "expatriate_staff"),
        *("expat_staff", "internationals", "international_staff", "non_nationals"),
    )
    fates = ("killed", "dead", "deaths", "wounded", "injured", "abducted", "kidnapped", "hit")
    others = ("affected", "involved", "harmed", "attacked")
    named = [f"{who}_{fate}" for who in people for fate in (*fates, *others)]
    turned = [f"{fate}_{who}" for who in people for fate in fates]
    asked = ("were_foreigners_involved", "foreign_victim", "foreigner", "expat", "number_of_expats")
    return ("foreign_victims", *people, *named, *turned, *asked, "number_of_foreigners",
            *_TRANSLATED["foreign_victims"])  # fmt: skip


#: Names of columns of who was hit in other languages.
_TRANSLATED = {
    "nationality": (
        *(
            "国籍",
            "受害者国籍",
            "受害人国籍",
            "遇害者国籍",
            "伤亡人员国籍",
            "人员国籍",
            "nationalité",
        ),
        *("nationalités", "nationalite", "nationalité_des_victimes", "nationalité_de_la_victime"),
        *("nacionalidad", "nacionalidades", "nacionalidad_de_la_víctima", "nacionalidade"),
        *("nacionalidad_de_las_víctimas", "nacionalidade_da_vítima", "nacionalidade_das_vítimas"),
        *("nationalität", "staatsangehörigkeit", "гражданство", "гражданство_жертв"),
        *("национальность", "الجنسية", "جنسية", "جنسية_الضحايا", "جنسية_الضحية", "تابعیت", "ملیت"),
    ),
    "foreign_victims": (
        *("外国人", "外籍人员", "外籍伤亡", "外籍遇难者", "étrangers", "victimes_étrangères"),
        *("extranjeros", "víctimas_extranjeras", "estrangeiros", "иностранцы", "الأجانب"),
    ),
    "sector": ("行业", "secteur", "sector_de_trabajo", "setor", "сектор", "القطاع"),
    "target": ("目标", "袭击目标", "cible", "objetivo", "alvo", "цель", "الهدف"),
    "notes": (
        *("描述", "事件描述", "事件经过", "详情", "备注", "descripción", "descripcion", "resumen"),
        *("résumé", "observations", "descrição", "описание", "примечание", "الوصف", "ملاحظات"),
    ),
    "victims": ("受害者", "遇害者", "victimes", "víctimas", "vítimas", "жертвы", "الضحايا"),
}

#: Columns that tell of the victims in words: they are read with the notes.
VICTIMS = (
    *("victims", "victim", "victim_details", "victim_description", "who_was_hit", "casualties"),
    *_TRANSLATED["victims"],
)

#: Names under which each schema column is found, the schema's own name first; English, French and
#: Spanish, and of what tells who was hit more languages.
NAMES = {
    "source_id": ("source_id", "incident_id", "event_id", "id"),
    "event_date": ("event_date", "date", "date_start", "incident_date", "fecha"),
    "event_date_end": ("event_date_end", "date_end", "end_date"),
    "event_type": ("event_type", "type"),
    "place": (
        *("place", "location", "city", "village", "town"),
        *("lieu", "localité", "ville", "lugar", "localidad"),
    ),
    "admin1": ("admin1", "adm1", "adm_1", "province", "region", "state", "région", "provincia"),
    "admin2": ("admin2", "adm2", "adm_2", "district"),
    "country": ("country", "iso3", "iso", "country_code", "pays", "país", "pais"),
    "region_id": ("region_id", "pcode", "adm2_pcode"),
    "latitude": ("latitude", "lat", "y", "latitud"),
    "longitude": ("longitude", "lon", "lng", "long", "x", "longitud"),
    "killed": ("killed", "fatalities", "deaths", "best", "tués", "morts", "muertos"),
    "wounded": ("wounded", "injured", "blessés", "heridos"),
    "abducted": ("abducted", "kidnapped", "enlevés", "secuestrados"),
    "foreign_victims": _foreign_names(),
    "nationality": _nationality_names(),
    "sector": ("sector", "industry", "victim_sector", "sector_of_work", *_TRANSLATED["sector"]),
    "staff_type": ("staff_type", "type_of_staff", "staff_category"),
    "target": ("target", "targets", "target_type", "targeted", *_TRANSLATED["target"]),
    "toll": ("toll",),
    "not_understood": ("not_understood",),
    "actor": ("actor", "actor1", "side_a", "perpetrator"),
    "claimed_by": ("claimed_by",),
    "attributed_to": ("attributed_to",),
    "credibility": ("credibility",),
    "source_count": ("source_count",),
    "scope": ("scope",),
    "notes": (
        *("notes", "details", "description", "summary", "title", "headline", "narrative"),
        *("remarks", "comments", "what_happened", "incident_description", "event_description"),
        *_TRANSLATED["notes"],
    ),
}


#: What stands in a column of victims that is more than a number.
_LETTER = r"[^\W\d_]"


def find_iso(text: str) -> str | None:
    """Return the alpha-3 code of a name or of a code of two or three letters; NA is Namibia.

    Examples
    --------
    >>> find_iso("NA"), find_iso("Afghanistan"), find_iso("AFG")
    ('NAM', 'AFG', 'AFG')
    """
    return find_country(text) or from_iso2(text)


def is_readable(columns: Container[str]) -> bool:
    """Return whether a table has a date and something of a place, by any of their names.

    Examples
    --------
    >>> is_readable({"date", "lat", "lon"}), is_readable({"date", "price"})
    (True, False)
    """
    place = ("latitude", "place", "admin1", "admin2", "region_id", "country")
    has = {name for name, names in NAMES.items() if any(other in columns for other in names)}
    return "event_date" in has and any(name in has for name in place)


def _finish(source: Source, frame: pd.DataFrame) -> Mapping[str, Any]:
    """Return who was hit, when rows became known, and how exact an unstated place is."""
    victims, nations = count_foreign(source, NAMES["foreign_victims"])
    stated = source.every(*NAMES["nationality"])
    frame = frame.assign(foreign_victims=victims, nationality=join_texts(*stated, nations))
    hit = [texts.where(texts.str.contains(_LETTER, na=False)) for texts in source.every(*VICTIMS)]
    used = {source.name(name) for names in (*NAMES.values(), VICTIMS) for name in names}
    unstated = np.where(frame["latitude"].notna(), "point", find_precision(frame))
    return {
        "geo_precision": frame["geo_precision"].fillna(pd.Series(unstated, dtype="str")),
        **read_people(source, frame),
        "notes": join_texts(
            *source.every(*NAMES["notes"]),
            *("Victims: " + texts for texts in hit),
            *hear_others(source, used),
        ),
        "ingested_at": source.moments("ingested_at"),
        "source": clean_texts(source.texts("source")).fillna(_file_source(source.raw.name)),
    }


def _file_source(name: str) -> str:
    """Return what stands for the source of rows that state none: their file's name.

    Two desks' files are two sources, and their incident 7 is not one incident.
    """
    return "generic" if name == NO_FILE else name.partition(".")[0] or "generic"


FEED = Feed(
    name="generic",
    title="generic table",
    required=frozenset(),
    dates=(NAMES["event_date"], NAMES["event_date_end"]),
    texts={
        name: NAMES[name]
        for name in (
            *("source_id", "place", "admin1", "admin2", "region_id", "nationality"),
            *("sector", "target", "actor", "claimed_by", "attributed_to", "scope", "notes"),
            *("toll", "not_understood", "foreign_victims"),
        )
    }
    | {"notes": (*NAMES["notes"], *VICTIMS)},
    counts={
        name: NAMES[name]
        for name in (*("killed", "wounded", "abducted", "credibility", "source_count"),)
    },
    codes={
        "event_type": Codes(NAMES["event_type"], same_words(EVENT_TYPES), "unknown"),
        "date_precision": Codes(("date_precision",), same_words(DATE_PRECISIONS)),
        "geo_precision": Codes(("geo_precision",), same_words(GEO_PRECISIONS)),
        "reliability": Codes(("reliability",), same_words(RELIABILITIES)),
        "staff_type": Codes(("staff_type",), same_words(STAFF_TYPES)),
    },
    country=(NAMES["country"], find_iso),
    point=(NAMES["latitude"], NAMES["longitude"]),
    finish=_finish,
    reads=None,
)
