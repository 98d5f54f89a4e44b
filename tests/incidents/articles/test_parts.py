"""The parts of the extractor, each with the cases that articles bring."""

from datetime import date

import pytest

import riskmap as rm
from riskmap.incidents.articles.dates import Reference, find_dates
from riskmap.incidents.articles.rules.actors import find_groups
from riskmap.incidents.articles.rules.scopes import find_scopes
from riskmap.incidents.articles.rules.tolls import find_tolls
from riskmap.incidents.articles.sentences import LONGEST, find_dateline, split_sentences

WEDNESDAY = Reference(date(2031, 5, 14))


@pytest.mark.parametrize(
    ("text", "first", "last", "precision"),
    [
        ("on Tuesday", "2031-05-13", "2031-05-13", "day"),
        ("last Wednesday", "2031-05-07", "2031-05-07", "day"),
        ("on Wednesday", "2031-05-14", "2031-05-14", "day"),
        ("this morning", "2031-05-14", "2031-05-14", "day"),
        ("last night", "2031-05-13", "2031-05-13", "day"),
        ("the day before yesterday", "2031-05-12", "2031-05-12", "day"),
        ("three days ago", "2031-05-11", "2031-05-11", "day"),
        ("two weeks ago", "2031-04-27", "2031-05-03", "week"),
        ("five months ago", "2030-12-01", "2030-12-31", "month"),
        ("several years ago", "2028-01-01", "2028-12-31", "year"),
        ("a decade ago", "2021-01-01", "2021-12-31", "year"),
        ("last week", "2031-05-05", "2031-05-11", "week"),
        ("this week", "2031-05-12", "2031-05-14", "week"),
        ("last month", "2031-04-01", "2031-04-30", "month"),
        ("earlier this month", "2031-05-01", "2031-05-14", "month"),
        ("last year", "2030-01-01", "2030-12-31", "year"),
        ("earlier this year", "2031-01-01", "2031-05-14", "year"),
        ("in November", "2030-11-01", "2030-11-30", "month"),
        ("in May 2029", "2029-05-01", "2029-05-31", "month"),
        ("in 2022", "2022-01-01", "2022-12-31", "year"),
        ("on 3 May", "2031-05-03", "2031-05-03", "day"),
        ("on Dec. 30", "2030-12-30", "2030-12-30", "day"),
        ("on 2029-02-28", "2029-02-28", "2029-02-28", "day"),
        ("over the past 24 hours", "2031-05-13", "2031-05-14", "day"),
        ("during the past two weeks", "2031-04-30", "2031-05-14", "week"),
        ("in the past day", "2031-05-13", "2031-05-13", "day"),
        ("on 22 Saur", "2031-05-12", "2031-05-12", "day"),
        ("on 29 Hut", "2031-03-20", "2031-03-20", "day"),
    ],
)
def test_phrases_of_time(text, first, last, precision):
    (found,) = find_dates(text, reference=WEDNESDAY)
    assert (str(found.first), str(found.last), found.precision) == (first, last, precision)
    assert text[found.start : found.end] == found.phrase


@pytest.mark.parametrize(
    "text", ["on Tuesday", "yesterday", "two weeks ago", "in November", "on 3 May", "on 22 Saur"]
)
def test_what_counts_from_a_day_stays_open_without_one(text):
    (found,) = find_dates(text)
    assert found.first is None


@pytest.mark.parametrize(
    "text",
    [
        "they may march",
        "on 31 February 2030",
        "next Tuesday",
        "2030-13-40",
        "on 31 Hut 1409",
        "50 Hut",
    ],
)
def test_what_is_no_day_gives_none(text):
    assert [d for d in find_dates(text, reference=WEDNESDAY) if d.precision == "day"] == []


def test_a_month_known_from_the_head_of_the_report():
    found = find_dates("yesterday and on 2 May", reference=Reference(None, 2031, 5))
    assert [(str(d.first), d.precision) for d in found] == [
        ("2031-05-01", "month"),
        ("2031-05-02", "day"),
    ]


