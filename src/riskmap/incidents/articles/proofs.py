"""What a field of a record must quote: a day a phrase of time, a place its name where it happened.

Each proof is a function of a value, the spans of its quotes and what is known of the text; it
returns "" when the quotes say the value, else the reason in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from riskmap.countries import display_name, find_country
from riskmap.incidents.articles.dates import Reference, find_dates
from riskmap.incidents.articles.numerals import says_count
from riskmap.incidents.articles.quotes import find_harm, is_cjk, lists, pattern, plain
from riskmap.incidents.articles.sentences import Dateline, split_sentences
from riskmap.incidents.calendars import CALENDARS
from riskmap.incidents.dates import days_of
from riskmap.incidents.nationalities import find_in_script, find_nationalities
from riskmap.incidents.words import any_of, find_event_type, find_sectors, read_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskmap.incidents.articles.matchers import PlaceMatcher

    Spans = Sequence[tuple[int, int]]
    Days = tuple[date, date]

#: Roles of a place at which nothing happened.
ELSEWHERE = ("destination", "origin", "dateline", "seat", "training", "transit")
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_SHORTEST = 4
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")


@dataclass(frozen=True)
class Source:
    """A text and what is known of it.

    Parameters
    ----------
    text
        The text.
    reference
        The day it counts from.
    matcher
        Names of regions.
    dateline
        Where and when it was filed.
    roles
        Start, end and role of each place that is named.
    """

    text: str
    reference: Reference
    matcher: PlaceMatcher
    dateline: Dateline | None = None
    roles: tuple[tuple[int, int, str], ...] = ()

    def quote(self, span: tuple[int, int]) -> str:
        """Return the words of a span."""
        return self.text[slice(*span)]

    def sentence(self, span: tuple[int, int]) -> tuple[int, int]:
        """Return the span of the sentences that hold a span."""
        found = [
            (s.start, s.end)
            for s in split_sentences(self.text)
            if s.start < span[1] and s.end > span[0]
        ]
        return (min(a for a, _ in found), max(b for _, b in found)) if found else span

    def is_dateline(self, span: tuple[int, int]) -> bool:
        """Return whether a span is within the dateline."""
        line = self.dateline
        return line is not None and line.place[0] <= span[0] and span[1] <= line.end


def prove(name: str, value: Any, spans: Spans, source: Source, told: Mapping[str, Spans]) -> str:
    """Return why quotes don't say the value of a field, or "".

    Parameters
    ----------
    name, value
        The field.
    spans
        Where its quotes stand.
    source
        The text.
    told
        The spans that all fields of the record quote.

    Examples
    --------
    >>> from riskmap.incidents.articles.matchers import PlaceMatcher
    >>> source = Source("Six men died.", Reference(), PlaceMatcher.from_regions(None))
    >>> prove("killed", 5, [(0, 13)], source, {})
    "'Six men died.' does not say 5"
    """
    proof = _PROOFS.get(name)
    return proof(name, value, spans, source, told) if proof else ""


def _count(name: str, value: int, spans: Spans, source: Source, _told: Mapping[str, Spans]) -> str:
    quotes = [source.quote(span) for span in spans]
    kind = name.removeprefix("attackers_")
    if name == "foreign_victims":
        told_all = says_count(quotes, value) or any(says_count([q], value) for q in quotes)
        return "" if told_all else f"{quotes[0][:80]!r} does not say {value}"
    around = {k for span in spans for k in find_harm(source.quote(source.sentence(span)))}
    here = {k for quote in quotes for k in find_harm(quote)} - {"attacked"}
    if not here and around - {"attacked"} and kind not in around:
        return f"{quotes[0][:80]!r} stands in a sentence that tells of nobody {kind}"
    if here and kind not in here:
        return f"{quotes[0][:80]!r} tells of nobody {kind}"
    return "" if says_count(quotes, value, kind) else f"{quotes[0][:80]!r} does not say {value}"


def _day(name: str, value: Days, spans: Spans, source: Source, _told: Mapping[str, Spans]) -> str:
    """Return why no quote names just these days; the dateline's day is that of the report."""
    shown = value[0].isoformat() if value[0] == value[1] else f"{value[0]} to {value[1]}"
    own = [span for span in spans if not source.is_dateline(span)]
    if not own:
        return f"{source.quote(spans[0])[:80]!r} is the day of the report"
    for span in own:
        for first, last in read_days(source.quote(span), source.reference):
            if (first, last) == value or (
                value[0] <= first and last <= value[1] and value[0] != value[1] and name
            ):
                return ""
    return f"{source.quote(own[0])[:80]!r} does not say {shown}"


