"""Countries: from the names and codes that feeds use to ISO 3166-1 alpha-3, and back to a name.

Not found is a value: every lookup returns None for what it does not know, and for what would fit
two countries. The tables are ``data/countries.csv`` and ``data/country_names.csv``; their sources
stand beside them.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd

#: The invented country of :mod:`riskmap.datasets`; its code is among those left to users.
INVENTED = ("XQA", "Qandara")

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_VOWELS = re.compile("[\u064b-\u0652\u0670\u0640]")


@dataclass(frozen=True)
class Country:
    """One country or territory.

    Parameters
    ----------
    iso3, iso2
        ISO 3166-1 codes.
    name
        Short English name for display.
    fips
        FIPS 10-4 codes.
    demonyms
        Adjectives and nouns of its people.
    aliases
        Other names.
    zones
        Its time zones in the tz database.
    box
        West, south, east and north of its land in degrees, rounded outwards; None when unknown.

    Examples
    --------
    >>> table()["AFG"].fips, table()["AFG"].zones
    (('AF',), ('Asia/Kabul',))
    """

    iso3: str
    iso2: str
    name: str
    fips: tuple[str, ...]
    demonyms: tuple[str, ...]
    aliases: tuple[str, ...]
    zones: tuple[str, ...]
    box: tuple[float, ...] | None = None


@lru_cache(maxsize=1)
def table() -> Mapping[str, Country]:
    """Return every country by its alpha-3 code, sorted.

    Examples
    --------
    >>> len(table()) > 240, table()["COD"].name
    (True, 'DR Congo')
    """
    with data_path("countries.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Country(
                iso3=row["iso3"],
                iso2=row["iso2"],
                name=row["name"],
                box=tuple(float(edge) for edge in row["box"].split(";")) or None,
                **{
                    many: tuple(part for part in row[many].split(";") if part)
                    for many in ("fips", "demonyms", "aliases", "zones")
                },
            )
            for row in csv.DictReader(file)
        ]
    return MappingProxyType({row.iso3: row for row in sorted(rows, key=lambda row: row.iso3)})


def fold(text: str) -> str:
    """Return a name as it is compared: no accents, case, punctuation or leading article.

    Examples
    --------
    >>> fold("  Côte d'Ivoire "), fold("The Gambia")
    ('cote d ivoire', 'gambia')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_LETTERS.sub(" ", plain.casefold()).strip().removeprefix("the ")


def strip_marks(text: str) -> str:
    """Return a text without Arabic vowel marks and lengthening, which most people leave out.

    Examples
    --------
    >>> strip_marks("\u0642\u064f\u062a\u0644") == "\u0642\u062a\u0644"
    True
    """
    return _VOWELS.sub("", text)


def find_country(name: str) -> str | None:
    """Return the alpha-3 code of a country's name, alias or alpha-3 code.

    Names are known in English, Arabic, Chinese, French, Portuguese, Russian and Spanish; where a
    word is a name in English and in another language, the English one counts.

    Two-letter codes are left to :func:`from_iso2` and :func:`from_fips`, which disagree: CH is
    Switzerland in one and China in the other.

    Parameters
    ----------
    name
        The name as a feed writes it.

    Returns
    -------
    str or None
        The code; None when no country goes by that name.

    Examples
    --------
    >>> [find_country(name) for name in ("DR Congo (Zaire)", "Myanmar (Burma)", "afg", "Nowhere")]
    ['COD', 'MMR', 'AFG', None]
    """
    return _by_name().get(_key(name))


def from_iso2(code: str) -> str | None:
    """Return the alpha-3 code of an ISO 3166-1 alpha-2 code.

    Examples
    --------
    >>> from_iso2("CH"), from_iso2("NA"), from_iso2("ZZ")
    ('CHE', 'NAM', None)
    """
    return _by_code()["iso2"].get(code.strip().upper())


def from_fips(code: str) -> str | None:
    """Return the alpha-3 code of a FIPS 10-4 code, as GDELT writes countries.

    Examples
    --------
    >>> from_fips("CH"), from_fips("AF"), from_fips("GZ")
    ('CHN', 'AFG', 'PSE')
    """
    return _by_code()["fips"].get(code.strip().upper())


def find_nationality(word: str) -> str | None:
    """Return the alpha-3 code of a nationality: a demonym, or a country's name or code.

    Examples
    --------
    >>> find_nationality("Chinese"), find_nationality("Turkey"), find_nationality("Congolese")
    ('CHN', 'TUR', None)
    """
    return _by_code()["demonym"].get(fold(word)) or find_country(word)


