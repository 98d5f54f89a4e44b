"""Tolls as people write them: a number, or the least that ``3-4`` or ``several`` says.

An attack is never lost for the way in which its dead are counted. Words that tell of people without
a number have a small lower bound of their own in ``data/incident_words.csv``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from riskmap.countries import fold
from riskmap.incidents.words import read_words

#: What people write where they don't know a count; ``NA`` is a country elsewhere, and no number.
NO_COUNT = frozenset(
    ("n a", "na", "nan", "none", "null", "unk", "unknown", "not known", "not reported", "tbc",
     "tbd", "nk", "unspecified", "not specified", "not available", "no information", "no data")
)  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_THOUSANDS = re.compile(r"\d{1,3}(?:[, ]\d{3})+")
#: A table program takes ``3-4`` for a day.
_DAY = re.compile(r"(\d{1,2})-([A-Za-z]{3})|\d{4}-(\d\d)-(\d\d)(?:[ T]00:00:00)?")
_BRACKETS = re.compile(r"[(\[].*$")
#: A number that more words follow: "3 with a child" is 3 at least.
_START = re.compile(r"(\d{1,3})\s+(?!\d)\S")
#: Who is counted, which says nothing of how many.
_PEOPLE = re.compile(
    r"\b(?:people|persons?|killed|dead|deaths?|fatalit(?:y|ies)|wounded|injur(?:ed|ies)"
    r"|casualt(?:y|ies)|abducted|kidnapped|victims?|civilians?|workers?|wom[ae]n|m[ae]n|children|soldiers?|police|others?)\b"
)


class Bound(NamedTuple):
    """The least that a toll says.

    Parameters
    ----------
    low
        The number; None when the text says that it is not known.
    is_exact
        Whether the text says a number and nothing more.
    """

    low: int | None
    is_exact: bool


def of_number(number: float) -> Bound:
    """Return the least of a number; a part of a victim, as GTD splits a sum, is one at least.

    Examples
    --------
    >>> of_number(3.0), of_number(0.5).low, of_number(2.5)
    (Bound(low=3, is_exact=True), 1, Bound(low=2, is_exact=False))
    """
    if number.is_integer() or number < 0:
        return Bound(int(number) if number.is_integer() else -1, is_exact=True)
    return Bound(max(1, int(number)), is_exact=False)


def read_bound(text: str) -> Bound | None:
    """Return the least that a toll says, or None when it says nothing that is understood.

    Examples
    --------
    >>> [read_bound(text) for text in ("3-4", "5+", "several")]
    [Bound(low=3, is_exact=False), Bound(low=5, is_exact=False), Bound(low=2, is_exact=False)]
    >>> read_bound("1,200"), read_bound("unknown").low, read_bound("abc"), read_bound("-3")
    (Bound(low=1200, is_exact=True), None, None, None)
    """
    plain = text.strip()
    if not set(plain) - set("-–—?. ") or fold(plain) in NO_COUNT:
        return Bound(None, is_exact=True)
    if _THOUSANDS.fullmatch(plain):
        return Bound(int(re.sub("[, ]", "", plain)), is_exact=True)
    if day := _DAY.fullmatch(plain):
        return _of_day(day)
    return _of_words(plain)


def _of_day(day: re.Match[str]) -> Bound | None:
    """Return the lesser of the two numbers that a table program made a day of."""
    if day[1]:
        month = day[2].casefold()
        if month not in _MONTHS:
            return None
        return Bound(min(int(day[1]), _MONTHS.index(month) + 1), is_exact=False)
    return Bound(min(int(day[3]), int(day[4])), is_exact=False)


def _of_words(plain: str) -> Bound | None:
    """Return the least of a text of numbers and words of the list."""
    if whole := _amounts().get(plain.casefold()):
        return Bound(whole[0], is_exact=whole[1])
    bare = _BRACKETS.sub("", plain.casefold()) or plain.casefold().strip("()[] ")
    found = _shape().fullmatch(" ".join(_PEOPLE.sub(" ", bare).split()))
    if not found:
        start = _START.match(plain)
        return Bound(int(start[1]), is_exact=False) if start else None
    first, is_exact = _amount(found["first"])
    if found["most"]:
        return Bound(min(first, 1), is_exact=False)
    if found["more"]:
        return Bound(first + 1, is_exact=False)
    if found["second"]:
        second = _amount(found["second"])[0]
        adds = found["join"] in ("and", "&", "+") and not found["about"]
        return Bound(first + second if adds else min(first, second), is_exact=False)
    plainly = is_exact and not (found["least"] or found["about"] or found["tail"])
    return Bound(first, is_exact=plainly and bare in (plain.casefold(), plain.strip("()[] ")))


def _amount(text: str) -> tuple[int, bool]:
    """Return the number of digits or of a listed word, and whether the word means just that."""
    return (int(text), True) if text.isdigit() else _amounts()[fold(text) or text]


@lru_cache(maxsize=1)
def _amounts() -> dict[str, tuple[int, bool]]:
    return {
        fold(word) or word: (int(value.removesuffix("+")), not value.endswith("+"))
        for word, value in read_words("amount").items()
    }


@lru_cache(maxsize=1)
def _shape() -> re.Pattern[str]:
    """Return the pattern of a number or two with what may stand before, between and behind."""
    any_of = {kind: _any_of(kind) for kind in ("amount", "least", "more", "most", "about")}
    number = rf"\d{{1,7}}|{any_of['amount']}"
    return re.compile(
        rf"(?:(?P<least>(?:{any_of['least']}|>=|≥|=>)[.\s:]*)"
        rf"|(?P<more>(?:{any_of['more']}|>)[.\s:]*)"
        rf"|(?P<most>(?:{any_of['most']}|<=|≤|=<|<)[.\s:]*)"
        rf"|(?P<about>(?:{any_of['about']}|between|from|~|≈|±|\+)[.\s:]*)){{0,2}}"
        rf"(?P<first>{number})"
        rf"(?:\s*(?P<join>[-–—~/&+]|\b(?:to|or|and|until|a|à|au|o|ou)\b|至|到)"
        rf"\s*(?P<second>{number}))?"
        rf"\s*[人名位]?(?P<tail>\s*(?:\+|\?|\*|\bplus\b|\b(?:or|and) more\b|\bat least\b)*)"
    )


def _any_of(kind: str) -> str:
    words = sorted(read_words(kind), key=lambda word: (-len(word), word))
    return "|".join(
        re.escape(word).replace(r"\ ", r"\s+") + (r"\b" if word.isascii() else "") for word in words
    )
