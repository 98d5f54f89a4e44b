"""Counts of people killed, wounded, abducted, arrested and released, with span and side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import (
    caseless,
    grammar,
    harm_nouns,
    lower,
    numbers,
    people,
    verbs,
)
from riskmap.incidents.articles.rules.clauses import (
    Clause,
    find_objects,
    find_subject_name,
    find_subjects,
    is_modifier,
    is_passive,
    opens,
)
from riskmap.incidents.articles.rules.phrases import Phrase, find_phrases, tokenize

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from riskmap.incidents.articles.rules.scopes import Scopes

_REACH = 14
_FURTHER = 25
_LIFE = 4


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
    >>> from riskmap.incidents.articles.rules.scopes import find_scopes
    >>> text = "Gunmen killed two guards and wounded at least five miners."
    >>> [(t.kind, t.low, t.high) for t in find_tolls(text, find_scopes(text))]
    [('killed', 2, 2), ('wounded', 5, None)]
    """
    low = lower(sentence)
    if not _harm_words().search(low):
        return []
    tokens = tokenize(sentence)
    clause = Clause(tokens, find_phrases(tokens), names)
    found = [
        toll
        for i in range(len(tokens))
        for kind, phrase in _linked(clause, i)
        if (toll := _toll(kind, phrase, clause, i, scopes))
    ]
    found.extend(_death_toll(low, scopes))
    unique = {(t.kind, t.start, t.end): t for t in found}
    return [
        replace(t, start=t.start + offset, end=t.end + offset)
        for t in sorted(unique.values(), key=lambda t: (t.start, t.kind))
    ]


@cache
def _harm_words() -> re.Pattern[str]:
    words = {"taken", *verbs(), *harm_nouns(), *grammar("body"), "life", "lives", "toll"}
    return caseless(rf"\b(?:{'|'.join(sorted(words))})\b")


def _toll(kind: str, phrase: Phrase, clause: Clause, i: int, scopes: Scopes) -> Toll | None:
    low, high = phrase.count
    if low == 0:
        return None
    scope = scopes.kind_at(clause.tokens[i].start) or scopes.kind_at(phrase.start)
    if scope == "negative" and phrase.counted and not scopes.kind_at(clause.tokens[i].start):
        scope = ""
    start = min(phrase.start, clause.tokens[i].start)
    end = max(phrase.end, clause.tokens[i].end)
    return Toll(
        kind, low, high, phrase.person.side, start, end, scope,
        leader=phrase.person.leader and low == 1, definite=phrase.definite, extra=phrase.extra,
        counted=phrase.counted, head=phrase.head,
    )  # fmt: skip


def _linked(clause: Clause, i: int) -> list[tuple[str, Phrase]]:
    """Return what happened to whom at one token: the kind of harm and the phrases it links to."""
    low = clause.low(i)
    noun = harm_nouns().get(low)
    if noun and clause.low(i + 1) == "of":
        return [(noun, p) for p in find_objects(clause, i + 2)]
    if low == "dead" and any(clause.low(j) in grammar("finding") for j in range(i - _LIFE, i)):
        found = clause.phrase_at(i)
        return (
            [("killed", found)]
            if found and found.last > i
            else [("killed", p) for p in _affected(clause, i)]
        )
    if low in ("injuries", "injury", "wounds"):
        got = next(
            (
                j
                for j in range(i - 1, max(-1, i - 1 - _LIFE), -1)
                if clause.low(j) in grammar("suffering")
            ),
            None,
        )
        return [("wounded", p) for p in find_subjects(clause, got)] if got is not None else []
    if low == "death" and clause.low(i - 1) == "to":
        killed = find_objects(clause, i + 1) or find_subjects(clause, i)
        killed = killed or (find_subjects(clause, i - 2) if is_passive(clause, i - 2) else [])
        return [("killed", p) for p in killed]
    if low in grammar("body") or low in ("life", "lives"):
        return [("killed", p) for p in _lost(clause, i)]
    if low == "taken" and _is_abduction(clause, i):
        return [("abducted", p) for p in find_subjects(clause, i)]
    if (
        low == "shot"
        and is_passive(clause, i)
        and (clause.low(0), clause.low(1)) == ("the", "dead")
    ):
        return [("killed", p) for p in find_subjects(clause, i)]
    kind = verbs().get(low)
    if kind == "wounded" and (clause.low(i + 1), clause.low(i + 2)) == ("to", "death"):
        return []
    if kind == "wounded" and is_modifier(clause, i):
        hurt = clause.phrase_at(i + 1)
        return [(kind, hurt)] if hurt and hurt.counted and not hurt.definite else []
    if not kind or is_modifier(clause, i) or clause.low(i - 1) in grammar("mortal"):
        return []
    return [(kind, p) for p in _affected(clause, i)]


