"""Against a known truth: parameters come back, intervals cover, the default beats the baselines."""

import numpy as np
import pytest

import riskmap as rm
from riskmap.models.baselines import Conflictology, ExponentialMean, Persistence, Seasonal
from riskmap.models.clusters import Hawkes
from riskmap.typing import CountHistory


def forecasts(model, history, *, train, test):
    """Distributions and counts one window ahead, after training on the first windows."""
    model.fit(history.until(train), horizon_days=30)
    for t in range(train, train + test):
        yield model.predict_distribution(history.until(t)), history.counts[t]


def chance(found, seen):
    return found.cdf(seen) - found.cdf(seen - 1.0)


def log_score(model, history, *, train, test):
    pairs = forecasts(model, history, train=train, test=test)
    return -np.mean([np.log(np.maximum(chance(*pair), 1e-300)) for pair in pairs])


@pytest.fixture(scope="module")
def triggered():
    return rm.datasets.simulate_counts(
        200, 80, own=0.45, neighbours=0.25, half_life_days=60.0, size=3.0, seed=2
    )[0]


@pytest.fixture(scope="module")
def memoryless():
    return rm.datasets.simulate_counts(200, 80, own=0.0, seed=4)[0]


@pytest.mark.parametrize(("own", "neighbours"), [(0.3, 0.3), (0.6, 0.0), (0.1, 0.2)])
def test_hawkes_recovers_what_triggers(own, neighbours):
    history, _ = rm.datasets.simulate_counts(
        400, 100, own=own, neighbours=neighbours, half_life_days=30.0, seed=6
    )
    model = Hawkes().fit(history, horizon_days=30)
    assert model.own_ == pytest.approx(own, abs=0.07)
    assert model.neighbours_ == pytest.approx(neighbours, abs=0.07)
    assert model.branching_ratio_ == pytest.approx(own + neighbours, abs=0.1)
    assert model.half_life_days_ in (15.0, 30.0, 60.0)


def test_hawkes_never_explodes(make):
    growing = np.round(1.3 ** np.arange(40))[:, None] * np.ones((1, 4))
    model = Hawkes().fit(make(growing), horizon_days=365)
    assert model.branching_ratio_ < 1
    assert np.isfinite(model.predict_distribution(make(growing)).mean).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", [rm.EndemicEpidemic(), Hawkes()])
@pytest.mark.parametrize("horizon", [1, 3])
def test_intervals_cover(triggered, model, horizon):
    model.fit(triggered.until(140), horizon_days=30 * horizon)
    rng = np.random.default_rng(1)
    inside, active = [], []
    for t in range(140, 200 - horizon):
        found = model.predict_distribution(triggered.until(t))
        seen = triggered.counts[t : t + horizon].sum(axis=0)
        below = found.cdf(seen - 1.0)
        pit = below + rng.random(len(seen)) * (found.cdf(seen) - below)
        inside.append((pit >= 0.05) & (pit <= 0.95))
        active.append(triggered.counts[t - 12 : t].sum(axis=0) > 0)
    inside, active = np.array(inside), np.array(active)
    assert 0.88 <= inside.mean() <= 0.92
    assert 0.88 <= inside[active].mean() <= 0.92


BASELINES = [
    Persistence(),
    Seasonal(),
    Conflictology(),
    ExponentialMean(),
    rm.Climatology(),
    rm.EmpiricalBayes(),
]


@pytest.mark.slow
def test_the_default_beats_every_baseline_where_incidents_trigger(triggered):
    window = {"train": 140, "test": 60}
    own = log_score(rm.EndemicEpidemic(), triggered, **window)
    assert all(own < 0.99 * log_score(model, triggered, **window) for model in BASELINES)


@pytest.mark.slow
def test_the_default_loses_little_where_there_is_no_memory(memoryless):
    window = {"train": 140, "test": 60}
    own = log_score(rm.EndemicEpidemic(), memoryless, **window)
    assert own <= 1.01 * log_score(rm.Climatology(), memoryless, **window)


@pytest.mark.slow
def test_means_are_those_of_the_truth():
    history, expected = rm.datasets.simulate_counts(300, 100, own=0.6, seed=9)
    model = rm.EndemicEpidemic().fit(history.until(250), horizon_days=30)
    found = np.array([model.predict_distribution(history.until(t)).mean for t in range(250, 300)])
    assert found.mean() == pytest.approx(expected[250:].mean(), rel=0.1)
    assert np.corrcoef(found.ravel(), expected[250:].ravel())[0, 1] > 0.93


def test_endless_triggering_is_refused():
    with pytest.raises(ValueError, match="less than 1"):
        rm.datasets.simulate_counts(10, 5, own=0.6, neighbours=0.5)


def test_a_simulation_is_a_history():
    history, expected = rm.datasets.simulate_counts(30, 7, half_life_days=10.0)
    assert isinstance(history, CountHistory)
    assert expected.shape == history.counts.shape
    assert history.neighbours.sum(axis=1).tolist() == [1.0] * 7
