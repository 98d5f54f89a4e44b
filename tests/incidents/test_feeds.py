"""Each feed: rows in its shape, every one of its columns where it belongs."""

import json
from pathlib import Path

import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.feeds import every_feed, recognise
from riskmap.incidents.feeds.machine_coded import HEADERS
from riskmap.incidents.quarantines import REASONS
from riskmap.incidents.words import key
from riskmap.schema import INCIDENT_COLUMNS


def read(tmp_path, rows, **options):
    frame = pd.DataFrame(rows)
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    return rm.read_incidents(path, **options)


def test_gtd_rows(tmp_path):
    row = {
        "eventid": "200403110001",
        "iyear": 2004,
        "imonth": 3,
        "iday": 0,
        "country_txt": "Chad",
        "provstate": "P",
        "city": "Unknown",
        "latitude": 13.1,
        "longitude": 20.1,
        "specificity": 3,
        "summary": "text",
        "attacktype1_txt": "Hostage Taking (Kidnapping)",
        "targtype1_txt": "Business",
        "targsubtype1_txt": "Construction",
        "natlty1_txt": "China",
        "natlty2_txt": "Turkey",
        "natlty3_txt": "",
        "gname": "Group",
        "claimed": 1,
        "nkill": -9,
        "nwound": "2.0",
        "nhostkid": -99,
    }
    other = row | {"eventid": "200400000002", "imonth": 0, "claimed": 0, "gname": "Unknown"}
    table = read(tmp_path, [row, other])
    assert table["source_id"].tolist() == ["200403110001", "200400000002"]
    assert table["date_precision"].tolist() == ["month", "year"]
    assert table["nationality"].tolist() == ["CHN;TUR"] * 2
    assert table["sector"].tolist() == ["construction"] * 2
    assert table[["killed", "abducted"]].isna().all(axis=None)
    assert table["wounded"].tolist() == [2, 2]
    assert table["claimed_by"].fillna("").tolist() == ["Group", ""]
    assert table[["attributed_to", "place"]].isna().all(axis=None)
    assert table["foreign_victims"].isna().all()
    assert table["geo_precision"].tolist() == ["admin2"] * 2
    assert table["event_type"].tolist() == ["abduction"] * 2


def gdelt_row(header, **values):
    return "\t".join(str(values.get(name, "")) for name in header)


@pytest.mark.slow
def test_gdelt_files_have_no_header(tmp_path):
    v1, v2 = HEADERS
    assert (len(v1), len(v2)) == (58, 61)
    event = {
        "globaleventid": 7,
        "sqldate": 20240331,
        "eventcode": "1831",
        "actor1name": "REBEL",
        "actiongeo_type": 4,
        "actiongeo_fullname": "A, B, China",
        "actiongeo_countrycode": "CH",
        "actiongeo_lat": 34.5,
        "actiongeo_long": 104.5,
        "numsources": 2,
        "dateadded": "20240401120000",
        "sourceurl": "https://example.org",
    }
    talk = event | {"globaleventid": 8, "eventcode": "0102"}
    bare = event | {"globaleventid": 9, "actiongeo_type": 0, "actiongeo_lat": ""}
    for header in HEADERS:
        lines = [gdelt_row(header, **row) for row in (event, talk, bare)]
        lines.append(gdelt_row(header[:-1], **(event | {"globaleventid": 10})))
        path = tmp_path / "20240331.export.CSV"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        table = rm.read_incidents(path)
        assert table["source"].tolist() == ["gdelt"] * 4
        assert table["source_row"].tolist() == [1, 2, 3, 4]
        assert table["country"].tolist() == ["CHN"] * 4
        reasons = table["quarantine_reason"].fillna("").tolist()
        assert reasons == ["", "no_incident", "bad_coordinates", ""]
        assert table["event_type"].iloc[0] == "explosion"
        assert table["ingested_at"].iloc[0] == pd.Timestamp("2024-04-01T12:00Z")
        assert table["geo_precision"].iloc[0] == "place"
        assert table["notes"].fillna("").tolist()[-1] == ""


@pytest.mark.parametrize(
    "first",
    [
        "GKGRECORDID\tV2.1DATE\tV2SOURCECOLLECTIONIDENTIFIER",
        "\t".join(["20240506120000-1", "20240506120000", "1", "e.example", *["x"] * 23]),
        "DATE\tNUMARTS\tCOUNTS\tTHEMES\tLOCATIONS\tCAMEOEVENTIDS",
        "\t".join(["20130401", "3", "KILL#3##4#Berin", "KILL", *["x"] * 7]),
        "\t".join(["410000", "20240218230000", "20240218230000", "1", *["x"] * 10]),
    ],
)
def test_other_tables_of_gdelt_are_refused_with_what_to_do_instead(tmp_path, first):
    path = tmp_path / "20240506120000.csv"
    path.write_text(f"{first}\n{first}\n")
    with pytest.raises(InputError, match=r"no events.*event files of the same days.*extract"):
        rm.read_incidents(path)


