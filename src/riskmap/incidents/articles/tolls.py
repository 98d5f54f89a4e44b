"""Counts of people killed, wounded, abducted, arrested and released, with span and side."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import (
    Person,
    countries,
    demonym_pattern,
    grammar,
    harm_nouns,
    numbers,
    people,
    verbs,
)
from riskmap.incidents.articles.phrases import (
    ONE,
    Phrase,
    Token,
    find_phrases,
    read_bound,
    read_number,
    tokenize,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.incidents.articles.scopes import Scopes

_REACH = 14
_OPENING = 7
_ADVERBS = 4


@dataclass(frozen=True)
class Toll:
    """A count of people whom something happened to.

    Parameters
    ----------
    kind
        ``"killed"``, ``"wounded"``, ``"abducted"``, ``"arrested"`` or ``"released"``.
    low, high
        Least and most; `high` is None when it is open.
    side
        ``"victim"``, ``"militant"`` or ``"attacker"``.
    start, end
        Span in the text.
    scope
        Empty for news; else ``"background"``, ``"hypothetical"`` or ``"negative"``.
    leader, definite, extra, counted
        Whether it is one marked person, refers to people named before, adds to others, and
        whether a number stands in the text.
    head
        The word for the people.
    """

    kind: str
    low: int
    high: int | None
    side: str
    start: int
    end: int
    scope: str
    leader: bool = False
    definite: bool = False
    extra: bool = False
    counted: bool = False
    head: str = ""


def find_tolls(
    sentence: str, scopes: Scopes, *, offset: int = 0, names: Sequence[tuple[int, int]] = ()
) -> list[Toll]:
    """Return the counts of people in a sentence.

    Parameters
    ----------
    sentence
        The sentence.
    scopes
        Its scopes.
    offset
        Added to the spans.
    names
        Spans (in the sentence) of places, which are never people.

    Examples
    --------
    >>> from riskmap.incidents.articles.scopes import find_scopes
    >>> text = "Gunmen killed two guards and wounded at least five miners."
    >>> [(t.kind, t.low, t.high) for t in find_tolls(text, find_scopes(text))]
    [('killed', 2, 2), ('wounded', 5, None)]
    """
    tokens = tokenize(sentence)
    if not any(t.low in verbs() or t.low in harm_nouns() for t in tokens):
        return []
    phrases = find_phrases(tokens)
    found: list[Toll] = []
    for i in range(len(tokens)):
        for kind, phrase in _linked(tokens, i, phrases, names):
            toll = _toll(kind, phrase, tokens, i, scopes)
            if toll:
                found.append(toll)
    found.extend(_death_toll(sentence, scopes))
    unique = {(t.kind, t.start, t.end): t for t in found}
    return [
        replace(t, start=t.start + offset, end=t.end + offset)
        for t in sorted(unique.values(), key=lambda t: (t.start, t.kind))
    ]


def _toll(
    kind: str, phrase: Phrase, tokens: Sequence[Token], i: int, scopes: Scopes
) -> Toll | None:
    low, high = phrase.count
    if low == 0:
        return None
    scope = scopes.kind_at(tokens[i].start) or scopes.kind_at(phrase.start)
    if scope == "negative" and phrase.counted and not scopes.kind_at(tokens[i].start):
        scope = ""
    start = min(phrase.start, tokens[i].start)
    end = max(phrase.end, tokens[i].end)
    return Toll(
        kind, low, high, phrase.person.side, start, end, scope,
        leader=phrase.person.leader and low == 1, definite=phrase.definite, extra=phrase.extra,
        counted=phrase.counted, head=phrase.head,
    )  # fmt: skip


def _linked(
    tokens: Sequence[Token], i: int, phrases: Sequence[Phrase], names: Sequence[tuple[int, int]]
) -> list[tuple[str, Phrase]]:
    """Return what happened to whom at one token: the kind of harm and the phrases it links to."""
    low = tokens[i].low
    after = tokens[i + 1].low if i + 1 < len(tokens) else ""
    noun = harm_nouns().get(low)
    if noun and after == "of":
        return [(noun, p) for p in _objects(tokens, i + 2, phrases, names)]
    if low == "death" and i and tokens[i - 1].low == "to":
        killed = _objects(tokens, i + 1, phrases, names) or _subjects(tokens, i, phrases)
        return [("killed", p) for p in killed]
    kind = verbs().get(low)
    if not kind or _is_modifier(tokens, i):
        return []
    people_ = _affected(tokens, i, phrases, names)
    return [(kind, p) for p in people_]


def _affected(
    tokens: Sequence[Token], i: int, phrases: Sequence[Phrase], names: Sequence[tuple[int, int]]
) -> list[Phrase]:
    """Return the people whom the verb at a token is about."""
    low, before = tokens[i].low, tokens[i - 1].low if i else ""
    if low in grammar("present"):
        if before in grammar("modal"):
            return []
        found = _objects(tokens, i + 1, phrases, names)
        return [p for p in found if p.counted or not p.person.plural]
    if low in ("hostage", "captive"):
        return _held(tokens, i, phrases, names)
    if low in grammar("dying"):
        return _dead(tokens, i, phrases, names)
    if low == "custody":
        return _subjects(tokens, i, phrases) if before == "into" else []
    if low == "rounded":
        up = i + 1 < len(tokens) and tokens[i + 1].low == "up"
        return _objects(tokens, i + 2, phrases, names) if up else []
    passive = _passive(tokens, i)
    if low.endswith("ing") and not passive:
        return _objects(tokens, i + 1, phrases, names)
    if passive:
        return [*_subjects(tokens, i, phrases), *_companions(tokens, i, phrases)]
    objects = _objects(tokens, i + 1, phrases, names)
    if low == "seized":
        return [p for p in objects if p.person.side != "attacker"]
    return objects or _subjects(tokens, i, phrases, near=True)


def _held(
    tokens: Sequence[Token], i: int, phrases: Sequence[Phrase], names: Sequence[tuple[int, int]]
) -> list[Phrase]:
    """Return the people of "took six clerks hostage" and "six clerks were taken hostage"."""
    took = [j for j in range(max(0, i - _REACH), i) if tokens[j].low in ("took", "taking", "take")]
    if took and took[-1] < i - 1:
        return _objects(tokens, took[-1] + 1, phrases, names)
    if i and tokens[i - 1].low in ("taken", "took", "held", "taking", "holding"):
        return _subjects(tokens, i, phrases) or _objects(tokens, i + 1, phrases, names)
    return []


def _dead(
    tokens: Sequence[Token], i: int, phrases: Sequence[Phrase], names: Sequence[tuple[int, int]]
) -> list[Phrase]:
    """Return the people of "leaving two dead", "shot dead two men" and "two men died"."""
    before = tokens[i - 1].low if i else ""
    if tokens[i].low == "dead" and before == "the":
        return []
    if tokens[i].low == "dead" and before in ("shot", "shooting") and not _passive(tokens, i):
        objects = _objects(tokens, i + 1, phrases, names)
        if objects:
            return objects
    return _subjects(tokens, i, phrases)


def _companions(tokens: Sequence[Token], i: int, phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return the phrases after "was detained along with"."""
    words = [t.low for t in tokens[i + 1 : i + 3]]
    if words[:2] in (["along", "with"], ["together", "with"]):
        return [
            replace(p, extra=True) for p in phrases if p.first == i + 3 or _opens(tokens, i + 3, p)
        ][:1]
    return []


