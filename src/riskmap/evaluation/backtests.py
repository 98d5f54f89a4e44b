"""Backtests: what forecasts would have said on past days, and what they would have been worth.

The origin rolls through the panel. At each origin every model sees the windows before it and
nothing else, forecasts the count over the horizon, and is held against what then happened. Models
learn from horizons that are wholly past, so a forecast's own horizon is never among them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.base import clone

from riskmap.errors import InputError, ModelError
from riskmap.evaluation import scores, skills
from riskmap.models.distributions import NegativeBinomial
from riskmap.models.estimators import parse_horizon, windows_ahead
from riskmap.models.forecasts import take_model
from riskmap.panels.risk_days import observed_totals
from riskmap.panels.windows import parse_day
from riskmap.settings import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, Mapper

    Result = dict[str, list[list[float]]]

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
        ``model, origin, region_id, observed, expected_count, p_any, q05, q95, pit_low, pit_high,
        active, brier, log_score, crps``; one row a model, origin and region. ``brier`` and
        ``log_score`` judge ``p_any``, ``crps`` the whole distribution; lower is better.
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

    def pit(self, *, bins: int = 10) -> pd.DataFrame:
        """Return where observations fell in the forecast distributions.

        See :func:`riskmap.evaluation.skills.pit_table`.
        """
        return skills.pit_table(self.forecasts, bins=bins)

    def stability(self, thresholds: Sequence[float]) -> pd.DataFrame:
        """Return how often levels flip, and how alike rankings stay, from origin to origin.

        See :func:`riskmap.evaluation.skills.stability_table`.
        """
        return skills.stability_table(self.forecasts, thresholds)


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
        ``concurrent.futures.ProcessPoolExecutor`` runs them in parallel,
        :func:`riskmap.workers.map_on` on a Dask cluster, and :func:`keep_in` lets an interrupted
        backtest resume. The result is the same to the bit.

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
    results = list(mapper(run_task, tasks))
    days = tuple(float(history.days[t : t + ahead].sum()) for t in at)
    frame = _tabulate(results, list(named), at, panel)
    return Backtest(_score(frame), horizon_days=days, series=series)


def _name_models(
    models: Mapping[str, CountModel] | Sequence[CountModel] | CountModel,
) -> dict[str, CountModel]:
    """Return models by name; those of a list by their class."""
    if isinstance(models, Mapping):
        return {str(name): take_model(model) for name, model in models.items()}
    several = list(models) if isinstance(models, Sequence) else [models]
    several = [take_model() if model is None else model for model in several]
    names = [type(model).__name__ for model in several]
    again = next((name for name in names if names.count(name) > 1), None)
    if again is not None:
        raise InputError(
            "two models of a list have one name",
            column="models",
            met=again,
            expected='names of your own, such as {"one": ..., "other": ...}',
        )
    return {name: take_model(model) for name, model in zip(names, several, strict=True)}


def run_task(task: Task) -> Result:
    """Return the forecasts of a task: by column, a list for each origin of one value a region.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(counts=np.ones((6, 2)), days=np.full(6, 30.0),
    ...                        parent=np.zeros(2, int), country=np.zeros(2, int))
    >>> run_task(Task(rm.Climatology(), history, (5,), 1))["observed"]
    [[1.0, 1.0]]
    """
    result: Result = {}
    first = task.origins[0]
    days = float(task.history.days[first : first + task.ahead].sum())
    model = clone(task.model).fit(task.history.until(first), horizon_days=days)
    for origin in task.origins:
        observed = np.rint(observed_totals(task.history, origin, task.ahead))
        found = model.predict_distribution(task.history.until(origin))
        for name, values in _judge(found, observed).items():
            result.setdefault(name, []).append([float(value) for value in values])
        result.setdefault("active", []).append(_active(task.history, origin).tolist())
    return result


def keep_in(folder: str | os.PathLike[str], mapper: Mapper = map) -> Mapper:
    """Return a mapper that keeps each task's result in a folder, and takes it from there next time.

    Parameters
    ----------
    folder
        Where the results are kept as JSON, one file a task, named by a digest of all that the task
        depends on. It can be deleted at any time.
    mapper
        What runs the tasks that aren't there yet.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mapper = keep_in(folder)
    """
    place = Path(folder)

    def kept(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterable[Result]:
        place.mkdir(parents=True, exist_ok=True)
        todo = [(task, place / f"{_digest(task)}.json") for task in tasks]
        missing = [(task, path) for task, path in todo if not path.exists()]
        for (_, path), result in zip(
            missing, mapper(function, [task for task, _ in missing]), strict=True
        ):
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            unfinished.write_text(json.dumps(result), encoding="utf-8")
            unfinished.replace(path)
        return [json.loads(path.read_text(encoding="utf-8")) for _, path in todo]

    return kept


def _digest(task: Task) -> str:
    """Return a digest of everything that a task's result depends on."""
    model = task.model.get_params(deep=True)
    seen = task.history
    digest = blake2b(digest_size=16)
    words = [VERSION, type(task.model).__qualname__, repr(sorted(model.items(), key=str))]
    digest.update(repr([*words, task.origins, task.ahead, sorted(seen.drivers)]).encode())
    beside = seen.neighbours
    arrays = [seen.counts, seen.days, seen.parent, seen.country, seen.phase, seen.exposure]
    arrays += [seen.drivers[name] for name in sorted(seen.drivers)]
    arrays += [one for one in (seen.watched, seen.reported) if one is not None]
    arrays += [] if beside is None else [beside.data, beside.indices, beside.indptr]
    for array in arrays:
        found = np.ascontiguousarray(np.empty(0) if array is None else array)
        digest.update(repr((found.shape, str(found.dtype))).encode())
        digest.update(found.tobytes())
    return digest.hexdigest()


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


