"""Terms: what the forecast of a layer is the sum of, and how it is asked what if.

Violence is one term: its model, asked about its history. Foreign incidents are two: the model of
those that are known, and of violent incidents that don't say who was hit the share that is taken to
have hit foreigners. A group asks the same models about its weighted histories, and is never above
all foreigners.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone

from riskmap.models.distributions import Bernoulli, NegativeBinomial
from riskmap.models.histories import history_of_record
from riskmap.panels.features import DAYS_A_MONTH, decayed_sums
from riskmap.panels.risk_days import OWN_MONTHS, counts_and_days, hazard_of, match_size, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from riskmap.models.histories import Reports
    from riskmap.models.results import Forecast
    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, IntArray

#: The hazard of attacks on foreigners is never below so much of that of any violence.
LEAST_SHARE = 0.003
#: A count of a larger size is a Poisson count.
_POISSON_FROM = 1e9
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Term:
    """One part of a forecast.

    Parameters
    ----------
    model : CountModel
        Fitted.
    series
        The series of a panel that it is asked about.
    share : ndarray, shape (n_regions,), optional
        What of these incidents counts; all of them when None.
    cap
        Another series, about which the same model never says less.
    floor
        Of what it says about that series, so much is the least: what any incident of it weighs.
    """

    model: CountModel
    series: str
    share: FloatArray | None = None
    cap: str | None = None
    floor: float = 0.0

    @property
    def all_series(self) -> tuple[str, ...]:
        """The series that it is asked about."""
        return (self.series,) if self.cap is None else (self.series, self.cap)

    def answer(
        self, ask: Callable[[Term, str], CountDistribution], region: IntArray | None
    ) -> CountDistribution:
        """Return what counts of what its model says; `region` of each value, or all in order."""
        own = ask(self, self.series)
        if self.cap is not None:
            wide = ask(self, self.cap)
            least = thin(wide, np.full(len(wide.mean), self.floor))
            own = choose(own.mean < least.mean, least, own)
            own = choose(own.mean >= wide.mean, wide, own)
        if self.share is None:
            return own
        return thin(own, self.share if region is None else self.share[region])

    def components(self, histories: Mapping[str, CountHistory]) -> dict[str, FloatArray]:
        """Return named parts that sum to the mean of what counts."""
        own = self.model.predict_components(histories[self.series])
        if self.cap is not None:
            wide = self.model.predict_components(histories[self.cap])
            means = (
                self.model.predict_distribution(histories[name]).mean for name in self.all_series
            )
            mine, theirs = means
            zero = np.zeros(len(mine))
            part = np.where(
                mine >= theirs, 1.0, np.where(mine < self.floor * theirs, self.floor, 0)
            )
            own = {
                name: np.where(part > 0, part * wide.get(name, zero), own.get(name, zero))
                for name in dict.fromkeys([*own, *wide])
            }
        if self.share is None:
            return own
        return {"unknown_victims": self.share * np.sum(list(own.values()), axis=0)}


@dataclass(frozen=True)
class LayerModel:
    """All that forecasts one layer.

    Parameters
    ----------
    layer
        Its name.
    terms : tuple of Term
        They are independent counts that add up.
    least : ndarray, shape (n_regions,), optional
        The part of the hazard of `wide` that it is never below; the hazard is minus the log of the
        probability of none. It is asked again with every question.
    wide : Term, optional
        The term of violence.
    """

    layer: str
    terms: tuple[Term, ...]
    least: FloatArray | None = None
    wide: Term | None = None

    def with_share(self, share: FloatArray) -> LayerModel:
        """Return the same with another share of the incidents that don't say who was hit."""
        terms = tuple(t if t.share is None else replace(t, share=share) for t in self.terms)
        return replace(self, terms=terms)

    def every_series(self) -> set[str]:
        """Return the series that are asked about."""
        terms = self.terms if self.wide is None else (*self.terms, self.wide)
        return {name for term in terms for name in term.all_series}

    def predict(self, histories: Mapping[str, CountHistory]) -> CountDistribution:
        """Return the distribution of the layer's count after histories, by series."""
        return self.answer(lambda term, name: term.model.predict_distribution(histories[name]))

    def answer(
        self, ask: Callable[[Term, str], CountDistribution], region: IntArray | None = None
    ) -> CountDistribution:
        """Return the distribution that the answers of all terms make.

        Parameters
        ----------
        ask : callable
            Gives what the model of a term says of a series, before it is thinned.
        region : ndarray of int, optional
            The region of each value; all regions in order by default.
        """
        own = combine([term.answer(ask, region) for term in self.terms])
        if self.least is None or self.wide is None:
            return own
        part = self.least if region is None else self.least[region]
        return raise_to(own, part * hazard_of(self.wide.answer(ask, region).p_gt(0)))

    def components(self, histories: Mapping[str, CountHistory]) -> dict[str, FloatArray]:
        """Return named parts that sum to the mean of :meth:`predict`."""
        parts: dict[str, FloatArray] = {}
        for term in self.terms:
            parts |= term.components(histories)
        if self.wide is not None:
            missing = self.predict(histories).mean - np.sum(list(parts.values()), axis=0)
            if (missing > _ROUNDING).any():
                parts["least_share"] = np.where(missing > _ROUNDING, missing, 0.0)
        return parts

    def own_mean(self, histories: Mapping[str, CountHistory], horizon_days: float) -> FloatArray:
        r"""Return the expected counts that what is told of each region itself would give alone.

        .. math:: o_r = h \sum_t s_t x_{tr}

        with the region's own rate x of each term, decayed at a half-life of 24 months: terms of
        the country or of all regions have no part in it.
        """
        told = [
            horizon_days
            * own_rate(histories[term.series])
            * (1.0 if term.share is None else term.share)
            for term in self.terms
        ]
        return np.sum(told, axis=0)