def _is_modifier(tokens: Sequence[Token], i: int) -> bool:
    """Return whether a participle stands before its noun ("the detained man")."""
    if i + 1 >= len(tokens) or not i:
        return False
    before, after = tokens[i - 1].low, tokens[i + 1].low
    known = people()
    noun = after in known or (
        i + 2 < len(tokens)
        and tokens[i + 2].low in known
        and after not in (*grammar("stop"), "a", "an", "the", *numbers()[0], *numbers()[1])
        and not after.isdigit()
    )
    return before in ("the", "a", "an", *grammar("definite")) and noun


def _passive(tokens: Sequence[Token], i: int) -> bool:
    """Return whether a participle is passive: a form of "be" stands before it."""
    j = i - 1
    steps = 0
    while (
        j >= 0
        and steps < _ADVERBS
        and (
            tokens[j].low in grammar("adverb")
            or tokens[j].low.endswith("ly")
            or (tokens[j].low in ("and", "or") and tokens[j - 1].low in verbs())
            or tokens[j].low in verbs()
        )
    ):
        j -= 1
        steps += 1
    return j >= 0 and tokens[j].low in grammar("passive")


def _objects(
    tokens: Sequence[Token], j: int, phrases: Sequence[Phrase], names: Sequence[tuple[int, int]]
) -> list[Phrase]:
    """Return the phrases that follow a token, with those that a list joins to them."""
    while j < len(tokens) and (
        tokens[j].low in grammar("adverb")
        or (tokens[j].low == "and" and tokens[j - 1].low in verbs())
    ):
        j += 1
    if j < len(tokens) and tokens[j].low in verbs() and tokens[j - 1].low in ("and", "or"):
        j += 1
    if j >= len(tokens):
        return []
    bare = _bare(tokens, j, phrases)
    first = next((p for p in phrases if p.first <= j <= p.last or _opens(tokens, j, p)), None)
    if bare and (first is None or first.first > j):
        return [bare, *_list_after(tokens, bare.last, phrases)]
    if first is None:
        named = _named(tokens, j, names)
        return [named, *_list_after(tokens, named.last, phrases)] if named else []
    return [first, *_list_after(tokens, first.last, phrases)]


