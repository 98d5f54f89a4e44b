"""A report as text to rows of an Incidents table, with the evidence for each field."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from riskmap.errors import InputError
from riskmap.incidents.articles.answers import Record, SetAside, check_answers
from riskmap.incidents.articles.dates import Reference, find_dates
from riskmap.incidents.articles.inputs import ENGLISH, find_language
from riskmap.incidents.articles.matchers import PlaceMatcher
from riskmap.incidents.articles.proofs import Source
from riskmap.incidents.articles.rules.actors import find_groups
from riskmap.incidents.articles.rules.events import find_events
from riskmap.incidents.articles.rules.facts import Facts, Reader, is_drill
from riskmap.incidents.articles.rules.records import write_record
from riskmap.incidents.articles.sentences import Dateline, find_dateline, split_sentences
from riskmap.incidents.scope import Scope
from riskmap.ledgers import Ledger, Stage
from riskmap.schema import COUNT, CRS, INCIDENT_COLUMNS, TEXT, Column, conform

if TYPE_CHECKING:
    from riskmap.typing import Extractor, NameResolver

Rows = Sequence[Mapping[str, Any]]

#: Columns that an extracted incident has beside those of every Incidents table.
ARTICLE_COLUMNS = (
    Column("event_status", TEXT, "'reported', 'recounted' or 'arrest'"),
    Column("date_phrase", TEXT, "the words that date it"),
    Column(
        "killed_max", COUNT, "most people killed, when the text gives a range; missing when open"
    ),
    Column("wounded_max", COUNT, "likewise"),
    Column("abducted_max", COUNT, "likewise"),
    Column("arrested", COUNT, "people arrested"),
    Column("arrested_max", COUNT, "likewise"),
    Column("released", COUNT, "people released or freed"),
    Column("attackers_killed", COUNT, "attackers killed, not in `killed`"),
    Column("attackers_wounded", COUNT, "attackers wounded, not in `wounded`"),
    Column("occupation", TEXT, "what the victims do"),
    Column("survivors", TEXT, "who is said to be unharmed"),
    Column("weapon", TEXT, "the weapon or means"),
    Column("denied_by", TEXT, "the group that denies it"),
    Column("stated_by", TEXT, "who says so"),
)

EVIDENCE_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("field", TEXT, "its column"),
    Column("value", TEXT, "what was read"),
    Column("start", COUNT, "first character of the phrase, from 0"),
    Column("end", COUNT, "the character after the phrase"),
    Column("phrase", TEXT, "the text between them"),
)

PLACE_COLUMNS = (
    Column("start", COUNT, "first character of the name"),
    Column("end", COUNT, "the character after it"),
    Column("phrase", TEXT, "the name as written"),
    Column("level", TEXT, "'country', 'admin1', 'admin2' or 'place'"),
    Column("name", TEXT, "the region's name, or the name as written"),
    Column("region_id", TEXT, "the region, when it is known"),
    Column("role", TEXT, "its role in the text"),
)

SET_ASIDE_COLUMNS = (
    Column("reason", TEXT, "why no incident was made of the sentence"),
    Column("start", COUNT, "first character of the sentence"),
    Column("end", COUNT, "the character after it"),
    Column("sentence", TEXT, "the sentence"),
)

SOURCE = "article"
_LIMIT = 200_000
_SHOWN = 200


@dataclass(frozen=True)
class Extraction:
    """What was read out of one text; its tables are made when they are first asked for.

    Parameters
    ----------
    text
        The text that every span points into.
    incident_rows, evidence_rows, place_rows, set_aside_rows
        The rows of the tables, as mappings.
    text_id
        What stands for the text in every ``incident_id``.
    known
        The day it appeared, when that is known.
    language
        Its language, as an ISO 639-1 code.
    source_file
        Name of its file, when it has one.
    """

    text: str = field(repr=False)
    incident_rows: Rows = field(repr=False, default=())
    evidence_rows: Rows = field(repr=False, default=())
    place_rows: Rows = field(repr=False, default=())
    set_aside_rows: Rows = field(repr=False, default=())
    text_id: str = ""
    known: date | None = None
    language: str = ENGLISH
    source_file: str | None = None

    @cached_property
    def incidents(self) -> gpd.GeoDataFrame:
        """An Incidents table with the further columns of :data:`ARTICLE_COLUMNS`."""
        return incidents_table(self.incident_rows)

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """One row a field and phrase: ``text[start:end] == phrase``."""
        return make_table(self.evidence_rows, EVIDENCE_COLUMNS)

    @cached_property
    def places(self) -> pd.DataFrame:
        """One row a place named, with its role."""
        return make_table(self.place_rows, PLACE_COLUMNS)

    @cached_property
    def set_aside(self) -> pd.DataFrame:
        """Sentences that make no incident, with the reason (``alleged``, ``summary``)."""
        return make_table(self.set_aside_rows, SET_ASIDE_COLUMNS)

    @property
    def ledger(self) -> Ledger:
        """What became of every record and sentence: news goes on, the others say why not."""
        reasons = [row.get("quarantine_reason") for row in self.incident_rows]
        reasons += [row["reason"] for row in self.set_aside_rows]
        kept = Counter(reason for reason in reasons if reason)
        out = len(reasons) - sum(kept.values())
        return Ledger().then(Stage("extract", len(reasons), out, kept))


def extract_incidents(
    text: str,
    *,
    published: date | datetime | str | None = None,
    regions: gpd.GeoDataFrame | PlaceMatcher | None = None,
    gazetteer: NameResolver | None = None,
    source_id: str | None = None,
    extractor: Extractor | None = None,
) -> Extraction:
    """Return the incidents that a news text tells of, with the evidence for every field.

    Parameters
    ----------
    text
        Plain text.
    published
        The day the text appeared. "On Tuesday" and "yesterday" count from it; without it they
        count from the text's own dateline, or stay unresolved.
    regions
        A Regions table, or a :class:`PlaceMatcher` built from one, that names the places. Without
        it, places keep the names that the text gives them.
    gazetteer
        Finds regions for spellings that `regions` alone does not.
    source_id
        Stands for the text in ``incident_id``; a digest of the text unless given.
    extractor
        A stronger reader to ask instead of the rules. Its records are checked, not believed: a
        field that does not quote the text is dropped.

    Returns
    -------
    Extraction
        Rows have ``source = "article"`` and ``reliability = "D"`` until they are reviewed. Rows
        that are not news (``recounted``, ``arrest``) say so in ``quarantine_reason``, so that they
        are not counted as new incidents.

    Raises
    ------
    InputError
        When the text is not text, is longer than 200,000 characters, or `published` is no day.

    Examples
    --------
    >>> found = extract_incidents("Two miners were killed on Tuesday in Sarn district.",
    ...                           published="2025-01-22")
    >>> row = found.incidents.iloc[0]
    >>> row["event_date"].date().isoformat(), row["killed"].item(), row["admin2"]
    ('2025-01-21', 2, 'Sarn')
    >>> found.evidence.loc[found.evidence["field"] == "killed", "phrase"].item()
    'Two miners were killed'
    """
    if not isinstance(text, str):
        raise InputError("not a text", met=type(text).__name__, expected="str")
    if len(text) > _LIMIT:
        raise InputError("the text is too long", met=len(text), expected=f"at most {_LIMIT}")
    day = _as_day(published)
    matcher = regions if isinstance(regions, PlaceMatcher) else PlaceMatcher.from_regions(regions)
    language = find_language(text)
    if language not in getattr(extractor, "languages", (language,) if extractor else (ENGLISH,)):
        return _unread(text, language, source_id, day)
    sentences = split_sentences(text)
    line = find_dateline(text)
    reference = find_reference(text, line, day)
    reader = Reader(
        text, matcher, gazetteer, reference, line,
        drill=is_drill(sentences), groups=tuple(find_groups(text)),
    )  # fmt: skip
    facts = [reader.read(sentence) for sentence in sentences]
    if extractor is None:
        events, aside = find_events(facts, reference)
        records = [write_record(event, reader, facts) for event in events]
    else:
        answers = extractor(text, published=reference.day)
        roles = tuple((m.start, m.end, m.role) for f in facts for m in f.places)
        records, aside = check_answers(Source(text, reference, matcher, line, roles), answers)
    known = day or (reference.day if line else None)
    return replace(_extraction(text, records, facts, aside, source_id, known), language=language)


def _unread(text: str, language: str, source_id: str | None, day: date | None) -> Extraction:
    """Return a text that nobody present can read, set aside with its language."""
    told = f"{language}: {' '.join(text.split())[:_SHOWN]}"
    aside = (SetAside("unread_language", 0, len(text), told),)
    return replace(_extraction(text, (), (), aside, source_id, day), language=language)


def _as_day(published: date | datetime | str | None) -> date | None:
    if published is None:
        return None
    if isinstance(published, datetime):
        return published.date()
    if isinstance(published, date):
        return published
    try:
        return date.fromisoformat(str(published)[:10])
    except ValueError as error:
        raise InputError(
            "not a day", column="published", met=published, expected="YYYY-MM-DD"
        ) from error


_RELEASE = re.compile(r"\b(20\d\d)-(0[1-9]|1[0-2])-[A-Z]{1,3}-\d")
_HEAD = 700
_FRESH = timedelta(days=7)


def find_reference(text: str, line: Dateline | None, published: date | None) -> Reference:
    """Return the day that a report counts from: its dateline's, or when it appeared.

    A dateline without a year takes it from the day it appeared, or from the head of the report (a
    title's date, a release number); without any, the day stays unknown. A dateline more than a week
    older than the day it appeared is not that of the news.
    """
    if published:
        written = _dateline_day(text, line, Reference(published, published.year, published.month))
        fresh = written is not None and timedelta(0) <= published - written <= _FRESH
        day = written if written and fresh else published
        return Reference(day, day.year, day.month)
    head = text[: line.end if line else min(_HEAD, _title_end(text))]
    years = re.findall(r"\b((?:19|20)\d\d)\b", head)
    number = _RELEASE.search(text[:_HEAD])
    hint = Reference(
        None,
        int(years[0]) if years else (int(number[1]) if number else None),
        int(number[2]) if number else None,
    )
    said = _dateline_day(text, line, hint) or _first_day(head, hint)
    return Reference(said, said.year, said.month) if said else hint


def _dateline_day(text: str, line: Dateline | None, hint: Reference) -> date | None:
    return _first_day(text[slice(*line.date)], hint) if line and line.date else None


def _first_day(text: str, hint: Reference) -> date | None:
    """Return the first day that a text names, as a day of a month."""
    phrases = find_dates(text, reference=hint)
    return next((p.first for p in phrases if p.precision == "day" and p.explicit and p.first), None)


def _title_end(text: str) -> int:
    sentences = split_sentences(text)
    return max((s.end for s in sentences if s.title), default=0)


def _extraction(
    text: str,
    records: Sequence[Record],
    facts: Sequence[Facts],
    aside: Sequence[SetAside],
    source_id: str | None,
    known: date | None,
) -> Extraction:
    digest = source_id or hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]
    rows: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    for number, record in enumerate(records, start=1):
        name = f"{digest}-{number}"
        rows.append(_row(record, name, known))
        evidence.extend(
            {"incident_id": f"{SOURCE}:{name}", **e._asdict(), "phrase": text[e.start : e.end]}
            for e in record.evidence
        )
    places = [
        {
            "start": m.start, "end": m.end, "phrase": m.phrase, "level": m.level, "name": m.name,
            "region_id": m.entry.region_id if m.entry else None, "role": m.role,
        }
        for f in facts for m in f.places
    ]  # fmt: skip
    return Extraction(
        text=text,
        text_id=digest,
        known=known,
        incident_rows=tuple(rows),
        evidence_rows=tuple(evidence),
        place_rows=tuple(places),
        set_aside_rows=tuple(a._asdict() for a in aside),
    )


def _row(record: Record, name: str, known: date | None) -> dict[str, Any]:
    row = dict(record.fields)
    row.update(
        incident_id=f"{SOURCE}:{name}", source=SOURCE, source_id=name, source_count=1,
        ingested_at=known,
    )  # fmt: skip
    if row["event_status"] != "reported":
        row["quarantine_reason"] = row["event_status"]
        row["quarantine_detail"] = (
            "event_status: told as background or arrest, not as a new incident"
        )
    elif row.get("event_date") is None:
        row["quarantine_reason"] = "no_date"
        row["quarantine_detail"] = (
            f"event_date: met {row.get('date_phrase')!r}, expected a day or `published`"
        )
    return row


def incidents_table(rows: Rows) -> gpd.GeoDataFrame:
    """Return rows as an Incidents table with the columns of articles behind those of all feeds."""
    columns = (*INCIDENT_COLUMNS, *ARTICLE_COLUMNS)
    frame = pd.DataFrame(list(rows), columns=[c.name for c in columns])
    for name in ("event_date", "event_date_end"):
        frame[name] = pd.to_datetime(frame[name])
    frame["ingested_at"] = pd.to_datetime(frame["ingested_at"], utc=True)
    frame["scope"] = str(Scope())  # one story is no watch
    return gpd.GeoDataFrame(
        conform(frame, columns), geometry=gpd.GeoSeries([None] * len(frame), crs=CRS), crs=CRS
    )


def make_table(rows: Rows, columns: Sequence[Column]) -> pd.DataFrame:
    """Return rows as a table with some columns."""
    frame = pd.DataFrame(list(rows), columns=[c.name for c in columns])
    return conform(frame, columns)
