"""Who was hit, from free text: by a documented word list alone, with the phrase kept as evidence.

The list is ``data/victim_words.csv``; nationalities are the demonyms of ``data/countries.csv``.
Missing values are filled, each named in ``derived`` with its phrase in ``evidence``; nations of
victims, and at whom an attack was aimed, stand beside what a row's own columns say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA

from riskmap.incidents.nationalities import has_hit
from riskmap.incidents.quarantines import EMPLOYER, Remarks
from riskmap.incidents.victim_notes import find_facts, find_unread, hit_or_aim
from riskmap.incidents.victim_phrases import any_word, find_aim
from riskmap.incidents.words import ATTACKS, HAN, any_of, read_words
from riskmap.schema import TOLLS, check_incidents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd

#: The columns that words fill.
FILLED = ("nationality", "foreign_victims", "staff_type", "sector", "target", "claimed_by")
#: Sources whose own columns say whom they are about: words there name no target.
OWN_TARGETS = ("awsd", "shcc", "sind")
#: What words say beside them, which is noted where a column is missing.
_OTHER = {"sector": "other_sector", "count": "several"}
_HAN_FORM = re.compile("(?<=..)(?:股份|有限|责任|公司|集团|控股)+$")
_LONG_FORM = 5


def derive_victims(
    incidents: gpd.GeoDataFrame, *, employers: Iterable[str] = (), sites: Iterable[str] = ()
) -> gpd.GeoDataFrame:
    """Return incidents whose missing facts on victims and claims are filled from their notes.

    Filled are ``nationality`` and ``foreign_victims`` ("three Chinese engineers"), ``staff_type``
    ("foreign contractor"), ``sector``, ``target`` ("attack on a Chinese company") and
    ``claimed_by`` ("claimed by", "claimed responsibility"). A number of foreign victims is taken
    only where it stands right before the phrase; foreigners who were hit are one at least. Of
    several sectors that of the victims counts, and ``not_understood`` holds another. There a row
    says too that its note tells of several attacks (``count=Two separate attacks``): it counts as
    one until it is split. An attack whose note names foreign people beside a word of being hit, in
    no form that is understood, leaves open who was hit (``foreign_victims=Chinese``).

    Parameters
    ----------
    incidents
        The Incidents table.
    employers
        Employers of the group: a note that names one of them and says that somebody or something
        was hit tells of an attack that was aimed at it (``target``), unless it was at foreigners.
    sites
        Names of the group's sites, which notes tell of as of employers; so does the place of an
        attack. One that says of no site what it is ("Camp Alpha", "North pit") is the name of a
        town as well: it is not looked for.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy with two more columns: ``derived`` names the filled columns, joined by ``;``, and
        ``evidence`` holds the phrases, joined by ``" | "``; both missing where nothing was filled.

    Raises
    ------
    SchemaError
        When the table is no Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = rm.read_incidents(pd.DataFrame({"date": ["2024-03-26"], "country": ["PAK"],
    ...     "notes": ["A convoy was hit; five Chinese engineers of a dam were killed."]}))
    >>> found = rm.derive_victims(rows).iloc[0]
    >>> found["nationality"], int(found["foreign_victims"]), found["sector"]
    ('CHN', 5, 'construction')
    >>> found["evidence"]
    'five Chinese engineers | dam'
    """
    check_incidents(incidents)
    notes = incidents["notes"].fillna("")
    home = incidents["country"].fillna(incidents["nationality"]).fillna("")
    camps = filter(any_word("civil", "sector").search, sites)
    sited = {f"site:{name}": find for name, find in _employers(camps).items()}
    named = {f"employer:{name}": find for name, find in _employers(employers).items()} | sited
    # whose people were attacked was meant, of whatever else an employer is named
    is_attack = incidents["event_type"].isin(ATTACKS)
    notes = notes.mask(is_attack, notes.str.replace(EMPLOYER, "attack on ", regex=False))
    facts = [
        find_facts(note, country) | _aim_at(named, note, country) if note else {}
        for note, country in zip(notes, home, strict=True)
    ]
    if sited:
        attacks = is_attack & incidents["place"].notna()
        for row in np.flatnonzero(attacks.to_numpy(bool)):
            place = f"attack on {incidents['place'].iloc[row]}"
            facts[row] = _aim_at(sited, place, home[row]) | facts[row]
    return _fill(incidents, facts, list(home))


def _employers(names: Iterable[str]) -> Mapping[str, re.Pattern[str]]:
    """Return what finds each employer in a text: its name, in any case, with any spaces or none.

    Another legal form may stand behind it than its own ("MCC Ltd." is MCC Group), and none where
    two words of it are left.
    """
    forms, found = read_words("legal_form"), {}
    for name in filter(str.strip, names):
        words = name.split()
        kept = [word for word in words if word.strip(".,").casefold() not in forms] or words
        whole, core = (r"[\s-]*".join(map(_word, some)) for some in (words, kept))
        core = core if len(kept) > 1 else rf"{core}[\s,.-]+(?:{any_of(forms)})"
        told = rf"(?:{whole}|{core})"
        is_apart = not HAN.search(name)  # no space stands between Chinese words
        told = rf"(?<!\w){told}(?!\w)" if is_apart else told
        found[name] = re.compile(told, re.IGNORECASE)
    return found


def _word(word: str) -> str:
    """Return the pattern of one word of a name."""
    return "(?:&|and)" if word.casefold() in ("&", "and") else re.escape(word)


def strip_legal_forms(words: list[str]) -> list[str]:
    """Return the words of a firm's name without its legal forms, be they mistyped.

    Examples
    --------
    >>> strip_legal_forms(["mcc", "gruop", "ltd"]), strip_legal_forms(["中国冶金有限公司"])
    (['mcc'], ['中国冶金'])
    """
    forms = read_words("legal_form")
    kept = [_HAN_FORM.sub("", word) for word in words]
    return [word for word in kept if word not in forms and not _is_mistyped(word)] or words


def _is_mistyped(word: str) -> bool:
    """Return whether a word is a legal form but for a letter, or two in each other's place."""
    long = (form for form in read_words("legal_form") if len(form) >= _LONG_FORM)
    return any(OSA.distance(word, form) == 1 for form in long)


