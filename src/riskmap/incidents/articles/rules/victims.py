"""Who the victims are: their nationality, their work, and who came away unharmed."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from riskmap.incidents.articles.answers import Evidence
from riskmap.incidents.articles.lexicons import (
    alternation,
    caseless,
    countries,
    demonym_pattern,
    lower,
    numbers,
    occupation_sectors,
    people,
    sectors,
)
from riskmap.incidents.victim_phrases import find_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.incidents.articles.rules.events import Event
    from riskmap.incidents.articles.rules.facts import Facts
    from riskmap.incidents.articles.rules.places import Scene
    from riskmap.incidents.articles.rules.tolls import Toll


_UNHARMED = caseless(
    r"(?:\b(?:the|an?|his|her|their|all|\w+) (?:\w+ ){0,3}?)?\b([\w-]+) "
    r"(?:\w+ ){0,2}?(?:escaped|survived|was|were|remained|is|are|emerged)\s+(?:\w+ "
    r"){0,2}?(?:unharmed|unhurt|uninjured|safe|alive|without injury)\b"
    r"|\b(?:escaped|survived) (?:unharmed|unhurt)\b"
)
_BESIDE = re.compile(r"\s*(?:[-–—(:]|,? (?:including|among them))\s[^-–—().;:]{0,120}")
_NEAR = 40
_MOST = 1_000
_HARM_WORD = ("unharmed", "unhurt", "uninjured", "safe", "alive", "without injury")


def put(
    fields: dict[str, Any], evidence: list[Evidence], name: str, value: Any, start: int, end: int
) -> None:
    """Write a field and the span that it rests on."""
    fields[name] = value
    evidence.append(Evidence(name, str(value), start, end))


def write_people(
    text: str,
    event: Event,
    scene: Scene,
    tolls: Sequence[Toll],
    fields: dict[str, Any],
    evidence: list[Evidence],
) -> None:
    """Write the victims' nationality, occupation, sector, and who survived."""
    old = event.status == "recounted"
    told = event.facts if old else event.told()
    codes: dict[str, tuple[int, int]] = {}
    foreign: Counter[str] = Counter()
    beside_these = [] if old else [t for f in event.facts for t in f.harm if t.side == "victim"]
    for toll in (*tolls, *(t for t in beside_these if t not in tolls)):
        _write_toll(text, toll, codes, foreign)
    for fact in told:
        _write_parts(fact, codes, foreign)
    if event.status == "arrest":
        return
    if not codes:
        _write_origins(event.facts, tolls, codes, foreign)
    unnamed = codes.pop("", None)
    if unnamed:
        fields["foreign_victims"] = foreign.pop("")
        evidence.append(Evidence("foreign_victims", str(fields["foreign_victims"]), *unnamed))
    if codes:
        spans = sorted(codes.items())
        fields["nationality"] = ";".join(code for code, _ in spans)
        evidence.extend(Evidence("nationality", code, *span) for code, span in spans)
    abroad = {code: n for code, n in foreign.items() if code != scene.country}
    if abroad and scene.country:
        fields["foreign_victims"] = sum(abroad.values())
        fields["staff_type"] = "international" if len(abroad) == len(foreign) else "mixed"
        evidence.extend(
            Evidence("foreign_victims", str(n), *codes[c]) for c, n in sorted(abroad.items())
        )
    _write_work(text, event, tolls, fields, evidence)
    if not old:
        _write_survivors(told, fields, evidence)


def _write_toll(
    text: str, toll: Toll, codes: dict[str, tuple[int, int]], foreign: Counter[str]
) -> None:
    """Add the nationalities within a toll, and those that say right behind it who they are."""
    beside = _BESIDE.match(text, toll.end)
    for begin, words in (
        (toll.start, text[toll.start : toll.end]),
        (toll.end, beside and beside[0]),
    ):
        for code, start, end in nationalities(words or ""):
            if _of_people(text, begin + end):
                codes.setdefault(code, (begin + start, begin + end))
                share = _share((words or "")[:start], toll.low)
                foreign[code] = max(foreign[code], share)


def _write_origins(
    facts: Sequence[Facts],
    tolls: Sequence[Toll],
    codes: dict[str, tuple[int, int]],
    foreign: Counter[str],
) -> None:
    """Add nationalities as every other reader knows them: "from India", "a PRC national"."""
    for fact in facts:
        mine = [t for t in tolls if t in fact.tolls]
        for person in find_people(fact.sentence.text) if mine else ():
            start = fact.sentence.start + person.start
            end = start + len(person.phrase)
            near = any(t.start < end + _NEAR and t.end > start for t in mine)
            if not near or not (person.nation or person.was_hit):
                continue
            if not person.nation:
                foreign[""] = max(foreign[""], person.number or 1)
                codes.setdefault("", (start, end))
                continue
            codes.setdefault(person.nation, (start, end))
            least = person.number or max(t.low for t in mine)
            foreign[person.nation] = max(foreign[person.nation], least)


