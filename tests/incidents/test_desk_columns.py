"""Columns as desks name them: three rows of names, tolls of some people, kinds, links to maps."""

import pandas as pd
import pytest

import riskmap as rm
from riskmap.incidents.foreign_victims import hits_foreigners, is_violence, tells_victims


def read(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8")
    return rm.incidents.import_incidents(path)


@pytest.mark.parametrize(
    "header",
    [
        "When,Where,,Casualties,\nDate,Location,,People,\n,Province,District,Killed,Injured\n",
        "When,Where,,Casualties,\n,Location,,All,\n,Province,District,Killed,Injured\n",
        "Log,2031,,,\nWhen,Where,,Toll,\n,Place,,,\n,Province,District,Killed,Injured\n",
    ],
)
def test_a_header_of_three_rows(tmp_path, header):
    row = read(tmp_path, header + "2031-05-01,Velmar,Kelda,2,3\n").incidents.iloc[0]
    assert row[["admin1", "admin2", "killed", "wounded"]].tolist() == ["Velmar", "Kelda", 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "rows", "killed", "toll"),
    [
        ("KIA,Civ KIA", ["2,3", "0,1", "5,"], [5, 1, 5], None),  # the first is not of all
        ("Killed,Civ KIA", ["3,3", "4,1", "5,"], [3, 4, 5], None),  # of all
        ("Killed (LN),Killed (EXP)", ["2,1", "0,0", ","], [3, 0, pd.NA], "killed 3+"),
        ("Civilians killed", ["4", "0", ""], [4, 0, pd.NA], "killed 4+"),
        ("ANSF KIA,Civ KIA,KIA", ["1,1,2", "0,2,2", "1,,1"], [2, 2, 1], None),
    ],
)
def test_tolls_of_some_are_added_unless_a_column_holds_them_all(
    tmp_path, header, rows, killed, toll
):
    lines = "".join(f"2031-05-0{i},Kelda,{row}\n" for i, row in enumerate(rows, start=1))
    found = read(tmp_path, f"date,place,{header}\n{lines}")
    assert found.incidents["killed"].tolist() == killed
    assert found.incidents["toll"].fillna("").iloc[0] == (toll or "")
    assert found.report.columns["killed"].split(" | ") == sorted(
        header.split(","), key=lambda name: name not in ("KIA", "Killed")
    )


def test_the_foreign_among_the_killed_are_foreign_victims(tmp_path):
    table = read(tmp_path, "date,place,Killed,Killed (EXP)\n2031-05-01,Kelda,3,1\n").incidents
    assert table[["killed", "foreign_victims"]].iloc[0].tolist() == [3, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "cell", "column", "expected"),
    [
        ("What", "IED explosion", "event_type", "explosion"),
        ("Incident", "IED", "event_type", "explosion"),
        ("Вид происшествия", "взрыв", "event_type", "explosion"),
        ("Инцидент", "взрыв", "event_type", "explosion"),
        ("نوع الحادث", "انفجار", "event_type", "explosion"),
        ("نوع حادثه", "انفجار", "event_type", "explosion"),
        ("案件类型", "爆炸", "event_type", "explosion"),
        ("Vorfallart", "Explosion", "event_type", "explosion"),
        ("Tipo de incidente", "bomba", "event_type", "explosion"),
        ("Type d'incident", "bombe", "event_type", "explosion"),
        ("Tipo de ocorrência", "bomba", "event_type", "explosion"),
        ("被绑架人数", "3", "abducted", 3),
        ("Число похищенных", "3", "abducted", 3),
        ("عدد المخطوفين", "3", "abducted", 3),
        ("تعداد ربوده شدگان", "3", "abducted", 3),
        ("Anzahl Entführte", "3", "abducted", 3),
        ("受伤人数", "3", "wounded", 3),
        ("Число раненых", "3", "wounded", 3),
        ("Nombre de morts", "3", "killed", 3),
        ("Fallecidos", "3", "killed", 3),
        ("توضیحات", "kidnapped two", "notes", "kidnapped two"),
        ("Подробности", "text", "notes", "text"),
        ("التفاصيل", "text", "notes", "text"),
        ("Beschreibung", "text", "notes", "text"),
        ("事件经过", "text", "notes", "text"),
    ],
)
def test_headers_in_nine_languages(tmp_path, header, cell, column, expected):
    table = read(tmp_path, f'date,place,"{header}"\n2031-05-01,Kelda,{cell}\n').incidents
    assert table[column].iloc[0] == expected


