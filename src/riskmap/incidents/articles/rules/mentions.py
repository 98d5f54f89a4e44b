"""Places in a text: a phrase matcher over the names of regions, and the chains that mentions form.

"Katkajar area of Khwaja Bahauddin district in Takhar province" is one chain of three mentions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from riskmap.incidents.articles.lexicons import (
    caseless,
    countries,
    grammar,
    named_site,
    place_types,
)
from riskmap.incidents.articles.matchers import Entry, PlaceMatcher, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskmap.typing import NameResolver

_WORD = re.compile(r"[^\W\d_]+(?:['’‘ʻ`](?!s\b)[^\W\d_]*)*|\d+|['’]s\b|[^\w\s]")
_JOIN = caseless(
    r"^[\s,(]*(?:['’]s\b)?(?:\s*\b(?:of|in|the|near|within|inside|outside|eastern|western|northern|southern"
    r"|central|north|south|east|west|northern|remote|area|areas|part|district|province|province['’]s"
    r"|country['’]s|region|district['’]s)\b(?:['’]s)?[\s,(]*)*$"
)
_LIST = re.compile(r"^\s*(?:,|and|,\s*and|&|or)\s*$")
_FUZZY_WIDE = 90


@dataclass(frozen=True)
class Mention:
    """A place in the text: ``text[start:end]`` names it, ``until`` takes in the word for its type.

    Parameters
    ----------
    start, end, until
        Spans.
    phrase
        The name as written.
    level
        ``"country"``, ``"admin1"``, ``"admin2"`` or ``"place"``.
    entries
        The regions it may be; empty when no region has the name.
    typed
        Whether a word for its type stands beside it ("district").
    role
        Its role in the text (see :mod:`riskmap.incidents.articles.rules.roles`).
    """

    start: int
    end: int
    until: int
    phrase: str
    level: str
    entries: tuple[Entry, ...] = ()
    typed: bool = False
    role: str = ""

    @property
    def entry(self) -> Entry | None:
        """The region it is, when only one has the name."""
        return self.entries[0] if len(self.entries) == 1 else None

    @property
    def name(self) -> str:
        """The region's own name, or the name as written."""
        return self.entry.name if self.entry else self.phrase


class _Token(NamedTuple):
    text: str
    start: int
    end: int


def find_mentions(
    text: str, start: int, end: int, *, matcher: PlaceMatcher, gazetteer: NameResolver | None = None
) -> list[Mention]:
    """Return the places named in ``text[start:end]``, in order and without overlap."""
    tokens = [_Token(m[0], m.start(), m.end()) for m in _WORD.finditer(text, start, end)]
    found: list[Mention] = []
    i = 0
    while i < len(tokens):
        hit = _at(text, tokens, i, matcher) if tokens[i].text[0].isupper() else None
        if hit:
            found.append(hit[0])
            i = hit[1]
        else:
            i += 1
    found = _settle(text, found, matcher)
    return [_ask(m, found, gazetteer) for m in found] if gazetteer else found


def _at(
    text: str, tokens: Sequence[_Token], i: int, matcher: PlaceMatcher
) -> tuple[Mention, int] | None:
    """Return the mention that begins at a token and the number of the token after it."""
    low = tokens[i].text.lower()
    first = low not in grammar("never_first") and low not in grammar("title")
    if not first and not _known(tokens, i, matcher):
        return None
    last = _extent(text, tokens, i)
    for j in range(last, i, -1):
        name = text[tokens[i].start : tokens[j - 1].end]
        after, kind = _type_after(text, tokens, j)
        level = place_types().get(kind) if kind else None
        entries = _entries(matcher, name, level)
        if entries and not _is_person(text, tokens, i, j, level, entries):
            return _mention(name, tokens[i].start, tokens[j - 1].end, entries, level, after), j
    return _unknown(text, tokens, i, last)


def _known(tokens: Sequence[_Token], i: int, matcher: PlaceMatcher) -> bool:
    pair = fold(tokens[i].text + (tokens[i + 1].text if i + 1 < len(tokens) else ""))
    return pair in matcher.entries


