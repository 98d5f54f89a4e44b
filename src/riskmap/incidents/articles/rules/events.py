"""Sentences to events: which sentences tell of the same event, and whether it is news.

An event is `reported` (the news), `recounted` (told again) or `arrest`. A charge that nobody has
shown is `alleged`: it becomes no event and is set aside with its sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from riskmap.incidents.articles.answers import SetAside
from riskmap.incidents.articles.lexicons import caseless, cues
from riskmap.incidents.articles.matchers import fold
from riskmap.incidents.articles.rules.statuses import (
    BURSTS,
    NOUNS,
    armed,
    days_named,
    find_status,
    live,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.incidents.articles.dates import Reference
    from riskmap.incidents.articles.rules.facts import Facts
    from riskmap.incidents.articles.rules.mentions import Mention

EVENT_STATUSES = ("reported", "recounted", "arrest")
_FIGURATIVE_SHARE = 0.3
_OF_THE_ATTACK = caseless(
    r"^\W*(?:(?:during|in|as a result of) )?(?:the|that|this) (?:\w+ ){0,2}?(?:attacks?|bombing"
    r"|blast|ambush|assault|shooting)\b"
)
_HOSTILE = caseless(
    r"\b(?:gunm[ae]n|attack\w*|assailants?|militants?|insurgents?|rebels?|terroris\w+|armed|shot"
    r"|shoot\w*|fight\w*|clash\w*"
    r"|war|mob|riot\w*|police|soldiers?|troops|forces?|army|military|bandits?|kidnap\w*"
    r"|abduct\w*|hostages?|captors?|stab\w*"
    r"|beat\w*|murder\w*|kill\w*|slain|wound\w*|execut\w+|assassin\w*|suspects?|criminals?"
    r"|robbers?|gangs?|arrest\w*|detain\w*"
    r"|captur\w*|hack\w*|behead\w*|massacre\w*|slaughter\w*|lynch\w*|explo\w+|blasts?|bomb\w*"
    r"|strikes?|raid\w*|alleged\w*"
    r"|accus\w+|seized|gunfire|gunshot\w*|gunpoint|bullets?|opened|violence|unrest|protest\w*)\b"
)


@dataclass
class Event:
    """An event in the making: its status, the sentences that tell it, and those around it."""

    status: str
    facts: list[Facts] = field(default_factory=list)
    context: list[Facts] = field(default_factory=list)

    def told(self) -> list[Facts]:
        """All its sentences in order."""
        return sorted([*self.facts, *self.context], key=lambda f: f.sentence.start)


def find_events(facts: Sequence[Facts], reference: Reference) -> tuple[list[Event], list[SetAside]]:
    """Return the events that sentences tell of, and the sentences set aside.

    Parameters
    ----------
    facts
        The facts of each sentence, in order.
    reference
        The day the report counts from.
    """
    body = [f for f in facts if not f.sentence.title] or list(facts)
    body = [] if _is_misfortune(facts) else body
    echoes = _echoes(body)
    quiet = _is_figurative(facts)
    events: list[Event] = []
    aside: list[SetAside] = []
    current: Event | None = None
    pending: list[Facts] = []
    summaries: list[tuple[str, Facts]] = []
    for fact in body:
        status = find_status(
            fact, reference, quiet=quiet, is_open=current is not None, echo=id(fact) in echoes
        )
        if id(fact) in echoes and not status:
            continue
        if status == "alleged":
            aside.append(_aside("alleged", fact))
        elif (
            status in ("reported", "arrest") and "summary" in fact.scopes.flags and current is None
        ):
            summaries.append((status, fact))
            pending.append(fact)
        elif status in EVENT_STATUSES:
            count = len(events)
            current = _place(fact, status, events, current, pending)
            if len(events) > count or status != "recounted":
                pending = []
        elif "separate" in fact.scopes.flags or (
            current is not None and _sets_scene(fact, current)
        ):
            pending, current = [fact], None
        elif current is not None:
            current.context.append(fact)
        else:
            pending.append(fact)
    _settle(summaries, pending, events, aside)
    events = [event for event in events if not _is_accident(event)]
    events.sort(key=lambda e: (EVENT_STATUSES.index(e.status), e.facts[0].sentence.start))
    return events, aside


def _settle(
    summaries: Sequence[tuple[str, Facts]],
    pending: Sequence[Facts],
    events: list[Event],
    aside: list[SetAside],
) -> None:
    """Make events of sums over several events where nothing else tells of them."""
    for status, fact in summaries:
        told = any(event.status in ("reported", "arrest") for event in events)
        if told or _is_statistic(fact):
            aside.append(_aside("summary", fact))
        else:
            events.append(Event(status, [fact], context=[f for f in pending if f is not fact]))


def _is_statistic(fact: Facts) -> bool:
    """Return whether a sum over many events has no day: "112 people in 40 attacks in April"."""
    return bool(fact.dates) and all(d.precision in ("month", "year") for d in fact.dates)


def _aside(reason: str, fact: Facts) -> SetAside:
    return SetAside(reason, fact.sentence.start, fact.sentence.end, fact.sentence.text)


def _is_accident(event: Event) -> bool:
    """Return whether an event is a burst that its own report calls an accident."""
    words = {t.word for f in event.facts for t in live(f)}
    weapons = any(armed(f) for f in event.told())
    called = any("accident" in f.scopes.flags for f in event.told())
    return event.status == "reported" and called and not weapons and words <= set(BURSTS)


def _is_misfortune(facts: Sequence[Facts]) -> bool:
    """Return whether people came to harm in a text that has no word of anybody's hostile hand."""
    return not any(
        f.weapons or any(t.strong for t in f.triggers) or _HOSTILE.search(f.sentence.low)
        for f in facts
    )