def test_a_column_of_incidents_that_are_numbers_is_no_kind(tmp_path):
    table = read(tmp_path, "date,place,Incident\n2031-05-01,Kelda,INC-7\n").incidents
    assert table["event_type"].iloc[0] == "unknown"
    assert pd.isna(table["not_understood"].iloc[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "https://maps.google.com/?q=34.5,69.25",
        "https://www.google.com/maps?q=34.5%2C69.25&z=12",
        "https://www.google.com/maps/place/X/@1.5,2.5,15z/data=!3d34.5!4d69.25",
        "https://www.google.com/maps/@34.5,69.25,15z",
        "https://www.openstreetmap.org/?mlat=34.5&mlon=69.25#map=15/1.5/2.5",
        "geo:34.5,69.25",
        "34.5 \u0441.\u0448. 69.25 \u0432.\u0434.",
        "34°30' \u0441. \u0448., 69°15' \u0432. \u0434.",
        "北纬34.5 东经69.25",
        "LINESTRING(69.2 34.5, 69.3 34.5)",
        "POLYGON((69.2 34.4,69.3 34.4,69.3 34.6,69.2 34.6,69.2 34.4))",
    ],
)
@pytest.mark.parametrize("header", ["GPS", "Google Maps link"])
def test_a_place_as_links_and_shapes_say_it(tmp_path, text, header):
    if text.startswith("POLYGON"):
        text = text.replace("34.4", "34.45").replace("34.6", "34.55")
    point = read(tmp_path, f'date,place,{header}\n2031-05-01,Kelda,"{text}"\n').incidents.geometry
    assert (round(point.iloc[0].y, 6), round(point.iloc[0].x, 6)) == (34.5, 69.25)


def test_coordinates_that_are_not_understood_are_told_and_lose_no_row(tmp_path):
    cells = ["https://goo.gl/maps/abc", "LINESTRING(10 10, 20 20)", "by the bridge", "unknown", ""]
    rows = "".join(f'2031-05-01,Kelda,"{cell}"\n' for cell in ["34.5, 69.2", *cells])
    found = read(tmp_path, f"date,place,GPS\n{rows}")
    assert found.incidents["quarantine_reason"].isna().all()
    assert "line 3 'https://goo.gl/maps/abc', line 4 'LINESTRING" in str(found.report)
    assert found.rows_to_mend()["source_row"].tolist() == [3, 4, 5]


@pytest.mark.slow
@pytest.mark.parametrize(
    "header", ["Chinese killed", "CHN killed", "Killed (Chinese)", "Chinois tués", "Chinese", "CHN"]
)
@pytest.mark.parametrize(("cell", "least"), [("2", 2), ("two", 2), ("2-3", 2), ("several", 2)])
def test_a_column_that_counts_one_nation_names_it(tmp_path, header, cell, least):
    found = read(tmp_path, f"date,place,country,{header}\n2031-05-01,Kelda,XQA,{cell}\n").incidents
    assert (found["nationality"].iloc[0], found["foreign_victims"].iloc[0]) == ("CHN", least)


def test_none_of_one_nation_tells_nothing_of_the_others_and_locals_are_no_foreigners(tmp_path):
    text = "date,place,country,Killed,Chinese killed,Afghan killed\n2031-05-01,Kelda,AFG,5,0,3\n"
    assert pd.isna(read(tmp_path, text).incidents["foreign_victims"].iloc[0])


