"""Models that learn from features: scikit-learn estimators, boosted trees, pools of models."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from riskmap.errors import ModelError
from riskmap.models.distributions import Mixture, NegativeBinomial, fit_dispersion, size_of
from riskmap.models.drivers import PastSums, drivers_of, rate_of
from riskmap.models.estimators import CountEstimator, Targets, targets_of, windows_ahead
from riskmap.models.shrinkage import EmpiricalBayes, shrunk_rates
from riskmap.panels.features import context_features
from riskmap.panels.risk_days import days_ahead, observed_totals

if TYPE_CHECKING:
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, IntArray

_TINY = 1e-12
#: Weights within this share of their mean count as equal (months differ by a tenth).
_EVEN = 0.15


class Adapted(CountEstimator):
    """Any scikit-learn regressor or classifier as a model of counts.

    It sees the drivers (:mod:`riskmap.models.drivers`) as logs and
    :func:`riskmap.panels.features.context_features`. A regressor predicts the count of the horizon
    per day at risk; a classifier whether there is any incident, and the mean is that of the
    Poisson with this probability. The dispersion, and a factor that makes the forecast right on
    average, come from the last quarter of the past, which the estimator has not seen by then.

    Parameters
    ----------
    estimator
        A regressor, or a classifier with ``predict_proba``. It is cloned.
    most_rows
        Origins are thinned out evenly until there are at most this many regions x origins.

    Notes
    -----
    Unless the estimator is constrained, one more incident may lower a forecast. Where the past
    holds no incident, the forecast is the empirical Bayes rate.

    Examples
    --------
    >>> from sklearn.linear_model import PoissonRegressor
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(60, 20)
    >>> model = Adapted(PoissonRegressor(alpha=1e-3)).fit(history, horizon_days=30)
    >>> model.predict_distribution(history).mean.shape
    (20,)
    """

    strength_days_: FloatArray
    dispersion_: FloatArray
    factor_: float
    learnt_: bool
    estimator_: Any

    def __init__(self, estimator: Any, most_rows: int = 300_000) -> None:
        self.estimator = estimator
        self.most_rows = most_rows

    def _learn(self, history: CountHistory) -> None:
        base = EmpiricalBayes().fit(history, horizon_days=self.horizon_days_)
        self.strength_days_ = base.strength_days_
        targets = targets_of(history, self.horizon_days_, most_rows=self.most_rows)
        self.learnt_ = bool((targets.counts > 0).any() and (targets.counts == 0).any())
        self.factor_, self.dispersion_ = 1.0, np.array([0.0, 1.0])
        if not self.learnt_:
            return
        table = self._table(history, targets.at)
        early, late = targets.split()
        some = targets.counts[early] > 0
        if late.any() and some.any() and not some.all():
            self._fit_estimator(table[early], targets.part(early))
            mean, told = self._means(table[late]) * targets.risk[late], targets.part(late)
            seen = float(told.weights @ told.counts) + 1.0
            self.factor_ = seen / (float(told.weights @ mean) + 1.0)
            mean = self.factor_ * mean
            self.dispersion_ = fit_dispersion(told.counts, mean, told.weights, theta=1.0)
        self._fit_estimator(table, targets)

    def _table(self, history: CountHistory, at: IntArray) -> FloatArray:
        """Return the features at origins, one row a region and origin."""
        sums, small = PastSums(history, at), 0.5 / float(history.days.sum())
        columns = [
            np.log(rate_of(driver, sums, strength_days=self.strength_days_) + small)
            for driver in drivers_of(history)
            if driver.unit != "base_wide"  # next to the base rate it tells trees nothing
        ]
        context = context_features(history, at=at)
        context["days_since_last"] = np.log1p(context["days_since_last"])
        self._signs = [1] * len(columns) + [-(name == "days_since_last") for name in context]
        return np.stack([c.ravel() for c in [*columns, *context.values()]], axis=1)

    def _fit_estimator(self, table: FloatArray, targets: Targets) -> None:
        known = targets.risk > 0
        weights = targets.weights[known]
        wanted: Any = targets.counts[known]
        if is_classifier(self.estimator):
            wanted = wanted > 0
        else:
            wanted, weights = wanted / targets.risk[known], weights * targets.risk[known]
        self.estimator_ = clone(self.estimator)
        taken = {weights_keyword(self.estimator_) or "sample_weight": weights}
        self.estimator_.fit(table[known], wanted, **taken)

    def _means(self, table: FloatArray) -> FloatArray:
        """Return the expected counts a day at risk."""
        if is_classifier(self.estimator_):
            some = np.clip(self.estimator_.predict_proba(table)[:, 1], _TINY, 1 - 1e-9)
            return np.asarray(-np.log1p(-some) / self.horizon_days_)
        return np.maximum(self.estimator_.predict(table), 0.0)

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        at = np.array([history.n_windows])
        if self.learnt_:
            rate = self.factor_ * self._means(self._table(history, at))
        else:
            rate = shrunk_rates(history, self.strength_days_, at=at)[0]
        mean = rate * days_ahead(history, self.horizon_days_)
        return {"learnt": mean}, NegativeBinomial(mean, size_of(mean, self.dispersion_))


class Boosting(Adapted):
    """Boosted trees for the mean, with a calibrated negative binomial around it.

    Histogram gradient boosting (Ke and others, 2017; Friedman, 2001) with the Poisson loss. The
    trees are constrained to rise with every rate and to fall with the time since the last
    incident, so that one more incident never lowers a forecast.

    Parameters
    ----------
    max_iter
        Number of trees.
    learning_rate
        What each tree adds.
    most_rows
        Origins are thinned out evenly until there are at most this many regions x origins.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(60, 20)
    >>> model = Boosting().fit(history, horizon_days=30)
    >>> bool((model.predict_distribution(history).mean > 0).all())
    True
    """

    def __init__(
        self, max_iter: int = 120, learning_rate: float = 0.05, most_rows: int = 300_000
    ) -> None:
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.most_rows = most_rows

    def _fit_estimator(self, table: FloatArray, targets: Targets) -> None:
        known = targets.risk > 0
        risk = targets.risk[known]
        worth = targets.weights[known] * risk
        even = bool(np.ptp(worth) <= _EVEN * worth.mean())
        # finding bins with weights is slow: fewer do, and weights that hardly differ are left out
        self.estimator_ = HistGradientBoostingRegressor(
            loss="poisson",
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=8,
            max_bins=255 if even else 32,
            min_samples_leaf=50,
            l2_regularization=1.0,
            monotonic_cst=self._signs,
            early_stopping=False,
            random_state=0,
        )
        rate = targets.counts[known] / (risk.mean() if even else risk)
        self.estimator_.fit(table[known], rate, None if even else worth)


#: A pool is better than one model by more than noise from so many standard errors on, of so many
#: origins at least on which it wasn't weighed.
_ENOUGH, _LEAST_ORIGINS = 2.0, 4


class Stack(CountEstimator):
    r"""A linear pool of models, weighted by how well they forecast the past.

    .. math:: P(k) = \sum_i w_i P_i(k)

    The weights are those of the highest log score over origins in the last quarter of the past,
    made by models that had not seen it (Geweke and Amisano, 2011), found by the EM algorithm.
    Then every member learns from all of the past.

    Parameters
    ----------
    models
        The members; they are cloned.
    origins
        How many past origins are forecast to weigh the members.
    cautious
        Keep the first model alone unless the pool is better by more than noise: weighed on the
        first half of these origins, its log score on the others must be better by two standard
        errors of the origins' differences.

    Attributes
    ----------
    weights_ : ndarray, shape (n_models,)
        The weights, with sum 1; equal where the past is too short to tell.
    gain_ : float
        By how many standard errors the pool was better than the first model, if cautious.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(80, 20, own=0.6)
    >>> model = Stack((rm.Climatology(), rm.EndemicEpidemic())).fit(history, horizon_days=30)
    >>> bool(model.weights_[1] > 0.5)
    True
    """

    weights_: FloatArray
    gain_: float = 0.0
    models_: tuple[CountModel, ...]

    def __init__(
        self, models: tuple[CountModel, ...], origins: int = 12, *, cautious: bool = False
    ) -> None:
        self.models = models
        self.origins = origins
        self.cautious = cautious

    def _learn(self, history: CountHistory) -> None:
        if not self.models:
            raise ModelError("a stack needs at least one model")
        self.weights_ = np.full(len(self.models), 1.0 / len(self.models))
        ahead = windows_ahead(history, self.horizon_days_)
        split = history.n_windows * 3 // 4
        last = history.n_windows - ahead
        early = history.until(max(split, 1))
        horizon_fits = self.horizon_days_ <= float(early.days.sum())
        if last >= split and split >= 1 and horizon_fits and not np.isnan(early.counts).all():
            at = np.unique(np.linspace(split, last, self.origins).astype(np.int64))
            chances = self._past_chances(history, early, at, ahead)
            self.weights_ = _pool_weights(np.concatenate(chances, axis=1))
            if self.cautious:
                self.gain_ = _gain(chances)
        if self.cautious and not self.gain_ > _ENOUGH:
            self.weights_ = np.eye(len(self.models))[0]
        self.models_ = tuple(
            clone(m).fit(history, horizon_days=self.horizon_days_) for m in self.models
        )

    def _past_chances(
        self, history: CountHistory, early: CountHistory, at: IntArray, ahead: int
    ) -> list[FloatArray]:
        """Return by origin the probability that each member gave to what then happened."""
        fitted = [clone(m).fit(early, horizon_days=self.horizon_days_) for m in self.models]
        rows = []
        for t in at:
            past = history.until(int(t))
            seen = observed_totals(history, int(t), ahead)
            known = ~np.isnan(seen)
            count = np.round(np.where(known, seen, 0.0))
            found = [model.predict_distribution(past) for model in fitted]
            chances = [f.cdf(count) - f.cdf(count - 1.0) for f in found]
            rows.append(np.maximum(np.array(chances)[:, known], 1e-12))
        return rows

    def settle(self) -> CountModel:
        """Return the first model where it is the whole pool: what-ifs can be asked of it."""
        return self.models_[0] if self.cautious and self.weights_[0] == 1 else self

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], CountDistribution]:
        members = tuple(model.predict_distribution(history) for model in self.models_)
        parts: dict[str, FloatArray] = {}
        for weight, model in zip(self.weights_, self.models_, strict=True):
            for name, part in model.predict_components(history).items():
                parts[name] = parts.get(name, np.zeros_like(part)) + weight * part
        return parts, Mixture(members, self.weights_)


def _gain(chances: list[FloatArray]) -> float:
    """Return by how many standard errors a pool's log score is better than the first member's."""
    half = len(chances) // 2
    if half < _LEAST_ORIGINS:
        return 0.0
    weights = _pool_weights(np.concatenate(chances[:half], axis=1))
    gains = np.array([np.log(weights @ one).sum() - np.log(one[0]).sum() for one in chances[half:]])
    noise = float(gains.std(ddof=1)) / np.sqrt(len(gains))
    return float(gains.mean()) / noise if noise > 0 else 0.0


def _pool_weights(chances: FloatArray) -> FloatArray:
    """Return the weights of the highest log score, shrunk by one observation towards equal."""
    n = len(chances)
    weights = np.full(n, 1.0 / n)
    for _ in range(200):
        shares = weights[:, None] * chances
        shares /= shares.sum(axis=0)
        weights = (shares.sum(axis=1) + 1.0 / n) / (chances.shape[1] + 1.0)
    return weights / weights.sum()


def weights_keyword(estimator: Any) -> str | None:
    """Return how an estimator's ``fit`` takes the weights of rows; None where it takes none.

    A pipeline hands them to its last step.

    Examples
    --------
    >>> from sklearn.linear_model import PoissonRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> weights_keyword(PoissonRegressor()), weights_keyword(make_pipeline(PoissonRegressor()))
    ('sample_weight', 'poissonregressor__sample_weight')
    """
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        keyword = weights_keyword(last)
        return None if keyword is None else f"{step}__{keyword}"
    taken = signature(estimator.fit).parameters.values()
    named = any(one.name == "sample_weight" or one.kind is one.VAR_KEYWORD for one in taken)
    return "sample_weight" if named else None
