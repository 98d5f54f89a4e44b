"""Scores of probabilities: of an event, of ordered classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from riskmap.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmap.typing import FloatArray


def brier(observed: ArrayLike, probability: ArrayLike) -> FloatArray:
    r"""Return the Brier score of the probability of an event.

    .. math:: (p - y)^2

    Parameters
    ----------
    observed : array_like
        1 where the event happened, 0 where it did not.
    probability : array_like
        Forecast probability of the event.

    Returns
    -------
    ndarray
        From 0 (perfect) to 1.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.1]).round(2).tolist()
    [0.25, 0.01]
    """
    y, p = _event(observed, probability)
    return np.asarray((p - y) ** 2)


def log_score(observed: ArrayLike, probability: ArrayLike) -> FloatArray:
    r"""Return the logarithmic score of the probability of an event.

    .. math:: -y \log p - (1 - y) \log(1 - p)

    Parameters
    ----------
    observed : array_like
        1 where the event happened, 0 where it did not.
    probability : array_like
        Forecast probability of the event.

    Returns
    -------
    ndarray
        From 0 (perfect); infinite where the impossible happened.

    References
    ----------
    Good (1952), Rational decisions.

    Examples
    --------
    >>> log_score([1, 0], [0.5, 0.1]).round(4).tolist()
    [0.6931, 0.1054]
    """
    y, p = _event(observed, probability)
    return np.asarray(-special.xlogy(y, p) - special.xlog1py(1.0 - y, -p))


def ranked_probability(observed: ArrayLike, probabilities: ArrayLike) -> FloatArray:
    r"""Return the ranked probability score of a forecast over ordered classes, such as levels.

    .. math:: \sum_{j=1}^{k} \left(\sum_{i \le j} p_i - \mathbb{1}\{y \le j\}\right)^2

    Parameters
    ----------
    observed : array_like of int, shape (...)
        The class that happened, from 0.
    probabilities : array_like, shape (..., n_classes)
        Probability of each class, lowest first; they sum to 1.

    Returns
    -------
    ndarray, shape (...)
        From 0 (perfect) to ``n_classes - 1``.

    References
    ----------
    Epstein (1969), A scoring system for probability forecasts of ranked categories.

    Examples
    --------
    >>> ranked_probability([0, 2], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]).tolist()
    [0.25, 1.25]
    """
    p = np.asarray(probabilities, dtype=float)
    y = np.asarray(observed)[..., None]
    reached = y <= np.arange(p.shape[-1])
    return np.asarray(((np.cumsum(p, axis=-1) - reached) ** 2).sum(axis=-1))


def _event(observed: ArrayLike, probability: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as floats, or raise where one is no event or no probability."""
    y, p = np.asarray(observed, dtype=float), np.asarray(probability, dtype=float)
    if not ((y == 0) | (y == 1) | np.isnan(y)).all():
        raise InputError("an event is 0 or 1", column="observed", expected="0, 1 or missing")
    if ((p < 0) | (p > 1)).any():
        raise InputError("not a probability", column="probability", expected="from 0 to 1")
    return y, p
