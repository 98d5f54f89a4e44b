"""Calibration corrects what is wrong, leaves what is right, and covers bin by bin."""

import numpy as np
import pytest

import riskmap as rm
from riskmap.models.calibrations import Calibrated, Recalibrated
from riskmap.models.distributions import NegativeBinomial
from riskmap.models.estimators import CountEstimator
from riskmap.models.files import load_model, save_model


class Alarmist(CountEstimator):
    """Three times what empirical Bayes expects, and far too sure of it."""

    def _learn(self, history):
        self.base_ = rm.EmpiricalBayes().fit(history, horizon_days=self.horizon_days_)

    def _forecast(self, history):
        mean = 3.0 * self.base_.predict_distribution(history).mean
        return {"alarm": mean}, NegativeBinomial(mean)


@pytest.fixture(scope="module")
def simulated():
    return rm.datasets.simulate_counts(160, 100, own=0.0, seed=11)[0]


def test_too_high_probabilities_come_down(simulated):
    early = simulated.until(120)
    raw = Alarmist().fit(early, horizon_days=30)
    fixed = Calibrated(Alarmist()).fit(early, horizon_days=30)
    seen = (simulated.counts[120:] > 0).mean()
    before = raw.predict_distribution(early).p_gt(0).mean()
    after = fixed.predict_distribution(early).p_gt(0).mean()
    assert abs(after - seen) < 0.2 * abs(before - seen)


def test_what_is_right_stays(simulated):
    model = Calibrated(rm.EmpiricalBayes()).fit(simulated, horizon_days=30)
    assert model.beta_.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("base", [rm.EmpiricalBayes(), Alarmist()])
def test_intervals_cover_in_each_bin(simulated, base):
    model = Calibrated(base).fit(simulated.until(120), horizon_days=30)
    inside, means = [], []
    for t in range(120, 160):
        past = simulated.until(t)
        low, high = model.predict_interval(past, probability=0.9)
        inside.append((simulated.counts[t] >= low) & (simulated.counts[t] <= high))
        means.append(model.model_.predict_distribution(past).mean)
    inside, place = np.array(inside), np.digitize(np.array(means), model.edges_)
    assert all(inside[place == k].mean() >= 0.88 for k in np.unique(place))


def test_a_short_past_changes_nothing(make):
    short = make(np.ones((3, 4)))
    model = Calibrated(rm.Climatology()).fit(short, horizon_days=90)
    plain = rm.Climatology().fit(short, horizon_days=90)
    assert np.array_equal(
        model.predict_distribution(short).p_gt(0), plain.predict_distribution(short).p_gt(0)
    )
    low, high = model.predict_interval(short)
    assert (low <= high).all()


def test_nothing_known_early_changes_nothing(make):
    counts = np.ones((12, 4))
    counts[:9] = np.nan
    model = Calibrated(rm.Climatology()).fit(make(counts), horizon_days=30)
    assert model.ranks_ == ()


def test_a_recalibrated_distribution_is_one():
    base = NegativeBinomial(np.array([0.5, 4.0, 0.0]), 2.0)
    found = Recalibrated(base, np.array([0.1, 0.9, 0.0]))
    assert found.p_gt(0) == pytest.approx([0.1, 0.9, 0.0])
    assert found.p_gt(-1).tolist() == [1.0, 1.0, 1.0]
    draws = found.draws(20_000, rng=np.random.default_rng(1))
    assert draws.mean(axis=0) == pytest.approx(found.mean, rel=0.05)
    assert draws.var(axis=0) == pytest.approx(found.variance, rel=0.1)
    assert found.cdf(found.quantile(0.9))[1] >= 0.9


def test_comes_back_from_its_file(simulated, tmp_path):
    model = Calibrated(rm.EmpiricalBayes()).fit(simulated, horizon_days=30)
    save_model(model, tmp_path / "model.json")
    back = load_model(tmp_path / "model.json")
    assert np.array_equal(back.predict_interval(simulated), model.predict_interval(simulated))
