"""Shares: what part of the foreign incidents of a region concerns a group."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.models.distributions import NegativeBinomial
from riskmap.models.what_ifs import by_region_sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.typing import CountHistory, CountModel, FloatArray, IntArray

#: What the rates of the area above are worth as evidence of a share, in incidents.
PRIOR_INCIDENTS = 5.0


@dataclass(frozen=True)
class Tally:
    """How many foreign incidents each region has, and how many of them are the group's.

    Parameters
    ----------
    units
        For all, country, parent and region the code of the unit of each region.
    ours, foreign : ndarray, shape (n_regions,)
        Incidents, weighted.
    """

    units: tuple[IntArray, ...]
    ours: FloatArray
    foreign: FloatArray

    @classmethod
    def of(cls, evidence: pd.DataFrame, regions: pd.DataFrame) -> Tally:
        """Count evidence with the flags ``ours`` and ``foreign`` by region."""
        code = pd.Index(regions["region_id"]).get_indexer(evidence["region_id"])
        weight = evidence["weight"].to_numpy(dtype=float)
        ours, foreign = (
            np.bincount(code, weight * evidence[name].to_numpy(dtype=float), len(regions)).astype(
                float
            )
            for name in ("ours", "foreign")
        )
        iso3 = regions["iso3"].fillna("")
        labels = (iso3.str[:0], iso3, iso3 + "/" + regions["parent_id"].fillna(""))
        above = tuple(pd.factorize(label)[0].astype(np.int64) for label in labels)
        return cls((*above, np.arange(len(regions))), ours, foreign)

    def shares(self) -> FloatArray:
        """Return the share of each region."""
        return self.changed(np.arange(len(self.ours)), ours=[0.0] * 4, foreign=[0.0] * 4)

    def with_region(self, other: Tally, region: int) -> Tally:
        """Return the tally with what another one holds of one region."""
        ours, foreign = self.ours.copy(), self.foreign.copy()
        ours[region], foreign[region] = other.ours[region], other.foreign[region]
        return replace(self, ours=ours, foreign=foreign)

    def changed(
        self,
        region: IntArray,
        *,
        ours: list[FloatArray] | list[float],
        foreign: list[FloatArray] | list[float],
    ) -> FloatArray:
        """Return shares of regions after changes of what all, country, parent and region hold.

        .. math:: s_u = (k_u + m s_{above(u)}) / (n_u + m), s_{all} = (k + 1/2) / (n + 1)
        """
        share: FloatArray = np.zeros(len(region))
        for step, codes in enumerate(self.units):
            k = np.maximum(by_region_sums(self.ours, codes)[region] + ours[step], 0.0)
            n = np.maximum(by_region_sums(self.foreign, codes)[region] + foreign[step], 0.0)
            first = (k + 0.5) / (n + 1.0)
            share = (k + PRIOR_INCIDENTS * share) / (n + PRIOR_INCIDENTS) if step else first
        return share


@dataclass(frozen=True)
class Shown:
    """A foreign history, with and without the attacks on a group.

    An attack on foreigners is violence too: it is taken out of both series.

    Parameters
    ----------
    whole
        All incidents.
    ours, none
        Without other foreigners than the group, and without any foreigners.
    others
        Without the group.
    """

    whole: CountHistory
    ours: CountHistory
    none: CountHistory
    others: CountHistory

    @classmethod
    def of(cls, whole: CountHistory, *, theirs: CountHistory, foreign: CountHistory) -> Shown:
        """Return the histories; `theirs` and `foreign` hold these incidents alone."""
        none = _changed(whole, foreign, -1.0)
        return cls(whole, _changed(none, theirs, 1.0), none, _changed(whole, theirs, -1.0))

    def with_region(self, other: Shown, swap: Callable[..., CountHistory], region: int) -> Shown:
        """Return the same with one region as it is in another."""
        names = [field.name for field in fields(self)]
        return Shown(*(swap(getattr(self, n), getattr(other, n), region) for n in names))


def _changed(history: CountHistory, other: CountHistory, sign: float) -> CountHistory:
    """Return a history with the incidents of another one added or taken away."""

    def moved(series: FloatArray, taken: FloatArray) -> FloatArray:
        left = series + sign * np.nan_to_num(taken)
        return np.where(left > _ROUNDING * np.maximum(series, 1.0), left, left * 0.0)

    drivers = {
        name: moved(series, other.drivers[name]) if name in other.drivers else series
        for name, series in history.drivers.items()
    }
    return replace(history, counts=moved(history.counts, other.counts), drivers=drivers)


#: What is left of a count, as a share of it, that is nothing but rounding.
_ROUNDING = 1e-12


def attributed(model: CountModel, shown: Shown, share: FloatArray) -> dict[str, FloatArray]:
    r"""Return the group's part of each component of the foreign forecast.

    What attacks on the group itself add to the forecast is the group's as a whole; of everything
    else it bears its share:

    .. math:: g_c = o_c + s \, (f_c(\text{all}) - o_c)

    with the component :math:`f_c` of the fitted model. What they add, :math:`o`, is the greater of
    what the forecast gains with them alone, :math:`f(\text{ours}) - f(\text{none})`, and what it
    would lose without them, :math:`f(\text{all}) - f(\text{others})`. So one more incident of the
    group adds to its rate whatever one more adds to the foreign rate; one of others adds no more
    than its share.

    Parameters
    ----------
    model : CountModel
        Fitted to the foreign incidents.
    shown : Shown
        All foreign incidents, with and without those of the group.
    share : ndarray, shape (n_regions,)
        The group's share of each region.

    Returns
    -------
    dict of str to ndarray
        Parts between 0 and those of the foreign forecast.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(24, 3)
    >>> model = rm.EmpiricalBayes().fit(history, horizon_days=30)
    >>> whole = sum(model.predict_components(history).values())
    >>> shown = Shown.of(history, theirs=history, foreign=history)
    >>> bool((sum(attributed(model, shown, np.zeros(3)).values()) <= whole).all())
    True
    """
    whole, ours, none, others = (
        model.predict_components(getattr(shown, field.name)) for field in fields(shown)
    )
    first, last = (
        {name: np.clip(more[name] - less[name], 0.0, part) for name, part in whole.items()}
        for more, less in ((ours, none), (whole, others))
    )
    greater = np.sum(list(first.values()), axis=0) >= np.sum(list(last.values()), axis=0)
    return {
        name: share * part + (1.0 - share) * np.where(greater, first[name], last[name])
        for name, part in whole.items()
    }


def thin(mean: FloatArray, dispersion: FloatArray, share: FloatArray) -> NegativeBinomial:
    """Return the distribution of a share of negative binomial counts; their size stays.

    Parameters
    ----------
    mean, dispersion
        Of the whole; the dispersion is variance over mean.
    share
        Between 0 and 1.

    Examples
    --------
    >>> part = thin(np.array([2.0]), np.array([3.0]), np.array([0.5]))
    >>> part.mean.tolist(), part.variance.tolist()
    ([1.0], [2.0])
    """
    excess = np.maximum(dispersion - 1.0, 0.0)
    size = np.divide(mean, excess, out=np.full(len(mean), np.inf), where=excess > 0)
    return NegativeBinomial(mean * share, size=size)


def thin_to(whole: FloatArray, variance: FloatArray, mean: FloatArray) -> NegativeBinomial:
    """Return the distribution of the part of negative binomial counts that has a mean.

    Parameters
    ----------
    whole, variance
        Of the whole.
    mean
        Of the part.

    Examples
    --------
    >>> thin_to(np.array([2.0]), np.array([6.0]), np.array([1.0])).variance.tolist()
    [2.0]
    """
    dispersion = np.divide(variance, whole, out=np.ones_like(whole), where=whole > 0)
    return thin(whole, dispersion, np.divide(mean, whole, out=0.0 * whole, where=whole > 0))
