"""Sentences to events: which sentences tell of the same event, and whether it is news.

An event is `reported` (the news), `recounted` (told again) or `arrest`. A charge that nobody has
shown is `alleged`: it becomes no event and is set aside with its sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from riskmap.incidents.articles.lexicons import caseless
from riskmap.incidents.articles.matchers import fold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from riskmap.incidents.articles.dates import DatePhrase, Reference
    from riskmap.incidents.articles.facts import Facts, Trigger
    from riskmap.incidents.articles.mentions import Mention

EVENT_STATUSES = ("reported", "recounted", "arrest")
_OLD = timedelta(days=21)
_FIGURATIVE_SHARE = 0.3
_SAID = re.compile(r"\b(?:said|says|told|confirmed|reported|according|stated|announced|added)\b")
DEFINITE = caseless(
    r"\b(?:the|this|that) (?:\w+ ){0,2}?(?:attack|incident|blast|explosion"
    r"|killing|killings|raid|ambush|bombing|shooting|assault"
    r"|kidnapping|abduction|clash|strike|operation|attackers?|gunmen|assailants?|victims?|dead|hostages?|deceased|wounded|injured"
    r"|insurgents?|suspects?|detainees?|bomber|bomb|vehicle|convoy|search|toll)\b"
)
_OF_THE_ATTACK = caseless(
    r"^\W*(?:(?:during|in|as a result of) )?(?:the|that|this) (?:\w+ ){0,2}?(?:attacks?|bombing|blast|ambush|assault|shooting)\b"
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
_HOSTILE = caseless(
    r"\b(?:gunm[ae]n|attack\w*|assailants?|militants?|insurgents?|rebels?|terroris\w+|armed|shot|shoot\w*|fight\w*|clash\w*"
    r"|war|mob|riot\w*|police|soldiers?|troops|forces?|army|military|bandits?|kidnap\w*|abduct\w*|hostages?|captors?|stab\w*"
    r"|beat\w*|murder\w*|kill\w*|slain|wound\w*|execut\w+|assassin\w*|suspects?|criminals?|robbers?|gangs?|arrest\w*|detain\w*"
    r"|captur\w*|hack\w*|behead\w*|massacre\w*|slaughter\w*|lynch\w*|explo\w+|blasts?|bomb\w*|strikes?|raid\w*|alleged\w*"
    r"|accus\w+|seized|gunfire|gunshot\w*|bullets?|opened|violence|unrest|protest\w*)\b"
)
#: Nouns for an event that may be meant in general ("a war of attack and ambush").
_NOUNS = (
    "attack", "assault", "targeted", "shooting", "clash", "clashes", "bombing", "explosion",
    "blast", "ambush", "abduction", "kidnapping", "airstrike",
)  # fmt: skip
_TALK = re.compile(
    r"\b(?:threats?|fears?|warnings?|plans?|ability|efforts?|fight|war|campaign|talks)\b"
)


#: Words for a burst that needs no hand: gas, fireworks and boilers explode too.
_BURSTS = (
    "explosion",
    "blast",
    "exploded",
    "detonated",
    "went off",
    "ripped through",
    "tore through",
)
_AIMS = ("targeted", "attack", "assault", "raid")


class SetAside(NamedTuple):
    """A sentence that makes no incident, with the reason."""

    reason: str
    start: int
    end: int
    sentence: str


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
    echoes = _echoes(body)
    if _is_misfortune(facts):
        return [], []
    quiet = _is_figurative(facts)
    events: list[Event] = []
    aside: list[SetAside] = []
    current: Event | None = None
    pending: list[Facts] = []
    summaries: list[tuple[str, Facts]] = []
    for fact in body:
        status = _status(fact, reference, quiet=quiet, known=current, echo=id(fact) in echoes)
        if id(fact) in echoes and not status:
            continue
        if status == "alleged":
            aside.append(_aside("alleged", fact))
        elif (
            status in ("reported", "arrest") and "summary" in fact.scopes.flags and current is None
        ):
            if not _is_statistic(fact):
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
    for status, fact in summaries:
        if any(event.status in ("reported", "arrest") for event in events):
            aside.append(_aside("summary", fact))
        else:
            context = [f for f in pending if f is not fact]
            events.append(Event(status, [fact], context=context))
    events = [event for event in events if not _is_accident(event)]
    events.sort(key=lambda e: (EVENT_STATUSES.index(e.status), e.facts[0].sentence.start))
    return events, aside


def _is_statistic(fact: Facts) -> bool:
    """Return whether a sum over many events has no day: "112 people in 40 attacks in April"."""
    return bool(fact.dates) and all(d.precision in ("month", "year") for d in fact.dates)


def _aside(reason: str, fact: Facts) -> SetAside:
    return SetAside(reason, fact.sentence.start, fact.sentence.end, fact.sentence.text)


def _is_accident(event: Event) -> bool:
    """Return whether an event is a burst that its own report calls an accident."""
    words = {t.word for f in event.facts for t in live(f)}
    armed = any(_armed(f) for f in event.told())
    called = any("accident" in f.scopes.flags for f in event.told())
    return event.status == "reported" and called and not armed and words <= set(_BURSTS)


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


def live(fact: Facts, *, background: bool = False) -> list[Trigger]:
    """Return the event words of a sentence that tell what happened."""
    allowed = ("", "background") if background else ("",)
    return [t for t in fact.triggers if t.scope in allowed]


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
        elif any(t.scope == "background" and t.word in _NOUNS for t in attacks):
            past = True
        elif fact.harm or "separate" in fact.scopes.flags:
            past = False
    return found


def _status(
    fact: Facts, reference: Reference, *, quiet: bool, known: Event | None, echo: bool = False
) -> str:
    """Return the status of the event that a sentence tells of, or "" when it tells none."""
    flags = fact.scopes.flags
    claims, petty = "claim" in flags, "petty" in flags
    if "alleged" in flags and not claims and not (fact.harm and _SAID.search(fact.sentence.text)):
        return "alleged"
    old = echo or _is_old(fact, reference, known)
    strong = [t for t in live(fact, background=old) if t.strong]
    allowed = ("", "background") if old else ("",)
    harm = [
        t for t in fact.tolls if t.kind in ("killed", "wounded", "abducted") and t.scope in allowed
    ]
    held = any(t.kind == "arrested" and not t.scope and t.side == "militant" for t in fact.tolls)
    violent = bool(harm) and (bool(strong) or _armed(fact))
    deliberate = _armed(fact) or any(t.word not in _BURSTS for t in strong)
    other = (
        "fiction" in flags
        or ("accident" in flags and not deliberate and not held)
        or ("animal" in flags and not _armed(fact))
        or ("verbal" in flags and not harm)
        or ((quiet or "figurative" in flags) and not violent and not held)
    )
    if other:
        return ""
    if old or "court" in flags:
        return "recounted" if _is_specific(fact, harm, strong) and not claims else ""
    if harm or (_tells(fact, strong) and not (held and all(t.word in _AIMS for t in strong))):
        return "reported"
    if any(
        t.kind == "arrested" and not t.scope and not (petty and t.side != "militant") and (t.counted or not t.definite or known is None)
        for t in fact.tolls
    ):
        return "arrest"
    return "recounted" if known is None and _frees_captives(fact) else ""


def _frees_captives(fact: Facts) -> bool:
    """Return whether a sentence tells that captives came free, and so of their abduction."""
    freed = [t for t in fact.tolls if t.kind == "released" and not t.scope and t.side == "victim"]
    named = any(t.head not in ("", "name") for t in freed)
    return named and _CAPTIVE.search(fact.sentence.low) is not None


def _armed(fact: Facts) -> bool:
    return any(match[0] not in _BURSTS for match in fact.weapons)


def _tells(fact: Facts, strong: Sequence[Trigger]) -> bool:
    """Return whether event words alone make a sentence tell of an event."""
    if not strong or "summary" in fact.scopes.flags:
        return False
    low = fact.sentence.low
    if _TALK.search(low) and all(
        t.word in ("attack", "assault", "bombing", "ambush", "targeted") for t in strong
    ):
        return False
    placed = any(m.role in ("scene", "reference") for m in fact.places) or bool(fact.dates)
    if all(t.word in _NOUNS for t in strong):
        return placed and bool(DEFINITE.search(low) or _NEW.search(low))
    return True


def _is_specific(fact: Facts, harm: Sequence[object], strong: Sequence[Trigger]) -> bool:
    """Return whether a retelling names enough to be a record: what, and where or when."""
    sites = [m for m in fact.places if m.role in ("scene", "mention") and m.level != "country"]
    if _CHARGED.search(fact.sentence.low) and not (sites and fact.dates):
        return False
    if not (harm or strong) or ("summary" in fact.scopes.flags and not sites):
        return False
    dated = any(d.explicit or d.precision in ("year", "month", "week") for d in fact.dates)
    return bool(sites) or (bool(harm) and dated)


def _is_old(fact: Facts, reference: Reference, known: Event | None) -> bool:
    """Return whether a sentence tells of the past rather than of the news."""
    flags = fact.scopes.flags
    if "recounted" in flags:
        return True
    said = _SAID.search(fact.sentence.text)
    if known is not None and not said and "pluperfect" in flags:
        return True
    if not reference.day:
        years = [d for d in fact.dates if d.precision == "year" and d.first and reference.year]
        return any(d.last.year < reference.year for d in years if d.last and reference.year)
    oldest = reference.day - _OLD
    dated = [d for d in fact.dates if d.last is not None]
    if any(not t.scope for t in fact.tolls):
        start = fact.sentence.start
        dated = [d for d in dated if fact.scopes.kind_at(d.start - start) != "background"]
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


def _candidates(events: list[Event], current: Event | None) -> list[Event]:
    others = [event for event in reversed(events) if event is not current]
    return ([current] if current is not None else []) + others


def _continues(fact: Facts, status: str, event: Event) -> bool:
    """Return whether a sentence tells more of an event rather than of another one."""
    if "recounted" in (status, event.status) and status != event.status:
        return False
    separate = "separate" in fact.scopes.flags
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


def days_named(fact: Facts) -> list[DatePhrase]:
    """Return the days that a sentence names, without those of speech."""
    days = [d for d in fact.dates if d.first is not None and d.precision == "day"]
    return [d for d in days if not is_speech_day(fact, d)]


def is_speech_day(fact: Facts, phrase: DatePhrase) -> bool:
    """Return whether a day is that of the statement: "police said on Monday that ..."."""
    left = fact.sentence.text[: phrase.start - fact.sentence.start]
    right = fact.sentence.text[phrase.end - fact.sentence.start :]
    spoke = re.search(
        r"\b(?:said|told|confirmed|announced|stated|reported|statement|published|released|issued)\b[^,;.]{0,25}$",
        left,
    )
    return (
        bool(spoke)
        and not re.search(
            r"\b(?:killed|attack|attacked|blast|abducted|kidnapped|shot|died|wounded)\b[^,;.]{0,30}$",
            left,
        )
    ) or bool(re.match(r"[^,;.]{0,6}(?:said|announced|confirmed|reported) ", right))


def scene_chain(mentions: Sequence[Mention]) -> dict[str, Mention]:
    """Return the first mention of each level."""
    found: dict[str, Mention] = {}
    for mention in mentions:
        found.setdefault(mention.level, mention)
    return found
