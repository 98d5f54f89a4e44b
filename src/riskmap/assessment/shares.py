"""Shares: what part of the foreign incidents of a region concerns a group, also what if."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.models.distributions import NegativeBinomial
from riskmap.models.explanations import report_codes
from riskmap.models.what_ifs import at_pairs, by_region_sums
from riskmap.panels.features import membership

if TYPE_CHECKING:
    from riskmap.models.forecasts import Forecast
    from riskmap.typing import FloatArray, IntArray

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


def _told(table: pd.DataFrame, share: FloatArray) -> pd.DataFrame:
    """Return answers about foreign incidents as answers about the group's."""
    mean, dispersion = (
        table[name].to_numpy(dtype=float) for name in ("expected_count", "dispersion")
    )
    part = thin(mean, dispersion, share)
    return table.assign(
        layer="group",
        expected_count=part.mean,
        p_any=part.p_gt(0),
        dispersion=1.0 + part.mean * part.dispersion,
    )


def share_influences(forecast: Forecast, evidence: pd.DataFrame, tally: Tally) -> pd.DataFrame:
    """Return what the group's forecast would be without each report and source.

    Without an incident of the group both the foreign rate and the group's share of it fall; without
    one of other foreigners the rate falls and the share rises.

    Parameters
    ----------
    forecast : Forecast
        With influences on the layer ``foreign``.
    evidence : DataFrame
        Its evidence with the columns ``ours`` and ``foreign``.
    tally : Tally
        Of the evidence.

    Returns
    -------
    DataFrame
        As ``Forecast.influences``.
    """
    table = forecast.influences[forecast.influences["layer"] == "foreign"]
    ids = pd.Index(forecast.activity["region_id"])
    region = ids.get_indexer(table["region_id"])
    share = np.empty(len(table))
    whole = (table["kind"] == "incident").to_numpy()
    share[whole] = _shares_without_reports(table[whole], evidence, ids, tally)
    told_twice = evidence["source_count"].fillna(1) > 1
    code = report_codes(evidence)
    confirmed = told_twice.groupby(code).transform("any") if len(code) else told_twice
    for source in table.loc[~whole, "key"].unique():
        rest = evidence[(evidence["source"].fillna("") != source) | confirmed]
        rows = ~whole & (table["key"] == source).to_numpy()
        share[rows] = Tally.of(rest, forecast.activity).shares()[region[rows]]
    return _told(table, share)


def _shares_without_reports(
    table: pd.DataFrame, evidence: pd.DataFrame, ids: pd.Index, tally: Tally
) -> FloatArray:
    code = report_codes(evidence)
    names = evidence["incident_id"].groupby(code).min()
    event = pd.Index(names).get_indexer(table["key"])
    region = ids.get_indexer(table["region_id"])
    at = (code, ids.get_indexer(evidence["region_id"]))
    weight = evidence["weight"].to_numpy(dtype=float)
    changes: dict[str, list[FloatArray]] = {}
    for name in ("ours", "foreign"):
        values = -weight * evidence[name].to_numpy(dtype=float)
        place = sparse.csr_array(sparse.coo_array((values, at), shape=(len(names), len(ids))))
        changes[name] = [
            at_pairs(place @ membership(codes), event, codes[region]) for codes in tally.units
        ]
    return tally.changed(region, ours=changes["ours"], foreign=changes["foreign"])


def share_responses(forecast: Forecast, tally: Tally) -> pd.DataFrame:
    """Return what the group's forecast would be after more incidents of theirs, or quiet days.

    One more incident of the group is one more foreign incident, and one more in the share. After
    quiet days the share is what it is today.

    Parameters
    ----------
    forecast : Forecast
        With responses of the layer ``foreign``.
    tally : Tally
        Of its evidence.

    Returns
    -------
    DataFrame
        As ``Forecast.responses``.
    """
    table = forecast.responses[forecast.responses["layer"] == "foreign"]
    region = pd.Index(forecast.activity["region_id"]).get_indexer(table["region_id"])
    more = table["amount"].where(table["kind"] == "more", 0.0).to_numpy(dtype=float)
    share = tally.changed(region, ours=[more] * 4, foreign=[more] * 4)
    return _told(table, share)
