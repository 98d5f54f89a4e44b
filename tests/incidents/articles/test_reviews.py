"""The review: a page that runs nothing, and a CSV that decides what counts."""

import csv
from html.parser import HTMLParser

import pytest

import riskmap as rm
from riskmap.errors import ServiceError
from riskmap.incidents.articles import render_review, write_review
from riskmap.incidents.articles.inputs import Article
from riskmap.incidents.articles.reviews import read_texts
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


@pytest.fixture
def review(found, tmp_path):
    path = tmp_path / "review.csv"
    write_review([found], path)
    return path


def reasons(table):
    return table["quarantine_reason"].fillna("").tolist()


def test_undecided_rows_do_not_count(review):
    table = rm.read_incidents(review)
    check_incidents(table)
    assert table["source"].tolist() == ["article"] * 3
    assert reasons(table) == ["not_reviewed", "not_reviewed", "alleged"]


def test_a_charge_stands_in_the_ledger_with_its_sentence(found, review):
    assert found.ledger.stages[0].reasons == {"alleged": 1}
    table = rm.read_incidents(review)
    assert table["quarantine_detail"].tolist()[2].endswith(TEXT.rpartition("\n")[2])


def test_decisions_are_taken(review):
    correct = {"decision": "correct", "killed": "3", "admin2": "Mbandora", "notes": "hospital list"}
    decide(review, [correct, {"decision": "reject"}, {}])
    table = rm.read_incidents(review)
    assert table["killed"].tolist()[:2] == [3, 1]
    assert table["admin2"].tolist()[0] == "Mbandora"
    assert table["reliability"].tolist() == ["C", "D", "D"]
    assert reasons(table) == ["", "rejected", "alleged"]
    assert table["notes"].tolist()[0] == "hospital list"


def test_accepting_changes_nothing_but_the_trust(found, review):
    decide(review, [{"decision": "accept"}, {"decision": "accept"}, {"decision": "accept"}])
    table = rm.read_incidents(review)
    assert reasons(table) == ["", "", "alleged"]
    assert table["reliability"].tolist()[:2] == ["C", "C"]
    columns = ["incident_id", "event_date", "event_date_end", "date_precision", "event_type"]
    columns += ["place", "admin1", "admin2", "country", "killed", "foreign_victims", "nationality"]
    columns += ["sector", "staff_type", "actor", "credibility", "ingested_at"]
    assert table[columns][:2].astype(str).equals(found.incidents[columns].astype(str))


def test_what_is_told_again_and_arrests_stay_out_unless_made_news(matcher, tmp_path):
    text = "Police arrested six men in Kitoulo on Monday."
    found = rm.extract_incidents(text, published="2031-05-14", regions=matcher)
    write_review([found], tmp_path / "a.csv")
    decide(tmp_path / "a.csv", [{"decision": "accept"}])
    assert reasons(rm.read_incidents(tmp_path / "a.csv")) == ["arrest"]
    decide(tmp_path / "a.csv", [{"event_status": "reported"}])
    assert reasons(rm.read_incidents(tmp_path / "a.csv")) == [""]


def test_a_corrected_row_without_a_day_stays_out(review):
    later = {"decision": "correct", "event_date": "2031-05-10", "event_date_end": ""}
    decide(review, [{"decision": "correct", "event_date": ""}, later, {}])
    table = rm.read_incidents(review)
    assert reasons(table) == ["no_date", "", "alleged"]
    assert table["event_date_end"].dt.day.tolist()[1] == 10


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"decision": "yes"}, "bad_code"),
        ({"decision": "correct", "event_date": "soon"}, "bad_date"),
        ({"decision": "correct", "killed": "many", "date_precision": "eon"}, ""),
    ],
)
def test_a_broken_row_goes_to_quarantine_alone(review, changes, reason):
    decide(review, [changes, {"decision": "accept"}, {}])
    assert reasons(rm.read_incidents(review)) == [reason, "", "alleged"]


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
    assert rm.read_incidents(tmp_path / "review.csv")["actor"].tolist() == ["=cmd|' /C calc'!A0"]


def test_a_day_the_text_leaves_open_survives_the_review(matcher, tmp_path):
    text = "Two men were shot dead in Kitoulo in March 2031."
    found = rm.extract_incidents(text, regions=matcher)
    write_review([found], tmp_path / "a.csv")
    decide(tmp_path / "a.csv", [{"decision": "accept"}])
    row = rm.read_incidents(tmp_path / "a.csv").iloc[0]
    assert (row["event_date"].day, row["event_date_end"].day) == (1, 31)
    assert row["date_precision"] == "month"


