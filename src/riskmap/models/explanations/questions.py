"""What is asked of a forecast: one layer, its model and its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from riskmap.models.what_ifs import WhatIfModel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, IntArray

#: What an answer tells of the forecast.
ANSWER = ("expected_count", "p_any", "dispersion")


@dataclass(frozen=True)
class Question:
    """One layer of a forecast and all that is needed to ask of it what if.

    Parameters
    ----------
    model : CountModel
        Fitted.
    history : CountHistory
        What it forecasts from.
    layer
        The series that is forecast.
    region_ids : pandas.Series
        The regions in order.
    rates : mapping of str to ndarray, shape (n_regions,)
        Expected incidents a day of each series.
    """

    model: CountModel
    history: CountHistory
    layer: str
    region_ids: pd.Series
    rates: dict[str, FloatArray]

    @property
    def quick(self) -> WhatIfModel | None:
        """The model when it answers what-ifs of single regions, else None."""
        if any(np.isnan(series).any() for series in self.history.drivers.values()):
            return None
        quick: WhatIfModel | None = (
            self.model if hasattr(self.model, "predict_what_ifs") else None  # type: ignore[assignment]
        )
        return quick

    def tell(self, found: CountDistribution, region: IntArray, **columns: object) -> pd.DataFrame:
        """Return answers as a table."""
        mean = found.mean
        spread = np.divide(found.variance, mean, out=np.ones_like(mean), where=mean > 0)
        return pd.DataFrame(
            {
                "region_id": self.region_ids.to_numpy()[region],
                "layer": self.layer,
                **columns,
                "expected_count": mean,
                "p_any": found.p_gt(0),
                "dispersion": spread,
            }
        )
