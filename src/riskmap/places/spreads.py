"""Spreading: incidents that are known only to a province or a country, over its regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: How a vague incident's weight is shared out.
SPREADS = ("history", "uniform", "exposure")

#: Weights are whole numbers of this, so that they sum to 1 exactly, in any order.
_GRAIN = 2.0**-40


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


def spread_weights(
    members: IntArray,
    when: NDArray[np.datetime64],
    *,
    how: str,
    history: tuple[IntArray, NDArray[np.datetime64]],
    exposure: FloatArray | None,
) -> FloatArray:
    """Return how incidents that are known to an area count in each of its regions.

    Parameters
    ----------
    members : ndarray of int, shape (n_members,)
        Positions of the area's regions.
    when : ndarray of datetime64, shape (n_incidents,)
        When each vague incident became known.
    how
        ``"uniform"``: equally; ``"exposure"``: by `exposure`; ``"history"``: by the precise
        incidents of each region that were known earlier, plus one for every region (Laplace's
        rule), so that later knowledge never changes an earlier forecast.
    history
        Region and time of knowledge of the precise incidents.
    exposure : ndarray, shape (n_regions,), optional
        Exposure of every region.

    Returns
    -------
    ndarray, shape (n_incidents, n_members)
        Each row sums to exactly 1.

    Examples
    --------
    >>> day = np.array(["2024-01-01", "2024-03-01"], dtype="datetime64[D]")
    >>> precise = np.array([5]), np.array(["2024-02-01"], dtype="datetime64[D]")
    >>> spread_weights(np.array([5, 7]), day, how="history", history=precise, exposure=None)
    array([[0.5       , 0.5       ],
           [0.66666667, 0.33333333]])
    """
    shares = np.ones((len(when), len(members)))
    if how == "exposure" and exposure is not None and exposure[members].sum() > 0:
        shares = np.broadcast_to(exposure[members], shares.shape)
    elif how == "history":
        region, known = history
        told = ~np.isnat(known)
        days, day = known.astype(np.int64), when.astype(known.dtype).astype(np.int64)
        for column, member in enumerate(members):
            past = np.sort(days[told & (region == member)])
            shares[:, column] += np.searchsorted(past, day)
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
