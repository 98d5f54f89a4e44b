"""Incident files and news texts: what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import Dates, Json, ScopeText, load_regions, show


def check_incidents(
    file: Annotated[Path, typer.Argument(help="File of incidents.")],
    max_lost: Annotated[
        float, typer.Option(min=0, max=1, help="Exit 1 when a larger share would be lost.")
    ] = 1.0,
    dates: Dates = None,
    encoding: Annotated[str | None, typer.Option(help="Of the text, such as cp1252.")] = None,
    scope: ScopeText = None,
    *,
    as_json: Json = False,
) -> None:
    """Report what a file holds, how its columns are read, and what will be lost."""
    import riskmap as rm

    report = rm.check_incidents_file(file, dates=dates, encoding=encoding, scope=scope)
    show(report.as_dict(), iter(str(report).splitlines()), as_json=as_json)
    if report.lost_share > max_lost:
        raise typer.Exit(1)


def extract(
    article: Annotated[Path, typer.Argument(help="Text, HTML or feed file, or a folder.")],
    published: Annotated[str | None, typer.Option(help="Day it appeared, YYYY-MM-DD.")] = None,
    regions: Annotated[str | None, typer.Option(help="Polygon file, or ISO3[:LEVEL].")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Review sheet to write, one an article.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Table to accept or correct.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Read incidents out of news text, each field with the phrase that it rests on."""
    import riskmap as rm
    from riskmap.incidents.articles.inputs import read_articles
    from riskmap.incidents.articles.reviews import render_review, write_review

    places = None if regions is None else load_regions(regions)
    found = [
        rm.extract_incidents(text.text, published=published or text.published, regions=places)
        for text in read_articles(article)
    ]
    if html is not None:
        for number, one in enumerate(found, start=1):
            sheet = html if len(found) == 1 else html.with_stem(f"{html.stem}-{number}")
            sheet.write_text(render_review(one), encoding="utf-8")
    if csv is not None:
        write_review(found, csv)
    rows = [row for one in found for row in one.incident_rows]
    shown = ("incident_id", "event_status", "event_date", "admin1", "admin2", "place", "killed")
    plain = [{key: str(value) for key, value in row.items() if value is not None} for row in rows]
    lines = ("  ".join(row.get(key, "-") for key in shown) for row in plain)
    show({"incidents": plain}, lines, as_json=as_json)
