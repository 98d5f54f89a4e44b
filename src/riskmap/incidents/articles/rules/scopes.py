"""What kind of statement a stretch of text makes: news, background, a wish, a charge, a denial."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riskmap.incidents.articles.lexicons import cues, lower

_CLAUSE_END = re.compile(
    r"[;:—–]|, (?:\w+ly )?(?=\w+ing\b)|,? \b(?:but|when|after|before|while"
    r"|because|although|though|saying"
    r"|said|says|resulting|leaving|as)\b|[”\"]| and (?=(?:was|were|then|killed|wounded|injured"
    r"|detained|arrested|captured"
    r"|abducted|kidnapped|seized)\b)"
)
_SCOPE = re.compile(
    r"[;]|, (?=(?:was|were|is|has|had|have)\b)|, (?=(?:officials?|police"
    r"|authorities|the \w+ said|according)\b)|,? \b(?:but)\b"
)
_BEFELL = re.compile(
    r" (?=(?:(?:was|were|has been|have been) (?:\w+ly |also )?(?:detained|arrested|captured"
    r"|apprehended|taken into"
    r"|killed|shot|wounded|freed|released|rescued)|died)\b)"
    r"|(?<!and)(?<!of)(?<!for)(?<!in)(?<!by) (?=(?:detaining|capturing|arresting) )"
)
#: What is thrown in about someone: "the nurse, who has worked there since 2019, was wounded".
RELATIVE_CLAUSE = re.compile(r", (?:who|which|whose)\b[^,;]*,")
_COURT_AS_PLACE = re.compile(
    r"\b(?:outside|near|at|inside|attack(?:ed)? on|stormed|attacked|targeted|hit|entered|bombed) "
    r"(?:an? |the )?(?:\w+ ){0,3}court\b|\b(?:prosecutor|judge|lawyer|witness) in the trial\b"
)
_RELATIVE = re.compile(r"\b(?:who|which|that|where|when|if|whom)\b")
_FEW_WORDS = re.compile(r"(?:[^\w,;]*[\w’'-]+){0,4}")
#: Lists of cues that say something of a whole sentence.
_FLAGS = (
    "animal", "fiction", "petty", "verbal", "alleged", "recounted", "court", "accident",
    "figurative", "summary", "separate", "claim", "denial", "pluperfect",
)  # fmt: skip


@dataclass(frozen=True)
class Scopes:
    """Stretches of one sentence, and what the whole sentence is.

    Parameters
    ----------
    background, hypothetical, negative
        Spans within the sentence in which nothing new is told.
    habitual
        Where a description of someone's role begins, or None.
    flags
        Names of the lists of cues that the sentence meets.
    """

    background: tuple[tuple[int, int], ...]
    hypothetical: tuple[tuple[int, int], ...]
    negative: tuple[tuple[int, int], ...]
    flags: frozenset[str]

    def kind_at(self, position: int) -> str:
        """Return "", "background", "hypothetical" or "negative" for a position."""
        for name in ("negative", "hypothetical", "background"):
            if any(a <= position < b for a, b in getattr(self, name)):
                return name
        return ""


def find_scopes(sentence: str) -> Scopes:
    """Return the scopes of a sentence.

    Examples
    --------
    >>> text = "Police held a man suspected of killing two guards."
    >>> find_scopes(text).kind_at(text.index("killing")), find_scopes(text).kind_at(0)
    ('background', '')
    """
    low = lower(sentence)
    behind = [
        (
            found.start(),
            found.end(),
            _verb_of_subject(low, found.end(), _end(low, found.end(), _SCOPE)),
        )
        for name in ("background", "habitual")
        for found in cues(name).finditer(low)
    ]
    background = [(start, end) for start, _, end in behind]
    reasons = [(after, end) for _, after, end in behind]
    hypothetical = [
        (found.start(), _end_of_wish(low, found))
        for found in cues("hypothetical").finditer(low)
        if sentence[slice(*found.span())] not in ("May", "March")
    ]
    negative = [
        (found.start(), _few_words(low, found.end())) for found in cues("negative").finditer(low)
    ]
    negative += [
        (found.start(), _end(low, found.end(), _CLAUSE_END))
        for found in cues("denied").finditer(low)
    ]
    flags = {name for name in _FLAGS if cues(name).search(low)}
    reasons += [found.span() for found in RELATIVE_CLAUSE.finditer(low)]
    sites = [found.span() for found in _COURT_AS_PLACE.finditer(low)]
    for name, spans in (("recounted", reasons), ("court", sites)):
        heard = [found.start() for found in cues(name).finditer(low)] if name in flags else []
        if heard and all(any(a <= at < b for a, b in spans) for at in heard):
            flags.discard(name)
    return Scopes(tuple(background), tuple(hypothetical), tuple(negative), frozenset(flags))


def _end_of_wish(sentence: str, found: re.Match[str]) -> int:
    """Return where a wish ends; inside "insurgents planning attacks were killed" at "were"."""
    end = _end(sentence, found.end(), _CLAUSE_END)
    inner = found[0].split()[0].endswith("ing") or sentence[: found.start()].endswith("who ")
    return _verb_of_subject(sentence, found.end(), end) if inner else end


def _verb_of_subject(sentence: str, start: int, end: int) -> int:
    """Return where the verb stands whose subject a stretch describes: "wanted for raids | was"."""
    found = _BEFELL.search(sentence, start, end)
    if found and not _RELATIVE.search(sentence, start, found.start()):
        return found.start()
    return end


def _end(sentence: str, start: int, pattern: re.Pattern[str]) -> int:
    found = pattern.search(sentence, start)
    return found.start() if found else len(sentence)


def _few_words(sentence: str, start: int) -> int:
    found = _FEW_WORDS.match(sentence, start)
    return found.end() + 1 if found else start