def read_days(quote: str, reference: Reference) -> Iterator[Days]:
    """Yield the days that a quote may name, each as its first and last, in nine languages.

    Examples
    --------
    >>> seen = Reference(date(2031, 5, 14), 2031, 5)
    >>> [str(days[0]) for days in read_days("в понедельник", seen)]
    ['2031-05-12']
    >>> [str(day) for day in next(read_days("2031年5月", seen))]
    ['2031-05-01', '2031-05-31']
    """
    for phrase in find_dates(quote, reference=reference):
        if phrase.first and phrase.last:
            yield phrase.first, phrase.last
    low = plain(quote).translate(_DIGITS)
    yield from _absolute(low, reference)
    if reference.day is None:
        return
    for back, words in sorted(lists()["days"].items()):
        if back.isdigit() and any(_has(low, word) for word in words):
            day = reference.day - timedelta(days=int(back))
            yield day, day
    for back, words in lists()["days"]["months"].items():
        if any(_has(low, word) for word in words):
            last = reference.day.replace(day=1) - timedelta(days=1) if int(back) else reference.day
            yield last.replace(day=1), days_of(last.year, last.month).last or last
    for number, words in _weekdays().items():
        if any(_has(low, word) for word in words):
            day = reference.day - timedelta(days=(reference.day.isoweekday() - number) % 7)
            yield day, day
            if pattern("days", "past").search(low):
                yield day - _WEEK, day - _WEEK


def _has(low: str, word: str) -> bool:
    word = plain(word)
    return (
        word in low
        if is_cjk(word)
        else re.search(rf"(?<!\w){re.escape(word)}(?!\w)", low) is not None
    )


@cache
def _weekdays() -> dict[int, list[str]]:
    """Return the words for each weekday, Monday is 1; short forms of tables are left out."""
    found: dict[int, list[str]] = {n: list(w) for n, w in _own_weekdays().items()}
    for word, value in read_words("weekday").items():
        if len(word) >= (_SHORTEST if word.isascii() else _SHORTEST - 1) or is_cjk(word):
            found.setdefault(int(value), []).append(word)
    return found


def _own_weekdays() -> dict[int, list[str]]:
    return {int(number): words for number, words in lists()["days"]["weekday"].items()}


@cache
def _dated() -> tuple[re.Pattern[str], ...]:
    months = any_of(
        plain(w).replace("_", " ")
        for w in read_words("month")
        if len(w) >= _SHORTEST - 1 and not is_cjk(w)
    )
    solar = any_of([plain(w) for w in read_words("solar_month")])
    join = r"(?:er|º|°|ro)?\.?\s+(?:de\s+|d')?"
    return (
        re.compile(
            rf"(?<!\d)(\d{{1,2}}){join}({months})\.?(?!\w)(?:,?\s+(?:de\s+|del\s+|\u0433\.?\s+)?(\d{{4}}))?"
        ),
        re.compile(rf"(?<!\d)(?<!\d\s)({months})\.?\s+(?:de\s+|del\s+)?(\d{{4}})(?!\d)"),
        re.compile(rf"(?<!\d)(\d{{1,2}})\s+({solar})(?!\w)(?:\s+(?:سال\s+)?(1[34]\d\d))?"),
        re.compile(r"(?:(\d{4})年)?(\d{1,2})月(?:(\d{1,2})[日号])?"),
        re.compile(r"(?<!\d)((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)"),
        re.compile(
            rf"(?<!\d)(?<!\d\s)(?<!\d de )(?<!\d d')({months})(?!\w)(?!\s+(?:de\s+|del\s+)?\d{{4}})"
        ),
    )


