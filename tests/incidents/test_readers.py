"""Reading incidents: feeds are recognised, every row is kept, bad ones say why."""

import zipfile

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.feeds import every_feed
from riskmap.schema import GEO_PRECISIONS, check_incidents

UCDP = (
    "id,relid,year,type_of_violence,side_a,side_b,number_of_sources,source_headline,where_prec,"
    "where_coordinates,adm_1,adm_2,latitude,longitude,country,date_prec,date_start,date_end,best"
)
AWSD = (
    "Incident ID,Year,Month,Day,Country,Region,District,City,Nationals killed,Total nationals,"
    "Total internationals,Total killed,Total wounded,Total kidnapped,Total affected,"
    "Means of attack,Latitude,Longitude,Actor name,Details"
)
GENERIC = "event_date,latitude,longitude,place"


def write(tmp_path, text, name="rows.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def read_rows(tmp_path, header, *rows, **options):
    return rm.read_incidents(write(tmp_path, "\n".join([header, *rows, ""])), **options)


def test_ucdp_rows(tmp_path):
    table = read_rows(
        tmp_path,
        UCDP,
        "7.0,X-1,2001,1,Government of X,Y,-1,Clash,2.0,Aville,A province,A district,10.5,20.5,"
        "Myanmar (Burma),1,2001-11-10 00:00:00.000,2001-11-10 00:00:00.000,4",
        "8,X-2,2001,3,Y,Civilians,3,,6,,,,10,20,DR Congo (Zaire),4,2001-11-10T00:00:00,"
        "2001-11-20T00:00:00,0",
    )
    assert table["incident_id"].tolist() == ["ucdp:7", "ucdp:8"]
    assert table["country"].tolist() == ["MMR", "COD"]
    assert table["geo_precision"].tolist() == ["place", "country"]
    assert table["date_precision"].tolist() == ["day", "month"]
    assert table["event_type"].tolist() == ["battle", "armed_attack"]
    assert table["actor"].tolist() == ["Government of X; Y", "Y"]
    assert table["killed"].tolist() == [4, 0]
    assert table["source_count"].isna().tolist() == [True, False]
    assert table["foreign_victims"].isna().all()
    assert (table.geometry.x.iloc[0], table.geometry.y.iloc[0]) == (20.5, 10.5)
    assert str(table["event_date_end"].iloc[1].date()) == "2001-11-20"
    assert table["source_row"].tolist() == [2, 3]
    assert set(table["source_file"]) == {"rows.csv"}


def test_a_fuzzy_ucdp_place_is_known_to_its_province_where_one_is_named(tmp_path):
    row = "{},X,2001,1,X,Y,-1,,5,Aville region,{},,10.5,20.5,Syria,1,2001-11-10,2001-11-10,4"
    table = read_rows(tmp_path, UCDP, row.format(1, "A province"), row.format(2, ""))
    assert table["geo_precision"].tolist() == ["admin1", "country"]


ACLED = (
    "event_id_cnty,event_date,time_precision,event_type,sub_event_type,actor1,country,admin1,admin2,"
    "location,latitude,longitude,geo_precision,source,notes,fatalities,timestamp"
)


def test_acled_rows(tmp_path):
    table = read_rows(
        tmp_path,
        ACLED,
        "X1,07 January 2025,1,Battles,Armed clash,M,Chad,P,D,V,13,20,1,A; B,t,2,1740000000",
        "X2,2025-01-07,3,Violence against civilians,Attack,M,Chad,P,D,V,13,20,3,A,t,0,",
        "X3,2025-01-07,2,Protests,Peaceful protest,M,Chad,P,D,V,13,20,2,A,t,0,1736000000",
    )
    assert table["incident_id"].tolist() == ["acled:X1", "acled:X2", "acled:X3"]
    assert table["event_type"].tolist() == ["battle", "armed_attack", "unrest"]
    assert table["geo_precision"].tolist() == ["place", "admin1", "admin2"]
    assert table["date_precision"].tolist() == ["day", "month", "week"]
    assert str(table["event_date_end"].iloc[1].date()) == "2025-01-31"
    assert table["source_count"].tolist() == [2, 1, 1]
    assert table["ingested_at"].iloc[0] == pd.Timestamp(1740000000, unit="s", tz="UTC")
    assert table["quarantine_reason"].isna().all()
    assert table["foreign_victims"].isna().all()


def test_awsd_rows_of_both_headers(tmp_path):
    rows = (
        "1,2001,2,,Congo,North,,Aville,0,1,1,0,2,0,2,BA,1.5,2.5,Unknown,Né",
        "2,2001,,,Congo,,,,0,1,0,1,0,0,1,Shooting,1.5,2.5,Group,text",
    )
    path = write(tmp_path, "\n".join([AWSD, *rows, ""]), encoding="cp1252")
    table = rm.read_incidents(path)
    assert table["notes"].iloc[0] == "Né"
    assert table["event_type"].tolist() == ["assault", "armed_attack"]
    assert table["staff_type"].tolist() == ["mixed", "national"]
    assert table["geo_precision"].tolist() == ["place", "country"]
    assert table["date_precision"].tolist() == ["month", "year"]
    assert table["foreign_victims"].tolist() == [1, 0]
    assert table["actor"].isna().tolist() == [True, False]
    assert set(table["sector"]) == {"aid"}


def test_a_day_without_a_month_is_known_to_the_year(tmp_path):
    row = "1,2001,,5,Congo,,,,0,1,0,1,0,0,1,S,1.5,2.5,Unknown,"
    table = read_rows(tmp_path, AWSD, row)
    assert table["date_precision"].tolist() == ["year"]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (",1,2,A", "no_date", "event_date: met ''"),
        ("soon,1,2,A", "bad_date", "met 'soon'"),
        ("2024-02-30,1,2,A", "bad_date", "an ISO date"),
        ("03/04/2024,1,2,A", "ambiguous_date", "declared format"),
        ("1399-12-14,1,2,A", "other_calendar", "solar_hijri"),
        ("0024-12-14,1,2,A", "bad_date", "1946 to 2100"),
        ("2024-01-01,346.912.643,2,A", "bad_coordinates", "latitude: met '346.912.643'"),
        ('2024-01-01,"34,69",2,A', "bad_coordinates", "a number from -90 to 90"),
        ("2024-01-01,1,,A", "bad_coordinates", "longitude: met ''"),
        ("2024-01-01,nan,2,A", "bad_coordinates", "latitude: met 'nan'"),
        ("2024-01-01,1,inf,A", "bad_coordinates", "longitude: met 'inf'"),
        ("2024-01-01,120,34,A", "swapped_coordinates", "latitude, longitude: met '120, 34'"),
        ("2024-01-01,0,0.0,A", "null_island", "latitude, longitude: met '0, 0.0'"),
        ("2024-01-01,1,2,A,B", "ragged_row", "met 5 fields, expected 4"),
        ("2024-01-01,1", "ragged_row", "met 2 fields, expected 4"),
    ],
)
def test_a_bad_row_says_why_and_the_others_stay(tmp_path, row, reason, detail):
    table = read_rows(tmp_path, GENERIC, "2024-05-06,1,2,A", row, "2024-05-07,1,2,A")
    assert table["quarantine_reason"].isna().tolist() == [True, False, True]
    assert table["quarantine_reason"].iloc[1] == reason
    assert detail in table["quarantine_detail"].iloc[1]
    assert table.geometry.iloc[1] is None or reason.endswith(("date", "calendar"))