def _entries(matcher: PlaceMatcher, name: str, level: str | None) -> tuple[Entry, ...]:
    if fold(name) in grammar("never_place"):
        return ()
    if level in ("admin1", "admin2"):
        found = matcher.lookup(name, level=level)
        if not found and level == "admin1":
            found = matcher.lookup(name, level="country") or matcher.lookup(name, level="admin2")
        return found
    found = matcher.entries.get(fold(name), ())
    if not found and len(name) > 4:  # noqa: PLR2004 - "Khowst" for Khost
        found = matcher.lookup(name, level="admin1")
    return found


def _extent(text: str, tokens: Sequence[_Token], i: int) -> int:
    """Return the end of the run of name words that begins at a token."""
    j = i + 1
    while j < len(tokens) and j - i < 8:  # noqa: PLR2004 - no name is longer
        word = tokens[j].text
        joined = text[tokens[j - 1].end : tokens[j].start]
        if word == "-" and not joined and j + 1 < len(tokens):
            j += 1
            continue
        lower_inner = word in grammar("inside_name") and j + 1 < len(tokens)
        capital = word[0].isupper() or (word[0] in "‘ʻ`" and len(word) > 1)
        if joined.strip() or not (capital or lower_inner or tokens[j - 1].text == "-"):
            break
        if place_types().get(word.lower(), "place") != "place":
            break
        j += 1
    while j > i + 1 and (
        tokens[j - 1].text in grammar("inside_name") or not tokens[j - 1].text[0].isalnum()
    ):
        j -= 1
    return j


def _type_after(text: str, tokens: Sequence[_Token], j: int) -> tuple[int, str | None]:
    """Return where the word for a type ends that follows a name, and the word."""
    if j < len(tokens):
        word = tokens[j].text.lower()
        if word in place_types() and not text[tokens[j - 1].end : tokens[j].start].strip():
            return tokens[j].end, word
        if word in ("and", ",") and place_types().get(_list_type(tokens, j)):
            return tokens[j - 1].end, _list_type(tokens, j)
    return tokens[j - 1].end, None


def _list_type(tokens: Sequence[_Token], j: int) -> str:
    """Return "provinces" for each name of "Khost, Kandahar and Nangarhar provinces"."""
    for token in tokens[j : j + 14]:
        word = token.text.lower()
        if word in ("provinces", "districts"):
            return word
        if not (token.text[0].isupper() or word in ("and", ",", "-", *grammar("inside_name"))):
            return ""
    return ""


def _is_person(
    text: str,
    tokens: Sequence[_Token],
    i: int,
    j: int,
    level: str | None,
    entries: tuple[Entry, ...],
) -> bool:
    """Return whether a name of a place is part of a person's or a unit's name here."""
    if level in ("admin1", "admin2") or (i and tokens[i - 1].text in ("'s", "’s")):
        return False
    if all(entry.level == "country" for entry in entries):
        return False
    before = tokens[i - 1].text if i else ""
    adjacent = bool(i) and not text[tokens[i - 1].end : tokens[i].start].strip()
    if adjacent and before[:1].isupper() and before.lower() not in grammar("never_first"):
        return True
    if j < len(tokens) and j - i == 1:
        after = tokens[j].text
        together = text[tokens[j - 1].end : tokens[j].start] == " "
        titled = adjacent and before.lower() in grammar("title")
        surname = (
            after[0].isupper()
            and after.lower() not in place_types()
            and after.lower() not in grammar("never_place")
        )
        return together and (
            titled
            or (
                surname
                and before.lower()
                not in ("in", "near", "at", "northern", "southern", "eastern", "western")
            )
        )
    return adjacent and before.lower() in grammar("title")


def _mention(
    name: str, start: int, end: int, entries: tuple[Entry, ...], level: str | None, until: int
) -> Mention:
    if level in ("admin1", "admin2"):
        kept = tuple(e for e in entries if e.level in (level, "country")) or entries
        return Mention(start, end, until, name, kept[0].level, kept, typed=True)
    order = {"admin1": 0, "country": 1, "admin2": 2}
    if level == "place":
        order = {"admin2": 0, "admin1": 1, "country": 2}
    best = min((e.level for e in entries), key=order.__getitem__)
    kept = tuple(e for e in entries if e.level == best)
    return Mention(start, end, until, name, best, kept, typed=level is not None)


