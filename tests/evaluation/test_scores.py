"""Scores equal outside implementations to 1e-10, and are proper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import InputError
from riskmap.evaluation import scores
from riskmap.models.distributions import log_negative_binomial

RNG = np.random.default_rng(11)
EVENTS = RNG.integers(0, 2, 200).astype(float)
PROBABILITIES = RNG.uniform(0.001, 0.999, 200)
MEANS = RNG.uniform(0.01, 20.0, 200)
COUNTS = RNG.poisson(MEANS).astype(float)
SIZES = RNG.uniform(0.5, 50.0, 200)


@pytest.fixture(scope="module")
def sr():
    """The oracle; it compiles for seconds when it is imported."""
    import scoringrules

    return scoringrules


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_brier(sr):
    close(scores.brier(EVENTS, PROBABILITIES), sr.brier_score(EVENTS, PROBABILITIES))


@pytest.mark.slow
def test_log_score(sr):
    close(scores.log_score(EVENTS, PROBABILITIES), sr.log_score(EVENTS, PROBABILITIES))


@pytest.mark.slow
def test_crps_count(sr):
    close(scores.crps_count(COUNTS, MEANS), sr.crps_poisson(COUNTS, MEANS))
    close(
        scores.crps_count(COUNTS, MEANS, SIZES),
        sr.crps_negbinom(COUNTS, SIZES, SIZES / (SIZES + MEANS)),
    )


def test_the_same_as_the_scores_package():
    outside = pytest.importorskip("scores")
    xr = pytest.importorskip("xarray")
    y, p = xr.DataArray(EVENTS, dims="n"), xr.DataArray(PROBABILITIES, dims="n")
    close(scores.brier(EVENTS, PROBABILITIES).mean(), outside.probability.brier_score(p, y))


def summed(y, mean, size):
    """The definition of the score, summed."""
    top = np.arange(int(mean + 60 * np.sqrt(mean + mean**2 / size)) + 500)
    cdf = np.cumsum(np.exp(log_negative_binomial(top, np.full(len(top), mean), size)))
    return ((cdf - (top >= y)) ** 2).sum()


@pytest.mark.parametrize("size", [0.3, 1.0, 7.0, 300.0, 2e3, 1e6, np.inf])
@pytest.mark.parametrize("mean", [1e-6, 0.02, 1.0, 30.0, 2e3])
def test_crps_count_is_its_definition_also_where_the_series_fails(mean, size):
    for y in (0.0, 1.0, np.ceil(mean)):
        found = scores.crps_count(y, mean, size)
        # scipy's distribution function itself is good to about 1e-9 where the size is huge
        np.testing.assert_allclose(found, summed(y, mean, size), rtol=1e-8, atol=1e-12)


def test_a_huge_size_is_nearly_the_poisson():
    found, limit = scores.crps_count(2000.0, 2000.0, 1e9), scores.crps_count(2000.0, 2000.0)
    assert found == pytest.approx(limit, rel=2e-6)
    assert found > limit


def test_a_sure_zero_costs_what_happened():
    assert scores.crps_count([0, 3], 0.0).tolist() == [0.0, 3.0]
    assert scores.crps_count([0, 3], 0.0, 2.0).tolist() == [0.0, 3.0]


def test_the_impossible_costs_everything_and_the_certain_nothing():
    assert scores.log_score([1, 0], [0.0, 0.0]).tolist() == [np.inf, 0.0]


def test_missing_stays_missing():
    assert np.isnan(scores.brier([np.nan], [0.2])).all()
    assert np.isnan(scores.log_score([np.nan], [0.2])).all()


@given(
    belief=st.floats(0.01, 0.99),
    said=st.floats(0.01, 0.99),
    score=st.sampled_from(["brier", "log"]),
)
def test_event_scores_are_proper(belief, said, score):
    function = scores.brier if score == "brier" else scores.log_score

    def expected(p):
        return belief * function(1, p) + (1 - belief) * function(0, p)

    assert expected(belief) <= expected(said) + 1e-12


@given(
    belief=st.floats(0.1, 8.0),
    said=st.floats(0.1, 8.0),
    size=st.sampled_from([0.5, 3.0, np.inf]),
)
def test_the_score_of_counts_is_proper(belief, said, size):
    k = np.arange(400)
    pmf = np.exp(log_negative_binomial(k, np.full(400, belief), size))
    told, other = (scores.crps_count(k, mean, size) for mean in (belief, said))
    assert pmf @ told <= pmf @ other + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scores.brier([2], [0.5]), "0 or 1"),
        (lambda: scores.brier([1], [1.5]), "not a probability"),
        (lambda: scores.log_score([1], [-0.5]), "not a probability"),
        (lambda: scores.crps_count([-1], 1.0), "observed: is negative"),
        (lambda: scores.crps_count([1], -1.0), "mean: is negative"),
        (lambda: scores.crps_count([1], 1.0, 0.0), "size: must be positive"),
    ],
)
def test_what_is_no_forecast_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
