"""What a sentence is: news, a retelling, an arrest, a charge, or none of these."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import caseless, cues, demonym_pattern
from riskmap.incidents.articles.rules.scopes import RELATIVE_CLAUSE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from riskmap.incidents.articles.dates import DatePhrase, Reference
    from riskmap.incidents.articles.rules.facts import Facts, Trigger

_OLD = timedelta(days=21)
_SAID = re.compile(r"\b(?:said|says|told|confirmed|reported|according|stated|announced|added)\b")
DEFINITE = caseless(
    r"\b(?:the|this|that) (?:\w+ ){0,2}?(?:attack|incident|blast|explosion"
    r"|killing|killings|raid|ambush|bombing|shooting|assault"
    r"|kidnapping|abduction|clash|strike|operation|attackers?|gunmen|assailants?|victims?|dead|hostages?|deceased|wounded|injured"
    r"|insurgents?|suspects?|detainees?|bomber|bomb|vehicle|convoy|search|toll)\b"
)
_NEW = caseless(
    r"\b(?:an?|two|three|suicide|bomb|gun|deadly|was|were) (?:\w+ ){0,3}?(?:attack"
    r"|assault|clash|explosion|blast|bombing|ambush|shooting|targeted"
    r"|airstrike|abduction|kidnapping)\b|\btargeted (?:a|an|the|two|three"
    r"|four|\d+)\b|\bclashes\b"
)
_WHO_WAS = caseless(r"\bwho (?:was|were|had been|has been|have been) ")
_CAPTIVE = caseless(r"hostage|captiv|abduct|kidnap|captor|ransom")
_CHARGED = caseless(r"\b(?:implicated|accused|suspected|charged|linked|wanted)\b")
#: Nouns for an event that may be meant in general ("a war of attack and ambush").
NOUNS = (
    "attack", "assault", "targeted", "shooting", "clash", "clashes", "bombing", "explosion",
    "blast", "ambush", "abduction", "kidnapping", "airstrike", "suicide attack",
    "suicide bombing", "bomb attack", "rocket attack", "mortar attack", "drone attack",
    "drone strike", "grenade attack", "knife attack", "car bomb", "roadside bomb",
)  # fmt: skip
_TALK = re.compile(
    r"\b(?:threats?|fears?|warnings?|plans?|ability|efforts?|fight|war|campaign|talks)\b"
)

#: Words for a burst that needs no hand: gas, fireworks and boilers explode too.
BURSTS = (
    "explosion",
    "blast",
    "exploded",
    "detonated",
    "went off",
    "ripped through",
    "tore through",
)
_AIMS = ("targeted", "attack", "assault", "raid")


def live(fact: Facts, *, background: bool = False) -> list[Trigger]:
    """Return the event words of a sentence that tell what happened."""
    allowed = ("", "background") if background else ("",)
    return [t for t in fact.triggers if t.scope in allowed]


def find_status(
    fact: Facts, reference: Reference, *, quiet: bool, is_open: bool, echo: bool = False
) -> str:
    """Return the status of the event that a sentence tells of, or "" when it tells none."""
    flags = fact.scopes.flags
    claims, petty = "claim" in flags, "petty" in flags
    if "alleged" in flags and not claims and not (fact.harm and _SAID.search(fact.sentence.text)):
        return "alleged"
    old = echo or _is_old(fact, reference, is_open=is_open)
    strong = [t for t in live(fact, background=old) if t.strong]
    allowed = ("", "background") if old else ("",)
    harm = [
        t for t in fact.tolls if t.kind in ("killed", "wounded", "abducted") and t.scope in allowed
    ]
    held = any(t.kind == "arrested" and not t.scope and t.side == "militant" for t in fact.tolls)
    violent = bool(harm) and (bool(strong) or armed(fact))
    deliberate = armed(fact) or any(t.word not in BURSTS for t in strong)
    if (
        "fiction" in flags
        or ("accident" in flags and not deliberate and not held)
        or ("animal" in flags and not armed(fact))
        or ("verbal" in flags and not harm)
        or ((quiet or "figurative" in flags) and not violent and not held)
    ):
        return ""
    if old or "court" in flags:
        return "recounted" if _is_specific(fact, harm, strong) and not claims else ""
    if harm or (_tells(fact, strong) and not (held and all(t.word in _AIMS for t in strong))):
        return "reported"
    if any(
        t.kind == "arrested"
        and not t.scope
        and not (petty and t.side != "militant")
        and (t.counted or not t.definite or not is_open)
        for t in fact.tolls
    ):
        return "arrest"
    return "recounted" if not is_open and _frees_captives(fact) else ""


def _frees_captives(fact: Facts) -> bool:
    """Return whether a sentence tells that captives came free, and so of their abduction."""
    freed = [t for t in fact.tolls if t.kind == "released" and not t.scope and t.side == "victim"]
    named = any(t.head not in ("", "name") for t in freed)
    return named and _CAPTIVE.search(fact.sentence.low) is not None


def armed(fact: Facts) -> bool:
    """Return whether a sentence names a weapon, not just a burst."""
    return any(match[0] not in BURSTS for match in fact.weapons)


def _tells(fact: Facts, strong: Sequence[Trigger]) -> bool:
    """Return whether event words alone make a sentence tell of an event."""
    if not strong or "summary" in fact.scopes.flags:
        return False
    nouns = all(t.word in NOUNS or t.word == "attack" for t in strong)
    if nouns and cues("business").search(fact.sentence.low):
        return False
    low = fact.sentence.low
    if _TALK.search(low) and all(
        t.word in ("attack", "assault", "bombing", "ambush", "targeted") for t in strong
    ):
        return False
    placed = any(m.role in ("scene", "reference") for m in fact.places) or bool(fact.dates)
    if all(t.word in NOUNS for t in strong):
        return placed and bool(DEFINITE.search(low) or _NEW.search(low))
    return True


def _is_specific(fact: Facts, harm: Sequence[object], strong: Sequence[Trigger]) -> bool:
    """Return whether a retelling names enough to be a record: what, and where or when."""
    sites = [m for m in fact.places if m.role in ("scene", "mention") and m.level != "country"]
    if _CHARGED.search(fact.sentence.low) and not (sites and fact.dates):
        return False
    if not (harm or strong) or ("summary" in fact.scopes.flags and not sites):
        return False
    who = demonym_pattern()
    start = fact.sentence.start
    if any(
        t.counted and who.search(fact.sentence.text, t.start - start, t.end - start)
        for t in fact.tolls
        if t.kind in ("killed", "wounded", "abducted")
    ):
        return True
    dated = any(d.explicit or d.precision in ("year", "month", "week") for d in fact.dates)
    return bool(sites) or (bool(harm) and dated)


def _is_old(fact: Facts, reference: Reference, *, is_open: bool) -> bool:
    """Return whether a sentence tells of the past rather than of the news."""
    flags = fact.scopes.flags
    if "recounted" in flags:
        return True
    said = _SAID.search(fact.sentence.text)
    if is_open and not said and "pluperfect" in flags:
        return True
    if not reference.day:
        years = [d for d in fact.dates if d.precision == "year" and d.first and reference.year]
        return any(d.last.year < reference.year for d in years if d.last and reference.year)
    oldest = reference.day - _OLD
    dated = [d for d in fact.dates if d.last is not None]
    if any(not t.scope for t in fact.tolls):
        start = fact.sentence.start
        inside = [found.span() for found in RELATIVE_CLAUSE.finditer(fact.sentence.low)]
        dated = [
            d
            for d in dated
            if fact.scopes.kind_at(d.start - start) != "background"
            and not any(a <= d.start - start < b for a, b in inside)
        ]
    if dated and _is_of_past_people(fact, oldest):
        return True
    if _frees_captives(fact) and any(d.last < oldest for d in dated if d.last):
        return True
    return bool(dated) and all(d.last < oldest for d in dated if d.last)


def _is_of_past_people(fact: Facts, oldest: date) -> bool:
    """Return whether all harm befell people long ago: "a hostage who was kidnapped in January"."""
    who = _WHO_WAS.search(fact.sentence.low)
    if who is None:
        return False
    start = fact.sentence.start + who.start()
    ends = [t.end for t in fact.harm] + [t.end for t in live(fact) if t.strong]
    after = [d for d in fact.dates if d.start > start and d.last]
    return bool(ends) and bool(after) and min(ends) > start and after[0].last < oldest  # type: ignore[operator]


def days_named(fact: Facts) -> list[DatePhrase]:
    """Return the days that a sentence names, without those of speech."""
    days = [d for d in fact.dates if d.first is not None and d.precision == "day"]
    return [d for d in days if not is_speech_day(fact, d)]


def is_speech_day(fact: Facts, phrase: DatePhrase) -> bool:
    """Return whether a day is that of the statement: "police said on Monday that ..."."""
    left = fact.sentence.text[: phrase.start - fact.sentence.start]
    right = fact.sentence.text[phrase.end - fact.sentence.start :]
    spoke = re.search(
        r"\b(?:said|told|confirmed|announced|stated|reported|statement|published|released|issued|rose|risen|climbed)\b[^,;.]{0,25}$",
        left,
    )
    return (
        bool(spoke)
        and not re.search(
            r"\b(?:killed|attack|attacked|blast|abducted|kidnapped|shot|died|wounded)\b[^,;.]{0,30}$",
            left,
        )
    ) or bool(re.match(r"[^,;.]{0,6}(?:said|announced|confirmed|reported) ", right))