def tolls(text):
    found = find_tolls(text, find_scopes(text))
    return [(t.kind, t.low, t.high, t.side) for t in found if not t.scope]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A blast left 12 dead and 30 wounded.", [("killed", 12, 12, ""), ("wounded", 30, 30, "")]),
        ("Dozens of people were killed.", [("killed", 24, 99, "victim")]),
        ("Between 10 to 15 soldiers were killed.", [("killed", 10, 15, "victim")]),
        ("Up to 20 guards were wounded.", [("wounded", 1, 20, "victim")]),
        ("Fewer than 5 guards were wounded.", [("wounded", 1, 4, "victim")]),
        ("Twenty-one men died.", [("killed", 21, 21, "victim")]),
        ("A dozen villagers were abducted.", [("abducted", 12, 12, "victim")]),
        ("Two hundred villagers were abducted.", [("abducted", 200, 200, "victim")]),
        ("No civilians were harmed or killed.", []),
        ("One rebel was shot and killed.", [("killed", 1, 1, "militant")]),
        ("The jet struck the rebels, killing both.", [("killed", 2, 2, "")]),
        (
            "A 12-year-old boy and his 40-year-old father were killed.",
            [("killed", 1, 1, "victim"), ("killed", 1, 1, "victim")],
        ),
        (
            "Killed in the raid were two guards and five rebels.",
            [("killed", 2, 2, "victim"), ("killed", 5, 5, "militant")],
        ),
        ("Killed two guards.", [("killed", 2, 2, "victim")]),
        ("The rebel tried to flee and was killed.", [("killed", 1, 1, "militant")]),
        ("None of the passengers was killed.", []),
        ("Neither of the two suspects was killed.", []),
        ("Between 10 and 15 fighters were killed.", [("killed", 10, 15, "militant")]),
        (
            "Five civilians, three women and two children, were killed.",
            [("killed", 5, 5, "victim")],
        ),
        ("Three service members died.", [("killed", 3, 3, "victim")]),
        ("Gunmen killed a couple of traders.", [("killed", 2, 2, "victim")]),
        ("A pair of insurgents were killed.", [("killed", 2, 2, "militant")]),
        ("The couple were killed.", [("killed", 1, 1, "victim")]),
        ("The bodies of four miners were found.", [("killed", 4, 4, "victim")]),
        ("Police recovered five bodies.", [("killed", 5, 5, "victim")]),
        ("The bodies were flown home.", []),
        ("The bodies were found.", []),
        ("At least 12 villagers lost their lives.", [("killed", 12, None, "victim")]),
        ("The blast claimed six lives.", [("killed", 6, 6, "victim")]),
        ("The attack cost the lives of six workers.", [("killed", 6, 6, "victim")]),
        ("He devoted his life to six workers.", []),
        ("Two guards succumbed to their injuries.", [("killed", 2, 2, "victim")]),
        (
            "Haji Nur was killed along with three fighters.",
            [("killed", 1, 1, ""), ("killed", 3, 3, "militant")],
        ),
        (
            "A suicide bomber killed himself and four others.",
            [("killed", 1, 1, "attacker"), ("killed", 4, 4, "victim")],
        ),
        ("The police said it could kill two men.", []),
        ("They killed two men.", [("killed", 2, 2, "victim")]),
        ("The raid killed him.", [("killed", 1, 1, "")]),
        ("Six clerks were taken hostage.", [("abducted", 6, 6, "victim")]),
        ("Police rounded up nine suspects.", [("arrested", 9, 9, "militant")]),
        ("Two men were taken into custody.", [("arrested", 2, 2, "victim")]),
        ("The death toll rose from nine to 14.", [("killed", 14, 14, "victim")]),
        ("The death of General Abel Roun shocked all.", [("killed", 1, 1, "")]),
        ("The detained man smiled.", []),
        ("Gunmen shot dead two guards.", [("killed", 2, 2, "victim")]),
        ("Troops seized 12 rifles.", []),
    ],
)
def test_counts(text, expected):
    assert tolls(text) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("HARROW BAY, Merrowland (May 3, 2031) - Two men died.", "HARROW BAY"),
        ("Two killed\nHARROW BAY, May 3 (MNA) - Two men died.", "HARROW BAY"),
        ("HARROW BAY — Two men died.", "HARROW BAY"),
        ("The USA, May 3, won.", None),
    ],
)
def test_datelines(text, place):
    line = find_dateline(text)
    assert (text[slice(*line.place)] if line else None) == place


def test_sentences_keep_abbreviations_whole():
    text = "Lt. Col. A. Reed spoke on Jan. 3. He left at 3 p.m. for the U.S. base."
    assert [s.text for s in split_sentences(text)] == [
        "Lt. Col. A. Reed spoke on Jan. 3.",
        "He left at 3 p.m. for the U.S. base.",
    ]


def test_groups_by_list_and_by_form():
    text = "The Taliban, the Free Valley Front (FVF) and the Border Police met; the FVF left."
    assert [q.value for q in find_groups(text)] == ["Taliban", "FVF", "FVF"]


