"""Countries: every feed's spelling finds its code, and nothing is guessed."""

import csv
import json
from collections import Counter
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from riskmap import countries
from riskmap.settings import data_path


@pytest.mark.parametrize(
    ("name", "iso3"),
    [
        ("DR Congo", "COD"),
        ("DR Congo (Zaire)", "COD"),
        ("Democratic Republic of Congo", "COD"),
        ("Congo", "COG"),
        ("Myanmar (Burma)", "MMR"),
        ("Syrian Arab Republic", "SYR"),
        ("occupied Palestinian territories", "PSE"),
        ("Cote D'Ivoire", "CIV"),
        ("Côte d'Ivoire", "CIV"),
        ("Bosnia-Herzegovina", "BIH"),
        ("Libyan Arab Jamahiriya", "LBY"),
        ("West Bank and Gaza Strip", "PSE"),
        ("Korea, North", "PRK"),
        ("Turkiye", "TUR"),
        ("U.S.", "USA"),
        ("République démocratique du Congo", "COD"),
        ("Congo-Kinshasa", "COD"),
        ("MALI", "MLI"),
        ("Centrafrique", "CAF"),
        ("République centrafricaine", "CAF"),
        ("Niger", "NER"),
        ("Nigeria", "NGA"),
        ("Nigéria", "NGA"),
        ("Moçambique", "MOZ"),
        ("Afganistán", "AFG"),
        (" 阿富汗 ", "AFG"),
        ("السودان", "SDN"),
        ("Мали", "MLI"),
        ("中", None),
        ("Kashmir", None),
        ("", None),
    ],
)
def test_spellings_of_the_feeds(name, iso3):
    assert countries.find_country(name) == iso3


def test_codes_are_unique_and_shaped():
    table = countries.table().values()
    assert all(len(c.iso3) == 3 and len(c.iso2) == 2 for c in table)
    for codes in (
        [c.iso3 for c in table],
        [c.iso2 for c in table],
        [code for c in table for code in c.fips],
        [countries.fold(d) for c in table for d in c.demonyms],
    ):
        assert max(Counter(codes).values()) == 1


def test_every_name_finds_its_own_country():
    for country in countries.table().values():
        for name in (country.name, country.iso3, *country.aliases):
            assert countries.find_country(name) == country.iso3
        for word in country.demonyms:
            assert countries.find_nationality(word) == country.iso3


def test_every_translated_name_finds_its_own_country():
    with data_path("country_names.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert {row[0] for row in rows} == set(countries.table())
    for iso3, *names in rows:
        assert len(names) == len(header) - 1
        for name in names:
            assert countries.find_country(name) == iso3


def test_every_zone_exists():
    assert all(ZoneInfo(zone) for c in countries.table().values() for zone in c.zones)


def test_fips_and_iso_disagree_where_they_do():
    assert [countries.from_fips(c) for c in ("CH", "NI", "AS", "RS")] == [
        "CHN",
        "NGA",
        "AUS",
        "RUS",
    ]
    assert [countries.from_iso2(c) for c in ("CH", "NI", "AS", "RS")] == [
        "CHE",
        "NIC",
        "ASM",
        "SRB",
    ]


@pytest.mark.parametrize("word", ["Congolese", "Dominican", "Korean"])
def test_words_of_two_countries_stand_for_none(word):
    assert countries.find_nationality(word) is None


def test_map_countries_takes_another_lookup():
    codes = pd.Series(["CH", "", None], dtype="str")
    assert countries.map_countries(codes, countries.from_fips).fillna("?").tolist() == [
        "CHN",
        "?",
        "?",
    ]


def test_ucdp_names_are_all_known(shared):
    path = shared / "incidents/ucdp/lilinduo_ged251_events_sample.json"
    names = {row["country"] for row in json.loads(path.read_text(encoding="utf-8"))}
    assert {name for name in names if countries.find_country(name) is None} == set()


def test_the_invented_country_is_read_and_is_in_no_list_of_countries():
    assert [countries.find_country(word) for word in ("XQA", "qandara")] == ["XQA", "XQA"]
    assert countries.find_nationality("Qandara") == "XQA"
    assert "XQA" not in countries.table()
