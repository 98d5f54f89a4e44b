"""A group bears what could have hit it: never more than all foreigners, never far less."""

from dataclasses import replace
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenarios import scenario

import riskmap as rm
from riskmap.errors import InputError
from riskmap.models.estimators import unpack_model
from riskmap.models.terms import histories_of, make_layers
from riskmap.panels.groups import RELEVANCE, Site
from riskmap.panels.risk_days import hazard_of

REGIONS = rm.datasets.regions()
MINERS = rm.WorkerGroup("CHN", sector="mining")
AID = rm.WorkerGroup(sector="aid")
QUICK = rm.EndemicEpidemic(penalties=(0.1,), most_rows=2000)
MODELS = [rm.EmpiricalBayes(), QUICK]


def count(incidents, group=MINERS):
    located = rm.locate(incidents, REGIONS)
    return rm.count_incidents(located, REGIONS, group=group, as_of="2025-02-01", start="2018-01-01")


def made(incidents, group=MINERS, model=MODELS[0]):
    return rm.forecast(count(incidents, group), model=model)


def wide(forecast, column="p_any"):
    return forecast.frame.pivot_table(column, "region_id", "layer")


@pytest.fixture(scope="module")
def forecast():
    return made(rm.datasets.incidents())


@pytest.mark.parametrize(
    ("nationality", "sector", "victims", "grade", "staff", "target"),
    [
        ("ind; chn", "mining", 2, "same nationality and sector", None, None),
        ("CHN", "mining", 1, "same nationality and sector", None, None),
        ("IND;CHN", "mining", 2, "same nationality and sector", None, None),
        ("CHN", "aid", 1, "same nationality", None, None),
        ("CHN", None, None, "same nationality", None, None),
        ("IND", "mining", 1, "same sector, foreign", None, None),
        (None, None, 3, "other foreigners", "international", None),
        (None, "mining", 0, "same sector, local", "national", None),
        (None, "aid", 0, "national staff", "national", None),
        (None, None, None, "no foreigners known", None, None),
        (None, None, 0, "aimed at them", None, "mining"),
        (None, None, 0, "aimed at them", None, "foreigners"),
        (None, "aid", 0, "national staff", "national", "aid"),
        ("IND", "aid", 1, "aimed at them", None, "foreigners"),
        (None, None, None, "aimed at them", None, "employer:Ruvo Mining"),
        (None, None, None, "aimed at them", None, "site:camp"),
        (None, None, None, "aimed at them", None, "Ruvo Mining"),
        (None, None, None, "no foreigners known", None, "employer:Someone Else"),
    ],
)
def test_relevance(nationality, sector, victims, grade, staff, target):
    row = pd.DataFrame(
        {
            "nationality": pd.Series([nationality], dtype="str"),
            "sector": pd.Series([sector], dtype="str"),
            "country": pd.Series(["XQA"], dtype="str"),
            "staff_type": pd.Series([staff], dtype="str"),
            "target": pd.Series([target], dtype="str"),
            "foreign_victims": pd.Series([victims], dtype="Int64"),
        }
    )
    site = Site("camp", 4.5, -6.5)
    group = replace(MINERS, employers=("ruvo mining",), sites=(site,))
    assert group.relevance(row).tolist() == [grade]
    assert grade in RELEVANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "aimed"),
    [("Camp Nine", True), (" CAMP nine ", True), ("site: camp nine", True), ("Zabo Ltd", True),
     ("Camp Ten", False), ("camp", False)],
)  # fmt: skip
def test_a_site_or_an_employer_is_aimed_at_by_its_plain_name(tmp_path, target, aimed):
    """However the file is read: whole, or in parts."""
    group = replace(MINERS, employers=("zabo ltd",), sites=(Site("camp nine", 4.5, -6.5),))
    rows = {"date": ["2024-12-20"], "country": "XQA", "admin2": "Berin", "type": "attack"}
    pd.DataFrame(rows | {"target": target, "killed": 1}).to_csv(tmp_path / "a.csv", index=False)
    regions = rm.datasets.regions()
    whole = rm.read_incidents(tmp_path / "a.csv")
    for located in (rm.locate(whole, regions), rm.scan_incidents([tmp_path / "a.csv"], regions)):
        panel = rm.count_incidents(located, regions, group=group, as_of="2025-01-01")
        assert len(panel.attacks) == aimed
        assert np.nansum(panel.wide("group")) == aimed


@pytest.mark.slow
def test_a_group_of_any_nationality_is_known_by_its_sector():
    evidence = made(rm.datasets.incidents(), AID).evidence
    ours = evidence[evidence["relevance"] == "same nationality and sector"]
    assert set(ours["sector"]) == {"aid"}
    assert "same nationality" not in set(evidence["relevance"])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=["simple", "default"])
@pytest.mark.parametrize("seed", [3, 7])
def test_a_group_is_at_most_as_hazardous_as_all_foreigners_and_at_least_half(model, seed):
    """No incident on foreigners weighs less than one half."""
    table, _ = scenario(seed)
    p_any = wide(made(table, model=model))
    assert (p_any["group"] <= p_any["foreign"]).all()
    ratio = hazard_of(p_any["group"]) / hazard_of(p_any["foreign"])
    assert (ratio >= 0.5 - 1e-9).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=["simple", "default"])
