"""Names: spellings fold together, names resolve, what is not certain says so."""

from functools import cache

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError, SchemaError
from riskmap.places.names import RESOLUTION_COLUMNS
from riskmap.places.names.forms import fold_name, name_variants, sound_name
from riskmap.schema import REGION_COLUMNS, check_columns, conform


def made(*rows, level=2):
    """Regions of an invented country from rows of id, name, other names and parent."""
    table = pd.DataFrame(rows, columns=["region_id", "name", "names", "parent"])
    table = table.assign(parent_id="P-" + table["parent"], iso3="XQA", adm_level=level)
    squares = gpd.points_from_xy(range(len(table)), [0] * len(table)).buffer(0.4, cap_style=3)
    return gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=squares, crs=4326)


@pytest.fixture(scope="module")
def country():
    return rm.Gazetteer.from_regions(
        made(
            ("r1", "Qala-e-Naw", "قلعه نو", "North"),
            ("r2", "Baharak", None, "North"),
            ("r3", "Baharak", None, "South"),
            ("r4", "Darzab (Old Fort)", "Dar Zob | درز آب", "South"),
            ("r5", "Keshem", None, "North"),
            ("r6", "Bagram", None, "South"),
            ("r7", "Bagrami", None, "South"),
        )
    )


@cache
def invented():
    return rm.Gazetteer.from_regions(rm.datasets.regions())


def one(gazetteer, name, parent=None, **kwargs):
    return gazetteer.resolve([name], parent, **kwargs).iloc[0]


@pytest.mark.parametrize(
    ("written", "stage"),
    [
        ("r1", "exact"),
        ("  qala-e-naw ", "exact"),
        ("QALA NAW DISTRICT", "folded"),
        ("Qala\u200b\u2010e\u2010Naw", "folded"),
        ("Qala'-i-Naw", "folded"),
        ("قلعهٔ نو", "folded"),
        ("قلعه\u200cنو ولسوالی", "folded"),
        ("Qalah Now", "fuzzy"),
        ("Kala Now", "sound"),
        ("Provincial Center (Qala e Naw)", "folded"),
        ("Кала-и-Нав", "fuzzy"),
    ],
)
def test_a_name_is_met_however_it_is_written(country, written, stage):
    found = one(country, written)
    assert (found.region_id, found.status, found.stage) == ("r1", "match", stage)


@pytest.mark.parametrize("written", ["Old Fort", "Darzab", "Dar Zob", "درز آب", "Darzab [fort]"])
def test_brackets_and_other_names_lead_to_the_region(country, written):
    assert one(country, written).region_id == "r4"


def test_a_name_of_two_regions_stays_ambiguous(country):
    found = one(country, "Baharak")
    assert (found.status, found.candidates) == ("ambiguous", ("r2", "r3"))


@pytest.mark.parametrize("parent", ["South", "P-South", "south province", "Souht"])
def test_the_stated_parent_decides(country, parent):
    found = one(country, "Baharak", parent)
    assert (found.region_id, found.status) == ("r3", "match")


@pytest.mark.parametrize(
    "written", ["Baharak (South)", "Baharak, South", "BAHARAK, SOUTH PROVINCE"]
)
def test_a_parent_in_brackets_or_after_a_comma_decides(country, written):
    found = one(country, written)
    assert (found.region_id, found.status) == ("r3", "match")


def test_an_unknown_parent_limits_nothing(country):
    assert one(country, "Keshem", "Atlantis").region_id == "r5"


def test_outside_its_parent_a_name_is_a_miss_that_says_where_else(country):
    found = one(country, "Keshem", "South")
    assert (found.status, found.candidates) == ("miss", ("r5",))
    assert pd.isna(found.region_id)


def test_a_name_that_sounds_the_same_is_not_lost_to_a_near_one(country):
    assert one(country, "Bagraam").region_id == "r6"
    assert one(country, "Bagrami").region_id == "r7"
    assert one(country, "Bagramy").region_id == "r7"


