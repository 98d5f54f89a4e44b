"""Kinds of sentences that were once read wrongly: those of the shared table, and invented ones.

The table of the shared folder is read where it is; what is right of each of its lines stands
here in its order. ``kinds.csv`` holds invented sentences of the same kinds, in invented countries.
"""

import csv
import re
from pathlib import Path

import pytest

import riskmap as rm
from riskmap.incidents.articles import PlaceMatcher
from riskmap.incidents.articles.inputs import find_language
from riskmap.incidents.victim_phrases import find_people

KINDS = Path(__file__).with_name("kinds.csv")
PUBLISHED = "2031-04-07"

#: Of each line: the country whose provinces are asked, and the records that are right.
RIGHT = [
    ("NGA", [{"event_status": "reported", "admin1": "Bauchi", "killed": 3}]),
    ("AFG", [{"event_status": "reported", "admin1": "Kapisa", "killed": 3}]),
    ("CAF", [{"place": "Bria", "admin1": None, "killed": 7}]),
    ("AFG", []),
    (None, [{"abducted": 2, "killed": None}, {"killed": 4, "abducted": None, "admin1": "San"}]),
    ("CAF", [{"killed": 7, "abducted": None}, {"event_status": "recounted", "abducted": 2}]),
    ("PAK", [{"event_status": "recounted", "killed": 4}]),
    ("NER", [{"country": "NER", "place": "Torodi", "nationality": "NPL", "admin1": None}]),
    ("UKR", [{"country": "UKR", "nationality": "PRT", "killed": 2}]),
    ("PAK", [{"event_status": "reported", "place": "Mansehra"}, {"event_status": "recounted"}]),
    ("NGA", [{"abducted": 6}]),
    (None, [{"abducted": 7, "killed": 1, "nationality": "GBR;GRC;ITA;LBN;NGA"}]),
    (None, [{"killed": 6}]),
    ("MLI", [{"event_type": "abduction", "abducted": 5, "country": "MLI"}]),
]
HIT = ["IND", "CHN", "CHN", "CHN", "CHN", None, "CHN"]


@pytest.fixture(scope="module")
def table(shared):
    path = shared.parent / "cases" / "texts.md"
    if not path.is_file():
        pytest.skip("the shared table of texts is absent")
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [re.sub(r"^\(published [^)]*\) ", "", row[0].strip()) for row in rows[1:]]


@pytest.mark.parametrize("number", range(len(RIGHT)))
def test_every_line_of_the_shared_table_is_right(table, number):
    country, right = RIGHT[number]
    regions = None if country is None else rm.read_regions(country, level=1)
    found = rm.incidents.extract_incidents(table[number], published=PUBLISHED, regions=regions)
    rows = [
        {name: row.get(name) for name in want}
        for row, want in zip(found.incident_rows, right, strict=False)
    ]
    assert len(found.incident_rows) == len(right)
    assert rows == right


def test_who_was_hit_is_known_in_every_phrase_of_the_shared_table(table):
    phrases = table[len(RIGHT)].split("; ")
    for phrase, nation in zip(phrases, HIT, strict=True):
        people = find_people(phrase)
        assert people, phrase
        assert people[0].nation == nation
        if find_language(phrase) == "en":
            text = f"{phrase} in an attack in Kitoulo on Sunday."
            for row in rm.incidents.extract_incidents(text, published=PUBLISHED).incident_rows:
                harmed = row.get("killed") or row.get("wounded")
                assert not harmed or row.get("nationality") or row.get("foreign_victims")


@pytest.fixture(scope="module")
def places(regions):
    return PlaceMatcher.from_regions(regions)


def value_of(cell, i, count):
    return cell.split(";")[i] if count > 1 and cell.count(";") == count - 1 else cell


def kinds():
    with KINDS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", kinds(), ids=lambda row: f"{row['kind']}-{row['text'][:30]}")
def test_invented_sentences_of_the_same_kinds_are_right(row, places):
    found = rm.incidents.extract_incidents(row["text"], published=row["published"], regions=places)
    statuses = [] if row["status"] == "none" else row["status"].split("+")
    assert [one["event_status"] for one in found.incident_rows] == statuses
    for i, one in enumerate(found.incident_rows):
        said = {n: value_of(row[n], i, len(statuses)) for n in row}
        district = one.get("admin2") or one.get("admin1") or one.get("place")
        assert said["place"] in ("", district)
        assert said["date"] in ("", str(one.get("event_date")))
        for name in ("killed", "wounded", "abducted"):
            if said[name] or statuses[i] == "reported":
                assert str(one.get(name) or "") == said[name]
        told = set((one.get("nationality") or "").split(";"))
        assert set(said["nationality"].split(";")) - {""} <= told
