"""A group reads from its file, and every word of the file that isn't understood is an error."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.panels.groups import Presence, Route, Site

WHOLE = """
nationality = ["CHN", "PAK"]
sector = "mining"
staff_type = "mixed"
visibility = "high"
movement = "commuting"
employers = ["Ruvo Mining"]

[relevance]
"other foreigners" = 0.8
"same nationality" = 0

[[sites]]
name = "camp"
lon = 4.5
lat = -6.5

[[sites]]
name = "mine"
lon = 4.9
lat = -6.2

[[routes]]
name = "to work"
via = ["camp", [4.7, -6.4], "mine"]

[[exposure]]
region_id = "XQA0203"
headcount = 120
from = 2025-01-01

[[exposure]]
region_id = "XQA0204"
worker_years = 30
from = 2025-01-01
until = 2026-01-01

[[all_foreigners]]
region_id = "XQA0203"
headcount = 900

[[all_foreigners]]
region_id = "XQA0204"
headcount = 40
"""

TWICE = """[[sites]]
name = "camp"
lon = 1
lat = 1
[[routes]]"""


def read(tmp_path, text):
    path = tmp_path / "group.toml"
    path.write_text(text, encoding="utf-8")
    return rm.read_group(path)


def test_a_whole_group(tmp_path):
    group = read(tmp_path, WHOLE)
    assert str(group) == "CHN,PAK/mining"
    assert (group.staff_type, group.visibility, group.movement) == ("mixed", "high", "commuting")
    assert group.relevance_table["other foreigners"] == 0.8
    assert group.relevance_table["same nationality"] == 0.0
    assert group.relevance_table["same sector, foreign"] == 1.0
    assert group.employers == ("Ruvo Mining",)
    assert group.all_foreigners[0] == Presence("XQA0203", 900.0)
    assert [site.name for site in group.sites] == ["camp", "mine"]
    assert [(s.lon, s.lat) for s in group.routes[0].stops] == [
        (4.5, -6.5),
        (4.7, -6.4),
        (4.9, -6.2),
    ]
    assert group.presence[0] == Presence("XQA0203", 120.0, date(2025, 1, 1))
    assert group.presence[1].headcount == pytest.approx(30 * 365.25 / 365)


def test_a_group_does_not_say_where_it_is(tmp_path):
    text = repr(read(tmp_path, WHOLE)) + repr(Site("camp", 4.5, -6.5))
    assert "6.5" not in text
    assert "120" not in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"CHN", "PAK"', '"CHN", "ZZZ"', "unknown nationality: met 'ZZZ'"),
        ('["CHN", "PAK"]', "7", "column nationality: not a code or a list"),
        ('sector = "mining"', 'sector = "alchemy"', "unknown sector: met 'alchemy'"),
        ('sector = "mining"', "sector = 3", "column sector: not a text"),
        ('staff_type = "mixed"', 'staff_type = "national"', "unknown staff_type"),
        ('"high"', '"loud"', "unknown visibility: met 'loud'"),
        ('"commuting"', '"flying"', "unknown movement: met 'flying'"),
        ("sector =", "sectors =", "unknown key in the file: met 'sectors'"),
        ('"other foreigners" = 0.8', '"other foreigners" = 2', "out of range: met 2"),
        ('"other foreigners" = 0.8', '"other foreigners" = true', "not a number: met True"),
        ('"other foreigners" = 0.8', '"friends" = 1', "unknown key in relevance"),
        ('["Ruvo Mining"]', '"Ruvo Mining"', "column employers: not a list of names"),
        ("headcount = 900", "headcount = 100", "more workers than all foreigners in XQA0203"),
        ('[[all_foreigners]]\nregion_id = "XQA0204"', '[[all_foreigners]]\nregion_id = "XQA0101"',
         "more workers than all foreigners in XQA0204"),
        ("lon = 4.5", "lon = 184.5", "site 'camp' has no valid coordinates"),
        ("lon = 4.5", "lon = nan", "site 'camp' has no valid coordinates"),
        ("lon = 4.5", 'lon = "east"', "column lon: not a number"),
        ("lon = 4.5", "longitude = 4.5", "unknown key in sites"),
        ("[[routes]]", TWICE, "names of sites are not unique"),
        ('via = ["camp", [4.7, -6.4], "mine"]', 'via = ["camp", "moon"]', "a stop that is none"),
        ('via = ["camp", [4.7, -6.4], "mine"]', 'via = "camp"', "a route needs its stops"),
        ('via = ["camp", [4.7, -6.4], "mine"]', 'via = ["camp"]', "leads nowhere"),
        ("headcount = 120", "headcount = -1", "no number of workers: met -1"),
        ("headcount = 120", "headcount = inf", "no number of workers: met inf"),
        ("headcount = 120", "headcount = true", "column headcount: not a number"),
        ("headcount = 120", "", "exposure in XQA0203 is not told"),
        ("until = 2026-01-01", "", "worker-years in XQA0204 lack their period"),
        ("until = 2026-01-01", "until = 2024-01-01", "worker-years in XQA0204 lack their period"),
        ("headcount = 120", "headcount = 120\nuntil = 2024-01-01", "period of the exposure"),
        ("until = 2026-01-01", 'until = "2026"', "column until: not a calendar day"),
        ('[[exposure]]\nregion_id = "XQA0203"', "[[exposure]]", "column region_id: not a text"),
        ("[[sites]]", "[sites", "not a TOML file"),
    ],
)  # fmt: skip
def test_files_that_are_no_group(tmp_path, old, new, message):
    assert old in WHOLE
    with pytest.raises(InputError, match=r"group\.toml.*" + message):
        read(tmp_path, WHOLE.replace(old, new, 1))


def test_a_list_of_tables_is_expected(tmp_path):
    with pytest.raises(InputError, match="not a list of tables"):
        read(tmp_path, 'nationality = "CHN"\n[sites]\nname = "camp"')


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="not a TOML file"):
        rm.read_group(tmp_path / "none.toml")


@given(st.binary(max_size=200))
def test_no_bytes_pass_for_a_group_or_crash(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("groups") / "group.toml"
    path.write_bytes(data)
    with pytest.raises(InputError):
        rm.read_group(path)


def test_a_route_needs_two_places():
    with pytest.raises(InputError, match="leads nowhere"):
        Route("round", (Site("a", 1.0, 1.0), Site("b", 1.0, 1.0)))
