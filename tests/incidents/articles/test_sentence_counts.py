"""Counts that single sentences give: who died (of either side) and who is held."""

import csv
from pathlib import Path

import pytest

import riskmap as rm

FILE = Path(__file__).parent / "sentences.csv"
HEAD = "SARN, May 3, 2031 - "


def rows():
    with FILE.open(encoding="utf-8", newline="") as file:
        return [(int(r["dead"]), int(r["held"]), r["sentence"]) for r in csv.DictReader(file)]


@pytest.mark.parametrize(("dead", "held", "sentence"), rows())
def test_counts(dead, held, sentence):
    found = rm.extract_incidents(HEAD + sentence).incident_rows
    news = [row for row in found if row["event_status"] in ("reported", "arrest")]
    met = sum(row.get("killed", 0) + row.get("attackers_killed", 0) for row in news)
    assert (met, sum(row.get("arrested", 0) for row in news)) == (dead, held)