def test_gdelt_one_counts_days(tmp_path):
    path = tmp_path / "a.CSV"
    path.write_text(
        gdelt_row(
            HEADERS[0], globaleventid=1, sqldate=20130101, eventcode="190", dateadded=20130203
        )
    )
    table = rm.read_incidents(path)
    assert table["ingested_at"].iloc[0] == pd.Timestamp("2013-02-03T00:00Z")


ICEWS = {
    "Event ID": "1",
    "Event Date": "2018-06-01",
    "Source Name": "Group (X)",
    "Event Text": "Use unconventional violence",
    "CAMEO Code": "180",
    "Story ID": "5",
    "City": "NA",
    "District": "D",
    "Province": "P",
    "Country": "Occupied Palestinian Territory",
    "Latitude": "31.5",
    "Longitude": "34.5",
}


def test_icews_rows(tmp_path):
    rows = [
        ICEWS,
        ICEWS | {"Event ID": "2", "CAMEO Code": "042", "Latitude": "NA", "Longitude": "NA"},
    ]
    path = tmp_path / "rows.tab"
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    table = rm.read_incidents(path)
    assert table["country"].tolist() == ["PSE", "PSE"]
    assert table["place"].isna().all()
    assert table["geo_precision"].tolist() == ["admin2", "admin2"]
    assert table["event_type"].fillna("").tolist() == ["assault", ""]
    assert table["quarantine_reason"].fillna("").tolist() == ["", "no_incident"]


def test_polecat_rows(tmp_path):
    base = {k: v for k, v in ICEWS.items() if k not in ("CAMEO Code", "Story ID", "Source Name")}
    rows = [
        base | {"Event Type": kind, "Event Mode": mode, "Quad Code": "X", "Event ID": str(i)}
        for i, (kind, mode) in enumerate(
            [("ASSAULT", "abduct"), ("PROTEST", "demo"), ("CONSULT", "visit"), ("COERCE", "arrest")]
        )
    ]
    table = read(tmp_path, rows)
    assert set(table["source"]) == {"polecat"}
    assert table["event_type"].fillna("").tolist() == ["abduction", "unrest", "", "arrest"]
    assert table["quarantine_reason"].fillna("").tolist() == ["", "", "no_incident", ""]


def test_shcc_rows_with_repeating_headers(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(
        "Date,Country,ISO,Latitude,Longitude,Location,Actor,Weapon,Organisation,Killed,Injured,"
        "Kidnapped,Arrested,Int'l_Killed,Nat'l Killed,Injured,Int'l_Injured,Nat'l_Injured,"
        "Kidnapped,Int'l_Kidnapped,Nat'l_Kidnapped\n"
        "2020-01-02,Chad,TCD,13.1,20.1,Road,NSA,Firearms,INGO,1,0,1,0,1.0,0,0,0,0,1,0,1\n"
        "2020-01-02,Chad,TCD,13.1,20.1,Road,No information,IED,INGO,0,1,0,0,0,0,1,0,1,0,0,0\n"
        "2020-01-02,Chad,TCD,13.1,20.1,Road,Police,Unarmed,INGO,0,0,0,2,0,0,0,0,0,0,0,0\n"
    )
    table = rm.read_incidents(path)
    assert set(table["source"]) == {"shcc"}
    assert table["event_type"].tolist() == ["abduction", "explosion", "arrest"]
    assert table["foreign_victims"].tolist() == [1, 0, 0]
    assert table["staff_type"].fillna("").tolist() == ["mixed", "national", ""]
    assert table["geo_precision"].isna().all()
    assert table["incident_id"].is_unique


def test_hapi_rows_are_counts_and_never_incidents(tmp_path):
    row = {
        "event_type": "political_violence",
        "events": 12,
        "fatalities": None,
        "reference_period_start": "2024-01-01T00:00:00",
        "reference_period_end": "2024-01-31T23:59:59",
        "location_code": "TCD",
        "admin2_code": "TD0101",
        "admin2_name": "D",
    }
    path = tmp_path / "a.json"
    inside = row | {"event_type": "civilian_targeting", "events": 3}
    elsewhere = inside | {"admin2_code": "TD0102"}
    quiet = row | {"event_type": "demonstration", "events": 0}
    path.write_text(json.dumps({"data": [row, inside, elsewhere, quiet]}))
    table = rm.read_incidents(path)
    assert table["quarantine_reason"].fillna("").tolist() == ["", "aggregate", "", ""]
    assert table["count"].tolist() == [12, 3, 3, 0]
    assert table["event_type"].tolist() == ["unknown", "armed_attack", "armed_attack", "unrest"]
    assert set(table["date_precision"]) == {"month"}
    assert table["region_id"].tolist() == ["TD0101", "TD0101", "TD0102", "TD0101"]


def test_acled_json_of_the_api(tmp_path):
    row = {
        "event_id_cnty": "X1",
        "event_date": "2025-01-07",
        "time_precision": "1",
        "event_type": "Battles",
        "sub_event_type": "Armed clash",
        "actor1": "M",
        "country": "Chad",
        "latitude": "13.1",
        "longitude": "20.1",
        "geo_precision": "1",
        "fatalities": "2",
        "timestamp": "1740000000",
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"status": 200, "success": True, "data": [row]}))
    table = rm.read_incidents(path)
    assert (table["source"].iloc[0], table["killed"].iloc[0]) == ("acled", 2)


