"""What a stronger reader must answer, and how its answer is checked: no proof, no field.

A reader is any callable that takes a text and returns records (:class:`riskmap.typing.Extractor`).
It may be a language model, so nothing that it says is believed: each value must keep the schema,
and its quotes must stand in the text and say it (:mod:`riskmap.incidents.articles.proofs`). What
doesn't is set aside with a reason, field by field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from riskmap.incidents.articles.proofs import Source, prove, prove_status
from riskmap.incidents.articles.quotes import find_quote
from riskmap.incidents.dates import days_of
from riskmap.schema import DATE_PRECISIONS, EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskmap.incidents.articles.matchers import Entry, PlaceMatcher


class SetAside(NamedTuple):
    """A sentence that makes no incident, with the reason."""

    reason: str
    start: int
    end: int
    sentence: str


class Evidence(NamedTuple):
    """A field of a record, its value, and the span it rests on."""

    field: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Record:
    """The fields of one incident, and the evidence for each."""

    fields: dict[str, Any]
    evidence: tuple[Evidence, ...]


COUNTS = (
    "killed",
    "wounded",
    "abducted",
    "arrested",
    "released",
    "attackers_killed",
    "attackers_wounded",
    "foreign_victims",
)
TEXTS = (
    "place",
    "admin1",
    "admin2",
    "sector",
    "occupation",
    "survivors",
    "weapon",
    "actor",
    "claimed_by",
    "denied_by",
    "attributed_to",
    "stated_by",
)
#: What a record may be: news, background, more of what was told before, an arrest, a bare charge.
STATUSES = ("reported", "recounted", "follow_up", "arrest", "alleged")
_ALPHA3 = re.compile("[A-Z]{3}")
_MOST_PEOPLE = 100_000
_MOST_RECORDS = 50
_LONGEST = 300
_MOST_SPANS = 3

_QUOTE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["field", "quote"],
    "properties": {"field": {"type": "string"}, "quote": {"type": "string", "maxLength": _LONGEST}},
}
_NULLABLE_TEXT = {"type": ["string", "null"], "maxLength": _LONGEST}
_PROPERTIES: dict[str, Any] = {
    "event_status": {"type": "string", "enum": list(STATUSES)},
    "event_type": {"type": "string", "enum": list(EVENT_TYPES)},
    "event_date": {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "event_date_end": {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "date_precision": {"type": ["string", "null"], "enum": [*DATE_PRECISIONS, None]},
    "country": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"},
    "nationality": {
        "type": "array",
        "maxItems": 20,
        "items": {"type": "string", "pattern": "^[A-Z]{3}$"},
    },
    **{
        name: {"type": ["integer", "null"], "minimum": 0, "maximum": _MOST_PEOPLE}
        for name in COUNTS
    },
    **dict.fromkeys(TEXTS, _NULLABLE_TEXT),
    "evidence": {"type": "array", "items": _QUOTE},
}

#: JSON schema (draft 2020-12) of an answer: ``{"incidents": [record, ...]}``, all keys required.
RECORD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["incidents"],
    "properties": {
        "incidents": {
            "type": "array",
            "maxItems": _MOST_RECORDS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": list(_PROPERTIES),
                "properties": _PROPERTIES,
            },
        }
    },
}


def check_answers(
    source: Source, answers: Sequence[Mapping[str, Any]]
) -> tuple[list[Record], list[SetAside]]:
    """Return the records of an answer that stand up, and what was set aside with the reason.

    Parameters
    ----------
    source
        The text that was read.
    answers
        Records as :data:`RECORD_SCHEMA` has them; missing keys are missing values.

    Returns
    -------
    tuple
        Records whose every field is proven by its quotes, and what was set aside, field by field:
        ``bad_answer`` (a value breaks the schema), ``invented_quote`` (words that aren't in the
        text) or ``not_proven`` (the quotes don't say so). Of a record of which nothing is proven,
        the notes alone are left.
    """
    records: list[Record] = []
    aside: list[SetAside] = []
    for answer in answers[:_MOST_RECORDS]:
        sound, problems = find_sound(answer)
        aside.extend(SetAside("bad_answer", 0, 0, problem) for problem in problems)
        if sound is None:
            continue
        spans, invented = _locate(source.text, sound.get("evidence", []))
        aside.extend(SetAside("invented_quote", 0, 0, note) for note in invented)
        fields, evidence, unproven = _supported(source, sound, spans)
        told = {note.partition(":")[0] for note in invented}
        aside.extend(
            SetAside("not_proven", 0, 0, note)
            for note in unproven
            if not (note.endswith(_UNQUOTED_NOTE) and note.partition(":")[0] in told)
        )
        if not any(item.field != "event_status" for item in evidence):
            continue
        _place(fields, source.matcher)
        records.append(Record(fields, tuple(sorted(evidence))))
    return records, aside


def find_sound(answer: object) -> tuple[dict[str, Any] | None, list[str]]:
    """Return what keeps the schema in a record, and what breaks it, field by field.

    Examples
    --------
    >>> sound, problems = find_sound({"event_status": "reported", "killed": -1, "evidence": []})
    >>> sound, problems
    ({'event_status': 'reported', 'evidence': []}, ['killed: met -1, expected 0 to 100000'])
    """
    if not isinstance(answer, dict):
        return None, [f"record: met {type(answer).__name__}, expected an object"]
    sound: dict[str, Any] = {}
    problems = []
    for name, value in answer.items():
        if name not in _PROPERTIES:
            problems.append(f"record: met unknown key {str(name)[:40]!r}")
        elif name == "evidence" and isinstance(value, list):
            sound[name] = [item for item in value if not _expected(name, [item])]
            problems += [
                f"evidence: met {str(item)[:60]}, expected field and quote"
                for item in value
                if _expected(name, [item])
            ]
        elif expected := _expected(name, value):
            problems.append(f"{name}: met {str(value)[:60]!s}, expected {expected}")
        else:
            sound[name] = value
    if sound.get("event_status") is None:
        if "event_status" not in answer:
            problems.append("event_status: missing")
        sound["event_status"] = "reported"
    return sound, problems


def _expected(name: str, value: Any) -> str:
    """Return what a value should have been, or "" when it is right."""
    if name in ("event_status", "event_type", "date_precision"):
        codes = [code for code in _PROPERTIES[name]["enum"] if code]
        return (
            ""
            if value in (*codes, None) and not isinstance(value, bool)
            else "one of " + ", ".join(codes)
        )
    if name in COUNTS:
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = value is None or (whole and 0 <= value <= _MOST_PEOPLE)
        return "" if fits else f"0 to {_MOST_PEOPLE}"
    if name == "country":
        fits = value is None or (isinstance(value, str) and _ALPHA3.fullmatch(value))
        return "" if fits else "an alpha-3 code"
    if name in ("event_date", "event_date_end"):
        return "" if value is None or _as_day(value) else "YYYY-MM-DD"
    if name == "nationality":
        fits = isinstance(value, list) and all(
            isinstance(v, str) and _ALPHA3.fullmatch(v) for v in value
        )
        return "" if fits else "a list of alpha-3 codes"
    if name == "evidence":
        fits = isinstance(value, list) and all(
            isinstance(v, dict)
            and isinstance(v.get("field"), str)
            and isinstance(v.get("quote"), str)
            for v in value
        )
        return "" if fits else "a list of field and quote"
    fits = value is None or (isinstance(value, str) and len(value) <= _LONGEST)
    return "" if fits else f"a text of at most {_LONGEST} characters"


def _as_day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


Spans = dict[str, list[tuple[int, int]]]


def _locate(text: str, items: Sequence[Mapping[str, str]]) -> tuple[Spans, list[str]]:
    """Return where the quotes of each field stand, and notes on invented ones."""
    spans: Spans = {}
    invented = []
    for item in items:
        found = find_quote(text, item["quote"])
        if found:
            spans.setdefault(item["field"], []).extend(found)
        else:
            invented.append(f"{item['field'][:40]}: {item['quote'][:80]!r} is not in the text")
    return spans, invented


def _supported(
    source: Source, answer: Mapping[str, Any], spans: Spans
) -> tuple[dict[str, Any], list[Evidence], list[str]]:
    """Return the fields that their quotes prove, their evidence, and notes on the others."""
    status = answer["event_status"]
    unproven = [
        note for note in [prove_status(status, spans.get("event_status", ()), source)] if note
    ]
    fields: dict[str, Any] = {
        "event_status": "reported" if unproven else status, "event_type": "unknown",
    }  # fmt: skip
    evidence = [] if unproven else _evidence("event_status", status, spans.get("event_status", ()))
    for name in _PROPERTIES:
        value = answer.get(name)
        if name in _UNQUOTED or value in (None, [], ""):
            continue
        if name not in spans:
            unproven.append(name + _UNQUOTED_NOTE)
            continue
        if name == "nationality":
            proven = [
                code
                for code in sorted(set(value))
                if not prove(name, code, spans[name], source, spans)
            ]
            unproven += [
                f"{name}: {prove(name, code, spans[name], source, spans)}"
                for code in sorted(set(value) - set(proven))
            ]
            shown: Any = ";".join(proven)
        else:
            days = _days(answer) if name == "event_date" else value
            reason = prove(name, days, spans[name], source, spans)
            unproven += [f"{name}: {reason}"] if reason else []
            shown = None if reason else days
        if not shown and shown != 0:
            continue
        if name == "event_date":
            fields.update(
                event_date=shown[0], event_date_end=shown[1], date_precision=_precision(shown)
            )
            shown = shown[0]
        else:
            fields[name] = shown
        evidence += _evidence(name, shown, spans[name])
    fields.update(reliability="D", credibility=6, geo_precision="unknown")
    return fields, evidence, unproven


_UNQUOTED_NOTE = ": nothing is quoted"
_UNQUOTED = ("event_status", "evidence", "date_precision", "event_date_end")


def _evidence(name: str, value: Any, spans: Sequence[tuple[int, int]]) -> list[Evidence]:
    return [Evidence(name, str(value), start, end) for start, end in spans[:_MOST_SPANS]]


def _days(answer: Mapping[str, Any]) -> tuple[date, date]:
    """Return the first and last day of a record; a month or year stands for all its days."""
    first = _as_day(answer["event_date"]) or date.min
    last = _as_day(answer.get("event_date_end"))
    if last is None:
        precision = answer.get("date_precision")
        month = first.month if precision == "month" else None
        whole = days_of(first.year, month) if precision in ("month", "year") else None
        if whole and whole.first and whole.last:
            return whole.first, whole.last
    return first, max(first, last or first)


def _precision(days: tuple[date, date]) -> str:
    length = (days[1] - days[0]).days + 1
    return next((name for most, name in _LENGTHS if length <= most), "year")


_LENGTHS = ((1, "day"), (7, "week"), (31, "month"))


def _place(fields: dict[str, Any], matcher: PlaceMatcher) -> None:
    """Resolve the province and district that a record names."""
    province = (
        _only(matcher.lookup(fields["admin1"], level="admin1", typed=True))
        if "admin1" in fields
        else None
    )
    found: tuple[Entry, ...] = ()
    if "admin2" in fields:
        found = matcher.lookup(fields["admin2"], level="admin2", typed=True)
        if province:
            found = tuple(e for e in found if e.parent == province.name)
    district = _only(found)
    region = district or province
    if region:
        fields["country"], fields["region_id"] = region.iso3, region.region_id
    if district:
        fields.update(admin1=district.parent, admin2=district.name)
    elif province:
        fields["admin1"] = province.name
    named = [level for level in ("admin2", "admin1", "country") if level in fields]
    fields["geo_precision"] = named[0] if named else "unknown"


def _only(entries: tuple[Entry, ...]) -> Entry | None:
    return entries[0] if len(entries) == 1 else None
