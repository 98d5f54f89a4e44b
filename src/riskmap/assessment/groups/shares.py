"""Shares: what part of the foreign incidents of a region concerns a group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.models.distributions import NegativeBinomial
from riskmap.models.what_ifs import by_region_sums

if TYPE_CHECKING:
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


def attributed(
    model: CountModel,
    history: CountHistory,
    ours: CountHistory,
    *,
    none: CountHistory,
    share: FloatArray,
) -> dict[str, FloatArray]:
    r"""Return the group's part of each component of the foreign forecast.

    What attacks on the group itself add to the forecast is the group's as a whole; of everything
    else it bears its share:

    .. math:: o_c = f_c(\text{ours}) - f_c(\text{none}), \qquad
              g_c = o_c + s \, (f_c(\text{all}) - o_c)

    with the component :math:`f_c` of the fitted model, asked about all incidents, about those on no
    other foreigners than the group, and about those on no foreigners at all. So one more incident
    of the group adds to its rate whatever one more adds to the foreign rate; one of others adds no
    more than its share.

    Parameters
    ----------
    model : CountModel
        Fitted to the foreign incidents.
    history : CountHistory
        All foreign incidents.
    ours, none : CountHistory
        From :func:`own_histories`.
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
    >>> ours, none = own_histories(history, theirs=history, foreign=history)
    >>> theirs = attributed(model, history, ours, none=none, share=np.zeros(3))
    >>> bool((sum(theirs.values()) <= whole).all())
    True
    """
    own, rest = (model.predict_components(one) for one in (ours, none))
    return {
        name: share * whole + (1.0 - share) * np.clip(own[name] - rest[name], 0.0, whole)
        for name, whole in model.predict_components(history).items()
    }


def own_histories(
    history: CountHistory, *, theirs: CountHistory, foreign: CountHistory
) -> tuple[CountHistory, CountHistory]:
    """Return a history without other foreigners than the group, and one without any foreigners.

    An attack on foreigners is violence too: it is taken out of both series.

    Parameters
    ----------
    history
        All incidents; what is missing in it stays missing.
    theirs, foreign
        The incidents of the group alone, and those of all foreigners.
    """

    def left(series: FloatArray, name: str) -> FloatArray:
        taken = np.nan_to_num(foreign.drivers[name]) if name in foreign.drivers else 0.0
        return np.maximum(series - taken, 0.0)

    rest = {name: left(series, name) for name, series in history.drivers.items()}
    added = {
        name: series + (np.nan_to_num(theirs.drivers[name]) if name in theirs.drivers else 0.0)
        for name, series in rest.items()
    }
    own = np.fmin(np.nan_to_num(theirs.counts), history.counts)
    own = np.where(np.isnan(history.counts), np.nan, own)
    return (
        replace(history, counts=own, drivers=added),
        replace(history, counts=own * 0.0, drivers=rest),
    )


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
