"""The word lists of the extractor, read once from ``data/lexicons``; each says what it is for."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any, NamedTuple

from riskmap.countries import table
from riskmap.settings import data_path

Quantity = tuple[int, int | None]


class Person(NamedTuple):
    """A word for people: its side in an event, and whether it is plural or marks one person."""

    side: str
    plural: bool
    leader: bool
    occupation: str


@cache
def _words(name: str) -> dict[str, Any]:
    return tomllib.loads(data_path(f"lexicons/{name}.toml").read_text(encoding="utf-8"))


def plural(word: str) -> str:
    """Return the plural of an English word for people.

    Examples
    --------
    >>> [plural(word) for word in ("policeman", "lady", "coach", "engineer", "passer-by", "child")]
    ['policemen', 'ladies', 'coaches', 'engineers', 'passers-by', 'children']
    """
    if word.endswith("-by"):
        return plural(word.removesuffix("-by")) + "-by"
    for ending, other in (("man", "men"), ("child", "children"), ("person", "people")):
        if word.endswith(ending):
            return word.removesuffix(ending) + other
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


@cache
def people() -> dict[str, Person]:
    """Return every word for people, singular and plural, with its side."""
    table = _words("people")
    found: dict[str, Person] = {}
    leaders, jobs = set(table["leaders"]), table["occupations"]
    sides = (("civilians", "victim"), ("forces", "victim"), ("militants", "militant"))
    for key, side in (*sides, ("attackers", "attacker")):
        for word in table[key]:
            job = word if word in jobs else ""
            found[plural(word)] = Person(side, plural=True, leader=word in leaders, occupation=job)
            found[word] = Person(side, plural=False, leader=word in leaders, occupation=job)
    for word in table["collective"]:
        known = found.get(word)
        side = known.side if known else "victim"
        job = known.occupation if known else ""
        found[word] = Person(side, plural=True, leader=False, occupation=job)
    return found


@cache
def grammar(name: str) -> frozenset[str]:
    """Return one list of small words, such as ``"passive"``."""
    return frozenset(_words("grammar")[name])


@cache
def place_types() -> dict[str, str]:
    """Return the level that a word for the type of a place speaks for."""
    return {word: level for level, words in _words("grammar")["types"].items() for word in words}


@cache
def named_site() -> re.Pattern[str]:
    """Return the pattern of names that end in a word such as "Hotel"."""
    return re.compile(rf"(?:{alternation(_words('grammar')['sites']['last'])})$")


@cache
def bystanders() -> frozenset[str]:
    """Return the words for people who take no part in a battle."""
    table = _words("people")
    words = [
        w for w in (*table["occupations"], *table["noncombatants"]) if w not in table["forces"]
    ]
    return frozenset({*words, *(plural(word) for word in words), "children", "women"})


@cache
def occupation_sectors() -> dict[str, str]:
    """Return the sector of work that an occupation speaks for; empty when it speaks for none."""
    return dict(_words("people")["occupations"])


@cache
def numbers() -> tuple[dict[str, int], dict[str, Quantity], dict[str, int], dict[str, str]]:
    """Return number words: exact ones, vague ones as ranges, factors, bounds before them."""
    table = _words("numbers")
    vague = {word: (low, high or None) for word, (low, high) in table["vague"].items()}
    return table["exact"], vague, table["factors"], table["bounds"]


@cache
def verbs() -> dict[str, str]:
    """Return the kind of harm (killed, wounded, ...) that a verb form tells of."""
    return {word: kind for kind, words in _words("events")["verbs"].items() for word in words}


@cache
def harm_nouns() -> dict[str, str]:
    """Return the kind of harm that a noun before "of" tells of."""
    return {word: kind for kind, words in _words("events")["nouns"].items() for word in words}


def alternation(words: list[str] | tuple[str, ...]) -> str:
    r"""Return a regular expression for any of some phrases, the longest first.

    Examples
    --------
    >>> alternation(["bomb", "car bomb"])
    'car\\ bomb|bomb'
    """
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def caseless(source: str) -> re.Pattern[str]:
    r"""Return a pattern for texts in lower case: five times as fast as one that ignores case.

    Examples
    --------
    >>> bool(caseless(r"\bIED\b").search(lower("An IED went off")))
    True
    """
    words = re.sub(r"\\.|[A-Z]+", lambda m: m[0] if m[0][0] == "\\" else m[0].lower(), source)
    return re.compile(words)


def lower(text: str) -> str:
    """Return a text in lower case, each character in its place (Turkish "I" with dot too).

    Examples
    --------
    >>> lower("A Man"), len(lower("\u0130zmir"))
    ('a man', 5)
    """
    low = text.lower()
    return low if len(low) == len(text) else "".join(letter.lower()[0] for letter in text)


@cache
def triggers() -> tuple[re.Pattern[str], dict[str, str], frozenset[str]]:
    """Return the pattern of event words, the type of each, and those that are enough alone."""
    table = _words("events")
    kinds = {word: kind for kind, words in table["triggers"].items() for word in words}
    pattern = caseless(rf"\b(?:{alternation(list(kinds))})\b")
    return pattern, kinds, frozenset(table["strong"]["words"])


@cache
def cues(name: str) -> re.Pattern[str]:
    """Return the pattern of one list of cues, such as ``"recounted"``, for text in lower case."""
    return caseless("|".join(_words("cues")[name]))


@cache
def weapons() -> tuple[re.Pattern[str], dict[str, str], frozenset[str]]:
    """Return the pattern of weapons, the canonical name of each phrase, and the explosive ones."""
    table = _words("weapons")
    names = {phrase: name for name, phrases in table["weapons"].items() for phrase in phrases}
    pattern = caseless(rf"\b(?:{alternation(list(names))})\b")
    return pattern, names, frozenset(table["explosive"])


@cache
def weapon_ranks() -> dict[str, int]:
    """Return the order of weapons, the most telling first."""
    return {name: rank for rank, name in enumerate(_words("weapons")["weapons"])}


@cache
def sectors() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return the pattern of phrases that speak for a sector, and the sector of each."""
    names = {phrase: name for name, phrases in _words("sectors").items() for phrase in phrases}
    return caseless(rf"\b(?:{alternation(list(names))})s?\b"), names


