"""What one sentence tells: places with roles, dates, tolls and event words, each with its span."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from riskmap.incidents.articles.dates import DatePhrase, Reference, find_dates
from riskmap.incidents.articles.lexicons import caseless, cues, triggers, weapons
from riskmap.incidents.articles.rules.mentions import Mention, find_mentions
from riskmap.incidents.articles.rules.roles import assign_roles
from riskmap.incidents.articles.rules.scopes import Scopes, find_scopes
from riskmap.incidents.articles.rules.tolls import Toll, find_tolls

if TYPE_CHECKING:
    import re

    from riskmap.incidents.articles.matchers import PlaceMatcher
    from riskmap.incidents.articles.sentences import Dateline, Quote, Sentence
    from riskmap.typing import NameResolver


class Trigger(NamedTuple):
    """A word for an event: the type it tells of, its span, and the scope it stands in."""

    word: str
    event_type: str
    strong: bool
    start: int
    end: int
    scope: str


@dataclass(frozen=True)
class Facts:
    """One sentence and what it tells.

    Parameters
    ----------
    sentence
        The sentence.
    scopes
        What kind of statement its parts make.
    places, dates, tolls, triggers
        What was found in it, with spans in the whole text.
    """

    sentence: Sentence
    scopes: Scopes
    places: tuple[Mention, ...]
    dates: tuple[DatePhrase, ...]
    tolls: tuple[Toll, ...]
    triggers: tuple[Trigger, ...]

    @property
    def harm(self) -> list[Toll]:
        """Tolls of people killed, wounded or abducted that are told as news."""
        return [
            t for t in self.tolls if t.kind in ("killed", "wounded", "abducted") and not t.scope
        ]

    @cached_property
    def weapons(self) -> list[re.Match[str]]:
        """Phrases for weapons and means, found in the sentence in lower case."""
        return list(weapons()[0].finditer(self.sentence.low))

    def scene(self) -> list[Mention]:
        """Places where something happens."""
        return [m for m in self.places if m.role == "scene"]


@dataclass(frozen=True)
class Reader:
    """What stays the same for all sentences of a text."""

    text: str
    matcher: PlaceMatcher
    gazetteer: NameResolver | None
    reference: Reference
    dateline: Dateline | None
    drill: bool
    groups: tuple[Quote, ...] = ()

    def read(self, sentence: Sentence) -> Facts:
        """Return the facts of a sentence."""
        scopes = find_scopes(sentence.text)
        mentions = find_mentions(
            self.text, sentence.start, sentence.end, matcher=self.matcher, gazetteer=self.gazetteer
        )
        named = [
            m for m in mentions if not any(q.start < m.end and q.end > m.start for q in self.groups)
        ]
        places = assign_roles(
            self.text, named, start=sentence.start, scopes=scopes, dateline=self.dateline
        )
        names = [(m.start - sentence.start, m.end - sentence.start) for m in places]
        return Facts(
            sentence=sentence,
            scopes=scopes,
            places=tuple(places),
            dates=tuple(find_dates(sentence.text, reference=self.reference, offset=sentence.start)),
            tolls=tuple(self._tolls(sentence, scopes, names)),
            triggers=tuple(_triggers(sentence, scopes, drill=self.drill)),
        )

    def _tolls(
        self, sentence: Sentence, scopes: Scopes, names: list[tuple[int, int]]
    ) -> list[Toll]:
        found = find_tolls(sentence.text, scopes, offset=sentence.start, names=names)
        return [replace(t, scope="hypothetical") for t in found] if self.drill else found


_NOUN = caseless(
    r" (?:gangs?|rings?|networks?|cells?|plots?|plans?|charges?|cases?"
    r"|suspects?|drills?|exercises?|warnings?|threats?|films?|insurance"
    r"|rifles?|range|helicopters?|dogs?|victims?|survivors?|alerts?)\b"
)
_INFINITIVE = caseless(r"\b(?:to|not|heart|panic|asthma|counter)[ -]$")


def _triggers(sentence: Sentence, scopes: Scopes, *, drill: bool) -> list[Trigger]:
    pattern, kinds, strong = triggers()
    found = []
    for match in pattern.finditer(sentence.low):
        before = sentence.low[max(0, match.start() - 12) : match.start()]
        if (
            _INFINITIVE.search(before)
            or before.endswith("-")
            or _NOUN.match(sentence.low, match.end())
        ):
            continue
        word = match[0]
        scope = "hypothetical" if drill else scopes.kind_at(match.start())
        start = sentence.start + match.start()
        found.append(
            Trigger(word, kinds[word], word in strong, start, sentence.start + match.end(), scope)
        )
    return found


def is_drill(sentences: list[Sentence]) -> bool:
    """Return whether a text is about an exercise: its head says so, or two of its sentences do."""
    hits = [i for i, s in enumerate(sentences) if cues("drill").search(s.low)]
    return len(hits) > 1 or (bool(hits) and hits[0] < 2)  # noqa: PLR2004 - title and lead
