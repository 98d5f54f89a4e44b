"""The review: an analyst sees texts and records side by side, and decides on them in one table.

All files of a folder are one queue. Nothing that was extracted is confirmed until it stands
accepted in the review's table.
"""

from __future__ import annotations

import csv
import html
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmap.errors import MissingDependencyError, OfflineError, ServiceError
from riskmap.incidents.articles.extractions import SOURCE, Extraction, extract_incidents
from riskmap.incidents.articles.stories import find_differences, find_stories, pair_readings
from riskmap.incidents.feeds.article_reviews import AGREED, DECISIONS, REVIEW_COLUMNS
from riskmap.incidents.values import guard_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import geopandas as gpd

    from riskmap.incidents.articles.inputs import Article
    from riskmap.incidents.articles.matchers import PlaceMatcher
    from riskmap.typing import Extractor

#: The longest text of a workbook's cell, and the day of every one, so that equal ones are equal.
_LETTERS, _NEVER = 32_767, datetime(2000, 1, 1, tzinfo=UTC)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:1rem;display:grid;grid-template-columns:1fr 1fr;gap:2rem}"
    "h1,h2,p.how{grid-column:1/-1;margin:0}main{white-space:pre-wrap}mark{background:#fd6}"
    "mark.aside{background:#ddd}table{border-collapse:collapse;margin-bottom:1rem}"
    "td,th{border:1px solid #999;padding:.2rem .5rem;text-align:left;vertical-align:top}"
)


def extract_twice(
    text: str,
    *,
    extractor: Extractor,
    regions: gpd.GeoDataFrame | PlaceMatcher | None = None,
    **known: Any,
) -> Extraction:
    """Return what the rules and another reader read in a text, side by side.

    Where both tell the same of an incident it is one row, ``readers`` is ``"rules+reader"`` and its
    `reliability` C; where they differ both rows stand, the rules' first, with the fields in
    ``differs`` and one number in ``pair``. A text that the rules can't read is the reader's alone.

    Parameters
    ----------
    text
        The text.
    extractor
        The other reader.
    regions
        Names of places.
    **known
        As for :func:`extract_incidents`: ``published``, ``gazetteer``, ``source_id``.

    Examples
    --------
    >>> def reader(text, *, published=None):
    ...     said = [{"field": "killed", "quote": "Two men were shot dead"}]
    ...     return [{"event_status": "reported", "killed": 2, "evidence": said}]
    >>> found = extract_twice("Two men were shot dead in Sarn district.", extractor=reader)
    >>> [(row["readers"], row["reliability"]) for row in found.incident_rows]
    [('rules+reader', 'C')]
    """
    rules = extract_incidents(text, regions=regions, **known)
    second = {**known, "source_id": f"{rules.text_id}-reader"}
    other = extract_incidents(text, regions=regions, extractor=extractor, **second)
    rows, names = [], {}
    pairs = pair_readings(rules.incident_rows, other.incident_rows)
    for number, (one, two) in enumerate(pairs, start=1):
        if one is None or two is None:
            alone = one or two
            rows.append({**(alone or {}), "readers": "rules" if one else "reader"})
            continue
        differs = find_differences(one, two)
        if not differs:
            names[two["incident_id"]] = one["incident_id"]
            rows.append(_agreed(one, two))
            continue
        told = {"differs": ";".join(differs), "pair": f"{rules.text_id}-{number}"}
        rows += [{**one, **told, "readers": "rules"}, {**two, **told, "readers": "reader"}]
    evidence = [
        {**item, "incident_id": names.get(item["incident_id"], item["incident_id"])}
        for item in (*rules.evidence_rows, *other.evidence_rows)
    ]
    aside = [row for row in rules.set_aside_rows if row["reason"] != "unread_language"]
    return replace(
        rules,
        incident_rows=tuple(rows),
        evidence_rows=tuple(evidence),
        set_aside_rows=(*aside, *other.set_aside_rows),
        known=rules.known or other.known,
    )


