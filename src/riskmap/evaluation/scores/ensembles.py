"""Scores of random draws from a forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmap.typing import FloatArray


def crps_ensemble(observed: ArrayLike, draws: ArrayLike) -> FloatArray:
    r"""Return the fair continuous ranked probability score of random draws from a forecast.

    .. math:: \frac1m \sum_i |x_i - y| - \frac{1}{2 m (m - 1)} \sum_{i,j} |x_i - x_j|

    Its expectation is the score of the distribution that was drawn from, however few the draws.

    Parameters
    ----------
    observed : array_like, shape (...)
        What happened.
    draws : array_like, shape (n_draws, ...)
        Draws from the forecast, at least two.

    Returns
    -------
    ndarray, shape (...)
        In units of the observation. A single score may be below 0.

    Raises
    ------
    InputError
        When there are fewer than two draws.

    References
    ----------
    Ferro (2014), Fair scores for ensemble forecasts.

    Examples
    --------
    >>> crps_ensemble([1.0], [[0.0], [1.0], [3.0]]).tolist()
    [0.0]
    """
    x = np.sort(np.asarray(draws, dtype=float), axis=0)
    y = np.asarray(observed, dtype=float)
    m = len(x)
    if m < 2:  # noqa: PLR2004 - a spread needs two
        raise InputError("too few draws for a spread", met=m, expected="at least 2")
    to_observed = np.abs(x - y).mean(axis=0)
    place = (2.0 * np.arange(m) - m + 1.0).reshape(-1, *([1] * (x.ndim - 1)))
    return np.asarray(to_observed - (place * x).sum(axis=0) / (m * (m - 1.0)))


def crps_tail(observed: ArrayLike, draws: ArrayLike, *, above: float) -> FloatArray:
    r"""Return the fair CRPS of the part of a forecast above a threshold.

    .. math:: \int_t^\infty \left(F(x) - \mathbb{1}\{y \le x\}\right)^2 dx

    which is the score after everything below the threshold is moved onto it. It stays proper,
    unlike scoring only the cases in which much happened.

    Parameters
    ----------
    observed : array_like, shape (...)
        What happened.
    draws : array_like, shape (n_draws, ...)
        Draws from the forecast, at least two.
    above
        The threshold :math:`t`.

    Returns
    -------
    ndarray, shape (...)
        In units of the observation.

    References
    ----------
    Gneiting and Ranjan (2011), Comparing density forecasts using threshold- and quantile-weighted
    scoring rules; Allen, Ginsbourger and Ziegel (2023).

    Examples
    --------
    >>> crps_tail([1.0, 9.0], [[0.0, 4.0], [5.0, 6.0]], above=5.0).tolist()
    [0.0, 3.0]
    """
    x, y = np.asarray(draws, dtype=float), np.asarray(observed, dtype=float)
    return crps_ensemble(np.maximum(y, above), np.maximum(x, above))
