"""Whom a verb is about: the phrases for people before and after it in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import Person, grammar, numbers, people, verbs
from riskmap.incidents.articles.rules.phrases import ONE, Phrase, Token, read_bound, read_number

if TYPE_CHECKING:
    from collections.abc import Sequence

_REACH = 20
_OPENING = 7
_WINDOW = 80
_ADVERBS = 4
_BEFORE_NUMBER = 4
_BARE_REACH = 5
_ORDINALS = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_ADDED = {"along", "with", "well", "plus"}


@dataclass(frozen=True)
class Clause:
    """A sentence as words, with the people in it and the spans of places, which are never people.

    Parameters
    ----------
    tokens
        Its words and marks.
    phrases
        Its phrases for people, in order.
    names
        Spans of places.
    """

    tokens: Sequence[Token]
    phrases: Sequence[Phrase]
    names: Sequence[tuple[int, int]] = ()

    def low(self, i: int) -> str:
        """Return the word at a position in lower case, "" outside the sentence."""
        return self.tokens[i].low if 0 <= i < len(self.tokens) else ""

    def phrase_at(self, i: int) -> Phrase | None:
        """Return the phrase that a position lies in."""
        return next((p for p in self.phrases if p.first <= i <= p.last), None)


def is_modifier(clause: Clause, i: int) -> bool:
    """Return whether a participle stands before its noun ("the detained man")."""
    after, known = clause.low(i + 1), people()
    if i and (clause.low(i - 1) in numbers()[0] or clause.low(i - 1).isdigit()):
        return after in known
    if not i or clause.low(i - 1) not in grammar("determiner"):
        return False
    plain = not after.isdigit() and not any(
        after in words
        for words in (grammar("stop"), grammar("determiner"), numbers()[0], numbers()[1])
    )
    return after in known or (plain and clause.low(i + 2) in known)


def is_passive(clause: Clause, i: int) -> bool:
    """Return whether a participle is passive: a form of "be" stands before it."""
    known = verbs()
    j = i - 1
    while (
        j >= 0
        and i - 1 - j < _ADVERBS
        and (
            clause.low(j) in grammar("adverb")
            or clause.low(j).endswith("ly")
            or (clause.low(j) in ("and", "or") and _is_participle(clause, j - 1))
            or (clause.low(j + 1) in ("and", "or") and _is_participle(clause, j))
            or clause.low(j) in known
        )
    ):
        j -= 1
    return clause.low(j) in grammar("passive")


def _is_participle(clause: Clause, i: int) -> bool:
    """Return whether a word may share its helping verb: "was shot and killed"."""
    low = clause.low(i)
    return low in verbs() or low in grammar("participle") or low.endswith("ed")


def find_objects(clause: Clause, j: int) -> list[Phrase]:
    """Return the phrases that follow a token, with those that a list joins to them."""
    known = verbs()
    while (clause.low(j) in grammar("adverb") and not _is_pair(clause, j)) or (
        clause.low(j) == "and" and clause.tokens[j - 1].low in known
    ):
        j += 1
    if clause.low(j) in known and clause.tokens[j - 1].low in ("and", "or"):
        j += 1
    if j >= len(clause.tokens):
        return []
    bare = _bare(clause, j)
    first = next((p for p in clause.phrases if p.first <= j <= p.last or opens(clause, j, p)), None)
    if bare and (first is None or first.first > j):
        first = bare
    first = first or _named(clause, j)
    return [first, *_list_after(clause, first.last)] if first else []


def _is_pair(clause: Clause, j: int) -> bool:
    """Return whether "both" stands for two people by itself: "killing both"."""
    return clause.low(j) == "both" and (
        clause.low(j + 1) in ("", ".", ",", ";", "at", "during", "in", "on")
    )


def opens(clause: Clause, j: int, phrase: Phrase) -> bool:
    """Return whether only words of quantity or description lie between a token and a phrase."""
    if not j < phrase.first <= j + _OPENING:
        return False
    between = clause.tokens[j : phrase.first]
    return all(t.text[0].isupper() or t.low in grammar("opening") for t in between)


def _bare(clause: Clause, j: int) -> Phrase | None:
    """Return a number that stands for people by itself: "wounding two others", "detaining one"."""
    if clause.low(j) == "another" and (clause.low(j + 1) or ".") in grammar("after_bare"):
        return _number_phrase(clause, j, j, ONE, extra=True)
    if clause.low(j) == "a" and clause.low(j + 1) in _ORDINALS and not clause.phrase_at(j + 1):
        return _number_phrase(clause, j, j + 1, ONE, extra=True)
    k = j
    while clause.low(k) in grammar("before_number") and k - j < _BEFORE_NUMBER:
        k += 1
    if clause.low(k) == "a" and clause.low(k + 1) in numbers()[2]:
        after, factor = clause.low(k + 2) or ".", numbers()[2][clause.low(k + 1)]
        others = after in ("more", "others")
        if after not in grammar("after_bare") or clause.phrase_at(k + 1):
            return None
        return _number_phrase(clause, j, k + 1 + others, (factor, factor), extra=others)
    if (clause.low(k), clause.low(k + 1)) == ("the", "other"):
        last = (clause.low(k + 2) or ".") in grammar("after_bare") and not clause.phrase_at(k + 1)
        return _number_phrase(clause, j, k + 1, ONE, extra=True) if last else None
    word, after = clause.low(k), clause.low(k + 1) or "."
    heap = word in ("dozens", "scores", "hundreds")
    quantity, known, _ = read_number([word, "of"] if heap else [word])
    if not known or word in numbers()[2] or clause.phrase_at(k):
        return None
    if after not in grammar("after_bare"):
        return None
    start, count = read_bound(clause.tokens, k, quantity)
    others = after in ("more", "others")
    return _number_phrase(clause, min(start, j), k + others, count, extra=others)


def _number_phrase(
    clause: Clause, first: int, last: int, count: tuple[int, int | None], *, extra: bool = False
) -> Phrase:
    person = Person("", plural=count[0] > 1, leader=False, occupation="")
    span = clause.tokens[first].start, clause.tokens[last].end
    return Phrase(first, last, *span, count, person, extra=extra, counted=True)


def _named(clause: Clause, j: int) -> Phrase | None:
    """Return a person named by name or pronoun: "killing him", "the death of Maulawi Tayeb"."""
    tokens, token = clause.tokens, clause.tokens[j]
    if token.low in grammar("reflexive"):
        count = (2, None) if token.low == "themselves" else ONE
        attacker = Person("attacker", plural=False, leader=False, occupation="")
        return Phrase(j, j, token.start, token.end, count, attacker, head=token.low)
    person = Person("", plural=False, leader=False, occupation="")
    if token.low in grammar("pronoun"):
        count = (2, None) if token.low == "them" else ONE
        return Phrase(j, j, token.start, token.end, count, person, definite=True, head=token.low)
    k = j
    while k < len(tokens) and tokens[k].text[0].isupper() and tokens[k].text[0].isalpha():
        k += 1
    inside = any(a <= token.start < b for a, b in clause.names)
    if k == j or (inside and k == j + 1) or tokens[k - 1].text.isupper() or token.low in verbs():
        return None
    return Phrase(j, k - 1, token.start, tokens[k - 1].end, ONE, person, head="name")


def _list_after(clause: Clause, last: int) -> list[Phrase]:
    """Return the phrases that a list joins to one: "two guards, a driver and five miners"."""
    found: list[Phrase] = []
    commas = 0
    last = _past_name(clause, last)
    if clause.low(last + 1) == "of" and clause.low(last + 3) == "and":
        last += 2 * (clause.low(last + 2) in ("them", "those"))
    while clause.low(last + 1) in grammar("joiner"):
        j = last + 1
        while clause.low(j) in grammar("joined"):
            j += 1
        joined = {t.low for t in clause.tokens[last + 1 : j]}
        following = clause.phrase_at(j) or _bare(clause, j)
        if following is not None and "," not in joined and _says(clause, following):
            return found[:commas]
        if not joined or following is None or _verb_follows(clause, following):
            break
        commas = len(found) if "," in joined else commas
        if _is_part(clause, following) or (
            joined == {","} and clause.low(following.first) in grammar("whole")
        ):
            break
        article = clause.low(following.first) in ("a", "an", "the")
        if not (joined == {","} and article and _is_apposed(clause, last)):
            found.append(replace(following, extra=True) if joined & _ADDED else following)
        last = following.last
    return found


def _is_apposed(clause: Clause, last: int) -> bool:
    """Return whether what follows describes a name or a bare number: "Tayeb, a local leader"."""
    return clause.tokens[last].text[0].isupper() or clause.low(last) == "one"


def _past_name(clause: Clause, last: int) -> int:
    """Return the end of a phrase with the name beside it: "an engineer, Mr. Li Wei, and ..."."""
    k = last + 2
    while k < len(clause.tokens) and (clause.tokens[k].text[0].isupper() or clause.low(k) == "."):
        k += 1
    named = clause.low(last + 1) == "," and k > last + 2 and clause.low(k) == ","
    return k - 1 if named and not clause.phrase_at(last + 2) else last


def _says(clause: Clause, phrase: Phrase) -> bool:
    """Return whether people speak, and so those before them: "an official and a doctor said"."""
    return clause.low(phrase.last + 1) in ("said", "say", "told", "confirmed", "added")


def _is_part(clause: Clause, phrase: Phrase) -> bool:
    """Return whether a number only says who some of the people are: "five, two of them women"."""
    return clause.low(phrase.last + 1) == "of" and clause.low(phrase.last + 2) in grammar("part_of")


def _verb_follows(clause: Clause, phrase: Phrase) -> bool:
    """Return whether a phrase is the subject of what comes after it, not part of the list."""
    low = clause.low(phrase.last + 1)
    return (
        low in grammar("passive")
        or low in grammar("own_verb")
        or (low in verbs() and not low.endswith("ing"))
    )


def find_subjects(clause: Clause, i: int, *, near: bool = False) -> list[Phrase]:
    """Return the phrases before a verb that it says something about."""
    reach = 2 if near else _REACH
    apart = _asides(clause, i)
    before = [
        p
        for p in clause.phrases
        if p.last < i
        and i - p.last - sum(b - a for a, b in apart if a > p.last) <= reach
        and not any(a < p.first < b for a, b in apart)
    ]
    beside = [p for p in before if near and p.last == i - 1 and p.person.side != "attacker"]
    chosen = beside[-1] if beside else _main(clause, before, i)
    bare = _bare_subject(clause, i) if chosen is None or not near else []
    if chosen is None or (bare and bare[0].first > chosen.last):
        return bare
    found = [chosen]
    for phrase in reversed(before[: before.index(chosen)]):
        inner = clause.tokens[phrase.last + 1 : found[0].first]
        named = clause.low(phrase.last + 1) == ","
        between = {t.low for t in inner if not (named and t.text[0].isupper())}
        if named or ("," in between and "and" in between):
            between -= grammar("apposed")
        hangs = phrase.first and clause.low(phrase.first - 1) == "of"
        if hangs or not between or not between <= grammar("list_before"):
            break
        if between & _ADDED:
            found[0] = replace(found[0], extra=True)
        found.insert(0, phrase)
    return found[:1] if _is_apposition(clause, found) else found


def _asides(clause: Clause, i: int) -> list[tuple[int, int]]:
    """Return where something is thrown in before a word: "five - two women, three men - were"."""
    near = range(max(0, i - _WINDOW), i)
    dashes = [j for j in near if clause.low(j) in ("–", "—") or _is_dash(clause, j)]
    found = list(zip(dashes[::2], dashes[1::2], strict=False))
    opened = [j for j in near if clause.low(j) == "("]
    closed = [j for j in near if clause.low(j) == ")"]
    found += [(a, next(b for b in closed if b > a)) for a in opened if closed and closed[-1] > a]
    commas = [j for j in near if clause.low(j) == ","]
    parts = [j for j in commas if clause.low(j + 1) in grammar("parts") or _is_of_them(clause, j)]
    return [*found, (parts[0], commas[-1])] if parts and parts[0] < commas[-1] else found


def _is_of_them(clause: Clause, j: int) -> bool:
    return clause.low(j + 2) == "of" and clause.low(j + 3) in grammar("part_of")


def _is_dash(clause: Clause, j: int) -> bool:
    """Return whether a hyphen stands alone between two words."""
    return (
        clause.low(j) == "-"
        and 0 < j < len(clause.tokens) - 1
        and clause.tokens[j - 1].end < clause.tokens[j].start
        and clause.tokens[j].end < clause.tokens[j + 1].start
    )


def _is_apposition(clause: Clause, found: Sequence[Phrase]) -> bool:
    """Return whether a list says who the first are: "five, three women and two men, died"."""
    first, *others = found
    if len(others) == 1 and clause.low(others[0].first - 1) == "," == clause.low(first.last + 1):
        end = others[0].last + 1
        while end < len(clause.tokens) and clause.tokens[end].text[0].isupper():
            end += 1
        return clause.low(end) == ","
    return (
        len(others) > 1
        and first.counted
        and clause.low(first.last + 1) == clause.low(found[-1].last + 1) == ","
        and first.count[0] == sum(phrase.count[0] for phrase in others)
    )


def find_subject_name(clause: Clause, i: int) -> Phrase | None:
    """Return the person named right before a passive verb: "Haji Nur was killed"."""
    j = i - 1
    while clause.low(j) in grammar("adverb") or clause.low(j) in grammar("auxiliary"):
        j -= 1
    if clause.low(j) == "who":
        j -= 1 + (clause.low(j - 1) == ",")
    first = j
    while first >= 0 and clause.tokens[first].text[0].isupper():
        first -= 1
    named = _named(clause, first + 1) if first < j else None
    return named if named and named.last == j else None


def _bare_subject(clause: Clause, i: int) -> list[Phrase]:
    """Return a number by itself before a verb: "leaving 12 dead", "five were wounded"."""
    for j in range(i - 1, max(-1, i - _BARE_REACH), -1):
        word, follows = clause.low(j), clause.low(j + 1)
        if word in (",", ".", ";"):
            break
        quantity, known, _ = read_number([word])
        of_people = (
            j + 1 == i
            or follows in grammar("auxiliary")
            or follows in grammar("adverb")
            or follows in ("others", "more", "of")
        )
        if known and of_people and word not in numbers()[2] and not clause.phrase_at(j):
            start, count = read_bound(clause.tokens, j, quantity)
            return [_number_phrase(clause, start, j, count)]
    return []


def _main(clause: Clause, before: Sequence[Phrase], i: int) -> Phrase | None:
    """Return the subject: the last phrase that no preposition or verb sets apart."""
    limit, skipped = 0, i
    passive = is_passive(clause, i)
    for j in range(i - 1, max(-1, i - _WINDOW), -1):
        if passive and clause.low(j) in verbs() and _is_gerund(clause, j):
            skipped = j
        elif clause.low(j) in grammar("clause_end") or (
            clause.low(j) in verbs()
            and not is_modifier(clause, j)
            and not _is_same_chain(clause, j, i)
        ):
            limit = j + 1
            break
    before = [p for p in before if p.last < skipped]
    inside = [p for p in before if p.first >= limit]
    if not inside:
        who = next((j for j in range(limit, 0, -1) if clause.low(j) == "who"), None)
        inside = [p for p in before if who is not None and who - 2 <= p.last < who]
        if not inside and limit and (passive or clause.low(i) in grammar("dying")):
            inside = [p for p in before if p.last == limit - 2]
    free = [p for p in inside if not _is_dependent(clause, p, limit)]
    chosen = free or inside
    return chosen[-1] if chosen else None


def _is_gerund(clause: Clause, i: int) -> bool:
    """Return whether a verb hangs on a preposition: "a man suspected of killing two guards was"."""
    return clause.low(i).endswith("ing") and clause.low(i - 1) in ("of", "for", "in")


def _is_same_chain(clause: Clause, j: int, i: int) -> bool:
    """Return whether two verbs share a subject: "were killed and wounded"."""
    return all(
        t.low in ("and", "or", ",") or t.low in grammar("adverb") or t.low in verbs()
        for t in clause.tokens[j:i]
    )


def _is_dependent(clause: Clause, phrase: Phrase, limit: int) -> bool:
    """Return whether a phrase hangs on a preposition or a relative: "of a van carrying workers"."""
    return phrase.first > limit and clause.low(phrase.first - 1) in grammar("dependent")
