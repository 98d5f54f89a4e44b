"""A group's rate is its shrunken share of the foreign rate; relevance selects and explains."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import riskmap as rm
from riskmap.panels.groups import RELEVANCE
from riskmap.assessment.groups.shares import Shown, attributed
from riskmap.errors import InputError

REGIONS = rm.datasets.regions()
MINERS = rm.WorkerGroup("CHN", sector="mining")


@pytest.fixture(scope="module")
def forecast():
    return made(rm.datasets.incidents())


def made(incidents):
    panel = rm.count_incidents(rm.locate(incidents, REGIONS), REGIONS, as_of="2025-02-01")
    return rm.forecast(panel, model=rm.EmpiricalBayes())


def counts(forecast):
    return forecast.frame.pivot_table("expected_count", "region_id", "layer")


@pytest.mark.parametrize(
    ("nationality", "sector", "victims", "grade", "staff"),
    [
        ("ind; chn", "mining", 2, "same nationality and sector", None),
        ("CHN", "mining", 1, "same nationality and sector", None),
        ("IND;CHN", "mining", 2, "same nationality and sector", None),
        ("CHN", "aid", 1, "same nationality", None),
        ("CHN", None, None, "same nationality", None),
        ("IND", "mining", 1, "same sector, foreign", None),
        (None, None, 3, "other foreigners", "international"),
        (None, "mining", 0, "same sector, local", "national"),
        (None, "aid", 0, "national staff", "national"),
        (None, None, None, "no foreigners known", None),
    ],
)
def test_relevance(nationality, sector, victims, grade, staff):
    row = pd.DataFrame(
        {
            "nationality": pd.Series([nationality], dtype="str"),
            "sector": pd.Series([sector], dtype="str"),
            "country": pd.Series(["XQA"], dtype="str"),
            "staff_type": pd.Series([staff], dtype="str"),
            "foreign_victims": pd.Series([victims], dtype="Int64"),
        }
    )
    assert MINERS.relevance(row).tolist() == [grade]
    assert grade in RELEVANCE


def test_a_group_of_any_nationality_is_known_by_its_sector(forecast):
    grades = rm.WorkerGroup(sector="aid").relevance(forecast.evidence)
    ours = forecast.evidence[grades == "same nationality and sector"]
    assert set(ours["sector"]) == {"aid"}
    assert "same nationality" not in set(grades)


def test_layers_are_nested(forecast):
    table = counts(add_group(forecast, MINERS))
    assert (table["group"] <= table["foreign"]).all()
    assert (table["group"] > 0).all()


def test_models_that_agree_on_foreigners_agree_on_the_group(forecast):
    alike = forecast.frame.assign(p_least=forecast.frame["p_any"], p_most=forecast.frame["p_any"])
    frame = add_group(replace(forecast, frame=alike), MINERS).frame
    theirs = frame[(frame["layer"] == "group") & frame["p_any"].notna()]
    assert len(theirs)
    assert theirs["p_least"].to_numpy() == pytest.approx(theirs["p_most"].to_numpy(), abs=1e-12)


def test_components_of_the_group_add_up(forecast):
    found = add_group(forecast, MINERS)
    parts = found.components[found.components["layer"] == "group"]
    sums = parts.groupby("region_id")["value"].sum()
    assert sums.to_numpy() == pytest.approx(counts(found)["group"].to_numpy(), abs=1e-9)


@given(st.integers(0, 2**16), st.sampled_from([rm.EmpiricalBayes(), rm.ExponentialMean()]))
@settings(max_examples=25)
def test_the_part_of_a_group_is_monotone_and_within_the_whole(seed, model):
    """Law 10: one more attack on the group never lowers its part, wherever it happens."""
    rng = np.random.default_rng(seed)
    history, _ = rm.datasets.simulate_counts(24, 4, seed=seed)
    fitted = clone(model).fit(history, horizon_days=30)
    ours = rng.binomial(history.counts.astype(int), 0.4).astype(float)
    share = rng.random(4)
    more = np.zeros_like(ours)
    more[rng.integers(24), rng.integers(4)] = 1.0

    def part(counts, own):
        asked = replace(history, counts=counts)
        shown = Shown.of(asked, theirs=replace(history, counts=own), foreign=asked)
        found = attributed(fitted, shown, share)
        return np.sum(list(found.values()), axis=0)

    now, then = part(history.counts, ours), part(history.counts + more, ours + more)
    whole = fitted.predict_distribution(history).mean
    assert (now <= whole + 1e-12).all()
    assert (now >= share * whole - 1e-12).all()
    assert (then >= now - 1e-12).all()
    others = part(history.counts + more, ours)
    assert (others >= now - 1e-12).all()
    assert (then >= others - 1e-12).all()


@pytest.mark.parametrize("source", ["rumour", "invented"])
def test_a_flood_of_what_hit_others_lowers_no_level(source):
    """Neither from a single voice, nor as one story of a source of record told often."""
    incidents = rm.datasets.incidents()
    day = pd.Timestamp("2025-01-20")
    flood = incidents.iloc[[0] * 500].assign(
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
    calm, loud = (
        rm.assess(made(rows), REGIONS, group=MINERS).risks
        for rows in (incidents, pd.concat([incidents, flood], ignore_index=True))
    )
    assert (loud["risk_level"] >= calm["risk_level"]).all()
    ours = calm["layer"] == "group"
    known = calm.loc[ours, "p_any"].notna()
    assert (loud.loc[ours, "p_any"] >= 0.9 * calm.loc[ours, "p_any"])[known].all()


def test_nationals_at_home_are_no_foreigners_and_get_no_low_level():
    regions = REGIONS.assign(iso3="CHN")
    incidents = rm.datasets.incidents().assign(country="CHN", nationality="IND")
    panel = rm.count_incidents(rm.locate(incidents, regions), regions, as_of="2025-02-01")
    asked = rm.forecast(panel, model=rm.EmpiricalBayes())
    layer = rm.assess(asked, regions, group=rm.WorkerGroup("CHN"))
    ours = layer.risks[layer.risks["layer"] == "group"]
    assert set(ours["level_name"]) == {"insufficient_data"}
    assert ours["p_any"].isna().all()
    both = rm.assess(asked, regions, group=rm.WorkerGroup(("CHN", "IND")))
    assert (both.risks.loc[both.risks["layer"] == "group", "risk_level"] > 0).any()


def test_levels_stand_side_by_side_and_the_group_comes_first(forecast):
    layer = rm.assess(forecast, REGIONS, group=MINERS)
    assert layer.headline == "group"
    assert layer.provenance["group"] == "CHN/mining"
    assert layer.risks["layer"].tolist()[:3] == ["violence", "foreign", "group"]
    assert layer.incidents["relevance"].isin(list(RELEVANCE)).all()


def test_one_more_incident_of_theirs_raises_them_more_than_others(forecast):
    incidents = rm.datasets.incidents()
    one = incidents.iloc[[-1]].assign(
        incident_id="invented:x", nationality="CHN", sector="mining", foreign_victims=1
    )
    one["foreign_victims"] = one["foreign_victims"].astype("Int64")
    one = one.assign(
        event_date=pd.Timestamp("2025-01-20"), event_date_end=pd.Timestamp("2025-01-20")
    ).assign(ingested_at=pd.Timestamp("2025-01-22", tz="UTC"), geo_precision="place")
    one["admin2"] = one["place"]
    after = made(pd.concat([incidents, one], ignore_index=True))
    home = after.evidence["region_id"].iloc[0]
    aid = rm.WorkerGroup("GBR", sector="aid")
    rises = {
        str(group): counts(add_group(after, group)).loc[home, "group"]
        - counts(add_group(forecast, group)).loc[home, "group"]
        for group in (MINERS, aid)
    }
    assert rises["CHN/mining"] > 2 * max(rises["GBR/aid"], 0)


def test_where_no_source_says_who_was_hit_the_group_is_insufficient():
    incidents = rm.datasets.incidents()
    incidents["foreign_victims"] = pd.Series([pd.NA] * len(incidents), dtype="Int64")
    incidents["nationality"] = pd.Series([None] * len(incidents), dtype="str")
    layer = rm.assess(made(incidents), REGIONS, group=MINERS)
    ours = layer.risks[layer.risks["layer"] == "group"]
    assert set(ours["level_name"]) == {"insufficient_data"}
    assert layer.headline == "violence"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nationality": "ZZZ"}, "unknown nationality: met 'ZZZ'"),
        ({"sector": "sorcery"}, "unknown sector: met 'sorcery'"),
        ({}, "needs a nationality or a sector"),
        ({"sector": "aid", "staff_type": "national"}, "unknown staff_type: met 'national'"),
        ({"sector": "aid", "visibility": "dazzling"}, "unknown visibility"),
        ({"sector": "aid", "movement": "flying"}, "unknown movement"),
        ({"sector": "aid", "theirs": ("national staff",)}, "unknown relevance that counts"),
    ],
)
def test_groups_that_are_none(fields, message):
    with pytest.raises(InputError, match=message):
        rm.WorkerGroup(**fields)


@pytest.mark.parametrize("text", ["CHN/mining", "CHN,PAK/", "/aid"])
def test_a_group_reads_what_it_writes(text):
    assert str(rm.WorkerGroup.parse(text)) == text


def test_what_counts_as_theirs_can_be_told(forecast):
    wide = rm.WorkerGroup("CHN", sector="mining", theirs=tuple(g for g in RELEVANCE)[:4])
    found = add_group(forecast, wide)
    assert found.provenance["relevance"]["other foreigners"]
    assert (counts(found)["group"] >= counts(add_group(forecast, MINERS))["group"]).all()


def test_visibility_and_movement_are_printed_and_change_no_number(forecast):
    told = rm.WorkerGroup("CHN", sector="mining", visibility="high", movement="commuting")
    found = add_group(forecast, told)
    assert found.provenance["group_visibility"] == "high"
    assert found.frame.equals(add_group(forecast, MINERS).frame)
