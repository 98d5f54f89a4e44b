"""Spreading: incidents that are known only to a province or a country, over its regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskmap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from riskmap.typing import FloatArray, IntArray

#: How a vague incident's weight is shared out.
SPREADS = ("history", "uniform", "exposure")

#: Weights are whole numbers of this, so that they sum to 1 exactly, in any order.
_GRAIN = 2.0**-40

#: A day that is missing.
_NEVER = int(np.iinfo(np.int64).min)

_DAY_BITS = 32
_HALF = 2 ** (_DAY_BITS - 1)


#: Incidents that became known longer ago than this don't tell where others happen.
MEMORY_DAYS = 3653


def exact_weights(shares: FloatArray) -> FloatArray:
    """Return weights in proportion to some shares that sum to exactly 1, row by row.

    Each weight is a whole multiple of ``2 ** -40``; what rounding leaves over goes to the largest.

    Parameters
    ----------
    shares : ndarray, shape (n_rows, n_regions)
        Non-negative; at least one of each row is positive.

    Examples
    --------
    >>> weights = exact_weights(np.array([[1.0, 1.0, 1.0]]))
    >>> float(weights.sum()), weights.round(6).tolist()
    (1.0, [[0.333333, 0.333333, 0.333333]])
    """
    share = shares / shares.sum(axis=1, keepdims=True)
    weights = np.floor(share / _GRAIN) * _GRAIN
    rows = np.arange(len(weights))
    weights[rows, share.argmax(axis=1)] += 1.0 - weights.sum(axis=1)
    return weights


@dataclass(frozen=True)
class Past:
    """Incidents of one region each, sorted by region and then by the day they were known.

    Parameters
    ----------
    keys : ndarray of int, shape (n,)
        Region and day as one number, ascending.
    total : ndarray of int, shape (n + 1,)
        How many incidents stand before each.
    """

    keys: IntArray
    total: IntArray

    @classmethod
    def of(cls, region: IntArray, known: IntArray, reports: IntArray | None = None) -> Past:
        """Return the past of incidents; those that were never known are none.

        Parameters
        ----------
        region, known : ndarray of int, shape (n,)
            Position of the region, and days since 1970; the smallest integer where it is missing.
        reports : ndarray of int, shape (n,), optional
            How many incidents each row stands for; by default one.
        """
        told = known != _NEVER
        keys = _key(region[told], known[told])
        if reports is None:
            return cls(np.sort(keys), np.arange(len(keys) + 1))
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], np.append(0, reports[told][order].cumsum()))

    def before(self, regions: IntArray, days: IntArray) -> IntArray:
        """Return how many incidents of each region were known before each day.

        Parameters
        ----------
        regions : ndarray of int, shape (n_regions,)
        days : ndarray of int, shape (n_days,)

        Returns
        -------
        ndarray of int, shape (n_days, n_regions)

        Examples
        --------
        >>> past = Past.of(np.array([5, 5, 7]), np.array([10, 20, 10]))
        >>> past.before(np.array([5, 7]), np.array([10, 21])).tolist()
        [[0, 0], [2, 1]]
        """
        until = np.searchsorted(self.keys, _key(regions, days[:, None]))
        return np.asarray(
            self.total[until] - self.total[np.searchsorted(self.keys, _key(regions, _NEVER))]
        )


def _key(region: IntArray, day: IntArray | int) -> IntArray:
    """Return one number for a region and a day."""
    return (region << _DAY_BITS) + np.clip(day, -_HALF, _HALF - 1)


def spread_weights(
    members: IntArray,
    when: IntArray,
    *,
    how: str,
    past: Past,
    exposure: FloatArray | None,
) -> FloatArray:
    """Return how incidents that are known to an area count in each of its regions.

    Parameters
    ----------
    members : ndarray of int, shape (n_members,)
        Positions of the area's regions.
    when : ndarray of int, shape (n_days,)
        Days on which vague incidents became known, since 1970.
    how
        ``"uniform"``: equally; ``"exposure"``: by `exposure`; ``"history"``: by the precise
        incidents of each region that became known in the ten years before, plus one for every
        region (Laplace's rule), so that later knowledge never changes an earlier forecast.
    past
        The precise incidents.
    exposure : ndarray, shape (n_regions,), optional
        Exposure of every region.

    Returns
    -------
    ndarray, shape (n_days, n_members)
        Each row sums to exactly 1.

    Examples
    --------
    >>> past = Past.of(np.array([5]), np.array([20]))
    >>> spread_weights(np.array([5, 7]), np.array([10, 30]), how="history", past=past,
    ...                exposure=None)
    array([[0.5       , 0.5       ],
           [0.66666667, 0.33333333]])
    """
    shares = np.ones((len(when), len(members)))
    if how == "exposure" and exposure is not None and exposure[members].sum() > 0:
        shares = np.broadcast_to(exposure[members], shares.shape)
    elif how == "history":
        shares += past.before(members, when) - past.before(members, when - MEMORY_DAYS)
    return exact_weights(shares)


def check_spread(how: str | None, exposure: pd.Series | None) -> None:
    """Raise unless a way of spreading is known and has what it needs.

    Raises
    ------
    InputError
        When `how` is unknown, or is ``"exposure"`` without one, or exposure is negative or missing.

    Examples
    --------
    >>> check_spread("uniform", None)
    """
    if how is not None and how not in SPREADS:
        raise InputError("unknown way to spread", column="spread", met=how, expected=str(SPREADS))
    if how == "exposure" and exposure is None:
        raise InputError("spread='exposure' needs exposure", expected="a Series by region_id")
    if exposure is not None and not (exposure >= 0).all():
        raise InputError("exposure is negative or missing", column="exposure")