def test_missing_coordinates_alone_are_no_reason(tmp_path):
    table = read_rows(tmp_path, GENERIC, "2024-05-06,,,Aville")
    assert table["quarantine_reason"].isna().all()
    assert table["geo_precision"].tolist() == ["place"]
    assert table.geometry.isna().all()


def test_the_first_of_two_ids_stands(tmp_path):
    table = read_rows(
        tmp_path,
        "id,date,lat,lon",
        "7,2024-05-06,1,2",
        "7,2024-05-06,1,2",
        "7#3,2024-05-06,1,2",
    )
    assert table["quarantine_reason"].isna().tolist() == [True, False, True]
    assert table["incident_id"].is_unique
    assert "line 2" in table["quarantine_detail"].iloc[1]


def test_rows_without_an_id_get_one_from_their_content(tmp_path):
    rows = ["2024-05-06,1,2,A", "2024-05-07,1,2,A", "2024-05-06,1,2,A"]
    table = read_rows(tmp_path, GENERIC, *rows)
    again = read_rows(tmp_path, GENERIC, *reversed(rows))
    assert table["quarantine_reason"].isna().all()
    assert sorted(table["incident_id"]) == sorted(again["incident_id"])
    assert table["incident_id"].iloc[2] == table["incident_id"].iloc[0] + "-2"


