"""Tables that count: which column does, for which days, and what is no count."""

import openpyxl
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import RiskmapWarning

WEEKS = ["2031-01-04", "2031-01-11", "2031-01-18", "2031-01-25"]


def read(**columns):
    return rm.read_incidents(pd.DataFrame(columns))


def spans(table):
    days = zip(table["event_date"], table["event_date_end"], strict=True)
    return [f"{first:%m-%d}/{last:%m-%d}" for first, last in days]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2031-01", "2031-02"], ["01-01/01-31", "02-01/02-28"]),
        (["2031-01-01", "2031-02-01"], ["01-01/01-31", "02-01/02-28"]),
        (["2030-01-01", "2031-01-01"], ["01-01/12-31", "01-01/12-31"]),
        (WEEKS, ["01-04/01-10", "01-11/01-17", "01-18/01-24", "01-25/01-31"]),
        (["2031-01-04", "2031-01-12"], ["01-04/01-04", "01-12/01-12"]),
    ],
)
def test_days_that_stand_for_a_period_are_as_long(dates, expected):
    table = read(date=dates, province=["P"] * len(dates), events=[3, 5, 0, 2][: len(dates)])
    assert spans(table) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Year": [2031, 2031], "Month": ["May", 6]}, ["05-01/05-31", "06-01/06-30"]),
        ({"año": [2031, 2031], "semana": [2, 3]}, ["01-06/01-12", "01-13/01-19"]),
        ({"week": ["2031-01-04", "2031-01-11"]}, ["01-04/01-10", "01-11/01-17"]),
        ({"month": ["2031-01", "2031-02"]}, ["01-01/01-31", "02-01/02-28"]),
        (
            {"period_start": ["2031-01-04", "2031-02-04"], "period_end": ["2031-02-03"] * 2},
            ["01-04/02-03", "bad"],
        ),
    ],
)
def test_periods_of_one_column_or_two(columns, expected):
    table = read(**columns, district=["V", "V"], events=[4, 0])
    good = table[table["quarantine_reason"].isna()]
    assert spans(good) == [span for span in expected if span != "bad"]
    assert table["count"].tolist() == [4, 0]


@pytest.mark.parametrize(
    ("header", "month"),
    [
        ("date;district;events", "2031-05"),
        ("fecha;municipio;Cantidad", "mayo de 2031"),
        ("date;district;nb", "mai 2031"),
        ("date;district;nombre d'incidents", "mai 2031"),
        ("data;município;quantidade", "maio de 2031"),
        ("дата;район;количество", "май 2031"),
        ("Datum;Bezirk;Anzahl", "Mai 2031"),
        ("التاريخ;المديرية;عدد الحوادث", "مايو 2031"),
        ("تاریخ;ولسوالی;تعداد حوادث", "می 2031"),
        ("日期;县;事件数", "2031年5月"),
    ],
)
def test_columns_that_count_in_nine_languages(tmp_path, header, month):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n{month};Vasteen;12\n{month};Orsk;0\n", "utf-8")
    table = rm.read_incidents(path)
    assert table["count"].tolist() == [12, 0]
    assert spans(table) == ["05-01/05-31"] * 2


@pytest.mark.parametrize("events", [
    ["ambush at the bridge", "fire"], ["1", "1"], ["1", "" ], [1, 1],
])  # fmt: skip
def test_a_column_of_words_or_of_ones_counts_nothing(events):
    table = read(date=["2031-01-04", "2031-01-05"], province=["P", "P"], incidents=events)
    assert table["count"].isna().all()
    assert table["quarantine_reason"].isna().all()


@pytest.mark.parametrize("met", ["-3", "2.5", "many?!", "2000000", "1e9"])
def test_what_is_no_count_is_set_aside_with_its_reason(met):
    table = read(date=WEEKS, province=["P"] * 4, events=["3", "0", met, "12"])
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "bad_count", ""]
    assert met in table["quarantine_detail"].iloc[2]
    assert table["count"].iloc[2] == 12  # how many are lost is not known


def test_no_incident_that_killed_somebody_is_set_aside():
    table = read(date=WEEKS, province=["P"] * 4, events=[3, 0, 0, 1], killed=[0, 2, 0, 0])
    assert table["quarantine_reason"].fillna("").tolist() == ["", "bad_count", "", ""]


def test_a_zero_in_a_log_of_incidents_is_no_quiet():
    notes = [f"gunmen attacked the checkpoint number {n} and fled" for n in range(4)]
    table = read(date=WEEKS, place=["A", "B", "C", "D"], cantidad=[1, 0, 2, 0], notes=notes)
    assert table["quarantine_reason"].fillna("").tolist() == ["", "bad_count", "", "bad_count"]


def test_totals_of_a_table_of_counts_are_set_aside():
    table = read(date=WEEKS, province=["P", "Q", "Total", "R"], events=[3, 0, 3, 2])
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "aggregate", ""]


def test_an_id_of_a_place_is_none_of_a_row():
    table = read(id=["7", "7"], date=["2031-01", "2031-02"], province=["P", "P"], events=[3, 2])
    assert table["quarantine_reason"].isna().all()
    later = read(id=["7", "7"], date=["2031-01", "2031-02"], province=["P", "P"], events=[4, 2])
    assert later["incident_id"].tolist() == table["incident_id"].tolist()


