"""The killing of January 2025 in Takhar, on a quiet history, as the article tells of it."""

import geopandas as gpd
import pandas as pd
import pytest

import riskmap as rm
from riskmap.settings import data_path

pytestmark = pytest.mark.slow

HOME = "AF1814"  # Khwaja Bahauddin
MODEL = rm.EndemicEpidemic(penalties=(0.1,), most_rows=100_000)
GROUPS = {"miners": rm.WorkerGroup("CHN", sector="mining"), "aid": rm.WorkerGroup(sector="aid")}


@pytest.fixture(scope="module")
def layers(shared):
    """Layers of miners before the article, and of each group after it."""
    boundaries = shared / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson"
    districts = rm.read_regions(boundaries)
    feeds = ("awsd/awsd_2020-11-25.csv", "ucdp/realcaddish_ged_AFG_clean_conflicts.geojson")
    known = [rm.read_incidents(shared / "incidents" / feed) for feed in feeds]
    text = (shared / "articles/000_e83d1325de68595b.txt").read_text(encoding="utf-8")
    told = rm.extract_incidents(text, published="2025-01-22", regions=districts).incidents
    found = {}
    for when, tables in (("before", known), ("after", [*known, told])):
        rows = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=4326)
        located = rm.locate(rows, districts)
        for name in GROUPS if when == "after" else ("miners",):
            options = {"group": GROUPS[name], "as_of": "2025-02-01"}
            panel = rm.count_incidents(located, districts, **options)
            found[when, name] = rm.assess(rm.forecast(panel, model=MODEL), districts)
    return found


def home(layer, name="group"):
    return layer.risks.set_index(["region_id", "layer"]).loc[(HOME, name)]


def killing(layer, name="group"):
    told = layer.influences[
        (layer.influences["region_id"] == HOME) & (layer.influences["layer"] == name)
    ]
    return told[told["kind"] == "incident"].iloc[0]


def test_it_is_moderate_at_once_and_marked(layers):
    assert home(layers["before", "miners"])["risk_level"] == 0  # silence is not safety
    for name in ("group", "foreign"):
        after = home(layers["after", "miners"], name)
        assert after["risk_level"] == 3  # one source alone, so far
        assert after["attacked"]
        assert after["level_high"] > 3


def test_no_other_group_is_marked_by_it(layers):
    assert not home(layers["after", "aid"])["attacked"]


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
    audit = layers["after", "miners"].audit.query("region_id == @HOME and layer == @name")
    assert audit["detail"].str.contains("'article' alone").any()


def assert_miners_are_hit_harder(before, after):
    """Both probabilities rise, that of miners by the larger factor."""
    ratios = {name: after[name] / before[name] for name in GROUPS}
    assert ratios["miners"] > ratios["aid"] > 1


def test_it_raises_aid_workers_by_less(layers):
    after = {name: home(layers["after", name])["p_any"] for name in GROUPS}
    without = {name: killing(layers["after", name])["p_any"] for name in GROUPS}
    assert_miners_are_hit_harder(without, after)


def probabilities(incidents, regions, region, **options):
    """What each group must expect in a region, whatever its data suffice for."""
    located = rm.locate(incidents, regions)
    frames = {}
    for name, group in GROUPS.items():
        panel = rm.count_incidents(located, regions, group=group, **options)
        frames[name] = rm.forecast(panel, model=MODEL).frame
    key = (region, "group")
    return {
        name: f.set_index(["region_id", "layer"]).loc[key, "p_any"] for name, f in frames.items()
    }


def test_it_raises_aid_workers_by_less_in_the_table_that_ships():
    provinces = rm.read_regions("AFG", level=1)
    takhar = provinces.loc[provinces["name"] == "Takhar", "region_id"].item()
    table = rm.read_incidents(data_path("examples/attacks_on_foreign_workers.csv"))
    table = table[table["country"] == "AFG"]
    options = {"as_of": "2025-02-01", "start": "2004-01-01"}
    before, after = (
        probabilities(rows, provinces, takhar, **options)
        for rows in (table[table["event_date"] < "2025-01-21"], table)
    )
    assert_miners_are_hit_harder(before, after)


def test_it_raises_aid_workers_by_less_where_only_they_were_attacked_before():
    regions = rm.datasets.regions()
    quiet = regions.loc[regions["name"] == "Uldra", "region_id"].item()
    history = rm.datasets.incidents()
    history = history[history["admin2"] != "Uldra"].assign(sector="aid")
    history["nationality"] = pd.Series(None, index=history.index, dtype="str")
    history["foreign_victims"] = (history["foreign_victims"].fillna(0) > 0).astype("Int64")
    day = pd.Timestamp("2025-01-21")
    seed = history.iloc[[0]].assign(
        incident_id="seed:1",
        event_date=day,
        event_date_end=day,
        ingested_at=pd.Timestamp("2025-01-22", tz="UTC"),
        region_id=quiet,
        nationality="CHN",
        sector="mining",
        foreign_victims=pd.array([1], dtype="Int64"),
    )
    options = {"as_of": "2025-02-01", "start": "2018-01-01"}
    before, after = (
        probabilities(rows, regions, quiet, **options)
        for rows in (history, pd.concat([history, seed], ignore_index=True))
    )
    assert_miners_are_hit_harder(before, after)
