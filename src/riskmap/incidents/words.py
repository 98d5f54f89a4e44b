"""Words in coded columns: which code a text stands for, by one open list; or that it is in no list.

The list is ``data/incident_words.csv``. Case, accents, punctuation and plurals make no difference.
A text that is in no list is never taken for something harmless: it is told, as it was written.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from riskmap.countries import find_nationality, fold, from_iso2, stem_of, table, translated_names
from riskmap.schema import EVENT_TYPES, SECTORS
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pandas as pd

#: The types that a word within a longer text can tell: "rocket attack on a camp" is an explosion.
ATTACKS = ("explosion", "abduction", "armed_attack", "assault", "battle")
#: The most words that a listed phrase within a longer text has.
_LONGEST = 4
#: What separates the parts of a text that names several things.
_PARTS = re.compile(r"[/;,|&+\n]|\s[-–—]\s|\b(?:and|or|with|et|y|e)\b", re.IGNORECASE)
_WORD = re.compile(r"\w")
_SENSELESS = re.compile(r"\bx\d+\b|\d+")
#: A remark on one value, and what separates it from the next.
_REMARK = re.compile(r"(?:^|; )([a-z_]+)=")
_INVENTED = re.compile("X[A-Z]{2}")
#: A letter that is not Latin: folding would drop it.
_OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")


def normalise(text: str) -> str:
    """Return a text as it is compared: no case, accents, punctuation or plurals.

    Examples
    --------
    >>> normalise(" Armed_Attacks"), normalise("Mining companies")
    ('armed attack', 'mining company')
    """
    plain = "" if _OTHER_LETTER.search(text) else fold(text)
    return " ".join(_singular(word) for word in plain.split()) or text.strip().casefold()


def _singular(word: str) -> str:
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):  # noqa: PLR2004 - as in "gas"
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word.removesuffix("s")


@lru_cache
def listed(kind: str) -> Mapping[str, str]:
    """Return the words of one kind and what each stands for.

    Examples
    --------
    >>> listed("sector")["quarry"], listed("event_type")["ied"]
    ('mining', 'explosion')
    """
    own = {"event_type": EVENT_TYPES, "sector": SECTORS}.get(kind, ())
    words = {code: code for code in own} | read_words(kind)
    return {normalise(word): value for word, value in words.items()}


def read_words(kind: str) -> dict[str, str]:
    """Return the words of one kind, as the list writes them, and what each stands for.

    Examples
    --------
    >>> read_words("amount")["dozens"]
    '24+'
    """
    with data_path("incident_words.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind]
    return {word: row["value"] for row in rows for word in row["words"].split(";")}


def find_event_type(text: str) -> str | None:
    """Return the event type that a text stands for; None when it is in no list.

    Of a text that names several things the attack counts.

    Examples
    --------
    >>> [find_event_type(t) for t in ("Armed Attack", "VBIED / complex attack", "March", "blorp")]
    ['armed_attack', 'explosion', 'unrest', None]
    """
    words = listed("event_type")
    if found := words.get(normalise(text)):
        return found
    told = [words.get(normalise(part)) for part in _PARTS.split(text) if part.strip()]
    within = {words[phrase] for phrase in _phrases(text) if phrase in words}
    attacks = [kind for kind in ATTACKS if kind in within]
    if attacks or not told or None in told:
        return attacks[0] if attacks else None
    return min((kind for kind in told if kind), key=EVENT_TYPES.index)


def find_sectors(text: str) -> list[str]:
    """Return the sectors that a text names, in its order; none where it is in no list.

    Examples
    --------
    >>> find_sectors("MINES"), find_sectors("Mining / road works"), find_sectors("blasting")
    (['mining'], ['mining', 'construction'], [])
    """
    words = listed("sector")
    plain = normalise(text)
    if found := words.get(plain):
        return [found]
    told = {plain.find(phrase): words[phrase] for phrase in _phrases(text) if phrase in words}
    named = dict.fromkeys(told[place] for place in sorted(told))
    return [name for name in named if name != "services" or len(named) == 1]


def find_word(kind: str, text: str) -> str | None:
    """Return what a whole text stands for in a list; None when it is not there.

    Examples
    --------
    >>> find_word("staff_type", "Expats"), find_word("geo_precision", "District")
    ('international', 'admin2')
    """
    return listed(kind).get(normalise(text))


#: How a text in each coded column is understood.
FINDERS: Mapping[str, Callable[[str], str | None]] = {
    "event_type": find_event_type,
    "sector": lambda text: next(iter(find_sectors(text)), None),
    **{
        kind: lambda text, kind=kind: find_word(kind, text)  # type: ignore[misc]
        for kind in ("staff_type", "date_precision", "geo_precision")
    },
}


def _phrases(text: str) -> Iterator[str]:
    """Yield the runs of words of a text, the longest first; a run within a listed one is not."""
    words = normalise(text).split()
    sectors, types = listed("sector"), listed("event_type")
    taken: set[int] = set()
    for length in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            run = range(start, start + length)
            phrase = " ".join(words[start : start + length])
            if taken.isdisjoint(run):
                if length > 1 and (phrase in sectors or phrase in types):
                    taken.update(run)
                yield phrase


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
    is_one = is_blank(text) or (find_nationality(text) and not _OTHER_LETTER.search(text))
    for part in [text] if is_one else _PARTS.split(text):
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
    if is_blank(part) or not _WORD.search(word):
        return set(), False
    denied = _denied().match(part)
    if denied and word not in listed("foreign"):
        # who is not of the country is foreign; who is not of another may be anyone
        is_home = country is not None and _nations(part[denied.end() :]) == {country}
        return (set(), True) if is_home else None
    if codes := _nations(part):
        return codes, False
    phrases = [word, *_windows(word)]
    if any(phrase in listed("foreign") for phrase in phrases) or _in_script("foreign", part):
        return set(), True
    shared = {code for phrase in phrases for code in listed("shared").get(phrase, "").split()}
    if shared:
        return {code for code in shared if code == country}, country not in shared
    if any(phrase in listed("home") for phrase in phrases) or _in_script("home", part):
        return ({country} if country else set()), False
    return None


def is_blank(text: str) -> bool:
    """Return whether a text says that nothing is known, or nothing to be told.

    Examples
    --------
    >>> is_blank("N/A"), is_blank("-"), is_blank("No"), is_blank("NO")
    (True, True, True, False)
    """
    return text.strip() != "NO" and (
        normalise(text) in listed("blank") or not _WORD.search(normalise(text))
    )


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
    for length in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _nations(text: str) -> set[str]:
    """Return the countries of the nationalities in a text, however many words stand around them."""
    plain = _SENSELESS.sub(" ", text).strip(" ().:*")
    if _INVENTED.fullmatch(plain):
        return {plain}
    if not _OTHER_LETTER.search(plain) and (code := find_nationality(plain)):
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
    return found | set(_in_script("nation", text))


def _nation_of(phrase: str) -> str | None:
    """Return the country of a demonym or a name of some words; of short ones few are known."""
    if len(phrase) <= 3 and phrase not in ("prc", "usa", "uae"):  # noqa: PLR2004 - no "us", "no"
        return None
    return (
        find_nationality(phrase)
        or find_nationality(phrase.removesuffix("s"))
        or listed("nation").get(normalise(phrase))
    )


def _in_script(kind: str, text: str) -> list[str]:
    """Return what the words of one kind in a text stand for, in scripts that are not Latin."""
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
    within = {listed("target").get(phrase) for phrase in _phrases(text)}
    if "foreigners" in within:
        return "foreigners"
    if sectors := find_sectors(text):
        return sectors[0]
    return "" if not strange or "" in within else None


def split_remarks(text: str) -> list[tuple[str, str]]:
    """Return the columns and values of ``not_understood``.

    Examples
    --------
    >>> split_remarks("sector=blasting; rigging; event_type=blorp")
    [('sector', 'blasting; rigging'), ('event_type', 'blorp')]
    """
    heads = list(_REMARK.finditer(text))
    if not heads:
        return []
    ends = [after.start() for _, after in pairwise(heads)] + [len(text)]
    return [(head[1], text[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def count_not_understood(remarks: pd.Series) -> dict[str, dict[str, int]]:
    """Return how many rows hold each value that is in no list, by column, most frequent first.

    Parameters
    ----------
    remarks
        The column ``not_understood`` of an Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> count_not_understood(pd.Series(["sector=blasting", None, "sector=blasting"], dtype="str"))
    {'sector': {'blasting': 2}}
    """
    counts: dict[str, Counter[str]] = {}
    for text, rows in remarks.dropna().value_counts().items():
        for column, value in split_remarks(str(text)):
            counts.setdefault(column, Counter())[value] += int(rows)
    return {column: _ordered(counts[column].items()) for column in sorted(counts)}


def _ordered(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    return dict(sorted(counts, key=lambda item: (-item[1], item[0])))