@cache
def groups() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return the pattern of listed armed groups, and the short name of each."""
    names: dict[str, str] = {}
    for short, others in _words("groups")["groups"].items():
        names.update(dict.fromkeys((short, *others), short))
    return re.compile(rf"(?<![\w-])(?:{alternation(list(names))})(?![\w-])"), names


@cache
def group_forms() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the pattern of a group's name by its form, and of names that are no armed group."""
    forms = _words("groups")["forms"]
    word = r"(?!The\b|In\b|On\b|A\b)[A-Z][\w’'-]*"
    name = rf"(?:{word} (?:(?:of|for|the|de|al|wa) )*){{1,5}}(?:{alternation(forms['last'])})\b"
    tail = rf"(?:{alternation(forms['last'])}) (?:of|for) (?:the )?{word}(?: {word}){{0,3}}"
    shape = re.compile(rf"(?:{tail}|{name})(?: \(([A-Z][\w-]{{1,9}})\))?")
    return shape, re.compile(rf"\b(?:{alternation(forms['never'])})\b")


@cache
def countries() -> tuple[dict[str, str], dict[str, str]]:
    """Return the alpha-3 code of each country's names and of each demonym (singular and plural)."""
    names: dict[str, str] = {}
    demonyms: dict[str, str] = {}
    for iso3, country in table().items():
        names.update(dict.fromkeys((country.name, *country.aliases), iso3))
        for word in country.demonyms:
            demonyms.setdefault(word, iso3)
            if not word.endswith(("ese", "sh", "ch", "s", ".")):
                demonyms.setdefault(word + "s", iso3)
    demonyms |= {"U.S.": "USA", "US": "USA", "UK": "GBR"}
    return names, {word: iso3 for word, iso3 in demonyms.items() if word[:1].isupper()}


@cache
def demonym_pattern() -> re.Pattern[str]:
    """Return the pattern of demonyms, which are written with a capital."""
    return re.compile(rf"(?<![\w-]){'(?:' + alternation(list(countries()[1])) + ')'}(?![\w])")
