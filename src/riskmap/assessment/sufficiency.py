"""Sufficiency: whether enough is reported from a region to say anything about it.

Silence is not safety. A region from which nobody reports, or a country whose reports have stopped,
has insufficient data, whatever its expected count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from riskmap.typing import FloatArray

#: Reports in the whole history from which a region's data are sufficient, and its confidence high.
SUFFICIENT_REPORTS = 5
CONFIDENT_REPORTS = 20

#: A silence is a gap when reports at the past rate would have broken it with at least this
#: probability.
GAP_PROBABILITY = 0.99


def judge_sufficiency(activity: pd.DataFrame, *, history_days: float) -> pd.DataFrame:
    """Judge from past reporting how much is known of each region.

    Parameters
    ----------
    activity : DataFrame
        ``region_id, iso3, reports, report_days, country_report_days, last_report_days``, as in
        :class:`riskmap.Forecast`.
    history_days
        Length of the history in days.

    Returns
    -------
    DataFrame
        ``region_id, data_sufficiency, reporting_gap, confidence``, one row a region.

        - *insufficient*: nothing was ever reported from the region, or its whole country has fallen
          silent;
        - *sparse*: fewer than five reports, or the region itself has fallen silent;
        - *sufficient*: the rest.

        A silence of ``t`` days is a gap when days with a report that came at the past rate ``r``
        would have broken it with 99 % probability: ``exp(-r t) < 0.01``. Days are counted and not
        reports, so that a flood of rows which ends is not taken for a source that fell silent.

    Examples
    --------
    >>> activity = pd.DataFrame({"region_id": ["a", "b"], "iso3": "XQA", "reports": [40.0, 0.0],
    ...                          "report_days": [30.0, 0.0], "country_report_days": 30.0,
    ...                          "last_report_days": [10.0, np.nan]})
    >>> judge_sufficiency(activity, history_days=1000)["data_sufficiency"].tolist()
    ['sufficient', 'insufficient']
    """
    country = activity.groupby("iso3", dropna=False).agg(
        report_days=("country_report_days", "max"), last_report_days=("last_report_days", "min")
    )
    country["gap"] = _is_gap(country, history_days)
    silent_country = activity["iso3"].map(country["gap"]).fillna(value=True).to_numpy(dtype=bool)
    reports = activity["reports"].to_numpy(dtype=float)
    gap = _is_gap(activity, history_days) | silent_country
    sufficiency = np.select(
        [(reports <= 0) | silent_country, (reports < SUFFICIENT_REPORTS) | gap],
        ["insufficient", "sparse"],
        default="sufficient",
    )
    confidence = np.select(
        [sufficiency != "sufficient", reports < CONFIDENT_REPORTS],
        ["low", "medium"],
        default="high",
    )
    return pd.DataFrame(
        {
            "region_id": activity["region_id"].to_numpy(),
            "data_sufficiency": sufficiency,
            "reporting_gap": gap,
            "confidence": confidence,
        }
    )


def _is_gap(activity: pd.DataFrame, history_days: float) -> FloatArray:
    """Return where a silence is longer than the past rate of reports can explain."""
    expected = activity["report_days"] / history_days * activity["last_report_days"]
    return (-np.expm1(-expected.fillna(0.0)) > GAP_PROBABILITY).to_numpy(dtype=bool)
