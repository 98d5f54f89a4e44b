"""The killing of January 2025 in Takhar, on a quiet history, as the article tells of it."""

import geopandas as gpd
import pandas as pd
import pytest

import riskmap as rm

HOME = "AF1814"  # Khwaja Bahauddin
MODEL = rm.EndemicEpidemic(penalties=(0.1,), most_rows=100_000)
GROUPS = {"miners": rm.WorkerGroup("CHN", sector="mining"), "aid": rm.WorkerGroup(sector="aid")}


@pytest.fixture(scope="module")
def layers(shared):
    """Layers before and after the article, for each group."""
    boundaries = shared / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson"
    districts = rm.read_regions(boundaries)
    feeds = ("awsd/awsd_2020-11-25.csv", "ucdp/realcaddish_ged_AFG_clean_conflicts.geojson")
    known = [rm.read_incidents(shared / "incidents" / feed) for feed in feeds]
    text = (shared / "articles/000_e83d1325de68595b.txt").read_text(encoding="utf-8")
    told = rm.extract_incidents(text, published="2025-01-22", regions=districts).incidents
    found = {}
    for when, tables in (("before", known), ("after", [*known, told])):
        rows = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=4326)
        panel = rm.count_incidents(rm.locate(rows, districts), districts, as_of="2025-02-01")
        forecast = rm.forecast(panel, model=MODEL)
        for name, group in GROUPS.items():
            found[when, name] = rm.assess(forecast, districts, group=group)
    return found


def home(layer, name="group"):
    return layer.risks.set_index(["region_id", "layer"]).loc[(HOME, name)]


def killing(layer, name="group"):
    told = layer.influences[
        (layer.influences["region_id"] == HOME) & (layer.influences["layer"] == name)
    ]
    return told[told["kind"] == "incident"].iloc[0]


def test_it_raises_the_level_by_one_step(layers):
    assert home(layers["before", "miners"])["risk_level"] == 0  # silence is not safety
    after = home(layers["after", "miners"])
    assert after["risk_level"] == killing(layers["after", "miners"])["risk_level"] + 1
    assert after["threshold_level"] > after["risk_level"]


def test_it_is_named_as_the_driver(layers):
    found = killing(layers["after", "miners"])
    assert found["key"].startswith("article:")
    assert found["age_days"] == 11
    assert found["weight"] == 1.0
    whole = home(layers["after", "miners"])["expected_count"]
    assert found["value"] > 0.95 * whole


@pytest.mark.parametrize("name", ["foreign", "group"])
def test_it_is_fragile_and_rests_on_a_single_source(layers, name):
    after = home(layers["after", "miners"], name)
    assert after["fragility"] == "fragile"
    assert after["single_source"]
    audit = layers["after", "miners"].audit.set_index(["region_id", "layer"])
    assert "'article' alone" in audit.loc[(HOME, name), "detail"]


def test_it_multiplies_the_probability_of_aid_workers_by_less(layers):
    factor = {}
    for name in GROUPS:
        layer = layers["after", name]
        factor[name] = home(layer)["p_any"] / killing(layer)["p_any"]
    assert factor["miners"] > 10 * factor["aid"] > 10
