"""One event to one record: every field of an incident with the span of text that it rests on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from riskmap.incidents.articles.answers import Evidence, Record
from riskmap.incidents.articles.lexicons import bystanders, caseless, lower, weapon_ranks, weapons
from riskmap.incidents.articles.rules import actors
from riskmap.incidents.articles.rules.counts import count_again, count_people
from riskmap.incidents.articles.rules.places import Scene, find_scene
from riskmap.incidents.articles.rules.statuses import DEFINITE, days_named, is_speech_day, live
from riskmap.incidents.articles.rules.victims import put, write_people

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from riskmap.incidents.articles.dates import DatePhrase
    from riskmap.incidents.articles.rules.events import Event
    from riskmap.incidents.articles.rules.facts import Facts, Reader
    from riskmap.incidents.articles.rules.tolls import Toll

_VICTIMS = ("victim", "")
_TYPE_ORDER = ("abduction", "explosion", "armed_attack", "assault", "battle", "unrest")
_OFFICIAL = caseless(
    r"\b(?:police|governor|ministry|minister|army|military|authorities"
    r"|official|officials|spokes\w+ for the|security (?:command|forces)"
    r"|ISAF|embassy|mayor|hospital)\b"
)

_SILENT = caseless(r"\b(?:not|no|declined to) (?:\w+ )?comment")
_EVENT_NOUN = caseless(r" (?:attack|bombing|blast|raid|ambush|killing|shooting|explosion)s?\b")
_EVENT = caseless(
    r" (?:[\w-]+ ){0,3}?(?:attacks?|bombings?|blasts?|raids?|ambush|killings?|shootings?"
    r"|explosions?|operations?|strikes?"
    r"|airstrikes?|incidents?|clash(?:es)?|fighting|violence|deaths?|abductions?|kidnappings?"
    r"|assaults?|massacre|murders?"
    r"|siege|shelling|battle|crash|firefight|engagement|mission|arrests?|capture|detentions?"
    r"|events)\b"
)
_LATER = caseless(
    r"\W*((?:(?:\w+ )?(?:hours?|minutes) later|(?:later )?(?:on )?(?:the|that)(?: same)? (?:day"
    r"|morning|afternoon|evening|night)))\b"
)
_AGAIN = caseless(r"(?:the|these|those) (?:[\w-]+ ){1,3}(?:killed|wounded|injured)$")
_ANYBODY = {"man", "men", "person", "people", "male", "males", "individual", "individuals"}
_BY_FORCES = caseless(
    r"\b(?:forces?|police|soldiers|troops|patrol|officers|commandos|army|marines"
    r"|guards) (?:\w+ ){0,2}$"
)
_FOUND = caseless(
    r"\b(?:recovered|seized|found|discovered|confiscated|destroyed|defused|carrying|cache)\b"
)


def write_record(event: Event, reader: Reader, everything: Sequence[Facts]) -> Record:
    """Return the record of an event."""
    fields: dict[str, Any] = {"event_status": event.status}
    evidence: list[Evidence] = []
    scene = find_scene(reader.text, event, everything, reader.matcher)
    _write_date(event, reader, everything, fields, evidence)
    _write_place(scene, fields, evidence)
    tolls = _write_tolls(reader.text, event, fields, evidence)
    write_people(reader.text, event, scene, tolls, fields, evidence)
    _write_means(event, fields, evidence)
    _write_actors(reader.text, event, fields, evidence)
    return Record(fields, tuple(sorted(evidence, key=lambda e: (e.field, e.start, e.end, e.value))))


def _write_date(
    event: Event,
    reader: Reader,
    everything: Sequence[Facts],
    fields: dict[str, Any],
    evidence: list[Evidence],
) -> None:
    phrase = _date_phrase(event, everything)
    same = _same_day(event, everything) if phrase is None else None
    if same:
        fields.update(event_date_end=same[0], date_precision="day")
        put(fields, evidence, "event_date", *same)
        fields["date_phrase"] = reader.text[slice(*same[1:])]
        return
    if phrase is None:
        line, day = reader.dateline, reader.reference.day
        if event.status != "recounted" and line and line.date and day:
            fields.update(event_date=day, event_date_end=day)
            put(fields, evidence, "date_precision", "day", *line.date)
        return
    fields["date_precision"] = phrase.precision
    if phrase.first and phrase.last:
        fields.update(event_date=phrase.first, event_date_end=phrase.last)
    value = phrase.first.isoformat() if phrase.first else "unresolved"
    evidence.append(Evidence("event_date", value, phrase.start, phrase.end))
    fields["date_phrase"] = phrase.phrase


def _date_phrase(event: Event, everything: Sequence[Facts]) -> DatePhrase | None:
    """Return the phrase that dates an event: in its sentences, near its words, the finest first."""
    fineness = {"day": 0, "week": 1, "month": 2, "year": 3}
    found: list[tuple[int, int, int, int, bool, DatePhrase]] = []
    told = event.told() if event.status != "recounted" else event.facts
    heads = [f for f in everything if f.sentence.title] if event.status == "reported" else []
    for order, facts in enumerate((event.facts, told, heads)):
        for fact in facts:
            marks = [t.start for t in fact.tolls if not t.scope]
            marks += [t.start for t in fact.triggers if not t.scope] or [fact.sentence.start]
            for phrase in fact.dates:
                scope = fact.scopes.kind_at(phrase.start - fact.sentence.start)
                trailing = not phrase.explicit and fact.sentence.end - phrase.end < 3  # noqa: PLR2004 - a full stop
                told_now = scope not in ("background", "hypothetical")
                if not told_now and event.status != "recounted" and not trailing:
                    continue
                if (order and not phrase.first) or _is_of_occasion(fact, phrase):
                    continue
                said = is_speech_day(fact, phrase)
                distance = min(abs(phrase.start - mark) for mark in marks)
                rank_late = int(_is_death_day(fact, phrase))
                rank = (
                    rank_late
                    + fineness[phrase.precision]
                    + (4 if said else 0)
                    + (2 if scope or _is_attribute(fact, phrase) else 0)
                )
                found.append((order, rank, fact.sentence.start, distance, said, phrase))
        if any(not said for _, _, _, _, said, _ in found):
            break
    if event.status == "recounted":
        found.sort(key=lambda item: (item[0], item[1] > 3, item[2], item[3]))  # noqa: PLR2004 - a day of speech
        return found[0][5] if found else None
    return min(found, key=lambda item: (item[4], *item[:4]))[5] if found else None


def _same_day(event: Event, everything: Sequence[Facts]) -> tuple[date, int, int] | None:
    """Return the day told before an event that came "hours later", and the span that says so."""
    first = event.facts[0].sentence
    found = _LATER.match(first.low)
    before = [f for f in everything if f.sentence.start < first.start]
    days = [d.first for f in before for d in days_named(f) if d.first]
    if not found or not days:
        return None
    return days[-1], first.start + found.start(1), first.start + found.end(1)


def _is_attribute(fact: Facts, phrase: DatePhrase) -> bool:
    """Return whether a day only says which event is meant: "the July 2 attack", "Monday's vote"."""
    low, start, end = fact.sentence.low, fact.sentence.start, fact.sentence.end
    left, right = low[: phrase.start - start], low[phrase.end - start : end - start]
    return right.startswith(("'s ", "’s ")) or (
        left.endswith(("the ", "that ")) and _EVENT_NOUN.match(right) is not None
    )


def _is_of_occasion(fact: Facts, phrase: DatePhrase) -> bool:
    """Return whether a day is that of another occasion: "Saturday's vote", not "Sunday's raid"."""
    right = fact.sentence.low[phrase.end - fact.sentence.start :]
    return right.startswith(("'s ", "’s ")) and not _EVENT.match(right[2:])


def _is_death_day(fact: Facts, phrase: DatePhrase) -> bool:
    """Return whether a day is that of a later death: "died on Tuesday after he was shot"."""
    text = fact.sentence.text
    after = re.search(r"\bafter (?:he|she|they|being|an?|the)\b", text)
    return (
        after is not None
        and phrase.end - fact.sentence.start <= after.start()
        and any(d.start - fact.sentence.start > after.start() for d in fact.dates)
    )


def _write_place(scene: Scene, fields: dict[str, Any], evidence: list[Evidence]) -> None:
    fields.update(
        place=scene.place, admin1=scene.admin1, admin2=scene.admin2, country=scene.country,
        region_id=scene.region_id, geo_precision=scene.precision,
    )  # fmt: skip
    for level, mention in scene.mentions.items():
        value = {"admin1": scene.admin1, "admin2": scene.admin2, "place": scene.place}.get(level)
        evidence.append(Evidence(level, str(value or mention.name), mention.start, mention.end))
    if scene.admin1 and "admin1" not in scene.mentions and "admin2" in scene.mentions:
        district = scene.mentions["admin2"]
        evidence.append(Evidence("admin1", scene.admin1, district.start, district.end))


def _write_tolls(
    text: str, event: Event, fields: dict[str, Any], evidence: list[Evidence]
) -> list[Toll]:
    """Write the counts and return the tolls of the victims."""
    old = event.status == "recounted"
    facts = event.facts if old else event.told()
    attack = any(
        t.event_type not in ("battle", "unrest")
        for f in event.facts
        for t in live(f, background=old)
    ) and any(t.side == "victim" for f in facts for t in f.harm)
    apart = {
        t.kind
        for f in event.facts
        for t in f.harm
        if _is_bystander(t) or (t.side == "militant" and _is_beside_victims(t, f.harm))
    }
    found: list[Toll] = []
    for kind in ("killed", "wounded", "abducted", "arrested", "released"):
        everyone = kind == "arrested" or not (attack or kind in apart)
        sides = (*_VICTIMS, "militant", *(("attacker",) if kind == "arrested" else ()))
        count = count_people(facts, kind, sides=sides if everyone else _VICTIMS, background=old)
        if count:
            count = count_again(count, facts)
            found.extend(t for t in count.tolls if kind in ("killed", "wounded", "abducted"))
            _put_count(kind, count.low, count.high, count.tolls, fields, evidence)
    for kind in ("killed", "wounded"):
        sides = ("attacker", "militant") if attack or kind in apart else ("attacker",)
        count = count_people(facts, kind, sides=sides, background=old)
        count = count and count_again(count, facts)
        again = kind in fields and count and all(_is_again(text, t) for t in count.tolls)
        if count and count.low == fields.get(kind) and _shot_by_forces(text, kind, found):
            fields.pop(kind)
            evidence[:] = [e for e in evidence if e.field != kind]
            found = [t for t in found if t.kind != kind]
        if count and not again:
            _put_count(f"attackers_{kind}", count.low, count.high, count.tolls, fields, evidence)
    return found


def _is_beside_victims(toll: Toll, others: Sequence[Toll]) -> bool:
    """Return whether a sentence tells of the dead of both sides: "a soldier and 12 rebels"."""
    return any(o.side == "victim" and o.kind == toll.kind and o.counted for o in others)


def _is_bystander(toll: Toll) -> bool:
    """Return whether those harmed are surely no fighters, even in a battle: a cook, a child."""
    words = set(toll.head.split())
    return toll.side == "victim" and bool(words & bystanders())


def _shot_by_forces(text: str, kind: str, tolls: Sequence[Toll]) -> bool:
    """Return whether forces killed unnamed men, whom another sentence may call attackers."""
    mine = [t for t in tolls if t.kind == kind]
    return bool(mine) and all(
        set(t.head.split()) & _ANYBODY
        and _BY_FORCES.search(lower(text[max(0, t.start - 80) : t.start]))
        for t in mine
    )


def _is_again(text: str, toll: Toll) -> bool:
    """Return whether people were named before by what befell them: "the insurgent killed"."""
    return toll.definite and _AGAIN.match(lower(text[toll.start : toll.end])) is not None


def _put_count(
    name: str,
    low: int,
    high: int | None,
    tolls: Sequence[Toll],
    fields: dict[str, Any],
    evidence: list[Evidence],
) -> None:
    fields[name] = low
    if high is None or high > low:
        fields[f"{name}_max"] = high
    shown = str(low) if high == low else f"{low}+" if high is None else f"{low}-{high}"
    evidence.extend(Evidence(name, shown, t.start, t.end) for t in tolls)


def _write_means(event: Event, fields: dict[str, Any], evidence: list[Evidence]) -> None:
    """Write the weapon and the event's type."""
    old = event.status == "recounted"
    told = event.facts if old else event.told()
    _, names, explosive = weapons()
    hits: list[tuple[int, int, int, str]] = []
    for fact in told:
        core = any(fact is f for f in event.facts)
        for match in fact.weapons:
            scope = fact.scopes.kind_at(match.start())
            found_later = _FOUND.search(fact.sentence.low, 0, match.start())
            if scope in ("hypothetical", "negative") or (scope and not old) or found_later:
                continue
            name = names[match[0]]
            near = core or "claim" in fact.scopes.flags or DEFINITE.search(fact.sentence.low)
            rank = weapon_ranks()[name] + (0 if near else 30)
            hits.append(
                (rank, fact.sentence.start + match.start(), fact.sentence.start + match.end(), name)
            )
    weapon = min(hits) if hits else None
    if weapon and event.status != "arrest":
        put(fields, evidence, "weapon", weapon[3], weapon[1], weapon[2])
    triggers = [t for f in event.facts for t in live(f, background=old)]
    kinds = {t.event_type for t in triggers}
    if any(t.kind == "abducted" for f in event.facts for t in f.harm):
        kinds.add("abduction")
    if weapon and weapon[3] in explosive:
        kinds.add("explosion")
    first = min(triggers, key=lambda t: t.start, default=None)
    if first and first.event_type != "battle":
        kinds.discard("battle")
    kind = "arrest" if event.status == "arrest" else _event_type(kinds, fields)
    fields["event_type"] = kind
    mark = next((t for t in triggers if t.event_type == kind), None)
    toll = next((t for f in event.facts for t in f.tolls), None)
    spot = mark or toll
    if spot:
        evidence.append(Evidence("event_type", kind, spot.start, spot.end))


