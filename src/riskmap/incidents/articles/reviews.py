"""The review: an analyst sees text and records side by side, and accepts or corrects them in a CSV.

Nothing that was extracted is confirmed until it stands accepted in the review's CSV.
"""

from __future__ import annotations

import csv
import html
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmap.incidents.articles.extractions import SOURCE, Extraction
from riskmap.incidents.feeds.reviews import REVIEW_COLUMNS
from riskmap.incidents.values import guard_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:1rem;display:grid;grid-template-columns:1fr 1fr;gap:2rem}"
    "h1,p.how{grid-column:1/-1;margin:0}main{white-space:pre-wrap}mark{background:#fd6}"
    "mark.aside{background:#ddd}table{border-collapse:collapse;margin-bottom:1rem}"
    "td,th{border:1px solid #999;padding:.2rem .5rem;text-align:left;vertical-align:top}"
)


def render_review(extraction: Extraction, *, title: str = "Review") -> str:
    """Return one HTML page: the text with its evidence marked, and the records beside it.

    The page is self-contained, runs no script and asks nobody; every word of the text is escaped.

    Parameters
    ----------
    extraction
        What was read.
    title
        Heading of the page.

    Examples
    --------
    >>> from riskmap.incidents.articles import extract_incidents
    >>> page = render_review(extract_incidents("Two men were shot dead in Sarn district."))
    >>> "<mark" in page and "default-src 'none'" in page
    True
    """
    marked = _marked(extraction)
    tables = "".join(_record_table(row, extraction) for row in extraction.incident_rows)
    aside = "".join(
        f"<tr><td>{_escape(row['reason'])}</td><td>{_escape(row['sentence'])}</td></tr>"
        for row in extraction.set_aside_rows
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}">'
        f"<title>{_escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_escape(title)}</h1>"
        '<p class="how">Accept, correct or reject each record in the CSV. '
        "Until then it is a draft.</p>"
        f"<main>{marked}</main><section>{tables}"
        f"<table><caption>Set aside</caption>{aside}</table></section></body></html>\n"
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


def _record_table(row: Mapping[str, Any], extraction: Extraction) -> str:
    phrases: dict[str, list[str]] = {}
    for item in extraction.evidence_rows:
        if item["incident_id"] == row["incident_id"]:
            phrases.setdefault(item["field"], []).append(item["phrase"])
    lines = "".join(
        f"<tr><th>{_escape(name)}</th><td>{_escape(row[name])}</td>"
        f"<td>{_escape(' | '.join(phrases.get(name, ())))}</td></tr>"
        for name in REVIEW_COLUMNS
        if row.get(name) is not None
    )
    return f"<table><caption>{_escape(row['incident_id'])}</caption>{lines}</table>"


def write_review(extractions: list[Extraction], path: str | Path) -> None:
    """Write what was read as a CSV to decide on; :func:`riskmap.read_incidents` reads it back.

    A row of news counts when its `decision` is "accept" or "correct" (any cell may be changed
    before). The others go to the ledger: those rejected or not yet decided, what is told again,
    arrests, and the sentences set aside (``alleged``, ``summary``), which stand in `notes`.

    Parameters
    ----------
    extractions
        What was read, one of each text.
    path
        The CSV; a cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(REVIEW_COLUMNS)
        for extraction in extractions:
            for row in (*extraction.incident_rows, *_aside_rows(extraction)):
                writer.writerow([guard_formula(row.get(name)) for name in REVIEW_COLUMNS])


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