def test_aid_workers_among_aid_workers_are_all_foreigners_to_the_byte(model):
    incidents = rm.datasets.incidents()
    hit = (incidents["foreign_victims"] > 0).to_numpy()
    rows = incidents[hit].assign(sector="aid", scope="foreign; sectors=aid; reach=countries")
    frame = made(rows, AID, model).frame.drop(columns="region_id")
    foreign, group = (
        frame[frame["layer"] == name].drop(columns="layer") for name in ("foreign", "group")
    )
    assert group.to_numpy().tobytes() == foreign.to_numpy().tobytes()


@pytest.mark.slow
def test_without_attacks_on_the_group_itself_it_is_not_safe():
    """Fewer attacks on the group in the past are no evidence."""
    incidents = rm.datasets.incidents()
    others = incidents.assign(
        nationality=incidents["nationality"].where(incidents["nationality"] != "CHN", "IND"),
        sector=incidents["sector"].where(incidents["sector"] != "mining", "aid"),
    )
    p_any = wide(made(others))
    assert (hazard_of(p_any["group"]) >= 0.5 * hazard_of(p_any["foreign"]) - 1e-9).all()


def test_drivers_of_the_group_add_up(forecast):
    sums = forecast.components.groupby(["layer", "region_id"])["value"].sum()
    counts = wide(forecast, "expected_count")
    for layer in ("violence", "foreign", "group"):
        assert sums[layer].to_numpy() == pytest.approx(counts[layer].to_numpy(), abs=1e-9)


@cache
def fitted():
    """A scenario with all layers and the models that are asked, not fitted again.

    What is known to a province is left out: how it is spread depends on all other incidents.
    """
    table, _ = scenario()
    sharp = table[table["geo_precision"].isin(["point", "place"])].reset_index(drop=True)
    found = made(sharp, model=QUICK)
    return sharp, {name: unpack_model(found.fitted[name]) for name in ("violence", "foreign")}


def ask(incidents):
    """Probabilities of all layers, with every window watched."""
    panel = replace(count(incidents), at_risk={})
    histories = histories_of(panel)
    layers = make_layers(fitted()[1], histories, panel)
    return {name: model.predict(histories).p_gt(0) for name, model in layers.items()}


@cache
def as_it_is():
    return ask(fitted()[0])


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(0, 2**16), st.sampled_from(["CHN", "IND", "unknown"]))
def test_one_more_attack_on_foreigners_or_on_unknown_victims_lowers_nothing(seed, who):
    """Law 10: the same models asked about one attack more, anywhere and at any time."""
    table, _ = fitted()
    rng = np.random.default_rng(seed)
    row = table[table["source"] == "watch"].iloc[[rng.integers(300)]]
    day = pd.Timestamp("2025-01-31") - pd.Timedelta(days=int(rng.integers(1, 2000)))
    unknown = who == "unknown"
    more = row.assign(
        incident_id="more:1",
        event_type="armed_attack",
        event_date=day,
        event_date_end=day,
        nationality=None if unknown else who,
        foreign_victims=pd.array([None if unknown else 1], "Int64"),
    )
    more["ingested_at"] = pd.Series(pd.NaT, more.index, dtype=table["ingested_at"].dtype)
    both = gpd.GeoDataFrame(pd.concat([table, more], ignore_index=True), crs=4326)
    then = ask(both)
    for name, p_any in as_it_is().items():
        assert (then[name] >= p_any - 1e-9).all(), name


