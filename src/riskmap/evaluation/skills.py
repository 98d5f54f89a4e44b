"""What many forecasts are worth together: scores, skill and calibration.

Each function takes the table of a :class:`riskmap.evaluation.backtests.Backtest` and returns a
small one. Pooled scores hide who is hard to forecast, so regions that were active before the origin
stand apart (``region_set``: ``all`` and ``active``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special
from sklearn.metrics import average_precision_score

from riskmap.errors import InputError
from riskmap.evaluation.scores import hit_rate, pai, pei

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskmap.typing import FloatArray

#: Scores of which lower is better, in the order of the tables.
METRICS = ("brier", "log_score", "crps")

#: Width of the intervals around a skill.
CONFIDENCE = 0.9


def score_table(forecasts: pd.DataFrame, *, share: float = 0.05) -> pd.DataFrame:
    """Return the scores of each model over all regions, and over the active ones.

    Parameters
    ----------
    forecasts : DataFrame
        ``Backtest.forecasts``.
    share
        Share of region-origins that can be watched, for hit rate, PAI and PEI.

    Returns
    -------
    DataFrame
        ``region_set, model, forecasts, events``; the means of ``brier, log_score, crps`` (lower is
        better); ``coverage`` of the interval from ``q05`` to ``q95`` (0.9 is right; more where
        counts are small and intervals can't be narrower); ``hit_rate, pai, pei`` and ``ap``
        (higher is better), missing where nothing happened.

    Examples
    --------
    >>> row = {"model": "m", "origin": 0, "region_id": "a", "observed": 1.0, "p_any": 0.5, "q05": 0,
    ...        "q95": 2, "active": True, "brier": 0.25, "log_score": 0.69, "crps": 0.3}
    >>> score_table(pd.DataFrame([row]))["coverage"].tolist()
    [1.0, 1.0]
    """
    rows = []
    for region_set, model, rows_of in _each(forecasts):
        observed, stated = rows_of["observed"].to_numpy(), rows_of["p_any"].to_numpy()
        inside = rows_of["observed"].between(rows_of["q05"], rows_of["q95"])
        event = observed > 0
        row = {"region_set": region_set, "model": model, "forecasts": len(rows_of)}
        row |= {"events": int(event.sum())} | rows_of[list(METRICS)].mean().to_dict()
        row |= {"coverage": inside.mean()}
        if event.any():
            ranked = {"hit_rate": hit_rate, "pai": pai, "pei": pei}
            row |= {name: f(event, stated, share=share) for name, f in ranked.items()}
            row |= {"ap": float(average_precision_score(event, stated))}
        rows.append(row)
    names = ["region_set", "model", "forecasts", "events", *METRICS, "coverage"]
    return pd.DataFrame(rows).reindex(columns=[*names, "hit_rate", "pai", "pei", "ap"])


def skill_table(
    forecasts: pd.DataFrame, baseline: str, *, replicas: int = 999, seed: int = 0
) -> pd.DataFrame:
    r"""Return each model's skill against a baseline, with intervals from resampled origins.

    .. math:: 1 - \frac{\sum \mathrm{score}_{model}}{\sum \mathrm{score}_{baseline}}

    Origins are drawn in blocks of neighbours, :math:`\sqrt n` long, because bad months come
    together; regions of one origin stay together. The interval is Fieller's: of the ratios
    :math:`\rho` it holds those whose :math:`\sum \mathrm{score}_{model} - \rho \sum
    \mathrm{score}_{baseline}` is within

    .. math:: \pm\, t_{0.95,\,b-1} \sqrt{b / (b - 1)}\; \mathrm{sd}

    of zero, with the standard deviation over the samples and the :math:`b = \sqrt n` blocks that a
    sample holds. A ratio of sums is skewed where a few bad origins make up most of both, and so is
    its interval. Of simulated forecasts it held the truth in 90 to 95 of 100 cases with 12 to 80
    origins, of invented scores with heavy tails in 93 to 98, where such origins are correlated by a
    half in 88 to 93, and by .8 in 69 to 82.

    Parameters
    ----------
    forecasts : DataFrame
        ``Backtest.forecasts``.
    baseline
        The model to compare with.
    replicas
        Bootstrap samples.
    seed
        Seed of the samples.

    Returns
    -------
    DataFrame
        ``region_set, model, metric, skill, low, high``: 0 is as good as the baseline, 1 perfect,
        below 0 worse; `low` to `high` is the interval that should hold the truth in 90 of 100 cases
        (missing with a single origin, and where origins differ so much that it has no end).

    Raises
    ------
    InputError
        When there is no such model.

    References
    ----------
    Fieller (1954), Some problems in interval estimation; Kunsch (1989), The jackknife and the
    bootstrap for general stationary observations; Politis and Romano (1992), A circular
    block-resampling procedure for stationary data.

    Examples
    --------
    >>> table = pd.DataFrame({"model": ["m"] * 4 + ["b"] * 4, "origin": [1, 2, 3, 4] * 2,
    ...                       "active": True, "brier": [1.0] * 4 + [2.0] * 4})
    >>> table = table.assign(log_score=1.0, crps=1.0)
    >>> skill_table(table, "b")["skill"].tolist()[:2]
    [0.5, 0.0]
    """
    if baseline not in set(forecasts["model"]):
        raise InputError("no such model", column="baseline", met=baseline)
    rows = []
    for region_set, part in _region_sets(forecasts):
        by_origin = part.groupby(["model", "origin"], sort=False)[list(METRICS)].sum()
        base = by_origin.loc[baseline]
        length = max(1, round(len(base) ** 0.5))
        samples = _draw_blocks(len(base), length, replicas, seed)
        wide = _width(len(base) / length)
        for model in dict.fromkeys(part["model"]):
            if model == baseline:
                continue
            own = by_origin.loc[model].reindex(base.index)
            for metric in METRICS:
                ours, theirs = own[metric].to_numpy(), base[metric].to_numpy()
                ratio, low, high = _ratio_interval(ours, theirs, samples, width=wide)
                rows.append((region_set, model, metric, 1.0 - ratio, 1.0 - high, 1.0 - low))
    return pd.DataFrame(rows, columns=["region_set", "model", "metric", "skill", "low", "high"])


def reliability_table(forecasts: pd.DataFrame, *, bins: int = 10) -> pd.DataFrame:
    """Return how often something happened where a probability was stated.

    Parameters
    ----------
    forecasts : DataFrame
        ``Backtest.forecasts``.
    bins
        Bins with about as many forecasts each; fewer where many state the same.

    Returns
    -------
    DataFrame
        ``region_set, model, bin, forecasts, stated, observed``: mean probability stated and share
        that happened. A calibrated model has them equal.

    References
    ----------
    Murphy and Winkler (1977), Reliability of subjective probability forecasts of precipitation and
    temperature.

    Examples
    --------
    >>> table = pd.DataFrame({"model": "m", "active": True, "observed": [0.0, 1.0, 1.0, 1.0],
    ...                       "p_any": [0.1, 0.2, 0.8, 0.9]})
    >>> reliability_table(table, bins=2).query("region_set == 'all'")["observed"].tolist()
    [0.5, 1.0]
    """
    rows = []
    for region_set, model, rows_of in _each(forecasts):
        stated = rows_of["p_any"].to_numpy()
        edges = np.unique(np.quantile(stated, np.linspace(0, 1, bins + 1)[1:-1]))
        place = np.searchsorted(edges, stated, side="left")
        event = rows_of["observed"].to_numpy() > 0
        for i in np.unique(place):
            held = place == i
            row = (int(held.sum()), stated[held].mean(), event[held].mean())
            rows.append((region_set, model, int(i), *row))
    names = ["region_set", "model", "bin", "forecasts", "stated", "observed"]
    return pd.DataFrame(rows, columns=names)


def _region_sets(forecasts: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield all forecasts, and those of regions that were active."""
    yield "all", forecasts
    if forecasts["active"].any():
        yield "active", forecasts[forecasts["active"]]


def _each(forecasts: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the forecasts of each set of regions and model."""
    for region_set, part in _region_sets(forecasts):
        for model, rows_of in part.groupby("model", sort=False):
            yield region_set, str(model), rows_of


def _draw_blocks(n: int, length: int, replicas: int, seed: int) -> np.ndarray:
    """Return positions of origins, shape (replicas, n), in runs of neighbours around a circle."""
    starts = np.random.default_rng(seed).integers(0, n, (replicas, -(-n // length)))
    runs = (starts[:, :, None] + np.arange(length)) % n
    return runs.reshape(replicas, -1)[:, :n]


def _width(blocks: float) -> float:
    """Return the half width of an interval in standard deviations; missing for one block."""
    if blocks <= 1:
        return np.nan
    student = special.stdtrit(blocks - 1, (1 + CONFIDENCE) / 2)
    return float(student * np.sqrt(blocks / (blocks - 1)))


def _ratio_interval(
    ours: FloatArray, theirs: FloatArray, samples: np.ndarray, *, width: float
) -> tuple[float, float, float]:
    """Return the ratio of two sums and Fieller's interval of it; missing where it has no end.

    Where both are perfect they are as good as each other.
    """
    (own, both), (_, base) = width**2 * np.cov(
        ours[samples].sum(axis=1), theirs[samples].sum(axis=1), bias=True
    )
    top, bottom = float(ours.sum()), float(theirs.sum())
    if top == bottom == 0:
        return 1.0, 1.0, 1.0
    ratio = top / bottom if bottom else np.inf
    a, b, c = bottom**2 - base, top * bottom - both, top**2 - own
    if not a > 0:
        return ratio, np.nan, np.nan
    reach = np.sqrt(max(b**2 - a * c, 0.0))
    return ratio, float(b - reach) / a, float(b + reach) / a
