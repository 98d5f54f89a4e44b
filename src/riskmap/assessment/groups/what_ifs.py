"""What if, for a group: its forecast without a report or a source, after more, or quiet days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.assessment.groups.shares import Tally, thin
from riskmap.models.explanations import (
    MOST_QUIET_DAYS,
    amounts_of,
    find_reports,
    lengthen,
    report_codes,
)
from riskmap.models.forecasts import recount_panel
from riskmap.models.what_ifs import WhatIfs, at_pairs
from riskmap.panels.features import membership
from riskmap.panels.windows import step_onwards

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.models.explanations import Reports
    from riskmap.models.forecasts import Forecast
    from riskmap.typing import CountHistory, FloatArray, IntArray


@dataclass(frozen=True)
class Case:
    """A foreign forecast, the incidents of a group in it, and all that is needed to ask what if.

    In each answer the group's part is made as it is today
    (:func:`riskmap.assessment.groups.shares.attributed`): what is left of the attacks on the group
    is its own, and of the rest it bears the share that is left.

    Parameters
    ----------
    forecast : Forecast
        With influences and responses of the layer ``foreign``.
    evidence : DataFrame
        Its evidence with the columns ``ours`` and ``foreign``.
    tally : Tally
        Of the evidence.
    ours, none : CountHistory
        The foreign history without other foreigners than the group, and without any
        (:func:`riskmap.assessment.groups.shares.own_histories`).
    """

    forecast: Forecast
    evidence: pd.DataFrame
    tally: Tally
    ours: CountHistory
    none: CountHistory

    @cached_property
    def _ids(self) -> pd.Index:
        return pd.Index(self.forecast.activity["region_id"])

    @cached_property
    def _reports(self) -> Reports:
        as_of = self.forecast.provenance["as_of"]
        return find_reports(recount_panel(self.forecast, self.evidence, as_of=as_of))

    @cached_property
    def _places(self) -> dict[str, sparse.csr_array]:
        """The foreign incidents, and those of the group, by report and region."""
        code = report_codes(self.evidence)
        at = (code, self._ids.get_indexer(self.evidence["region_id"]))
        shape = (len(self._reports.key), len(self._ids))
        weight = self.evidence["weight"].to_numpy(dtype=float)
        return {
            name: sparse.csr_array(
                sparse.coo_array((weight * self.evidence[name].to_numpy(float), at), shape=shape)
            )
            for name in ("ours", "foreign")
        }

    def _table(self, name: str) -> tuple[pd.DataFrame, IntArray]:
        """Return the answers about all foreign incidents, and the region of each."""
        table: pd.DataFrame = getattr(self.forecast, name)
        table = table[table["layer"] == "foreign"].reset_index(drop=True)
        return table, self._ids.get_indexer(table["region_id"]).astype(np.int64)

    def influences(self) -> pd.DataFrame:
        """Return what the group's forecast would be without each report and source.

        Without an incident of the group its own part falls, and its share of the rest; without one
        of other foreigners the rest falls and the share rises.
        """
        table, region = self._table("influences")
        share, own = np.empty((2, len(table)))
        whole = (table["kind"] == "incident").to_numpy()
        if whole.any():
            event = pd.Index(self._reports.key).get_indexer(table.loc[whole, "key"])
            share[whole] = self._shares_without(event, region[whole])
            own[whole] = self._own_without(event, region[whole])
        for source in table.loc[~whole, "key"].unique():
            rows = ~whole & (table["key"] == source).to_numpy()
            alone = (self._reports.source == source) & ~self._reports.confirmed
            share[rows] = self._left(alone).shares()[region[rows]]
            own[rows] = self._own_without_all(alone)[region[rows]]
        return _told(table, share, own)

    def _left(self, gone: NDArray[np.bool_]) -> Tally:
        """Return the tally without some reports."""
        ours, foreign = (self._places[name][~gone].sum(axis=0) for name in ("ours", "foreign"))
        return replace(self.tally, ours=ours, foreign=foreign)

    def _shares_without(self, event: IntArray, region: IntArray) -> FloatArray:
        changes = {
            name: [
                -at_pairs(place @ membership(codes), event, codes[region])
                for codes in self.tally.units
            ]
            for name, place in self._places.items()
        }
        return self.tally.changed(region, ours=changes["ours"], foreign=changes["foreign"])

    def _own_without(self, event: IntArray, region: IntArray) -> FloatArray:
        """Return what attacks on the group add without each report.

        Of a report that tells of others too, the part of the group is the same in every region.
        """
        reports = self._reports
        whole = reports.place.sum(axis=1)
        part = np.divide(self._places["ours"].sum(axis=1), whole, where=whole > 0, out=0.0 * whole)
        local = amounts_of(self.none, "foreign", reports, reports.foreign - 1.0)
        theirs = amounts_of(self.ours, "foreign", reports, -part)
        amounts = {name: local[name] + theirs[name] for name in self.ours.drivers}
        what_ifs = WhatIfs(reports.place, reports.time, {**amounts, "counts": -part}, event, region)
        rest = {name: local[name] for name in self.none.drivers}
        return _own_part(self.forecast.models["foreign"], self.ours, self.none, what_ifs, rest)

    def _own_without_all(self, alone: NDArray[np.bool_]) -> FloatArray:
        """Return what attacks on the group add in each region without some reports."""
        reports, model = self._reports, self.forecast.models["foreign"]

        def left(series: FloatArray, place: sparse.csr_array) -> FloatArray:
            return np.maximum(series - (reports.time[alone].T @ place[alone]).toarray(), 0.0)

        local = sparse.csr_array(
            reports.place * (reports.violence * (1 - reports.foreign))[:, None]
        )
        theirs = sparse.csr_array(self._places["ours"] * reports.violence[:, None])
        both = sparse.csr_array(local + theirs)
        ours = replace(
            self.ours,
            counts=left(self.ours.counts, self._places["ours"]),
            drivers={name: left(series, both) for name, series in self.ours.drivers.items()},
        )
        drivers = {name: left(series, local) for name, series in self.none.drivers.items()}
        none = replace(self.none, drivers=drivers)
        return model.predict_distribution(ours).mean - model.predict_distribution(none).mean

    def responses(self, rates: FloatArray) -> pd.DataFrame:
        """Return what the group's forecast would be after more incidents of theirs, or quiet days.

        One more incident of the group is one more foreign incident, one more in the share and one
        more of its own. After quiet days the share is what it is today.

        Parameters
        ----------
        rates : ndarray, shape (n_regions,)
            Expected incidents of the group a day.
        """
        table, region = self._table("responses")
        more = (table["kind"] == "more").to_numpy()
        amount = table["amount"].to_numpy(dtype=float)
        one = np.where(more, amount, 0.0)
        share = self.tally.changed(region, ours=[one] * 4, foreign=[one] * 4)
        own = np.empty(len(table))
        if len(table):
            own[more] = self._own_after_more(amount[more], region[more])
            own[~more] = self._own_after_quiet(amount[~more], region[~more], rates)
        return _told(table, share, own)

    def _own_after_more(self, amount: FloatArray, region: IntArray) -> FloatArray:
        n_windows, n_regions = self.ours.counts.shape
        event = np.arange(len(region))
        here = (np.ones(len(region)), (event, region))
        last = (np.ones(len(region)), (event, np.full(len(region), n_windows - 1)))
        what_ifs = WhatIfs(
            place=sparse.csr_array(sparse.coo_array(here, shape=(len(region), n_regions))),
            time=sparse.csr_array(sparse.coo_array(last, shape=(len(region), n_windows))),
            amounts=dict.fromkeys(("counts", *self.ours.drivers), amount),
            event=event,
            region=region,
        )
        return _own_part(self.forecast.models["foreign"], self.ours, self.none, what_ifs, {})

    def _own_after_quiet(
        self, amount: FloatArray, region: IntArray, rates: FloatArray
    ) -> FloatArray:
        known = self.forecast.provenance
        start = pd.Timestamp(known["as_of"])
        reach = start + pd.Timedelta(days=MOST_QUIET_DAYS)
        days = np.diff(step_onwards(start, reach, every=known["every"])).astype(float)
        steps = np.searchsorted(days.cumsum(), amount) + 1
        expected = self.forecast.frame.pivot_table("expected_count", "region_id", "layer")
        others = expected["violence"].reindex(self._ids).fillna(0.0).to_numpy()
        abroad = expected["foreign"].reindex(self._ids).fillna(0.0).to_numpy()
        local = np.maximum(others - abroad, 0.0) / known["horizon_days"]
        daily = {"violence": local, "foreign": rates}
        own = np.empty(len(region))
        for step in np.unique(steps):
            rows = steps == step
            own[rows] = self._own_of_quiet(days[:step], daily)[region[rows]]
        return own

    def _own_of_quiet(self, days: FloatArray, daily: dict[str, FloatArray]) -> FloatArray:
        """Return what attacks on the group add in each region when it has been quiet there."""
        nobody = {**daily, "foreign": np.zeros_like(daily["foreign"])}
        daily = {**daily, "violence": daily["violence"] + daily["foreign"]}
        ours = lengthen(self.ours, days, daily, layer="foreign")
        none = lengthen(self.none, days, nobody, layer="foreign")
        every = np.arange(ours.n_regions)
        time = np.zeros(ours.n_windows)
        time[-len(days) :] = days
        rates = {"counts": daily["foreign"]} | {name: daily[name] for name in ours.drivers}
        what_ifs = WhatIfs(
            place=sparse.csr_array(sparse.eye_array(ours.n_regions)),
            time=sparse.csr_array(np.tile(time, (ours.n_regions, 1))),
            amounts={name: -rate for name, rate in rates.items()},
            event=every,
            region=every,
        )
        rest = {name: -nobody[name] for name in none.drivers}
        return _own_part(self.forecast.models["foreign"], ours, none, what_ifs, rest)


def _own_part(
    model: Any,
    ours: CountHistory,
    none: CountHistory,
    what_ifs: WhatIfs,
    rest: dict[str, FloatArray],
) -> FloatArray:
    """Return what attacks on the group add; `rest` are the amounts of what hit no foreigners."""
    with_ours = model.predict_what_ifs(ours, what_ifs).mean
    without = model.predict_what_ifs(none, replace(what_ifs, amounts=rest)).mean
    return np.asarray(with_ours - without, dtype=float)


def _told(table: pd.DataFrame, share: FloatArray, own: FloatArray) -> pd.DataFrame:
    """Return answers about foreign incidents as answers about the group's."""
    mean, dispersion = (
        table[name].to_numpy(dtype=float) for name in ("expected_count", "dispersion")
    )
    theirs = share * mean + (1.0 - share) * np.clip(own, 0.0, mean)
    part = thin(mean, dispersion, np.divide(theirs, mean, out=np.zeros_like(mean), where=mean > 0))
    return table.assign(
        layer="group",
        expected_count=part.mean,
        p_any=part.p_gt(0),
        dispersion=1.0 + part.mean * part.dispersion,
    )
