"""Hazards: what the probability of any incident says of a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from riskmap.typing import FloatArray

#: At this half-life in months a region's own incidents tell its own rate.
OWN_MONTHS = 24.0

_SIZES = (1e-6, 1e9)
_HALVINGS = 60


def hazard_of(p_any: FloatArray) -> FloatArray:
    """Return minus the log of the probability of none.

    Examples
    --------
    >>> hazard_of(np.array([0.0, 0.5])).round(3).tolist()
    [0.0, 0.693]
    """
    return np.asarray(-special.log1p(-np.minimum(p_any, 1 - 1e-16)))


def match_size(mean: FloatArray, p_any: FloatArray) -> FloatArray:
    """Return the size of the negative binomial of a mean and a probability of at least one.

    It solves ``size * log(1 + mean / size) = -log(1 - p_any)``, by bisection.

    Examples
    --------
    >>> match_size(np.array([1.0]), np.array([0.5])).round(6).tolist()
    [1.0]
    """
    wanted = -np.log1p(-np.minimum(p_any, 1 - 1e-16))
    low = np.full(np.shape(mean), np.log(_SIZES[0]))
    high = np.full(np.shape(mean), np.log(_SIZES[1]))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = np.exp(middle) * np.log1p(mean / np.exp(middle)) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.exp((low + high) / 2)
