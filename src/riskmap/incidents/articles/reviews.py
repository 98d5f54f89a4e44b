"""The review: an analyst sees text and records side by side, and accepts or corrects them in a CSV.

Nothing that was extracted is confirmed until it stands accepted in the review's CSV.
"""

from __future__ import annotations

import csv
import html
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import InputError
from riskmap.incidents.articles.extractions import (
    ARTICLE_COLUMNS,
    Extraction,
    incidents_table,
)
from riskmap.schema import COUNT, INCIDENT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

#: What an analyst may write into the column ``decision``; empty is not yet decided.
DECISIONS = ("accept", "correct", "reject")

#: The columns of a review, in order: an analyst may change all but the first.
REVIEW_COLUMNS = (
    "incident_id",
    "decision",
    "event_status",
    "event_date",
    "event_date_end",
    "date_precision",
    "event_type",
    "place",
    "admin1",
    "admin2",
    "country",
    "killed",
    "wounded",
    "abducted",
    "arrested",
    "foreign_victims",
    "nationality",
    "sector",
    "occupation",
    "weapon",
    "actor",
    "claimed_by",
    "attributed_to",
    "stated_by",
    "remarks",
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CONFIRMED = "C"
_COUNTS = {c.name for c in (*INCIDENT_COLUMNS, *ARTICLE_COLUMNS) if c.dtype == COUNT}
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
    """Write the records of extractions as a CSV for an analyst to decide on.

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
            for row in extraction.incident_rows:
                writer.writerow([_cell(row.get(name)) for name in REVIEW_COLUMNS])


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_review(extractions: list[Extraction], path: str | Path) -> gpd.GeoDataFrame:
    """Return the incidents of extractions as an analyst decided on them.

    Parameters
    ----------
    extractions
        What was read.
    path
        The CSV of :func:`write_review` with decisions in it.

    Returns
    -------
    geopandas.GeoDataFrame
        An Incidents table with every extracted row. Accepted and corrected rows have reliability C
        and no reason for quarantine; others say ``rejected`` or ``not_reviewed``.

    Raises
    ------
    InputError
        When a row names an unknown incident or decision, or a corrected value can't be read.
    """
    decided = _read_decisions(Path(path))
    known = {row["incident_id"]: row for e in extractions for row in e.incident_rows}
    strange = sorted(set(decided) - set(known))
    if strange:
        raise InputError("an unknown incident", file=path, column="incident_id", met=strange[0])
    rows = [_decide(row, decided.get(name), path) for name, row in known.items()]
    return incidents_table(rows)


def _read_decisions(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [n for n in ("incident_id", "decision") if n not in (reader.fieldnames or ())]
        if missing:
            raise InputError("not a review", file=path, column=missing[0], expected="the column")
        rows = {}
        for number, row in enumerate(reader, start=2):
            cells = {str(k): (v or "").strip().removeprefix("'") for k, v in row.items() if k}
            if cells["decision"] not in ("", *DECISIONS):
                raise InputError(
                    "not a decision", file=path, row=number, column="decision",
                    met=cells["decision"], expected="accept, correct, reject or nothing",
                )  # fmt: skip
            rows[cells["incident_id"]] = cells
    return rows


def _decide(
    row: Mapping[str, Any], cells: Mapping[str, str] | None, path: str | Path
) -> dict[str, Any]:
    decision = cells["decision"] if cells else ""
    out = dict(row)
    if not cells or decision in ("", "reject"):
        reason = "rejected" if decision == "reject" else "not_reviewed"
        out.update(quarantine_reason=reason, quarantine_detail=f"decision: met {decision!r}")
        return out
    out.update(reliability=_CONFIRMED, quarantine_reason=None, quarantine_detail=None)
    if decision == "correct":
        for name in REVIEW_COLUMNS[2:-1]:
            if name in cells:
                out[name] = _value(name, cells[name], path)
        changed = any(out.get(name) != row.get(name) for name in ("admin1", "admin2", "country"))
        if changed:
            out["region_id"] = None
            out["geo_precision"] = (
                "admin2" if out.get("admin2") else "admin1" if out.get("admin1") else "country"
            )
    if cells.get("remarks"):
        out["notes"] = cells["remarks"]
    if out.get("event_date") is None:
        out.update(quarantine_reason="no_date", quarantine_detail="event_date: missing")
    elif out.get("event_date_end") is None:
        out["event_date_end"] = out["event_date"]
    return out


def _value(name: str, cell: str, path: str | Path) -> Any:
    if not cell:
        return None
    try:
        if name in _COUNTS:
            return int(cell)
        if name.startswith("event_date"):
            return pd.Timestamp(cell).date()
    except ValueError as error:
        raise InputError("can't be read", file=path, column=name, met=cell) from error
    return cell