PAPERS = (
    "Gunmen killed two Chinese miners in Kitoulo, Haut-Lokele, on Monday, police said.",
    "Two Chinese miners were shot dead by gunmen in Kitoulo district on Monday, officials said.",
    "A mine in Kitoulo district of Haut-Lokele was attacked on Monday; two Chinese miners died.",
)


def accepted(texts, matcher, path):
    found = [rm.extract_incidents(t, published="2031-05-14", regions=matcher) for t in texts]
    write_review(found, path)
    decide(path, [{"decision": "accept"} for one in found for _ in one.incident_rows])
    return rm.merge_duplicates(rm.read_incidents(path))


def test_one_story_in_many_papers_is_one_incident(matcher, tmp_path):
    table = accepted(PAPERS, matcher, tmp_path / "a.csv")
    assert sorted(reasons(table)) == ["", "duplicate", "duplicate"]


def test_two_events_of_one_text_stay_two(matcher, tmp_path):
    text = (
        "Gunmen killed two miners in Kitoulo on Monday.\n"
        "In a separate incident, gunmen killed two miners in Ndolo on Monday."
    )
    assert reasons(accepted([text], matcher, tmp_path / "a.csv")) == ["", ""]


OTHERS = (
    "Gunmen killed four Greek miners in Ndolo, Moyen-Bassira, on Monday, police said.",
    "周一三名中国公民在恩多洛遇害。",
)


def answer(killed, place, quote):
    said = {"killed": quote, "admin2": place, "event_date": "Monday", "event_type": "killed"}
    evidence = [{"field": name, "quote": words} for name, words in said.items()]
    record = {"event_status": "reported", "killed": killed, "admin2": place, "evidence": evidence}
    return {**record, "event_date": "2031-05-12", "event_type": "armed_attack"}


def second_reader(text, *, published=None):  # noqa: ARG001 - the protocol's shape
    if text == PAPERS[0]:
        return [answer(2, "Kitoulo", "two Chinese miners")]
    if text == OTHERS[0]:
        return [answer(4, "Ndolo", "four Greek miners"), answer(9, "Ndolo", "Gunmen killed")]
    quote = {"killed": "三名中国公民", "event_date": "周一", "place": "恩多洛"}
    evidence = [{"field": name, "quote": words} for name, words in quote.items()]
    record = {"event_status": "reported", "killed": 3, "place": "恩多洛", "evidence": evidence}
    return [{**record, "event_date": "2031-05-12"}]


def queue(texts, matcher, extractor=second_reader):
    articles = [Article(text, None, f"{n}.txt") for n, text in enumerate(texts)]
    return read_texts(articles, published="2031-05-14", regions=matcher, extractor=extractor)


def test_what_two_readers_read_alike_counts_and_what_one_reads_waits(matcher, tmp_path):
    write_review(queue((PAPERS[0], *OTHERS), matcher).extractions, tmp_path / "a.csv")
    table = rm.read_incidents(tmp_path / "a.csv")
    told = dict(zip(table["incident_id"].str.contains("reader"), reasons(table), strict=False))
    assert reasons(table)[0] == ""
    assert table["reliability"].tolist()[0] == "C"
    assert told[True] == "not_reviewed"


def test_readings_that_differ_stand_side_by_side_and_one_may_count(matcher, tmp_path):
    def without_toll(text, *, published=None):  # noqa: ARG001 - the protocol's shape
        return [{**answer(2, "Kitoulo", "two Chinese miners"), "killed": None}]

    read = queue(PAPERS[:1], matcher, without_toll)
    rows = read.extractions[0].incident_rows
    assert [row["readers"] for row in rows] == ["rules", "reader"]
    assert {row["differs"] for row in rows} == {"killed"}
    page = render_review(read.extractions)
    assert "<b>2</b>" in page
    write_review(read.extractions, tmp_path / "a.csv")
    assert reasons(rm.read_incidents(tmp_path / "a.csv")) == ["not_reviewed"] * 2
    decide(tmp_path / "a.csv", [{"decision": "accept"}] * 2)
    assert reasons(rm.read_incidents(tmp_path / "a.csv")) == ["", "duplicate"]