def first(text, matcher):
    rows = rm.extract_incidents(text, published="2031-05-14", regions=matcher).incident_rows
    return rows[0] if rows else {}


def test_an_ambiguous_district_is_settled_by_the_province(matcher):
    row = first("A guard was killed in Coldwater, North Fenwick, on Monday.", matcher)
    assert row["region_id"] == "XQB0101"


def test_a_district_of_another_province_is_no_match(matcher):
    row = first("A guard was killed in Kitoulo district, Nurabad province, on Monday.", matcher)
    assert row["admin1"] == "Nurabad"
    assert row["region_id"] != "XQD0102"


def test_a_toll_since_the_new_year_is_no_news(matcher):
    text = (
        "The army killed two rebels in Kitoulo on Monday.\n"
        "They are among more than 50 rebels killed since the beginning of the year in Kitoulo."
    )
    news = rm.extract_incidents(text, published="2031-05-14", regions=matcher).incident_rows[0]
    assert (news["event_status"], news["killed"]) == ("reported", 2)


def test_people_named_by_what_befell_them_are_not_counted_again(matcher):
    text = (
        "An ambush in Kitoulo ended in a fire fight, killing one and wounding two others.\n"
        "The insurgent killed was identified as a commander."
    )
    row = rm.extract_incidents(text, published="2031-05-14", regions=matcher).incident_rows[0]
    assert (row["killed"], row.get("attackers_killed")) == (1, None)


@pytest.mark.parametrize(
    ("head", "published", "day"),
    [
        ("COLDWATER, May 12 - ", "2031-05-14", "2031-05-11"),  # the dateline's day before
        ("COLDWATER, May 12 - ", None, None),  # a dateline of an unknown year
        ("COLDWATER, April 2 - ", "2031-05-14", "2031-05-13"),  # too old to be that of the news
        ("COLDWATER, May 16 - ", "2031-05-14", "2031-05-13"),  # later than it appeared
        ("", "2031-05-14", "2031-05-13"),
    ],
)
def test_yesterday_counts_from_the_dateline(matcher, head, published, day):
    text = head + "Gunmen killed two miners in Kitoulo yesterday."
    row = rm.extract_incidents(text, published=published, regions=matcher).incident_rows[0]
    assert (row["event_date"].isoformat() if row.get("event_date") else None) == day


def test_a_day_that_names_another_event_does_not_date_this_one(matcher):
    text = "Soldiers killed a rebel linked to the May 2 attack on the mine in Kitoulo on Monday."
    row = rm.extract_incidents(text, published="2031-05-14", regions=matcher).incident_rows[0]
    assert row["event_date"].isoformat() == "2031-05-12"


def test_the_group_is_the_one_named_before(matcher):
    text = (
        "Rebels of the Salt Wind Movement killed 11 soldiers in Thanya on Monday, the army said. "
        "The group claimed it had killed 25."
    )
    row = first(text, matcher)
    assert (row["killed"], row["claimed_by"]) == (11, "Salt Wind Movement")


def test_an_attack_without_victims_counts(matcher):
    text = "A convoy of engineers came under attack in Puerto Lirio on Sunday; no one was hurt."
    row = first(text, matcher)
    assert (row["event_status"], row["admin2"]) == ("reported", "Puerto Lirio")
    assert "killed" not in row


def test_beaten_to_death(matcher):
    row = first("A mob beat to death two men accused of theft in Ndolo on Sunday.", matcher)
    assert (row["killed"], row["admin2"]) == (2, "Ndolo")


def test_a_summary_stands_when_nothing_tells_more(matcher):
    text = "Five people were killed in two separate attacks in Ndolo and Kitoulo on Monday."
    assert first(text, matcher)["killed"] == 5
    longer = text + " In Ndolo, gunmen killed two traders. In Kitoulo, a bomb killed three miners."
    found = rm.extract_incidents(longer, published="2031-05-14", regions=matcher)
    assert [r["killed"] for r in found.incident_rows] == [2, 3]
    assert [r["reason"] for r in found.set_aside_rows] == ["summary"]


def test_a_page_without_a_full_stop_is_read_in_pieces():
    text = "armed men attacked a convoy in Sarn and fled, " * 100
    pieces = split_sentences(text)
    assert max(len(piece.text) for piece in pieces) <= LONGEST
    assert "".join(piece.text for piece in pieces).replace(" ", "") == text.replace(" ", "")


def test_a_word_without_end_is_cut():
    assert [len(piece.text) for piece in split_sentences("x" * 2500)] == [1000, 1000, 500]
