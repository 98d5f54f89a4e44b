"""What a fitted model says of a changed history is what it says after really changing it."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import riskmap as rm
from riskmap.models.endemic_epidemic import _terms_of
from riskmap.models.what_ifs import WhatIfs
from riskmap.typing import CountHistory

N_WINDOWS, N_REGIONS = 40, 9


def made(seed, *, rate=0.3, exposure=False):
    """A sparse history of foreign incidents among violence, and a model that is fitted to it."""
    rng = np.random.default_rng(seed)
    violence = rng.poisson(rng.gamma(0.5, 2 * rate, N_REGIONS), (N_WINDOWS, N_REGIONS))
    links = sparse.random_array((N_REGIONS, N_REGIONS), density=0.4, rng=rng).tocsr()
    links.setdiag(0.0)
    links.eliminate_zeros()
    risk = rng.uniform(0.5, 2.0, (N_WINDOWS, N_REGIONS)) if exposure else None
    history = CountHistory(
        counts=rng.binomial(violence, 0.3).astype(float),
        days=rng.choice([28.0, 30.0, 31.0], N_WINDOWS),
        parent=np.array([0, 0, 0, 1, 1, 2, 2, 3, 3]),
        country=np.array([0, 0, 0, 0, 0, 1, 1, 1, 0]),
        neighbours=sparse.csr_array(links),
        drivers={"violence": violence.astype(float)},
        exposure=risk,
    )
    model = rm.EndemicEpidemic(penalties=(0.01,)).fit(history, horizon_days=90.0)
    return history, model


def drawn_changes(history, rng, n_events=6):
    """Events that take what is there away or add more, here, around, or spread."""
    place = np.zeros((n_events, N_REGIONS))
    time = np.zeros((n_events, N_WINDOWS))
    amounts = {"counts": np.zeros(n_events), "violence": np.zeros(n_events)}
    seen = np.argwhere(history.counts > 0)
    for event in range(n_events):
        if event % 2 and len(seen):
            window, region = seen[rng.integers(len(seen))]
            time[event, window] = place[event, region] = 1.0
            amount = -history.counts[window, region]
        else:
            time[event, rng.integers(N_WINDOWS, size=2)] = 0.5
            place[event] = rng.dirichlet(np.ones(N_REGIONS))
            amount = float(rng.integers(1, 5))
        amounts["counts"][event] = amounts["violence"][event] = amount
    event, region = np.nonzero(place)
    return WhatIfs(sparse.csr_array(place), sparse.csr_array(time), amounts, event, region)


@pytest.fixture(scope="module")
def fitted():
    cases = [(1, 0.02, False), (2, 0.3, True), (3, 3.0, False)]
    return [made(seed, rate=rate, exposure=exposure) for seed, rate, exposure in cases]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 2), st.integers(0, 10**6))
def test_the_quick_way_is_the_slow_way(fitted, one_by_one, case, seed):
    history, model = fitted[case]
    what_ifs = drawn_changes(history, np.random.default_rng(seed))
    found = model.predict_what_ifs(history, what_ifs)
    mean, p_any = one_by_one(model, history, what_ifs)
    assert found.mean == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert found.p_gt(0) == pytest.approx(p_any, rel=1e-9, abs=1e-9)


def test_every_driver_is_covered(fitted, one_by_one):
    history, model = fitted[1]
    model = copy.copy(model)
    what_ifs = drawn_changes(history, np.random.default_rng(1), n_events=3)
    for name in _terms_of(history):
        model.coefficients_ = {name: 1.0}
        mean, _ = one_by_one(model, history, what_ifs)
        found = model.predict_what_ifs(history, what_ifs).mean
        assert found == pytest.approx(mean, rel=1e-9, abs=1e-9), name


def test_nothing_changes_where_nothing_happens(fitted):
    history, model = fitted[1]
    every = np.arange(N_REGIONS)
    nothing = WhatIfs(
        place=sparse.csr_array(np.eye(N_REGIONS)),
        time=sparse.csr_array(np.eye(N_WINDOWS)[np.zeros(N_REGIONS, dtype=int)]),
        amounts={"counts": np.zeros(N_REGIONS)},
        event=every,
        region=every,
    )
    found = model.predict_what_ifs(history, nothing)
    base = model.predict_distribution(history)
    assert found.mean == pytest.approx(base.mean, rel=1e-12)