def test_acled_counts_by_week():
    table = rm.read_incidents(
        pd.DataFrame(
            {
                "WEEK": ["2031-01-04", "2031-01-04"],
                "REGION": ["Inner Sea"] * 2,
                "COUNTRY": ["Chad"] * 2,
                "ADMIN1": ["P", "Q"],
                "EVENT_TYPE": ["Battles", "Protests"],
                "SUB_EVENT_TYPE": ["Armed clash", "Peaceful protest"],
                "EVENTS": [1, 4],
                "FATALITIES": [3, 0],
                "ID": [11, 12],
            }
        )
    )
    assert table["count"].tolist() == [1, 4]
    assert table["event_type"].tolist() == ["battle", "unrest"]
    assert spans(table) == ["01-04/01-10"] * 2
    assert set(table["scope"]) == {"violence; reach=countries"}
    assert set(table["admin1"]) == {"P", "Q"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("political_violence.xlsx", "unknown"), ("demonstration_events.xlsx", "unrest")],
)
def test_a_monthly_workbook_whose_first_sheet_is_a_licence(tmp_path, name, kind):
    book = openpyxl.Workbook()
    book.active.append(["Terms of use"])
    sheet = book.create_sheet("Data")
    head = ["Country", "Admin1", "Admin2", "ISO3", "Admin2 Pcode", "Month", "Year", "Events"]
    sheet.append(head)
    sheet.append(["Chad", "P", "V", "TCD", "TD0101", "January", 2031, 4])
    sheet.append(["Chad", "P", "W", "TCD", "TD0102", "February", 2031, 0])
    book.save(tmp_path / name)
    table = rm.read_incidents(tmp_path / name)
    assert table["count"].tolist() == [4, 0]
    assert spans(table) == ["01-01/01-31", "02-01/02-28"]
    assert table["region_id"].tolist() == ["TD0101", "TD0102"]
    assert (set(table["source"]), set(table["event_type"])) == ({"acled"}, {kind})


def test_the_report_tells_incidents_and_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("date,district,events\n2031-01,V,4\n2031-01,W,0\n2031-02,V,12\n", "utf-8")
    text = str(rm.incidents.check_incidents_file(path))
    assert "counts: 16 incidents in 3 rows that count them (1 row of none)" in text


def test_incidents_and_counts_of_one_feed_are_told_as_twice():
    counts = read(
        date=["2031-01"], country=["TCD"], district=["V"], events=[4], source=["desk"]
    ).assign(source_file="counts.csv")
    log = read(date=["2031-01-09"], country=["TCD"], district=["V"], source=["desk"])
    both = pd.concat([counts, log], ignore_index=True)
    with pytest.warns(RiskmapWarning, match="desk may tell TCD twice from 2031-01-09"):
        located = rm.locate(both, rm.datasets.regions())
    assert located.ledger.stages[0].rows_out == 2


@pytest.mark.slow
def test_what_an_import_writes_keeps_the_counts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("mois;province;nb\nmai 2031;P;4\njuin 2031;P;0\n", "utf-8")
    first = rm.incidents.import_incidents(path)
    table, _, mapping = first.write(tmp_path / "out")
    again = rm.read_incidents(table)
    assert again["count"].tolist() == [4, 0]
    assert spans(again) == spans(first.incidents) == ["05-01/05-31", "06-01/06-30"]
    assert rm.incidents.import_incidents(path, mapping=mapping).rows().equals(first.rows())


@pytest.mark.parametrize(
    "more", [{"nationality": ["CHN", ""]}, {"id": ["7", "8"]}, {"target": ["foreigners", ""]}]
)
def test_a_zero_of_victims_is_no_watched_quiet(more):
    """A log that counts victims in a column of numbers tells of attacks, whatever stands there."""
    rows = {"date": ["2031-05-01", "2031-05-09"], "country": "XQA", "nb": ["0", "2"], **more}
    found = rm.read_incidents(pd.DataFrame(rows))
    assert found["quarantine_reason"].iloc[0] == "bad_count"


def test_a_month_of_demonstrations_is_no_month_of_violence(tmp_path):
    """Both are told by the name of the file alone."""
    months = {"Month": ["January", "February"], "Year": 2031, "Events": [3, 0]}
    table = pd.DataFrame({"Country": "Qandara", "Admin1": "Velmar", "Admin2": "Eskil"} | months)
    table["ISO3"] = "XQA"
    found = []
    for kind in ("political_violence_events_and_fatalities", "demonstration_events"):
        path = tmp_path / f"xqa_{kind}_by_month-year.csv"
        table.to_csv(path, index=False)
        found.append(rm.read_incidents(path))
    both = rm.merge_duplicates(pd.concat(found, ignore_index=True))
    assert both["quarantine_reason"].isna().all()
    scopes = both.groupby("event_type")["scope"].unique()
    assert scopes["unrest"].tolist() == ["none"]
    assert scopes["unknown"][0].startswith("violence")


@pytest.mark.slow
def test_zeros_that_a_table_is_filled_up_with_are_told():
    months = [f"2030-{month:02d}" for month in range(1, 13)]
    found = rm.incidents.check_incidents_file(
        pd.DataFrame({"date": months, "province": "P", "events": [9] * 6 + [0] * 6})
    )
    assert "(6 rows of none, 6 of them before its first incident or after its last)" in str(found)
