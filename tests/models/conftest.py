"""Histories for tests of models."""

import numpy as np
import pytest

from riskmap.typing import CountHistory


def make_history(counts, **given):
    """A history with monthly windows and two regions a parent unless told otherwise."""
    counts = np.asarray(counts, dtype=float)
    n_windows, n_regions = counts.shape
    filled = {
        "days": np.full(n_windows, 30.0),
        "parent": np.arange(n_regions) // 2,
        "country": np.arange(n_regions) // 4,
        "phase": np.arange(n_windows) % 12 / 12,
    }
    return CountHistory(counts=counts, **(filled | given))


@pytest.fixture(scope="session")
def history():
    """Twelve regions in three countries over eight years, two of them without any incident."""
    rng = np.random.default_rng(5)
    rates = np.r_[0.0, 0.0, rng.gamma(0.5, 1.0, 10)]
    return make_history(rng.poisson(rates, (96, 12)))


@pytest.fixture(scope="session")
def make():
    return make_history


@pytest.fixture(scope="session")
def one_by_one():
    """The slow way to ask what-ifs: change the history, predict again. Right for every model."""

    def ask(model, history, what_ifs):
        mean, p_any = np.empty((2, len(what_ifs.event)))
        for event in np.unique(what_ifs.event):
            pairs = what_ifs.event == event
            found = model.predict_distribution(what_ifs.changed(history, np.array([event])))
            mean[pairs] = found.mean[what_ifs.region[pairs]]
            p_any[pairs] = found.p_gt(0)[what_ifs.region[pairs]]
        return mean, p_any

    return ask