def _opens(tokens: Sequence[Token], j: int, phrase: Phrase) -> bool:
    """Return whether only words of quantity or description lie between a token and a phrase."""
    if not j < phrase.first <= j + _OPENING:
        return False
    return all(
        t.text[0].isupper()
        or t.low
        in (
            *grammar("before_number"),
            "a",
            "an",
            "the",
            "senior",
            "key",
            "(",
            ")",
            "number",
            "of",
            "total",
            "group",
            "one",
            "two",
            "three",
            "four",
        )
        for t in tokens[j : phrase.first]
    )


def _bare(tokens: Sequence[Token], j: int, phrases: Sequence[Phrase]) -> Phrase | None:
    """Return a number that stands for people by itself: "wounding two others", "detaining one"."""
    k = j
    while k < len(tokens) and tokens[k].low in grammar("before_number") and k - j < 4:  # noqa: PLR2004
        k += 1
    if k >= len(tokens):
        return None
    quantity, known, _ = read_number(
        [tokens[k].low, "of"]
        if tokens[k].low in ("dozens", "scores", "hundreds")
        else [tokens[k].low]
    )
    if tokens[k].low in numbers()[2]:
        known = False
    if not known or any(p.first <= k <= p.last for p in phrases):
        return None
    after = tokens[k + 1].low if k + 1 < len(tokens) else "."
    if after in (
        ".",
        ",",
        ";",
        "and",
        "in",
        "at",
        "near",
        "on",
        "during",
        "while",
        "before",
        "after",
        "with",
        "more",
        "of",
        "as",
        "by",
        "when",
        "others",
        "–",
        "-",
        "—",
        "including",
        "from",
        "”",
        '"',
        "who",
        ")",
    ):
        start, count = read_bound(tokens, k, quantity)
        last = k + 1 if after in ("more", "others") else k
        person = Person("", plural=count[0] > 1, leader=False, occupation="")
        return Phrase(
            min(start, j), last, tokens[min(start, j)].start, tokens[last].end, count, person,
            extra=after in ("more", "others"), counted=True, head="",
        )  # fmt: skip
    return None


