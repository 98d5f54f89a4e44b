"""Words are understood, or told as written; no attack is lost or made harmless."""

import csv
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.incidents.feeds import every_feed
from riskmap.incidents.nationalities import find_nationalities
from riskmap.incidents.values import read_bound
from riskmap.incidents.words import (
    count_not_understood,
    find_event_type,
    is_blank,
    split_remarks,
)
from riskmap.panels.measures import measure
from riskmap.schema import EVENT_TYPES, SECTORS
from riskmap.settings import data_path


def read(**columns):
    """Rows of the invented country, one for each value of the longest column."""
    n = max(len(values) for values in columns.values())
    rows = {"date": ["2031-05-06"] * n, "lat": ["-7.5"] * n, "lon": ["2.5"] * n}
    return rm.read_incidents(pd.DataFrame(rows | columns))


def test_the_list_gives_a_word_one_meaning_and_only_codes_of_the_schema():
    seen = {}
    with data_path("incident_words.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known = {"event_type": EVENT_TYPES, "sector": SECTORS}.get(row["kind"], (row["value"],))
            assert row["value"] in known
            for word in row["words"].split(";"):
                assert seen.setdefault((row["kind"], word), row["value"]) == row["value"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["Armed attack", "armed_attack", "ATTACKS", "Violence against civilians"], "armed_attack"),
        (["shooting", "murder", "homicidio", "Complex attack"], "armed_attack"),
        (["Explosions/Remote violence", "IED", "VBIED", "rocket attack on a camp"], "explosion"),
        (["Kidnapping", "Secuestro", "Hostage Taking (Kidnapping)"], "abduction"),
        (["Battles", "clash", "armed clashes"], "battle"),
        (["Protests", "Demonstration"], "unrest"),
        (["Flood", "Road traffic accident", "Strategic developments"], "other"),
        (["Protest / shooting"], "armed_attack"),
        (["blorp", "Protest / blorp", "???"], "unknown"),
    ],
)
def test_types_are_understood_whatever_their_spelling(words, code):
    assert set(read(type=words)["event_type"]) == {code}


@pytest.mark.slow
@given(st.text(max_size=20))
def test_a_type_in_no_list_counts_as_an_attack(text):
    known = find_event_type(text)
    if known is None and text.strip():
        table = read(event_type=[text, "protest"])
        assert table["event_type"].iloc[0] == "unknown"
        assert measure(table)["violence"].tolist() == [1, 0]


@pytest.mark.slow
@pytest.mark.parametrize("feed", [feed for feed in every_feed() if "event_type" in feed.codes])
def test_no_feed_takes_a_strange_type_for_something_harmless(feed):
    days = {"year": "2031", "iyear": "2031", "month": "5", "imonth": "5", "day": "6", "iday": "6"}
    row = {name: days.get(name, "2031-05-06") for name in feed.date_columns}
    row |= dict.fromkeys(feed.codes["event_type"].columns, "blorp")
    table = rm.read_incidents(pd.DataFrame([row]), feed=feed.name)
    assert table["event_type"].tolist() == ["unknown"]
    assert "event_type=blorp" in table["not_understood"].iloc[0]
    assert measure(table)["violence"].tolist() == [1]


@pytest.mark.parametrize(
    ("words", "sector"),
    [
        (["mining", "Mining", "MINES", "Gold mining company", "采矿"], "mining"),
        (["NGO", "Humanitarian"], "aid"),
        (["Oil & Gas", "power plants"], "energy"),
        (["Road construction", "Builders"], "construction"),
    ],
)
def test_sectors_are_understood(words, sector):
    table = read(sector=words)
    assert set(table["sector"]) == {sector}
    assert table["not_understood"].isna().all()


@pytest.mark.parametrize(
    "words",
    [
        *("China", "chinese", "CHN", "CN", "cn", "PRC national", "P.R. China", "P.R.C."),
        *(
            "3 Chinese",
            "Yes - Chinese",
            "chinese nationals",
            "Chinese (2)",
            "China, People's Republic of",
        ),
        *("2Chinese", "Chineese", "Chinois", "chinoises", "ressortissants chinois", "chino"),
        *("ciudadanos chinos", "chinesa", "Chinesisch", "китаец", "граждане Китая"),
        *("صيني", "الصين", "中国", "中国人", "中国籍", "两名中国公民", "中方人员", "华人"),
    ],
)
def test_nationalities_are_understood(words):
    table = read(nationality=[words])
    assert table["nationality"].tolist() == ["CHN"]
    assert table["not_understood"].isna().all()


