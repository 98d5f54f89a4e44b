"""What a stronger reader must answer, and how its answer is checked: no quote, no field.

A reader is any callable that takes a text and returns records (:class:`riskmap.typing.Extractor`).
It may be a language model, so nothing that it says is believed: each record must keep the schema,
and each field must quote words that stand in the text. What doesn't is set aside with a reason.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from riskmap.incidents.articles.events import EVENT_STATUSES, SetAside
from riskmap.incidents.articles.phrases import read_number, tokenize
from riskmap.incidents.articles.records import Record
from riskmap.incidents.articles.victims import Evidence
from riskmap.schema import DATE_PRECISIONS, EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskmap.incidents.articles.matchers import Entry, PlaceMatcher

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
_ALPHA3 = re.compile("[A-Z]{3}")
_MOST_PEOPLE = 100_000
_MOST_RECORDS = 50
_LONGEST = 300

_QUOTE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["field", "quote"],
    "properties": {"field": {"type": "string"}, "quote": {"type": "string", "maxLength": _LONGEST}},
}
_NULLABLE_TEXT = {"type": ["string", "null"], "maxLength": _LONGEST}
_PROPERTIES: dict[str, Any] = {
    "event_status": {"type": "string", "enum": list(EVENT_STATUSES)},
    "event_type": {"type": "string", "enum": list(EVENT_TYPES)},
    "event_date": {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "date_precision": {"type": ["string", "null"], "enum": [*DATE_PRECISIONS, None]},
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
    text: str, answers: Sequence[Mapping[str, Any]], matcher: PlaceMatcher
) -> tuple[list[Record], list[SetAside]]:
    """Return the records of an answer that stand up, and what was set aside with the reason.

    Parameters
    ----------
    text
        The text that was read.
    answers
        Records as :data:`RECORD_SCHEMA` has them; missing keys are missing values.
    matcher
        Names of regions, for the places that the records name.

    Returns
    -------
    tuple
        Records whose every field quotes the text, and sentences set aside as ``bad_answer`` (the
        record breaks the schema) or ``invented_quote`` (a field quotes words that aren't there; the
        field is dropped, and the record with it when it is left without its event).
    """
    records: list[Record] = []
    aside: list[SetAside] = []
    for answer in answers[:_MOST_RECORDS]:
        problem = find_problem(answer)
        if problem:
            aside.append(SetAside("bad_answer", 0, 0, problem))
            continue
        fields, evidence, invented = _supported(text, answer)
        aside.extend(SetAside("invented_quote", 0, 0, note) for note in invented)
        if not evidence:
            continue
        _place(fields, matcher)
        records.append(Record(fields, tuple(sorted(evidence))))
    return records, aside


def find_problem(answer: object) -> str:
    """Return what breaks the schema in a record, or "".

    Examples
    --------
    >>> find_problem({"event_status": "reported", "killed": -1, "evidence": []})
    'killed: met -1, expected a whole number from 0 to 100000'
    >>> find_problem({"event_status": "reported", "evidence": []})
    ''
    """
    if not isinstance(answer, dict):
        return f"record: met {type(answer).__name__}, expected an object"
    strange = sorted(str(key) for key in set(answer) - set(_PROPERTIES))
    if strange:
        return f"record: met unknown key {strange[0][:40]!r}"
    for name, value in answer.items():
        expected = _expected(name, value)
        if expected:
            return f"{name}: met {str(value)[:60]!s}, expected {expected}"
    if "event_status" not in answer:
        return "event_status: missing"
    return ""


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
        return "" if fits else f"a whole number from 0 to {_MOST_PEOPLE}"
    if name == "event_date":
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


def _supported(
    text: str, answer: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Evidence], list[str]]:
    """Return the fields that quote the text, their evidence, and notes on those that don't."""
    spans: dict[str, list[tuple[int, int]]] = {}
    invented: list[str] = []
    for item in answer.get("evidence", []):
        quote = item["quote"]
        start = text.find(quote) if quote.strip() else -1
        if start < 0:
            invented.append(f"{item['field'][:40]}: {quote[:80]!r} is not in the text")
        else:
            spans.setdefault(item["field"], []).append((start, start + len(quote)))
    fields: dict[str, Any] = {"event_status": answer["event_status"], "event_type": "unknown"}
    evidence: list[Evidence] = []
    for name in _PROPERTIES:
        value = answer.get(name)
        if name in ("event_status", "evidence", "date_precision") or value in (None, [], ""):
            continue
        if name not in spans:
            if not any(note.startswith(name) for note in invented):
                invented.append(f"{name}: nothing is quoted")
            continue
        quotes = [text[a:b] for a, b in spans[name]]
        if name in COUNTS and not any(_says(quote, value) for quote in quotes):
            invented.append(f"{name}: {quotes[0][:80]!r} does not say {value}")
            continue
        shown = ";".join(sorted(value)) if name == "nationality" else value
        fields[name] = _as_day(value) if name == "event_date" else shown
        evidence.extend(Evidence(name, str(shown), start, end) for start, end in spans[name])
    if "event_date" in fields:
        fields["date_precision"] = answer.get("date_precision") or "day"
        fields["event_date_end"] = fields["event_date"]
    fields.update(reliability="D", credibility=6, geo_precision="unknown")
    return fields, evidence, invented


def _says(quote: str, count: int) -> bool:
    """Return whether a quote says a count: one of its numbers, their sum, or one person."""
    words = [token.low for token in tokenize(quote)]
    read = [read_number([word, "of"]) for word in words]
    numbers = [low for (low, _), known, _ in read if known]
    whole = read_number(words)[0][0]
    return count in (*numbers, sum(numbers), whole) if numbers else count <= 1


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
    level = "admin2" if "admin2" in fields else "admin1" if "admin1" in fields else "unknown"
    fields["geo_precision"] = level


def _only(entries: tuple[Entry, ...]) -> Entry | None:
    return entries[0] if len(entries) == 1 else None
