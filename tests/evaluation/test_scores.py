"""Scores equal outside implementations to 1e-10, and are proper."""

import numpy as np
import pytest
import scoringrules as sr
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import InputError
from riskmap.evaluation import scores

RNG = np.random.default_rng(11)
EVENTS = RNG.integers(0, 2, 200).astype(float)
PROBABILITIES = RNG.uniform(0.001, 0.999, 200)
MEANS = RNG.uniform(0.01, 20.0, 200)
COUNTS = RNG.poisson(MEANS).astype(float)
SIZES = RNG.uniform(0.5, 50.0, 200)
DRAWS = RNG.poisson(MEANS, (25, 200)).astype(float)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_brier():
    close(scores.brier(EVENTS, PROBABILITIES), sr.brier_score(EVENTS, PROBABILITIES))


def test_log_score():
    close(scores.log_score(EVENTS, PROBABILITIES), sr.log_score(EVENTS, PROBABILITIES))


def test_log_score_count():
    close(scores.log_score_count(COUNTS, MEANS), sr.logs_poisson(COUNTS, MEANS))
    with np.errstate(divide="ignore"):  # its probabilities underflow where they are small
        expected = sr.logs_negbinom(COUNTS, SIZES, SIZES / (SIZES + MEANS))
    known = np.isfinite(expected)
    assert known.mean() > 0.9
    close(scores.log_score_count(COUNTS, MEANS, SIZES)[known], expected[known])


def test_crps_count():
    close(scores.crps_count(COUNTS, MEANS), sr.crps_poisson(COUNTS, MEANS))
    close(
        scores.crps_count(COUNTS, MEANS, SIZES),
        sr.crps_negbinom(COUNTS, SIZES, SIZES / (SIZES + MEANS)),
    )


def test_crps_ensemble():
    expected = sr.crps_ensemble(COUNTS, DRAWS, m_axis=0, estimator="fair")
    close(scores.crps_ensemble(COUNTS, DRAWS), expected)


def test_crps_tail():
    expected = sr.twcrps_ensemble(COUNTS, DRAWS, a=4.0, m_axis=0, estimator="fair")
    close(scores.crps_tail(COUNTS, DRAWS, above=4.0), expected)


def test_ranked_probability():
    forecast = RNG.dirichlet(np.ones(5), 200)
    levels = RNG.integers(0, 5, 200)
    close(scores.ranked_probability(levels, forecast), sr.rps_score(levels + 1, forecast))


def test_quantile_score():
    for alpha in (0.05, 0.5, 0.9):
        close(
            scores.quantile_score(COUNTS, MEANS, probability=alpha),
            sr.quantile_score(COUNTS, MEANS, alpha),
        )


def test_interval_score():
    close(
        scores.interval_score(COUNTS, MEANS - 2, MEANS + 3, coverage=0.9),
        sr.interval_score(COUNTS, MEANS - 2, MEANS + 3, 0.1),
    )


def test_the_same_as_the_scores_package():
    outside = pytest.importorskip("scores")
    xr = pytest.importorskip("xarray")
    y, p = xr.DataArray(EVENTS, dims="n"), xr.DataArray(PROBABILITIES, dims="n")
    close(scores.brier(EVENTS, PROBABILITIES).mean(), outside.probability.brier_score(p, y))
    draws, counts = xr.DataArray(DRAWS, dims=("m", "n")), xr.DataArray(COUNTS, dims="n")
    for found, expected in (
        (
            scores.crps_ensemble(COUNTS, DRAWS),
            outside.probability.crps_for_ensemble(draws, counts, "m", method="fair"),
        ),
        (
            scores.crps_tail(COUNTS, DRAWS, above=4.0),
            outside.probability.tail_tw_crps_for_ensemble(
                draws, counts, "m", 4.0, tail="upper", method="fair"
            ),
        ),
    ):
        close(found.mean(), expected)
    close(
        scores.quantile_score(COUNTS, MEANS, probability=0.3).mean(),
        outside.continuous.quantile_score(xr.DataArray(MEANS, dims="n"), counts, 0.3),
    )


def summed(y, mean, size):
    """The definition of the score, summed."""
    top = np.arange(int(mean + 60 * np.sqrt(mean + mean**2 / size)) + 500)
    cdf = np.cumsum(np.exp(-scores.log_score_count(top, mean, size)))
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
    assert scores.log_score_count([0, 3], 0.0).tolist() == [0.0, np.inf]


def test_the_impossible_costs_everything_and_the_certain_nothing():
    assert scores.log_score([1, 0], [0.0, 0.0]).tolist() == [np.inf, 0.0]


def test_missing_stays_missing():
    assert np.isnan(scores.brier([np.nan], [0.2])).all()
    assert np.isnan(scores.log_score([np.nan], [0.2])).all()


def test_draws_estimate_the_distribution_fairly():
    draws = np.random.default_rng(5).poisson(2.0, (4, 200_000))
    found = scores.crps_ensemble(np.full(200_000, 3.0), draws).mean()
    assert found == pytest.approx(scores.crps_count(3.0, 2.0), abs=0.005)


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
    score=st.sampled_from([scores.crps_count, scores.log_score_count]),
)
def test_count_scores_are_proper(belief, said, size, score):
    k = np.arange(400)
    pmf = np.exp(-scores.log_score_count(k, belief, size))
    assert pmf @ score(k, belief, size) <= pmf @ score(k, said, size) + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scores.brier([2], [0.5]), "0 or 1"),
        (lambda: scores.brier([1], [1.5]), "not a probability"),
        (lambda: scores.log_score([1], [-0.5]), "not a probability"),
        (lambda: scores.crps_count([-1], 1.0), "observed: is negative"),
        (lambda: scores.crps_count([1], -1.0), "mean: is negative"),
        (lambda: scores.log_score_count([1], 1.0, 0.0), "size: must be positive"),
        (lambda: scores.crps_ensemble([1.0], [[1.0]]), "at least 2"),
        (lambda: scores.quantile_score([1], [1], probability=1.0), "not a share"),
        (lambda: scores.interval_score([1], [1], [1], coverage=90), "not a share"),
    ],
)
def test_what_is_no_forecast_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