def _is_abduction(clause: Clause, i: int) -> bool:
    """Return whether people "were taken", by those who do that or to nowhere."""
    words = {token.low for token in clause.tokens}
    if clause.low(i + 1) == "from" and clause.phrase_at(i - 1):
        return bool(words & {"kidnappers", "ransom", "captors", "abductors", "kidnapped"})
    if not is_passive(clause, i):
        return False
    after = [clause.low(j) for j in range(i + 1, i + 5)]
    if after[0] in ("", ".", ",", "captive", "away") or after[:2] == ["at", "gunpoint"]:
        return True
    known = people()
    return after[0] == "by" and any(
        word in known and known[word].side in ("attacker", "militant") for word in after[1:]
    )


def _lost(clause: Clause, i: int) -> list[Phrase]:
    """Return the people of "four bodies were found", "claimed six lives" and "lost their lives"."""
    before = [clause.low(j) for j in range(max(0, i - _LIFE), i)]
    found_later = any(clause.low(j) in grammar("finding") for j in range(i, i + _REACH))
    if clause.low(i) in grammar("body"):
        if not found_later and not any(word in grammar("finding") for word in before):
            return []
        of = find_objects(clause, i + 2) if clause.low(i + 1) == "of" else []
        return of or [p for p in clause.phrases if p.last == i and not p.definite]
    if any(word in grammar("losing") for word in before):
        lost = next(j for j in range(i - 1, -1, -1) if clause.low(j) in grammar("losing"))
        return find_subjects(clause, lost)
    if not any(word in grammar("claiming") for word in before):
        return []
    if clause.low(i + 1) == "of":
        return find_objects(clause, i + 2)
    return [p for p in clause.phrases if p.last == i and p.counted]


def _affected(clause: Clause, i: int) -> list[Phrase]:
    """Return the people whom the verb at a token is about."""
    low, before = clause.low(i), clause.low(i - 1)
    if clause.low(i + 1) == "it":
        return []
    if low in grammar("present"):
        found = [] if before in grammar("modal") else find_objects(clause, i + 1)
        return [p for p in found if p.counted or not p.person.plural]
    if low in ("hostage", "captive"):
        return _held(clause, i)
    if low in grammar("dying"):
        return _dead(clause, i)
    if low == "custody":
        return find_subjects(clause, i) if before == "into" else []
    if low == "rounded":
        return find_objects(clause, i + 2) if clause.low(i + 1) == "up" else []
    if low in grammar("mortal"):
        return _affected(clause, i + 1) if clause.low(i + 1) in grammar("blow") else []
    if i == 0 and low.endswith("ed"):
        return _inverted(clause)
    if is_passive(clause, i):
        beside, subjects = _companions(clause, i), find_subjects(clause, i)
        name = find_subject_name(clause, i) if not subjects else None
        return [*subjects, *([name] if name else []), *beside]
    objects = find_objects(clause, i + 1)
    if low.endswith("ing"):
        return objects
    if low == "seized":
        bare = not objects and clause.low(i + 1) in grammar("whereabouts")
        subjects = find_subjects(clause, i, near=True) if bare else []
        seized = objects or [p for p in subjects if p.last == i - 1]
        return [p for p in seized if p.person.side != "attacker"]
    if not objects and _is_headline(clause, i):
        return find_subjects(clause, i)
    return objects or find_subjects(clause, i, near=True)


