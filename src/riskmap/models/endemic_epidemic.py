"""The default model: an endemic level plus what recent history adds, each part in plain sight."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize, special
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from riskmap.errors import ModelError
from riskmap.models.distributions import (
    NegativeBinomial,
    Sample,
    fit_additive,
    fit_dispersion,
    quantile_score,
    size_of,
    split_fractions,
)
from riskmap.models.drivers import (
    BASE,
    COUNTS,
    DRIVERS,
    LEVEL,
    Driver,
    PastSums,
    Sums,
    drivers_of,
    rate_of,
)
from riskmap.models.estimators import CountEstimator, Targets, targets_of
from riskmap.models.shrinkage import EmpiricalBayes, share_strengths
from riskmap.models.what_ifs import ChangedSums, WhatIfs
from riskmap.panels.risk_days import counts_and_days, days_ahead
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from riskmap.typing import CountDistribution, CountHistory, FloatArray

#: What stands before the label of a driver whose geometric mean with the level is meant.
ROOT = "sqrt_"
#: The rates of all regions, and those of the country that stand for them where they are one.
_TWINS = {d.label: replace(d, unit="country").label for d in DRIVERS if d.unit == "all"}
#: With so many incidents to learn from, what others taught is worth a third.
INCIDENTS = 20.0
#: The coefficient of the level of all regions is never quite zero, so that no chance is.
_LEAST = 1e-3
#: Counts of so many on average, where there are any, are heavy: deaths, not attacks.
HEAVY = 10.0
#: So often the coefficients of heavy counts are fitted again with the sizes that they give.
_ROUNDS = 2
#: No mean is taken for smaller when sizes are.
_SMALL = 1e-2
_TINY = 1e-12
#: The region's own rate that stands for its level where counts are heavy.
_OWN_LEVEL = Driver(COUNTS, "own", 12.0)


class EndemicEpidemic(CountEstimator):
    r"""Additive negative binomial counts with non-negative coefficients.

    .. math:: \mu_r = h \sum_j \left(\alpha_j x_{jr} + \beta_j \sqrt{m\,x_{jr}}\right), \qquad
              \alpha_j, \beta_j \ge 0, \qquad N_r \sim \mathrm{NB}(\mu_r,\; s = e^a \mu_r^b)

    The drivers :math:`x_j` are rates a day: the region's own history decayed at several
    half-lives, that of its neighbours, its parent, its country and all regions, other series
    such as ``violence`` times the going share of the counts in them, shrunk, and empirical Bayes
    rates as the endemic level. Each enters linearly and
    through its geometric mean with the mean rate :math:`m` of all regions, which lets a first
    incident count for more than a hundredth. The model is fitted directly to the counts of the
    horizon of `h` days. After Held, Höhle and Hofmann (2005), with decayed drivers.

    Where counts are heavy, as deaths are, :math:`m` may be that mean and the region's own rate of
    the last year together, so that a long war is told as one. Which of the two is decided by the
    mean quantile score of the last quarter of the past; and the coefficients are fitted again with
    the sizes that they give, :math:`s = e^a \mu^b` instead of a multiple of the mean.

    Because the coefficients are not negative, one more incident never lowers a forecast; because
    both terms are proportional to counts, rates do not change when exposure and counts double
    together; and because the model is a sum, its parts are the drivers.

    Parameters
    ----------
    penalties
        Strengths of the shrinkage, in standard errors of a driver's slope. The coefficients are the
        mean of those of all strengths, each weighted by the likelihood of the last quarter of the
        past under it (pseudo-Bayesian model averaging; Yao, Vehtari, Simpson and Gelman, 2018):
        where two forecast alike, one more incident must not decide between them.
    memory_months
        Half-life of what a past origin is worth when the coefficients are fitted.
    most_rows
        Past origins are thinned out evenly until there are at most this many regions x origins.
    prior
        What a history of few incidents leans on: the layer of a prior that ships (``"violence"``
        or ``"foreign"``), a table with ``coefficients`` and ``dispersion``, or None. The default
        stands for the layer that :func:`riskmap.forecast` fits, and for None where nobody says.

    Attributes
    ----------
    coefficients_ : dict of str to float
        The coefficients that are not zero, by driver; ``sqrt_`` marks the geometric means.
    dispersion_ : ndarray, shape (2,)
        The a and b of the size.
    penalty_weights_ : ndarray
        What each strength is worth.
    level_ : str
        What the geometric means are taken with: ``"all"`` regions, or ``"own"``.
    prior_weight_ : float
        What the prior is worth: :math:`e^{-n/20}` with n incidents to learn from.

    Notes
    -----
    Where the past holds no incident to learn from, the forecast is the empirical Bayes rate; but
    that of the prior where incidents were told of windows that nobody watched.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(rng.poisson([0.1, 1.0, 9.0], (90, 3)).astype(float),
    ...                        np.full(90, 30.0), np.zeros(3, int), np.zeros(3, int))
    >>> model = EndemicEpidemic().fit(history, horizon_days=30)
    >>> model.predict_distribution(history).mean.round(0).tolist()
    [0.0, 1.0, 10.0]
    """

    coefficients_: dict[str, float]
    dispersion_: FloatArray
    penalty_weights_: FloatArray
    prior_weight_: float
    level_: str = "all"
    strength_days_: FloatArray
    share_strengths_: dict[str, FloatArray]

    def __init__(
        self,
        penalties: tuple[float, ...] = (0.1, 0.5, 2.0),
        memory_months: float = 120.0,
        most_rows: int = 1_000_000,
        prior: str | Mapping[str, object] | None = "layer",
    ) -> None:
        self.penalties = penalties
        self.memory_months = memory_months
        self.most_rows = most_rows
        self.prior = prior

    def _learn(self, history: CountHistory) -> None:
        prior = find_prior(self.prior)
        names = tuple(_terms_that_differ(history))
        targets = self._find_targets(history)
        if not (targets.counts > 0).any():
            self.coefficients_, self.prior_weight_ = {BASE.label: 1.0}, 1.0
            self.penalty_weights_ = np.zeros(len(self.penalties))
            self.dispersion_ = np.array([0.0, 1.0] if prior is None else prior.dispersion)
            if prior is not None and len(counts_and_days(history)) > len(("seen", "risk")):
                self.coefficients_ = _positive(names, prior.of(names))
            return
        task = self._choose_level(history, targets, names)
        learnt = task.learn(self.penalties)
        coefficients, self.penalty_weights_, self.dispersion_ = learnt
        self.prior_weight_ = 0.0
        if prior is not None:
            self.prior_weight_ = share = weight_of(
                float(targets.weights @ np.minimum(targets.counts, 1.0))
            )
            coefficients = (1.0 - share) * coefficients + share * prior.of(names)
            self.dispersion_ = (1.0 - share) * self.dispersion_ + share * np.array(prior.dispersion)
        self.coefficients_ = _positive(names, coefficients)

    def _choose_level(
        self, history: CountHistory, targets: Targets, names: tuple[str, ...]
    ) -> _Task:
        """Return what to learn from; of heavy counts, with the level that was better of late."""
        tasks = {}
        sums = PastSums(history, targets.at)
        # where there is one region alone, its level is that of all
        heavy = history.n_regions > 1 and targets.mean_of_some() >= HEAVY
        for self.level_ in ("own", "all") if heavy else ("all",):
            values = self._evaluate(history, sums, names)
            design = np.stack([x.ravel() for _, x in values], axis=1)
            design *= targets.risk[:, None]
            tasks[self.level_] = _Task(names, design, targets, heavy)
        if len(tasks) > 1:
            self.level_ = min(tasks, key=lambda level: tasks[level].late_loss(self.penalties))
        return tasks[self.level_]

    def _find_targets(self, history: CountHistory) -> Targets:
        """Return what followed past origins, having learnt what drivers need."""
        base = EmpiricalBayes().fit(history, horizon_days=self.horizon_days_)
        self.strength_days_ = base.strength_days_
        self.share_strengths_ = {name: share_strengths(history, name) for name in history.drivers}
        return targets_of(
            history,
            self.horizon_days_,
            most_rows=self.most_rows,
            memory_months=self.memory_months,
        )

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        sums = PastSums(history, np.array([history.n_windows]))
        ahead = days_ahead(history, self.horizon_days_)
        parts: dict[str, FloatArray] = {}
        values = self._evaluate(history, sums, self.coefficients_)
        for coefficient, (driver, rate) in zip(self.coefficients_.values(), values, strict=True):
            value = coefficient * rate[0] * ahead
            parts[driver.part] = parts.get(driver.part, np.zeros_like(value)) + value
        mean = np.sum(list(parts.values()), axis=0)
        return parts, NegativeBinomial(mean, size_of(mean, self.dispersion_))

    def _evaluate(
        self, history: CountHistory, sums: Sums, names: Iterable[str]
    ) -> Iterator[tuple[Driver, FloatArray]]:
        """Yield the driver of each coefficient and its rates, geometric means among them."""
        terms = _terms_of(history)

        @cache
        def rate(driver: Driver) -> FloatArray:
            return rate_of(
                driver,
                sums,
                strength_days=self.strength_days_,
                share_strengths=self.share_strengths_,
            )

        level = rate(LEVEL) + rate(_OWN_LEVEL) if self.level_ == "own" else rate(LEVEL)
        for name in names:
            if name not in terms:
                raise ModelError(f"the history lacks the series of driver {name!r}")
            driver, is_root = terms[name]
            yield driver, np.sqrt(level * rate(driver)) if is_root else rate(driver)

    def predict_what_ifs(self, history: CountHistory, what_ifs: WhatIfs) -> CountDistribution:
        """Return the distributions after changes of a history, one for each pair that is asked for.

        Every driver is made of sums that are linear in the counts, so that a change is added to
        them without going through the history again.
        """
        check_is_fitted(self, "coefficients_")
        mean = np.zeros(len(what_ifs.event))
        values = self._evaluate(history, ChangedSums(history, what_ifs), self.coefficients_)
        for coefficient, (_, rate) in zip(self.coefficients_.values(), values, strict=True):
            mean += coefficient * rate
        mean *= days_ahead(history, self.horizon_days_)[what_ifs.region]
        return self._bound(history, NegativeBinomial(mean, size_of(mean, self.dispersion_)))


def _terms_of(history: CountHistory) -> dict[str, tuple[Driver, bool]]:
    """Return by label what has a coefficient: drivers, their geometric means, and the level."""
    drivers = drivers_of(history)
    plain = {driver.label: (driver, False) for driver in drivers}
    roots = {ROOT + driver.label: (driver, True) for driver in drivers}
    return plain | roots | {LEVEL.label: (LEVEL, False)}


def _terms_that_differ(history: CountHistory) -> list[str]:
    """Return the labels; where all regions are one country, without the drivers of all."""
    one_country = history.country.max() == history.country.min()
    terms = _terms_of(history).items()
    return [name for name, (driver, _) in terms if not (one_country and driver.unit == "all")]


#: A penalty that is worth less is not tried on the whole past.
_WORTHLESS = 0.01


@dataclass(frozen=True)
class _Task:
    """A design and what followed."""

    names: tuple[str, ...]
    design: FloatArray
    targets: Targets
    heavy: bool = False

    def part(self, rows: NDArray[np.bool_]) -> _Task:
        return replace(self, design=self.design[rows], targets=self.targets.part(rows))

    def fold(self) -> Sample:
        """Return the rows as the likelihood takes them."""
        return Sample.fold(self.design, self.targets.counts, self.targets.weights)

    @cached_property
    def bounds(self) -> dict[str, FloatArray]:
        """The standard error of each driver's slope, and the least of its coefficient."""
        base = self.design[:, self.names.index(BASE.label)]
        root = np.sqrt(self.targets.weights / np.maximum(base, 1e-12))[:, None]
        scale = np.sqrt(np.square(self.design * root).sum(axis=0))
        floor = np.array([_LEAST if name == LEVEL.label else 0.0 for name in self.names])
        return {"scale": np.maximum(scale, 1e-9), "floor": floor}

    def solve(self, penalty: float) -> tuple[FloatArray, float]:
        """Return the coefficients and the size per mean."""
        return fit_additive(self.fold(), penalty=penalty, **self.bounds)

    def solve_again(
        self, coefficients: FloatArray, dispersion: FloatArray, penalty: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return both, fitted again with the sizes that they give."""
        told = self.targets
        for _ in range(_ROUNDS):
            means = np.maximum(self.design @ coefficients, _SMALL)
            coefficients = self._refit(coefficients, size_of(means, dispersion) / means, penalty)
            means, theta = self.design @ coefficients, float(np.exp(dispersion[0]))
            dispersion = fit_dispersion(told.counts, means, told.weights, theta=theta)
        return coefficients, dispersion

    def _refit(self, coefficients: FloatArray, theta: FloatArray, penalty: float) -> FloatArray:
        """Return the coefficients of the highest likelihood, the size per mean of each row held.

        Of rows without incidents the likelihood stays linear in the mean, so that they fold.
        """
        scale, floor = self.bounds["scale"], self.bounds["floor"]
        rows, counts, weights = split_fractions(self.targets.counts, self.targets.weights)
        theta = theta[rows]
        none, some = weights * theta * np.log1p(1.0 / theta), counts > 0
        silent = none[~some] @ self.design[rows[~some]]
        kept, counts, theta = self.design[rows[some]], counts[some], theta[some]
        none, weights = none[some], weights[some]

        def loss(values: FloatArray) -> tuple[float, FloatArray]:
            found = values / scale
            mean = kept @ found + _TINY
            size = theta * mean
            ways = special.gammaln(counts + size) - special.gammaln(size)
            up = special.digamma(counts + size) - special.digamma(size)
            value = float(none @ mean - weights @ ways + silent @ found + penalty * values.sum())
            slope = (none - weights * theta * up) @ kept + silent
            return value, slope / scale + penalty

        found = optimize.minimize(
            loss,
            coefficients * scale,
            jac=True,
            method="L-BFGS-B",
            bounds=[(low, None) for low in floor * scale],
            options={"maxiter": 1000, "maxfun": 2000, "maxcor": 30, "ftol": 1e-12, "gtol": 1e-6},
        )
        return np.asarray(found.x / scale)

    def late_loss(self, penalties: tuple[float, ...]) -> float:
        """Return the mean quantile score of late rows, forecast from those before."""
        first, late = (self.part(rows) for rows in self.targets.split())
        coefficients, _, dispersion = first.learn(penalties[len(penalties) // 2 :][:1])
        known = late.targets.risk > 0
        if not known.any():
            return 0.0
        means = late.design[known] @ coefficients
        found = NegativeBinomial(means, size_of(means, dispersion))
        return float(quantile_score(late.targets.counts[known], found).mean())

    def learn(self, penalties: tuple[float, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the coefficients, what each penalty is worth for late rows, and the dispersion."""
        first, late = (self.part(rows) for rows in self.targets.split())
        last = late.fold()
        fits = [first.solve(penalty) for penalty in penalties]
        worth = softmax([-last.loss(found, float(np.log(size)))[0] for found, size in fits])
        worth = np.where(worth > _WORTHLESS, worth, 0.0) / worth[worth > _WORTHLESS].sum()
        fits = [self.solve(p) for p, part in zip(penalties, worth, strict=True) if part > 0]
        shares = worth[worth > 0]
        coefficients = shares @ np.array([found for found, _ in fits])
        theta = float(np.exp(shares @ np.log([size for _, size in fits])))
        means, told = self.design @ coefficients, self.targets
        dispersion = fit_dispersion(told.counts, means, told.weights, theta=theta)
        if self.heavy:
            penalty = float(worth @ np.array(penalties))
            coefficients, dispersion = self.solve_again(coefficients, dispersion, penalty)
        return coefficients, worth, dispersion


def _positive(names: tuple[str, ...], values: FloatArray) -> dict[str, float]:
    """Return the coefficients that are greater than 0, by driver."""
    return {name: float(x) for name, x in zip(names, values, strict=True) if x > 0}


@dataclass(frozen=True)
class Prior:
    """Coefficients by driver, and the a and b of the size.

    Parameters
    ----------
    coefficients : mapping of str to float
        By the names of :class:`riskmap.EndemicEpidemic`.
    dispersion : tuple of float
        The a and b.
    """

    coefficients: Mapping[str, float]
    dispersion: tuple[float, float]

    def of(self, names: Sequence[str]) -> FloatArray:
        """Return the coefficients of the drivers that a history has.

        What others learnt of a driver that it lacks is given to the same term of ``base``, so that
        nothing is lost; of all regions, where they are one country, to that of the country.

        Examples
        --------
        >>> prior = Prior({"own_3m": 0.5, "all_3m": 0.2, "neighbours_3m": 0.1}, (0.0, 1.0))
        >>> prior.of(["own_3m", "country_3m", "base"]).tolist()
        [0.5, 0.2, 0.1]
        """
        place = {name: k for k, name in enumerate(names)}
        found = np.zeros(len(names))
        for name, value in self.coefficients.items():
            root = ROOT * name.startswith(ROOT)
            twin = _TWINS.get(name.removeprefix(ROOT), name)
            known = next(n for n in (name, root + twin, root + BASE.label) if n in place)
            found[place[known]] += value
        return found


def find_prior(prior: str | Mapping[str, object] | None) -> Prior | None:
    """Return the prior of a layer, or of a table; None for None and for an unnamed ``"layer"``.

    Raises
    ------
    ModelError
        When there is no such prior.

    Examples
    --------
    >>> find_prior("foreign").coefficients["level"] > 0
    True
    """
    if prior is None or prior == "layer":
        return None
    table: Any = _shipped().get(prior) if isinstance(prior, str) else prior
    try:
        a, b = table["dispersion"]
        coefficients = {str(k): float(v) for k, v in table["coefficients"].items()}
        return Prior(coefficients, (float(a), float(b)))
    except (TypeError, KeyError, ValueError, AttributeError):
        known = ", ".join(sorted(_shipped()))
        raise ModelError(
            f"prior must be one of {known}, or have coefficients and dispersion, met {prior!r}"
        ) from None


@cache
def _shipped() -> dict[str, dict[str, object]]:
    path = data_path("models/endemic_epidemic_prior.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def weight_of(incidents: float) -> float:
    r"""Return what a prior is worth beside so many incidents: :math:`e^{-n/m}`.

    Examples
    --------
    >>> [round(weight_of(n), 3) for n in (0.0, 3.0, 20.0, 200.0)]
    [1.0, 0.861, 0.368, 0.0]
    """
    return float(np.exp(-incidents / INCIDENTS))
