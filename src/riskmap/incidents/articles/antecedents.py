"""How many "the insurgents" or "them" are: as many as when they were first named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import grammar
from riskmap.incidents.articles.phrases import find_phrases, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskmap.incidents.articles.counts import Count
    from riskmap.incidents.articles.facts import Facts
    from riskmap.incidents.articles.lexicons import Quantity


def count_again(count: Count, facts: Sequence[Facts]) -> Count:
    """Return a count of people named before with the number that they had then.

    Parameters
    ----------
    count
        The count; it comes back as it is unless all its people are "the ..." without a number.
    facts
        The sentences of one event, in order.
    """
    if not all(t.definite and not t.counted and t.high is None for t in count.tolls):
        return count
    toll = count.tolls[0]
    word = toll.head.split()[-1] if toll.head else ""
    found = [
        (quantity, side)
        for head, quantity, side, end in _counted(facts)
        if end <= toll.start and (head == word or (word in grammar("pronoun") and side))
    ]
    if not found or toll.head.split()[-1:] == ["others"]:
        return count
    low, high = found[-1][0]
    return replace(count, low=max(low, count.low), high=high) if low > 1 else count


def _counted(facts: Sequence[Facts]) -> Iterator[tuple[str, Quantity, str, int]]:
    """Yield the counted people of each sentence: their word, number, side and end in the text."""
    for fact in facts:
        start = fact.sentence.start
        for phrase in find_phrases(tokenize(fact.sentence.text)):
            if phrase.counted and not fact.scopes.kind_at(phrase.start):
                word = phrase.head.split()[-1]
                yield word, phrase.count, phrase.person.side, start + phrase.end