def _event_type(kinds: set[str], fields: dict[str, Any]) -> str:
    if "abduction" in kinds and fields.get("abducted"):
        return "abduction"
    if "battle" in kinds and not kinds & {"explosion", "abduction"}:
        return "battle" if not kinds & {"assault"} else "assault"
    order = [kind for kind in _TYPE_ORDER if kind in kinds and kind != "abduction"]
    if order:
        return order[0]
    return (
        "abduction"
        if "abduction" in kinds
        else "armed_attack"
        if fields.get("killed")
        else "unknown"
    )


def _write_actors(
    text: str, event: Event, fields: dict[str, Any], evidence: list[Evidence]
) -> None:
    """Write who did it, who claims it, whom others blame and who says so; judge the report."""
    told = event.facts if event.status == "recounted" else event.told()
    claim = None if event.status == "arrest" else actors.find_claim(text, told)
    denial = actors.find_denial(text, told)
    blame = actors.find_blame(text, told)
    actor = actors.find_actor(told) if event.status != "arrest" else None
    speaker = actors.find_speaker(told)
    for name, quote in (
        ("claimed_by", claim), ("denied_by", denial), ("attributed_to", blame), ("actor", actor),
        ("stated_by", speaker),
    ):  # fmt: skip
        if quote:
            put(fields, evidence, name, quote.value, quote.start, quote.end)
    fields["reliability"] = "D"
    official = any(
        _OFFICIAL.search(f.sentence.low) and not _SILENT.search(f.sentence.low) for f in told
    )
    fields["credibility"] = 2 if claim and official else 3 if official else 4 if claim else 6
    if denial:
        fields["credibility"] = max(3, fields["credibility"])