def display_name(iso3: str) -> str:
    """Return a country's name for display; the code itself when it is not known.

    Examples
    --------
    >>> display_name("PSE"), display_name("QQQ")
    ('Palestine', 'QQQ')
    """
    country = table().get(iso3)
    return country.name if country else iso3


def map_countries(
    values: pd.Series, lookup: Callable[[str], str | None] = find_country
) -> pd.Series:
    """Return a column of names or codes as alpha-3 codes, missing where not found.

    Parameters
    ----------
    values
        The column as text.
    lookup
        :func:`find_country`, :func:`from_iso2`, :func:`from_fips` or :func:`find_nationality`.

    Examples
    --------
    >>> import pandas as pd
    >>> map_countries(pd.Series(["Syria", None, "Atlantis"], dtype="str")).tolist()
    ['SYR', nan, nan]
    """
    import pandas as pd

    codes, distinct = pd.factorize(values)
    answers = pd.array([lookup(value) for value in distinct], dtype="str")
    return pd.Series(answers.take(codes, allow_fill=True), index=values.index)


@lru_cache(maxsize=1)
def translated_names() -> tuple[tuple[str, str], ...]:
    """Return the names of countries in other scripts than Latin, each with its alpha-3 code.

    Examples
    --------
    >>> ("中国", "CHN") in translated_names()
    True
    """
    pairs = _unique((name.strip(), iso3) for name, iso3 in _foreign_names())
    return tuple((name, iso3) for name, iso3 in pairs.items() if not fold(name))


def stem_of(name: str) -> str:
    """Return what is the same in a country's name and its people's, in Arabic and Russian.

    Examples
    --------
    >>> stem_of("Китай"), stem_of("الصين"), stem_of("中国")
    ('кита', 'صين', '中国')
    """
    plain = name.casefold().strip().removeprefix("ال")
    stem = plain[:-1] if plain[-1:] in _ENDINGS else plain
    return stem if len(stem) >= _SHORTEST_STEM else plain


_ENDINGS = frozenset("\u0430\u044f\u0438\u0439\u0627\u0629\u0649")
#: Stems of fewer letters begin too many other words.
_SHORTEST_STEM = 3


@lru_cache(maxsize=1)
def _by_name() -> Mapping[str, str]:
    translated = _unique((_key(name), iso3) for name, iso3 in _foreign_names())
    own = _unique(
        (_key(name), country.iso3)
        for country in table().values()
        for name in (country.iso3, country.name, *country.aliases)
    )
    own = {**own, **{_key(name): INVENTED[0] for name in INVENTED}}
    return MappingProxyType({**translated, **own})


def _key(name: str) -> str:
    """Return what names are looked up by: folded, or as they are in a script that folds away."""
    return fold(name) or name.strip()


def name_in(iso3: str, language: str) -> str:
    """Return the name of a country in a language, in English where there is none, else its code.

    Examples
    --------
    >>> name_in("AFG", "zh"), name_in("AFG", "en"), name_in("QQQ", "zh")
    ('阿富汗', 'Afghanistan', 'QQQ')
    """
    return _names_in(language).get(iso3) or display_name(iso3)


@cache
def _names_in(language: str) -> Mapping[str, str]:
    """Return the names of countries in a language by their codes; none in those not told."""
    with data_path("country_names.csv").open(encoding="utf-8", newline="") as file:
        return {row["iso3"]: row.get(language, "") for row in csv.DictReader(file)}


def _foreign_names() -> list[tuple[str, str]]:
    """Return the names of countries in other languages than English, each with its code."""
    with data_path("country_names.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [(name, iso3) for iso3, *names in rows for name in names]


@lru_cache(maxsize=1)
def _by_code() -> Mapping[str, Mapping[str, str]]:
    """Return the lookups by alpha-2 code, by FIPS code, and by what a people is called."""
    every = table().values()
    return {
        "iso2": _unique((one.iso2, one.iso3) for one in every),
        "fips": _unique((code, one.iso3) for one in every for code in one.fips),
        "demonym": _unique((fold(word), one.iso3) for one in every for word in one.demonyms),
    }


def _unique(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return a lookup that leaves out every key that stands for two countries."""
    found: dict[str, set[str]] = {}
    for key, iso3 in pairs:
        found.setdefault(key, set()).add(iso3)
    return {key: next(iter(codes)) for key, codes in found.items() if key and len(codes) == 1}
