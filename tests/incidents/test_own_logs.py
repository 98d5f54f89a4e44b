"""A desk's own log is read as it stands: titles, headers of two rows, dates of several styles."""

from datetime import datetime

import openpyxl
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.reading_options import read_mapping

LOG = [
    ["Incident log - northern Qandara", *[None] * 8],
    ["Updated 31.01.2031", *[None] * 8],
    [None] * 9,
    ["No.", "Date", "Location", None, None, "Event", "Casualties", None, "Remarks"],
    [None, None, "Province", "District", "Village", "type", "Killed", "Injured", None],
    [1, "21.01.2031", "P", "Vasteen", "camp", "shooting", "1", 0, "Chinese miner killed"],
    [2, "03.12.2030", "P", "Vasteen", None, "IED", "3-4", "2", "police vehicle"],
    [3, datetime(2030, 11, 28), "P", None, None, "armed clash", "5+", "several", "gold mine"],  # noqa: DTZ001
    [None] * 9,
    [4, 47751, "P", "Vasteen", None, "armed attack", 2, 1, None],
    [5, "21/11/2030", "P", "Vasteen", None, "explosion", "ca. 10", "~20", None],
    [6, "12 Dec 2028", "P", "Vasteen", "hotel", "complex attack", 3, "18", None],
    [7, "Jan 2031", "P", "Vasteen", None, "threat letter", None, None, None],
    [None, "TOTAL", None, None, None, None, "24+", None, None],
]


