"""Many mentions of the same people to one count a kind: repeats are not added, additions are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import Quantity, caseless, grammar, numbers
from riskmap.incidents.articles.rules.phrases import find_phrases, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskmap.incidents.articles.rules.facts import Facts
    from riskmap.incidents.articles.rules.tolls import Toll

_CORRECTED = caseless(
    r"\b(?:rose|risen|rises|climbed|increased|revised|corrected|correction"
    r"|updated|now stands?|has reached|lowered|not \w+ as|rather than"
    r"|instead of|earlier (?:said|reported|figure|count)|initially (?:said"
    r"|reported|put))\b"
)
_INCLUDES = caseless(r"\b(?:including|one of (?:the|whom)|among (?:them|those|the))\b")
_PART = caseless(r"\bof (?:the|those|them)\b")
#: Of a speaker's own people, whom the report's number includes.
_SPEAKERS = ("my ", "our ", "your ")
_ENEMY_SAYS = caseless(
    r"^\W*(?:the )?(?:rebels?|militants?|insurgents?|group|separatists?|guerrillas?|jihadists?)\b"
    r"[^.;]{0,20}\b(?:put|said|says?|claim\w*)\b"
)
_ALSO = caseless(r"\balso\b")


@dataclass(frozen=True)
class Count:
    """A count and the tolls it rests on."""

    low: int
    high: int | None
    tolls: tuple[Toll, ...]


def count_people(
    facts: Sequence[Facts], kind: str, *, sides: Sequence[str], background: bool = False
) -> Count | None:
    """Return how many people something happened to, or None when the sentences don't say.

    Within a sentence, people in a list are added. Between sentences the best statement stands: a
    correction, then an exact number, then the larger one; people called "additional" and the one
    marked person ("a commander") are added to a number that does not include them.

    Parameters
    ----------
    facts
        The sentences of one event.
    kind
        ``"killed"``, ``"wounded"``, ...
    sides
        The sides that count.
    background
        Whether background counts too, as it does for what is told again.
    """
    statements = [
        s for fact in facts if (s := _statement(fact, kind, sides, background=background))
    ]
    whole = [s for s in statements if not s.summary]
    statements = whole if any(s.rank for s in whole) else statements
    if not statements:
        return None
    others = [s for s in statements if not s.claimed]
    statements = others or statements
    corrected = [s for s in statements if s.corrected]
    if corrected:
        return corrected[-1].count
    base = max(statements, key=lambda s: (s.rank, s.count.low, -statements.index(s)))
    low, high, tolls = base.count.low, base.count.high, base.count.tolls
    for other in statements:
        if other is base or not _adds(other, base, statements):
            continue
        low += other.count.low
        high = None if high is None or other.count.high is None else high + other.count.high
        tolls = (*tolls, *other.count.tolls)
    return Count(low, high, tolls)


@dataclass(frozen=True)
class _Statement:
    """What one sentence says of one kind."""

    count: Count
    rank: int
    corrected: bool
    marked: bool
    extra: bool
    joined: bool
    definite: bool
    includes: bool
    start: int
    summary: bool
    claimed: bool


def _statement(
    fact: Facts, kind: str, sides: Sequence[str], *, background: bool
) -> _Statement | None:
    allowed = ("", "background") if background else ("",)
    tolls = [t for t in fact.tolls if t.kind == kind and t.side in sides and t.scope in allowed]
    if not tolls:
        return None
    tolls = _distinct(tolls)
    low = sum(t.low for t in tolls)
    highs = [t.high for t in tolls]
    high = None if any(h is None for h in highs) else sum(h for h in highs if h is not None)
    counted = any(t.counted for t in tolls)
    exact = all(t.high == t.low or _is_numeral(t) for t in tolls if t.counted)
    single = all(t.low == 1 and not t.counted for t in tolls)
    rank = 3 if counted and exact else 2 if counted else 1 if single else 0
    if all(_PART.search(t.head) for t in tolls):
        rank = 0
    elif all(t.definite and not t.counted for t in tolls):
        rank = 0 if not single else 1
    text = fact.sentence.low
    return _Statement(
        Count(low, high, tuple(tolls)), rank,
        corrected=bool(_CORRECTED.search(text)) and counted,
        marked=single and any(t.leader or t.head == "name" for t in tolls),
        extra=all(t.extra for t in tolls)
        or (bool(_ALSO.search(text)) and kind == "arrested" and exact),
        joined=any(t.extra for t in tolls),
        definite=all(t.definite for t in tolls),
        includes=bool(_INCLUDES.search(text)),
        start=fact.sentence.start,
        summary="summary" in fact.scopes.flags,
        claimed=kind == "killed"
        and ("claim" in fact.scopes.flags or _ENEMY_SAYS.search(text) is not None),
    )  # fmt: skip


def _is_numeral(toll: Toll) -> bool:
    """Return whether a number, not a word such as "several", stands in a toll."""
    exact, _, factors, _ = numbers()
    return any(word.isdigit() or word in exact or word in factors for word in toll.head.split())


def _is_apposed(name: Toll, toll: Toll) -> bool:
    """Return whether people are those just named: "the death of Tayeb, a leader, who was shot"."""
    return not toll.counted and toll.low == 1 and 0 <= toll.start - name.end <= len(", ")


def _distinct(tolls: Sequence[Toll]) -> list[Toll]:
    """Return tolls without those that say the same people twice in one sentence."""
    kept: list[Toll] = []
    for toll in tolls:
        same = next((k for k in kept if k.head and k.head == toll.head), None)
        if same or (toll.definite and not toll.counted and kept and toll.head != "name"):
            continue
        if kept and kept[-1].head == "name" and _is_apposed(kept[-1], toll):
            continue
        if kept and kept[-1].counted and not kept[-1].head and kept[-1].low == 1 and toll.leader:
            continue
        if toll.high is None and not toll.counted and any(k.counted for k in kept):
            continue
        kept.append(toll)
    kept = _without_parts(kept)
    if any(t.head == "toll" for t in kept):
        kept = [t for t in kept if t.head == "toll"]
    if any(t.counted for t in kept):
        kept = [t for t in kept if t.counted or not t.head.startswith(_SPEAKERS)]
    counted = [t for t in kept if t.counted or t.leader or t.extra or t.head == "name"]
    bare = [t for t in kept if t not in counted and t.high is None]
    return [t for t in kept if t not in bare] if counted and bare else kept


def _without_parts(tolls: list[Toll]) -> list[Toll]:
    """Return a list without those who say who the first are: "six, four men and two women"."""
    first, *rest = tolls
    parts = len(rest) > 1 and all(t.counted for t in tolls) and first.high == first.low
    return [first] if parts and first.low == sum(t.low for t in rest) else tolls


def _adds(other: _Statement, base: _Statement, statements: Sequence[_Statement]) -> bool:
    """Return whether a sentence tells of people beside those of the best statement."""
    if other.includes or base.includes:
        return False
    first_marked = next((s for s in statements if s.marked), None)
    if other.extra and not base.extra:
        if base.joined:
            return False
        vaguer = [s for s in statements if s.extra and s is not other and s.start < other.start]
        return not vaguer
    if base.extra and other.marked and other.start < base.start:
        return other is first_marked and not any(
            t.leader or t.head == "name" for t in base.count.tolls
        )
    group_first = base.start < other.start
    return (
        other.marked
        and not other.definite
        and not group_first
        and not any(t.leader or t.head == "name" for t in base.count.tolls)
        and other is first_marked
    )


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
