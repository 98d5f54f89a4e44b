"""Learnt models: boosted trees, scikit-learn estimators, pools that find the better one."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import PoissonRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.baselines import Zero
from riskmap.models.ensembles import Adapted, Boosting, Stack
from riskmap.models.estimators import pack_model, unpack_model
from riskmap.testing import check_model

PIPELINE = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-3))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [PoissonRegressor(alpha=1e-3), GaussianNB(), PIPELINE])
def test_scikit_learn_estimators_are_models(estimator):
    check_model(Adapted(estimator))


def test_a_classifier_keeps_its_probability():
    history, _ = rm.datasets.simulate_counts(60, 20, own=0.0)
    model = Adapted(DummyClassifier(strategy="prior")).fit(history, horizon_days=30)
    share = (history.counts[7:] > 0).mean()
    mean = model.predict_distribution(history).mean / model.factor_
    assert -np.expm1(-mean) == pytest.approx(np.full(20, share), rel=0.02)


@pytest.mark.parametrize("model", [Adapted(PoissonRegressor()), Boosting(max_iter=2)])
def test_what_estimators_of_scikit_learn_learnt_is_not_told(model, history):
    with pytest.raises(ModelError, match="can't be told"):
        pack_model(model.fit(history, horizon_days=30))


def test_a_pool_comes_back_from_what_it_learnt(history):
    model = Stack((rm.Climatology(), rm.EmpiricalBayes())).fit(history, horizon_days=60)
    back = unpack_model(pack_model(model)).predict_distribution(history)
    assert np.array_equal(back.p_gt(1), model.predict_distribution(history).p_gt(1))


def test_a_pool_finds_the_better_member(history):
    model = Stack((Zero(), rm.EmpiricalBayes())).fit(history, horizon_days=30)
    assert model.weights_.sum() == pytest.approx(1.0)
    assert model.weights_[1] > 0.9


def test_a_short_past_pools_equally(make):
    model = Stack((Zero(), rm.Climatology())).fit(make(np.ones((2, 4))), horizon_days=60)
    assert model.weights_.tolist() == [0.5, 0.5]


def test_a_pool_of_none_is_an_error(make):
    with pytest.raises(ModelError, match="at least one"):
        Stack(()).fit(make(np.ones((2, 4))), horizon_days=30)


@pytest.mark.slow
def test_trees_find_what_triggers():
    history, _ = rm.datasets.simulate_counts(150, 40, own=0.8, seed=3)
    model = Boosting().fit(history, horizon_days=30)
    found = model.predict_distribution(history).mean
    recent = history.counts[-3:].mean(axis=0)
    assert np.corrcoef(found, recent)[0, 1] > 0.8
