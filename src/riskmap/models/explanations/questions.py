"""What is asked of a forecast: one layer, its models and its histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.models.terms import LayerModel, ask_what_ifs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskmap.models.what_ifs import WhatIfs
    from riskmap.typing import CountDistribution, CountHistory, FloatArray, IntArray

#: What an answer tells of the forecast.
ANSWER = ("expected_count", "p_any", "dispersion")


@dataclass(frozen=True)
class Question:
    """One layer of a forecast and all that is needed to ask of it what if.

    Parameters
    ----------
    model : LayerModel
        What forecasts it.
    histories : mapping of str to CountHistory
        What it forecasts from, by series.
    region_ids : pandas.Series
        The regions in order.
    rates : mapping of str to ndarray, shape (n_regions,)
        Expected incidents a day of each series.
    """

    model: LayerModel
    histories: Mapping[str, CountHistory]
    region_ids: pd.Series
    rates: Mapping[str, FloatArray]

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return self.model.layer

    @property
    def history(self) -> CountHistory:
        """The history of the first term."""
        return self.histories[self.model.terms[0].series]

    @property
    def is_quick(self) -> bool:
        """Whether the models answer what-ifs of single regions."""
        return all(hasattr(term.model, "predict_what_ifs") for term in self.model.terms)

    def ask(
        self, what_ifs: Callable[[str, CountHistory], WhatIfs], region: IntArray
    ) -> CountDistribution:
        """Return answers to what-ifs (:func:`riskmap.models.terms.ask_what_ifs`)."""
        return ask_what_ifs(self.model, self.histories, what_ifs, region)

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