def test_awsd_of_2025_has_a_row_of_hashtags_under_its_header(tmp_path):
    header = {
        "Incident ID": "#event+id",
        "Year": "#date+year",
        "Month": "#date+month",
        "Day": "#date+day",
        "Country Code": "#country+code",
        "Country": "#country+name",
        "Region": "#adm1+name",
        "District": "",
        "City": "",
        "Total nationals": "#affected",
        "Total internationals": "#affected",
        "Total killed": "#affected+killed",
        "Total affected": "#affected",
        "Means of attack": "#event+type",
        "Latitude": "#geo+lat",
        "Longitude": "#geo+lon",
    }
    row = dict.fromkeys(header, "") | {
        "Incident ID": "7",
        "Year": "2025",
        "Country Code": "TD",
        "Country": "Chad",
        "Total internationals": "1",
    }
    table = read(tmp_path, [header, row])
    assert table["quarantine_reason"].fillna("").tolist() == ["hashtag_row", ""]
    assert table["country"].tolist()[1] == "TCD"


@pytest.mark.parametrize("feed", every_feed(), ids=lambda feed: feed.name)
def test_a_feed_maps_to_columns_and_codes_of_the_schema(feed):
    schema = {column.name: column for column in INCIDENT_COLUMNS}
    working = {"side_b", "nationals", "decision", "set_aside"}
    for table in (feed.texts, feed.counts, feed.sums, feed.codes, feed.constants):
        assert set(table) <= set(schema) | working
    for name, codes in feed.codes.items():
        if name in schema and schema[name].codes:
            assert set(codes.table.values()) <= set(schema[name].codes)


@pytest.mark.parametrize("feed", every_feed(), ids=lambda feed: feed.name)
def test_a_feed_is_recognised_by_its_own_columns_alone(feed):
    if feed.required:
        assert recognise(sorted(feed.required)) is feed
        assert all(name == key(name) for name in feed.required)


def test_every_reason_is_documented():
    formats = Path(__file__).parents[2] / "docs" / "formats.md"
    text = formats.read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f"`{reason}`" not in text] == []
    assert [feed.name for feed in every_feed() if f"`{feed.name}`" not in text] == []


@pytest.mark.parametrize(
    ("name", "rows", "usable"),
    [
        ("other/gdelt1_events_sample.tsv", 710, 97),
        ("other/icews_2018_sample.tab", 3705, 650),
        ("other/shcc_aid_workers_kika.csv", 888, 888),
        ("other/iraq_sigacts_2007.csv", 68573, 68573),
    ],
)
def test_other_real_files_add_up(shared, name, rows, usable):
    table = rm.read_incidents(shared / "incidents" / name)
    assert len(table) == rows
    assert table["quarantine_reason"].isna().sum() == usable


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "date;pays;latitude;longitude;lieu;tués;blessés",
            "2024-03-13;Chad;13,83;20,83;Abéché;2;-",
        ),
        (
            "Fecha;País;Latitud;Longitud;Lugar;Muertos;Heridos",
            "2024-03-13;TCD;13,83;20,83;Abéché;2;",
        ),
    ],
)
def test_tables_with_french_or_spanish_names(tmp_path, header, row):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    found = rm.read_incidents(path).iloc[0]
    assert (found["place"], found["country"], found["killed"]) == ("Abéché", "TCD", 2)
    assert (found.geometry.y, found.geometry.x) == (13.83, 20.83)
    assert pd.isna(found["wounded"])
    assert pd.isna(found["quarantine_reason"])


def test_no_date_among_the_columns_is_an_error_that_says_what_was_expected():
    with pytest.raises(InputError, match=r"no date of UCDP .* expected date_start, date_end"):
        rm.read_incidents(pd.DataFrame({"id": ["1"], "latitude": ["2"]}), feed="ucdp")


@pytest.mark.parametrize("column", ["time_precision", "date_prec"])
def test_a_strange_precision_of_dates_is_told_and_loses_no_attack(column):
    if column == "date_prec":
        row = {"id": "1", "date_start": "2024-03-01", "date_prec": "9"}
        table = rm.read_incidents(pd.DataFrame([row]), feed="ucdp")
    else:
        row = {"data_id": "1", "event_date": "2024-03-01", "time_precision": "9"}
        table = rm.read_incidents(pd.DataFrame([row]), feed="acled")
    assert table["quarantine_reason"].isna().all()
    assert table["not_understood"].tolist() == ["date_precision=9"]
    assert table["event_type"].tolist() == ["unknown"]


def test_json_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"date": "2024-03-01", "lat": 1, "lon": 2}]', encoding="utf-8-sig")
    assert len(rm.read_incidents(path)) == 1


def test_a_column_without_a_name_is_no_column_of_the_feed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",date,lat,lon\n0,2024-03-01,34.5,69.2\n", encoding="utf-8")
    row = rm.read_incidents(path).iloc[0]
    assert row[["place", "admin1", "country", "actor", "notes"]].isna().all()
    assert row["source_id"] != "0"