NATIONS = {
    "CHN": ["Chinese", "CHN", "chinois", "китаец", "صيني", "中国籍"],
    "PAK": ["Pakistani", "PK", "pakistanaise", "пакистанец", "باكستاني", "巴基斯坦人"],
    "TUR": ["Turkish", "TUR", "turco", "турецкий", "تركي", "土耳其"],
    "IND": ["Indian", "IN", "indien", "индийский", "هندي", "印度公民"],
}


@given(
    st.lists(st.sampled_from(sorted(NATIONS)), min_size=1, max_size=4, unique=True),
    st.sampled_from(["; ", ", ", "/", " and ", " & ", "\u3001", "\uff0c", "\n"]),
    st.data(),
)
def test_any_of_several_nationalities_counts(codes, joint, data):
    words = [data.draw(st.sampled_from(NATIONS[code])) for code in codes]
    assert find_nationalities(joint.join(words), "XQA") == (sorted(codes), False, [])


@pytest.mark.parametrize(
    "words", ["no Chinese", "not Chinese", "非中国籍", "не китаец", "Martian", "17", "NO", "Hazara"]
)
def test_what_names_nobody_for_sure_is_told_as_written(words):
    table = read(nationality=[words], country=["TCD"])
    assert table["nationality"].isna().all()
    assert table["not_understood"].tolist() == [f"nationality={words}"]


@given(st.text(st.characters(categories=["L"]), min_size=2, max_size=12))
def test_a_nationality_is_understood_or_told_or_says_nothing(text):
    found, foreign, strange = find_nationalities(text, "XQA")
    assert found or foreign or strange or is_blank(text)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["", "unknown", "n/a", "NA", "-", "No", "none"])
def test_nothing_is_no_nationality(words):
    table = read(nationality=[words], sector=[words])
    assert table[["nationality", "sector", "not_understood"]].isna().all(axis=None)


def test_foreign_and_local_people_are_known_as_such():
    short = read(nationality=["2 x TCN", "1 LN, 1 EXP", "LN"], country=["TCD"] * 3)
    assert short["foreign_victims"].fillna(0).tolist() == [1, 1, 0]
    assert short["not_understood"].isna().all()
    table = read(nationality=["expat", "local; Chinese", "Congolese"], country=["TCD"] * 3)
    assert table["foreign_victims"].fillna(0).tolist() == [1, 0, 1]
    assert table["nationality"].fillna("").tolist() == ["", "CHN;TCD", ""]
    assert table["staff_type"].fillna("").tolist() == ["international", "", "international"]


