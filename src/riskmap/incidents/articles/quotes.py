"""Quotes: where they stand in a text, and what harm they tell of, in nine languages.

Words are those of ``data/extraction/quotes.toml``. Straight and curly quotation marks, letters of
full and half width, combining marks and runs of space compare equal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any, NamedTuple

from riskmap.settings import data_path, read_toml

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bb\u02bc\u02bf\u02be`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u300c\u300d\u300e\u300f", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u064a\u0649", "\u06cc"),
        "\u0643": "\u06a9",
        "\u3002": ".",
    }
)
_DROPPED = "\u0640\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"


class Folded(NamedTuple):
    """A text as it is compared, and where each of its characters stands in the text as written."""

    text: str
    places: tuple[int, ...]


@lru_cache(maxsize=64)
def fold(text: str) -> Folded:
    """Return a text as quotes are compared, with the place of each character.

    Examples
    --------
    >>> fold("d\u2019e\u0301t\u00e9  \uff15").text
    "d'ete 5"
    """
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        if letter in _DROPPED:
            continue
        plain = unicodedata.normalize("NFKD", letter.translate(_ALIKE)).translate(_ALIKE)
        for one in plain:
            if unicodedata.combining(one):
                continue
            if one.isspace():
                if letters and letters[-1] == " ":
                    continue
                one = " "  # noqa: PLW2901 - every space is one
            letters.append(one)
            places.append(place)
    return Folded("".join(letters), tuple(places))


def find_quote(text: str, quote: str) -> list[tuple[int, int]]:
    """Return every span of a text that says what a quote says; none when it is not there.

    Examples
    --------
    >>> find_quote("The mine\u2019s guard fled. The mine\u2019s gate burned.", "mine's")
    [(4, 10), (27, 33)]
    """
    wanted = fold(quote).text.strip()
    if not wanted:
        return []
    folded = fold(text)
    found = []
    start = folded.text.find(wanted)
    while start >= 0:
        last = folded.places[start + len(wanted) - 1]
        end = last + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        found.append((folded.places[start], end))
        start = folded.text.find(wanted, start + 1)
    return found


@cache
def lists() -> dict[str, Any]:
    """Return the words that quotes are read by.

    Examples
    --------
    >>> "kill" in lists()["harm"]["killed"]
    True
    """
    return read_toml(data_path("extraction/quotes.toml"))


@cache
def pattern(*path: str) -> re.Pattern[str]:
    """Return the pattern of a list of words, which begin or are what stands in a folded text.

    Examples
    --------
    >>> bool(pattern("harm", "killed").search(plain("Two were KILLED")))
    True
    """
    table: Any = lists()
    for name in path:
        table = table[name]
    parts = []
    for word in sorted({plain(word) for word in table}, key=lambda word: (-len(word), word)):
        stem = re.escape(word.removesuffix("="))
        bare = is_cjk(word)
        parts.append(stem if bare else rf"(?<!\w){_PREFIX if is_arabic(word) else ''}{stem}"
                     + (r"(?!\w)" if word.endswith("=") else ""))  # fmt: skip
    return re.compile("|".join(parts))


#: What Arabic writes together with the word behind it.
_PREFIX = "(?:[\u0648\u0641\u0628\u0644\u06a9]?(?:\u0627\u0644|\u0644\u0644)?)"


def plain(text: str) -> str:
    """Return a text folded and without case.

    Examples
    --------
    >>> plain("\u00c9t\u00e9")
    'ete'
    """
    return fold(text).text.casefold()


def is_cjk(text: str) -> bool:
    """Return whether a text has Chinese signs, which nothing separates.

    Examples
    --------
    >>> is_cjk("\u4e2d\u56fd"), is_cjk("China")
    (True, False)
    """
    return re.search("[\u4e00-\u9fff]", text) is not None


def is_arabic(text: str) -> bool:
    """Return whether a text has Arabic letters.

    Examples
    --------
    >>> is_arabic("\u0648"), is_arabic("w")
    (True, False)
    """
    return re.search("[\u0600-\u06ff]", text) is not None


def find_harm(text: str) -> set[str]:
    """Return the kinds of harm that a text tells of: killed, wounded, abducted, attacked ...

    Examples
    --------
    >>> sorted(find_harm("\u4e09\u4eba\u6b7b\u4ea1"))
    ['killed']
    """
    low = plain(text)
    return {kind for kind in lists()["harm"] if pattern("harm", kind).search(low)}
