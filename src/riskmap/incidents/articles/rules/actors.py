"""Who did it, who claims it, whom others blame, and who says so."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import caseless, cues, group_forms, groups
from riskmap.incidents.articles.sentences import Quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.incidents.articles.rules.facts import Facts


_UNKNOWN = r"(?:unknown|unidentified|unnamed|masked|armed|heavily armed)"
_AGENT = caseless(
    rf"\b(?:by )?((?:(?:two |three |four |five )?{_UNKNOWN} (?:\w+ )?)?(?:gunmen"
    rf"|gunman|assailants?|attackers?|militants?|fighters?|insurgents?"
    rf"|rebels?|bandits?|kidnappers?|abductors?|raiders?|bombers?|separatists?"
    rf"|extremists?|robbers?|armed men|men))\b"
)
_NAMED_UNKNOWN = caseless(_UNKNOWN)
_UNDERGOES = caseless(
    r"\b(?:killed|killing|detained|arrested|captured|detaining|against)\s+(?:\w+ ){0,3}$"
)
_NO_CLAIM = caseless(r"\bno (?:one|group)\b|\bnobody\b|\bnot? (?:immediate )?claim")
_MEMBERS = re.compile(
    r"^(?:The )?(?:(?:Rebels|Fighters|Members|Gunmen|Militants|Men) (?:of|from) (?:the )?)?"
)
_BLAME = caseless(
    r"\b(?:blam(?:ed|es|ing)|accus(?:ed|es|ing)|suspect(?:s|ed)?|attribut\w+"
    r"|pointed (?:the finger )?(?:at|to)|held|holds|said to be the work "
    r"of|believed to be)\b"
)
_BLAME_OTHER = caseless(r"\b(?:suspected|believed to be|alleged|presumed|said to be)\s+(?:\w+ )?$")
_SPEAKER = re.compile(
    r"((?:[A-Z][\w’'-]+ |[a-z]+ ){0,5}?(?:spokes(?:man|woman|person)|official"
    r"|officials|police|governor|mayor|witnesses|witness|residents|authorities"
    r"|commander|minister|ministry|army|military|doctor|hospital|company"
    r"|embassy|chief|statement)(?: (?:[A-Z][\w’'.-]+ ?){1,3})?)\s+(?:has "
    r"|have |also )?(?:said|confirmed|told|stated|announced|reported)\b"
)
_SPEECH = ("said", "confirmed", "told", "stated", "announced", "reported", "according")
_ACCORDING = caseless(r"\baccording to ((?:the )?[^,.;]{3,60})")


def find_groups(text: str, start: int = 0, end: int | None = None) -> list[Quote]:
    """Return the armed groups named in a text: listed ones by short name, others by their form.

    Examples
    --------
    >>> [q.value for q in find_groups("The Free Valley Front (FVF) said it did it.")]
    ['FVF']
    """
    end = len(text) if end is None else end
    return [q for q in _all_groups(text) if start <= q.start and q.end <= end]


@lru_cache(maxsize=4)
def _all_groups(text: str) -> tuple[Quote, ...]:
    known, short = groups()
    found = [Quote(short[m[0]], m.start(), m.end()) for m in known.finditer(text)]
    shape, never = group_forms()
    for match in shape.finditer(text):
        name = _MEMBERS.sub("", match[0])
        begin = match.end() - len(name)
        taken = any(q.start < match.end() and q.end > begin for q in found)
        if taken or never.search(name) or name.count(" ") < 1:
            continue
        found.append(Quote(match[1] or name, begin, match.end()))
    for acronym in sorted({q.value for q in found if q.value.isupper()}):
        for match in re.compile(rf"\b{re.escape(acronym)}\b").finditer(text):
            if not any(q.start <= match.start() < q.end for q in found):
                found.append(Quote(acronym, match.start(), match.end()))
    return tuple(sorted(found, key=lambda q: (q.start, q.end)))


def find_claim(text: str, told: Sequence[Facts]) -> Quote | None:
    """Return the group that takes responsibility, where no denial stands beside the claim."""
    for fact in told:
        sentence = fact.sentence
        if "claim" not in fact.scopes.flags or "denial" in fact.scopes.flags:
            continue
        if _NO_CLAIM.search(sentence.low):
            continue
        for cue in cues("claim").finditer(sentence.low):
            named = find_groups(text, sentence.start, sentence.end)
            if not named and re.search(r"\b[Tt]he group\b", sentence.text[: cue.start() + 1]):
                return next(reversed(find_groups(text, 0, sentence.start)), None)
            if not named:
                continue
            at = sentence.start + cue.start()
            after = [q for q in named if q.start >= sentence.start + cue.end() - 1]
            before = [q for q in named if q.end <= at]
            by = cue[0].rstrip().endswith("by") or re.match(
                r"[^.;]{0,40}\bby\b", text[sentence.start + cue.end() : sentence.end]
            )
            pick = after[0] if by and after else before[-1] if before else None
            if pick:
                return pick
    return None


def find_denial(text: str, told: Sequence[Facts]) -> Quote | None:
    """Return the group that denies the deed."""
    for fact in told:
        sentence = fact.sentence
        cue = cues("denial").search(sentence.low)
        named = find_groups(text, sentence.start, sentence.end)
        if cue and named and named[0].start < sentence.start + cue.start():
            return named[0]
    return None


def find_blame(text: str, told: Sequence[Facts]) -> Quote | None:
    """Return the group that others blame."""
    for fact in told:
        sentence = fact.sentence
        cue = _BLAME.search(sentence.low)
        for quote in find_groups(text, sentence.start, sentence.end):
            if _BLAME_OTHER.search(sentence.low[: quote.start - sentence.start]):
                return quote
            if (
                cue
                and sentence.start + cue.end() <= quote.start
                and "claim" not in fact.scopes.flags
            ):
                return quote
            if cue and re.match(
                r"\s*(?:\w+ )?(?:was|were|is|are)\s+(?:\w+ )?(?:blamed|accused|suspected)",
                text[quote.end : sentence.end],
            ):
                return quote
    return None


def find_actor(facts: Sequence[Facts]) -> Quote | None:
    """Return who did it in the words of the text ("unknown assailants")."""
    best: Quote | None = None
    for fact in facts:
        sentence = fact.sentence
        for match in _AGENT.finditer(sentence.low):
            if _UNDERGOES.search(sentence.low[: match.start()]):
                continue
            if match[1] in ("men", "man") and not match[0].startswith("by"):
                continue
            unknown = bool(_NAMED_UNKNOWN.match(match[1]))
            if best is None or (unknown and not _NAMED_UNKNOWN.match(best.value.lower())):
                name = sentence.text[slice(*match.span(1))]
                best = Quote(
                    name.strip(), sentence.start + match.start(1), sentence.start + match.end(1)
                )
    return best


def find_speaker(told: Sequence[Facts]) -> Quote | None:
    """Return who says so."""
    for fact in told:
        sentence = fact.sentence
        if not any(word in sentence.low for word in _SPEECH):
            continue
        for pattern, searched in ((_SPEAKER, sentence.text), (_ACCORDING, sentence.low)):
            match = pattern.search(searched)
            if match:
                span = sentence.text[slice(*match.span(1))]
                value = span.strip()
                start = sentence.start + match.start(1) + span.index(value)
                return Quote(value, start, start + len(value))
    return None