HEADERS = [
    *("victim_nationality", "Victims' nationality", "Nationality of the victim", "Citizenship"),
    *("nationalities", "Nationality (victims)", "Victim-nationality", "country of origin"),
    *(
        "国籍",
        "受害者国籍",
        "nationalité",
        "Nacionalidad",
        "nacionalidade",
        "гражданство",
        "الجنسية",
    ),
    *("foreign nationals", "Expats killed", "Were foreigners involved?", "外国人"),
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_column_of_who_was_hit_is_known_by_its_usual_names(header):
    table = read(**{header: ["Chinese", "", "PRC national"]}, country=["TCD"] * 3)
    assert table["nationality"].fillna("").tolist() == ["CHN", "", "CHN"]
    assert table["not_understood"].isna().all()


@pytest.mark.parametrize(
    ("columns", "number"),
    [
        ({"expats_killed": "0", "expats_injured": "2", "foreigners": "1"}, 2),
        ({"foreign nationals": "5", "expatriates": "3"}, 5),
        ({"international staff": "several"}, 2),
        ({"Were foreigners involved?": "Yes"}, 1),
        ({"Were foreigners involved?": "No"}, 0),
        ({"foreigners": "2 Chinese"}, 2),
        ({"foreigners": ""}, None),
    ],
)
def test_foreign_people_are_counted_from_every_column_that_counts_them(columns, number):
    victims = read(**{name: [text] for name, text in columns.items()})["foreign_victims"]
    assert victims.astype(object).where(victims.notna(), None).tolist() == [number]


def test_each_of_several_columns_of_nationalities_and_of_notes_is_read():
    table = read(
        nationality=["", "Afghan"], victim_nationality=["PRC", "Chinese"], country=["AFG"] * 2,
        notes=["IED", ""], description=["2 Chinese killed", ""], victims=["3", "driver"],
    )  # fmt: skip
    assert table["nationality"].tolist() == ["CHN", "AFG;CHN"]
    assert table["notes"].tolist() == ["IED; 2 Chinese killed", "Victims: driver"]


@pytest.mark.parametrize(
    "header", ["victim nation code", "foreign_crew", "国籍2", "nat. of casualties", "citizen of"]
)
def test_a_column_that_seems_to_tell_who_was_hit_is_read_or_told(header):
    frame = pd.DataFrame({"date": ["2031-05-06"] * 3, "lat": ["1"] * 3, "lon": ["2"] * 3})
    frame[header] = ["Chinese", "0", ""]
    told = rm.read_incidents(frame)["not_understood"].fillna("").tolist()
    assert told == [f"nationality={header}: Chinese", "", ""]
    assert f"nationality: '{header}: Chinese' 1 rows" in str(rm.check_incidents_file(frame))


@pytest.mark.parametrize(
    "header",
    [
        "attacker_nationality",
        "source",
        "Nat'l_killed_captive",
        "national_staff_killed",
        "internet",
        "price",
    ],
)
def test_a_column_of_others_is_not_told_as_one_of_victims(header):
    assert read(**{header: ["Chinese"]})["not_understood"].isna().all()


def test_targets_are_foreigners_sectors_employers_or_sites():
    words = ["Chinese company", "mines", "employer: Road Co", "police", "blorp", "foreign workers"]
    table = read(target=words, country=["TCD"] * 6)
    told = ["foreigners", "mining", "employer:Road Co", "", "", "foreigners"]
    assert table["target"].fillna("").tolist() == told
    assert table["not_understood"].fillna("").tolist() == ["", "", "", "", "target=blorp", ""]


def test_values_in_no_list_are_told_by_value_as_written():
    table = read(sector=["Blasting", "Blasting", "mining"], killed=["abc", "1", "2"])
    counts = {"killed": {"abc": 1}, "sector": {"Blasting": 2}}
    assert count_not_understood(table["not_understood"]) == counts
    report = rm.check_incidents_file(
        pd.DataFrame({"date": ["2031-05-06"] * 2, "place": ["A", "B"], "sector": ["Blasting"] * 2})
    )
    assert json.loads(json.dumps(report.as_dict()))["not_understood"] == {"sector": {"Blasting": 2}}
    assert "sector: 'Blasting' 2 rows" in str(report)


@pytest.mark.slow
def test_remarks_survive_being_written_and_read_again(tmp_path):
    table = read(sector=["Blasting", ""], killed=["3-4", "abc"], target=["mines", ""])
    table.drop(columns="geometry").to_csv(tmp_path / "a.csv", index=False)
    again = rm.read_incidents(tmp_path / "a.csv")
    for column in ("not_understood", "toll", "target", "killed"):
        assert again[column].astype(object).fillna("").tolist() == (
            table[column].astype(object).fillna("").tolist()
        )


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(["sector", "killed"]), st.from_regex(r"[a-z;, ]{1,9}"))))
def test_remarks_are_read_as_they_were_written(pairs):
    plain = [(column, value.strip()) for column, value in pairs]
    assert split_remarks("; ".join(f"{c}={v}" for c, v in plain)) == plain


@pytest.mark.parametrize(
    ("text", "least"),
    [
        *(("3-4", 3), ("3 – 4", 3), ("3 to 4", 3), ("4 to 6", 4), ("between 3 and 4", 3)),
        *(("4-Mar", 3), ("2031-03-04 00:00:00", 3), ("5+", 5), ("at least 5", 5), ("5 or more", 5)),
        *(("At least five killed", 5), ("ca. 10", 10), ("~10", 10), ("10?", 10), ("several", 2)),
        *(("many", 2), ("a few", 2), ("dozens", 24), ("more than 5", 6), (">5", 6), ("<5", 1)),
        *(("up to 4", 1), ("yes", 1), ("unknown number", 1), ("3 with a child", 3), ("至少5人", 5)),
        *(("2 men and 1 woman", 3), ("0.5", 1), ("0-3", 0)),
    ],
)
def test_a_bound_counts_with_the_least_and_is_kept_as_written(text, least):
    row = read(killed=[text]).iloc[0]
    assert row["killed"] == least
    assert row["toll"] == f"killed {text}"
    assert pd.isna(row["quarantine_reason"])
    assert pd.isna(row["not_understood"])