def test_a_declared_format_ends_the_ambiguity(tmp_path):
    row = "03/04/2024,1,2,A"
    table = read_rows(tmp_path, GENERIC, row, dates="%d/%m/%Y")
    assert str(table["event_date"].iloc[0].date()) == "2024-04-03"


def test_a_declared_calendar_is_converted(tmp_path):
    rules = rm.DateRules(calendar="solar_hijri")
    table = read_rows(tmp_path, GENERIC, "1399-12-14,1,2,A", dates=rules)
    assert str(table["event_date"].iloc[0].date()) == "2021-03-04"


def test_late_evening_utc_is_the_next_day_in_kabul(tmp_path):
    table = read_rows(
        tmp_path, "date,lat,lon,country", "2024-03-31T22:30:00Z,34,69,AFG", "2024-03-31T22:30Z,1,2,"
    )
    assert [str(day.date()) for day in table["event_date"]] == ["2024-04-01", "2024-03-31"]
    assert table["date_precision"].tolist() == ["day", "week"]


def test_ingested_at_is_kept_in_utc_and_bounds_the_dates(tmp_path):
    rows = ("2024-01-31,1,2,A", "2024-02-03,1,2,A")
    table = read_rows(tmp_path, GENERIC, *rows, ingested_at="2024-02-01T03:00+04:30")
    assert table["ingested_at"].iloc[0] == pd.Timestamp("2024-01-31T22:30Z")
    assert table["quarantine_reason"].fillna("").tolist() == ["", "future_date"]


def test_a_column_map_reads_any_table(tmp_path):
    table = read_rows(
        tmp_path,
        "Datum;Breite;Laenge;Tote",
        "2024-05-06;1.5;2.5;3",
        columns={
            "event_date": "Datum",
            "latitude": "Breite",
            "longitude": "Laenge",
            "killed": "Tote",
        },
    )
    assert table["killed"].tolist() == [3]
    assert table.geometry.x.tolist() == [2.5]