def _is_headline(clause: Clause, i: int) -> bool:
    """Return whether people right before a verb suffered it: "2 Chinese and 1 Afghan killed"."""
    after = clause.low(i + 1) or "."
    ends = after in (".", ",", ";", "in", "by", "at", "near", "on", "after", "during", "when")
    beside = clause.phrase_at(i - 1)
    return ends and beside is not None and beside.counted and clause.low(i).endswith(("ed", "n"))


def _inverted(clause: Clause) -> list[Phrase]:
    """Return the people of "Killed in the raid were two guards" and "Killed two guards"."""
    helping = next((j for j in range(1, _REACH) if clause.low(j) in ("was", "were")), 0)
    counted_before = any(p.counted and p.first < helping for p in clause.phrases)
    return find_objects(clause, 1 if counted_before else helping + 1)


def _held(clause: Clause, i: int) -> list[Phrase]:
    """Return the people of "took six clerks hostage" and "six clerks were taken hostage"."""
    took = [j for j in range(max(0, i - _REACH), i) if clause.low(j) in ("took", "taking", "take")]
    if took and took[-1] < i - 1:
        return find_objects(clause, took[-1] + 1)
    if clause.low(i - 1) in ("taken", "took", "held", "taking", "holding"):
        return find_subjects(clause, i) or find_objects(clause, i + 1)
    return []


def _dead(clause: Clause, i: int) -> list[Phrase]:
    """Return the people of "leaving two dead", "shot dead two men" and "two men died"."""
    before = clause.low(i - 1)
    if clause.low(i) == "dead" and before == "the":
        return []
    if clause.low(i) == "dead" and before in ("shot", "shooting") and not is_passive(clause, i):
        objects = find_objects(clause, i + 1)
        if objects:
            return objects
    return find_subjects(clause, i)


def _companions(clause: Clause, i: int) -> list[Phrase]:
    """Return the phrases after "was detained along with"."""
    if clause.low(i + 1) == "with":
        return [replace(p, extra=True) for p in find_objects(clause, i + 2)[:1] if p.extra]
    if (clause.low(i + 1), clause.low(i + 2)) not in (("along", "with"), ("together", "with")):
        return []
    after = (p for p in clause.phrases if p.first == i + 3 or opens(clause, i + 3, p))
    return [replace(p, extra=True) for p in after][:1]


_RISE = (
    r"rose|risen|rises|climbed|increased|stands|stood|revised|raised|lowered|put|brought|reached"
)


@cache
def _toll_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of "the death toll rose to 14" and of its "to 14"."""
    count = rf"(?:at least )?(\d{{1,3}}|{'|'.join(numbers()[0])})\b"
    toll = caseless(
        r"\b(?:death toll|toll|number of (?:dead|deaths|fatalities|(?:people |those )?killed"
        r"|victims))\b[^.;]{0,100}?"
        rf"\b(?:(?:{_RISE})\b[^.;]{{0,40}}?\b(?:to|at|from \w+ to) )?{count}"
        r"(?: (dead|killed|people))?"
    )
    return toll, caseless(rf"\bto {count}")


def _death_toll(low: str, scopes: Scopes) -> list[Toll]:
    """Return the count after "the death toll rose to"."""
    if "toll" not in low and "number of" not in low:
        return []
    pattern, then = _toll_patterns()
    found = pattern.search(low)
    if not found:
        return []
    to = then.search(low, found.start())
    word, end = found[1], found.end()
    if to and to.start() < found.end() + _FURTHER:
        word, end = to[1], to.end()
    value = int(word) if word.isdigit() else numbers()[0][word]
    scope = scopes.kind_at(found.start())
    return [
        Toll("killed", value, value, "victim", found.start(), end, scope, counted=True, head="toll")
    ]