def histories_of(panel: Panel) -> dict[str, CountHistory]:
    """Return the histories of all series of a panel that models are asked about."""
    names = ("violence", "foreign", "unknown", "group", "group_unknown")
    known = [name for name in names if name in panel.frame]
    return {name: panel.history(name) for name in known if panel.frame[name].notna().any()}


def fit_models(
    model: CountModel,
    histories: Mapping[str, CountHistory],
    horizon_days: float,
    *,
    reports: Reports | None = None,
) -> dict[str, CountModel]:
    """Return a model fitted to violence, and one to the foreign incidents that are known.

    Parameters
    ----------
    model
        It is cloned and not changed.
    histories
        From :func:`histories_of`.
    horizon_days
        The horizon.
    reports : Reports, optional
        Of which only those of record teach; all counts do when None.
    """
    fitted = {}
    for name in ("violence", "foreign"):
        if name not in histories:
            continue
        history = histories[name]
        if reports is not None:
            history = history_of_record(history, name, reports)
        history = _only_watched(history, horizon_days)
        own = clone(model)
        pooled = [one for one in getattr(own, "models", ()) if hasattr(one, "get_params")]
        for one in (own, *pooled):
            if one.get_params(deep=False).get("prior") == "layer":
                one.set_params(prior=name)
        fitted[name] = own.fit(history, horizon_days=horizon_days)
        if hasattr(fitted[name], "settle"):
            fitted[name] = fitted[name].settle()
    return fitted


def _only_watched(history: CountHistory, horizon_days: float) -> CountHistory:
    """Return what was counted while somebody watched, from the first such window on.

    What was told of other windows has no days at risk; one old row would stretch a short log. At
    least the days of the horizon are kept.
    """
    if history.watched is None:
        return history
    left = history.days[::-1].cumsum()[::-1]
    enough = int(np.sum(left >= horizon_days)) - 1
    start = max(min(int(np.argmax((history.watched > 0).any(axis=1))), enough), 0)
    counts = np.where(history.watched > 0, history.counts, 0.0)
    return replace(history, counts=counts).part(slice(start, None))


def make_layers(
    fitted: Mapping[str, CountModel],
    histories: Mapping[str, CountHistory],
    panel: Panel | Forecast,
) -> dict[str, LayerModel]:
    """Return what forecasts each layer: known incidents, and a share of the unknown ones.

    Parameters
    ----------
    fitted
        From :func:`fit_models`.
    histories
        What they are asked about.
    panel : Panel or Forecast
        With the regions, the shares, and the group if there is one.
    """
    if "violence" not in fitted:
        return {}
    wide = Term(fitted["violence"], "violence")
    layers = {"violence": LayerModel("violence", (wide,))}
    least = np.full(len(panel.keys), LEAST_SHARE)
    share = shares_by_region(panel, "share")
    names = {"foreign": ("foreign", "unknown"), "group": ("group", "group_unknown")}
    for layer, (known, unknown) in names.items():
        terms = []
        if "foreign" in fitted and known in histories:
            term = Term(fitted["foreign"], known)
            if layer == "group" and panel.group is not None:
                floor = panel.group.relevance_table["other foreigners"]
                term = replace(term, cap="foreign", floor=floor)
            terms.append(term)
        if unknown in histories and histories[unknown].counts.any():
            terms.append(Term(fitted["violence"], unknown, share=share))
        if terms:
            layers[layer] = LayerModel(layer, tuple(terms), least=least, wide=wide)
    if "group" in layers:
        own, all_of_it = (
            hazard_of(replace(layers[name], wide=None).predict(histories).p_gt(0))
            for name in ("group", "foreign")
        )
        part = np.divide(own, all_of_it, out=np.ones_like(own), where=all_of_it > 0)
        layers["group"] = replace(layers["group"], least=least * np.minimum(part, 1.0))
    return layers


def shares_by_region(panel: Panel | Forecast, column: str) -> FloatArray:
    """Return the share of each region's country: the largest of its sources that leave it open."""
    shares = panel.shares
    iso3 = panel.keys["iso3"].fillna("")
    if shares.empty or not (shares["unknown"] > 0).any():
        return np.zeros(len(iso3))
    largest = shares[shares["unknown"] > 0].groupby("iso3")[column].max()
    return iso3.map(largest).fillna(float(largest.max())).to_numpy(dtype=float)


