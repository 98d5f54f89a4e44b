"""What every model promises: documented answers, Law 8, Law 10, clear errors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.baselines import Conflictology, ExponentialMean, Persistence, Seasonal, Zero
from riskmap.models.clusters import Hawkes
from riskmap.models.ensembles import Boosting, Stack
from riskmap.models.estimators import CountEstimator
from riskmap.models.what_ifs import WhatIfs
from riskmap.testing import check_model

MODELS = [
    Zero(),
    Persistence(),
    Seasonal(),
    Conflictology(),
    ExponentialMean(),
    Hawkes(),
    rm.Climatology(),
    rm.EmpiricalBayes(),
    rm.EndemicEpidemic(),
    Boosting(max_iter=20),
    Stack((rm.Climatology(), ExponentialMean())),
]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)

tables = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).poisson(
        np.random.default_rng(seed + 1).gamma(0.3, 2.0, 6), (24, 6)
    )
)


@every_model
def test_keeps_the_promises_of_a_model(model):
    check_model(model)


@pytest.mark.slow
@every_model
@settings(max_examples=8)
@given(counts=tables, where=st.tuples(st.integers(0, 23), st.integers(0, 5)))
def test_one_more_incident_never_lowers_the_expected_count(make, model, counts, where):
    fitted = model.fit(make(counts), horizon_days=60)
    before = fitted.predict_distribution(make(counts))
    more = counts.copy()
    more[where] += 1
    after = fitted.predict_distribution(make(more))
    assert after.mean[where[1]] >= before.mean[where[1]] * (1 - 1e-12)
    assert after.p_gt(0)[where[1]] >= before.p_gt(0)[where[1]] * (1 - 1e-12)


@pytest.mark.slow
@every_model
def test_the_unit_of_exposure_does_not_matter(model, history):
    exposure = np.random.default_rng(1).uniform(5, 50, history.counts.shape)
    once = replace(history, exposure=exposure)
    twice = replace(history, exposure=2 * exposure)
    assert mean_of(model, twice) == pytest.approx(mean_of(model, once), rel=1e-9)


@pytest.mark.parametrize("model", [rm.Climatology(), rm.EmpiricalBayes()])
def test_the_unit_of_time_does_not_matter(model, history):
    in_hours = replace(history, days=history.days * 24)
    hours = model.fit(in_hours, horizon_days=90 * 24).predict_distribution(in_hours).mean
    assert hours == pytest.approx(mean_of(model, history), rel=1e-6)


@every_model
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5), (30, 1)], ids=["one_of_each", "one_window", "one_region"]
)
@pytest.mark.parametrize("value", [0, 2])
def test_the_smallest_histories_have_an_answer(make, model, shape, value):
    small = make(np.full(shape, value))
    fitted = model.fit(small, horizon_days=30)
    found = fitted.predict_distribution(small)
    assert found.mean.shape == shape[1:]
    assert ((found.p_gt(0) >= 0) & (found.p_gt(0) <= 1)).all()
    if value and not isinstance(model, Zero):
        assert found.mean == pytest.approx(np.full(shape[1:], 2.0), rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [m for m in MODELS if not isinstance(m, Zero | Persistence | Seasonal)]
)
def test_missing_counts_are_not_zeros(make, model):
    rng = np.random.default_rng(2)
    counts = rng.poisson(2.0, (40, 4)).astype(float)
    counts[:20, 1] = np.nan
    found = mean_of(model, make(counts))
    assert found[1] == pytest.approx(found[0], rel=0.35)


@pytest.mark.slow
@every_model
def test_a_region_never_seen_has_a_forecast(make, model, history):
    fitted = model.fit(history, horizon_days=30)
    counts = np.hstack([history.counts, np.full((96, 1), np.nan)])
    found = fitted.predict_distribution(make(counts))
    assert np.isfinite(found.mean).all()


@every_model
def test_nothing_observed_is_an_error(make, model):
    with pytest.raises(ModelError, match="no observed count"):
        model.fit(make(np.full((4, 2), np.nan)), horizon_days=30)


@every_model
@pytest.mark.parametrize("horizon", [0, -1, 121, np.nan])
def test_a_horizon_beyond_the_history_is_an_error(make, model, horizon):
    with pytest.raises(ModelError, match="120 days of the history"):
        model.fit(make(np.ones((4, 2))), horizon_days=horizon)


@every_model
def test_incidents_without_exposure_are_an_error(make, model):
    exposure = np.ones((4, 2))
    exposure[2, 1] = 0.0
    with pytest.raises(ModelError, match="region 1, window 2 has 1 incidents"):
        model.fit(make(np.ones((4, 2)), exposure=exposure), horizon_days=30)
    exposure[2, 1] = np.nan
    with pytest.raises(ModelError, match="exposure must be a number"):
        model.fit(make(np.ones((4, 2)), exposure=exposure), horizon_days=30)


@every_model
def test_regions_without_anybody_expect_nothing(make, model):
    found = mean_of(model, make(np.zeros((4, 2)), exposure=np.zeros((4, 2))))
    assert found.tolist() == [0.0, 0.0]


def test_a_model_must_be_written(make):
    history = make(np.ones((4, 2)))
    with pytest.raises(NotImplementedError):
        CountEstimator().fit(history, horizon_days=30).predict_distribution(history)


def mean_of(model, history):
    return model.fit(history, horizon_days=90).predict_distribution(history).mean


MARKERS = [rm.EndemicEpidemic(), rm.EmpiricalBayes(), Hawkes(), rm.Climatology()]


@pytest.fixture(scope="module")
def marks(make):
    """Four regions of which each window says yes or no, with 5, 30, 60 and 97 of 100 yes."""
    chance = np.array([0.05, 0.3, 0.6, 0.97])
    return make(np.random.default_rng(3).random((300, 4)) < chance, days=np.ones(300))


@pytest.mark.parametrize("model", MARKERS, ids=lambda m: type(m).__name__)
def test_windows_that_say_yes_or_no_are_forecast_as_such(model, marks):
    model.fit(marks, horizon_days=1)
    found = model.predict_distribution(marks)
    assert found.p_gt(0) == pytest.approx(marks.counts.mean(axis=0), abs=0.12)
    assert found.p_gt(0)[3] > 0.85  # one minus exp(-0.97) would be 0.62
    assert (found.p_gt(1) == 0).all()
    parts = model.predict_components(marks)
    assert sum(parts.values()) == pytest.approx(found.mean, abs=1e-12)


@pytest.mark.parametrize("model", MARKERS, ids=lambda m: type(m).__name__)
def test_a_yes_in_every_window_is_no_certainty(make, model):
    always = make(np.ones((60, 2)), days=np.ones(60))
    found = model.fit(always, horizon_days=1).predict_distribution(always)
    assert ((found.p_gt(0) > 0.9) & (found.p_gt(0) < 1)).all()


def test_counts_that_could_be_two_are_not_taken_for_yes_or_no(make, marks):
    rare = make(np.eye(60, 4), days=np.ones(60))
    pairs = replace(marks, counts=marks.counts + (np.arange(4) == 3))
    for history, horizon in ((rare, 1), (pairs, 1), (marks, 7)):
        found = rm.EmpiricalBayes().fit(history, horizon_days=horizon)
        assert (found.predict_distribution(history).p_gt(1) > 0).all()


def test_one_more_incident_turns_no_yes_or_no_into_counts(marks):
    model = rm.EndemicEpidemic().fit(marks, horizon_days=1)
    more = replace(marks, counts=marks.counts + (np.arange(300) == 299)[:, None])
    before, after = (model.predict_distribution(h).p_gt(0) for h in (marks, more))
    assert (after >= before).all()


def test_what_ifs_of_yes_or_no_agree_with_the_forecast(marks):
    model = rm.EndemicEpidemic().fit(marks, horizon_days=1)
    nothing = sparse.csr_array((1, 4)), sparse.csr_array((1, 300))
    where = np.arange(4)
    what_ifs = WhatIfs(*nothing, {"counts": np.zeros(1)}, np.zeros(4, int), where)
    found = model.predict_what_ifs(marks, what_ifs)
    assert found.p_gt(0) == pytest.approx(model.predict_distribution(marks).p_gt(0), abs=1e-12)