def test_generic_codes(tmp_path):
    table = read_rows(
        tmp_path,
        "date,date_precision,country,event_type,geo_precision,killed,nationality,staff_type,source",
        "2024-02-10,month,NA,IED,admin1,2.0,Chinese and Turkish,International,press",
        "2024-02-10,fortnight,Chad,odd,,,,,",
        "2024-02-10,day,Chad,odd,,-1,,,",
    )
    assert table["country"].tolist() == ["NAM", "TCD", "TCD"]
    assert table["event_type"].tolist() == ["explosion", "unknown", "unknown"]
    assert table["nationality"].iloc[0] == "CHN;TUR"
    assert table["staff_type"].iloc[0] == "international"
    assert str(table["event_date"].iloc[0].date()) == "2024-02-01"
    assert str(table["event_date_end"].iloc[0].date()) == "2024-02-29"
    assert table["quarantine_reason"].isna().all()
    assert table["not_understood"].fillna("").tolist() == [
        "", "event_type=odd; date_precision=fortnight", "event_type=odd; killed=-1"
    ]  # fmt: skip
    assert table["source"].tolist() == ["press", "rows", "rows"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feed": "nosuch"}, "unknown feed: met 'nosuch'"),
        ({"columns": {"event_date": "Datum"}}, "column Datum: no such column"),
        ({"dates": rm.DateRules, "ingested_at": "soon"}, "not a moment"),
        ({"encoding": "klingon"}, "unknown encoding"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, options, message):
    if "dates" in options:
        options = {**options, "dates": rm.DateRules()}
    with pytest.raises(InputError, match=message):
        read_rows(tmp_path, GENERIC, "2024-05-06,1,2,A", **options)


def test_wrong_date_rules_are_named():
    with pytest.raises(InputError, match="unknown calendar"):
        rm.DateRules(calendar="mayan")


def test_unknown_columns_are_an_error(tmp_path):
    with pytest.raises(InputError, match=r"rows\.csv, row 1: columns of no known feed"):
        read_rows(tmp_path, "a,b", "1,2")


def test_an_encoding_that_may_be_several_is_an_error_that_says_what_to_pass(tmp_path):
    path = write(tmp_path, GENERIC + "\n2024-05-06,1,2,Вязьма\n", encoding="cp1251")
    with pytest.raises(InputError, match=r"row 2.*pass encoding="):
        rm.read_incidents(path)
    assert rm.read_incidents(path, encoding="cp1251")["place"].tolist() == ["Вязьма"]
    broken = tmp_path / "broken.csv"
    broken.write_bytes((GENERIC + "\n2024-05-06,1,2,é\n2024-05-06,1,2,").encode() + b"\xe9\n")
    with pytest.raises(InputError, match=r"row 3.*pass encoding="):
        rm.read_incidents(broken)


def test_bytes_that_no_encoding_of_the_feed_knows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(AWSD.encode() + b"\n1,2001,,,\x81\n")
    with pytest.raises(InputError, match="utf-8 text"):
        rm.read_incidents(path)


def test_a_frame_is_read_like_a_file():
    frame = pd.DataFrame(
        {"date": pd.to_datetime(["2024-05-06"]), "lat": [1.5], "lon": [2.5], "killed": [None]}
    )
    table = rm.read_incidents(frame)
    check_incidents(table)
    assert table.geometry.y.tolist() == [1.5]
    assert table["killed"].isna().all()


def test_a_frame_of_points_is_read_in_its_own_system():
    frame = gpd.GeoDataFrame(
        {"date": ["2024-05-06", "2024-05-07", "2024-05-08"]},
        geometry=gpd.GeoSeries.from_wkt(["POINT (0 111325.1)", "LINESTRING (0 0, 1 1)", None]),
        crs="EPSG:3857",
    )
    table = rm.read_incidents(frame)
    assert table.geometry.y.iloc[0] == pytest.approx(1.0, abs=1e-3)
    assert table["quarantine_reason"].fillna("").tolist() == ["", "bad_coordinates", ""]
    with pytest.raises(InputError, match="no coordinate system"):
        rm.read_incidents(frame.set_crs(None, allow_override=True))


def test_an_empty_frame_is_an_error():
    with pytest.raises(InputError, match="no row"):
        rm.read_incidents(pd.DataFrame({"date": []}))


GEOJSON = """{"type": "FeatureCollection", "features": [
  {"type": "Feature", "id": 1, "properties": {"date": "2024-05-06"},
   "geometry": {"type": "Point", "coordinates": [2.5, 1.5]}},
  {"type": "Feature", "id": 2, "properties": {"date": "2024-05-06"}, "geometry": null},
  {"type": "Feature", "id": 3, "properties": {"date": "2024-05-06"},
   "geometry": {"type": "Polygon", "coordinates": []}}]%s}"""


def test_geojson_points(tmp_path):
    table = rm.read_incidents(write(tmp_path, GEOJSON % "", "a.geojson"))
    assert table["incident_id"].tolist() == ["a:1", "a:2", "a:3"]
    assert table.geometry.x.iloc[0] == 2.5
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "bad_coordinates"]
    assert "met 'Polygon'" in table["quarantine_detail"].iloc[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "no record"),
        ('{"other": []}', "no list of records"),
        ("[1]", "row 2: not a record"),
        ('{"type": "FeatureCollection"}', "no list of features"),
        (GEOJSON % ', "crs": {"properties": {"name": "EPSG:3857"}}', "another system"),
    ],
)
def test_json_that_holds_no_rows(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        rm.read_incidents(write(tmp_path, text, "a.json"))


@pytest.mark.parametrize("record", ['{"date": "2024-01-02", "place": %s}', '{"type": %s}'])
def test_json_that_is_nested_too_deeply_is_refused(tmp_path, record):
    deep = record % ("[" * 400 + "]" * 400)
    text = f"[{deep}]" if "date" in record else GEOJSON.replace('{"type": "Point"', deep[:-1]) % ""
    with pytest.raises(InputError, match="nested at most"):
        rm.read_incidents(write(tmp_path, text, "a.json"))


@pytest.mark.parametrize("stated", ["A1", "A1:B2", "A1:XFD1048576"])
def test_what_a_sheet_states_of_its_size_is_not_trusted(tmp_path, stated):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [("date", "place", "killed"), *[("2024-05-03", "Berin", n) for n in range(9)]]:
        book.active.append(row)
    book.save(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "stated.xlsx", "w") as changed,
    ):
        for name in whole.namelist():
            text = whole.read(name).replace(b'ref="A1:C10"', f'ref="{stated}"'.encode())
            changed.writestr(name, text)
    table = rm.read_incidents(tmp_path / "stated.xlsx")
    assert table["killed"].tolist() == list(range(9))


