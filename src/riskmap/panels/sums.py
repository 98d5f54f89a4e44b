"""Sums of scans: tables that add up by region, day and kind, and the newest incidents of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.panels.measures import FACTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.typing import IntArray

#: How many of the newest incidents of a region a scan keeps whole, to name them among the reasons
#: of a level; and as many of the newest that hit foreigners. The others are kept as sums.
KEPT = 200

#: What the sums of a scan are by, in their order.
KEYS = ("position", *FACTS[:3], "area", *FACTS[3:])
SUMS = ("reports", "fatalities")
_KEPT_BY = ["position", "area", "foreign"]

#: How many times as long as others a table is, when it is not sorted anew to add them.
_FEW = 20


def add_sums(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the sums of all tables; of a long one, only rows of the others' days are looked at.

    A table may hold what is taken away, as negative numbers; rows of nothing are left out.
    """
    long, *others = sorted(tables, key=len, reverse=True)
    few = sum_up(pd.concat(others, ignore_index=True))
    if len(few) * _FEW > len(long):
        return _something(sum_up(pd.concat([long, few], ignore_index=True)))
    place, concerned = _places(long), np.unique(_places(few))
    start = np.searchsorted(place, concerned, side="left")
    touched = np.zeros(len(long) + 1, dtype=np.int64)
    np.add.at(touched, start, 1)
    np.add.at(touched, np.searchsorted(place, concerned, side="right"), -1)
    is_touched = np.cumsum(touched[:-1]) > 0
    fresh = _something(sum_up(pd.concat([long[is_touched], few], ignore_index=True)))
    rest = np.flatnonzero(~is_touched)
    order = np.argsort(np.concatenate([place[rest], _places(fresh)]), kind="stable")
    rows = np.append(rest, len(long) + np.arange(len(fresh)))[order]
    return pd.concat([long, fresh], ignore_index=True).take(rows).reset_index(drop=True)


def _something(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for incidents."""
    some = (sums["reports"] != 0).to_numpy()
    return sums if some.all() else sums[some].reset_index(drop=True)


def _places(sums: pd.DataFrame) -> IntArray:
    """Return one number for the region and first day of each row, in the order of the sums."""
    first = sums["first"].to_numpy().clip(-(2**31), 2**31 - 1)
    return (sums["position"].to_numpy() << 32) + first


def sum_up(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each key, in order."""
    groups = table.groupby(list(KEYS), as_index=False, sort=True, dropna=False, observed=True)
    return groups[list(SUMS)].sum()


def find_late(keys: pd.DataFrame) -> IntArray:
    """Return the rows of the newest days of each region or area: more than are kept only by ties.

    A million rows are sorted by day here, and only these by their texts.
    """
    group = keys.groupby(_KEPT_BY, dropna=False, sort=False).ngroup().to_numpy()
    first = keys["first"].to_numpy()
    order = np.argsort((group << 32) + first.clip(-(2**31), 2**31 - 1))
    ends = np.searchsorted(group[order], np.arange(group.max(initial=-1) + 1), side="right")
    starts = np.append(0, ends[:-1])
    least = first[order[np.maximum(ends - KEPT, starts)]]
    return np.flatnonzero(first >= least[group]) if len(group) else group


def keep_newest(whole: pd.DataFrame) -> pd.DataFrame:
    """Return the newest of each region or area, and the newest that hit foreigners."""
    ordered = whole.sort_values(
        ["first", "incident_id", "source_file", "source_row"], ascending=[False, True, True, True]
    )
    rank = ordered.groupby(_KEPT_BY, dropna=False).cumcount()
    return ordered[(rank < KEPT).to_numpy()].reset_index(drop=True)
