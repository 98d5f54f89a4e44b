"""The hand-written table of the demonstration is whole, sourced and says nothing twice."""

import re

import pandas as pd
import pytest

import riskmap as rm
from riskmap import schema
from riskmap.settings import data_path

COUNTS = ("killed", "wounded", "abducted", "foreign_victims")
PROVINCES = {
    "AFG": {
        "Badakhshan",
        "Badghis",
        "Baghlan",
        "Balkh",
        "Bamyan",
        "Daykundi",
        "Farah",
        "Faryab",
        "Ghazni",
        "Ghor",
        "Helmand",
        "Herat",
        "Jawzjan",
        "Kabul",
        "Kandahar",
        "Kapisa",
        "Khost",
        "Kunar",
        "Kunduz",
        "Laghman",
        "Logar",
        "Nangarhar",
        "Nimroz",
        "Nuristan",
        "Paktia",
        "Paktika",
        "Panjshir",
        "Parwan",
        "Samangan",
        "Sar-e-Pul",
        "Takhar",
        "Uruzgan",
        "Wardak",
        "Zabul",
    },
    "PAK": {
        "Balochistan",
        "Federally Administered Tribal Areas",
        "Gilgit-Baltistan",
        "Islamabad",
        "Khyber Pakhtunkhwa",
        "Punjab",
        "Sindh",
    },
}


FORMER_FATA = "Khyber Pakhtunkhwa: former Federally Administered Tribal Areas"

#: Provinces that the table and the boundaries spell differently.
SPELLINGS = {
    ("Federally Administered Tribal Areas", FORMER_FATA),
    ("Herat", "Hirat"),
    ("Paktia", "Paktya"),
}


@pytest.fixture(scope="module")
def table():
    path = data_path("examples/attacks_on_foreign_workers.csv")
    return pd.read_csv(path, dtype="str", keep_default_na=False)


def test_columns_are_the_schema_s_and_the_report(table):
    known = {column.name for column in schema.INCIDENT_COLUMNS}
    assert set(table.columns) - known == {"latitude", "longitude", "report"}


def test_codes_are_the_schema_s(table):
    codes = {column.name: column.codes for column in schema.INCIDENT_COLUMNS if column.codes}
    for name in ("date_precision", "event_type", "geo_precision"):
        assert set(table[name]) <= set(codes[name])


def test_every_row_names_a_dated_report_or_a_page(table):
    dated = r"[^;,]+, ((\d{1,2} )?[A-Z][a-z]{2} )?\d{4}|Wikipedia, [^;]+"
    assert all(
        re.fullmatch(dated, report) for reports in table["report"] for report in reports.split("; ")
    )


def test_ids_are_unique_and_begin_with_the_day(table):
    assert table["source_id"].is_unique
    starts = [row.source_id.startswith(row.event_date) for row in table.itertuples()]
    assert all(starts)


def test_days_are_in_order_from_2004_to_2025(table):
    days = pd.to_datetime(table["event_date"], format="%Y-%m-%d")
    assert days.is_monotonic_increasing
    assert days.between("2004-01-01", "2025-12-31").all()


def test_provinces_exist(table):
    assert all(row.admin1 in PROVINCES[row.country] for row in table.itertuples())


def test_counts_are_whole_and_foreigners_are_among_them(table):
    assert table[list(COUNTS)].isin(["", *map(str, range(100))]).all(axis=None)
    counts = table[list(COUNTS)].apply(pd.to_numeric)
    known = counts.dropna()
    assert (known["foreign_victims"] <= known[list(COUNTS[:3])].sum(axis=1)).all()


def test_nationalities_are_codes_of_foreigners(table):
    for row in table.itertuples():
        codes = row.nationality.split(";")
        assert all(re.fullmatch("[A-Z]{3}", code) for code in codes)
        assert codes == sorted(codes)
        assert row.country not in codes


def test_places_have_coordinates_and_vague_ones_have_none(table):
    located = table["latitude"] != ""
    assert (located == (table["geo_precision"] == "place")).all()
    assert (located == (table["longitude"] != "")).all()
    assert pd.to_numeric(table["latitude"]).dropna().between(24, 38.5).all()
    assert pd.to_numeric(table["longitude"]).dropna().between(60.5, 78).all()


def test_the_readme_counts_the_rows(table):
    text = data_path("examples/README.md").read_text(encoding="utf-8")
    assert f"holds {len(table)} well-documented attacks" in text


@pytest.mark.slow
def test_every_attack_is_placed_in_its_stated_province(table):
    incidents = rm.read_incidents(data_path("examples/attacks_on_foreign_workers.csv"))
    assert incidents["quarantine_reason"].isna().all()
    provinces = rm.read_regions(("AFG", "PAK"), level=1)
    located = rm.locate(incidents, provinces)
    assert len(located.incidents) == len(table)
    name = provinces.set_index("region_id")["name"]
    names = located.placements.assign(
        source_id=located.placements["incident_id"].str.partition(":")[2],
        name=located.placements["region_id"].map(name),
    )
    assert (names["weight"] == 1).all()
    stated = table.set_index("source_id").loc[names["source_id"], "admin1"]
    other = {tuple(pair) for pair in zip(stated, names["name"], strict=True) if pair[0] != pair[1]}
    assert other <= SPELLINGS
