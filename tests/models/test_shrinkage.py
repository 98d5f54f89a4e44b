"""Empirical Bayes: parameters come back, silence is shrunk to the parent, parts add up."""

import numpy as np
import pytest

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.shrinkage import share_strengths, shrunk_shares


def simulated(make, *, strength, seed, n=900):
    """Regions around their parent's rate, parents around 0.01 incidents a day."""
    rng = np.random.default_rng(seed)
    parent = np.arange(n) // 15
    parents = rng.gamma(20.0, 0.01 / 20.0, n // 15)[parent]
    rates = rng.gamma(strength * parents, 1 / strength)
    counts = rng.poisson(rates * 30, (60, n))
    return make(counts, parent=parent, country=np.zeros(n, int)), rates


@pytest.mark.parametrize("strength", [100.0, 1000.0])
def test_the_strength_comes_back(make, strength):
    history, _ = simulated(make, strength=strength, seed=1)
    model = rm.EmpiricalBayes().fit(history, horizon_days=90)
    assert model.strength_days_[0] == pytest.approx(strength, rel=0.2)


def test_intervals_cover_what_follows(make):
    history, rates = simulated(make, strength=200.0, seed=4, n=30_000)
    found = rm.EmpiricalBayes().fit(history, horizon_days=360).predict_distribution(history)
    seen = np.random.default_rng(8).poisson(rates * 360)
    for active in (np.ones(len(rates), bool), history.counts.sum(axis=0) > 0):
        rng = np.random.default_rng(2)
        below = found.cdf(seen - 1.0)
        pit = (below + rng.random(len(seen)) * (found.cdf(seen) - below))[active]
        assert 0.88 <= np.mean((pit >= 0.05) & (pit <= 0.95)) <= 0.92


def test_beats_the_raw_mean_where_data_are_thin(make):
    history, rates = simulated(make, strength=2000.0, seed=3)
    found = rm.EmpiricalBayes().fit(history, horizon_days=30).predict_distribution(history).mean
    raw = history.counts.mean(axis=0)
    assert np.mean((found - 30 * rates) ** 2) < 0.8 * np.mean((raw - 30 * rates) ** 2)


def test_silence_is_shrunk_towards_the_parent(make):
    counts = np.zeros((24, 8))
    counts[:, 1] = 3.0
    counts[:, 5] = 0.2
    history = make(counts, parent=np.array([0, 0, 1, 1, 2, 2, 3, 3]), country=np.zeros(8, int))
    model = rm.EmpiricalBayes().fit(history, horizon_days=30)
    found = model.predict_distribution(history)
    assert found.mean[0] > found.mean[4] > found.mean[2] > 0
    assert (found.p_gt(0) > 0).all()
    parts = model.predict_components(history)
    assert list(parts) == ["own_history", "parent", "country", "all_regions"]
    assert parts["own_history"][0] == 0.0
    assert parts["parent"][0] > parts["country"][0]


def test_nothing_but_zeros_is_half_an_incident_for_all(make):
    history = make(np.zeros((24, 8)))
    found = rm.EmpiricalBayes().fit(history, horizon_days=30).predict_distribution(history)
    assert found.mean.sum() * 24 == pytest.approx(0.5, rel=1e-3)


def test_the_mean_is_proportional_to_the_counts(make, history):
    model = rm.EmpiricalBayes().fit(history, horizon_days=30)
    once = model.predict_components(history)
    twice = model.predict_components(make(history.counts * 2))
    for name in ("own_history", "parent", "country"):
        assert twice[name] == pytest.approx(2 * once[name], rel=1e-12)


def test_a_level_that_is_left_out_is_the_one_above(make):
    counts = np.zeros((24, 8))
    counts[:, :2] = [[1.0, 3.0]]
    counts[::3, 6] = 1.0
    history = make(counts, parent=np.arange(8) // 2, country=np.arange(8) // 4)
    model = rm.EmpiricalBayes(levels=("country",)).fit(history, horizon_days=30)
    found = model.predict_distribution(history).mean
    # silent regions of one country are alike, whoever their parent is
    assert found[2] == pytest.approx(found[3])
    assert found[4] == pytest.approx(found[7])
    assert found[2] > found[4] > 0
    # the country's own rate, but for half an incident of prior over all
    tau, top = model.strength_days_[0], counts[:, :4].sum() / (4 * 720)
    assert found[2] / 30 == pytest.approx(tau * top / (720 + tau), rel=0.15)


def test_an_unknown_level_is_refused(history):
    with pytest.raises(ModelError, match=r"levels must be some of .* met \('planet',\)"):
        rm.EmpiricalBayes(levels=("planet",)).fit(history, horizon_days=30)


def test_the_share_in_another_series_is_shrunk_and_follows_the_times(make):
    rng = np.random.default_rng(6)
    violence = rng.poisson(4.0, (120, 16)).astype(float)
    chance = np.where(np.arange(120) < 80, 0.3, 0.1)[:, None] * np.ones(16)
    counts = rng.binomial(violence.astype(int), chance).astype(float)
    counts[:, 3] = np.nan
    history = make(counts, drivers={"violence": violence})
    strengths = share_strengths(history, "violence")
    found = shrunk_shares(
        history, "violence", strengths, half_life_days=300.0, at=np.array([80, 120])
    )
    assert found[0] == pytest.approx(np.full(16, 0.3), abs=0.06)
    assert found[1] == pytest.approx(np.full(16, 0.1), abs=0.06)
    before = shrunk_shares(
        history.until(80), "violence", strengths, half_life_days=300.0, at=np.array([80])
    )
    assert np.array_equal(before[0], found[0])
