"""Law 4 for features: nothing at or after a window changes what is seen before it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import riskmap as rm
from riskmap.models.drivers import PastSums, drivers_of, rate_of
from riskmap.panels.features import (
    context_features,
    decayed_sums,
    membership,
    neighbour_sums,
    rolling_sums,
)
from riskmap.panels.risk_days import days_ahead, days_at_risk, relative_exposure
from riskmap.typing import CountHistory


def random_history(seed, *, exposure=False):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.7, (20, 5)).astype(float)
    counts[rng.random(counts.shape) < 0.1] = np.nan
    return CountHistory(
        counts=counts,
        days=rng.uniform(28, 31, 20),
        parent=np.array([0, 0, 1, 1, 1]),
        country=np.array([0, 0, 0, 1, 1]),
        phase=np.arange(20) % 12 / 12,
        neighbours=sparse.csr_array(np.full((5, 5), 0.2)),
        drivers={"violence": rng.poisson(3.0, (20, 5)).astype(float)},
        exposure=rng.uniform(1, 9, (20, 5)) if exposure else None,
    )


def rate_features(history, *, at):
    sums = PastSums(history, at)
    decayed = (driver for driver in drivers_of(history) if np.isfinite(driver.half_life))
    return {d.label: rate_of(d, sums, strength_days=np.empty(0)) for d in decayed}


def every_feature(history, at):
    return rate_features(history, at=at) | context_features(history, at=at)


@pytest.mark.slow
@settings(max_examples=25)
@given(seed=st.integers(0, 999), t=st.integers(1, 19), exposure=st.booleans())
def test_the_future_changes_nothing(seed, t, exposure):
    history = random_history(seed, exposure=exposure)
    other = random_history(seed + 1000, exposure=exposure)

    def spliced(own, strange):
        return np.vstack([own[:t], 7 * strange[t:]])

    changed = replace(
        history,
        counts=spliced(history.counts, other.counts),
        drivers={"violence": spliced(history.drivers["violence"], other.drivers["violence"])},
        exposure=spliced(history.exposure, other.exposure) if exposure else None,
    )
    before = every_feature(history, np.arange(t + 1))
    after = every_feature(changed, np.arange(t + 1))
    alone = every_feature(history.until(t), np.array([t]))
    assert before.keys() == after.keys() == alone.keys()
    for name, value in before.items():
        assert np.array_equal(value, after[name]), name
        assert np.array_equal(alone[name][0], value[-1]), name


def test_the_recursion_equals_the_sum():
    rng = np.random.default_rng(3)
    y, lengths = rng.poisson(1.0, (9, 2)).astype(float), rng.uniform(1, 2, 9)
    found = decayed_sums(y, lengths=lengths, half_life_days=2.5, at=np.arange(10))
    for t in range(1, 10):
        age = np.array([lengths[u + 1 : t].sum() for u in range(t)])
        weight = 0.5 ** (age / 2.5)
        assert found[t] == pytest.approx(weight @ y[:t])


def test_chosen_windows_are_those_of_all():
    history = random_history(1)
    every = rate_features(history, at=np.arange(21))
    for name, value in rate_features(history, at=np.array([3, 11, 20])).items():
        assert np.array_equal(value, every[name][[3, 11, 20]]), name


def test_no_window_asked_is_no_row():
    none = np.array([], dtype=int)
    found = decayed_sums(np.ones((2, 3)), lengths=np.ones(2), half_life_days=1.0, at=none)
    assert found.shape == (0, 3)


def test_pooled_rates_are_those_of_the_group():
    history = replace(random_history(2), counts=np.ones((20, 5)))
    rates = rate_features(history, at=np.array([20]))
    for name in ("parent_3m", "country_12m", "all_48m", "neighbours_12m"):
        assert rates[name] == pytest.approx(rates["own_12m"], rel=1e-2)


def test_groups_sum():
    assert (np.ones((1, 3)) @ membership(np.array([1, 1, 0]))).tolist() == [[1.0, 2.0]]


def test_time_since_the_last_incident():
    counts = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    history = CountHistory(counts, np.full(3, 10.0), np.zeros(2, int), np.zeros(2, int))
    found = context_features(history, at=np.arange(4))["days_since_last"]
    assert found.tolist() == [[0, 0], [10, 0], [0, 10], [10, 20]]


def test_exposure_counts_by_its_ratio():
    history = random_history(4, exposure=True)
    doubled = replace(history, exposure=2 * history.exposure)
    assert np.allclose(relative_exposure(history), relative_exposure(doubled))
    assert np.allclose(days_at_risk(history), days_at_risk(doubled))
    assert days_ahead(doubled, 30.0) == pytest.approx(days_ahead(history, 30.0))


def test_exposure_of_nothing_is_nothing():
    history = replace(random_history(4), exposure=np.zeros((20, 5)))
    assert relative_exposure(history).sum() == 0.0


@pytest.mark.parametrize(("days", "extra"), [(1.0, 3), (7.0, 2), (14.0, 1), (30.0, 0)])
def test_short_windows_have_shorter_memories_too(days, extra):
    history = replace(random_history(3), days=np.full(20, days))
    names = [n for n in rate_features(history, at=np.array([20])) if n.startswith("own_0")]
    assert len(names) == extra


@pytest.mark.slow
@settings(max_examples=5)
@given(seed=st.integers(0, 99), day=st.dates(date(2021, 1, 1), date(2024, 6, 1)))
def test_what_became_known_later_changes_no_feature(seed, day):
    """Law 4 from the incidents on: rows of that day or later, or ingested then or later."""
    as_of = pd.Timestamp(day)
    table, districts = rm.datasets.incidents(seed), rm.datasets.regions()
    table.loc[::5, "ingested_at"] += pd.Timedelta(days=400)
    later = (table["event_date"] >= as_of) | (table["ingested_at"] >= as_of.tz_localize("UTC"))
    changed = table.assign(
        killed=table["killed"].mask(later, 99),
        foreign_victims=table["foreign_victims"].mask(later, 7),
    )
    changed = changed[~(later & (np.arange(len(table)) % 2 == 0))]
    features = []
    for incidents in (table, changed):
        located = rm.locate(incidents, districts)
        panel = rm.count_incidents(
            located, districts, every="month", as_of=as_of, start="2018-01-01"
        )
        at = np.array([len(panel.edges) - 1])
        features.append(every_feature(panel.history("foreign"), at))
    assert features[0].keys() == features[1].keys()
    for name, value in features[0].items():
        assert np.array_equal(value, features[1][name]), name


@settings(max_examples=50)
@given(
    seed=st.integers(0, 999),
    widths=st.lists(st.integers(1, 25), min_size=1, max_size=3),
    at=st.lists(st.integers(0, 20), min_size=1, unique=True).map(sorted),
)
def test_rolling_and_decayed_sums_are_those_of_pandas(seed, widths, at):
    table = pd.DataFrame(np.random.default_rng(seed).poisson(0.7, (20, 5)).astype(float))
    none, rows = pd.DataFrame(np.zeros((1, 5))), np.array(at)
    for width, found in zip(widths, rolling_sums(table.to_numpy(), widths, at=rows), strict=True):
        sums = pd.concat([none, table.rolling(width, min_periods=1).sum()]).to_numpy()
        assert found.tolist() == sums[rows].tolist()
    fading = 0.5 ** (np.arange(20) / 3)
    decayed = decayed_sums(table.to_numpy(), lengths=np.ones(20), half_life_days=3.0, at=rows)
    means = table.ewm(halflife=3).mean().mul(fading.cumsum(), axis=0)
    assert np.allclose(decayed, pd.concat([none, means]).to_numpy()[rows])


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 999),
    half_life=st.sampled_from([0.01, 0.4, 2.0, 400.0, np.inf]),
    at=st.lists(st.integers(0, 600), min_size=1, unique=True).map(sorted),
)
def test_decays_are_told_over_more_half_lives_than_floats_have(seed, half_life, at):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, 600).astype(float)
    values, ends = rng.poisson(0.3, (600, 3)).astype(float), np.append(0.0, lengths.cumsum())
    found = decayed_sums(values, lengths=lengths, half_life_days=half_life, at=np.array(at))
    for t, sums in zip(at, found, strict=True):
        weights = 0.5 ** ((ends[t] - ends[1 : t + 1]) / half_life)
        assert np.allclose(sums, weights @ values[:t], rtol=1e-12, atol=1e-280)


@pytest.mark.parametrize("block", [50, 512])  # on all cores, on one
def test_many_regions_are_summed_as_each_alone(block, monkeypatch):
    monkeypatch.setattr("riskmap.panels.features._BLOCK", block)
    rng = np.random.default_rng(2)
    values, at = rng.poisson(0.5, (9, 1_300)).astype(float), np.array([0, 3, 4, 9])
    weights = sparse.csr_array(sparse.random_array((1_300, 1_300), density=0.01, rng=rng))

    def decay(table):
        return decayed_sums(table, lengths=np.ones(9), half_life_days=2.0, at=at)

    some = values[:, 700:701]
    assert np.array_equal(decay(values)[:, 700:701], decay(some))
    assert np.array_equal(
        rolling_sums(values, [2], at=at)[..., 700:701], rolling_sums(some, [2], at=at)
    )
    near = neighbour_sums(values, weights)
    assert np.array_equal(near, np.stack([weights @ row for row in values]))


def test_sums_of_neighbours_are_the_product_of_the_matrices():
    rng = np.random.default_rng(1)
    values, weights = rng.random((20, 30)), sparse.random_array((30, 30), density=0.2, rng=rng)
    found = neighbour_sums(values, sparse.csr_array(weights))
    assert np.allclose(found, values @ weights.toarray().T, rtol=1e-14, atol=0)
    assert found.flags.c_contiguous
