"""Phrases of time in a text, and the days they mean.

A phrase that needs a day to count from (a weekday, "yesterday") stays unresolved without one, and
a year stays a year.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from riskmap.incidents.articles.lexicons import caseless, lower, numbers
from riskmap.incidents.calendars import CALENDARS

if TYPE_CHECKING:
    import re

_MONTHS = {name.lower(): i for i, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): i for i, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_HIJRI = {
    name: i
    for i, names in enumerate(
        (
            "hamal farvardin", "sawr saur ordibehesht", "jawza khordad", "saratan tir",
            "asad mordad", "sunbula sonbola shahrivar", "mizan mehr", "aqrab aban", "qaws azar",
            "jadi dey", "dalwa dalw bahman", "hut hoot esfand",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_DAYS = {name.lower(): i for i, name in enumerate(calendar.day_name)}
_DAYS |= {"tues": 1, "weds": 2, "thurs": 3}
_NUMBER = r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty"
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = "|".join(sorted(_DAYS, key=len, reverse=True))


@dataclass(frozen=True)
class DatePhrase:
    """A phrase of time: where it stands and the days it means.

    Parameters
    ----------
    start, end
        Span in the text that was searched.
    phrase
        The phrase.
    first, last
        First and last day it may mean; None when it can't be resolved.
    precision
        ``"day"``, ``"week"``, ``"month"``, ``"year"``; of the phrase, also when unresolved.
    explicit
        Whether the phrase names a date, month or year rather than counting from the report's day.
    """

    start: int
    end: int
    phrase: str
    first: date | None
    last: date | None
    precision: str
    explicit: bool


@dataclass(frozen=True)
class Reference:
    """The day a report counts from: a day when known, else a year and perhaps a month."""

    day: date | None = None
    year: int | None = None
    month: int | None = None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    hijri = "|".join(sorted(_HIJRI, key=len, reverse=True))
    part = r"(?: (?:morning|afternoon|evening|night))?"
    sources = {
        "iso": r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b(?!-)",
        "hijri": rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({hijri})(?:,? (1[34]\d\d))?\b",
        "dmy": rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?(?:,? ((?:19|20)\d\d))?",
        "mdy": rf"\b({_MONTH})\b\.? ?(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:\d)(?:[.,]{{0,2}} ((?:19|20)\d\d)\b)?",  # noqa: E501 - one pattern
        "month": rf"\b(?:(early|late|mid)[ -])?({_MONTH})\b\.?,? ((?:19|20)\d\d)\b",
        "last_period": r"\b(last|this|past|previous) (week|month|year)\b",
        "earlier": r"\bearlier (?:this|in the) (week|month|year)\b",
        "ago": rf"\b({_NUMBER}|several|few|couple of) (day|week|month|year|decade)s? (?:ago|earlier|before)\b",  # noqa: E501 - one pattern
        "past_span": rf"\b(?:over |during |in |within )?the (?:past|last) ({_NUMBER}) (hour|day|night|week)s?\b",  # noqa: E501 - one pattern
        "past_day": r"\b(?:over|during|in|within) the (?:past|last) day\b",
        "weekday": rf"\b(?:(last|this past|next|this|early|late) )?({_WEEKDAY}){part}\b",
        "before_yesterday": r"\b(?:the )?day before yesterday\b",
        "yesterday": rf"\byesterday{part}|\blast night\b|\bovernight\b|\bthe previous night\b",
        "today": r"\btoday\b(?!['’]s\b)|\btonight\b|\b(?:early )?this (?:morning|afternoon"
        r"|evening)\b",
        "bare_month": r"\b(?:in|last|this|since|during|of|a|an|the|early|late|mid-?) "
        rf"({_MONTH})\b(?!\s?\d)",
        "year": r"\b(?:in|of|since|during|back in|early|late|mid-?|,|the)\s?((?:19|20)\d\d)\b(?!-)",
    }
    return [(kind, caseless(source)) for kind, source in sources.items()]


#: The kinds of phrases that a word may belong to; a sentence without any has no phrase of time.
_KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_DAYS, ("weekday",)),
    **dict.fromkeys(_HIJRI, ("hijri",)),
    **dict.fromkeys(_MONTHS, ("dmy", "mdy", "month", "bare_month")),
    **dict.fromkeys(("last", "this", "past", "previous"), ("last_period",)),
    "earlier": ("earlier", "ago"),
    "ago": ("ago",),
    "before": ("ago", "before_yesterday"),
    "yesterday": ("yesterday",),
    "overnight": ("yesterday",),
    "today": ("today",),
    "tonight": ("today",),
}
_KINDS["last"] += ("past_span", "past_day", "yesterday")
_KINDS["past"] += ("past_span", "past_day")
_KINDS["previous"] += ("yesterday",)
_KINDS["this"] += ("earlier", "today")
_WORD = caseless(rf"\b(?:{'|'.join(sorted(_KINDS, key=len, reverse=True))}|\d{{4}})\b")


def find_dates(
    text: str, *, reference: Reference | None = None, offset: int = 0
) -> list[DatePhrase]:
    """Return the phrases of time in a text, in order and without overlap.

    Parameters
    ----------
    text
        A sentence.
    reference
        The day to count from; phrases that need one stay unresolved without it.
    offset
        Added to the spans.

    Examples
    --------
    >>> found = find_dates("It happened on Tuesday.", reference=Reference(date(2025, 1, 22)))
    >>> found[0].phrase, found[0].first.isoformat(), found[0].precision
    ('Tuesday', '2025-01-21', 'day')
    >>> find_dates("It happened on Tuesday.")[0].first is None
    True
    """
    low = lower(text)
    words = {match[0] for match in _WORD.finditer(low)}
    if not words:
        return []
    kinds = {kind for word in words for kind in _KINDS.get(word, ("iso", "year"))}
    reference = reference or Reference()
    taken: list[tuple[int, int]] = []
    found: list[DatePhrase] = []
    for kind, pattern in _patterns():
        if kind not in kinds:
            continue
        for match in pattern.finditer(low):
            start, end = match.span()
            if any(start < b and end > a for a, b in taken) or _is_word(match, kind, text):
                continue
            answer = _resolve(kind, match, reference)
            if answer is None:
                continue
            first, last, precision = answer
            explicit = kind in ("iso", "hijri", "dmy", "mdy", "month", "bare_month", "year")
            taken.append((start, end))
            span = (start + offset, end + offset)
            found.append(DatePhrase(*span, text[start:end], first, last, precision, explicit))
    return sorted(found, key=lambda phrase: phrase.start)


def _is_word(match: re.Match[str], kind: str, text: str) -> bool:
    """Return whether a match is a word that only looks like a month or a day ("may", "march")."""
    if kind in ("dmy", "mdy", "month", "bare_month"):
        names = [i for i, group in enumerate(match.groups(), 1) if group in _MONTHS]
        return any(not text[match.start(i)].isupper() for i in names)
    if kind == "hijri":
        return not text[match.start(2)].isupper() or int(match[1]) > 31  # noqa: PLR2004 - days of a month
    return kind == "weekday" and not text[match.start(2)].isupper()


_Answer = tuple[date | None, date | None, str] | None


def _resolve(kind: str, match: re.Match[str], ref: Reference) -> _Answer:
    groups = match.groups()
    if kind == "iso":
        return _day(int(groups[0]), int(groups[1]), int(groups[2]))
    if kind in ("dmy", "mdy"):
        number, name = groups[:2] if kind == "dmy" else groups[1::-1]
        return _day_of(int(number), _MONTHS[name.lower()], groups[2], ref)
    if kind == "hijri":
        return _hijri(int(groups[0]), _HIJRI[groups[1].lower()], groups[2], ref)
    if kind == "month":
        return _month(int(groups[2]), _MONTHS[groups[1].lower()])
    if kind == "bare_month":
        return _bare_month(_MONTHS[groups[0].lower()], ref)
    if kind == "year":
        return date(int(groups[0]), 1, 1), date(int(groups[0]), 12, 31), "year"
    return _relative(kind, match, ref)


def _relative(kind: str, match: re.Match[str], ref: Reference) -> _Answer:
    groups = match.groups()
    precision = _relative_precision(kind, groups)
    if ref.day is None:
        if ref.year and ref.month and precision == "day":
            return _month(ref.year, ref.month)
        return None, None, precision
    day = ref.day
    if kind == "weekday":
        ahead = (groups[0] or "").lower() == "next"
        back = (day.weekday() - _DAYS[groups[1].lower()]) % 7
        if (groups[0] or "").lower() == "last" and back == 0:
            back = 7
        return None if ahead else _one(day - timedelta(days=back))
    if kind in ("today", "yesterday", "before_yesterday"):
        return _one(day - timedelta(days={"today": 0, "yesterday": 1}.get(kind, 2)))
    if kind == "past_day":
        return _one(day - timedelta(days=1))
    if kind == "past_span":
        amount, unit = _amount(groups[0]), groups[1].lower()
        days = {"hour": max(1, amount // 24), "week": 7 * amount}.get(unit, amount - 1)
        return day - timedelta(days=days), day, "day" if days <= 1 else "week"
    if kind == "ago":
        return _ago(_amount(groups[0]), groups[1].lower(), day)
    return _period(kind, groups, day)


def _relative_precision(kind: str, groups: tuple[str | None, ...]) -> str:
    unit = next((g.lower() for g in reversed(groups) if g), "day") if kind != "weekday" else "day"
    return {"week": "week", "month": "month", "year": "year", "decade": "year"}.get(unit, "day")


def _period(kind: str, groups: tuple[str | None, ...], day: date) -> _Answer:
    which, unit = ("earlier", groups[0]) if kind == "earlier" else (groups[0], groups[1])
    unit = (unit or "").lower()
    back = (which or "").lower() in ("last", "past", "previous")
    if unit == "week":
        monday = day - timedelta(days=day.weekday() + (7 if back else 0))
        return monday, monday + timedelta(days=6) if back else day, "week"
    if unit == "month":
        first = day.replace(day=1)
        if back:
            return _month(*_previous_month(first))
        return first, day, "month"
    year = day.year - 1 if back else day.year
    return date(year, 1, 1), date(year, 12, 31) if back else day, "year"


def _ago(amount: int, unit: str, day: date) -> _Answer:
    if unit == "day":
        return _one(day - timedelta(days=amount))
    if unit == "week":
        middle = day - timedelta(days=7 * amount)
        return middle - timedelta(days=3), middle + timedelta(days=3), "week"
    if unit == "month":
        year, month = day.year, day.month - amount
        while month < 1:
            year, month = year - 1, month + 12
        return _month(year, month)
    year = day.year - amount * (10 if unit == "decade" else 1)
    return date(year, 1, 1), date(year, 12, 31), "year"


def _amount(word: str) -> int:
    word = word.lower()
    if word.isdigit():
        return int(word)
    return {"a": 1, "an": 1, "several": 3, "few": 3, "couple of": 2}.get(word) or numbers()[0][word]


def _previous_month(first: date) -> tuple[int, int]:
    before = first - timedelta(days=1)
    return before.year, before.month


def _one(day: date) -> _Answer:
    return day, day, "day"


def _day(year: int, month: int, day: int) -> _Answer:
    try:
        return _one(date(year, month, day))
    except ValueError:
        return None


def _month(year: int, month: int) -> _Answer:
    last = calendar.monthrange(year, month)[1]
    return date(year, month, 1), date(year, month, last), "month"


def _day_of(day: int, month: int, year: str | None, ref: Reference) -> _Answer:
    if year:
        return _day(int(year), month, day)
    if ref.day:
        answer = _day(ref.day.year, month, day)
        if answer and answer[0] and answer[0] > ref.day + timedelta(days=2):
            answer = _day(ref.day.year - 1, month, day)
        return answer
    if ref.year:
        return _day(ref.year - (1 if ref.month and month > ref.month + 1 else 0), month, day)
    return (None, None, "day") if day <= 31 else None  # noqa: PLR2004 - days of a month


def _bare_month(month: int, ref: Reference) -> _Answer:
    if ref.day:
        return _month(ref.day.year - (1 if month > ref.day.month else 0), month)
    return None, None, "month"


def _hijri(day: int, month: int, year: str | None, ref: Reference) -> _Answer:
    calendar_ = CALENDARS["solar_hijri"]
    if year:
        found = calendar_.interval(int(year), month, day)
        return (*found, "day") if found else None
    if ref.day is None:
        return None, None, "day"
    for back in (0, 1):
        found = calendar_.interval(ref.day.year - 621 - back, month, day)
        if found and found[0] <= ref.day:
            return (*found, "day")
    return None