@pytest.mark.parametrize(
    ("text", "number"), [("1,200", 1200), ("three", 3), ("5 dead", 5), ("nil", 0), ("7.0", 7)]
)
def test_a_number_in_other_clothes_is_no_bound(text, number):
    row = read(killed=[text]).iloc[0]
    assert row["killed"] == number
    assert pd.isna(row["toll"])


@pytest.mark.parametrize("text", ["unknown", "n/a", "?", "-", "TBC", "not reported", "none"])
def test_a_toll_that_is_not_known_is_missing(text):
    row = read(killed=[text]).iloc[0]
    assert row[["killed", "toll", "not_understood", "quarantine_reason"]].isna().all()


@pytest.mark.slow
@given(st.text(max_size=30))
def test_no_toll_loses_an_attack_or_is_lost_itself(text):
    row = read(killed=[text], type=["attack"]).iloc[0]
    assert pd.isna(row["quarantine_reason"])
    understood = not text.strip() or read_bound(text) is not None
    assert understood or row["killed"] is not pd.NA or row["not_understood"].startswith("killed=")


def test_what_is_told_travels_to_the_placed_incidents():
    table = read(sector=["Blasting"], killed=["3-4"], target=["mines"])
    located = rm.locate(table, rm.datasets.regions())
    assert located.incidents[["not_understood", "toll", "target"]].iloc[0].tolist() == [
        "sector=Blasting", "killed 3-4", "mining"
    ]  # fmt: skip


HEARD = [
    ("Subject", "Chinese worker killed", "CHN"),
    ("Security note", "attack on a Chinese camp, Turkish engineer wounded", "TUR"),
    ("Affected persons", "2 Chinese", "CHN"),
    ("Victim type", "Chinese miner", "CHN"),
    ("Victim(s)", "1 CHN", "CHN"),
    ("No. of Chinese killed", "1", "CHN"),
    ("CHN victims", "2", "CHN"),
    ("中国人死亡", "1", "CHN"),
]


@pytest.mark.parametrize(("column", "text", "nation"), HEARD)
def test_a_column_of_a_desks_own_name_is_heard_where_it_says_who_was_hit(column, text, nation):
    found = rm.derive_victims(read(**{column: [text, ""]}))
    assert found["nationality"].tolist()[0] == nation
    assert found["nationality"].isna().tolist() == [False, True]
    assert measure(found)["foreign"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("Chinese killed", "0"), ("Office", "no Chinese were hurt"), ("Subject", "weather")),
        *(("Chinese workers in district", "120"), ("Nearby", "a Chinese mine")),
        *(("Perpetrator", "two Chinese workers killed him"), ("Reporter", "Chinese man shot")),
    ],
)
def test_a_column_of_a_desks_own_name_that_says_of_nobody_that_he_was_hit_is_not(column, text):
    found = rm.derive_victims(read(**{column: [text]}))
    assert found["notes"].isna().all()
    assert not measure(found)["foreign"].any()


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("Erschießung", "Schießerei", "枪杀", "遭武装分子袭击", "атака", "ترور"), "armed_attack"),
        (
            ("Minenexplosion", "mina terrestre", "самоподрыв", "بمب گذاری", "路边炸弹"),
            "explosion",
        ),
        (("Entführung", "sequestro", "похищение", "اختطاف", "绑架中国工人"), "abduction"),
        (("Ausschreitungen", "motim", "беспорядки", "تظاهرات", "示威"), "unrest"),
    ],
)
def test_types_in_nine_languages(texts, kind):
    assert {text: find_event_type(text) for text in texts} == dict.fromkeys(texts, kind)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("chinesischer Ingenieur", "CHN"),
        ("zwei chinesische Staatsbürger", "CHN"),
        ("türkischer Staatsbürger", "TUR"),
        ("pakistanischen", "PAK"),
        ("ترکیه", "TUR"),
        ("پاکستانی", "PAK"),
        ("einheimischer", "AFG"),
        ("locais", "AFG"),
        ("داخلی", "AFG"),
    ],
)
def test_nationalities_with_their_endings(text, code):
    assert find_nationalities(text, "AFG") == ([code], False, [])