@pytest.mark.parametrize("header", ["Killed by Chinese", "Chinese suspects killed", "Chinese text"])
def test_who_did_it_and_texts_are_no_victims(tmp_path, header):
    found = read(tmp_path, f"date,place,{header}\n2031-05-01,Kelda,2\n").incidents
    assert pd.isna(found["foreign_victims"].iloc[0])


def test_columns_that_tick_countries_count_no_victims(tmp_path):
    text = "date,place,Mali,Niger,Chad\n2031-05-01,Kelda,0,1,0\n2031-05-02,Kelda,1,0,0\n"
    assert read(tmp_path, text).incidents["foreign_victims"].isna().all()


@pytest.mark.parametrize("cell", ["Other", "others", "autre", "其他"])
def test_another_nationality_is_not_understood(tmp_path, cell):
    found = read(tmp_path, f"date,place,nationality\n2031-05-01,Kelda,{cell}\n").incidents
    assert found["not_understood"].iloc[0] == f"nationality={cell}"


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["unknown", "Not known", "?", "tbc", "неизвестно", "不明"])
@pytest.mark.parametrize("header", ["Chinese killed", "CHN KIA", "Foreigners killed", "Expats"])
def test_a_number_that_is_not_known_is_not_told_and_is_not_none(tmp_path, header, cell):
    text = f"date,place,country,Killed,{header}\n2031-05-01,Kelda,XQA,3,{cell}\n"
    row = read(tmp_path, text).incidents
    assert row["not_understood"].tolist() == [f"foreign_victims={header}: {cell}"]
    assert pd.isna(row["foreign_victims"].iloc[0])
    assert not tells_victims(row).any()


@pytest.mark.parametrize(
    ("tolls", "header", "cell"),
    [
        ("0,0,0", "Chinese killed", "unknown"),
        ("3,0,0", "Chinese killed", "n/a"),
        ("3,0,0", "CHN", ""),
    ],
)
def test_nobody_who_was_hit_and_a_blank_leave_nothing_open(tmp_path, tolls, header, cell):
    head = f"date,place,country,Killed,Injured,Abducted,{header}\n"
    row = read(tmp_path, f"{head}2031-05-01,Kelda,XQA,{tolls},{cell}\n").incidents
    assert row["not_understood"].isna().all()


def test_local_people_and_others_who_are_not_known_tell_not_of_all(tmp_path):
    text = 'date,place,country,nationality\n2031-05-01,Kelda,AFG,"Afghan, unknown"\n'
    row = read(tmp_path, text).incidents
    assert row["nationality"].tolist() == ["AFG"]
    assert not tells_victims(row).any()


@pytest.mark.slow
@pytest.mark.parametrize("tick", ["x", "X", "yes", "✓", "TRUE"])
@pytest.mark.parametrize(
    ("header", "nation"),
    [
        ("Chinese", "CHN"),
        ("Victim Chinese", "CHN"),
        ("Nationality: Chinese", "CHN"),
        ("Chinese killed", "CHN"),
        ("Foreign", None),
        ("Expat", None),
    ],
)
def test_a_tick_beside_one_of_locals_is_a_foreigner(tmp_path, header, nation, tick):
    rows = f"2031-05-01,Kelda,XQA,{tick},{tick}\n2031-05-02,Kelda,XQA,,{tick}\n"
    found = read(tmp_path, f"date,place,country,{header},Local\n{rows}").incidents
    assert found["foreign_victims"].fillna(0).tolist() == [1, 0]
    assert found["nationality"].fillna("").tolist() == [nation or "", ""]
    assert hits_foreigners(found).tolist() == [True, False]