def _aim_at(
    named: Mapping[str, re.Pattern[str]], text: str, country: str
) -> dict[str, tuple[Any, str]]:
    """Return the employer or site that a text names where it says that something was hit."""
    found = [(name, match) for name, regex in named.items() if (match := regex.search(text))]
    if not found or not (hit_or_aim().search(text) or has_hit(text)):
        return {}
    aim = find_aim(text, country)
    if aim and aim[0] == "foreigners":
        return {}
    name, match = min(found, key=lambda told: (told[1].start(), told[0]))
    return {"target": (name, match.group())}


def _fill(
    incidents: gpd.GeoDataFrame, facts: list[dict[str, tuple[Any, str]]], home: list[str]
) -> gpd.GeoDataFrame:
    """Return incidents with missing values filled, which they are and the phrases of each row."""
    derived = incidents.copy()
    blank = pd.Series("", index=incidents.index, dtype="str")
    joints = {"derived": ";", "evidence": " | "}
    remarks = Remarks("=")
    told = {
        name: [text.split(joint) for text in incidents.get(name, blank).fillna("")]
        for name, joint in joints.items()
    }
    for column in FILLED:
        missing = incidents[column].isna().to_numpy()
        if column == "target":
            missing = missing & ~incidents["source"].isin(OWN_TARGETS).to_numpy()
        rows = [row for row in np.flatnonzero(missing) if column in facts[row]]
        values = derived[column].astype(object).to_numpy(copy=True)
        for row in rows:
            values[row], phrase = facts[row][column]
            told["derived"][row].append(column)
            told["evidence"][row].append(phrase)
        if rows:
            derived[column] = pd.Series(values, index=derived.index).astype(incidents[column].dtype)
    for column, name in _OTHER.items():
        for row in np.flatnonzero(incidents[column].isna().to_numpy()):
            if name in facts[row]:
                remarks.note(int(row), column, facts[row][name][0])
    _stand_beside(derived, incidents, facts, told, remarks)
    _tell_harm(incidents, facts, remarks)
    untold = derived[["nationality", "foreign_victims", "staff_type"]].isna().all(axis=1)
    untold &= derived["event_type"].isin(ATTACKS) & (derived["target"] != "foreigners")
    for row in np.flatnonzero(untold.to_numpy(bool)):
        if named := find_unread(incidents["notes"].iloc[row], home[row]):
            remarks.note(int(row), "foreign_victims", named)
    for name, joint in joints.items():
        texts = [joint.join(dict.fromkeys(filter(None, row))) or None for row in told[name]]
        derived[name] = pd.Series(texts, index=incidents.index, dtype="str")
    derived["not_understood"] = remarks.follow(derived["not_understood"])
    return derived


def _stand_beside(
    derived: gpd.GeoDataFrame,
    incidents: gpd.GeoDataFrame,
    facts: list[dict[str, tuple[Any, str]]],
    told: Mapping[str, list[list[str]]],
    remarks: Remarks,
) -> None:
    """Put nations of victims, and at whom it was aimed, beside what a row's own columns say.

    Who is aimed at as a foreigner is so first; what else is told of the aim is kept as a remark.
    """
    beside = {"nationality": "hit_nations", "target": "target", "staff_type": "staff_type"}
    for column, name in beside.items():
        stated = incidents[column].notna() & ~incidents["source"].isin(OWN_TARGETS)
        values = derived[column].astype(object).to_numpy(copy=True)
        for row in (row for row in np.flatnonzero(stated.to_numpy()) if name in facts[row]):
            own, (found, phrase) = str(values[row]), facts[row][name]
            if column == "target":
                if own == found:
                    continue
                first = found if found == "foreigners" else own
                remarks.note(int(row), column, own if first == found else found)
            elif column == "staff_type":
                first = own if own == found else "mixed"
            else:
                first = ";".join(sorted({*own.split(";"), *found.split(";")}))
            if first != own:
                values[row] = first
                told["derived"][row].append(column)
                told["evidence"][row].append(phrase)
        derived[column] = pd.Series(values, index=derived.index).astype(incidents[column].dtype)


def _tell_harm(
    incidents: gpd.GeoDataFrame, facts: list[dict[str, tuple[Any, str]]], remarks: Remarks
) -> None:
    """Note that somebody was hit in a row of no attack of which the tolls don't say so.

    A row that tells any toll tells of the killed and the wounded, but not of the abducted.
    """
    blank = incidents[list(TOLLS)].isna()
    other = incidents["event_type"].notna() & ~incidents["event_type"].isin((*ATTACKS, "unknown"))
    for name in TOLLS:
        untold = blank[name] if name == "abducted" else blank.all(axis=1)
        for row in np.flatnonzero((untold & other).to_numpy(bool)):
            if name in facts[row]:
                remarks.note(int(row), name, facts[row][name][1])
