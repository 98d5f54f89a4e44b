"""What the models have in common: checked fitting, what they learn from, and to be told.

What a model has learnt can be told as plain values, and read back without running anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import ThreadpoolController

from riskmap.errors import InputError, ModelError
from riskmap.models.distributions import Bernoulli, NegativeBinomial
from riskmap.panels.features import DAYS_A_MONTH
from riskmap.panels.risk_days import counts_and_days, leave_out_breaks, was_watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, IntArray


#: The models that can be told as plain values, and the module each lives in.
KNOWN = {
    "Climatology": "riskmap.models.baselines",
    "Conflictology": "riskmap.models.baselines",
    "EmpiricalBayes": "riskmap.models.shrinkage",
    "EndemicEpidemic": "riskmap.models.endemic_epidemic",
    "ExponentialMean": "riskmap.models.baselines",
    "Hawkes": "riskmap.models.clusters",
    "Persistence": "riskmap.models.baselines",
    "Seasonal": "riskmap.models.baselines",
    "Stack": "riskmap.models.ensembles",
    "Zero": "riskmap.models.baselines",
}

#: The part of a forecast by which breaks change it; the other parts are those without any.
BREAK = "break"
_NUMBER = re.compile(r"[+-]?[\d.]+(e[+-]?\d+)?")
#: A bare number of more days than a century has was meant in another unit.
MOST_DAYS = 36_525.0
#: A window that could hold two incidents would have held them so many times by now.
_MISSED_PAIRS = 10.0


class CountEstimator(BaseEstimator):
    """Base of the models: the gates are here, the subclasses compute.

    A model is two functions: ``_learn(history)`` sets attributes that end in an underscore, and
    ``_forecast(history)`` returns the named parts of the mean and the distribution. A negative
    binomial is turned into yes or no where it learnt from nothing else (:func:`holds_marks`).

    Examples
    --------
    >>> from riskmap.models.distributions import NegativeBinomial
    >>> from riskmap.panels.risk_days import days_ahead
    >>> class Hunch(CountEstimator):
    ...     def __init__(self, rate_per_day=0.01):
    ...         self.rate_per_day = rate_per_day
    ...
    ...     def _forecast(self, history):
    ...         mean = self.rate_per_day * days_ahead(history, self.horizon_days_)
    ...         return {"hunch": mean}, NegativeBinomial(mean)
    >>> from riskmap.testing import check_model
    >>> check_model(Hunch())
    """

    horizon_days_: float
    #: Whether each window says yes or no, and one is forecast.
    marks_: bool = False

    def fit(self, history: CountHistory, *, horizon_days: float) -> Self:
        """Learn from a history how many incidents follow within a horizon after its end.

        Parameters
        ----------
        history
            Counts by window and region.
        horizon_days
            Length of the time to forecast, in days.

        Returns
        -------
        CountEstimator
            The model itself.

        Raises
        ------
        ModelError
            When the horizon is not positive or longer than the history, when nothing at all was
            observed, or when incidents happened where the exposure is zero.
        """
        length = float(history.days.sum()) - history.lead_days
        if not 0 < horizon_days <= length:
            raise ModelError(
                f"the horizon must be more than 0 and at most the {length:g} days of the history, "
                f"met {horizon_days:g} days"
            )
        _check_observed(history)
        history = leave_out_breaks(history)
        self.horizon_days_ = float(horizon_days)
        one_window = horizon_days < 1.5 * float(np.mean(history.days))
        self.marks_ = one_window and holds_marks(history)
        with _one_thread():
            self._learn(history)
        return self

    def predict_distribution(self, history: CountHistory) -> CountDistribution:
        """Return the distribution of the count in the horizon that follows a history."""
        return self._answer(history)[1]

    def predict_components(self, history: CountHistory) -> dict[str, FloatArray]:
        """Return named parts, each of shape (n_regions,), that sum to the mean.

        They are not negative, but what a break takes away.
        """
        return self._answer(history)[0]

    def _answer(self, history: CountHistory) -> tuple[dict[str, FloatArray], CountDistribution]:
        """Return the parts and the distribution, no count above one where there never was."""
        check_is_fitted(self, "horizon_days_")
        _check_observed(history)
        with _one_thread():
            parts, found = self._forecast(history)
            if history.weight is not None:
                parts = self._forecast(replace(history, weight=None))[0]
                parts[BREAK] = found.mean - np.sum(list(parts.values()), axis=0)
        bounded = self._bound(history, found)
        if bounded is found:
            return parts, found
        share = np.divide(
            bounded.mean, found.mean, out=np.ones_like(found.mean), where=found.mean > 0
        )
        return {name: part * share for name, part in parts.items()}, bounded

    def _bound(self, history: CountHistory, found: CountDistribution) -> CountDistribution:
        """Return yes or no for a negative binomial where windows held nothing else."""
        if not (self.marks_ and isinstance(found, NegativeBinomial)):
            return found
        return Bernoulli(np.minimum(found.mean, 1.0 - 0.5 / history.n_windows))

    def _learn(self, history: CountHistory) -> None:
        """Set what is learnt from the history; nothing by default."""

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], CountDistribution]:
        raise NotImplementedError


@dataclass(frozen=True)
class Targets:
    """Counts that followed past origins; one row an origin and region, origins outermost.

    Parameters
    ----------
    at : ndarray of int
        The origins: forecasts are made before these windows.
    when : ndarray of int, shape (n_rows,)
        Each row's origin.
    ahead
        Windows from an origin to the end of its horizon.
    counts, risk, weights : ndarray, shape (n_rows,)
        Incidents in the horizon, its days at risk, and what the row is worth. Of windows that
        nobody watched nothing is learnt: they add neither incidents nor days.
    """

    at: IntArray
    when: IntArray
    ahead: int
    counts: FloatArray
    risk: FloatArray
    weights: FloatArray

    def part(self, rows: NDArray[np.bool_]) -> Targets:
        """Return some of the rows."""
        columns = ("when", "counts", "risk", "weights")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def mean_of_some(self) -> float:
        """Return the mean of the counts that are not zero."""
        return float(self.counts.sum() / max(np.sum(self.counts > 0), 1))

    def split(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the rows known by the last quarter of the origins, and those of that quarter."""
        start = self.at[len(self.at) * 3 // 4] if len(self.at) else 0
        return self.when + self.ahead <= start, self.when >= start


def targets_of(
    history: CountHistory,
    horizon_days: float,
    *,
    most_rows: int,
    memory_months: float = np.inf,
) -> Targets:
    """Return what followed each past origin, after a first eighth that only serves as past.

    Parameters
    ----------
    history
        Counts by window and region.
    horizon_days
        Length of the horizon; it is rounded to whole windows, at least one.
    most_rows
        Origins are thinned out evenly until there are at most this many rows; in any case three a
        horizon are enough.
    memory_months
        Age at which an origin is worth half. Overlapping horizons share the worth of one.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.arange(6.0)[:, None], np.full(6, 30.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> targets_of(history, 60.0, most_rows=100).counts.tolist()
    [3.0, 5.0, 7.0, 9.0]
    """
    ahead = windows_ahead(history, horizon_days)
    lead = round(history.lead_days / float(np.mean(history.days)))
    first = max(1, history.n_windows // 8)
    n, n_regions = history.n_windows, history.n_regions
    step = max(1, ahead // 3, -(-(n - first) * n_regions // most_rows))
    at = np.arange(n - lead - ahead, first - 1, -step)[::-1].astype(np.int64)
    windows = at[:, None] + lead + np.arange(ahead)
    counts, risk = (part[windows].sum(axis=1) for part in counts_and_days(history)[:2])
    age = history.days[::-1].cumsum()[::-1][at] / DAYS_A_MONTH
    worth = 0.5 ** (age / memory_months) * min(1.0, step / ahead)
    return Targets(
        at=at,
        when=np.repeat(at, n_regions),
        ahead=lead + ahead,
        counts=counts.ravel(),
        risk=risk.ravel(),
        weights=np.repeat(worth, n_regions),
    )


def parse_horizon(horizon: str | float | pd.Timedelta) -> float:
    """Return the length of a horizon in days.

    Parameters
    ----------
    horizon
        A duration such as ``"90D"`` or ``"12W"``, or a number of days.

    Raises
    ------
    InputError
        When it is no duration, shorter than a day or longer than a hundred years.

    Examples
    --------
    >>> parse_horizon("90D"), parse_horizon(90)
    (90.0, 90.0)
    """
    is_bare = _NUMBER.fullmatch(str(horizon)) is not None
    try:
        days = float(str(horizon)) if is_bare else pd.Timedelta(horizon) / pd.Timedelta(days=1)
    except (TypeError, ValueError) as error:
        wanted = "a number of days, or a text such as 90D or 13W"
        raise InputError(
            "not a duration", column="horizon", met=horizon, expected=wanted
        ) from error
    if is_bare and days > MOST_DAYS:
        raise InputError(
            "a number is a number of days",
            column="horizon",
            met=horizon,
            expected=f'at most {MOST_DAYS:g}, or a text such as "90D"',
        )
    if not 1 <= days <= MOST_DAYS:
        raise InputError(
            "a horizon is of days",
            column="horizon",
            met=str(horizon),
            expected=f'1 to {MOST_DAYS:g}, such as 90 or "90D"',
        )
    return float(days)


def windows_ahead(history: CountHistory, horizon_days: float) -> int:
    """Return how many windows a horizon takes, at least one."""
    return max(1, round(horizon_days / float(np.mean(history.days))))


def holds_marks(history: CountHistory) -> bool:
    """Return whether the windows say yes or no instead of how many.

    They do when every count is 0 or 1 though ten windows or more would hold two by now, had the
    incidents of each region come independently of each other.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> marks = np.random.default_rng(0).random((90, 2)) < 0.6
    >>> one = np.zeros(2, int)
    >>> holds_marks(CountHistory(marks.astype(float), np.ones(90), one, one))
    True
    """
    counts, some = np.nan_to_num(history.counts), was_watched(history)
    if not ((counts == 0) | (counts == 1)).all():
        return False
    known = np.ones(counts.shape, dtype=bool) if some is None else some
    windows = known.sum(axis=0)
    rate = np.where(known, counts, 0.0).sum(axis=0) / np.maximum(windows, 1)
    return bool(windows @ rate**2 >= 2.0 * _MISSED_PAIRS)


def _check_observed(history: CountHistory) -> None:
    if np.isnan(history.counts).all():
        raise ModelError("the history holds no observed count")
    if history.exposure is None:
        return
    if not (history.exposure >= 0).all():
        raise ModelError("exposure must be a number that is not negative")
    strange = (history.exposure == 0) & (np.nan_to_num(history.counts) > 0)
    if strange.any():
        window, region = np.argwhere(strange)[0]
        raise ModelError(
            f"incidents without exposure: region {region}, window {window} has "
            f"{history.counts[window, region]:g} incidents and an exposure of zero"
        )


@cache
def _threads() -> Any:
    """Return the linear algebra libraries that are loaded; looking for them takes its time."""
    return ThreadpoolController()


def _one_thread() -> Any:
    """Keep linear algebra on one thread: sums over several end in other bits on other machines."""
    return _threads().limit(limits=1, user_api="blas")


def pack_model(model: CountModel) -> dict[str, Any]:
    """Return a fitted model as plain values: its class by name, its parameters, what it learnt.

    Raises
    ------
    ModelError
        When it is, or holds, no model of riskmap.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(24, 3)
    >>> pack_model(rm.Climatology().fit(history, horizon_days=30))["fitted"]
    {'horizon_days_': 30.0, 'marks_': False}
    """
    if not isinstance(model, CountEstimator):
        raise ModelError(f"a model of type {type(model).__qualname__} can't be told")
    packed: dict[str, Any] = _pack(model)
    return packed


def unpack_model(packed: Mapping[str, Any]) -> CountEstimator:
    """Return the model that :func:`pack_model` packed, ready to forecast.

    Raises
    ------
    ModelError
        When it is none.
    """
    model = _unpack(dict(packed))
    if not isinstance(model, CountEstimator):
        raise ModelError("damaged: holds no model")
    return model


def _pack(value: Any) -> Any:
    """Return a value as JSON can hold it; arrays and models are marked."""
    if isinstance(value, CountEstimator):
        name = type(value).__name__
        if KNOWN.get(name) != type(value).__module__:
            raise ModelError(f"a model of type {type(value).__qualname__} can't be told")
        fitted = {k: v for k, v in vars(value).items() if k.endswith("_")}
        params = value.get_params(deep=False)
        return {"model": name, "params": _pack(params), "fitted": _pack(fitted)}
    if isinstance(value, np.ndarray):
        return {"array": value.ravel().tolist(), "shape": value.shape, "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _pack(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ModelError(f"a {type(value).__name__} is no plain value")


def _unpack(value: Any) -> Any:
    """Return what :func:`_pack` packed; lists come back as tuples."""
    if isinstance(value, list):
        return tuple(_unpack(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        kind = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}[value["dtype"]]
        return np.array(value["array"], dtype=kind).reshape(value["shape"])
    if not {"model", "params", "fitted"} <= value.keys():
        return {key: _unpack(item) for key, item in value.items()}
    if value["model"] not in KNOWN:
        raise ModelError(f"unknown model {value['model']!r}")
    kind = getattr(import_module(KNOWN[value["model"]]), value["model"])
    model = kind(**_unpack(value["params"]))
    for name, item in _unpack(value["fitted"]).items():
        setattr(model, name, item)
    return model
