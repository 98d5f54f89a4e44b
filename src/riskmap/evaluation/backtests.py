"""Backtests: what forecasts would have said on past days, and what they would have been worth.

The origin rolls through the panel. At each origin every model sees the windows before it and
nothing else, forecasts the count over the horizon, and is held against what then happened. Models
learn from horizons that are wholly past, so a forecast's own horizon is never among them.

Pooled scores hide who is hard to forecast, so regions that were active before the origin stand
apart (``region_set``: ``all`` and ``active``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from riskmap.errors import InputError, ModelError
from riskmap.evaluation import scores
from riskmap.evaluation.scores import hit_rate, pai, pei
from riskmap.models.estimators import parse_horizon, windows_ahead
from riskmap.models.forecasts import take_model
from riskmap.panels.risk_days import observed_totals
from riskmap.panels.windows import parse_day
from riskmap.schema import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from numpy.typing import NDArray

    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, Mapper

#: Scores of which lower is better, in the order of the tables.
METRICS = ("brier", "log_score", "crps")

#: Width of the intervals around a skill.
CONFIDENCE = 0.9
#: A region is active when something happened in it in so many days before the origin.
ACTIVE_DAYS = 365
#: Probabilities nearer to 0 or 1 are scored as this near, so that a mean can be taken.
SUREST = 1e-6
#: Ends of the interval whose coverage is measured.
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Tables):
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

        Parameters
        ----------
        share
            Share of region-origins that can be watched, for hit rate, PAI and PEI.

        Returns
        -------
        DataFrame
            ``region_set, model, forecasts, events``; the means of ``brier, log_score, crps`` (lower
            is better); ``coverage`` of the interval from ``q05`` to ``q95`` (0.9 is right; more
            where counts are small and intervals can't be narrower); ``hit_rate, pai, pei`` and
            ``ap`` (higher is better), missing where nothing happened.

        Examples
        --------
        >>> row = {"model": "m", "origin": 0, "region_id": "a", "observed": 1.0, "p_any": 0.5,
        ...        "q05": 0, "q95": 2, "active": True, "brier": 0.25, "log_score": 0.7, "crps": 0.3}
        >>> Backtest(pd.DataFrame([row]), (90.0,), "violence").scores()["coverage"].tolist()
        [1.0, 1.0]
        """
        rows = []
        for region_set, model, rows_of in _each(self.forecasts):
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

    def skill(self, baseline: str, *, replicas: int = 999, seed: int = 0) -> pd.DataFrame:
        r"""Return each model's skill against a baseline, with intervals from resampled origins.

        .. math:: 1 - \frac{\sum \mathrm{score}_{model}}{\sum \mathrm{score}_{baseline}}

        Origins are drawn in blocks of neighbours, :math:`\sqrt n` long, because bad months come
        together; regions of one origin stay together. The interval is Fieller's: of the ratios
        :math:`\rho` it holds those whose :math:`\sum \mathrm{score}_{model} - \rho \sum
        \mathrm{score}_{baseline}` is within

        .. math:: \pm\, t_{0.95,\,b-1} \sqrt{b / (b - 1)}\; \mathrm{sd}

        of zero, with the standard deviation over the samples and the :math:`b = \sqrt n` blocks
        that a sample holds. A ratio of sums is skewed where a few bad origins make up most of both,
        and so is its interval. Of simulated forecasts it held the truth in 90 to 95 of 100 cases
        with 12 to 80 origins, of invented scores with heavy tails in 93 to 98, where such origins
        are correlated by a half in 88 to 93, and by .8 in 69 to 82.

        Parameters
        ----------
        baseline
            The model to compare with.
        replicas
            Bootstrap samples.
        seed
            Seed of the samples.

        Returns
        -------
        DataFrame
            ``region_set, model, metric, skill, low, high``: 0 is as good as the baseline, 1
            perfect, below 0 worse; `low` to `high` is the interval that should hold the truth in 90
            of 100 cases (missing with a single origin, and where origins differ so much that it has
            no end).

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
        >>> Backtest(table, (90.0,), "violence").skill("b")["skill"].tolist()[:2]
        [0.5, 0.0]
        """
        if baseline not in set(self.forecasts["model"]):
            raise InputError("no such model", column="baseline", met=baseline)
        rows = []
        for region_set, part in _region_sets(self.forecasts):
            by_origin = part.groupby(["model", "origin"], sort=False)[list(METRICS)].sum()
            base = by_origin.loc[baseline]
            length = max(1, round(len(base) ** 0.5))
            samples = _draw_blocks(len(base), length, replicas, seed)
            blocks, wide = len(base) / length, np.nan  # of one block nobody knows how wide
            if blocks > 1:
                student = special.stdtrit(blocks - 1, (1 + CONFIDENCE) / 2)
                wide = float(student * np.sqrt(blocks / (blocks - 1)))
            for model in dict.fromkeys(part["model"]):
                if model == baseline:
                    continue
                own = by_origin.loc[model].reindex(base.index)
                for metric in METRICS:
                    ours, theirs = own[metric].to_numpy(), base[metric].to_numpy()
                    ratio, low, high = _ratio_interval(ours, theirs, samples, width=wide)
                    rows.append((region_set, model, metric, 1.0 - ratio, 1.0 - high, 1.0 - low))
        return pd.DataFrame(rows, columns=["region_set", "model", "metric", "skill", "low", "high"])

    def plot(self, *, bins: int = 10, ax: Any = None) -> Any:
        """Draw how often something happened where each model stated a probability.

        Parameters
        ----------
        bins
            As for :meth:`reliability`.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure when None.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingDependencyError
            When matplotlib is not installed (extra ``notebook``).
        """
        from riskmap.outputs import views

        return views.plot_backtest(self, bins=bins, ax=ax)

    def _summary(self) -> Mapping[str, object]:
        table, days = self.forecasts, {min(self.horizon_days), max(self.horizon_days)}
        last = str(table["origin"].max()).removesuffix(" 00:00:00")
        return {
            "series": f"{self.series}, for {' to '.join(f'{n:g}' for n in sorted(days))} days",
            "origins": f"{table['origin'].nunique():,}, the last {last}",
            "regions": f"{table['region_id'].nunique():,}",
            "models": ", ".join(dict.fromkeys(table["model"])),
        }

    def _repr_html_(self) -> str:
        """Return a small table for notebooks: the scores of each model."""
        from riskmap.outputs import views

        return views.html_backtest(self)

    def reliability(self, *, bins: int = 10) -> pd.DataFrame:
        """Return how often something happened where a probability was stated.

        Parameters
        ----------
        bins
            Bins with about as many forecasts each; fewer where many state the same.

        Returns
        -------
        DataFrame
            ``region_set, model, bin, forecasts, stated, observed``: mean probability stated and
            share that happened. A calibrated model has them equal.

        References
        ----------
        Murphy and Winkler (1977), Reliability of subjective probability forecasts of precipitation
        and temperature.

        Examples
        --------
        >>> table = pd.DataFrame({"model": "m", "active": True, "observed": [0.0, 1.0, 1.0, 1.0],
        ...                       "p_any": [0.1, 0.2, 0.8, 0.9]})
        >>> found = Backtest(table, (90.0,), "violence").reliability(bins=2)
        >>> found.query("region_set == 'all'")["observed"].tolist()
        [0.5, 1.0]
        """
        rows = []
        for region_set, model, rows_of in _each(self.forecasts):
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