def own_rate(history: CountHistory) -> FloatArray:
    """Return each region's own incidents a day at risk, decayed.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.array([[0.0, 3.0]]), np.full(1, 30.0), np.zeros(2, int),
    ...                        np.zeros(2, int))
    >>> own_rate(history).tolist()
    [0.0, 0.1]
    """
    at = np.array([history.n_windows])
    rates = ratio(
        *(
            decayed_sums(
                part, lengths=history.days, half_life_days=OWN_MONTHS * DAYS_A_MONTH, at=at
            )
            for part in counts_and_days(history)
        )
    )
    return np.asarray(rates[0])


def spread_of(found: CountDistribution) -> FloatArray:
    """Return variance over mean; 1 where nothing is expected.

    Examples
    --------
    >>> spread_of(NegativeBinomial(np.array([2.0, 0.0]), size=1.0)).tolist()
    [3.0, 1.0]
    """
    mean = found.mean
    return np.divide(found.variance, mean, out=np.ones_like(mean), where=mean > 0)


def thin(found: CountDistribution, share: FloatArray) -> CountDistribution:
    """Return the distribution of a share of counts; the size of a negative binomial stays.

    Examples
    --------
    >>> part = thin(NegativeBinomial(np.array([2.0]), size=1.0), np.array([0.5]))
    >>> part.mean.tolist(), part.variance.tolist()
    ([1.0], [2.0])
    """
    if isinstance(found, Bernoulli):
        return Bernoulli(found.mean * share)
    whole = as_negative_binomial(found)
    return NegativeBinomial(whole.mean * share, size=whole.size)


def combine(found: list[CountDistribution]) -> CountDistribution:
    """Return the distribution of the sum of independent counts.

    One is itself. Of several it is the negative binomial of their mean and of the probability that
    none of them happens.

    Examples
    --------
    >>> one = NegativeBinomial(np.array([0.5]), size=1.0)
    >>> both = combine([one, one])
    >>> bool(np.isclose(both.p_gt(0), 1 - (1 - one.p_gt(0)) ** 2)), both.mean.tolist()
    (True, [1.0])
    """
    if len(found) == 1:
        return found[0]
    mean = np.sum([one.mean for one in found], axis=0)
    p_any = 1.0 - np.prod([1.0 - one.p_gt(0) for one in found], axis=0)
    return _count_of(mean, p_any)


def as_negative_binomial(found: CountDistribution) -> NegativeBinomial:
    """Return the negative binomial of the same mean and probability of none.

    An event that can't happen twice has a smaller mean than any count of its probability: then the
    probability stays, and the mean is that of a Poisson count.

    Examples
    --------
    >>> as_negative_binomial(Bernoulli(np.array([0.5]))).p_gt(0).round(6).tolist()
    [0.5]
    """
    if isinstance(found, NegativeBinomial):
        return found
    return _count_of(found.mean, found.p_gt(0))


def _count_of(mean: FloatArray, p_any: FloatArray) -> NegativeBinomial:
    """Return the negative binomial of a mean and a probability of any, the mean raised to it."""
    enough = np.maximum(mean, hazard_of(p_any))
    return NegativeBinomial(enough, size=match_size(enough, p_any))


def raise_to(found: CountDistribution, least: FloatArray) -> CountDistribution:
    """Return a distribution whose hazard of any is at least so much.

    Examples
    --------
    >>> raised = raise_to(NegativeBinomial(np.array([0.0, 1.0]), size=1.0), np.array([0.1, 0.1]))
    >>> raised.p_gt(0).round(3).tolist()
    [0.095, 0.5]
    """
    hazard = -np.log1p(-np.minimum(found.p_gt(0), 1 - 1e-16))
    low = hazard < least
    if not low.any():
        return found
    if isinstance(found, Bernoulli):
        return Bernoulli(np.where(low, -np.expm1(-least), found.mean))
    whole = as_negative_binomial(found)
    # a size below the hazard would take a mean without bounds to reach it
    size = np.where(low, np.maximum(whole.size, least), whole.size)
    some = np.where(low & (size < _POISSON_FROM), size, 1.0)
    wanted = np.where(size < _POISSON_FROM, some * np.expm1(np.minimum(least / some, 1.0)), least)
    return NegativeBinomial(np.where(low, wanted, whole.mean), size=size)


def choose(
    first: NDArray[np.bool_], one: CountDistribution, other: CountDistribution
) -> CountDistribution:
    """Return one distribution where a condition holds, and the other elsewhere.

    Examples
    --------
    >>> one, other = (NegativeBinomial(np.full(2, mean)) for mean in (1.0, 2.0))
    >>> choose(np.array([True, False]), one, other).mean.tolist()
    [1.0, 2.0]
    """
    if first.all():
        return one
    if not first.any():
        return other
    if isinstance(one, Bernoulli) and isinstance(other, Bernoulli):
        return Bernoulli(np.where(first, one.mean, other.mean))
    left, right = as_negative_binomial(one), as_negative_binomial(other)
    return NegativeBinomial(
        np.where(first, left.mean, right.mean), size=np.where(first, left.size, right.size)
    )