def _agreed(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of two readings that agree: what either says, and trusted more."""
    said = {name: value for name, value in two.items() if value is not None}
    kept = ("incident_id", "source_id", "credibility", "geo_precision", "region_id")
    first = {name: one[name] for name in kept if one.get(name) is not None}
    return {**one, **said, **first, "readers": "rules+reader", "reliability": AGREED}


@dataclass(frozen=True)
class Reading:
    """What was read of some texts.

    Parameters
    ----------
    extractions
        One of each text.
    failed
        Why the other reader did not answer, of each text that it left to the rules.
    """

    extractions: tuple[Extraction, ...]
    failed: tuple[str, ...] = ()

    @property
    def unread(self) -> dict[str, int]:
        """How many texts nobody could read, by language."""
        return dict(Counter(one.language for one in self.extractions if _is_unread(one)))

    @property
    def count(self) -> int:
        """How many texts were read."""
        return sum(not _is_unread(one) for one in self.extractions)

    def tell(self) -> Iterator[str]:
        """Yield what a reader of the screen should know: texts not read, a reader not there."""
        if self.unread:
            told = ", ".join(f"{code} {n}" for code, n in sorted(self.unread.items()))
            n = sum(self.unread.values())
            whole = len(self.extractions)
            yield f"{n} of {whole} texts are not read (languages: {told}); that needs a reader"
        if self.failed:
            n, whole = len(self.failed), len(self.extractions)
            yield f"the reader did not answer for {n} of {whole} texts: {self.failed[0]}"


def _is_unread(one: Extraction) -> bool:
    return any(row["reason"] == "unread_language" for row in one.set_aside_rows)


def read_texts(
    articles: Sequence[Article],
    *,
    published: str | None = None,
    regions: PlaceMatcher | None = None,
    extractor: Extractor | None = None,
) -> Reading:
    """Return what the rules, and another reader where there is one, read in some articles.

    Parameters
    ----------
    articles
        The texts.
    published
        The day they appeared, where they don't say it themselves.
    regions
        Names of places.
    extractor
        The other reader; a text for which it does not answer is left to the rules, and told.

    Examples
    --------
    >>> from riskmap.incidents.articles.inputs import Article
    >>> read = read_texts([Article("两名矿工遇害。")])
    >>> read.count, list(read.tell())
    (0, ['1 of 1 texts are not read (languages: zh 1); that needs a reader'])
    """
    found, failed = [], []
    for article in articles:
        known: dict[str, Any] = {
            "published": published or article.published,
            "regions": regions,
        }
        try:
            one = (
                extract_incidents(article.text, **known)
                if extractor is None
                else extract_twice(article.text, extractor=extractor, **known)
            )
        except (ServiceError, OfflineError) as error:
            failed.append(str(error))
            one = extract_incidents(article.text, **known)
        found.append(replace(one, source_file=article.source_file))
    return Reading(tuple(found), tuple(failed))


def render_review(extractions: Extraction | Sequence[Extraction], *, title: str = "Review") -> str:
    """Return one HTML page: each text with its evidence marked, and the records beside it.

    The page is self-contained, runs no script and asks nobody; every word of the text is escaped.
    Two readings of one incident that differ stand in one table, side by side.

    Parameters
    ----------
    extractions
        What was read: of one text, or of all those of a folder.
    title
        Heading of the page.

    Examples
    --------
    >>> from riskmap.incidents.articles import extract_incidents
    >>> page = render_review(extract_incidents("Two men were shot dead in Sarn district."))
    >>> "<mark" in page and "default-src 'none'" in page
    True
    """
    every = [extractions] if isinstance(extractions, Extraction) else list(extractions)
    body = "".join(_render_one(one, number, len(every)) for number, one in enumerate(every, 1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}">'
        f"<title>{_escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_escape(title)}</h1>"
        '<p class="how">Accept, correct or reject each record in the table, with your name and the '
        "reason. Until then it is a draft. Of two readings that differ accept one.</p>"
        f"{body}</body></html>\n"
    )


def _render_one(extraction: Extraction, number: int, count: int) -> str:
    """Return a text beside its records; of several texts, with its name above."""
    head = f"<h2>{number}. {_escape(extraction.source_file or extraction.text_id)}</h2>"
    shown: dict[str, list[Mapping[str, Any]]] = {}
    for row in extraction.incident_rows:
        shown.setdefault(row.get("pair") or row["incident_id"], []).append(row)
    tables = "".join(_record_table(rows, extraction) for rows in shown.values())
    aside = "".join(
        f"<tr><td>{_escape(row['reason'])}</td><td>{_escape(row['sentence'])}</td></tr>"
        for row in extraction.set_aside_rows
    )
    return (
        f"{head if count > 1 else ''}<main>{_marked(extraction)}</main><section>{tables}"
        f"<table><caption>Set aside</caption>{aside}</table></section>"
    )


def _escape(value: object) -> str:
    return html.escape(str(value), quote=True)


def _marked(extraction: Extraction) -> str:
    """Return the text escaped, cut at every border of a span, with its fields in a mark."""
    spans = [
        (row["start"], row["end"], f"{row['incident_id'].rpartition('-')[2]}: {row['field']}")
        for row in extraction.evidence_rows
    ]
    spans += [(r["start"], r["end"], r["reason"]) for r in extraction.set_aside_rows]
    text = extraction.text
    borders = sorted({0, len(text), *(b for s in spans for b in s[:2])})
    parts = []
    for start, end in pairwise(borders):
        names = sorted({name for a, b, name in spans if a <= start and end <= b})
        piece = _escape(text[start:end])
        only_aside = names and all(": " not in name for name in names)
        kind = ' class="aside"' if only_aside else ""
        parts.append(
            f'<mark{kind} title="{_escape(", ".join(names))}">{piece}</mark>' if names else piece
        )
    return "".join(parts)


def _record_table(rows: Sequence[Mapping[str, Any]], extraction: Extraction) -> str:
    """Return a record, or two readings of one incident, with the phrases of each field."""
    ids = [row["incident_id"] for row in rows]
    phrases: dict[str, dict[str, None]] = {}
    for item in extraction.evidence_rows:
        if item["incident_id"] in ids:
            phrases.setdefault(item["field"], {})[item["phrase"]] = None
    differs = set(str(rows[0].get("differs") or "").split(";"))
    lines = ""
    for name in REVIEW_COLUMNS:
        if all(row.get(name) is None for row in rows):
            continue
        tag = "b" if name in differs else "span"
        cells = "".join(
            f"<td><{tag}>{_escape('' if row.get(name) is None else row[name])}</{tag}></td>"
            for row in rows
        )
        told = _escape(" | ".join(phrases.get(name, ())))
        lines += f"<tr><th>{_escape(name)}</th>{cells}<td>{told}</td></tr>"
    return f"<table><caption>{_escape(', '.join(ids))}</caption>{lines}</table>"


def write_review(extractions: Sequence[Extraction], path: str | Path) -> None:
    """Write what was read as one queue to decide on: a CSV, or a workbook (.xlsx).

    :func:`riskmap.read_incidents` reads either back. A row of news counts when its `decision` is
    "accept" or "correct" (any cell may be changed before); who decided and why stands in `author`
    and `reason`. The others go to the ledger: those rejected or not yet decided, what joins the
    story of another row (``duplicate``), what is told again, arrests, and the sentences set aside
    (``alleged``, ``summary``), which stand in `notes`.

    Parameters
    ----------
    extractions
        What was read, one of each text.
    path
        The file; a cell that a spreadsheet would run as a formula begins with an apostrophe.

    Raises
    ------
    MissingDependencyError
        For a workbook, when XlsxWriter is not installed.
    """
    rows = [[row.get(name) for name in REVIEW_COLUMNS] for row in queue_rows(extractions)]
    if Path(path).suffix.lower() == ".xlsx":
        _write_workbook(rows, Path(path))
        return
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(REVIEW_COLUMNS)
        writer.writerows([guard_formula(value) for value in row] for row in rows)


def _write_workbook(rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write rows as a workbook in which every cell is a text, so that none is a formula."""
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingDependencyError("XlsxWriter", extra="excel") from error
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"created": _NEVER})
        sheet = book.add_worksheet("review")
        sheet.freeze_panes(1, 2)
        for k, row in enumerate([REVIEW_COLUMNS, *rows]):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write_string(k, column, str(value)[:_LETTERS])
        k = REVIEW_COLUMNS.index("decision")
        choices = {"validate": "list", "source": list(DECISIONS)}
        sheet.data_validation(1, k, max(len(rows), 1), k, choices)


