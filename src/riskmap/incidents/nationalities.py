"""Nationalities in words: whose people a text names, in seven languages and the codes of countries.

The words are those of ``data/incident_words.csv``; names and demonyms come from
:mod:`riskmap.countries`. A text that is in no list is told, as it was written.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.countries import find_nationality, fold, from_iso2, stem_of, table, translated_names
from riskmap.incidents.words import (
    LONGEST,
    OTHER_LETTER,
    PARTS,
    WORD,
    find_sectors,
    find_word,
    is_blank,
    listed,
    normalise,
    phrases_in,
    read_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SENSELESS = re.compile(r"\bx\d+\b|\d+")
_INVENTED = re.compile("X[A-Z]{2}")
_CODES = re.compile(r"[^\W\d_]{2,3}(?:[\s;,/|&+-]+[^\W\d_]{2,3})*")
#: A name as registers write it: "Korea, Republic of".
_TURNED = re.compile(r"([^;,/]+), ([^;,/]*\bof(?: the)?)", re.IGNORECASE)
#: Commas of other scripts, and what joins names in a list.
_COMMAS = re.compile("[\u3001\uff0c\uff1b\uff0f\u060c\u061b]")


def find_nationalities(text: str, country: str | None = None) -> tuple[list[str], bool, list[str]]:
    """Return the nationalities in a text, whether it says "foreign", and what is in no list.

    Parameters
    ----------
    text
        Names, adjectives or codes of countries, such as ``"3 Chinese, 1 local"``; any of several
        counts.
    country
        Alpha-3 code of the country of the incident, which "local" stands for.

    Examples
    --------
    >>> find_nationalities("Turkish, CN and PAK")
    (['CHN', 'PAK', 'TUR'], False, [])
    >>> find_nationalities("local; expat; Martian", "AFG")
    (['AFG'], True, ['Martian'])
    >>> find_nationalities("Congolese", "COD"), find_nationalities("Congolese", "AFG")
    ((['COD'], False, []), ([], True, []))
    >>> find_nationalities("non-Afghan", "AFG"), find_nationalities("not Chinese", "AFG")
    (([], True, []), ([], False, ['not Chinese']))
    >>> find_nationalities("中国籍"), find_nationalities("ressortissants chinois")
    ((['CHN'], False, []), (['CHN'], False, []))
    """
    found: set[str] = set()
    foreign, strange = False, []
    text = _COMMAS.sub(";", text)
    if text.strip().strip("0").isdigit():
        return [], False, [text.strip()]
    if turned := _TURNED.fullmatch(text.strip()):
        text = f"{turned[2]} {turned[1]}"
    if not is_blank(text) and (codes := _coded(text)):
        return sorted(codes), False, []
    is_one = is_blank(text) or (find_nationality(text) and not OTHER_LETTER.search(text))
    for part in [text] if is_one else PARTS.split(text):
        told = _people_of(part, country)
        if told is None:
            strange.append(part.strip())
        else:
            found |= told[0]
            foreign |= told[1]
    return sorted(found), foreign, strange


def _people_of(part: str, country: str | None) -> tuple[set[str], bool] | None:
    """Return the nations of one part of a text and whether it says "foreign"; None: in no list."""
    word = normalise(_SENSELESS.sub(" ", part))
    if is_blank(part) or not WORD.search(word):
        return set(), False
    denied = _denied().match(part)
    if denied and word not in listed("foreign"):
        # who is not of the country is foreign; who is not of another may be anyone
        is_home = country is not None and _nations(part[denied.end() :]) == {country}
        return (set(), True) if is_home else None
    if codes := _nations(part):
        return codes, False
    phrases = [word, *_windows(word)]
    if any(phrase in listed("foreign") for phrase in phrases) or find_in_script("foreign", part):
        return set(), True
    shared = {code for phrase in phrases for code in listed("shared").get(phrase, "").split()}
    if shared:
        return {code for code in shared if code == country}, country not in shared
    if any(phrase in listed("home") for phrase in phrases) or find_in_script("home", part):
        return ({country} if country else set()), False
    return None


@lru_cache(maxsize=1)
def _denied() -> re.Pattern[str]:
    """Return the pattern of a word that denies what follows: "not Chinese"."""
    any_of = "|".join(sorted(read_words("denied"), reverse=True))
    plain = rf"(?:{any_of})(?:[\s-]+(?:an?\s+)?|(?<=[\u4e00-\u9fff]))"
    return re.compile(rf"\s*{plain}", re.IGNORECASE)


@lru_cache(maxsize=1)
def _known_codes() -> frozenset[str]:
    """Return the codes that people write in the midst of words."""
    return frozenset({"US", "UK", "PRC", "DRC", "UAE", *table()})


def _coded(text: str) -> set[str]:
    """Return the countries of a text that holds nothing but codes of two or three letters."""
    if not _CODES.fullmatch(text.strip()):
        return set()
    words = re.split(r"[\s;,/|&+-]+", text.strip())
    codes = [
        find_nationality(word) or (from_iso2(word) if word.upper() not in ("NA", "NO") else None)
        for word in words
    ]
    return {code for code in codes if code} if all(codes) else set()


def _windows(text: str) -> Iterator[str]:
    """Yield the runs of words of a text, the longest first."""
    words = text.split()
    for length in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _nations(text: str) -> set[str]:
    """Return the countries of the nationalities in a text, however many words stand around them."""
    plain = _SENSELESS.sub(" ", text).strip(" ().:*")
    if _INVENTED.fullmatch(plain):
        return {plain}
    if not OTHER_LETTER.search(plain) and (code := find_nationality(plain)):
        return {code}
    if len(plain) == 2 and plain.isupper():  # noqa: PLR2004 - a code of two letters
        return _coded(plain)
    found = _coded(plain) if plain.isupper() else set()
    for word in () if plain.isupper() else re.findall(r"(?:[A-Z]\.?){2,4}(?!\w)", plain):
        found |= _coded(word.replace(".", "")) if word.replace(".", "") in _known_codes() else set()
    words = f" {fold(plain.replace('.', ''))} "
    for phrase in _windows(words):
        if f" {phrase} " in words and (code := _nation_of(phrase)):
            found.add(code)
            words = words.replace(f" {phrase} ", " | ")
    return found | set(find_in_script("nation", text))


def _nation_of(phrase: str) -> str | None:
    """Return the country of a demonym or a name of some words; of short ones few are known."""
    if len(phrase) <= 3 and phrase not in ("prc", "usa", "uae"):  # noqa: PLR2004 - no "us", "no"
        return None
    return (
        find_nationality(phrase)
        or find_nationality(phrase.removesuffix("s"))
        or listed("nation").get(normalise(phrase))
    )


def find_in_script(kind: str, text: str) -> list[str]:
    """Return what the words of one kind in a text stand for, in scripts that are not Latin.

    Examples
    --------
    >>> find_in_script("nation", "китайский инженер")
    ['CHN']
    """
    if text.isascii():
        return []
    pattern, values = _scripts(kind)
    return [values[match.group("stem")] for match in pattern.finditer(text.casefold())]


@lru_cache
def _scripts(kind: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Return the pattern of the words of one kind that are not Latin, by their stems.

    A Russian or Arabic nationality begins as the name of its country does.
    """
    own = {stem_of(word): value for word, value in read_words(kind).items() if not fold(word)}
    names = {stem_of(name): code for name, code in translated_names()} if kind == "nation" else {}
    stems = names | own
    any_of = "|".join(re.escape(stem) for stem in sorted(stems, key=lambda s: (-len(s), s)))
    begin = r"(?:(?<!\w)(?:[وبل]?(?:ال|لل))?|(?=[\u4e00-\u9fff]))"
    return re.compile(rf"{begin}(?P<stem>{any_of})"), stems


def find_target(text: str, country: str | None = None) -> str | None:
    """Return whom an attack was aimed at; ``""`` for others than a target; None in no list.

    Parameters
    ----------
    text
        What a desk writes: foreigners, a sector, ``employer: NAME`` or ``site: NAME``.
    country
        Alpha-3 code of the country of the incident, whose own people are not foreign.

    Examples
    --------
    >>> find_target("Chinese company", "AFG"), find_target("mines"), find_target("Site: North pit")
    ('foreigners', 'mining', 'site:North pit')
    >>> find_target("police"), find_target("blorp") is None
    ('', True)
    """
    head, colon, name = text.partition(":")
    if colon and head.strip().casefold() in ("employer", "site") and name.strip():
        return f"{head.strip().casefold()}:{name.strip()}"
    if (found := find_word("target", text)) is not None:
        return found
    nations, foreign, strange = find_nationalities(text, country)
    if foreign or any(nation != country for nation in nations):
        return "foreigners"
    within = {listed("target").get(phrase) for phrase in phrases_in(text)}
    if "foreigners" in within:
        return "foreigners"
    if sectors := find_sectors(text):
        return sectors[0]
    return "" if not strange or "" in within else None
