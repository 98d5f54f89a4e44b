"""Baselines say what their names say."""

import numpy as np
import pytest

from riskmap.models.baselines import Conflictology, ExponentialMean, Persistence, Seasonal


def mean_of(model, history, horizon=30):
    return model.fit(history, horizon_days=horizon).predict_distribution(history).mean[0]


def test_persistence_looks_at_the_last_horizon_alone(make):
    counts = np.r_[np.full(20, 50.0), 4.0, 6.0, 8.0][:, None]
    assert mean_of(Persistence(prior_windows=1e-6), make(counts), 90) == pytest.approx(18, rel=0.01)


def test_the_exponential_mean_forgets(make):
    counts = np.r_[np.full(60, 9.0), np.full(60, 1.0)][:, None]
    fast = mean_of(ExponentialMean(half_life_months=3, prior_windows=0.1), make(counts))
    slow = mean_of(ExponentialMean(half_life_months=120), make(counts))
    assert fast == pytest.approx(1.0, rel=0.2)
    assert slow > 3.0


def test_the_season_comes_back(make):
    counts = np.tile(np.r_[np.full(6, 8.0), np.full(6, 1.0)], 5)[:, None]
    assert mean_of(Seasonal(), make(counts, days=np.full(60, 30.44))) == pytest.approx(8, rel=0.1)
    assert mean_of(Seasonal(), make(counts[:-6], days=np.full(54, 30.44))) < 2.0


def test_half_a_year_counts_as_a_whole(make):
    assert mean_of(Seasonal(), make(np.full((3, 1), 2.0))) == pytest.approx(2.0, rel=0.2)


def test_resampling_gives_what_was_seen(make):
    counts = np.r_[np.zeros(90), np.full(10, 7.0)][:, None]
    model = Conflictology().fit(make(counts), horizon_days=30)
    found = model.predict_distribution(make(counts))
    assert found.p_gt(0)[0] == pytest.approx(0.1, abs=0.01)
    assert found.quantile(0.95)[0] == 7.0
    recent = Conflictology(last_windows=12).fit(make(counts), horizon_days=30)
    assert recent.predict_distribution(make(counts)).p_gt(0)[0] > 0.8
