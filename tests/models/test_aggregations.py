"""What is expected of a parent agrees with what is expected of its regions."""

import math

import numpy as np
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.models.aggregations import sum_draws, sum_to_parents
from riskmap.models.distributions import NegativeBinomial

DISTRICTS = rm.datasets.regions()


@pytest.fixture(scope="module")
def forecast():
    located = rm.locate(rm.datasets.incidents(), DISTRICTS)
    panel = rm.count_incidents(located, DISTRICTS, every="month", as_of="2025-01-01")
    return rm.forecast(panel, model=rm.EmpiricalBayes())


@pytest.mark.parametrize("dependence", [0.0, 0.4, 1.0])
def test_a_parent_expects_the_sum_of_its_regions(forecast, dependence):
    found = sum_to_parents(forecast, DISTRICTS, dependence=dependence)
    parent = DISTRICTS.set_index("region_id")["parent_id"]
    table = forecast.frame.assign(parent=forecast.frame["region_id"].map(parent))
    sums = table.groupby(["parent", "layer"])[["expected_count", "p_any"]]
    for row in found.itertuples():
        means = sums.get_group((row.region_id, row.layer))["expected_count"]
        assert row.expected_count == math.fsum(means)
        chances = sums.get_group((row.region_id, row.layer))["p_any"]
        assert chances.max() <= row.p_any <= min(chances.sum(), 1.0)
        assert row.p_any >= row.p_gt1 >= row.p_gt4
        assert row.q05 <= row.q50 <= row.q95
    assert set(found.columns) <= set(forecast.frame.columns)


def test_dependence_widens_the_sum_and_keeps_each_region():
    regions = NegativeBinomial(np.array([0.5, 2.0, 6.0]), size=2.0)
    drawn = [sum_draws(regions, dependence=d, size=4000) for d in (0.0, 0.5, 1.0)]
    widths = [np.var(x.sum(axis=1)) for x in drawn]
    assert widths[0] == pytest.approx(regions.variance.sum(), rel=0.1)
    assert widths[0] < widths[1] < widths[2]
    for x in drawn:
        assert np.array_equal(np.sort(x, axis=0), np.sort(drawn[0], axis=0))
    assert np.corrcoef(drawn[0].T)[0, 2] == pytest.approx(0.0, abs=0.05)


def test_independent_sums_are_those_of_the_closed_form():
    regions = NegativeBinomial(np.array([0.2, 0.5, 0.1]))
    total = sum_draws(regions, size=20_000).sum(axis=1)
    assert (total > 0).mean() == pytest.approx(1 - np.exp(-0.8), abs=0.01)


def test_the_same_seed_gives_the_same_draws(forecast):
    one, two = (sum_to_parents(forecast, DISTRICTS, dependence=0.2) for _ in range(2))
    assert one.equals(two)
    assert not one.equals(sum_to_parents(forecast, DISTRICTS, dependence=0.2, seed=1))


def test_a_layer_that_cannot_be_forecast_stays_missing(forecast):
    from dataclasses import replace

    told = forecast.frame["layer"] == "violence"
    numbers = forecast.frame.columns[2:]
    frame = forecast.frame.copy()
    frame.loc[~told, numbers] = np.nan
    layers = {"violence": forecast.layers["violence"]}
    found = sum_to_parents(replace(forecast, frame=frame, layers=layers), DISTRICTS)
    foreign = found[found["layer"] == "foreign"]
    assert len(foreign) == 3
    assert foreign["p_any"].isna().all()


def test_wrong_questions_are_refused(forecast):
    with pytest.raises(InputError, match="not a correlation"):
        sum_to_parents(forecast, DISTRICTS, dependence=1.5)
    with pytest.raises(InputError, match="not among the regions"):
        sum_to_parents(forecast, DISTRICTS.iloc[1:])