@pytest.mark.parametrize("written", ["", "   ", None, float("nan"), "#NAME?", "Zzyzx", "District"])
def test_what_is_no_name_is_a_miss(country, written):
    found = one(country, written)
    assert (found.status, found.score, found.candidates) == ("miss", 0.0, ())


def test_the_answer_is_a_table_of_its_schema(country):
    names = pd.Series(["Keshem", None, "Baharak"], index=[7, 3, 5])
    found = country.resolve(names)
    check_columns(found, RESOLUTION_COLUMNS, table="resolutions")
    assert found.index.tolist() == [7, 3, 5]
    assert country.resolve([]).empty


@pytest.mark.slow
@given(st.lists(st.sampled_from(["Keshem", "Kishim", "Bagrami", "Baharak", "Xyz", "Dar"])))
def test_a_name_is_answered_alike_in_any_company(names):
    gazetteer = invented()
    together = gazetteer.resolve(names)
    for row, name in enumerate(names):
        alone = gazetteer.resolve([name])
        pd.testing.assert_frame_equal(together.iloc[[row]].reset_index(drop=True), alone)


def test_dots_that_a_font_lost_do_not_hide_a_name(country):
    assert one(country, "درر اب").region_id == "r4"


def test_a_parent_without_regions_finds_nothing():
    regions = made(("a", "Alpha", None, "North"), ("b", "Beta", None, "South"))
    regions = regions.assign(parent_id=regions["parent_id"].where(regions["name"] == "Alpha"))
    found = rm.Gazetteer.from_regions(regions).resolve(["Beta", "Betta"], "North")
    assert found["status"].tolist() == ["miss", "miss"]


def test_regions_in_any_order_give_the_same_answers():
    regions = rm.datasets.regions()
    names = ["Vastin", "Esk", "Ashkr", "Dorvan (Dostan)"]
    one_way = rm.Gazetteer.from_regions(regions).resolve(names)
    other_way = rm.Gazetteer.from_regions(regions[::-1]).resolve(names)
    pd.testing.assert_frame_equal(one_way, other_way)


@given(st.text(max_size=30))
def test_folding_takes_any_text_and_is_settled(text):
    assert fold_name(fold_name(text)) == fold_name(text)
    assert sound_name(text).isascii()
    assert all(fold_name(name) for name in name_variants(text))


@given(st.text(max_size=30))
def test_any_text_resolves(text):
    assert invented().resolve([text])["status"].isin(["match", "ambiguous", "miss"]).all()


def test_names_must_be_a_list(country):
    with pytest.raises(InputError, match="one text"):
        country.resolve("Keshem")


def test_parents_must_be_one_a_name(country):
    with pytest.raises(InputError, match="not one a name"):
        country.resolve(["Keshem"], ["North", "South"])


def test_places_lead_to_their_region():
    regions = made(("a", "Alpha", None, "North"), ("b", "Beta", None, "North"))
    places = pd.DataFrame(
        {
            "name": ["Riverside", "Hilltop", "Alpha", "Nowhere"],
            "names": ["کنار رود", None, None, None],
            "lon": [0.0, 1.0, 1.0, 50.0],
            "lat": [0.0, 0.0, 0.0, 0.0],
            "region_id": [None, "a", None, None],
        }
    )
    gazetteer = rm.Gazetteer.from_regions(regions, places)
    found = gazetteer.resolve(["Riverside", "کنار رود", "Hill Top", "Alpha", "Nowhere"])
    assert found["region_id"].fillna("").tolist() == ["a", "a", "a", "a", ""]


def test_places_that_state_their_region_need_no_point():
    places = pd.DataFrame({"name": ["Riverside"], "region_id": ["XQA0101"]})
    gazetteer = rm.Gazetteer.from_regions(rm.datasets.regions(), places)
    assert gazetteer.resolve(["River Side"])["region_id"].tolist() == ["XQA0101"]


@pytest.mark.parametrize("columns", [["names"], ["name"], ["name", "lon"]])
def test_places_need_a_name_and_a_place(columns):
    places = pd.DataFrame({column: ["1"] for column in columns})
    with pytest.raises(SchemaError, match="places lack a column"):
        rm.Gazetteer.from_regions(rm.datasets.regions(), places)
