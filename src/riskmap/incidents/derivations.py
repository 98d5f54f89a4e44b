"""Who was hit, from free text: by a documented word list alone, with the phrase kept as evidence.

The list is ``data/victim_words.csv``; nationalities are the demonyms of ``data/countries.csv``.
Only missing values are filled, and each is named in ``derived`` with its phrase in ``evidence``.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import find_nationality
from riskmap.countries import table as country_table
from riskmap.incidents.actors import find_group, group_aliases
from riskmap.schema import check_incidents
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd


_WORD = re.compile(r"\w+")


def derive_victims(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return incidents whose missing facts on victims and claims are filled from their notes.

    Filled are ``nationality`` and ``foreign_victims`` ("three Chinese engineers"), ``staff_type``
    ("foreign contractor"), ``sector``, and ``claimed_by`` ("claimed by", "claimed responsibility").
    A number of foreign victims is taken only where it stands right before the phrase.

    Parameters
    ----------
    incidents
        The Incidents table.

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
    facts = [
        find_facts(note, country) if note else {}
        for note, country in zip(notes, incidents["country"].fillna(""), strict=True)
    ]
    derived = incidents.copy()
    names, phrases = _merged(incidents, facts, derived)
    for column, values in (("derived", names), ("evidence", phrases)):
        derived[column] = pd.Series(values, index=incidents.index, dtype="str")
    return derived


def _merged(
    incidents: pd.DataFrame, facts: list[dict[str, tuple[Any, str]]], derived: pd.DataFrame
) -> tuple[list[str | None], list[str | None]]:
    """Fill missing values of `derived` and return the filled columns and phrases of each row."""
    names = _split(incidents, "derived", ";")
    phrases = _split(incidents, "evidence", " | ")
    for column in ("nationality", "foreign_victims", "staff_type", "sector", "claimed_by"):
        missing = incidents[column].isna().to_numpy()
        rows = [row for row in np.flatnonzero(missing) if column in facts[row]]
        if not rows:
            continue
        values = derived[column].astype(object).to_numpy(copy=True)
        for row in rows:
            values[row], phrase = facts[row][column]
            names[row].append(column)
            phrases[row].append(phrase)
        derived[column] = pd.Series(values, index=derived.index).astype(incidents[column].dtype)
    return (
        [";".join(dict.fromkeys(row)) or None for row in names],
        [" | ".join(dict.fromkeys(row)) or None for row in phrases],
    )


def _split(incidents: pd.DataFrame, column: str, separator: str) -> list[list[str]]:
    if column not in incidents:
        return [[] for _ in range(len(incidents))]
    return [text.split(separator) if text else [] for text in incidents[column].fillna("")]


def find_facts(text: str, country: str = "") -> dict[str, tuple[Any, str]]:
    """Return what a text says of victims and claims: a value and its phrase for each column.

    Parameters
    ----------
    text
        Free text in English.
    country
        Alpha-3 code of the incident's country, whose own people are not foreign.

    Examples
    --------
    >>> find_facts("Gunmen shot a Turkish road engineer.", "AFG")["nationality"]
    ('TUR', 'Turkish road engineer')
    >>> find_facts("Talks with Chinese officials went on.")
    {}
    """
    facts: dict[str, tuple[Any, str]] = {}
    words = set(_WORD.findall(text.casefold()))
    found = [] if words.isdisjoint(_openings("people")) else list(_people().finditer(text))
    abroad = [match for match in found if _nation(match) != country]
    nations = sorted({nation for match in found if (nation := _nation(match))})
    if nations:
        named = [match.group().strip() for match in found if _nation(match)]
        facts["nationality"] = (";".join(nations), named[0])
    if abroad:
        facts["staff_type"] = ("international", abroad[0].group().strip())
        numbers = [_number(match["number"]) for match in abroad]
        if all(numbers) and len(abroad) == 1:
            facts["foreign_victims"] = (numbers[0], abroad[0].group().strip())
    told = not words.isdisjoint(_openings("sector"))
    if told and (sector := _sectors().search(text)):
        facts["sector"] = (_words()["sector"][sector.group().casefold()], sector.group())
    claim = _claims().search(text) if "claimed" in words else None
    if claim and (group := find_group(claim["a"] or claim["b"])):
        facts["claimed_by"] = (group, claim.group().strip())
    return facts


def _nation(match: re.Match[str]) -> str | None:
    return find_nationality(match["nation"]) if match["nation"] else None


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isdigit() else int(_words()["number"][text.casefold()])


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Mapping[str, str]]:
    """Return the word list: for each kind its words and their values."""
    words: dict[str, dict[str, str]] = {}
    with data_path("victim_words.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for word in row["words"].split(";"):
                words.setdefault(row["kind"], {})[word] = row["value"]
    return words


@lru_cache(maxsize=2)
def _openings(kind: str) -> frozenset[str]:
    """Return the first words of what a pattern looks for: most texts have none and are passed by.

    Examples
    --------
    >>> "foreign" in _openings("people"), "dam" in _openings("sector")
    (True, True)
    """
    if kind == "people":
        phrases = {"foreign", "expatriate", "international"}
        phrases.update(d for c in country_table().values() for d in c.demonyms)
    else:
        phrases = set(_words()[kind])
    return frozenset(_WORD.findall(phrase.casefold())[0] for phrase in phrases)


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda w: (-len(w), w)))


@lru_cache(maxsize=1)
def _people() -> re.Pattern[str]:
    """Return the pattern of people of a nationality, or foreign ones, with their role."""
    nations = _any_of(d for c in country_table().values() for d in c.demonyms)
    kinds = _words()
    role = rf"(?i:{_any_of(kinds['role'])})(?i:s|es)?"
    return re.compile(
        rf"(?:\b(?P<number>\d{{1,3}}|(?i:{_any_of(kinds['number'])}))\s+)?"
        rf"\b(?:(?i:{_any_of(kinds['foreign'])})\s+)?"
        rf"(?:\(?\b(?P<nation>{nations})\b\)?|\b(?i:foreign|expatriate|international)\b)"
        rf"(?:\s+[a-z][\w-]*){{0,2}}?\s+{role}\b"
    )


@lru_cache(maxsize=1)
def _sectors() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_any_of(_words()['sector'])})\b", re.IGNORECASE)


@lru_cache(maxsize=1)
def _claims() -> re.Pattern[str]:
    """Return the pattern of a claim: by whom, or who claimed responsibility."""
    groups = _any_of({*group_aliases().values(), *_spellings()})
    return re.compile(
        rf"\bclaimed by (?:the )?(?P<a>{groups})\b"
        rf"|\b(?P<b>{groups}) (?:has |have |had )?claimed (?:the )?responsibility\b"
    )


@lru_cache(maxsize=1)
def _spellings() -> tuple[str, ...]:
    with data_path("armed_groups.csv").open(encoding="utf-8", newline="") as file:
        return tuple(a for row in csv.DictReader(file) for a in row["aliases"].split(";"))
