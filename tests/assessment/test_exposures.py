"""Rates are incidents over worker-years; where nobody told how many, a scenario says so."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.assessment.contexts import Context
from riskmap.assessment.exposures import CARRIED, DISPUTED, GIVEN, NONE, add_rates, read_scenarios
from riskmap.errors import InputError
from riskmap.panels.groups import THEIRS, Presence
from riskmap.settings import data_path, read_toml

REGIONS = rm.datasets.regions()
HERE, THERE = REGIONS["region_id"].iloc[0], REGIONS["region_id"].iloc[1]
COLUMNS = ["rate_per_1000_wy", "wy_rate_q05", "wy_rate_q95"]
MINERS = rm.WorkerGroup("CHN", sector="mining")


@pytest.fixture(scope="module")
def forecast():
    located = rm.locate(rm.datasets.incidents(), REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=MINERS, as_of="2025-01-01")
    return rm.forecast(panel, model=rm.EmpiricalBayes())


def rated(forecast, group, regions=REGIONS):
    context = Context.read(forecast.provenance)
    return add_rates(forecast.frame, replace(forecast, group=group), regions, context=context)


def rates(forecast, *presence):
    found = rated(forecast, replace(MINERS, presence=presence))
    return found[found["layer"] == "group"].set_index("region_id")


def test_a_rate_is_incidents_over_worker_years(forecast):
    row = rates(forecast, Presence(HERE, 400.0)).loc[HERE]
    years = 400.0 * 90 / 365.25
    assert row["rate_per_1000_wy"] == pytest.approx(1000 * row["expected_count"] / years)
    assert row["wy_rate_q05"] < row["rate_per_1000_wy"] < row["wy_rate_q95"]
    assert row["exposure_basis"] == GIVEN


def test_where_nobody_told_a_scenario_says_so(forecast):
    table = rates(forecast, Presence(HERE, 400.0))
    others = table.drop(index=HERE)
    low, mid, high = read_scenarios()[1][2]
    assert others["exposure_basis"].str.startswith("none given: scenario of 200 workers").all()
    years = mid * 90 / 365.25
    assert others["rate_per_1000_wy"].to_numpy() == pytest.approx(
        1000 * others["expected_count"].to_numpy() / years
    )
    assert (others["wy_rate_q95"] > others["rate_per_1000_wy"] * mid / low).all()
    assert (others["wy_rate_q05"] < others["rate_per_1000_wy"] * mid / high).all()


@pytest.mark.slow
@given(st.floats(1.0, 1e6), st.floats(0.1, 50.0))
def test_rates_are_invariant_when_exposure_and_counts_grow_together(forecast, crew, factor):
    rows = (forecast.frame["layer"] == "group").to_numpy()
    frame = forecast.frame.copy()
    frame.loc[rows, "expected_count"] *= factor
    more = replace(forecast, frame=frame)
    one = rates(forecast, Presence(HERE, crew)).loc[HERE, "rate_per_1000_wy"]
    two = rates(more, Presence(HERE, crew * factor)).loc[HERE, "rate_per_1000_wy"]
    assert two == pytest.approx(one, rel=1e-9)


@pytest.mark.slow
@given(st.floats(1.0, 1e5), st.floats(1.01, 100.0))
def test_more_workers_for_the_same_incidents_are_a_lower_rate(forecast, crew, factor):
    few = rates(forecast, Presence(HERE, crew)).loc[HERE, COLUMNS]
    many = rates(forecast, Presence(HERE, crew * factor)).loc[HERE, COLUMNS]
    assert (many < few).all()


def test_crews_and_periods_add_up(forecast):
    whole = rates(forecast, Presence(HERE, 100.0)).loc[HERE]
    parts = rates(
        forecast,
        Presence(HERE, 60.0),
        Presence(HERE, 40.0, date(2024, 1, 1), date(2025, 2, 1)),
        Presence(HERE, 40.0, date(2025, 2, 1)),
    ).loc[HERE]
    assert parts[COLUMNS].astype(float).to_numpy() == pytest.approx(whole[COLUMNS].astype(float))


def test_what_is_past_is_carried_forward_and_said(forecast):
    told = (
        Presence(HERE, 500.0, None, date(2023, 1, 1)),
        Presence(HERE, 100.0, date(2023, 1, 1), date(2024, 6, 1)),
    )
    row = rates(forecast, *told).loc[HERE]
    assert row["exposure_basis"] == CARRIED
    whole = rates(forecast, Presence(HERE, 100.0)).loc[HERE]
    assert row["rate_per_1000_wy"] == pytest.approx(whole["rate_per_1000_wy"])


def test_where_none_are_there_is_no_rate(forecast):
    hit = forecast.evidence[forecast.evidence["relevance"].isin(THEIRS)]
    struck = hit["region_id"].iloc[0]
    spared = next(r for r in REGIONS["region_id"] if r not in set(hit["region_id"]))
    table = rates(forecast, Presence(struck, 0.0), Presence(spared, 0.0))
    assert table.loc[[struck, spared], COLUMNS].isna().all(axis=None)
    assert table.loc[struck, "exposure_basis"] == DISPUTED
    assert table.loc[spared, "exposure_basis"] == NONE


def test_only_the_group_has_rates(forecast):
    found = rated(forecast, replace(MINERS, presence=(Presence(HERE, 10.0),)))
    others = found[found["layer"] != "group"]
    assert others[[*COLUMNS, "exposure_basis"]].isna().all(axis=None)


def test_without_a_group_nothing_is_added(forecast):
    assert rated(forecast, None) is forecast.frame


def test_exposure_of_a_region_that_is_none(forecast):
    with pytest.raises(InputError, match="not among the regions: met 'XQA9999'"):
        rates(forecast, Presence("XQA9999", 10.0))


def test_provinces_have_scenarios_of_their_own(forecast):
    wide = REGIONS.assign(adm_level=pd.array([1] * len(REGIONS), dtype="Int64"))
    found = rated(forecast, MINERS, wide)
    assert found["exposure_basis"].dropna().str.contains("4000 workers").all()


def test_intervals_cover_the_rates_that_made_the_counts():
    rng = np.random.default_rng(12)
    truth = rng.gamma(2.0, 0.02, 4000)
    seen = rng.poisson(truth * 100)
    from riskmap.assessment.exposures import _interval

    estimate = (seen + 2.0) / (100 + 50.0)  # the posterior mean under the prior that drew them
    low, high = _interval(estimate, np.zeros(4000), seen.astype(float))
    covered = np.mean((low <= truth) & (truth <= high))
    assert 0.9 <= covered <= 0.98


def test_every_anchor_names_its_source():
    anchors = read_toml(data_path("exposure/scenarios.toml"))["anchors"]
    assert anchors
    assert all(anchor["what"] and anchor["source"] for anchor in anchors)