@pytest.mark.parametrize(
    "header",
    ["Chinese staff killed", "Chinese workers", "international staff"],
)
def test_workers_who_were_hit_are_victims(tmp_path, header):
    rows = "2031-05-01,Kelda,XQA,2,1,2\n2031-05-02,Kelda,XQA,4,0,\n2031-05-03,Kelda,XQA,1,,1\n"
    found = read(tmp_path, f"date,place,country,Killed,Injured,{header}\n{rows}").incidents
    assert found["foreign_victims"].fillna(0).tolist() == [2, 0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("type,killed,injured,Foreign killed", "kidnapping,0,0,0"),
        ("type,killed,injured,Foreign killed", "armed attack,0,2,0"),
        ("type,killed,injured,Foreign killed,Foreign abducted", "kidnapping,0,0,0,"),
        ("type,killed,injured,Foreign killed,Foreign injured", "armed attack,1,2,0,?"),
        (
            "type,killed,injured,National staff killed,International staff killed",
            "kidnapping,0,0,0,0",
        ),
    ],
)
def test_that_no_foreigner_was_killed_tells_nothing_of_the_others(tmp_path, header, row):
    table = read(tmp_path, f"date,place,{header}\n2031-05-01,Kelda,{row}\n").incidents
    assert not tells_victims(table).any()


@pytest.mark.parametrize(
    ("header", "row", "number"),
    [
        ("type,killed,injured,Foreign killed", "armed attack,2,0,0", 0),
        ("type,killed,injured,Foreign killed,Foreign injured", "armed attack,1,2,0,0", 0),
        ("type,killed,injured,Foreign killed,Foreign abducted", "kidnapping,0,0,0,0", 0),
        ("type,killed,injured,Foreign killed,Foreign abducted", "kidnapping,0,0,0,2", 2),
        ("type,killed,injured,Foreign killed,Foreign victims", "kidnapping,0,0,0,0", 0),
    ],
)
def test_where_each_part_is_told_the_sum_is(tmp_path, header, row, number):
    table = read(tmp_path, f"date,place,{header}\n2031-05-01,Kelda,{row}\n").incidents
    assert table["foreign_victims"].tolist() == [number]


@pytest.mark.slow
@pytest.mark.parametrize(
    "header",
    [
        *("Casualties", "Total casualties", "Number of victims", "Toll", "Human toll", "Losses"),
        *("Missing", "Bilan", "伤亡", "Killed/Injured", "KIA/WIA", "K/W", "Morts/blessés", "Inj"),
    ],
)
@pytest.mark.parametrize(
    ("cell", "is_hit"),
    [
        *(("3", True), ("2+", True), ("several", True), ("2 killed, 1 injured", True)),
        *(("2K 1W", True), ("0", False), ("", False), ("-", False)),
    ],
)
def test_people_who_were_hit_are_violence_under_any_heading(tmp_path, header, cell, is_hit):
    table = read(tmp_path, f'date,place,type,{header}\n2031-05-01,Kelda,riot,"{cell}"\n').incidents
    assert is_violence(table).tolist() == [is_hit]


def test_a_column_of_two_tolls_is_split(tmp_path):
    text = "date,place,type,Killed/Injured\n2031-05-01,Kelda,riot,3/1\n2031-05-02,Kelda,riot,0/0\n"
    table = read(tmp_path, text).incidents
    assert table["killed"].tolist() == [3, 0]
    assert table["wounded"].tolist() == [1, 0]
    assert is_violence(table).tolist() == [True, False]


def test_a_sum_of_victims_beside_the_tolls_adds_nothing_but_what_they_lack(tmp_path):
    text = "date,place,type,killed,injured,Casualties\n"
    text += "2031-05-01,Kelda,riot,1,2,3\n2031-05-02,Kelda,riot,0,0,3\n"
    table = read(tmp_path, text).incidents
    assert table["killed"].tolist() == [1, 0]
    assert table["toll"].tolist()[1:] == ["victims Casualties: 3"]
    assert is_violence(table).all()
    assert pd.isna(table["toll"].iloc[0])


