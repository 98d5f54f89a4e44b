"""Deaths: a long war is told as one, and what held for attacks still holds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import riskmap as rm
from riskmap.models.what_ifs import WhatIfs

N_WINDOWS, N_REGIONS = 120, 30


@pytest.fixture(scope="module")
def history():
    """Thirty countries, mostly quiet, in two of which a war of hundreds a month goes on."""
    rng = np.random.default_rng(4)
    rates = rng.gamma(0.3, 10.0, N_REGIONS) * np.ones((N_WINDOWS, 1))
    rates[30:, 0], rates[60:, 1] = 400.0, 900.0
    counts = rng.poisson(rates * rng.gamma(2.0, 0.5, rates.shape)).astype(float)
    each = np.arange(N_REGIONS)
    return rm.typing.CountHistory(counts, np.full(N_WINDOWS, 30.0), each, each)


@pytest.fixture(scope="module")
def model(history):
    return rm.EndemicEpidemic().fit(history, horizon_days=30.0)


@pytest.mark.slow
def test_a_long_war_is_told_as_one(history, model):
    found = model.predict_distribution(history).mean
    assert 250 < found[0] < 650
    assert 550 < found[1] < 1450


@pytest.mark.slow
@pytest.mark.parametrize("level", ["all", "own"])
def test_what_ifs_and_reasons_stay_exact(history, one_by_one, level):
    asked = rm.EndemicEpidemic(penalties=(0.5,)).fit(history, horizon_days=30.0)
    asked.level_ = level
    time = np.zeros((3, N_WINDOWS))
    time[[0, 1, 2], [20, 80, 119]] = 1.0
    place = np.zeros((3, N_REGIONS))
    place[[0, 1, 2], [5, 0, 1]] = 1.0
    amounts = {"counts": np.array([3.0, -history.counts[80, 0], 50.0])}
    event, region = (x.ravel() for x in np.indices((3, N_REGIONS)))
    what_ifs = WhatIfs(sparse.csr_array(place), sparse.csr_array(time), amounts, event, region)
    mean, _ = one_by_one(asked, history, what_ifs)
    assert asked.predict_what_ifs(history, what_ifs).mean == pytest.approx(mean, rel=1e-9, abs=1e-9)
    parts = asked.predict_components(history)
    total = asked.predict_distribution(history).mean
    assert np.sum(list(parts.values()), axis=0) == pytest.approx(total, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["all", "own"])
def test_one_more_death_never_lowers(history, level):
    asked = rm.EndemicEpidemic(penalties=(0.5,)).fit(history, horizon_days=30.0)
    asked.level_ = level
    before = asked.predict_distribution(history).mean
    for window, region in [(0, 3), (60, 0), (119, 29)]:
        counts = history.counts.copy()
        counts[window, region] += 1
        after = asked.predict_distribution(replace(history, counts=counts)).mean
        assert (after >= before - 1e-12 * before).all()


def test_attacks_are_not_heavy(history):
    few = replace(history, counts=np.minimum(history.counts, 3.0))
    assert rm.EndemicEpidemic().fit(few, horizon_days=30.0).level_ == "all"


def test_a_fitted_model_can_be_kept(history, model):
    from riskmap.models.estimators import pack_model, unpack_model

    again = unpack_model(pack_model(model))
    assert again.level_ == model.level_
    found, kept = (one.predict_distribution(history).mean for one in (model, again))
    assert found.tolist() == kept.tolist()