def _absolute(low: str, ref: Reference) -> Iterator[Days]:
    """Yield the days that are named by day, month or year; a year left out is the last one."""
    words = {plain(w).replace("_", " "): int(n) for w, n in read_words("month").items()}
    dmy, my, solar, han, iso, bare = _dated()
    for found in dmy.finditer(low):
        yield from _of(found[3], words[found[2]], int(found[1]), ref)
    for found in my.finditer(low):
        yield from _of(found[2], words[found[1]], None, ref)
    for found in han.finditer(low):
        yield from _of(found[1], int(found[2]), int(found[3]) if found[3] else None, ref)
    for found in re.finditer(r"(?<![月\d])(\d{1,2})[日号]", low):
        for month in (ref.day, ref.day.replace(day=1) - _DAY) if ref.day else ():
            yield from _of(str(month.year), month.month, int(found[1]), ref)
    for found in iso.finditer(low):
        yield from _of(found[1], int(found[2]), int(found[3]), ref)
    for found in bare.finditer(low):
        yield from _of(None, words[found[1]], None, ref)
    names = {plain(w): int(n) for w, n in read_words("solar_month").items()}
    for found in solar.finditer(low):
        years = (
            [int(found[3])] if found[3] else [ref.year - 621, ref.year - 622] if ref.year else []
        )
        for year in years:
            days = CALENDARS["solar_hijri"].interval(year, names[found[2]], int(found[1]))
            if days and (found[3] or ref.day is None or days[0] <= ref.day):
                yield days
                break


def _of(year: str | None, month: int, day: int | None, ref: Reference) -> Iterator[Days]:
    years = [int(year)] if year else [ref.year, ref.year - 1] if ref.year else []
    for one in years:
        try:
            found = days_of(one, month, day)
        except ValueError:
            continue
        if found.first and found.last and (year or ref.day is None or found.first <= ref.day):
            yield found.first, found.last
            return


def _place(name: str, value: str, spans: Spans, source: Source, told: Mapping[str, Spans]) -> str:
    """Return why a place is not where it happened: not named, or named where nothing is told."""
    named = [span for span in spans if _names(value, source.quote(span), source, name)]
    if not named:
        return f"{source.quote(spans[0])[:80]!r} does not name {value}"
    own = [span for span in named if not source.is_dateline(span)]
    if not own:
        return f"{source.quote(named[0])[:80]!r} is where the report was filed"
    roles = {span: _roles(span, source) for span in own}
    own = [span for span in own if not roles[span] or roles[span] - set(ELSEWHERE)]
    if not own:
        found = ", ".join(sorted({role for span in named for role in roles.get(span, ())}))
        return f"{source.quote(named[0])[:80]!r} is no scene but a place of another role: {found}"
    if any(_is_told(span, source, told) for span in own):
        return ""
    return f"{source.quote(own[0])[:80]!r} stands in a sentence that tells of nothing done there"


def _roles(span: tuple[int, int], source: Source) -> set[str]:
    return {role for start, end, role in source.roles if start < span[1] and end > span[0]}


def _names(value: str, quote: str, source: Source, level: str) -> bool:
    if plain(value) in plain(quote):
        return True
    found = source.matcher.lookup(quote, level=level if level != "place" else None, typed=True)
    return any(plain(entry.name) == plain(value) for entry in found)


def _is_told(span: tuple[int, int], source: Source, told: Mapping[str, Spans]) -> bool:
    """Return whether the sentence of a place tells of the event, or is quoted as its scene."""
    start, end = source.sentence(span)
    says = bool(find_harm(source.text[start:end]))
    quoted = [
        name
        for name, spans in told.items()
        for a, b in spans
        if start < b and end > a and name not in _PLACES
    ]
    if any((a <= start and end <= b + 1) or start <= a < end for a, b in told.get("scene", ())):
        return says
    return says and bool(quoted)


_PLACES = ("place", "admin1", "admin2", "country", "stated_by", "event_status")


def _country(
    _name: str, value: str, spans: Spans, source: Source, told: Mapping[str, Spans]
) -> str:
    """Return why a country is not that of the scene; a government that speaks is none."""
    for span in spans:
        if value not in _countries(source.quote(span), source.matcher):
            continue
        before = source.text[max(0, span[0] - 24) : span[0]]
        if _is_office(source.text, span[1]) or pattern("office", "before").search(plain(before)):
            continue
        if source.is_dateline(span) or not _is_told_near(span, source, told):
            continue
        return ""
    return f"{source.quote(spans[0])[:80]!r} does not put it in {display_name(value)}"


def _is_told_near(span: tuple[int, int], source: Source, told: Mapping[str, Spans]) -> bool:
    start, end = source.sentence(span)
    places = [told.get(name, ()) for name in ("place", "admin1", "admin2", "scene")]
    beside = any(start < b and end > a for spans in places for a, b in spans)
    return beside or _is_told(span, source, told)


def _is_office(text: str, end: int) -> bool:
    right = plain(text[end : end + 30])
    words = any_of(lists()["office"]["words"])
    cjk = any_of(lists()["office"]["behind_cjk"])
    return re.match(rf"(?:'s|')?\s+(?:\w+ )?(?:{words})(?!\w)|(?:{cjk})", right) is not None