ASKING = [
    *("Foreigner involved", "Foreigner (Y/N)", "Foreign (Y/N)", "Expat (Y/N)", "Expat involved?"),
    *("Foreign national", "Foreign victim (Y/N)", "Foreigner targeted", "Foreigners targeted"),
    *("Étranger", "Intl involved", "Non-national", "涉外", "Involves foreigners"),
]
ASKING_CHINESE = [
    *("Chinese nationals involved", "Chinese Y/N", "Chinese involved", "Chinese nationals"),
    *("Chinese?", "中国公民", "Chinese national targeted"),
]


def one(tmp_path, header, cell):
    text = f"date,place,country,Type,{header}\n2031-05-01,Kelda,XQA,armed attack,{cell}\n"
    return read(tmp_path, text).incidents


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "least"), [("yes", 1), ("Y", 1), ("1", 1), ("x", 1), ("2", 2)])
@pytest.mark.parametrize("header", [*ASKING, *ASKING_CHINESE])
def test_a_column_that_asks_for_foreigners_counts_them(tmp_path, header, cell, least):
    found = one(tmp_path, header, cell)
    assert found["foreign_victims"].tolist() == [least]
    assert found["nationality"].fillna("").tolist() == ["CHN" if header in ASKING_CHINESE else ""]
    assert hits_foreigners(found).all()


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["no", "N", "0"])
@pytest.mark.parametrize("header", ASKING)
def test_its_no_is_none_and_understood(tmp_path, header, cell):
    found = one(tmp_path, header, cell)
    assert found["foreign_victims"].tolist() == [0]
    assert found["not_understood"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["no", "N", "0", ""])
@pytest.mark.parametrize("header", ASKING_CHINESE)
def test_none_of_one_nation_leaves_the_others_unknown(tmp_path, header, cell):
    found = one(tmp_path, header, cell)
    assert found["foreign_victims"].isna().all()
    assert not hits_foreigners(found).any()


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "told"), [("", False), ("maybe", True), ("unknown", True)])
@pytest.mark.parametrize("header", ASKING)
def test_its_blank_is_unknown_and_another_word_is_told(tmp_path, header, cell, told):
    found = one(tmp_path, header, cell)
    assert found["foreign_victims"].isna().all()
    assert found["not_understood"].notna().tolist() == [told]
    assert not tells_victims(found).any()


@pytest.mark.parametrize("header", ["Nationality", "Victim nationality", "Foreign target"])
@pytest.mark.parametrize("cell", ["yes", "Y", "oui"])
def test_a_yes_where_a_nationality_stands_is_told(tmp_path, header, cell):
    assert one(tmp_path, header, cell)["not_understood"].str.startswith("nationality=").all()


@pytest.mark.parametrize("header", ["Chinese interests", "Foreign company (Y/N)"])
@pytest.mark.parametrize(("cell", "hit"), [("yes", True), ("no", False)])
def test_a_tick_for_what_is_theirs_is_an_attack_on_it(tmp_path, header, cell, hit):
    assert hits_foreigners(rm.derive_victims(one(tmp_path, header, cell))).tolist() == [hit]


