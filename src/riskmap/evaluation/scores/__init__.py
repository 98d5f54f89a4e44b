r"""Scores of forecasts as functions of plain arrays.

The observation comes first, the score is elementwise and is never averaged, and lower is better.
Every score here is proper: no one can better their expected score by stating something else than
what they believe. What a ranking alone is worth is in :mod:`riskmap.evaluation.rankings`.

Notes
-----
Throughout, :math:`y` is the observation, :math:`F` the forecast's distribution function,
:math:`X` and :math:`X'` independent draws from it.
"""

from riskmap.evaluation.scores.counts import crps_count, log_score_count
from riskmap.evaluation.scores.ensembles import crps_ensemble, crps_tail
from riskmap.evaluation.scores.events import brier, log_score, ranked_probability
from riskmap.evaluation.scores.quantiles import check_share, interval_score, quantile_score

__all__ = [
    "brier",
    "check_share",
    "crps_count",
    "crps_ensemble",
    "crps_tail",
    "interval_score",
    "log_score",
    "log_score_count",
    "quantile_score",
    "ranked_probability",
]
