"""Count distributions against scipy, exact arithmetic and their own definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from riskmap.errors import ModelError
from riskmap.models.distributions import (
    Bernoulli,
    Mixture,
    NegativeBinomial,
    Resample,
    log_negative_binomial,
    smallest_count,
)

means = st.floats(1e-2, 1e4)
sizes = st.floats(1e-2, 1e3)


def one(mean, size=np.inf):
    return NegativeBinomial(np.array([mean]), np.array([size]))


def log_pmf(found, k):
    return log_negative_binomial(np.full(1, float(k)), found.mean, found.size)


@given(means, sizes, st.integers(0, 2000))
def test_equals_scipy(mean, size, k):
    oracle = stats.nbinom(size, size / (size + mean))
    found = one(mean, size)
    assert found.variance[0] == pytest.approx(oracle.var(), rel=1e-9)
    assert found.p_gt(k)[0] == pytest.approx(oracle.sf(k), rel=1e-7, abs=1e-300)
    assert log_pmf(found, k)[0] == pytest.approx(oracle.logpmf(k), rel=1e-6, abs=1e-6)


@given(means, st.integers(0, 200))
def test_poisson_is_the_limit(mean, k):
    oracle = stats.poisson(mean)
    assert one(mean).p_gt(k)[0] == pytest.approx(oracle.sf(k), rel=1e-9, abs=1e-300)
    assert log_pmf(one(mean), k)[0] == pytest.approx(oracle.logpmf(k), rel=1e-9, abs=1e-9)
    assert one(mean, 1e11).p_gt(k)[0] == pytest.approx(one(mean).p_gt(k)[0], rel=1e-4, abs=1e-300)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 1e6, 1e13, np.inf])
def test_a_tiny_mean_keeps_its_digits(size):
    expected = 1e-12 if size >= 1e-3 else size * np.log1p(1e-12 / size)
    assert one(1e-12, size).p_gt(0)[0] == pytest.approx(expected, rel=1e-8)


@given(means, sizes, st.sampled_from([0.0, 0.05, 0.5, 0.95, 0.999]))
def test_a_quantile_is_the_smallest_count_that_reaches(mean, size, probability):
    found = one(mean, size)
    k = found.quantile(probability)
    assert found.cdf(k)[0] >= probability
    assert k[0] == 0 or found.cdf(k - 1)[0] < probability


def test_large_counts_stay_finite():
    found = one(1e9, 3.0)
    assert np.isfinite(log_pmf(found, 1e9)).all()
    assert found.quantile(0.5)[0] == pytest.approx(8.9e8, rel=0.01)


def test_no_incident_is_expected_where_the_mean_is_zero():
    found = one(0.0, 1.0)
    assert found.p_gt(0)[0] == 0.0
    assert log_pmf(found, 0.0)[0] == 0.0
    assert found.quantile(0.95)[0] == 0.0


def test_counts_below_zero_are_always_exceeded():
    assert one(1.0).p_gt(-1)[0] == 1.0
    assert one(1.0).cdf(-0.5)[0] == 0.0


def test_mean_and_variance_are_those_of_scipy():
    found, size = one(0.5, 0.7), 0.7
    oracle = stats.nbinom(size, size / (size + 0.5))
    assert (found.mean[0], found.variance[0]) == pytest.approx((oracle.mean(), oracle.var()))
    assert one(20.0).variance[0] == pytest.approx(20.0)


def test_probabilities_sum_to_one():
    total = np.exp(log_negative_binomial(np.arange(5000.0), np.full(5000, 9.0), 0.8)).sum()
    assert total == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize(("mean", "size"), [(-1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0), (1.0, 0.0)])
def test_refuses_what_is_no_distribution(mean, size):
    with pytest.raises(ModelError):
        one(mean, size)


def test_refuses_a_probability_of_one():
    with pytest.raises(ModelError, match=r"met 1\.0"):
        smallest_count(lambda k: k, 1.0, shape=(1,))


def test_a_mixture_is_between_its_members():
    one, two = one_region(1.0), one_region(9.0)
    found = Mixture((one, two), np.array([0.25, 0.75]))
    counts = np.arange(400.0)
    chances = np.array([found.cdf(k) - found.cdf(k - 1) for k in counts]).ravel()
    assert found.mean[0] == pytest.approx(7.0) == pytest.approx(chances @ counts)
    assert chances @ (counts - 7.0) ** 2 == pytest.approx(found.variance[0])
    assert found.p_gt(3)[0] == pytest.approx(1 - found.cdf(3)[0])
    assert found.quantile(0.5)[0] == np.flatnonzero(chances.cumsum() >= 0.5)[0]


def one_region(mean):
    return NegativeBinomial(np.array([mean]), 2.0)


def test_resampled_counts_are_those_seen():
    found = Resample(np.array([[0.0, 5.0], [2.0, np.nan], [np.nan, 5.0]]))
    assert found.mean.tolist() == [1.0, 5.0]
    assert found.variance.tolist() == [1.0, 0.0]
    assert found.p_gt(1).tolist() == [0.5, 1.0]


@given(st.floats(0, 1), st.integers(-1, 3))
def test_yes_or_no_equals_scipy(mean, k):
    oracle, found = stats.bernoulli(mean), Bernoulli(np.array([mean]))
    assert found.p_gt(k)[0] == pytest.approx(oracle.sf(k), abs=1e-15)
    assert found.cdf(k)[0] == pytest.approx(oracle.cdf(k), abs=1e-15)
    assert found.variance[0] == pytest.approx(oracle.var(), abs=1e-15)
