"""Worker-years of the group and of all foreigners replace a guess by a shrunken ratio."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import riskmap as rm
from riskmap.panels.groups import PRIOR_ATTACKS, Presence, Targeting

REGIONS = rm.datasets.regions()
IDS = REGIONS["region_id"].tolist()
MINERS = rm.WorkerGroup("CHN", sector="mining")
INCIDENTS = rm.datasets.incidents()


def everywhere(workers):
    return tuple(Presence(region, workers) for region in IDS)


def panel(group, incidents=INCIDENTS, as_of="2025-02-01"):
    return rm.count_incidents(rm.locate(incidents, REGIONS), REGIONS, group=group, as_of=as_of)


def weight(group, **options):
    return panel(group, **options).group.relevance_table["other foreigners"]


def of(ours, everyone):
    return replace(MINERS, presence=everywhere(ours), all_foreigners=everywhere(everyone))


@pytest.mark.slow
@pytest.mark.parametrize("given", ["presence", "all_foreigners"])
def test_one_of_the_two_alone_changes_nothing(given):
    group = replace(MINERS, **{given: everywhere(100.0)})
    assert weight(group) == 0.5
    assert panel(group).group.targeting is None


def test_it_is_the_mean_of_a_gamma_and_shown_with_its_interval():
    found = Targeting.of(3.0, 11.0)
    told = stats.gamma(3 + PRIOR_ATTACKS, scale=1 / (11 + PRIOR_ATTACKS))
    assert found.ratio == pytest.approx(told.mean())
    assert (found.low, found.high) == pytest.approx(tuple(told.ppf([0.05, 0.95])))


@pytest.mark.slow
def test_attacks_are_expected_by_the_share_of_the_workers():
    counted = panel(of(100.0, 400.0))
    found = counted.group.targeting
    foreign = counted.evidence[counted.evidence["foreign_victims"] > 0]
    theirs = foreign["relevance"].isin(["other foreigners"])
    assert found.expected == pytest.approx(foreign["weight"].sum() / 4)
    assert found.attacks == pytest.approx(foreign.loc[~theirs, "weight"].sum())


@pytest.mark.slow
def test_few_attacks_for_many_workers_make_it_small_and_many_never_more_than_one():
    assert weight(of(400.0, 400.0)) < 1
    assert weight(of(1.0, 400.0)) == 1.0
    nobody = INCIDENTS.assign(nationality=INCIDENTS["nationality"].where(lambda s: s.isna(), "IND"))
    nobody["sector"] = nobody["sector"].where(nobody["sector"] != "mining", "aid")
    assert weight(of(400.0, 400.0), incidents=nobody) < 0.3


@pytest.mark.slow
def test_without_attacks_on_foreigners_nothing_is_learnt():
    calm = INCIDENTS.assign(nationality=None, foreign_victims=0).astype(
        {"nationality": "str", "foreign_victims": "Int64"}
    )
    assert weight(of(100.0, 400.0), incidents=calm) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "unsaid"),
    [("CHN/mining", "nationality"), ("CHN/", "nationality"), ("/mining", "sector")],
)
def test_attacks_that_do_not_say_which_foreigners_were_hit_are_no_sign_of_safety(group, unsaid):
    blank = INCIDENTS.assign(nationality=None, sector=None).astype(
        {"nationality": "str", "sector": "str"}
    )
    assert (blank["foreign_victims"] > 0).sum() > 5
    asked = replace(
        rm.WorkerGroup.of(group), presence=everywhere(400.0), all_foreigners=everywhere(400.0)
    )
    assert weight(asked, incidents=blank) == 1.0
    other = blank.assign(**{unsaid: "IND" if unsaid == "nationality" else "aid"})
    assert weight(asked, incidents=other) < 1.0


@pytest.mark.slow
def test_attacks_while_nobody_told_of_workers_do_not_count():
    later = tuple(replace(entry, start=date(2026, 1, 1)) for entry in everywhere(400.0))
    group = replace(MINERS, presence=everywhere(400.0), all_foreigners=later)
    found = panel(group).group.targeting
    assert (found.attacks, found.expected, found.ratio) == (0.0, 0.0, 1.0)


@pytest.mark.slow
def test_what_the_group_says_itself_stands():
    group = replace(of(400.0, 400.0), weights=(("other foreigners", 0.7),))
    assert weight(group) == 0.7


@pytest.mark.slow
def test_the_future_teaches_nothing():
    early = INCIDENTS[INCIDENTS["ingested_at"] < pd.Timestamp("2022-01-01", tz="UTC")]
    one, two = (
        panel(of(100.0, 400.0), incidents=rows, as_of="2022-01-01").group.targeting
        for rows in (INCIDENTS, early)
    )
    assert one == two


@pytest.mark.slow
def test_it_is_published_with_its_prior():
    forecast = rm.forecast(panel(of(100.0, 400.0)), model=rm.EmpiricalBayes())
    told = forecast.provenance["targeting"]
    assert told["prior_attacks"] == PRIOR_ATTACKS
    assert told["low"] < told["ratio"] < told["high"]
    weighs = forecast.provenance["relevance"]["other foreigners"]
    assert weighs == min(1.0, told["ratio"])
    p_any = forecast.frame.pivot_table("p_any", "region_id", "layer")
    assert (p_any["group"] <= p_any["foreign"]).all()
    assert np.isfinite(p_any.to_numpy()).all()
