"""Stories: texts of one incident join, texts of others stay apart, in several styles.

All incidents are invented; texts are made from a seed of places, days, tolls and peoples, so that
there are some hundreds of pairs and triples, and are read by the rules like any others.
"""

import itertools
from datetime import date, timedelta
from functools import cache

import pytest

import riskmap as rm
from riskmap.incidents.articles.stories import adds, find_stories, pair_readings

DISTRICTS = [
    ("Kitoulo", "Haut-Lokele"), ("Ndolo", "Moyen-Bassira"), ("Mbandora", "Haut-Lokele"),
    ("Coldwater", "North Fenwick"), ("Gullhaven", "Saltmarch"), ("Harrow Bay", "Saltmarch"),
    ("Nam Khao", "Upper Minbwe"), ("Sumpra", "Kachay"), ("Krasnopil", "Zoriv"),
    ("Stara Hrebla", "Pivdenny"),
]  # fmt: skip
PEOPLES = ["Turkish", "Chinese", "Indian", "Greek", "Kenyan"]
NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine"]
MONDAY = date(2031, 5, 12)

#: One incident in several styles: a wire, a bulletin, a statement, a follow-up, one without a day.
STYLES = {
    "wire": "Gunmen killed {n} {people} miners in {district} district of {province} on {weekday},"
    " police said.",
    "passive": "{N} {people} miners were shot dead by gunmen in {district} on {weekday}, officials"
    " said.",
    "bulletin": "SECURITY UPDATE\n{dmy}, {province}, {district} district: armed attack. {N}"
    " {people} miners were killed by unknown gunmen.",
    "statement": "The company regrets to say that {n} {people} miners were killed in an attack by"
    " gunmen in {district} district, {province}, on {dmy}.",
}
LATER = {
    "undated": "{N} {people} miners were killed by gunmen in {district} district of {province}.",
    "placeless": "Gunmen killed {n} {people} miners on {weekday}, police said.",
}


def tell(style, *, district=0, n=1, people=0, day=MONDAY):
    name, province = DISTRICTS[district]
    words = {"n": NUMBERS[n], "N": NUMBERS[n].capitalize(), "people": PEOPLES[people]}
    words |= {"district": name, "province": province, "weekday": f"{day:%A}"}
    words["dmy"] = f"{day.day} {day:%B %Y}"
    published = day + timedelta(days=1)
    return {**STYLES, **LATER}[style].format(**words), published.isoformat()


@cache
def _rows(text, published, matcher):
    found = rm.incidents.extract_incidents(text, published=published, regions=matcher)
    return tuple({**row, "text_id": found.text_id} for row in found.incident_rows)


def stories_of(texts, matcher):
    rows = [row for text, published in texts for row in _rows(text, published, matcher)]
    assert len(rows) == len(texts), texts
    return find_stories(rows)


SAME_PAIRS = [
    (district, n, people, pair)
    for district, (n, people) in itertools.product(
        range(10), [(0, 0), (1, 1), (2, 2), (4, 3), (6, 4)]
    )
    for pair in itertools.combinations(STYLES, 2)
]  # 300
SAME_TRIPLES = [
    (district, district % 8, district % 5, triple)
    for district in range(10)
    for triple in itertools.combinations(STYLES, 3)
]  # 40
OTHERS = [
    (pair, district, changes)
    for district in range(10)
    for pair in (("wire", "passive"), ("bulletin", "statement"), ("wire", "bulletin"))
    for changes in (
        {"district": (district + 1) % 10},
        {"people": 3, "n": 5},
        {"day": MONDAY + timedelta(days=9)},
        {"n": 7},
        {"day": MONDAY - timedelta(days=6), "n": 2},
    )
]  # 150
JOINING = [
    (district, style, later) for district in range(10) for style in STYLES for later in LATER
]  # 80


def test_there_are_five_hundred_of_them():
    assert len(SAME_PAIRS) + len(SAME_TRIPLES) + len(OTHERS) + len(JOINING) >= 500


@pytest.mark.parametrize("pair", list(itertools.combinations(STYLES, 2)), ids="-".join)
def test_two_texts_of_one_incident_are_one_story(pair, matcher):
    for district, n, people, styles in SAME_PAIRS:
        if styles == pair:
            told = [tell(s, district=district, n=n, people=people) for s in styles]
            (story,) = stories_of(told, matcher)
            assert (story.lead["killed"], story.notes) == (n + 2, ())


def test_three_texts_of_one_incident_are_one_story(matcher):
    for district, n, people, styles in SAME_TRIPLES:
        told = [tell(s, district=district, n=n, people=people) for s in styles]
        assert len(stories_of(told, matcher)) == 1, told


@pytest.mark.parametrize("district", range(10))
def test_texts_of_other_incidents_stay_apart(district, matcher):
    for pair, first, changes in OTHERS:
        if first == district:
            told = [tell(pair[0], district=first), tell(pair[1], **{"district": first, **changes})]
            assert len(stories_of(told, matcher)) == 2, told


@pytest.mark.parametrize("later", LATER)
def test_what_has_no_day_or_place_joins_and_never_adds(later, matcher):
    for district, style, name in JOINING:
        if name == later:
            told = [tell(later, district=district, n=5, people=1)]
            told.append(tell(style, district=district, n=5, people=1))
            (story,) = stories_of(told, matcher)
            assert story.lead["admin2"] == DISTRICTS[district][0], told


def test_a_story_whose_parts_disagree_keeps_the_range_and_says_so(matcher):
    told = [tell("wire", n=3), tell("passive", n=5), tell("statement", n=4)]
    (story,) = stories_of(told, matcher)
    assert (story.lead["killed"], story.lead["killed_max"]) == (5, 7)
    assert story.notes == ("killed: 5 to 7",)


def test_two_incidents_of_one_text_are_never_one_story(matcher):
    text = (
        "Gunmen killed two Turkish miners in Kitoulo on Monday.\n"
        "In a separate incident, gunmen killed two Turkish miners in Kitoulo on Monday."
    )
    rows = _rows(text, "2031-05-13", matcher)
    assert len(find_stories(rows)) == len(rows) == 2


def test_a_follow_up_never_adds_even_alone():
    row = {"event_status": "follow_up", "event_date": MONDAY, "country": "XQD", "killed": 4}
    (story,) = find_stories([row])
    assert not adds(story.lead)


def test_two_readings_of_one_text_stand_side_by_side():
    rules = [{"killed": 7, "place": "Bangara", "event_type": "armed_attack"}]
    other = [{"killed": 7, "place": "Briala", "event_type": "armed_attack"}, {"abducted": 2}]
    assert pair_readings(rules, other) == [(rules[0], other[0]), (None, other[1])]