def flood_of(incidents, source):
    day = pd.Timestamp("2025-01-20")
    return incidents.iloc[[0] * 500].assign(
        incident_id=[f"flood:{i}" for i in range(500)],
        source=source,
        event_date=day,
        event_date_end=day,
        ingested_at=pd.Timestamp("2025-01-22", tz="UTC"),
        nationality="IND",
        sector="aid",
        foreign_victims=pd.array([1] * 500, dtype="Int64"),
        source_count=pd.array([1] * 500, dtype="Int64"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("source", ["rumour", "invented"])
def test_a_flood_of_what_hit_others_lowers_no_level(source):
    """Neither from a single voice, nor as one story of a source of record told often."""
    incidents = rm.datasets.incidents()
    flooded = pd.concat([incidents, flood_of(incidents, source)], ignore_index=True)
    calm, loud = (rm.assess(made(rows), REGIONS).risks for rows in (incidents, flooded))
    assert (loud["risk_level"] >= calm["risk_level"]).all()
    ours = calm["layer"] == "group"
    known = calm.loc[ours, "p_any"].notna()
    assert (loud.loc[ours, "p_any"] >= 0.9 * calm.loc[ours, "p_any"])[known].all()


@pytest.mark.slow
def test_nationals_at_home_are_no_foreigners_and_get_no_level():
    regions = REGIONS.assign(iso3="CHN")
    incidents = rm.datasets.incidents().assign(country="CHN", nationality="IND")
    located = rm.locate(incidents, regions)

    def group_of(group):
        panel = rm.count_incidents(located, regions, group=group, as_of="2025-02-01")
        risks = rm.assess(rm.forecast(panel, model=MODELS[0]), regions).risks
        return risks[risks["layer"] == "group"]

    ours = group_of(rm.WorkerGroup("CHN"))
    assert set(ours["level_name"]) == {"insufficient_data"}
    assert ours["p_any"].isna().all()
    assert ours["reasons"].str.contains("at_home").all()
    assert (group_of(rm.WorkerGroup(("CHN", "IND")))["risk_level"] > 0).any()


def test_levels_stand_side_by_side_and_the_group_comes_first(forecast):
    layer = rm.assess(forecast, REGIONS)
    assert layer.headline == "group"
    assert layer.provenance["group"] == "CHN/mining"
    assert layer.risks["layer"].tolist()[:3] == ["violence", "foreign", "group"]
    assert layer.incidents["relevance"].isin(list(RELEVANCE)).all()


@pytest.mark.slow
def test_how_many_attacks_hit_the_group_itself_is_told_and_changes_nothing(forecast):
    risks = rm.assess(forecast, REGIONS).risks
    told = risks[risks["layer"] == "group"]["attacks_told"]
    theirs = forecast.evidence["relevance"].map(RELEVANCE) == 1
    assert told.sum() == pytest.approx(forecast.evidence.loc[theirs, "weight"].sum())
    assert risks.loc[risks["layer"] != "group", "attacks_told"].isna().all()


@pytest.mark.slow
def test_one_more_incident_of_theirs_raises_them_more_than_others():
    incidents = rm.datasets.incidents()
    one = incidents.iloc[[-1]].assign(
        incident_id="invented:x", nationality="CHN", sector="mining", foreign_victims=1
    )
    one["foreign_victims"] = one["foreign_victims"].astype("Int64")
    one = one.assign(
        event_date=pd.Timestamp("2025-01-20"), event_date_end=pd.Timestamp("2025-01-20")
    ).assign(ingested_at=pd.Timestamp("2025-01-22", tz="UTC"), geo_precision="place")
    one["admin2"] = one["place"]
    more = pd.concat([incidents, one], ignore_index=True)
    rises = {}
    for group in (MINERS, rm.WorkerGroup("GBR", sector="aid")):
        before, after = (made(rows, group) for rows in (incidents, more))
        home = after.evidence["region_id"].iloc[0]
        counts = [wide(found, "expected_count").loc[home, "group"] for found in (before, after)]
        rises[str(group)] = counts[1] - counts[0]
    assert rises["CHN/mining"] > 1.9 * rises["GBR/aid"] > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nationality": "ZZZ"}, "unknown nationality: met 'ZZZ'"),
        ({"sector": "sorcery"}, "unknown sector: met 'sorcery'"),
        ({}, "needs a nationality or a sector"),
        ({"sector": "aid", "staff_type": "national"}, "unknown staff_type: met 'national'"),
        ({"sector": "aid", "visibility": "dazzling"}, "unknown visibility"),
        ({"sector": "aid", "movement": "flying"}, "unknown movement"),
        ({"sector": "aid", "weights": (("friends", 1.0),)}, "unknown relevance: met 'friends'"),
        ({"sector": "aid", "weights": (("other foreigners", 2.0),)}, "out of range"),
    ],
)
def test_groups_that_are_none(fields, message):
    with pytest.raises(InputError, match=message):
        rm.WorkerGroup(**fields)


@pytest.mark.parametrize("text", ["CHN/mining", "CHN,PAK/", "/aid"])
def test_a_group_reads_what_it_writes(text):
    assert str(rm.WorkerGroup.parse(text)) == text


@pytest.mark.slow
def test_what_others_weigh_can_be_told(forecast):
    whole = replace(MINERS, weights=(("other foreigners", 1.0),))
    found = made(rm.datasets.incidents(), whole)
    assert found.provenance["relevance"]["other foreigners"] == 1.0
    assert wide(found)["group"].to_numpy() == pytest.approx(wide(found)["foreign"].to_numpy())
    assert (wide(found)["group"] >= wide(forecast)["group"]).all()


@pytest.mark.slow
def test_visibility_and_movement_are_printed_and_change_no_number(forecast):
    told = replace(MINERS, visibility="high", movement="commuting")
    found = made(rm.datasets.incidents(), told)
    assert found.provenance["group_visibility"] == "high"
    assert found.frame.equals(forecast.frame)


@pytest.mark.slow
def test_a_group_may_be_given_as_its_text():
    incidents = rm.datasets.incidents()
    assert count(incidents, "CHN/mining").frame.equals(count(incidents).frame)
    with pytest.raises(InputError, match="no group"):
        count(incidents, 7)
    with pytest.raises(InputError, match=r"read by riskmap\.read_group: met 'ours\.toml'"):
        count(incidents, "ours.toml")
