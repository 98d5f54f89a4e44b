"""The article that the project starts from, and the labelled releases, from the shared data."""

import json
import sys
from pathlib import Path

import pytest

import riskmap as rm
from riskmap.incidents.articles import PlaceMatcher

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import articles
    finally:
        sys.path.remove(str(BENCHMARKS))
    return articles


@pytest.fixture(scope="module")
def afghan(shared, bench):
    return PlaceMatcher.from_regions(bench.read_districts(shared))


@pytest.fixture(scope="module")
def seed(shared):
    return (shared / "articles/000_e83d1325de68595b.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("published", "day"), [("2025-01-22", "2025-01-21"), (None, None)])
def test_seed_article(seed, afghan, published, day):
    found = rm.extract_incidents(seed, published=published, regions=afghan)
    news, told, arrest = found.incident_rows
    assert [r["event_status"] for r in (news, told, arrest)] == ["reported", "recounted", "arrest"]
    assert (news["admin1"], news["place"], news["region_id"]) == ("Takhar", "Katkajar", "AF1814")
    assert (news["killed"], news["nationality"], news["sector"]) == (1, "CHN", "mining")
    assert (news["claimed_by"], news["weapon"], news["survivors"]) == (
        "ISKP",
        "machine gun",
        "interpreter",
    )
    assert (news["event_date"].isoformat() if news.get("event_date") else None) == day
    assert news["date_phrase"] == "Tuesday"
    assert (told["place"], told["admin1"], told["date_phrase"]) == (
        "Longan Hotel",
        "Kabul",
        "in 2022",
    )
    assert (arrest["arrested"], arrest["admin1"]) == (6, "Sar-e-Pul")
    assert [row["reason"] for row in found.set_aside_rows] == ["alleged"]
    scenes = {p["phrase"] for p in found.place_rows if p["role"] == "scene"}
    assert not scenes & {"Dasht-e-Qala", "Karachi", "Islamabad", "Balochistan"}


def test_only_the_news_counts(seed, afghan):
    rows = rm.extract_incidents(seed, published="2025-01-22", regions=afghan).incidents
    assert rows["quarantine_reason"].isna().tolist() == [True, False, False]


def test_labelled_releases(shared, bench, afghan):
    file = shared / "articles/isaf_press_releases_dev.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    share, told = bench.score([r for r in rows if bench.half(r["text"]) == "test"], afghan)
    assert len(told) > 150
    assert share["province"] >= 0.95
    assert share["min_killed"] >= 0.90
    assert share["min_captured"] >= 0.82
    assert share["start_date"] >= 0.72
