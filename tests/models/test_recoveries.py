"""Every model finds again what its own kind of data were made with."""

import numpy as np
import pytest
from scipy import sparse

import riskmap as rm
from riskmap.models.distributions import log_negative_binomial
from riskmap.models.ensembles import _pool_weights
from riskmap.panels.features import DAYS_A_MONTH


def mean_of(model, history, horizon=30):
    return model.fit(history, horizon_days=horizon).predict_distribution(history).mean


def log_score(model, history, *, first):
    model.fit(history.until(first), horizon_days=30)
    total = 0.0
    for t in range(first, history.n_windows):
        found, seen = model.predict_distribution(history.until(t)), history.counts[t]
        total -= np.log(np.maximum(found.cdf(seen) - found.cdf(seen - 1.0), 1e-300)).mean()
    return total


def grown(n_windows, rates_of, *, n_regions=60, seed=1):
    """Counts drawn one window after the other from the rates that those before them set."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((n_windows, n_regions))
    for t in range(n_windows):
        counts[t] = rng.poisson(rates_of(counts[:t]))
    return counts


def test_zero_is_right_where_nothing_happens(make):
    nothing = make(np.zeros((24, 5)))
    assert log_score(rm.Zero(), nothing, first=12) == 0.0


def test_climatology_finds_the_rates(make):
    rates = np.random.default_rng(2).gamma(2.0, 2.0, 200)
    history = make(np.random.default_rng(3).poisson(rates, (120, 200)))
    found = mean_of(rm.Climatology(), history)
    # what is left is the noise of the counts: a standard error of sqrt(rate / windows)
    away = (found - rates) / np.sqrt(rates / 120)
    assert abs(away.mean()) < 0.25
    assert away.std() == pytest.approx(1.0, abs=0.15)


def test_persistence_finds_rates_that_have_just_changed(make):
    rng = np.random.default_rng(4)
    rates = np.vstack([rng.gamma(1.0, 30.0, (60, 80)), rng.gamma(1.0, 30.0, (1, 80)).repeat(3, 0)])
    history = make(rng.poisson(rates))
    found = mean_of(rm.Persistence(prior_windows=0.01), history, horizon=90) / 3
    assert np.corrcoef(found, rates[-1])[0, 1] > 0.98
    assert np.corrcoef(mean_of(rm.Climatology(), history), rates[-1])[0, 1] < 0.5


def test_seasonal_finds_the_rate_of_each_season(make):
    month = np.arange(240) % 12
    season = 4.0 + 3.0 * np.sin(2 * np.pi * month / 12)
    days = np.full(240, DAYS_A_MONTH)
    rng = np.random.default_rng(5)
    history = make(rng.poisson(season[:, None] * np.ones(30)), days=days, phase=month / 12)
    for ahead in (0, 3, 9):
        past = history.until(240 - 12 + ahead)
        model = rm.Seasonal(prior_windows=0.01).fit(past, horizon_days=DAYS_A_MONTH)
        found = model.predict_distribution(past).mean
        assert found.mean() == pytest.approx(season[ahead], rel=0.1)


def test_conflictology_finds_the_distribution_of_the_past(make):
    values, chance = np.array([0.0, 1.0, 20.0]), np.array([0.7, 0.2, 0.1])
    history = make(np.random.default_rng(6).choice(values, (400, 20), p=chance))
    found = rm.Conflictology().fit(history, horizon_days=30).predict_distribution(history)
    assert found.p_gt(0) == pytest.approx(np.full(20, 0.3), abs=0.07)
    assert found.p_gt(1) == pytest.approx(np.full(20, 0.1), abs=0.05)
    assert found.quantile(0.95) == pytest.approx(np.full(20, 20.0))


def test_the_half_life_of_an_exponential_mean_comes_back(make):
    keep = 0.5 ** (30.0 / (6.0 * DAYS_A_MONTH))

    def rates(past):
        weights = keep ** np.arange(len(past))[::-1]
        return 0.2 + (weights @ past) / weights.sum() if len(past) else np.linspace(1, 9, 60)

    history = make(grown(160, rates))
    scores = {
        months: log_score(rm.ExponentialMean(half_life_months=months), history, first=60)
        for months in (1.5, 6.0, 24.0, 96.0)
    }
    assert min(scores, key=scores.get) == 6.0


@pytest.mark.slow
def test_the_parts_of_the_default_come_back(make):
    ring = sparse.csr_array((np.roll(np.eye(60), 1, axis=1) + np.roll(np.eye(60), -1, axis=1)) / 2)
    level = np.repeat([0.4, 1.6], 30)
    keep = 0.5 ** (30.0 / (3.0 * DAYS_A_MONTH))

    def rates(past):
        weights = keep ** np.arange(len(past))[::-1]
        recent = (weights @ past) / weights.sum() if len(past) else 2 * level
        return 0.5 * level + 0.4 * recent + 0.3 * (ring @ recent)

    history = make(
        grown(400, rates), neighbours=ring, parent=np.zeros(60, int), country=np.zeros(60, int)
    )
    model = rm.EndemicEpidemic().fit(history, horizon_days=30)
    parts = model.predict_components(history)
    total = sum(part.sum() for part in parts.values())
    past = history.counts
    weights = keep ** np.arange(len(past))[::-1]
    recent = (weights @ past) / weights.sum()
    truth = {"own": 0.4 * recent.sum(), "beside": 0.3 * recent.sum(), "level": 0.5 * level.sum()}
    assert total == pytest.approx(sum(truth.values()), rel=0.06)
    assert parts["neighbours"].sum() / total == pytest.approx(truth["beside"] / total, abs=0.12)
    # a level that never changes is a region's own long history as well as its base rate
    assert parts["own_recent"].sum() / total == pytest.approx(truth["own"] / total, abs=0.12)
    found = model.predict_distribution(history).mean
    assert np.corrcoef(found, rates(past))[0, 1] > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.7, 5.0])
def test_the_dispersion_comes_back(make, size):
    rng = np.random.default_rng(7)
    rates = np.tile([0.5, 2.0, 8.0], 30)
    history = make(rng.poisson(rng.gamma(size, rates / size, (200, 90))))
    for model in (rm.EndemicEpidemic(), rm.Hawkes()):
        found = model.fit(history, horizon_days=30).predict_distribution(history)
        assert found.size[2::3].mean() == pytest.approx(size, rel=0.35)


@pytest.mark.slow
def test_boosting_finds_a_curve_and_its_dispersion(make):
    rng = np.random.default_rng(8)
    keep = 0.5 ** (30.0 / (3.0 * DAYS_A_MONTH))

    def rates(past):
        if not len(past):
            return rng.gamma(1.0, 2.0, 60)
        weights = keep ** np.arange(len(past))[::-1]
        recent = (weights @ past) / weights.sum()
        return 0.3 + 3.0 * recent**2 / (4.0 + recent**2)

    history = make(grown(160, rates))
    model = rm.Boosting(max_iter=40).fit(history, horizon_days=30)
    found = model.predict_distribution(history)
    assert found.mean.sum() == pytest.approx(rates(history.counts).sum(), rel=0.1)
    assert np.corrcoef(found.mean, rates(history.counts))[0, 1] > 0.9
    assert (found.variance / found.mean).mean() < 1.3  # the truth is Poisson: 1


def test_the_weights_of_a_pool_come_back():
    rng = np.random.default_rng(9)
    means, weights = np.array([1.0, 6.0]), np.array([0.7, 0.3])
    member = rng.choice(2, 4000, p=weights)
    seen = rng.poisson(means[member])
    chances = np.array([np.exp(log_poisson(seen, mean)) for mean in means])
    assert _pool_weights(chances) == pytest.approx(weights, abs=0.03)


def log_poisson(seen, mean):
    return log_negative_binomial(seen.astype(float), np.full(len(seen), mean), np.inf)


def test_a_stack_trusts_the_member_that_made_the_data():
    history, _ = rm.datasets.simulate_counts(160, 40, own=0.6, seed=10)
    model = rm.Stack((rm.Hawkes(), rm.Climatology())).fit(history, horizon_days=30)
    assert model.weights_[0] > 0.85


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [rm.Climatology(), rm.EmpiricalBayes(), rm.EndemicEpidemic(), rm.Boosting(max_iter=10)]
)
def test_intervals_cover_where_there_is_no_memory(model):
    history, _ = rm.datasets.simulate_counts(120, 80, own=0.0, seed=11)
    model.fit(history.until(80), horizon_days=30)
    rng = np.random.default_rng(2)
    inside = []
    for t in range(80, 120):
        found, seen = model.predict_distribution(history.until(t)), history.counts[t]
        below = found.cdf(seen - 1.0)
        pit = below + rng.random(len(seen)) * (found.cdf(seen) - below)
        inside.append((pit >= 0.05) & (pit <= 0.95))
    active = np.array([history.counts[t - 12 : t].sum(axis=0) > 0 for t in range(80, 120)])
    assert 0.88 <= np.mean(inside) <= 0.92
    assert 0.88 <= np.array(inside)[active].mean() <= 0.92
