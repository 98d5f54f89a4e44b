"""The review: a page that runs nothing, and a CSV that decides what counts."""

import csv
from html.parser import HTMLParser

import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.articles import read_review, render_review, write_review
from riskmap.schema import check_incidents

TEXT = (
    "Gunmen killed two Chinese miners in Kitoulo, Haut-Lokele, on Monday, police said.\n"
    "In a separate incident, a guard was shot dead in Ndolo on Tuesday.\n"
    "The ministry alleged that rebels are hiding in Mbandora."
)
NASTY = (
    "Gunmen killed two miners at <img src=x onerror=alert(1)> in Kitoulo on Monday.\n"
    '"><script>alert(1)</script> =HYPERLINK("http://evil") said.'
)


@pytest.fixture
def found(matcher):
    return rm.extract_incidents(TEXT, published="2031-05-14", regions=matcher)


def decide(path, decisions):
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, changes in zip(rows, decisions, strict=True):
        row.update(changes)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.inside = 0

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.inside += tag == "main"

    def handle_endtag(self, tag):
        self.inside -= tag == "main"

    def handle_data(self, data):
        self.text += data if self.inside else ""


@pytest.mark.parametrize("text", [TEXT, NASTY])
def test_the_page_shows_the_text_and_runs_nothing(text, matcher):
    page = render_review(rm.extract_incidents(text, published="2031-05-14", regions=matcher))
    seen = Tags()
    seen.feed(page)
    assert seen.text == text
    assert not set(seen.tags) & {"script", "img", "iframe", "link", "object", "form"}
    assert not any(name.startswith("on") or name in ("href", "src") for name in seen.attributes)
    assert "default-src 'none'" in page
    assert "mark" in seen.tags


def test_undecided_rows_do_not_count(found, tmp_path):
    write_review([found], tmp_path / "review.csv")
    table = read_review([found], tmp_path / "review.csv")
    check_incidents(table)
    assert table["quarantine_reason"].tolist() == ["not_reviewed", "not_reviewed"]


def test_decisions_are_taken(found, tmp_path):
    path = tmp_path / "review.csv"
    write_review([found], path)
    decide(
        path,
        [
            {
                "decision": "correct",
                "killed": "3",
                "admin2": "Mbandora",
                "remarks": "hospital list",
            },
            {"decision": "reject"},
        ],
    )
    table = read_review([found], path)
    assert table["killed"].tolist() == [3, 1]
    assert table["admin2"].tolist()[0] == "Mbandora"
    assert table["region_id"].isna().tolist() == [True, False]
    assert table["reliability"].tolist() == ["C", "D"]
    assert table["quarantine_reason"].fillna("").tolist() == ["", "rejected"]
    assert table["notes"].tolist()[0] == "hospital list"


def test_accepting_changes_nothing_but_the_trust(found, tmp_path):
    path = tmp_path / "review.csv"
    write_review([found], path)
    decide(path, [{"decision": "accept", "killed": "99"}, {"decision": "accept"}])
    table = read_review([found], path)
    assert table["killed"].tolist() == [2, 1]
    assert table["reliability"].tolist() == ["C", "C"]
    assert table["region_id"].tolist() == found.incidents["region_id"].tolist()


def test_a_corrected_row_without_a_day_stays_out(found, tmp_path):
    path = tmp_path / "review.csv"
    write_review([found], path)
    decide(
        path,
        [
            {"decision": "correct", "event_date": ""},
            {"decision": "correct", "event_date": "2031-05-10", "event_date_end": ""},
        ],
    )
    table = read_review([found], path)
    assert table["quarantine_reason"].fillna("").tolist() == ["no_date", ""]
    assert table["event_date_end"].dt.day.tolist()[1] == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decision": "yes"}, "not a decision"),
        ({"incident_id": "article:other-1"}, "unknown incident"),
        ({"decision": "correct", "killed": "many"}, "can't be read"),
        ({"decision": "correct", "event_date": "soon"}, "can't be read"),
    ],
)
def test_a_broken_review_is_refused(found, tmp_path, changes, message):
    path = tmp_path / "review.csv"
    write_review([found], path)
    decide(path, [changes, {}])
    with pytest.raises(InputError, match=message):
        read_review([found], path)


def test_another_csv_is_refused(found, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a review"):
        read_review([found], path)


def test_no_cell_is_a_formula(matcher, tmp_path):
    text = "Two men were killed in Kitoulo on Monday. The =1+1 Front (EVL) claimed responsibility."
    found = rm.extract_incidents(text, published="2031-05-14", regions=matcher)
    row = {**found.incident_rows[0], "actor": "=cmd|' /C calc'!A0"}
    object.__setattr__(found, "incident_rows", (row,))
    write_review([found], tmp_path / "review.csv")
    with (tmp_path / "review.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    decide(tmp_path / "review.csv", [{"decision": "correct"}])
    assert read_review([found], tmp_path / "review.csv")["actor"].tolist() == ["=cmd|' /C calc'!A0"]