@cache
def _number_before() -> re.Pattern[str]:
    words = alternation(list(numbers()[0]))
    return caseless(rf"\b(\d{{1,3}}|an?|another|{words}) (?:[\w-]+ )?$")


def _share(before: str, total: int) -> int:
    """Return how many of the people of a toll a nationality is said of, from the words before it.

    A number beside it says so ("17 people, including three Filipino nurses"); else it is all.
    """
    found = _number_before().search(lower(before))
    if not found:
        return total
    word = found[1]
    value = int(word) if word.isdigit() else numbers()[0].get(word, 1)
    return min(value, total)


def nationalities(text: str) -> list[tuple[str, int, int]]:
    """Return demonyms in a text as alpha-3 codes with their spans.

    Examples
    --------
    >>> nationalities("two Chinese engineers")
    [('CHN', 4, 11)]
    """
    codes = countries()[1]
    return [(codes[m[0]], m.start(), m.end()) for m in demonym_pattern().finditer(text)]


def _of_people(text: str, at: int) -> bool:
    """Return whether a demonym says what people are, not what a thing is ("a Turkish firm")."""
    words = re.findall(r"[\w-]+|[^\w\s]", text[at : at + 60])[:4]
    known = people()
    for word in words:
        if word.lower() in known:
            return True
        if not word[0].isalnum() or word.lower() in (
            "firm",
            "company",
            "embassy",
            "army",
            "forces",
            "government",
            "owned",
            "built",
            "city",
            "border",
        ):
            break
    return (
        not words
        or not words[0][0].isalnum()
        or words[0].lower() in ("and", "were", "was", "killed")
    )


_PART = caseless(
    r"\b(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve) (?:of (?:them|whom|those|the (?:dead|victims|hostages))(?: "
    r"were| are| was| is)?|were|was|is) (?:an? )?$"
)
_OTHER = caseless(r"\b(?:the other|another)(?: is| was)? (?:an? )?$")
_AMONG = caseless(
    r"\b(?:is|are|was|were) (?:\w+ )?among (?:the|those) (?:\w+ )?(?:hostages?|dead|victims?"
    r"|captives?|killed|kidnapped|abducted|injured|wounded|missing)\b"
)
_WHO = caseless(
    r"\b(?:both|all|they|one|the other|another|the (?:\w+ )?(?:two|three|four|five|victims?|men"
    r"|women|dead|hostages?))\b[^.;]{0,20}?\b(?:is|are|was|were|came|come) "
)


_VICTIM_IS = caseless(
    r"\b(?:the (?:victims?|dead|hostages?|deceased|slain \w+|two|three"
    r"|four|five|men|man|woman)|victims|all|both)\b[^.;]{0,40}?\b(?:was"
    r"|were|are|is|as)\b[^.;]{0,25}$"
    r"|\b(?:shooting|stabbing|bombing) of (?:an? |\w+ )?$"
    r"|\b(?:victims?|dead|hostages?|wounded|captives?), (?:\w+ )?$"
    r"|\b(?:both|all) (?:of them )?$|\bincluding (?:an? |\w+ )?$|\bthe (?:\w+ )?$"
)
_ONE_OF = caseless(
    r" [\w-]+(?: \w+)? (?:was|were|is|are) (?:also )?(?:(?:one of|among) (?:the|those) "
    r"(?:\w+ )?(?:dead|victims?|killed|hostages?|wounded|injured|abducted|kidnapped|captives?)"
    r"|among them)\b"
)
_VICTIM_WORD = caseless(r"victim|dead|hostage|shooting of|stabbing of")
_WORKING = caseless(
    r"\b(?:working|worked|employed|employees?|workers?|engineers?|victims?|nationals?|hostages"
    r"|staff)\b"
)
_TARGET = caseless(
    r"\b(?:attack(?:ed)? on|raid(?:ed)? on|assault on|attacked|raided|stormed|bombed|shelled"
    r"|overran|ambushed"
    r"|fired (?:at|on)|opened fire (?:at|on)|torched|looted) (?:an? |the )?[^.,;]{0,30}$"
)
_JOB = re.compile(r"[\w-]+(?: workers?)?")
_TRODDEN = caseless(
    r"\b(?:stepped on|trod on|struck|hit|ran over|drove over|triggered|set off) (?:an? |the )$"
)
_SITE = caseless(r"\b(?:the|a|gold|coal|copper|at|of) (?:\w+ )?$")


