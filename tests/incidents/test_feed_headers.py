"""Files of known feeds of every year, and as table programs leave them; the rows are invented."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

import riskmap as rm
from riskmap.incidents.feeds.ucdp import COLUMNS

ACLED = {
    "event_id_cnty": "AFG 101",
    "event_date": "9-May-20",
    "year": "2020",
    "time_precision": "1",
    "event_type": "Battles",
    "actor1": "A",
    "country": "Afghanistan",
    "admin1": "Velmar",
    "admin2": "Kelda",
    "location": "Aville",
    "latitude": "34.6",
    "longitude": "69.0",
    "geo_precision": "1",
    "notes": "n",
    "fatalities": "2",
}
UCDP = dict.fromkeys(COLUMNS, "") | {
    "id": "501234",
    "relid": "AFG-2031-1-333-12",
    "year": "2031",
    "active_year": "1",
    "code_status": "Clear",
    "type_of_violence": "3",
    "where_prec": "1",
    "where_coordinates": "Aville",
    "source_headline": "Bomb, in Aville",
    "latitude": "34.6",
    "longitude": "69.0",
    "country": "Afghanistan",
    "date_prec": "1",
    "date_start": "2031-03-04 00:00:00.000",
    "date_end": "2031-03-04 00:00:00.000",
    "best": "3",
}


def write(path: Path, rows, *, header=True, delimiter=","):
    text = io.StringIO()
    names = list(rows[0])
    writer = csv.DictWriter(text, names, delimiter=delimiter)
    if header:
        writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def without(row, *names, **more):
    return {name: value for name, value in (row | more).items() if name not in names}


@pytest.mark.parametrize(
    "row",
    [
        ACLED,
        without(ACLED, "event_id_cnty", data_id="2000123"),
        without(ACLED, "year", sub_event_type="Armed clash", timestamp="1.6E+09"),
        without(ACLED, geo_precision=""),
        without(ACLED, geo_precision="n/a"),
        without(ACLED, "geo_precision", "time_precision", "year"),
        {name.upper(): value for name, value in ACLED.items()},
        {name.replace("_", " ").title(): value for name, value in ACLED.items()},
        dict(sorted(ACLED.items())),
    ],
)
def test_acled_of_any_year_keeps_day_and_point(tmp_path, row):
    table = rm.read_incidents(write(tmp_path / "a.csv", [row])).iloc[0]
    assert (table["source"], str(table["event_date"])[:10]) == ("acled", "2020-05-09")
    assert (table["event_type"], table["killed"]) == ("battle", 2)
    assert (table.geometry.x, table.geometry.y) == (69.0, 34.6)
    assert (
        table["geo_precision"] in ("place", None)
        or table["geo_precision"] != table["geo_precision"]
    )
    assert table["source_id"] in ("AFG 101", "2000123")


def test_a_precision_that_nobody_knows_is_told_and_takes_no_point(tmp_path):
    row = without(ACLED, geo_precision="near")
    table = rm.read_incidents(write(tmp_path / "a.csv", [row])).iloc[0]
    assert table["not_understood"] == "geo_precision=near"
    assert table.geometry is not None


def test_a_point_of_a_known_feed_without_precision_is_placed(tmp_path):
    districts = rm.datasets.regions()
    inside = districts.geometry.iloc[0].representative_point()
    row = without(ACLED, "admin1", "admin2", "location", geo_precision="")
    row |= {"latitude": inside.y, "longitude": inside.x, "country": ""}
    located = rm.locate(rm.read_incidents(write(tmp_path / "a.csv", [row])), districts)
    assert located.placements["region_id"].tolist() == [districts["region_id"].iloc[0]]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("rows", [1, 3])
def test_candidate_events_with_and_without_header(tmp_path, header, rows):
    many = [UCDP | {"id": str(501234 + i)} for i in range(rows)]
    table = rm.read_incidents(write(tmp_path / "a.csv", many, header=header))
    assert table["source"].unique().tolist() == ["ucdp"]
    assert table["source_id"].tolist() == [row["id"] for row in many]
    assert table["source_row"].tolist() == list(range(1 + header, rows + 1 + header))
    assert table["killed"].tolist() == [3] * rows


GTD = {
    "iyear": "2031",
    "imonth": "1",
    "iday": "4",
    "country_txt": "Afghanistan",
    "region_txt": "South Asia",
    "state": "Velmar",
    "city": "Aville",
    "attacktype1_txt": "Armed Assault",
    "natlty1_txt": "China",
    "gname": "ISKP",
    "nkill": "1",
}


@pytest.mark.parametrize(
    "row",
    [
        GTD,
        without(GTD, "state", provstate="Velmar"),
        without(GTD, "attacktype1_txt", "gname", eventid="203101040001"),
        without(GTD, "country_txt"),
    ],
)
def test_extracts_of_gtd_know_their_province(tmp_path, row):
    table = rm.read_incidents(write(tmp_path / "a.csv", [row])).iloc[0]
    assert (table["source"], table["admin1"], table["place"]) == ("gtd", "Velmar", "Aville")
    assert (str(table["event_date"])[:10], table["nationality"]) == ("2031-01-04", "CHN")


@pytest.mark.parametrize(
    ("names", "values", "first", "last"),
    [
        ("Year,Month,Day,Country,Region,state,city", "2031,1,4", "2031-01-04", "2031-01-04"),
        ("Year,Month,Day,Country,Region,state,city", "2031,1,0", "2031-01-01", "2031-01-31"),
        ("Jahr,Monat,Tag,Land,Region,Provinz,Ort", "2031,März,4", "2031-03-04", "2031-03-04"),
        ("Année,Mois,Jour,Pays,Continent,Province,Ville", "2031.0,3.0,4.0", "2031-03-04", None),
        ("Año,Mes,Día,País,Continente,Provincia,Lugar", "2031,-99,-99", "2031-01-01", "2031-12-31"),
    ],
)
def test_a_year_a_month_and_a_day_in_three_columns(tmp_path, names, values, first, last):
    path = tmp_path / "a.csv"
    path.write_text(f"{names}\n{values},Afghanistan,South Asia,Velmar,Aville\n", encoding="utf-8")
    row = rm.read_incidents(path).iloc[0]
    assert str(row["event_date"])[:10] == first
    assert str(row["event_date_end"])[:10] == (last or first)
    assert (row["admin1"], row["place"]) == ("Velmar", "Aville")


AWSD = {
    "Incident ID": "5001",
    "Year": "2031",
    "Month": "3",
    "Day": "4",
    "Country Code": "AF",
    "Country": "Afghanistan",
    "Region": "Velmar",
    "District": "Kelda",
    "City": "Aville",
    "Total nationals": "0",
    "Total internationals": "2",
    "Total killed": "0",
    "Total wounded": "0",
    "Total kidnapped": "0",
    "Total detained": "2",
    "Total affected": "2",
    "Means of attack": "Detention/arrest",
    "Latitude": "34.6",
    "Longitude": "69.0",
}


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, "arrest"),
        ({"Means of attack": "Unknown"}, "arrest"),
        ({"Means of attack": "Unknown", "Total killed": "1"}, "unknown"),
        ({"Means of attack": "Shooting", "Total killed": "1"}, "armed_attack"),
    ],
)
def test_awsd_of_2025_counts_the_detained(tmp_path, changed, kind):
    row = rm.read_incidents(write(tmp_path / "a.csv", [AWSD | changed])).iloc[0]
    assert (row["source"], row["event_type"]) == ("awsd", kind)
    assert (row["foreign_victims"], row["staff_type"]) == (2, "international")


SIND = {
    "Date": "2031-03-04",
    "Event Description": "Gunmen took a nurse",
    "Country": "Afghanistan",
    "Country ISO": "AFG",
    "Admin 1": "Velmar",
    "Latitude": "34.6",
    "Longitude": "69.0",
    "Geo Precision": "(1) 25 km precision",
    "Reported Perpetrator": "Non-state armed group",
    "Reported Perpetrator Name": "ISKP",
    "Weapon Carried/Used": "Firearms",
    "SiND Event ID": "50001",
}


@pytest.mark.parametrize(
    ("counts", "kind", "sector"),
    [
        ({"Aid Workers Killed": "1", "Aid Workers Kidnapped": "0"}, "armed_attack", "aid"),
        ({"Health Workers Killed": "1", "Health Workers Kidnapped": "1"}, "abduction", "health"),
        ({"Educators Killed": "1", "Students Killed": "0"}, "armed_attack", "education"),
        ({"Aid Workers Killed": "1", "Aid Workers Arrested": "2"}, "arrest", "aid"),
    ],
)
def test_the_newer_files_of_insecurity_insight(tmp_path, counts, kind, sector):
    withheld = {"Latitude": "Censored", "Longitude": "Censored", "SiND Event ID": "2"}
    rows = [SIND | counts, SIND | counts | withheld]
    table = rm.read_incidents(write(tmp_path / "a.csv", rows))
    assert table["source"].tolist() == ["sind", "sind"]
    assert table["event_type"].tolist() == [kind, kind]
    assert table["sector"].tolist() == [sector, sector]
    assert table["killed"].tolist() == [1, 1]
    assert table["quarantine_reason"].isna().all()
    assert table.geometry.notna().tolist() == [True, False]


IMO = {
    "Date": "2031-03-04",
    "Ship Name": "Kelda Star",
    "IMO No.": "9123456",
    "Area": "Aville",
    "Latitude": "3° 45.00' N",
    "Longitude": "6° 30.00' E",
    "Incident details": "Five robbers boarded the ship",
}
IMB = {
    "date": "2031-03-04",
    "longitude": "6.5",
    "latitude": "3.75",
    "attack_type": "Boarded",
    "location_description": "Off Aville",
    "nearest_country": "NGA",
    "vessel_name": "Kelda Star",
}


@pytest.mark.parametrize(("row", "country"), [(IMO, None), (IMB, "NGA")])
def test_a_vessel_is_at_sea_and_of_the_coast_only_where_one_is_named(tmp_path, row, country):
    found = rm.read_incidents(write(tmp_path / "a.csv", [row])).iloc[0]
    assert (round(found.geometry.x, 2), round(found.geometry.y, 2)) == (6.5, 3.75)
    assert pd.isna(found["quarantine_reason"])
    assert (found["country"] if country else None) == country
    assert pd.isna(found["place"])
    assert "Vessel: " in found["notes"]


def test_a_vessel_off_the_coast_is_placed_nowhere_and_told(tmp_path):
    districts = rm.datasets.regions()
    row = IMO | {"Area": districts["name"].iloc[0]}
    table = rm.read_incidents(write(tmp_path / "a.csv", [row, row | {"Ship Name": "Velmar"}]))
    located = rm.locate(table, districts)
    assert not len(located.placements)
    assert sum(dict(located.ledger.stages[-1].reasons).values()) == 2


def test_a_point_at_sea_is_not_turned_round_for_its_country(tmp_path):
    row = {"Date": "2031-03-04", "Vessel": "MT Kelda", "Country": "Nigeria", "Lat": 3, "Lon": 6}
    found = rm.read_incidents(write(tmp_path / "a.csv", [row])).iloc[0]
    assert (found.geometry.x, found.geometry.y) == (6, 3)


def test_an_answer_of_an_unknown_service_gives_its_only_list(tmp_path):
    path = tmp_path / "a.json"
    record = {"date": "2031-03-04", "latitude": 12.5, "longitude": 48.2, "victim": "Bulk carrier"}
    path.write_text(json.dumps({"asam": [record], "total": 1}), encoding="utf-8")
    assert len(rm.read_incidents(path)) == 1