def _countries(quote: str, matcher: PlaceMatcher) -> set[str]:
    """Return the countries that a quote names, in any of seven languages."""
    found = {e.iso3 for e in matcher.lookup(quote, level="country") if e.iso3}
    words = re.findall(r"[\w.'’-]+", quote)
    for size in range(min(5, len(words)), 0, -1):
        for at in range(len(words) - size + 1):
            name = " ".join(words[at : at + size]).removesuffix("'s").removesuffix("’s").strip(".'")
            if code := find_country(name):
                found.add(code)
            if size < 4:  # noqa: PLR2004 - no name of an invented country is longer
                found |= {e.iso3 for e in matcher.lookup(name) if e.level == "country" and e.iso3}
    return found | set(find_in_script("nation", quote))


def _nationality(
    _name: str, value: str, spans: Spans, source: Source, _told: Mapping[str, Spans]
) -> str:
    for span in spans:
        quote = source.quote(span)
        if value not in _nations(quote):
            continue
        if not _is_office(source.text, span[1]) or re.search(r"\s\w", quote):
            return ""
    return f"{source.quote(spans[0])[:80]!r} does not say {value}"


def _nations(quote: str) -> set[str]:
    """Return the nationalities that a quote names, save those of firms and governments."""
    words = any_of(lists()["office"]["words"])
    bare = re.sub(rf"\b[A-Z]\w+(?:['’]s)? (?:{words})\b", " ", quote)
    found = set(find_nationalities(bare)[0])
    if re.search("中方|我国|华人|华侨|中企|中资|同胞", quote):
        found.add("CHN")
    return found


def _group(name: str, value: str, spans: Spans, source: Source, _told: Mapping[str, Spans]) -> str:
    """Return why nobody says that a group claims, denies or is blamed for it."""
    for span in spans:
        start, end = source.sentence(span)
        if plain(value) not in plain(source.quote(span)):
            continue
        if pattern("claims", name).search(plain(source.text[start:end])):
            return ""
        return f"{source.quote(span)[:80]!r} stands in a sentence without a word for {name}"
    return f"{source.quote(spans[0])[:80]!r} does not name {value}"


def _words(_name: str, value: str, spans: Spans, source: Source, _told: Mapping[str, Spans]) -> str:
    if any(plain(value) in plain(source.quote(span)) for span in spans):
        return ""
    return f"{source.quote(spans[0])[:80]!r} does not say {value!r}"


def _event_type(
    _name: str, value: str, spans: Spans, source: Source, _told: Mapping[str, Spans]
) -> str:
    around = [source.quote(source.sentence(span)) for span in spans]
    if value == "abduction" and not any("abducted" in find_harm(text) for text in around):
        return f"{source.quote(spans[0])[:80]!r} tells of no abduction"
    if any(find_harm(text) or find_event_type(text) for text in around):
        return ""
    return f"{source.quote(spans[0])[:80]!r} tells of no event"


def _sector(
    _name: str, value: str, spans: Spans, source: Source, _told: Mapping[str, Spans]
) -> str:
    found = {name for span in spans for name in find_sectors(source.quote(span))}
    if not found or value in found:
        return ""
    return f"{source.quote(spans[0])[:80]!r} says {', '.join(sorted(found))}"


def prove_status(status: str, spans: Spans, source: Source) -> str:
    """Return why a status that takes a record out of the news is not shown, or ""."""
    if status == "reported":
        return ""
    if not spans:
        return f"event_status: no sentence is quoted for {status!r}"
    if status == "arrest" and not any(
        "arrested" in find_harm(source.quote(source.sentence(span))) for span in spans
    ):
        return f"event_status: {source.quote(spans[0])[:80]!r} tells of no arrest"
    return ""


_PROOFS: dict[str, Callable[[str, Any, Spans, Source, Mapping[str, Spans]], str]] = {
    **dict.fromkeys(
        (
            "killed", "wounded", "abducted", "arrested", "released", "attackers_killed",
            "attackers_wounded", "foreign_victims",
        ),
        _count,
    ),
    "event_date": _day,
    **dict.fromkeys(("place", "admin1", "admin2"), _place),
    "country": _country,
    "nationality": _nationality,
    **dict.fromkeys(("claimed_by", "denied_by", "attributed_to"), _group),
    **dict.fromkeys(("actor", "stated_by"), _words),
    "event_type": _event_type,
    "sector": _sector,
}  # fmt: skip