def queue_rows(extractions: Sequence[Extraction]) -> list[dict[str, Any]]:
    """Return the rows of one queue: each with its story, which counts once, and its file.

    Examples
    --------
    >>> texts = ["Two men were shot dead in Sarn district on Monday.",
    ...          "Gunmen killed two men on Monday in Sarn district."]
    >>> found = [extract_incidents(text, published="2025-01-22") for text in texts]
    >>> [(row["story"], row["event_status"]) for row in queue_rows(found)]
    [(1, 'reported'), (1, 'duplicate')]
    """
    rows = [
        {"readers": "rules", **row, "text_id": one.text_id, "source_file": one.source_file}
        for one in extractions
        for row in one.incident_rows
    ]
    for number, story in enumerate(find_stories(rows), start=1):
        lead, *others = story.rows
        told = "; ".join(story.notes)
        for i in story.rows:
            rows[i]["story"] = number
        news = rows[lead]["event_status"] == "reported"
        if others and news:
            changed = {n: v for n, v in story.lead.items() if n not in ("notes", "story")}
            rows[lead].update(changed, notes=f"{len(story.rows)} reports; {told}".rstrip("; "))
        for i in others:
            if news and rows[i]["event_status"] in ("reported", "follow_up"):
                rows[i].update(
                    event_status="duplicate", notes=f"story {number}: {told}".rstrip(": ")
                )
    every = iter(rows)
    queue: list[dict[str, Any]] = []
    for one in extractions:
        queue += [next(every) for _ in one.incident_rows]
        queue += [{**row, "source_file": one.source_file} for row in _aside_rows(one)]
    return queue


def _aside_rows(extraction: Extraction) -> Iterator[dict[str, Any]]:
    """Return the sentences set aside as rows, numbered within their text."""
    for number, row in enumerate(extraction.set_aside_rows, start=1):
        name = f"{SOURCE}:{extraction.text_id}-set-aside-{number}"
        yield {
            "incident_id": name,
            "event_status": row["reason"],
            "ingested_at": extraction.known,
            "notes": row["sentence"],
        }
