"""People in a sentence: phrases such as "at least two guards", with how many and of which side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from riskmap.incidents.articles.lexicons import (
    Person,
    Quantity,
    countries,
    grammar,
    numbers,
    people,
    verbs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOKEN = re.compile(
    r"(?:[A-Z]\.){2,}|\d+(?:-[^\W\d_]+)+|\d[\d,]*\d|\d|[^\W\d_]+(?:['’-][^\W_]+)*\.?(?<!\.)|[^\w\s]"
)

ONE = (1, 1)
_NATIONAL = Person("victim", plural=False, leader=False, occupation="")
_NATIONALS = Person("victim", plural=True, leader=False, occupation="")
_FIGHTERS = Person("militant", plural=True, leader=False, occupation="")
_LONGEST = 9
_OF_THE = ("the", "his", "their", "its", "her", "a", "an")


class Token(NamedTuple):
    """A word or mark of a sentence, as written and in lower case, with its span."""

    text: str
    low: str
    start: int
    end: int


@dataclass(frozen=True)
class Phrase:
    """People in a sentence: how many, of which side, and where (token numbers and characters)."""

    first: int
    last: int
    start: int
    end: int
    count: Quantity
    person: Person
    definite: bool = False
    extra: bool = False
    counted: bool = False
    head: str = ""


def _low(word: str) -> str:
    low = word.lower()
    return low[:-2] if low.endswith(("'s", "’s")) else low


def find_phrases(tokens: Sequence[Token]) -> list[Phrase]:
    """Return the phrases for people in a sentence, in order and without overlap."""
    known = people()
    found: list[Phrase] = []
    i = 0
    while i < len(tokens):
        pair = f"{tokens[i].low} {tokens[i + 1].low}" if i + 1 < len(tokens) else ""
        width = 2 if pair in known else 1 if tokens[i].low in known else 0
        counts = tokens[i].low == "couple" and pair.endswith(" of")
        if not width and _is_nationals(tokens, i):
            person = _NATIONALS if tokens[i].low.endswith("s") else _NATIONAL
            person = _FIGHTERS if tokens[i].low in grammar("fighters") else person
            found.append(_phrase(tokens, i, i, person, found[-1].last + 1 if found else 0))
        if not width or counts:
            i += 1
            continue
        last = i + width - 1
        while last + 1 < len(tokens) and tokens[last + 1].low in known and not _cut(tokens, last):
            last += 1
        whole = width > 1 and last == i + 1
        person = known[pair] if whole else known.get(tokens[last].low) or known[pair]
        floor = found[-1].last + 1 if found else 0
        found.append(_phrase(tokens, i, last, person, floor))
        i = last + 1
    return found


def _is_nationals(tokens: Sequence[Token], i: int) -> bool:
    """Return whether a word for a nationality stands for people: "two Turks and a Georgian"."""
    sex = tokens[i].low in grammar("sex")
    fighters = tokens[i].low in grammar("fighters")
    if not i or not (
        sex or fighters or (tokens[i].text[0].isupper() and tokens[i].text in countries()[1])
    ):
        return False
    first = i - 1
    if i > 1 and f"{tokens[i - 1].text} {tokens[i].text}" in countries()[1]:
        first = i - 2
    before = tokens[first].low
    after = tokens[i + 1].low if i + 1 < len(tokens) else "."
    return (sex or before in ("a", "an", "another") or _is_quantity(before)) and (
        not after[0].isalnum()
        or after in ("working", "employed")
        or any(after in grammar(name) for name in ("stop", "auxiliary", "own_verb"))
        or (after in verbs() and after not in people())
    )


def _cut(tokens: Sequence[Token], last: int) -> bool:
    """Return whether two words for people that stand together are two phrases ("men others")."""
    return tokens[last + 1].start - tokens[last].end != 1 or tokens[last + 1].low == "others"


def _phrase(tokens: Sequence[Token], head: int, last: int, person: Person, floor: int) -> Phrase:
    """Return the phrase whose head word stands at a token: widen it to the left."""
    first = head
    while first > floor and head - first < _LONGEST:
        low = tokens[first - 1].low
        if low == ")" and first - 3 >= floor and tokens[first - 3].low == "(":
            first -= 3
        elif low in verbs() and not _has_article(tokens, first - 1, floor):
            break
        elif low == "of" and first - 2 >= floor and _is_quantity(tokens[first - 2].low):
            first -= 2
        elif low in _OF_THE and _is_part(tokens, first, floor):
            first -= 3
        elif _ends_phrase(low):
            break
        else:
            first -= 1
            if low in ("a", "an", *grammar("definite"), *grammar("possessive")):
                break
    return _count(tokens, first, last, person)


def _has_article(tokens: Sequence[Token], i: int, floor: int) -> bool:
    """Return whether an article or a number stands before a word: "the wounded guard"."""
    before = tokens[i - 1].low if i - 1 >= floor else ""
    return before in ("a", "an", *grammar("definite")) or _is_quantity(before)


def _is_quantity(word: str) -> bool:
    exact, vague, factors, _ = numbers()
    return word in exact or word in vague or word in factors or word.isdigit()


def _is_part(tokens: Sequence[Token], first: int, floor: int) -> bool:
    """Return whether a phrase is part of others: "three of the guards"."""
    exact, vague = numbers()[:2]
    if first - 3 < floor or tokens[first - 2].low != "of":
        return False
    return tokens[first - 3].low in exact or tokens[first - 3].low in vague


def _ends_phrase(low: str) -> bool:
    inner = low in grammar("definite") or low in grammar("possessive")
    return (
        (low in grammar("stop") and not inner)
        or not low[0].isalnum()
        or low in grammar("auxiliary")
    )


def _count(tokens: Sequence[Token], first: int, last: int, person: Person) -> Phrase:
    """Return a phrase with its count, read from its words and the bound before them."""
    words = [t.low for t in tokens[first : last + 1]]
    count, counted, at = read_number(words)
    definite = any(word in grammar("definite") for word in words[:2])
    extra = any(word in grammar("extra") for word in words) or words[0] == "another"
    start = first
    if counted:
        start, count = read_bound(tokens, first + at, count)
        start = min(start, first)
    elif person.plural:
        count = (2, None)
    else:
        count = ONE
    if "no" in words or _is_none(tokens, first):
        count = (0, 0)
    if counted and at and words[0] in ("the", "his", "their", "its", "her"):
        definite = True
    return Phrase(
        start, last, tokens[start].start, tokens[last].end, count, person, definite=definite,
        extra=extra, counted=counted, head=" ".join(words),
    )  # fmt: skip


def _is_none(tokens: Sequence[Token], first: int) -> bool:
    """Return whether the word before a phrase says that it is nobody: "none of the guards"."""
    before = [t.low for t in tokens[max(0, first - 2) : first]]
    return before[-1:] in (["no"], ["zero"]) or before in (["none", "of"], ["neither", "of"])


def read_number(words: Sequence[str]) -> tuple[Quantity, bool, int]:
    """Return the quantity in some words, whether there is one, and where."""
    exact, vague, factors, _ = numbers()
    for i, word in enumerate(words):
        after = words[i + 1] if i + 1 < len(words) else ""
        if word == "some" and (after.isdigit() or after in exact or after in factors):
            continue
        plain = word.replace(",", "")
        value = int(plain) if plain.isdigit() else exact.get(word)
        if value is None and "-" in word:
            parts = word.split("-")
            if len(parts) == 2 and parts[0] in exact and parts[1] in exact:  # noqa: PLR2004 - "twenty-one"
                value = exact[parts[0]] + exact[parts[1]]
        factor = factors.get(after if word in ("a", "an") else word)
        if factor:
            return (factor, factor), True, i
        if value is not None:
            if value > 5000 or (1900 <= value <= 2100 and plain.isdigit()):  # noqa: PLR2004 - a year
                continue
            value *= factors.get(after, 1)
            if "to" in words[i + 1 : i + 2] and i + 2 < len(words):
                second = exact.get(words[i + 2]) or (
                    int(words[i + 2]) if words[i + 2].isdigit() else 0
                )
                if second > value:
                    return (value, second), True, i
            return (value, value), True, i
        if word == "several" and after == "dozen":
            return (24, 99), True, i
        if (
            word in vague
            and (
                word not in ("number", "couple", "group", "few", "pair", "handful")
                or "of" in words[i + 1 : i + 2]
                or word == "few"
            )
            and not (word == "number" and words[:i] == ["the"])
        ):
            if word == "group" and "of" not in words[i + 1 : i + 2]:
                continue
            return vague[word], True, i
    return (0, None), False, 0


def read_bound(tokens: Sequence[Token], at: int, count: Quantity) -> tuple[int, Quantity]:
    """Return where the bound before a number begins, and the quantity it makes of it."""
    bounds = numbers()[3]
    start = at
    while start and tokens[start - 1].low in grammar("before_number") and at - start < 3:  # noqa: PLR2004
        start -= 1
    words = " ".join(t.low for t in tokens[start:at])
    for phrase, effect in bounds.items():
        if phrase in words:
            low, _ = count
            changed: dict[str, Quantity] = {
                "least": (low, None),
                "above": (low + 1, None),
                "most": (1, low),
                "below": (1, low - 1),
            }
            return start, changed[effect]
    if at >= 2 and tokens[at - 1].low in ("to", "or", "-", "–"):  # noqa: PLR2004 - "10 to 15"
        value, known, _ = read_number([tokens[at - 2].low])
        if known and value[0] < count[0]:
            return at - 2, (value[0], count[1])
    if at > 2 and (tokens[at - 1].low, tokens[at - 3].low) == ("and", "between"):  # noqa: PLR2004 - "between 10 and 15"
        value, known, _ = read_number([tokens[at - 2].low])
        if known:
            return at - 3, (value[0], count[1])
    return start, count


def tokenize(sentence: str) -> list[Token]:
    """Return the words and marks of a sentence."""
    return [Token(m[0], _low(m[0]), m.start(), m.end()) for m in _TOKEN.finditer(sentence)]