def _is_figurative(facts: Sequence[Facts]) -> bool:
    """Return whether a text is about sport, money, films or the like."""
    hits = sum("figurative" in f.scopes.flags for f in facts)
    return hits > 1 and hits >= _FIGURATIVE_SHARE * len(facts)


def _echoes(facts: Sequence[Facts]) -> set[int]:
    """Return which sentences tell more of an attack that was named only as someone's past.

    "He is wanted for an attack on Monday. In the attack, three soldiers were killed."
    """
    found: set[int] = set()
    past = False
    for fact in facts:
        attacks = [t for t in fact.triggers if t.event_type in ("armed_attack", "explosion")]
        if past and _OF_THE_ATTACK.search(fact.sentence.low):
            found.add(id(fact))
        elif any(t.scope == "background" and t.word in NOUNS for t in attacks):
            past = True
        elif fact.harm or "separate" in fact.scopes.flags:
            past = False
    return found


def _sets_scene(fact: Facts, event: Event) -> bool:
    """Return whether a sentence without an event of its own moves the report to another place."""
    return bool(live(fact)) and _agree(scene_of([fact]), scene_of(event.told())) is False


def _place(
    fact: Facts, status: str, events: list[Event], current: Event | None, pending: Sequence[Facts]
) -> Event:
    """Put a sentence into the event that it continues, or open a new one."""
    for event in _candidates(events, current):
        if _continues(fact, status, event):
            event.facts.append(fact)
            if status == "reported" and event.status == "arrest":
                event.status = "reported"
            return event
    before = [] if status == "recounted" or "separate" in fact.scopes.flags else list(pending)
    event = Event(status, [fact], context=before)
    events.append(event)
    return event


def _is_sequel(fact: Facts, event: Event) -> bool:
    """Return whether a sentence tells of what happened later at a place of its own."""
    if not cues("sequel").search(fact.sentence.low):
        return False
    here, there = scene_of([fact]), scene_of(event.told())
    shared = {level for level in here if here[level] == there.get(level)}
    return bool(here) and bool(there) and not shared


def _candidates(events: list[Event], current: Event | None) -> list[Event]:
    others = [event for event in reversed(events) if event is not current]
    return ([current] if current is not None else []) + others


def _continues(fact: Facts, status: str, event: Event) -> bool:
    """Return whether a sentence tells more of an event rather than of another one."""
    if "recounted" in (status, event.status) and status != event.status:
        return False
    separate = "separate" in fact.scopes.flags or _is_sequel(fact, event)
    same_place = _agree(
        scene_of([fact]), scene_of(event.told() if status != "recounted" else event.facts)
    )
    if same_place is False or _other_day(fact, event):
        return False
    if separate:
        return False
    if event.facts[-1].sentence.start > fact.sentence.start:
        return False
    if status == "recounted":
        return not fact.dates
    return True


def scene_of(facts: Sequence[Facts]) -> dict[str, str]:
    """Return the names of the place where something happened, by level, folded.

    Provinces come from the district when only that is named.
    """
    found: dict[str, str] = {}
    for fact in facts:
        for mention in fact.scene():
            found.setdefault(mention.level, fold(mention.name))
            if mention.entry and mention.entry.parent and mention.level == "admin2":
                found.setdefault("admin1", fold(mention.entry.parent))
    return found


def _agree(one: dict[str, str], two: dict[str, str]) -> bool | None:
    """Return whether two scenes are the same place; None when they don't say."""
    for level in ("admin1", "admin2"):
        if level in one and level in two and one[level] != two[level]:
            return False
    shared = [level for level in ("admin2", "place", "admin1") if level in one and level in two]
    if shared == ["place"] and one["place"] != two["place"]:
        return None
    return True if shared else None


def _other_day(fact: Facts, event: Event) -> bool:
    """Return whether a sentence names another day than the event's sentences do."""
    mine = days_named(fact)
    theirs = [d for f in event.facts for d in days_named(f)]
    if not mine or not theirs:
        return False
    return all(
        abs((a.first - b.first).days) > 1 for a in mine for b in theirs if a.first and b.first
    )


def scene_chain(mentions: Sequence[Mention]) -> dict[str, Mention]:
    """Return the first mention of each level."""
    found: dict[str, Mention] = {}
    for mention in mentions:
        found.setdefault(mention.level, mention)
    return found
