"""From a news article to the level of a district: read it twice, decide, run the stream again.

    python examples/article_to_level.py [FOLDER]

The rules read it, and so does a second reader, whose answer is checked against the text. Here it is
a function that stands in for a language model; ``ChatExtractor`` of ``riskmap.incidents.articles``
asks a real one.
The country, its incidents and the article are invented (:mod:`riskmap.datasets`).
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

import riskmap as rm
from riskmap.incidents.articles import extract_twice, render_review, write_review

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import geopandas as gpd

ARTICLE = """Gunmen ambush survey team in Ambrel, three engineers killed
QIRUN, Qandara - Gunmen opened fire on a convoy in Galdor district of Ambrel province on
Tuesday, killing three Turkish engineers and wounding their driver, police said.
The engineers worked for a road company and were travelling to Solvar. The Free Ambrel Front (FAF)
claimed responsibility for the attack. An interpreter escaped unharmed.
In 2023, two guards were killed in a similar attack in Faryn district.
A newspaper alleged that officials in Qirun had been warned.
"""
PUBLISHED, AS_OF = "2025-01-15", "2025-01-16"
SHOWN = ("risk_level", "level_name", "p_any", "data_sufficiency", "single_source", "fragility")


def second_reader(
    text: str,  # noqa: ARG001 - it stands for a model
    *,
    published: date | None = None,  # noqa: ARG001
) -> Sequence[Mapping[str, object]]:
    """Return what a language model might answer: records with quotes, one of them invented."""
    said = {
        "killed": "three Turkish engineers",
        "wounded": "wounding their driver",
        "nationality": "three Turkish engineers",
        "event_date": "on\nTuesday",
        "admin2": "Galdor",
        "admin1": "Ambrel province",
        "event_type": "opened fire",
        "denied_by": "The group denied it",  # the text has no such words: this field is dropped
    }
    record = {
        "event_status": "reported", "event_type": "armed_attack", "event_date": "2025-01-14",
        "admin1": "Ambrel", "admin2": "Galdor", "killed": 3, "wounded": 1, "nationality": ["TUR"],
        "denied_by": "FAF", "evidence": [{"field": k, "quote": v} for k, v in said.items()],
    }  # fmt: skip
    return [record]


def assess(incidents: gpd.GeoDataFrame, districts: gpd.GeoDataFrame) -> rm.RiskLayer:
    """Return the risk layer of a table of incidents."""
    located = rm.locate(incidents, districts)
    panel = rm.count_incidents(located, districts, every="month", as_of=AS_OF)
    return rm.assess(rm.forecast(panel, horizon="90D"), districts)


def accept_news(path: Path) -> None:
    """Do what an analyst does in a table program: accept the rows that are news."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["decision"] = "accept" if row["event_status"] == "reported" else ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def show(layer: rm.RiskLayer, region_id: str, *, when: str) -> None:
    """Print what a layer says of one district."""
    for name in ("violence", "foreign"):
        row = layer.risks.set_index(["region_id", "layer"]).loc[region_id, name]
        parts = layer.drivers[
            layer.drivers["region_id"].eq(region_id) & layer.drivers["layer"].eq(name)
        ]
        print(f"{when} {name}: " + ", ".join(f"{key} {row[key]}" for key in SHOWN))
        for part in parts.sort_values("value", ascending=False).itertuples():
            print(f"    {part.driver:<16} {part.value:.4f}")


def main(folder: Path) -> tuple[rm.RiskLayer, rm.RiskLayer]:
    """Return the layers before and after the article."""
    districts, known = rm.datasets.regions(), rm.datasets.incidents()
    found = extract_twice(ARTICLE, extractor=second_reader, published=PUBLISHED, regions=districts)
    for row in found.incident_rows:
        print(row["readers"], row["event_status"], row["reliability"], row.get("differs") or "")
    for row in found.set_aside_rows:
        print(f"{row['reason']}: {row['sentence']}")
    (folder / "review.html").write_text(render_review(found), encoding="utf-8")
    review = folder / "review.csv"
    write_review([found], review)
    accept_news(review)
    news = rm.read_incidents(review)
    print(news[["incident_id", "event_date", "admin2", "killed", "quarantine_reason"]].to_string())
    district = districts.set_index("name").loc[news["admin2"].iloc[0], "region_id"]
    before = assess(known, districts)
    after = assess(pd.concat([known, news], ignore_index=True), districts)
    show(before, district, when="before")
    show(after, district, when="after")
    return before, after


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch))
