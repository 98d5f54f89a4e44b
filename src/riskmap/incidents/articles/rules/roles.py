"""The role that a place plays in a report: scene, destination, origin, dateline, seat ..."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import caseless, lower
from riskmap.incidents.articles.rules.mentions import Mention, chains, is_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.incidents.articles.rules.scopes import Scopes
    from riskmap.incidents.articles.sentences import Dateline

#: What a place may be in a report. Only a scene is where something happened.
ROLES = (
    "scene", "listed", "reference", "seat", "dateline", "destination", "origin", "training",
    "transit", "mention",
)  # fmt: skip

_END = (
    r"(?:the |a |an |nearby |neighbouring |neighboring |(?:north|south|east|west|central)\w*[ -])*$"
)
_DESTINATION = caseless(
    r"\b(?:travel\w*|head(?:ed|ing|s)?|en route|on (?:the|his|her|its"
    r"|their) way|way|bound|driv\w+|drove|go(?:ing)?"
    r"|went|moving|moved|fly\w*|flew|flown|walk\w*|journey\w*|return\w*|fled|flee\w*|transfer\w*"
    r"|transport\w*|taken"
    r"|took|evacuat\w+|airlift\w*|rushed|brought|deliver\w*|carr(?:y|ied|ying)|sent|deport\w*"
    r"|repatriat\w*"
    r"|relocat\w*|convoy|escap\w+|road|highway|bus|flight|ferr\w+|shipment\w*|supplies|march\w*"
    r"|commut\w*|leading)"
    rf"\b[^.;]{{0,60}}?\b(?:to|towards?|into|for) {_END}"
)
_HOSPITAL = caseless(rf"\b(?:hospital|clinic|morgue)\s+(?:in|at) {_END}")
_FROM_HOSPITAL = caseless(
    r"\b(?:took|taken|seized|snatched|abducted|kidnapped)\b[^.;]{0,60}\bfrom (?:an? |the )?"
    rf"(?:\w+ ){{0,3}}(?:hospital|clinic|morgue) (?:in|at) {_END}"
)
_SITE_HIT = caseless(
    r"\b(?:storm|attack|hit|struck|bomb|shell|raid|target|loot|torch|burn|destroy|damag|abduct"
    r"|kidnap|enter|block)\w*"
    r" (?:(?!to\b|at\b|in\b)[\w-]+ ){0,4}(?:hospital|clinic|morgue|camp|cent(?:er|re))\s+(?:in|at) "
    r"|\b(?:fire|shooting|blast|explosion|exploded|detonated|went off|up|killed|wounded"
    r"|shot) (?:at|in|inside|outside|near) (?:an? |the )?"
    r"(?:[\w-]+ ){0,3}(?:hospital|clinic|morgue|camp|cent(?:er|re))\s+(?:in|at) "
)
_FAR = caseless(
    rf"\b(?:km|kms|kilomet\w+|miles?|met(?:re|er)s?|away|minutes|hours?(?:’"
    rf"|')? drive|drive|far)\b[^.;]{{0,20}}\b(?:from|of) {_END}"
    rf"|\b(?:north|south|east|west|\w+-?east|\w+-?west) of {_END}"
)
_FAR_AFTER = caseless(
    r"[\s,(]*(?:some |about |around |roughly |nearly |over |more than )?[\d,.]+ ?(?:km|kms|kilomet\w+|miles?) away\b(?! from)"  # noqa: E501 - one pattern
)
_LABEL = caseless(
    r"^\W*(?:location|place|where|area|site of incident|district|province)\s*[:=]\s*$"
)
_TAKEN_FROM = caseless(
    r"\b(?:abduct\w+|kidnap\w+|seized|snatched|taken|stolen|removed)\b"
    r"(?:(?!\b(?:travel\w*|driv\w+|way|route|return\w*|head\w*|fl[ye]\w*|walk\w*|com\w+"
    r"|hails?)\b)[^.;]){0,60}?"
    rf"\bfrom {_END}"
)
_ORIGIN = caseless(
    r"\b(?:from|native of|born in|originally of|resident of|hails? from"
    r"|who (?:had |has |was |were )?(?:worked|works|lived|lives|living|resided|resides|grew up"
    r"|based|raised)"
    rf" (?:in|at|near)) {_END}"
)
_TRAINING = caseless(
    r"\b(?:train(?:ed|ing|s)?|training (?:camps?|cent(?:er|re)s?)|madrass?ah?s?|stud(?:ied|ying)"
    r"|educated|graduated)"
    rf"\b[^.;,]{{0,30}}\b(?:in|at|across|near) {_END}"
)
_TRAINING_AFTER = caseless(r"\s*(?:training|madrassas)\b")
_TRANSIT = caseless(rf"(?<!ripped )(?<!tore )(?<!swept )\b(?:through|via) {_END}")
_SEAT_AFTER = caseless(
    r"^(?:['’]s)?\s*(?:\w+ ){0,2}?(?:police(?! (?:station|post|checkpoint"
    r"|convoy|patrol|van|vehicle|headquarters))|governor|government|authorities"
    r"|officials?|council|spokes\w+|security (?:command|department|chief)"
    r"|mayor|court|ministry|administration"
    r"|health (?:department|director)|prosecutors?|chief|command|sheriff"
    r"|newspaper|radio|times|gazette|herald|post)\b"
)
_SEAT_BEFORE = caseless(
    r"\b(?:governor|spokes\w+|police chief|chief|mayor|officials?|authorities"
    r"|police|member|council|court|deputy"
    r"|administrator|government|director|ambassador|embassy|ministry|reporters?|newsmen"
    r"|journalists|correspondent|headquarter\w*|based"
    rf"|analyst|told \w+|statement|press conference|conference|meeting"
    rf"|summit|talks)\s+(?:of|for|in|at|from) {_END}"
)
_CAPITAL = caseless(r"\b(?:the|its|'s) (?:\w+ )?capital(?: city)?,? (?:of )?$")
_HOME = caseless(
    r"\b(?:residents?|natives?|inhabitants?|citizens?) (?:of|in)\b[^.;]{0,20}$"
    r"|\b(?:hail(?:s|ed|ing)?|com(?:es?|ing)|came|originally) from\b[^.;]{0,30}$"
    r"|\bborn (?:and raised )?in\b[^.;]{0,20}$"
    r"|\bhome ?(?:towns?|villages?|districts?|provinces?) (?:in|is|was|of|near)\b[^.;]{0,20}$"
)
_PASSPORT = caseless(r"^\s+(?:nationals?|citizens?|passports?)\b")
_GOVERNMENT = caseless(
    r"^(?:['’]s?)?\s*(?:\w+ )?(?:government|embassy|consulate|foreign (?:ministry|minister)"
    r"|president|prime minister|ambassador|ministry|army|military)\b"
)
_SPOKE = caseless(rf"\b(?:said|announced|added|told \w+) (?:in|from|at) {_END}")
_SCENE = caseless(
    rf"(?:\b(?:in|at|near|outside|inside|on|across|within|around|along|throughout|of|hit|struck"
    rf"|rocked|shook|attacked|stormed|bombed"
    rf"|targeted|shelled|raided|overran|between|over|entered|ambushed|rocks"
    rf"|hits|strikes|close to|by|off|against)|['’]s) {_END}"
)
_OWNS = caseless(
    r" (?!(?:and|or|in|on|at|by|for|to|was|were|is|are|when|where|after|before|who)\b)[a-z]"
)
_VAGUE = caseless(rf"\b(?:throughout|across|elsewhere in|parts of) {_END}")


def assign_roles(
    text: str, mentions: Sequence[Mention], *, start: int, scopes: Scopes, dateline: Dateline | None
) -> list[Mention]:
    """Return the places of a sentence with their roles; the places of a chain share one.

    Parameters
    ----------
    text
        The whole text.
    mentions
        The places of one sentence.
    start
        Where the sentence starts in the text.
    scopes
        The sentence's scopes.
    dateline
        The report's dateline, if it has one.
    """
    found: list[Mention] = []
    grouped = chains(text, mentions)
    for k, chain in enumerate(grouped):
        role = _role(text, chain, start, scopes, dateline)
        neighbours = [c for c in (grouped[k - 1 : k] + grouped[k + 1 : k + 2]) if c is not chain]
        if role in ("scene", "mention") and any(_listed(text, chain, c) for c in neighbours):
            role = "listed"
        found.extend(replace(mention, role=role) for mention in chain)
    return found


def _listed(text: str, chain: Sequence[Mention], other: Sequence[Mention]) -> bool:
    one, two = sorted((chain[-1], other[-1]), key=lambda m: m.start)
    return one.level != "place" and is_list(text, one, two)


def _is_seat(left: str, right: str) -> bool:
    """Return whether an office, a speaker or a firm has its seat there, by the words around it."""
    office = _SEAT_AFTER.match(right) or _SEAT_BEFORE.search(left)
    spoke = _SPOKE.search(left) and not right[:1].isalnum()
    return bool(office or spoke or (left.endswith("of the ") and _OWNS.match(right)))


def _role(
    text: str, chain: Sequence[Mention], start: int, scopes: Scopes, dateline: Dateline | None
) -> str:
    first, last = chain[0], chain[-1]
    if dateline and first.start < dateline.end and first.start >= dateline.place[0]:
        return "dateline"
    if first.phrase.isupper() and first.start == start and len(first.phrase) > len("USA"):
        return "dateline"
    left, right = lower(text[start : first.start]), lower(text[last.until : last.until + 60])
    if _CAPITAL.search(left):
        left = _CAPITAL.sub("", left)
        if not _SCENE.search(left) or _DESTINATION.search(left):
            return "dateline"
    if role := _role_by_words(left, right, is_country=chain[0].level == "country"):
        return role
    if scopes.kind_at(first.start - start) in ("background", "hypothetical"):
        return "mention"
    if all(m.level == "country" for m in chain) or _VAGUE.search(left):
        return "mention"
    possessive = text[last.until : last.until + 2] in ("'s", "’s")
    if _SCENE.search(left) or (possessive and len(chain) == 1 and chain[0].level != "country"):
        return "scene"
    return "mention" if left.strip() and not first.typed else "scene"


def _role_by_words(left: str, right: str, *, is_country: bool) -> str:
    """Return the role that the words around a place name give it, or ""."""
    hit = _SITE_HIT.search(left) is not None
    trains = (_TRAINING.search(left) and not hit) or _TRAINING_AFTER.match(right)
    treated = _HOSPITAL.search(left) and not hit and not _FROM_HOSPITAL.search(left)
    moved = _DESTINATION.search(left) or treated
    roles = (
        (is_country and _PASSPORT.match(right), "origin"),
        (_TRANSIT.search(left), "transit"),
        (trains, "training"),
        (_FAR.search(left) or _FAR_AFTER.match(right), "reference"),
        (_HOME.search(left), "origin"),
        (_LABEL.match(left), "scene"),
        (_ORIGIN.search(left), "scene" if _TAKEN_FROM.search(left) else "origin"),
        (moved, "destination"),
        (_is_seat(left, right) or (is_country and _GOVERNMENT.match(right)), "seat"),
    )
    return next((role for found, role in roles if found), "")
