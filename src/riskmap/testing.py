"""Checks for plug-ins: each protocol of :mod:`riskmap.typing` has a function here that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.typing import CountHistory

if TYPE_CHECKING:
    from riskmap.typing import CountModel


def check_model(model: CountModel) -> None:
    """Raise unless a model keeps the promises of :class:`riskmap.typing.CountModel`.

    The model is fitted to a small invented history; its distribution must be a distribution, its
    components must be non-negative and sum to its mean, and two runs must agree to the bit.

    Parameters
    ----------
    model
        The model; it is cloned and not changed.

    Raises
    ------
    AssertionError
        When a promise is broken; the message says which.

    Examples
    --------
    >>> import riskmap as rm
    >>> check_model(rm.Climatology())
    """
    from sklearn.base import clone

    rng = np.random.default_rng(7)
    history = CountHistory(
        counts=rng.poisson([0.0, 0.2, 1.0, 5.0], size=(48, 4)).astype(float),
        days=np.full(48, 7.0),
        parent=np.array([0, 0, 1, 1]),
        country=np.zeros(4, dtype=np.int64),
        phase=np.arange(48) % 52 / 52,
    )
    first = clone(model).fit(history, horizon_days=28.0)
    found = first.predict_distribution(history)
    mean, variance, p_any = found.mean, found.variance, found.p_gt(0)
    assert mean.shape == (4,), f"mean has shape {mean.shape}, expected (4,)"
    assert (np.isfinite(mean) & (mean >= 0)).all(), f"mean must be finite, met {mean}"
    assert (variance >= 0).all(), f"variance must not be negative, met {variance}"
    assert ((p_any >= 0) & (p_any <= 1)).all(), f"p_gt(0) must be a probability, met {p_any}"
    assert np.allclose(found.cdf(0) + p_any, 1.0), "cdf(0) and p_gt(0) must sum to 1"
    assert (found.quantile(0.05) <= found.quantile(0.95)).all(), "quantiles must be ordered"
    draws = found.draws(8, rng=np.random.default_rng(1))
    assert draws.shape == (8, 4), f"draws have shape {draws.shape}, expected (8, 4)"
    parts = first.predict_components(history)
    assert all((part >= 0).all() for part in parts.values()), "components must not be negative"
    assert np.allclose(sum(parts.values()), mean, rtol=1e-9, atol=1e-12), "components must sum"
    again = clone(model).fit(history, horizon_days=28.0).predict_distribution(history)
    assert np.array_equal(again.mean, mean), "two fits must agree"
