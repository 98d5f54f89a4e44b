"""Tolls: a known truth comes back, the better family wins, and nothing is infinite."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskmap.assessment.consequences import TOLL_CAP, fit_tolls, worst_means
from riskmap.errors import ModelError

PEOPLE = np.arange(TOLL_CAP + 1)


def drawn(chances, n, seed=3):
    return np.random.default_rng(seed).choice(np.arange(1, TOLL_CAP + 1), n, p=chances)


def power_law(exponent):
    chances = np.arange(1, TOLL_CAP + 1.0) ** -exponent
    return chances / chances.sum()


def log_normal(mean, spread, n, seed=3):
    values = np.exp(np.random.default_rng(seed).normal(mean, spread, n)).round()
    return np.clip(values, 1, TOLL_CAP)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [1.6, 2.2, 3.0])
def test_a_power_law_comes_back(exponent):
    truth = power_law(exponent)
    found = fit_tolls(drawn(truth, 4000).astype(float), np.zeros(4000, int), n_kinds=1)
    assert found.family == "power law"
    tail = found.pmf[0, 11:].sum() / (1 - found.pmf[0, 0])
    assert tail == pytest.approx(truth[10:].sum(), rel=0.15)


def test_a_log_normal_wins_where_it_is_true():
    toll = log_normal(1.5, 0.8, 2000)
    found = fit_tolls(toll, np.zeros(2000, int), n_kinds=1)
    assert found.family == "log-normal"
    assert found.held_out["log-normal"] > found.held_out["power law"]
    assert found.mean[0] == pytest.approx(toll.mean(), rel=0.05)


@pytest.mark.slow
def test_types_with_few_incidents_lean_on_all_together():
    rng = np.random.default_rng(8)
    toll = np.concatenate([log_normal(0.3, 0.5, 500), log_normal(2.5, 0.5, 500), [400.0]])
    kind = np.repeat([0, 1, 2], [500, 500, 1])
    found = fit_tolls(toll, kind, n_kinds=4)
    assert found.mean[0] < 2.5
    assert found.mean[1] > 10
    assert found.mean[3] < found.mean[2] < 100
    shuffled = rng.permutation(len(toll))
    again = fit_tolls(toll[shuffled], kind[shuffled], n_kinds=4)
    assert again.pmf == pytest.approx(found.pmf, abs=1e-6)


def test_incidents_that_hit_nobody():
    found = fit_tolls(np.repeat([0.0, 4.0], [300, 100]), np.zeros(400, int), n_kinds=1)
    assert found.pmf[0, 0] == pytest.approx(0.75, abs=0.01)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 10**9), max_size=40),
    st.floats(0, 500),
    st.floats(1e-3, 1e3) | st.just(np.inf),
)
def test_everything_is_finite(tolls, mean, size):
    found = fit_tolls(np.array(tolls, float), np.zeros(len(tolls), int), n_kinds=2)
    assert found.pmf.sum(axis=1) == pytest.approx(1.0)
    assert (found.pmf >= 0).all()
    assert np.isfinite(found.mean).all()
    worst = worst_means(np.full(2, mean), np.full(2, size), found.pmf)
    assert np.isfinite(worst).all()
    assert (worst >= mean * found.mean * 0.98 - 1e-9).all()


@pytest.mark.parametrize("toll", [-1.0, np.nan, np.inf])
def test_tolls_that_are_none(toll):
    with pytest.raises(ModelError, match="finite and not negative"):
        fit_tolls(np.array([toll]), np.array([0]), n_kinds=1)


def exact_worst(mean, pmf, share=0.05):
    """The mean of the worst outcomes of a Poisson total, by convolution over the counts."""
    total, power = np.zeros(40 * len(pmf)), np.array([1.0])
    chance = np.exp(-mean)
    for n in range(40):
        total[: len(power)] += chance * power
        power = np.convolve(power, pmf)
        chance *= mean / (n + 1)
    worst, left = 0.0, share
    for people in range(len(total) - 1, -1, -1):
        part = min(left, total[people])
        worst, left = worst + part * people, left - part
    return worst / share


@pytest.mark.parametrize("mean", [1e-4, 0.05, 0.7, 5.0])
def test_the_worst_mean_is_that_of_the_convolved_distribution(mean):
    short = np.array([0.4, 0.3, 0.1, 0.1, 0.05, 0.0, 0.05])
    pmf = np.zeros((1, TOLL_CAP + 1))
    pmf[0, :7] = short
    found = worst_means(np.array([mean]), np.array([np.inf]), pmf)[0]
    assert found == pytest.approx(exact_worst(mean, short), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "size"), [(0.3, 1.0), (4.0, 0.4)])
def test_the_worst_mean_is_that_of_simulated_totals(mean, size):
    rng = np.random.default_rng(5)
    pmf = fit_tolls(log_normal(1.0, 1.1, 500), np.zeros(500, int), n_kinds=1).pmf
    runs = 400_000
    counts = rng.poisson(rng.gamma(size, mean / size, runs))
    tolls = rng.choice(PEOPLE, int(counts.sum()), p=pmf[0])
    totals = np.sort(np.bincount(np.repeat(np.arange(runs), counts), tolls, minlength=runs))
    simulated = totals[-runs // 20 :].mean()
    found = worst_means(np.array([mean]), np.array([size]), pmf)[0]
    assert found == pytest.approx(simulated, rel=0.05)


@pytest.mark.parametrize("mean", [0.2, 900.0, 40_000.0])
def test_where_all_tolls_are_alike_the_worst_mean_is_that_of_the_count(mean):
    pmf = np.zeros((1, TOLL_CAP + 1))
    pmf[0, 3] = 1.0
    count = stats.nbinom(2.0, 2.0 / (2.0 + mean))
    reach = np.arange(int(count.isf(1e-12)))
    expected = 3 * np.minimum(count.sf(reach), 0.05).sum() / 0.05
    found = worst_means(np.array([mean]), np.array([2.0]), pmf)[0]
    assert found == pytest.approx(expected, rel=1e-3)  # large totals are counted in steps


def test_nothing_expected_is_nothing_severe():
    pmf = np.tile(power_law(1.5), (1, 1))
    pmf = np.concatenate([[[0.0]], pmf], axis=1)
    assert worst_means(np.zeros(1), np.ones(1), pmf).tolist() == pytest.approx([0.0], abs=1e-9)


@given(st.floats(0.001, 20), st.floats(0.001, 20))
def test_more_incidents_are_never_less_severe(a, b):
    pmf = np.concatenate([[0.2], 0.8 * power_law(1.9)])
    means = np.sort([a, b])
    worst = worst_means(means, np.full(2, np.inf), np.stack([pmf, pmf]))
    assert worst[0] <= worst[1] * (1 + 1e-6)