@pytest.mark.parametrize("header", ["Foreign troops", "Western", "Mali (Y/N)", "Foreign suspects"])
def test_columns_of_others_count_no_foreign_victims(tmp_path, header):
    assert one(tmp_path, header, "yes")["foreign_victims"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("header", ["Victim type", "Victims", "Nationality type", "Foreign/local"])
@pytest.mark.parametrize(
    ("cell", "staff", "hit"),
    [
        *((text, "international", True) for text in ("expat", "foreign", "foreigner")),
        *((text, "international", True) for text in ("expatriate", "international")),
        *((text, "national", False) for text in ("local", "national")),
        ("both", "mixed", True),
    ],
)
def test_what_kind_of_people_the_victims_were(tmp_path, header, cell, staff, hit):
    found = one(tmp_path, header, cell)
    assert found["staff_type"].tolist() == [staff]
    assert hits_foreigners(found).tolist() == [hit]
    assert tells_victims(found).all()


@pytest.mark.parametrize(
    ("victims", "kind"), [("local", "local and foreign"), ("locals", "mixed"), ("local", "foreign")]
)
def test_local_and_foreign_victims_of_two_columns_are_mixed(tmp_path, victims, kind):
    text = f"date,place,country,Victims,Victim type\n2031-05-01,Kelda,XQA,{victims},{kind}\n"
    found = read(tmp_path, text).incidents
    assert found["staff_type"].tolist() == ["mixed"]
    assert hits_foreigners(found).all()


@pytest.mark.parametrize(
    "header",
    [
        *("Foreigners unharmed", "Foreign staff unharmed", "Expats unhurt", "Non-foreign victims"),
        *("Is national or foreign", "Foreigners present", "Foreigners in area", "Expats evacuated"),
    ],
)
@pytest.mark.parametrize("cell", ["0", "no", "2"])
def test_who_came_to_no_harm_is_no_count_of_foreign_victims(tmp_path, header, cell):
    found = one(tmp_path, header, cell)
    assert found["foreign_victims"].isna().all()
    assert not tells_victims(found).any()


def test_foreigners_of_a_note_stand_beside_local_victims_of_a_column(tmp_path):
    text = "date,place,country,Foreign/local,Notes\n2031-05-01,Kelda,XQA,local,2 expats killed\n"
    found = rm.derive_victims(read(tmp_path, text).incidents)
    assert found["staff_type"].tolist() == ["mixed"]


def test_local_victims_close_no_note_that_names_others(tmp_path):
    text = "date,place,country,Victims,Notes\n2031-05-01,Kelda,XQA,local,Two Chinese killed\n"
    assert hits_foreigners(read(tmp_path, text).incidents).all()


@pytest.mark.parametrize(
    ("header", "cell", "column", "least"),
    [
        ("Foreigners killed/injured", "1/0", "foreign_victims", 1),
        ("Expats killed/wounded", "0/1", "foreign_victims", 1),
        ("Int'l killed", "1", "foreign_victims", 1),
        ("Staff category", "expat", "foreign_victims", 1),
        ("Home country", "China", "nationality", "CHN"),
        ("死/伤", "1/0", "killed", 1),
        ("KIA/WIA/MIA", "1/0", "killed", 1),
        ("Casualties K/I", "0/2", "wounded", 2),
        ("Mining staff killed/injured", "2/3", "killed", 2),
        ("Security forces KIA/WIA", "1/0", "killed", 1),
    ],
)
def test_headings_of_who_was_hit_and_of_tolls(tmp_path, header, cell, column, least):
    table = read(tmp_path, f"date,country,type,{header}\n2031-05-06,AFG,arrest,{cell}\n").incidents
    value = table[column].iloc[0]
    assert value == least if isinstance(least, str) else value >= least


@pytest.mark.parametrize("cell", ["0-1", "0?", "0+", "0 (TBC)"])
def test_what_may_be_none_or_some_is_not_none(tmp_path, cell):
    table = read(tmp_path, f"date,country,Foreigners killed\n2031-05-06,AFG,{cell}\n").incidents
    assert pd.isna(table["foreign_victims"].iloc[0])
    assert table["not_understood"].str.contains("foreign_victims=", regex=False).all()


@pytest.mark.parametrize("cell", ["0", "0/0", "nil"])
def test_none_is_none(tmp_path, cell):
    table = read(tmp_path, f"date,country,Foreign victims\n2031-05-06,AFG,{cell}\n").incidents
    assert table["foreign_victims"].iloc[0] == 0


def test_the_word_none_may_be_a_blank_and_tells_of_nobody(tmp_path):
    table = read(tmp_path, "date,country,Foreign victims\n2031-05-06,AFG,none\n").incidents
    assert table["foreign_victims"].isna().all()