def _named(tokens: Sequence[Token], j: int, names: Sequence[tuple[int, int]]) -> Phrase | None:
    """Return a person named by name or pronoun: "killing him", "the death of Maulawi Tayeb"."""
    token = tokens[j]
    person = Person("", plural=False, leader=False, occupation="")
    if token.low in grammar("pronoun"):
        count = (2, None) if token.low == "them" else ONE
        return Phrase(j, j, token.start, token.end, count, person, definite=True, head=token.low)
    k = j
    while k < len(tokens) and tokens[k].text[0].isupper() and tokens[k].text[0].isalpha():
        k += 1
    inside = any(a <= token.start < b for a, b in names)
    if k == j or (inside and k == j + 1) or tokens[k - 1].text.isupper() or token.low in verbs():
        return None
    return Phrase(j, k - 1, token.start, tokens[k - 1].end, ONE, person, head="name")


def _list_after(tokens: Sequence[Token], last: int, phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return the phrases that a list joins to one: "two guards, a driver and five miners"."""
    found: list[Phrase] = []
    j = last + 1
    while j < len(tokens) and tokens[j].low in (
        ",",
        "and",
        "along",
        "with",
        "plus",
        "as",
        "well",
        "including",
        "or",
    ):
        if tokens[j].low == "including":
            break
        joiner = j
        while j < len(tokens) and tokens[j].low in (
            ",",
            "and",
            "along",
            "with",
            "plus",
            "as",
            "well",
            "at",
            "least",
        ):
            j += 1
        if joiner == j:
            break
        following = next((p for p in phrases if p.first <= j <= p.last), None) or _bare(
            tokens, j, phrases
        )
        if following is None or _verb_follows(tokens, following):
            break
        joined = {t.low for t in tokens[joiner:j]}
        if (
            joined == {","}
            and tokens[following.first].low in ("a", "an", "the")
            and _apposed(tokens, last)
        ):
            last, j = following.last, following.last + 1
            continue
        if any(t.low in ("along", "with", "well", "plus") for t in tokens[joiner:j]):
            following = replace(following, extra=True)
        found.append(following)
        j = following.last + 1
    return found


def _apposed(tokens: Sequence[Token], last: int) -> bool:
    """Return whether what follows describes a name or a bare number: "Tayeb, a local leader"."""
    return tokens[last].text[0].isupper() or tokens[last].low == "one"


def _verb_follows(tokens: Sequence[Token], phrase: Phrase) -> bool:
    """Return whether a phrase is the subject of what comes after it, not part of the list."""
    j = phrase.last + 1
    return j < len(tokens) and (
        tokens[j].low
        in grammar("passive")
        | {"escaped", "fled", "survived", "said", "had", "have", "sustained", "suffered"}
        or (tokens[j].low in verbs() and not tokens[j].low.endswith("ing"))
    )


def _subjects(
    tokens: Sequence[Token], i: int, phrases: Sequence[Phrase], *, near: bool = False
) -> list[Phrase]:
    """Return the phrases before a verb that it says something about."""
    before = [p for p in phrases if p.last < i and i - p.last <= (2 if near else _REACH)]
    if not before:
        return _bare_subject(tokens, i, phrases)
    chosen = _main(tokens, before, i)
    if chosen is None:
        return _bare_subject(tokens, i, phrases)
    found = [chosen]
    for phrase in reversed(before[: before.index(chosen)]):
        between = [t.low for t in tokens[phrase.last + 1 : found[0].first]]
        if between and set(between) <= {
            ",",
            "and",
            "along",
            "with",
            "as",
            "well",
            "a",
            "an",
            "at",
            "least",
        }:
            added = {"along", "with", "well"} & set(between)
            if added:
                found[0] = replace(found[0], extra=True)
            found.insert(0, phrase)
        else:
            break
    return found


def _bare_subject(tokens: Sequence[Token], i: int, phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return a number by itself before a verb: "leaving 12 dead", "five were wounded"."""
    for j in range(i - 1, max(-1, i - 5), -1):
        if tokens[j].low in (",", ".", ";"):
            break
        quantity, known, _ = read_number([tokens[j].low])
        follows = tokens[j + 1].low
        people_follow = (
            j + 1 == i
            or follows in grammar("auxiliary")
            or follows in grammar("adverb")
            or follows in ("others", "more", "of")
        )
        if (
            known
            and people_follow
            and not any(p.first <= j <= p.last for p in phrases)
            and tokens[j].low not in numbers()[2]
        ):
            start, count = read_bound(tokens, j, quantity)
            person = Person("", plural=count[0] > 1, leader=False, occupation="")
            return [
                Phrase(start, j, tokens[start].start, tokens[j].end, count, person, counted=True)
            ]
    return []


def _main(tokens: Sequence[Token], before: Sequence[Phrase], i: int) -> Phrase | None:
    """Return the subject: the last phrase that no preposition or verb sets apart."""
    limit = 0
    for j in range(i - 1, -1, -1):
        if tokens[j].low in (";", ":", "when", "while", "but", "after", "before", "because") or (
            tokens[j].low in verbs()
            and not _is_modifier(tokens, j)
            and not _same_chain(tokens, j, i)
        ):
            limit = j + 1
            break
    inside = [p for p in before if p.first >= limit]
    if not inside:
        who = next((j for j in range(limit, 0, -1) if tokens[j].low == "who"), None)
        if who is not None:
            inside = [p for p in before if who - 2 <= p.last < who]
    free = [p for p in inside if not _is_dependent(tokens, p, limit)]
    chosen = free or inside
    return chosen[-1] if chosen else None


def _same_chain(tokens: Sequence[Token], j: int, i: int) -> bool:
    """Return whether two verbs share a subject: "were killed and wounded"."""
    return all(t.low in (*grammar("adverb"), "and", "or", ",", *verbs()) for t in tokens[j:i])


def _is_dependent(tokens: Sequence[Token], phrase: Phrase, limit: int) -> bool:
    """Return whether a phrase hangs on a preposition or a relative: "of a van carrying workers"."""
    if phrase.first <= limit:
        return False
    before = tokens[phrase.first - 1].low
    return before in (
        "of",
        "in",
        "from",
        "with",
        "by",
        "for",
        "to",
        "carrying",
        "at",
        "near",
        "against",
        "including",
        "targeting",
    )


_DEATH_TOLL = re.compile(
    r"\b(?:death toll|toll|number of (?:dead|deaths|fatalities))\b[^.;]{0,60}?\b(?:(?:rose|risen|rises|climbed|increased|stands|stood|revised|raised|lowered|put|brought|reached)\b[^.;]{0,40}?\b(?:to|at|from \w+ to) )?(?:at least )?(\d{1,3}|%s)\b(?: (dead|killed|people))?",  # noqa: E501 - one pattern
    re.IGNORECASE,
)


def _death_toll(sentence: str, scopes: Scopes) -> list[Toll]:
    """Return the count after "the death toll rose to"."""
    exact = numbers()[0]
    pattern = re.compile(_DEATH_TOLL.pattern % "|".join(exact), re.IGNORECASE)
    found = pattern.search(sentence)
    if not found:
        return []
    to = re.search(
        rf"\bto (?:at least )?(\d{{1,3}}|{'|'.join(exact)})\b",
        sentence[found.start() :],
        re.IGNORECASE,
    )
    word, end = found[1], found.end()
    if to and to.start() < found.end() - found.start() + 25:
        word, end = to[1], found.start() + to.end()
    value = int(word) if word.isdigit() else exact[word.lower()]
    return [
        Toll("killed", value, value, "victim", found.start(), end, scopes.kind_at(found.start()),
             counted=True, head="toll")
    ]  # fmt: skip


def nationalities(text: str) -> list[tuple[str, int, int]]:
    """Return demonyms in a text as alpha-3 codes with their spans.

    Examples
    --------
    >>> nationalities("two Chinese engineers")
    [('CHN', 4, 11)]
    """
    codes = countries()[1]
    return [(codes[m[0]], m.start(), m.end()) for m in demonym_pattern().finditer(text)]
