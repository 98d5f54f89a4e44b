"""Text to sentences with their character spans; the head of a report (title, dateline) apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Lt|Col|Gen|Sgt|Capt|Maj|Cpl|Cmdr|Brig|Adm|Pvt|Rev|Hon|Gov|Sen"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|No|vs|approx|km|Inc|Ltd|Co|Corp|U\.S|U\.N"
    r"|a\.m|p\.m|i\.e|e\.g|[A-Z])|\b\d{1,2})\.$"
)
_NUMBERED = re.compile(r"^\s*\d{1,2}\.$")
_BREAK = re.compile(
    r"[.!?…\u061f\u06d4]+[\"”’»')\]]*(?=\s+[\"“‘«¿¡'(\[]?[A-Z0-9À-ÞА-Я\u0600-\u06ff])|[\u3002\uff01\uff1f][”』」]*|\n\s*|(?<=[.;:])\s(?=\(\d{1,2}\)\s)|[.!?][”\"](?=\s)|;\s+(?=[A-Z]|(?:hours"
    r"|minutes|days) later|separately|elsewhere|meanwhile|another |in (?:a|an|another) )"
)
_UNFINISHED = re.compile(
    r"(?:,|\b(?:a|an|the|of|in|at|on|to|by|for|from|with|near|and|or|his|her|its|their|was|were))$"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATED = (
    rf"(?:{_MONTH}\s*\d{{1,2}}(?:[.,]{{1,2}}\s*\d{{4}})?|\d{{1,2}}\s+{_MONTH}(?:,?\s+\d{{4}})?)"
)
_DATELINE = re.compile(
    r"(?:(?<=^)|(?<=\s))(?P<place>[A-Z][A-Z’'.-]{2,}(?:[ -][A-Z][A-Z’'.-]*){0,3})"
    r"(?P<country>,\s*[A-Z][a-z]\w+(?:\s[A-Z][a-z]\w+)?)?"
    rf"(?:(?P<date>\s*(?:,\s*{_DATED}|\(\s*{_DATED}\s*\)))(?:\s*\([A-Z][\w/ ]{{1,20}}\))?"
    r"(?:\s*[–—-]{1,2}\s*|\s*:\s*|\s+)"
    r"|(?:\s*\([A-Z][\w/ ]{1,20}\))?\s*(?:[–—]|--|\s-)\s*)"
)
#: "Accra (GNA) -" and "Lagos, May 3 -" at the start of a line, in small letters too.
_PLAIN_DATELINE = re.compile(
    r"^(?P<place>[A-Z][\w’'-]+(?:[ -][A-Z][\w’'-]+){0,3})"
    r"(?P<country>,\s*[A-Z][a-z]\w+(?:\s[A-Z][a-z]\w+)?)?"
    rf"(?:(?P<date>\s*(?:,\s*{_DATED}|\(\s*{_DATED}\s*\)))"
    rf"|\s*\([A-Z][^()\n]{{1,30}}\))\s*(?:[–—]|--|-)\s+",
    re.MULTILINE,
)
_RELEASE = re.compile(r"For Immediate Release|Download PDF")
_HEAD = 700
#: Characters of a sentence; a longer one is read in pieces.
LONGEST = 1_000
_TITLE = 160


@dataclass(frozen=True)
class Quote:
    """A value with the span it rests on."""

    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Sentence:
    """One sentence of a text: ``text[start:end]``.

    Parameters
    ----------
    text
        The sentence.
    start, end
        Its span.
    paragraph
        Number of its paragraph.
    title
        Whether it stands in the head of the report, before the body.
    """

    text: str
    start: int
    end: int
    paragraph: int
    title: bool = False

    @cached_property
    def low(self) -> str:
        """The sentence in lower case, each character in its place."""
        return lower(self.text)


@dataclass(frozen=True)
class Dateline:
    """Where and when a report was filed: spans of the place and of the date in the text."""

    place: tuple[int, int]
    date: tuple[int, int] | None
    end: int


def find_dateline(text: str) -> Dateline | None:
    """Return the dateline of a report, or None.

    Examples
    --------
    >>> text = "PORT VERRA, March 3 (VNA) - Gunmen fired at a bus."
    >>> line = find_dateline(text)
    >>> text[slice(*line.place)], text[slice(*line.date)]
    ('PORT VERRA', ', March 3')
    """
    for found in _DATELINE.finditer(text, 0, _HEAD):
        before = text[: found.start()].rstrip(" ")
        if before and not (before.endswith("\n") or _RELEASE.search(before) or found["date"]):
            continue
        date = found.span("date") if found["date"] else None
        return Dateline(found.span("place"), date, found.end())
    plain = _PLAIN_DATELINE.search(text, 0, _HEAD)
    if plain is None:
        return None
    date = plain.span("date") if plain["date"] else None
    return Dateline(plain.span("place"), date, plain.end())


def split_sentences(text: str) -> list[Sentence]:
    """Return the sentences of a text in order; together they cover all but white space.

    Parameters
    ----------
    text
        Plain text; a new line ends a sentence.

    Returns
    -------
    list of Sentence
        Sentences whose span lies in the head (the title and what stands before the dateline) are
        marked as title.

    Examples
    --------
    >>> [s.text for s in split_sentences("Col. A. Reed spoke. Two men fled.")]
    ['Col. A. Reed spoke.', 'Two men fled.']
    """
    body = _body_start(text)
    found: list[Sentence] = []
    start, paragraph = 0, 0
    for end, is_line in _bounded([*_breaks(text, body), (len(text), True)], text):
        piece = text[start:end]
        stripped = piece.strip()
        if stripped:
            left = start + len(piece) - len(piece.lstrip())
            found.append(
                Sentence(stripped, left, left + len(stripped), paragraph, title=left < body)
            )
        start = end
        paragraph += is_line
    return found


def _bounded(ends: list[tuple[int, bool]], text: str) -> Iterator[tuple[int, bool]]:
    """Yield the ends of sentences, and of the pieces of any that no writer would have written.

    What is read grows with the square of a sentence; a page without a full stop is cut at spaces.
    """
    start = 0
    for end, is_line in ends:
        while end - start > LONGEST:
            space = text.rfind(" ", start + 1, start + LONGEST)
            start = space if space > start else start + LONGEST
            yield start, False
        yield end, is_line
        start = end


def _breaks(text: str, body: int) -> list[tuple[int, bool]]:
    ends = []
    for found in _BREAK.finditer(text):
        before = text[max(0, found.start() - 12) : found.start() + 1]
        is_line = found[0].startswith("\n")
        if is_line and _is_wrapped(text, found.start(), found.end()):
            continue
        if not is_line and found[0] == "." and _ABBREVIATION.search(before):
            year_follows = re.match(r"\s*(?:19|20)\d\d\b", text[found.end() :])
            if not re.search(r"\d\.$", before) or _NUMBERED.match(before) or year_follows:
                continue
        ends.append((found.end(), is_line))
    if body:
        ends = sorted({*ends, (body, True)})
    return ends


def _is_wrapped(text: str, start: int, end: int) -> bool:
    """Return whether a new line only wraps a sentence: it goes on with a small letter, or must."""
    if "\n" in text[start + 1 : end] or end == len(text):
        return False
    return text[end].islower() or _UNFINISHED.search(text[max(0, start - 12) : start]) is not None


def _body_start(text: str) -> int:
    """Return where the body begins: after the dateline, or after a first line that is a title."""
    line = find_dateline(text)
    if line:
        return line.end
    release = [found.end() for found in _RELEASE.finditer(text, 0, _HEAD)]
    if release:
        return max(release)
    first, newline, rest = text.lstrip("\n").partition("\n")
    if (
        newline
        and rest.strip()
        and len(first) < _TITLE
        and not _is_wrapped(text, len(text) - len(rest) - 1, len(text) - len(rest))
        and not first.rstrip().endswith((".", "!", "?", "”", '"'))
    ):
        return len(text) - len(rest)
    return 0
