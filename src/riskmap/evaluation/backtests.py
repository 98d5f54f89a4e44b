"""Backtests: what forecasts would have said on past days, and what they would have been worth.

The origin rolls through the panel. At each origin every model sees the windows before it and
nothing else, forecasts the count over the horizon, and is held against what then happened. Models
learn from horizons that are wholly past, so a forecast's own horizon is never among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.base import clone

from riskmap.errors import InputError, ModelError
from riskmap.evaluation import scores, skills
from riskmap.models.estimators import parse_horizon, windows_ahead
from riskmap.models.forecasts import take_model
from riskmap.panels.risk_days import observed_totals
from riskmap.panels.windows import parse_day

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, Mapper

#: A region is active when something happened in it in so many days before the origin.
ACTIVE_DAYS = 365

#: Probabilities nearer to 0 or 1 are scored as this near, so that a mean can be taken.
SUREST = 1e-6

#: Ends of the interval whose coverage is measured.
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Backtest:
    """Forecasts from past origins, with what happened and what each forecast scored.

    Parameters
    ----------
    forecasts : DataFrame
        ``model, origin, region_id, observed, expected_count, p_any, q05, q95, brier, log_score,
        crps, active``; one row a model, origin and region. ``brier`` and ``log_score`` judge
        ``p_any``, ``crps`` the whole distribution; lower is better.
    horizon_days : tuple of float
        Length of the horizon from each origin: whole windows, so months differ a little.
    series
        The series that was forecast.
    """

    forecasts: pd.DataFrame
    horizon_days: tuple[float, ...]
    series: str

    def scores(self, *, share: float = 0.05) -> pd.DataFrame:
        """Return the scores of each model over all regions, and over the active ones.

        See :func:`riskmap.evaluation.skills.score_table`.
        """
        return skills.score_table(self.forecasts, share=share)

    def skill(self, baseline: str, *, replicas: int = 999, seed: int = 0) -> pd.DataFrame:
        """Return each model's skill against a baseline, with intervals over origins.

        See :func:`riskmap.evaluation.skills.skill_table`.
        """
        return skills.skill_table(self.forecasts, baseline, replicas=replicas, seed=seed)

    def reliability(self, *, bins: int = 10) -> pd.DataFrame:
        """Return how often something happened where a probability was stated.

        See :func:`riskmap.evaluation.skills.reliability_table`.
        """
        return skills.reliability_table(self.forecasts, bins=bins)


@dataclass(frozen=True)
class Task:
    """One model, fitted once and asked at one origin or more. It can be sent to another process.

    Parameters
    ----------
    model
        The model, not fitted.
    history
        The windows up to the end of the last target.
    origins
        Windows before each origin; the model is fitted at the first.
    ahead
        Windows in the horizon.
    """

    model: CountModel
    history: CountHistory
    origins: tuple[int, ...]
    ahead: int


def backtest(
    panel: Panel,
    models: Mapping[str, CountModel] | Sequence[CountModel],
    *,
    horizon: str | float | pd.Timedelta = "90D",
    origins: int | Sequence[str | date | pd.Timestamp] = 12,
    series: str = "violence",
    refit: int = 1,
    mapper: Mapper = map,
) -> Backtest:
    """Forecast from past origins and score what was forecast.

    Parameters
    ----------
    panel : Panel
        Counts by region and window. Reports that came late are in it from the start: to see
        forecasts as they would have been, count anew for each origin.
    models
        Models by name, or a list of models of different classes; they are cloned and not changed.
    horizon
        How far ahead, as for :func:`riskmap.forecast`, rounded to whole windows.
    origins
        Starts of windows to forecast from; or how many, a horizon apart, the last of them a
        horizon before the panel's end.
    series
        ``"violence"``, ``"foreign"``, ``"fatalities"`` or ``"reports"``.
    refit
        Fit anew at every so many origins; between them a model sees new windows and keeps what it
        learnt, and the length of the horizon that it learnt it for.
    mapper
        How to run the tasks, like :func:`map` (the default): the ``map`` of a
        ``concurrent.futures.ProcessPoolExecutor`` runs them in parallel, and
        :func:`riskmap.workers.map_on` on a Dask cluster. The result is the same to the bit.

    Returns
    -------
    Backtest

    Raises
    ------
    InputError
        When there are no models, or `horizon`, `origins` or `refit` is wrong.
    ModelError
        When the history before the first origin is shorter than the horizon, or nothing is known
        of the series.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="quarter", as_of="2025-01-01")
    >>> models = {"EB": rm.EmpiricalBayes(), "climatology": rm.Climatology()}
    >>> found = rm.backtest(panel, models, origins=4)
    >>> found.skill("climatology").query("region_set == 'all'")["metric"].tolist()
    ['brier', 'log_score', 'crps']
    """
    named = _name_models(models)
    if not named or refit < 1:
        raise InputError("needs a model, and a refit of 1 or more", met=f"{len(named)}, {refit}")
    history = panel.history(series)
    if panel.frame[series].isna().all():
        raise ModelError(f"nothing is known of the series {series!r}")
    ahead = windows_ahead(history, parse_horizon(horizon))
    at = _find_origins(panel, origins, ahead)
    tasks = [
        Task(model, history.until(block[-1] + ahead), block, ahead)
        for model in named.values()
        for block in (tuple(at[i : i + refit]) for i in range(0, len(at), refit))
    ]
    starts = pd.DatetimeIndex(panel.edges[at]).as_unit("us")
    rows = [list(named), starts, panel.keys["region_id"].to_numpy()]
    index = pd.MultiIndex.from_product(rows, names=["model", "origin", "region_id"])
    table = pd.concat(list(mapper(run_task, tasks))).set_axis(index).reset_index()
    days = tuple(float(history.days[t : t + ahead].sum()) for t in at)
    known = table[table["observed"].notna()].reset_index(drop=True)
    return Backtest(known, horizon_days=days, series=series)


def _name_models(
    models: Mapping[str, CountModel] | Sequence[CountModel] | CountModel,
) -> dict[str, CountModel]:
    """Return models by name; those of a list by their class."""
    if isinstance(models, Mapping):
        return {str(name): take_model(model) for name, model in models.items()}
    several = list(models) if isinstance(models, Sequence) else [models]
    names = [type(take_model() if model is None else model).__name__ for model in several]
    again = next((name for name in names if names.count(name) > 1), None)
    if again is not None:
        raise InputError(
            "two models of a list have one name",
            column="models",
            met=again,
            expected='names of your own, such as {"one": ..., "other": ...}',
        )
    return {name: take_model(model) for name, model in zip(names, several, strict=True)}


def run_task(task: Task) -> pd.DataFrame:
    """Return the forecasts of a task and their scores, one row an origin and region.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(counts=np.ones((6, 2)), days=np.full(6, 30.0),
    ...                        parent=np.zeros(2, int), country=np.zeros(2, int))
    >>> run_task(Task(rm.Climatology(), history, (5,), 1))["observed"].tolist()
    [1.0, 1.0]
    """
    first = task.origins[0]
    days = float(task.history.days[first : first + task.ahead].sum())
    model = clone(task.model).fit(task.history.until(first), horizon_days=days)
    tables = []
    for origin in task.origins:
        past = task.history.until(origin)
        observed = np.rint(observed_totals(task.history, origin, task.ahead))
        judged = _judge(model.predict_distribution(past), observed)
        tables.append(pd.DataFrame(judged | {"active": _is_active(past)}))
    return pd.concat(tables, ignore_index=True)


def _find_origins(
    panel: Panel, origins: int | Sequence[str | date | pd.Timestamp], ahead: int
) -> list[int]:
    """Return the number of windows before each origin."""
    n_windows = len(panel.edges) - 1
    if isinstance(origins, int):
        at = sorted(n_windows - ahead * (k + 1) for k in range(origins))
    else:
        days = [np.datetime64(parse_day(day, what="an origin"), "D") for day in origins]
        strange = [day for day in days if day not in panel.edges]
        if strange:
            raise InputError("an origin starts no window", met=str(strange[0]))
        at = np.searchsorted(panel.edges, np.array(days)).tolist()
    if not at or any(a >= b for a, b in pairwise(at)):
        raise InputError("origins must be at least one, ascending, none twice", met=str(origins))
    if at[-1] + ahead > n_windows:
        raise InputError("the last origin leaves no whole horizon", met=str(panel.edges[at[-1]]))
    if at[0] < ahead:
        raise ModelError(
            f"{max(at[0], 0)} windows before the first origin are less than a horizon of {ahead}"
        )
    return at


def _is_active(past: CountHistory) -> NDArray[np.bool_]:
    """Return in which regions something happened of late."""
    age = np.cumsum(past.days[::-1])[::-1]
    return np.asarray(np.nansum(past.counts[age <= ACTIVE_DAYS], axis=0) > 0)


def _judge(found: CountDistribution, observed: FloatArray) -> dict[str, FloatArray]:
    """Return what a forecast said of each region, and the scores of it; missing where not known."""
    event = np.where(np.isnan(observed), np.nan, observed > 0)
    p_any = found.p_gt(0)
    sure = np.clip(p_any, SUREST, 1.0 - SUREST)
    return {
        "observed": observed,
        "expected_count": found.mean,
        "p_any": p_any,
        "q05": found.quantile(INTERVAL[0]),
        "q95": found.quantile(INTERVAL[1]),
        "brier": scores.brier(event, p_any),
        "log_score": scores.log_score(event, sure),
        "crps": scores.crps(observed, found),
    }