def _write_parts(fact: Facts, codes: dict[str, tuple[int, int]], foreign: Counter[str]) -> None:
    """Add nationalities that a sentence gives to part of the victims: "nine of them Chinese"."""
    sentence = fact.sentence
    among = _AMONG.search(sentence.low)
    told_of = _WHO.search(sentence.low) if codes or foreign or not fact.harm else None
    if told_of and told_of.start() < _NEAR:
        for person in find_people(sentence.text):
            if person.nation and person.start >= told_of.end() - 1:
                begin = sentence.start + person.start
                codes.setdefault(person.nation, (begin, begin + len(person.phrase)))
                foreign[person.nation] = max(foreign[person.nation], person.number or 1)
    for code, start, end in nationalities(sentence.text):
        left = sentence.low[:start]
        listed = among and start < among.start() and _number_before().search(left)
        if listed or _OTHER.search(left):
            codes.setdefault(code, (sentence.start + start, sentence.start + end))
            foreign[code] = _share(left, _MOST) if listed else 1
            continue
        part = _PART.search(left)
        one_of = _ONE_OF.match(sentence.low, end)
        if (
            not part
            and not one_of
            and not (
                _VICTIM_IS.search(left)
                and _of_people(sentence.text, end)
                and (fact.harm or foreign or codes or _VICTIM_WORD.search(left))
            )
        ):
            continue
        if fact.scopes.kind_at(start) not in ("", "background"):
            continue
        span = (sentence.start + start, sentence.start + end)
        if part:
            value = int(part[1]) if part[1].isdigit() else numbers()[0][part[1]]
            foreign[code] = value
            codes.setdefault(code, span)
        elif code not in codes and not codes:
            codes[code] = span
            foreign[code] = max(foreign[code], 1)


def _write_work(
    text: str, event: Event, tolls: Sequence[Toll], fields: dict[str, Any], evidence: list[Evidence]
) -> None:
    """Write what the victims do, and the sector of their work."""
    for toll in tolls:
        found = _find_occupation(text[toll.start : toll.end])
        if found:
            job, start, end = found
            span = (toll.start + start, toll.start + end)
            put(fields, evidence, "occupation", job, *span)
            if occupation_sectors()[job]:
                put(fields, evidence, "sector", occupation_sectors()[job], *span)
            break
    told = event.facts if event.status == "recounted" else event.told()
    for fact in told if "sector" not in fields else ():
        of_victims = any(t in tolls for t in fact.tolls) or _WORKING.search(fact.sentence.low)
        match = _find_sector(fact.sentence.low)
        if match and not of_victims and not _TARGET.search(fact.sentence.low, 0, match.start()):
            match = None
        if match:
            word, names = match[0], sectors()[1]
            name = names.get(word) or names[word.removesuffix("s")]
            start = fact.sentence.start
            put(fields, evidence, "sector", name, start + match.start(), start + match.end())
            return


def _find_occupation(text: str) -> tuple[str, int, int] | None:
    """Return the first occupation that some words for people name, with its span."""
    known = people()
    for match in _JOB.finditer(text.lower()):
        person = known.get(match[0]) or known.get(match[0].split()[0])
        if person and person.occupation not in ("", "worker"):
            return person.occupation, match.start(), match.end()
    return None


def _find_sector(low: str) -> re.Match[str] | None:
    """Return the longest phrase of a sentence that speaks for a sector."""
    found = [
        m
        for m in sectors()[0].finditer(low)
        if m[0] not in ("mine", "port", "bridge")
        or (_SITE.search(low[: m.start()]) and not _TRODDEN.search(low[: m.start()]))
    ]
    return max(found, key=lambda m: len(m[0]), default=None)


def _write_survivors(
    told: Sequence[Facts], fields: dict[str, Any], evidence: list[Evidence]
) -> None:
    for fact in told:
        low = fact.sentence.low
        match = _UNHARMED.search(low) if any(word in low for word in _HARM_WORD) else None
        if match:
            words = re.findall(r"[\w-]+", match[0])
            who = next((word for word in reversed(words) if word in people()), "")
            start, end = fact.sentence.start + match.start(), fact.sentence.start + match.end()
            put(fields, evidence, "survivors", who or "people", start, end)
            return
