"""Who was hit, in notes in Arabic, French, Portuguese, Russian and Spanish: the usual forms alone.

People are named by a word for them beside a nationality ("ingénieurs chinois"), or by their number
and what was done to them ("dos chinos secuestrados").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.countries import find_country
from riskmap.incidents.nationalities import find_in_script
from riskmap.incidents.words import OTHER_LETTER, listed, normalise, read_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORD = re.compile(r"\w+")
_OF = frozenset(("de", "du", "da", "do", "la", "el", "les", "los", "des", "nationalite"))
_VERBS = frozenset(("ont", "a", "ete", "ha", "han", "sido", "fue", "fueron", "foi", "foram"))
#: How many words before a nationality the person is looked for, and who says that nobody was hit.
_NEAR, _FAR = 3, 5


def people_abroad(
    text: str, words: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, int | None, str, int, bool]]:
    """Yield people of a nationality in a sentence.

    Parameters
    ----------
    text
        The sentence.
    words
        What a person is called (``person``), what was done to people (``struck``), and what denies
        it (``nobody``), as :func:`riskmap.incidents.words.normalise` has them.

    Yields
    ------
    tuple
        Their nationality, how many where that is told, the phrase, where it starts, and whether
        the sentence says that somebody was hit.

    Examples
    --------
    >>> words = {"person": ("ingenieur",), "struck": ("tue",), "nobody": ("aucun",)}
    >>> [found[:2] for found in people_abroad("Deux ingénieurs chinois ont été tués", words)]
    [('CHN', 2)]
    >>> list(people_abroad("Aucun ingénieur chinois tué", words))
    []
    """
    found = list(_WORD.finditer(text))
    plain = [normalise(match.group()) for match in found]
    people = [_begins(word, words["person"]) for word in plain]
    struck = [_begins(word, words["struck"]) for word in plain]
    for at, word in enumerate(plain):
        before = range(max(0, at - _NEAR), at)
        code = _nation(word, text[found[at].start() : found[at].end()])
        if code is None and at and plain[at - 1] in _OF:
            code = find_country(found[at].group())
        person = next((i for i in reversed(before) if people[i]), None)
        if OTHER_LETTER.search(word) and person is None and at + 1 < len(plain) and people[at + 1]:
            person = at
        number = _number(plain[at - 1]) if at else None
        then = [one for one in plain[at + 1 : at + 4] if one not in _VERBS][:1]
        counted = number is not None and any(_begins(one, words["struck"]) for one in then)
        if code is None or not (counted or (person is not None and any(struck))):
            continue
        if set(plain[max(0, at - _FAR) : at]) & set(words["nobody"]):
            continue
        start = at - 1 if person is None else min(person, at)
        if person is not None and start:
            number = _number(plain[start - 1])
            start -= number is not None
        begin, end = found[start].start(), found[at].end()
        yield code, number, text[begin:end], begin, any(struck)


def _begins(word: str, listed_words: tuple[str, ...]) -> bool:
    """Return whether a word is in a list; in other scripts, whether it begins as one does."""
    if OTHER_LETTER.search(word):
        return any(one in word[: len(one) + 2] for one in listed_words if OTHER_LETTER.search(one))
    return word in listed_words


def _nation(word: str, written: str) -> str | None:
    if OTHER_LETTER.search(word):
        return next(iter(find_in_script("nation", written)), None)
    return listed("nation").get(word)


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    value = _amounts().get(word, "")
    return int(value) if value.isdigit() else None


@lru_cache(maxsize=1)
def _amounts() -> dict[str, str]:
    return {normalise(word): value for word, value in read_words("amount").items()}
