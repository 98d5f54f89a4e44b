"""A pool is used where it is better by more than noise, and says so."""

import numpy as np
import pytest

import riskmap as rm
from riskmap.models.ensembles import _gain


@pytest.fixture(scope="module")
def panel():
    districts = rm.datasets.regions()
    located = rm.locate(rm.datasets.incidents(), districts)
    return rm.count_incidents(located, districts, as_of="2025-01-01")


@pytest.mark.slow
def test_where_the_pool_is_no_better_it_is_the_default(panel):
    best, default = rm.forecast(panel, model="best"), rm.forecast(panel)
    pools = best.provenance["pools"]
    for layer in ("violence", "foreign"):
        assert layer in pools or best.fitted[layer]["model"] == "EndemicEpidemic"
    if not pools:
        assert best.frame.equals(default.frame)
        assert len(best.influences) == len(default.influences)


def test_noise_is_no_reason_to_pool():
    rng = np.random.default_rng(0)
    good = rng.uniform(0.4, 0.6, (12, 50))
    other = np.clip(good + rng.normal(0, 0.05, good.shape), 0.1, 0.9)
    assert _gain([np.array(pair) for pair in zip(good, other, strict=True)]) < 2


def test_a_better_second_model_is_pooled():
    rng = np.random.default_rng(0)
    bad = rng.uniform(0.1, 0.3, (12, 50))
    assert _gain([np.array(pair) for pair in zip(bad, 2 * bad, strict=True)]) > 2


def test_a_short_past_shows_no_gain():
    assert _gain([np.array([[0.1], [0.9]])] * 6) == 0


def test_a_hopeless_first_model_is_left():
    history, _ = rm.datasets.simulate_counts(80, 20, own=0.6)
    pool = rm.Stack((rm.Zero(), rm.EndemicEpidemic()), cautious=True)
    assert pool.fit(history, horizon_days=30).weights_[1] > 0.5
    assert pool.settle() is pool