def test_of_two_readings_that_were_accepted_the_one_that_tells_most_counts(matcher, tmp_path):
    def of_foreigners(text, *, published=None):  # noqa: ARG001 - the protocol's shape
        return [{**answer(2, "Kitoulo", "two Chinese miners"), "killed": None}]

    write_review(queue(PAPERS[:1], matcher, of_foreigners).extractions, tmp_path / "a.csv")
    accepted = {"decision": "accept"}
    poor = accepted | {"nationality": "", "foreign_victims": "", "killed": "1"}
    decide(tmp_path / "a.csv", [poor, accepted | {"nationality": "CHN", "killed": "2"}])
    table = rm.read_incidents(tmp_path / "a.csv")
    assert reasons(table) == ["duplicate", ""]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        (("reject", "accept"), ["rejected", ""]),
        (("accept", "accept"), ["", "duplicate"]),
        (("reject", ""), ["rejected", "not_reviewed"]),
        (("reject", "reject"), ["rejected", "duplicate"]),
    ],
)
def test_where_the_first_row_of_a_story_is_rejected_another_counts(tmp_path, decisions, expected):
    texts = ["Two men were shot dead in Kelda district on Monday.",
             "Gunmen killed two Chinese engineers on Monday in Kelda district."]  # fmt: skip
    found = [rm.extract_incidents(text, published="2031-05-14") for text in texts]
    write_review(found, tmp_path / "a.csv")
    decide(tmp_path / "a.csv", [{"decision": word} for word in decisions])
    assert reasons(rm.read_incidents(tmp_path / "a.csv")) == expected


@pytest.mark.parametrize(("decision", "expected"), [("accept", ""), ("", "not_reviewed")])
@pytest.mark.parametrize("story", ["7", ""])
def test_a_follow_up_whose_story_nobody_has_told_counts_when_accepted(
    tmp_path, decision, expected, story
):
    text = "Gunmen killed two Chinese engineers on Monday in Kelda district."
    found = rm.extract_incidents(text, published="2031-05-14")
    write_review([found], tmp_path / "a.csv")
    changes = {"decision": decision, "event_status": "follow_up", "story": story}
    decide(tmp_path / "a.csv", [changes])
    assert reasons(rm.read_incidents(tmp_path / "a.csv")) == [expected]


def test_a_workbook_comes_back_as_the_table_does(matcher, tmp_path):
    read = queue((PAPERS[0], *OTHERS), matcher)
    write_review(read.extractions, tmp_path / "a.csv")
    write_review(read.extractions, tmp_path / "a.xlsx")
    tables = [rm.read_incidents(tmp_path / name) for name in ("a.csv", "a.xlsx")]
    assert reasons(tables[0]) == reasons(tables[1])
    columns = ["incident_id", "event_date", "admin2", "killed", "nationality"]
    assert tables[0][columns].astype(str).equals(tables[1][columns].astype(str))


def test_a_decision_keeps_its_author_and_reason(review):
    signed = {"decision": "accept", "author": "A. Reed", "reason": "called the mine"}
    decide(review, [signed, {**signed, "decision": "reject"}, {}])
    table = rm.read_incidents(review)
    assert "accept by A. Reed: called the mine" in table["notes"].tolist()[0]
    assert "reject by A. Reed" in table["notes"].tolist()[1]


@pytest.mark.slow
def test_drafts_count_once_enough_of_their_kind_were_accepted(matcher, tmp_path):
    found = [
        rm.extract_incidents(
            f"Gunmen killed two Chinese miners in {place} on {day} May 2031, police said.",
            published=f"2031-05-{day + 1:02}",
            regions=matcher,
        )
        for place in ("Kitoulo", "Ndolo", "Coldwater")
        for day in range(1, 29, 4)
    ]
    write_review(found, tmp_path / "a.csv")
    assert set(reasons(rm.read_incidents(tmp_path / "a.csv"))) == {"not_reviewed"}
    for n, last in ((19, "not_reviewed"), (20, "")):
        decide(tmp_path / "a.csv", [{"decision": "accept" if k < n else ""} for k in range(21)])
        assert reasons(rm.read_incidents(tmp_path / "a.csv"))[-1] == last


def test_a_reader_that_fails_leaves_the_text_to_the_rules_and_is_told(matcher):
    def absent(text, *, published=None):  # noqa: ARG001 - the protocol's shape
        raise ServiceError("the extractor can't be reached")

    read = queue((PAPERS[0], OTHERS[1]), matcher, absent)
    assert len(read.extractions[0].incident_rows) == 1
    assert (read.count, read.unread) == (1, {"zh": 1})
    assert "did not answer for 2 of 2" in list(read.tell())[1]