def write_book(path, rows, merged=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.create_sheet("Contacts").append(["Name", "Phone"])
    book.save(path)
    return path


def test_a_log_with_titles_two_rows_of_names_and_a_total(tmp_path):
    table = rm.read_incidents(write_book(tmp_path / "log.xlsx", LOG, ["C4:E4", "G4:H4"]))
    good = table[table["quarantine_reason"].isna()]
    assert good["event_date"].dt.date.astype(str).tolist() == [
        *("2031-01-21", "2030-12-03", "2030-11-28", "2030-09-25"),
        *("2030-11-21", "2028-12-12", "2031-01-01"),
    ]
    assert good["killed"].tolist()[:6] == [1, 3, 5, 2, 10, 3]
    assert good["toll"].tolist()[1:3] == ["killed 3-4", "killed 5+; wounded several"]
    assert good["place"].tolist()[0] == "camp"
    assert set(good["admin2"].dropna()) == {"Vasteen"}
    assert table["quarantine_reason"].tolist()[-1] == "aggregate"
    assert table["source_row"].tolist() == [6, 7, 8, 10, 11, 12, 13, 14]


def test_a_merged_cell_holds_for_all_of_its_rows(tmp_path):
    rows = [["Date", "Province"], ["2031-05-01", "P"], ["2031-05-02", None], ["2031-05-03", None]]
    table = rm.read_incidents(write_book(tmp_path / "a.xlsx", rows, ["B2:B3"]))
    assert table["admin1"].fillna("").tolist() == ["P", "P", ""]


def test_what_a_heading_says_of_the_victims_is_kept(tmp_path):
    rows = [
        ["Date", "Place", "Foreigners", "Locals", "Total"],
        [None, None, "Killed", "Killed", "Killed"],
        ["2031-05-01", "P", 1, 4, 5],
    ]
    table = rm.read_incidents(write_book(tmp_path / "a.xlsx", rows))
    assert (table["killed"].tolist(), table["foreign_victims"].tolist()) == ([5], [1])


def test_a_row_of_values_is_never_taken_for_names(tmp_path):
    rows = [["Date", "Type", "Place"], ["3 May 2031", "event", "village"]]
    table = rm.read_incidents(write_book(tmp_path / "a.xlsx", rows))
    assert table["place"].tolist() == ["village"]


FORM = (
    "Timestamp,Date of incident,District,What happened,How many people were killed?,"
    "How many people were injured?,Were foreigners involved?\n"
    '1/22/2031 8:14:33,1/21/2031,Vasteen,"A Chinese engineer shot dead",1,0,Yes - Chinese\n'
    "12/4/2030 17:02:10,12/3/2030,Vasteen,Roadside bomb,3-4,2,No\n"
    "11/29/2030 9:30:00,11/28/2030,Vasteen,Clash,4 to 6,unknown,Maybe\n"
)
GERMAN = (
    "Vorfälle der Woche;;;;;;;\n"
    "Datum;Provinz;Bezirk;Ort;Art;Getötete;Verletzte;Bemerkungen\n"
    "21.01.2031;P;Vasteen;Straße zur Mine;Überfall;1;0;Chinesischer Ingenieur getötet\n"
    "3. März 2031;P;Vasteen;;Explosion;3-4;2;\n"
    "28.-30.11.2030;P;Vasteen;;Entführung;;;\n"
    "45 Tage;P;Vasteen;;Explosion;;;\n"
    "Summe;;;;;4;2;\n"
)


def test_questions_of_a_form_are_columns(tmp_path):
    path = tmp_path / "form.csv"
    path.write_text(FORM, encoding="utf-8")
    table = rm.read_incidents(path)
    assert table["event_date"].dt.date.astype(str).tolist() == [
        *("2031-01-21", "2030-12-03", "2030-11-28"),
    ]
    assert (table["killed"].tolist(), table["foreign_victims"].tolist()[0]) == ([1, 3, 4], 1)


def test_a_german_table_program_is_read_as_it_writes(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(GERMAN.encode("cp1252"))
    table = rm.read_incidents(path)
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "", "bad_date", "aggregate"]
    assert table["event_date"].dt.date.astype(str).tolist()[:3] == [
        *("2031-01-21", "2031-03-03", "2030-11-28"),
    ]
    assert table["event_date_end"].dt.date.astype(str).tolist()[2] == "2030-11-30"
    assert table["place"].tolist()[0] == "Straße zur Mine"
    assert table["event_type"].tolist()[:3] == ["armed_attack", "explosion", "abduction"]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("fecha;departamento;municipio;tipo;muertos;heridos", "3 de mayo de 2031;P;Vasteen;x;2;1"),
        ("date;province;district;type;tués;blessés", "3 mai 2031;P;Vasteen;x;2;1"),
        ("data;província;município;tipo;mortos;feridos", "3 de maio de 2031;P;Vasteen;x;2;1"),
        ("дата;область;район;тип;погибшие;раненые", "3 мая 2031;P;Vasteen;x;2;1"),
        ("Datum;Provinz;Bezirk;Art;Tote;Verletzte", "3. Mai 2031;P;Vasteen;x;2;1"),
        ("التاريخ;المحافظة;المديرية;النوع;القتلى;الجرحى", "3 مايو 2031;P;Vasteen;x;2;1"),
        ("تاریخ;ولایت;ولسوالی;نوع;کشته;زخمی", "3 می 2031;P;Vasteen;x;2;1"),
        ("日期;省;县;类型;死亡人数;受伤人数", "2031年5月3日;P;Vasteen;x;2;1"),
    ],
)
def test_columns_and_months_in_nine_languages(tmp_path, header, row):
    path = tmp_path / "log.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    table = rm.read_incidents(path)
    found = table.iloc[0]
    assert str(found["event_date"].date()) == "2031-05-03"
    assert (found["admin1"], found["admin2"]) == ("P", "Vasteen")
    assert (found["killed"], found["wounded"]) == (2, 1)


@pytest.mark.parametrize(
    "told",
    [
        "1.5, 2.5",
        "POINT (2.5 1.5)",
        "1.5000 2.5000 900 4.5",
        "1°30'00\"N 2°30'00\"E",
        "N1.5 E2.5",
        "1,5; 2,5",
    ],
)
def test_coordinates_in_one_column(tmp_path, told):
    path = tmp_path / "a.csv"
    path.write_text(f'date,gps\n2031-05-03,"{told.replace(chr(34), chr(34) * 2)}"\n', "utf-8")
    point = rm.read_incidents(path).geometry.iloc[0]
    assert (point.y, point.x) == (1.5, 2.5)


def test_a_table_of_counts_tells_how_many_of_a_month(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Year,Month,District,Events\n2031,May,Vasteen,4\n2031,6,Vasteen,0\n", "utf-8")
    table = rm.read_incidents(path)
    assert table["count"].tolist() == [4, 0]
    assert table["quarantine_reason"].isna().all()
    assert table["event_date"].dt.month.tolist() == [5, 6]


def test_a_table_of_something_else_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Title\nname,phone\nA,1\nB,2\n", "utf-8")
    with pytest.raises(InputError):
        rm.read_incidents(path)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [("1,50", "2,50"), ("1°30'", "2°30'E"), ("N 1 30.0", "E 2 30.0"), ("1.5N", "2.5E")],
)
def test_coordinates_of_two_columns_as_desks_write_them(tmp_path, lat, lon):
    path = tmp_path / "a.csv"
    path.write_text(f"Datum;Breite;Länge\n3.5.2031;{lat};{lon}\n", "utf-8")
    point = rm.read_incidents(path).geometry.iloc[0]
    assert (point.y, point.x) == (1.5, 2.5)