def test_a_missing_json_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        rm.read_incidents(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "rows", "quarantined"),
    [
        ("ucdp/ged231_CAR482.csv", 1848, 0),
        ("ucdp/ged_MMR.csv", 7374, 0),
        ("ucdp/ged191_SYR_head.csv", 2997, 0),
        ("ucdp/lilinduo_ged251_events_sample.json", 9972, 0),
        ("ucdp/realcaddish_ged_AFG_clean_conflicts.geojson", 310, 0),
        ("awsd/awsd_2016-10-03.csv", 2088, 1),
        ("awsd/awsd_2020-11-25.csv", 3002, 7),
    ],
)
def test_real_files_add_up(shared, name, rows, quarantined):
    table = rm.read_incidents(shared / "incidents" / name)
    assert len(table) == rows
    assert table["quarantine_reason"].notna().sum() == quarantined
    assert (table["quarantine_reason"].notna() == table["quarantine_detail"].notna()).all()


cells = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["2024-05-06", "03/04/2024", "12", "-1", "1e9", "34.5", "inf", "NaN", "NA", "0", "9" * 30]
    ),
)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.sampled_from([UCDP, AWSD, GENERIC]),
    st.lists(st.lists(cells, max_size=21), min_size=1, max_size=4),
)
def test_no_row_is_lost_and_nothing_untyped_raised(tmp_path_factory, header, rows):
    import csv

    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    width = header.count(",") + 1
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        csv.writer(file).writerows([(row * 21)[:width] if len(row) > 2 else row for row in rows])
    try:
        table = rm.read_incidents(path)
    except InputError:
        return
    check_incidents(table)
    assert len(table) == sum(bool(row) for row in rows)


def test_every_feeds_precision_is_on_the_one_scale():
    for feed in every_feed():
        if "geo_precision" in feed.codes:
            assert set(feed.codes["geo_precision"].table.values()) <= set(GEO_PRECISIONS)