def _active(history: CountHistory, origin: int) -> FloatArray:
    """Return 1 for regions where something happened of late, 0 for the others."""
    age = np.cumsum(history.days[:origin][::-1])[::-1]
    return (np.nansum(history.counts[:origin][age <= ACTIVE_DAYS], axis=0) > 0).astype(float)


def _judge(found: CountDistribution, observed: FloatArray) -> dict[str, FloatArray]:
    """Return what a forecast said of each region, and the score of its distribution."""
    return {
        "observed": observed,
        "expected_count": found.mean,
        "p_any": found.p_gt(0),
        "q05": found.quantile(INTERVAL[0]),
        "q95": found.quantile(INTERVAL[1]),
        "pit_low": np.where(observed > 0, found.cdf(np.maximum(observed - 1.0, 0.0)), 0.0),
        "pit_high": found.cdf(np.nan_to_num(observed)),
        "crps": _crps(found, observed),
    }


def _crps(found: CountDistribution, observed: FloatArray) -> FloatArray:
    """Return the CRPS in closed form where it exists, else summed over counts."""
    if isinstance(found, NegativeBinomial):
        return scores.crps_count(observed, found.mean, found.size)
    last = max(float(np.nanmax(observed, initial=0.0)), float(found.quantile(1 - 1e-9).max()))
    total = np.zeros(len(observed))
    for count in range(int(last) + 1):
        total += (found.cdf(float(count)) - (observed <= count)) ** 2
    return np.where(np.isnan(observed), np.nan, total)


def _tabulate(
    results: list[Result], names: list[str], origins: list[int], panel: Panel
) -> pd.DataFrame:
    """Return the results as one row a model, origin and region."""
    regions = panel.keys["region_id"].to_numpy()
    columns = {
        name: np.concatenate([np.ravel(result[name]) for result in results]) for name in results[0]
    }
    starts = pd.DatetimeIndex(panel.edges[origins]).as_unit("us")
    index = pd.MultiIndex.from_product(
        [names, starts, regions], names=["model", "origin", "region_id"]
    )
    table = pd.DataFrame(columns, index=index).reset_index()
    return table.assign(active=table["active"] > 0)


def _score(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the known rows with the scores of ``p_any``."""
    known = frame[frame["observed"].notna()].reset_index(drop=True)
    event = (known["observed"] > 0).astype(float)
    sure = known["p_any"].clip(SUREST, 1.0 - SUREST)
    known = known.assign(
        brier=scores.brier(event, known["p_any"]), log_score=scores.log_score(event, sure)
    )
    first = ["model", "origin", "region_id", "observed", "expected_count", "p_any"]
    second = ["q05", "q95", "pit_low", "pit_high", "active", "brier", "log_score", "crps"]
    return known[first + second]