_OF = caseless(
    r"\b(village|town|city|district|province|area|hamlet|settlement|region|valley|port|state|county|suburb"
    r"|outskirts|municipality|island|neighbourhood|neighborhood) of (?:the )?$"
)
_WEAK = re.compile(
    r"\b(?:in|at|near|outside|around|close to|village of|km from|km of|through|via) (?:the )?$"
)


def _unknown(text: str, tokens: Sequence[_Token], i: int, last: int) -> tuple[Mention, int] | None:
    """Return a place that no region has the name of, known by the words around it."""
    first, end = tokens[i], tokens[last - 1].end
    name = text[first.start : end]
    if fold(name) in grammar("never_place") or first.text.lower() in grammar("never_first"):
        return None
    if name in countries()[1]:
        return None
    before = text[max(0, first.start - 30) : first.start]
    until, kind = _type_after(text, tokens, last)
    of = _OF.search(before.lower())
    if kind and place_types()[kind] != "place":
        return Mention(first.start, end, until, name, place_types()[kind], (), typed=True), last
    if of:
        level = place_types().get(of[1], "place")
        return Mention(first.start, end, end, name, level, (), typed=True), last
    if named_site().search(name) and last - i > 1:
        return Mention(first.start, end, end, name, "place", (), typed=True), last
    if kind and text[tokens[last - 1].end : tokens[last].start] == " ":
        return Mention(first.start, end, until, name, "place", (), typed=True), last
    if _WEAK.search(before) and len(name) > 3 and not name.isupper() and last - i < 4:  # noqa: PLR2004 - no initials, no headline
        return Mention(first.start, end, end, name, "place", ()), last
    return None


def _settle(text: str, found: list[Mention], matcher: PlaceMatcher) -> list[Mention]:
    """Choose among regions of one name by the province beside them, and read near-spellings."""
    settled = list(found)
    for chain in chains(text, found):
        province = next((m for m in chain if m.level == "admin1" and m.entry), None)
        for mention in chain:
            k = settled.index(mention)
            if mention.level == "admin1" and not mention.entries and mention.typed:
                near = matcher.lookup(mention.phrase, level="admin1", typed=True)
                settled[k] = replace(mention, entries=near)
            elif mention.level == "admin2" and province and mention is not province:
                inside = tuple(e for e in mention.entries if e.parent == province.name)
                if not inside and mention.typed:
                    inside = matcher.inside(mention.phrase, province.name)
                settled[k] = replace(mention, entries=inside)
            elif mention.level == "admin2" and not mention.entries and mention.typed:
                near = matcher.lookup(mention.phrase, level="admin2", typed=True)
                settled[k] = replace(mention, entries=near)
    return settled


def _ask(mention: Mention, others: Iterable[Mention], gazetteer: NameResolver) -> Mention:
    """Return a mention with the region that the gazetteer gives it, when it had none."""
    if mention.entries or mention.level not in ("admin2", "place") or not mention.typed:
        return mention
    province = next((o for o in others if o.level == "admin1" and o.entry), None)
    answer = gazetteer.resolve(
        [mention.phrase], parents=[province.name if province else None]
    ).iloc[0]
    if answer["status"] != "match":
        return mention
    parent = province.name if province else None
    entry = Entry("admin2", str(answer["region_id"]), str(answer["matched_name"]), parent, None)
    return replace(mention, entries=(entry,))


def chains(text: str, mentions: Sequence[Mention]) -> list[list[Mention]]:
    """Return mentions grouped into chains from part to whole (or whole to part)."""
    found: list[list[Mention]] = []
    for mention in mentions:
        if found:
            last = found[-1][-1]
            between = text[last.until : mention.start]
            levels = {m.level for m in found[-1]}
            if mention.level not in levels and _JOIN.match(between.lower()):
                found[-1].append(mention)
                continue
        found.append([mention])
    return found


def is_list(text: str, one: Mention, other: Mention) -> bool:
    """Return whether two mentions stand side by side in a list, such as two provinces."""
    return one.level == other.level and bool(_LIST.match(text[one.until : other.start]))