@pytest.mark.slow
def test_what_an_import_writes_reads_the_next_file(tmp_path):
    path = write_book(tmp_path / "log.xlsx", LOG, ["C4:E4", "G4:H4"])
    first = rm.incidents.import_incidents(path)
    assert first.incidents["nationality"].tolist()[0] == "CHN"
    table, mend, mapping = first.write(tmp_path / "out")
    assert "aggregate" in mend.read_text("utf-8-sig")
    again = rm.incidents.import_incidents(path, mapping=mapping)
    assert again.rows().equals(first.rows())
    same = [name for name in first.rows() if name != "source_row"]
    read = rm.incidents.import_incidents(table)
    assert read.rows()[same].equals(first.rows()[same])
    assert read.report.lost_share == first.report.lost_share


def test_a_mapping_with_an_unknown_key_is_refused(tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("collumns = 1\n", "utf-8")
    with pytest.raises(InputError, match="collumns"):
        rm.incidents.import_incidents(tmp_path / "a.csv", mapping=mapping)


def test_a_mapping_says_how_dates_are_written_and_what_the_file_can_see(tmp_path):
    path, mapping = tmp_path / "a.csv", tmp_path / "mapping.toml"
    path.write_text("x,y1\n03/04/2031,Kelda\n", "utf-8")
    told = '[columns]\nevent_date = "x"\nplace = "y1"\n'
    mapping.write_text('dates = "%d/%m/%Y"\nscope = "violence"\n' + told, "utf-8")
    row = rm.incidents.import_incidents(path, mapping=mapping).incidents.iloc[0]
    assert (str(row["event_date"].date()), row["place"]) == ("2031-04-03", "Kelda")
    assert row["scope"].startswith("violence")


def test_what_a_mapping_says_of_a_log_is_said_of_no_feed(tmp_path):
    """Of a log's kind it says what it sees; a feed and a row know that themselves."""
    mapping, log = tmp_path / "mapping.toml", tmp_path / "log.csv"
    mapping.write_text('scope = "violence; reach=reports"\n', "utf-8")
    log.write_text("date,place,scope\n2031-01-21,Kelda,\n2031-01-22,Kelda,foreign\n", "utf-8")
    feed = tmp_path / "acled.csv"
    columns = "event_date,time_precision,actor1,geo_precision,fatalities,event_type,admin2"
    feed.write_text(f"{columns}\n2031-01-21,1,Gang,1,0,Battles,Kelda\n", "utf-8")
    alone = rm.read_incidents(feed)["scope"].tolist()
    assert rm.read_incidents(feed, mapping=mapping)["scope"].tolist() == alone
    told = rm.read_incidents(log, mapping=mapping)["scope"].tolist()
    assert told == ["violence; reach=reports", "foreign; reach=reports"]
    with pytest.warns(rm.RiskmapWarning, match="as given, instead of"):
        given = rm.read_incidents(log, mapping=mapping, scope="none")["scope"]
    assert given.tolist() == ["none", "none"]


@pytest.mark.parametrize(("name", "rows"), [("log.xlsx", 11), ("form.csv", 5), ("places.csv", 7)])
def test_the_files_of_a_desk_are_read_in_one_call(shared, name, rows):
    path = shared.parent / "cases" / "desk" / name
    if not path.exists():
        pytest.skip("the desk's files are not there")
    table = rm.incidents.import_incidents(path).incidents
    good = table[table["quarantine_reason"].isna()]
    assert len(good) == rows
    assert (good["nationality"] == "CHN").sum() == {"log.xlsx": 3}.get(name, 1)


def test_columns_whose_names_say_nothing_are_told_by_what_they_hold(tmp_path):
    path = tmp_path / "a.csv"
    rows = 'A,B,C,Ort\nx,21.01.2031,"1.5, 2.5",Kelda\ny,3-5 May 2031,"1.6, 2.6",Kelda\n'
    path.write_text(rows, "utf-8")
    table = rm.read_incidents(path)
    assert table["event_date"].dt.day.tolist() == [21, 3]
    assert table.geometry.x.tolist() == [2.5, 2.6]


def test_of_two_columns_of_dates_without_a_name_none_is_chosen(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("A,B,Ort\n21.01.2031,22.01.2031,Kelda\n", "utf-8")
    with pytest.raises(InputError, match="a date and a place"):
        rm.read_incidents(path)


@pytest.mark.parametrize(
    "name", ["deaths_a", "Killed/Injured", "Killed by", "Scope of the incident"]
)
def test_a_column_of_some_victims_is_no_column_of_all(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text(f"date,place,{name}\n2031-05-03,Kelda,4\n", "utf-8")
    row = rm.read_incidents(path).iloc[0]
    assert row[["killed", "wounded", "scope"]].isna().all()


def test_a_mapping_says_what_a_desk_own_words_stand_for(tmp_path):
    path, mapping = tmp_path / "a.csv", tmp_path / "mapping.toml"
    path.write_text("date,place,type\n2031-05-03,Kelda,Fireworks\n2031-05-04,Kelda,IED\n", "utf-8")
    found = rm.incidents.import_incidents(path)
    assert '# "Fireworks" = ""' in found.write(tmp_path)[2].read_text("utf-8")
    mapping.write_text('[words.event_type]\nfireworks = "explosion"\n', "utf-8")
    again = rm.incidents.import_incidents(path, mapping=mapping)
    assert again.incidents["event_type"].tolist() == ["explosion", "explosion"]
    assert again.report.not_understood == {}
    written = again.write(tmp_path / "out")[2]
    assert '"fireworks" = "explosion"' in written.read_text("utf-8")


@pytest.mark.parametrize("text", ["columns = 1", "[words]\nplace = 1", "dates = 3", "sheet = [1]"])
def test_a_mapping_of_a_wrong_kind_is_refused(tmp_path, text):
    (tmp_path / "mapping.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"mapping\.toml, column \w+: of a wrong kind"):
        read_mapping(tmp_path / "mapping.toml")


def test_the_encoding_of_a_mapping_is_for_text_that_is_not_utf8(tmp_path):
    path, mapping = tmp_path / "a.csv", tmp_path / "mapping.toml"
    mapping.write_text('encoding = "cp1251"\n', "utf-8")
    for encoding in ("cp1251", "utf-8"):
        path.write_text("дата,район\n2031-05-03,Калда\n", encoding)
        assert rm.read_incidents(path, mapping=mapping)["admin2"].tolist() == ["Калда"]


def test_the_settled_order_of_dates_is_told_and_kept_for_the_next_file(tmp_path):
    path = tmp_path / "a.csv"
    days = ["12/3/2030", *(f"{day}/11/2030" for day in range(15, 29))]
    path.write_text("date,place\n" + "".join(f"{day},Kelda\n" for day in days), "utf-8")
    found = rm.incidents.import_incidents(path)
    assert found.report.orders == {
        "%d/%m/%Y": "'12/3/2030' read as 12 March 2030, as 14 others show"
    }
    assert found.report.orders["%d/%m/%Y"] in str(found.report)
    mapping = found.write(tmp_path / "out")[2]
    path.write_text("date,place\n02/03/2031,Kelda\n3 May 2031,Kelda\n", "utf-8")
    table = rm.read_incidents(path, mapping=mapping)
    assert table["event_date"].astype("str").tolist() == ["2031-03-02", "2031-05-03"]


def test_an_import_reads_its_file_once(tmp_path, monkeypatch):
    path, opened = write_book(tmp_path / "log.xlsx", LOG), []
    load = openpyxl.load_workbook
    monkeypatch.setattr(
        openpyxl, "load_workbook", lambda *a, **k: opened.append(a) or load(*a, **k)
    )
    rm.incidents.import_incidents(path)
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Data;Província;Tipo;Observações\n21/01/2031;Velmar;sequestro;ações\n"),
        ("cp1252", "Datum;Provinz;Art;Bemerkungen\n21/01/2031;Velmar;Entführung;größer\n"),
        ("cp1251", "Дата;Область;Тип;Погибло\n21/01/2031;Вельмар;похищение;1\n"),
        ("koi8-r", "Дата;Область;Тип;Погибло\n21/01/2031;Вельмар;похищение;1\n"),
        ("cp1256", "التاريخ;المحافظة;النوع;القتلى\n21/01/2031;فيلمار;اختطاف;1\n"),
        ("gb18030", "日期;省;类型;死亡人数\n21/01/2031;维尔马;绑架;1\n"),
    ],
)
def test_an_encoding_that_the_names_of_columns_tell_is_not_asked_for(tmp_path, encoding, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    row = rm.read_incidents(path).iloc[0]
    province = text.split("\n")[1].split(";")[1]
    assert (row["admin1"], row["event_type"]) == (province, "abduction")


FORMS = {
    "fr": (
        ["Date de l'incident", "Province", "Que s'est-il passé ?"],
        ["Combien de personnes ont été tuées ?", "Combien de blessés ?"],
        "Des étrangers étaient-ils impliqués ?",
        ["Trois ouvriers tués", "3-4", "aucun", "Non"],
    ),
    "es": (
        ["Fecha del incidente", "Provincia", "¿Qué pasó?"],
        ["¿Cuántas personas murieron?", "¿Cuántos heridos hubo?"],
        "¿Había extranjeros?",
        ["Hostigamiento", "entre 3 y 4", "ninguno", "No"],
    ),
    "de": (
        ["Datum des Vorfalls", "Provinz", "Was ist passiert?"],
        ["Wie viele Personen wurden getötet?", "Wie viele wurden verletzt?"],
        "Waren Ausländer beteiligt?",
        ["Beschuss", "drei bis vier", "keine", "Nein"],
    ),
    "pt": (
        ["Data do incidente", "Província", "O que aconteceu?"],
        ["Quantas pessoas foram mortas?", "Quantos feridos?"],
        "Houve estrangeiros envolvidos?",
        ["Ataque", "de 3 a 4", "nenhum", "Não"],
    ),
}


@pytest.mark.parametrize("language", sorted(FORMS))
def test_questions_in_other_languages_are_columns(tmp_path, language):
    names, tolls, foreign, row = FORMS[language]
    path = tmp_path / "a.csv"
    lines = [[*names, *tolls, foreign], ["2031-01-21", "Velmar", *row]]
    path.write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")
    found = rm.read_incidents(path).iloc[0]
    assert (found["admin1"], found["killed"], found["wounded"]) == ("Velmar", 3, 0)
    assert found["foreign_victims"] == 0
    assert found["notes"] == row[0]


def test_words_of_the_toll_tell_who_was_hit():
    rows = pd.DataFrame(
        {
            "date": "2031-05-01",
            "country": "XQA",
            "killed": ["2 Chinese", "3 (2 Chinese, 1 Turk)", "", "5"],
            "abducted": ["", "", "a Chinese engineer", ""],
        }
    )
    found = rm.derive_victims(rm.read_incidents(rows))
    assert found["nationality"].fillna("").tolist() == ["CHN", "CHN;TUR", "CHN", ""]
    assert (found["foreign_victims"].fillna(0) > 0).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "killed"),
    [
        *(("twenty-five", 25), ("vingt-deux", 22), ("vinte e dois", 22), ("20-25", 20)),
        *(("ten-twelve", 10), ("a family of five", 5), ("seventy", 70), ("двадцать", 20)),
    ],
)
def test_numbers_in_words_are_the_least(text, killed):
    rows = pd.DataFrame({"date": ["2031-05-01"], "country": "XQA", "killed": text})
    assert rm.read_incidents(rows)["killed"].tolist() == [killed]


def test_labels_of_groups_are_no_part_of_a_question():
    """As forms are exported with labels; answers of several are no questions."""
    rows = pd.DataFrame(
        {
            "A. General/Date of incident": ["2031-05-01"],
            "A. General/Province": ["Velmar"],
            "A. General/District": ["Eskil"],
            "B. Details/Type of incident": ["Shooting Kidnapped"],
            "B. Details/Type of incident/Kidnapped": ["1"],
            "C. Casualties/How many people were killed?": ["2"],
            "C. Casualties/If yes, which nationality?": ["Chinese"],
        }
    )
    found = rm.read_incidents(rows).iloc[0]
    told = found[["admin1", "admin2", "killed", "nationality"]].tolist()
    assert told == ["Velmar", "Eskil", 2, "CHN"]
    assert pd.isna(found["abducted"])
    assert found["event_date"] == pd.Timestamp("2031-05-01")


def test_a_column_of_numbers_of_incidents_counts_them():
    rows = pd.DataFrame({"date": "2031-05-01", "country": "XQA", "# of incidents": ["3", "0"]})
    assert rm.read_incidents(rows)["count"].tolist() == [3, 0]
