"""What if, for a group: its forecast without a report or a source, after more, or quiet days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.assessment.groups.shares import Shown, Tally, thin
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
    shown : Shown
        The foreign history with and without the attacks on the group.
    """

    forecast: Forecast
    evidence: pd.DataFrame
    tally: Tally
    shown: Shown

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
        mean = table["expected_count"].to_numpy(dtype=float)
        whole = (table["kind"] == "incident").to_numpy()
        if whole.any():
            event = pd.Index(self._reports.key).get_indexer(table.loc[whole, "key"])
            share[whole] = self._shares_without(event, region[whole])
            own[whole] = self._own_without(event, region[whole], mean[whole])
        for source in table.loc[~whole, "key"].unique():
            rows = ~whole & (table["key"] == source).to_numpy()
            alone = (self._reports.source == source) & ~self._reports.confirmed
            share[rows] = self._left(alone).shares()[region[rows]]
            own[rows] = self._own_without_all(alone, mean[rows])[region[rows]]
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

    def _own_without(self, event: IntArray, region: IntArray, mean: FloatArray) -> FloatArray:
        """Return what attacks on the group add without each report.

        Of a report that tells of others too, the part of the group is the same in every region.
        """
        reports = self._reports
        total = reports.place.sum(axis=1)
        part = np.divide(self._places["ours"].sum(axis=1), total, where=total > 0, out=0.0 * total)
        parts = {"none": reports.foreign - 1.0, "others": part - 1.0}
        parts["ours"] = parts["none"] - part
        asked = {}
        for name, amount in parts.items():
            amounts = amounts_of(self.shown.whole, "foreign", reports, amount)
            amounts["counts"] = {"none": 0.0 * part, "others": part - reports.foreign}.get(
                name, -part
            )
            asked[name] = WhatIfs(reports.place, reports.time, amounts, event, region)
        return self._own(self.shown, asked, mean)

    def _own_without_all(self, alone: NDArray[np.bool_], mean: FloatArray) -> FloatArray:
        """Return what attacks on the group add in each region without some reports."""
        reports, model = self._reports, self.forecast.models["foreign"]
        ours = self._places["ours"]
        local = sparse.csr_array(reports.place * (1.0 - reports.foreign)[:, None])
        abroad = sparse.csr_array(reports.place * reports.foreign[:, None])
        none = sparse.csr_array(0.0 * ours)
        places = {"ours": (ours, local + ours), "none": (none, local)}
        places["others"] = (abroad - ours, reports.place - ours)

        def left(series: FloatArray, place: sparse.csr_array) -> FloatArray:
            taken = (reports.time[alone].T @ sparse.csr_array(place)[alone]).toarray()
            return np.maximum(series - taken, 0.0)

        found = {}
        for name, (counts, every) in places.items():
            one: CountHistory = getattr(self.shown, name)
            violent = sparse.csr_array(every * reports.violence[:, None])
            drivers = {key: left(series, violent) for key, series in one.drivers.items()}
            asked = replace(one, counts=left(one.counts, counts), drivers=drivers)
            found[name] = model.predict_distribution(asked).mean
        return np.maximum(found["ours"] - found["none"], mean - found["others"])

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
        own, mean = np.empty(len(table)), table["expected_count"].to_numpy(dtype=float)
        if len(table):
            own[more] = self._own_after_more(amount[more], region[more], mean[more])
            own[~more] = self._own_after_quiet(amount[~more], region[~more], mean[~more], rates)
        return _told(table, share, own)

    def _own(self, shown: Shown, asked: dict[str, WhatIfs], mean: FloatArray) -> FloatArray:
        """Return what attacks on the group add, where `mean` is what all of it comes to."""
        model: Any = self.forecast.models["foreign"]
        found = {
            name: np.asarray(model.predict_what_ifs(getattr(shown, name), what_ifs).mean, float)
            for name, what_ifs in asked.items()
        }
        return np.maximum(found["ours"] - found["none"], mean - found["others"])

    def _own_after_more(self, amount: FloatArray, region: IntArray, mean: FloatArray) -> FloatArray:
        n_windows, n_regions = self.shown.whole.counts.shape
        event = np.arange(len(region))
        here = (np.ones(len(region)), (event, region))
        last = (np.ones(len(region)), (event, np.full(len(region), n_windows - 1)))
        series = ("counts", *self.shown.whole.drivers)
        more = WhatIfs(
            place=sparse.csr_array(sparse.coo_array(here, shape=(len(region), n_regions))),
            time=sparse.csr_array(sparse.coo_array(last, shape=(len(region), n_windows))),
            amounts=dict.fromkeys(series, amount),
            event=event,
            region=region,
        )
        nothing = replace(more, amounts=dict.fromkeys(series, 0.0 * amount))
        return self._own(self.shown, {"ours": more, "none": nothing, "others": nothing}, mean)

    def _own_after_quiet(
        self, amount: FloatArray, region: IntArray, mean: FloatArray, rates: FloatArray
    ) -> FloatArray:
        known = self.forecast.provenance
        start = pd.Timestamp(known["as_of"])
        reach = start + pd.Timedelta(days=MOST_QUIET_DAYS)
        days = np.diff(step_onwards(start, reach, every=known["every"])).astype(float)
        steps = np.searchsorted(days.cumsum(), amount) + 1
        own = np.empty(len(region))
        for step in np.unique(steps):
            rows = steps == step
            whole = np.empty(self.shown.whole.n_regions)
            whole[region[rows]] = mean[rows]
            own[rows] = self._own_of_quiet(days[:step], self._daily(rates), whole)[region[rows]]
        return own

    def _daily(self, rates: FloatArray) -> dict[str, dict[str, FloatArray]]:
        """Return the incidents a day that are expected, with and without the group's."""
        expected = self.forecast.frame.pivot_table("expected_count", "region_id", "layer")
        days = self.forecast.provenance["horizon_days"]
        violence, foreign = (
            expected[name].reindex(self._ids).fillna(0.0).to_numpy() / days
            for name in ("violence", "foreign")
        )
        local = np.maximum(violence - foreign, 0.0)
        return {
            "ours": {"violence": local + rates, "foreign": rates},
            "none": {"violence": local, "foreign": 0.0 * rates},
            "others": {
                "violence": np.maximum(violence - rates, 0.0),
                "foreign": np.maximum(foreign - rates, 0.0),
            },
        }

    def _own_of_quiet(
        self, days: FloatArray, daily: dict[str, dict[str, FloatArray]], mean: FloatArray
    ) -> FloatArray:
        """Return what attacks on the group add in each region when it has been quiet there."""
        histories, asked = {"whole": self.shown.whole}, {}
        every = np.arange(self.shown.whole.n_regions)
        for name, rates in daily.items():
            history = lengthen(getattr(self.shown, name), days, rates, layer="foreign")
            time = np.zeros(history.n_windows)
            time[-len(days) :] = days
            gone = {"counts": -rates["foreign"]} | {key: -rates[key] for key in history.drivers}
            histories[name] = history
            asked[name] = WhatIfs(
                place=sparse.csr_array(sparse.eye_array(history.n_regions)),
                time=sparse.csr_array(np.tile(time, (history.n_regions, 1))),
                amounts=gone,
                event=every,
                region=every,
            )
        return self._own(Shown(**histories), asked, mean)


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
