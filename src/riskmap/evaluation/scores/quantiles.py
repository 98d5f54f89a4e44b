"""Scores of quantiles and intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmap.typing import FloatArray


def quantile_score(observed: ArrayLike, quantile: ArrayLike, *, probability: float) -> FloatArray:
    r"""Return the quantile (pinball) score.

    .. math:: \left(\mathbb{1}\{y \le q\} - \alpha\right)(q - y)

    Parameters
    ----------
    observed : array_like
        What happened.
    quantile : array_like
        Forecast quantile :math:`q`.
    probability
        Probability :math:`\alpha` of the quantile, between 0 and 1.

    Returns
    -------
    ndarray
        From 0 (perfect).

    Raises
    ------
    InputError
        When the probability is not between 0 and 1.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles.

    Examples
    --------
    >>> quantile_score([0.0, 10.0], [4.0, 4.0], probability=0.75).tolist()
    [1.0, 4.5]
    """
    check_share(probability, "probability")
    y, q = np.asarray(observed, dtype=float), np.asarray(quantile, dtype=float)
    return np.asarray(((y <= q) - probability) * (q - y))


def interval_score(
    observed: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, coverage: float
) -> FloatArray:
    r"""Return the interval score: the width, and a fine for what falls outside.

    .. math:: (u - l) + \tfrac2\alpha (l - y)_+ + \tfrac2\alpha (y - u)_+,
              \quad \alpha = 1 - \mathrm{coverage}

    Parameters
    ----------
    observed : array_like
        What happened.
    lower, upper : array_like
        Ends of the central forecast interval.
    coverage
        Probability that the interval claims, such as 0.9.

    Returns
    -------
    ndarray
        In units of the observation, from 0 (perfect).

    Raises
    ------
    InputError
        When the coverage is not between 0 and 1.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation.

    Examples
    --------
    >>> interval_score([1.0, 6.0], 0.0, 5.0, coverage=0.9).round(6).tolist()
    [5.0, 25.0]
    """
    check_share(coverage, "coverage")
    y, low, high = (np.asarray(a, dtype=float) for a in (observed, lower, upper))
    fine = 2.0 / (1.0 - coverage)
    outside = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return np.asarray(high - low + fine * outside)


def check_share(value: float, name: str) -> None:
    """Raise unless a value lies strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise InputError("not a share", column=name, met=value, expected="between 0 and 1")
