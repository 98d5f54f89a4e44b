"""Explanations of a forecast: without one report or source, with more, quiet, with other reports.

The coefficients of the fitted model are held; only the history changes. The forecast that would be
made after a refit can differ a little.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.models.estimators import unpack_model
from riskmap.models.histories import amounts_of, subtract, table_of
from riskmap.models.terms import histories_of, make_layers, spread_of
from riskmap.models.what_ifs import WhatIfs, lengthen
from riskmap.panels.counts import recount_evidence
from riskmap.panels.measures import driver_of
from riskmap.panels.windows import step_onwards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from riskmap.models.histories import Reports
    from riskmap.models.results import Forecast
    from riskmap.models.terms import LayerModel, Term
    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, FloatArray, IntArray

    Means = dict[str, FloatArray]

#: Of the reports that make a forecast, so many of the weightiest are kept for each region, both
#: of those with one source and of those with several.
KEPT_REPORTS = 20
#: Sources beyond the so many that report most are not left out one by one.
MOST_SOURCES = 40
#: A report of so many rows that nobody has curated is left out of every region, not only of those
#: that it names.
LOUD_ROWS = 10
#: So many more incidents are tried in each region, one after the other.
MOST_MORE = 10
#: So many days of quiet are tried, in at most so many steps of whole windows.
MOST_QUIET_DAYS, MOST_STEPS = 731, 60
#: The series of incidents that don't say who was hit.
_UNKNOWN = ("unknown", "group_unknown")

#: What an answer tells of the forecast.
ANSWER = ("expected_count", "p_any", "dispersion")
#: What :func:`find_influences` and :func:`find_responses` tell.
INFLUENCES = ("region_id", "layer", "kind", "key", "confirmed", *ANSWER)
RESPONSES = ("region_id", "layer", "kind", "amount", *ANSWER)


@dataclass(frozen=True)
class Question:
    """One layer of a forecast and all that is needed to ask of it what if.

    Parameters
    ----------
    model : LayerModel
        What forecasts it.
    histories : mapping of str to CountHistory
        What it forecasts from, by series.
    region_ids : pandas.Series
        The regions in order.
    rates : mapping of str to ndarray, shape (n_regions,)
        Expected incidents a day of each series.
    answers : dict, optional
        What models have answered to the same question: one for all layers of a forecast, which have
        models, histories and rates in common.
    """

    model: LayerModel
    histories: Mapping[str, CountHistory]
    region_ids: pd.Series
    rates: Mapping[str, FloatArray]
    answers: dict[tuple[object, ...], CountDistribution] = field(default_factory=dict, repr=False)

    @property
    def history(self) -> CountHistory:
        """The history of the first term."""
        return self.histories[self.model.terms[0].series]

    @property
    def is_quick(self) -> bool:
        """Whether the models answer what-ifs of single regions."""
        return all(hasattr(term.model, "predict_what_ifs") for term in self.model.terms)

    def ask(
        self,
        what_ifs: Callable[[str, CountHistory], WhatIfs],
        region: IntArray,
        *,
        known_as: tuple[object, ...] = (),
    ) -> CountDistribution:
        """Return the layer after changes of its histories, one value for each pair.

        Parameters
        ----------
        what_ifs : callable
            Gives the changes of the history of a series; the pairs are the same for all.
        region
            The region of each pair.
        known_as
            What names the changes, where they are the same for all layers: a model answers once.
        """

        def ask(term: Term, series: str) -> CountDistribution:
            name = (*known_as, series, id(term.model))
            if known_as and name in self.answers:
                return self.answers[name]
            history = self.histories[series]
            model: Any = term.model
            found: CountDistribution = model.predict_what_ifs(history, what_ifs(series, history))
            if known_as:
                self.answers[name] = found
            return found

        return self.model.answer(ask, region)

    def tell(self, found: CountDistribution, region: IntArray, **columns: object) -> pd.DataFrame:
        """Return answers as a table."""
        return pd.DataFrame(
            {
                "region_id": self.region_ids.to_numpy()[region],
                "layer": self.model.layer,
                **columns,
                "expected_count": found.mean,
                "p_any": found.p_gt(0),
                "dispersion": spread_of(found),
            }
        )


def find_influences(question: Question, reports: Reports) -> pd.DataFrame:
    """Return each region's forecast without one report, and without one source.

    Reports are left out of the regions that they name or are spread over, and those of ten rows or
    more that nobody has curated out of all. Of a source everything is left out that no second
    source confirms.

    Parameters
    ----------
    question : Question
        The layer.
    reports : Reports
        All that was counted.

    Returns
    -------
    DataFrame
        :data:`INFLUENCES`. Of the reports only the weightiest stand in it, and all that concern
        foreigners: since ``p_any`` falls with ``expected_count``, no other changes a level if the
        weightiest doesn't. Models without ``predict_what_ifs`` are asked for sources alone.
    """
    tables = [_without_sources(question, reports)]
    matters = np.sum([reports.series[name] for name in _read(question)], axis=0) > 0
    event, region = reports.place.nonzero()
    event, region = event[matters[event]], region[matters[event]]
    loud = np.flatnonzero(matters & (reports.rows >= LOUD_ROWS) & ~reports.curated)
    quiet = ~np.isin(event, loud)
    n_regions = len(question.region_ids)
    event = np.concatenate([event[quiet], np.repeat(loud, n_regions)])
    region = np.concatenate([region[quiet], np.tile(np.arange(n_regions), len(loud))])
    if question.is_quick and len(event):

        def without(series: str, history: CountHistory) -> WhatIfs:
            amounts = amounts_of(history, series, reports, -1.0)
            return WhatIfs(reports.place, reports.time, amounts, event, region)

        found = question.ask(without, region)
        confirmed, foreign = reports.confirmed[event], reports.series["foreign"][event]
        keep = _weightiest(found.mean, region, confirmed, foreign)
        table = question.tell(
            found, region, kind="incident", key=reports.key[event], confirmed=confirmed
        )
        tables.insert(0, table[keep])
    return pd.concat(tables, ignore_index=True)


def _read(question: Question) -> set[str]:
    """Return the series that a layer is read from, those of its drivers among them."""
    names = question.model.every_series()
    drivers = [set(question.histories[name].drivers) for name in names]
    return names.union(*drivers)


def _weightiest(
    mean: FloatArray, region: IntArray, confirmed: NDArray[np.bool_], foreign: FloatArray
) -> NDArray[np.bool_]:
    """Return which reports to keep: those that a forecast would be lowest without."""
    table = pd.DataFrame({"region": region, "confirmed": confirmed, "mean": mean})
    rank = table.groupby(["region", "confirmed"])["mean"].rank(method="first")
    return ((rank <= KEPT_REPORTS) | (foreign > 0)).to_numpy(dtype=bool)


def _without_sources(question: Question, reports: Reports) -> pd.DataFrame:
    """Return the forecast of every region without each source."""
    weight = reports.place.sum(axis=1) * (reports.series["violence"] + reports.series["foreign"])
    names, code = np.unique(reports.source, return_inverse=True)
    most = np.argsort(-np.bincount(code, weight, minlength=len(names)), kind="stable")
    every = np.arange(len(question.region_ids))
    tables = []
    for source in np.sort(most[:MOST_SOURCES]):
        left_out = ((code == source) & ~reports.confirmed).astype(float)
        left = {
            name: subtract(question.histories[name], name, reports, left_out)
            for name in question.model.every_series()
        }
        found = question.model.predict(left)
        table = question.tell(found, every, kind="source", key=names[source], confirmed=False)
        tables.append(table)
    return pd.concat(tables) if tables else pd.DataFrame(columns=[*INFLUENCES])


def find_responses(question: Question, *, as_of: pd.Timestamp, every: str) -> pd.DataFrame:
    """Return each region's forecast after more incidents, and after so many quiet days.

    ``more``: `amount` more incidents in the region in the last window before `as_of`; a foreign
    incident is violence too.

    ``quiet``: the forecast made `amount` days later (whole windows), had there been no incident of
    any kind in the region by then, and in every other region as many as are expected today.

    Parameters
    ----------
    question : Question
        The layer.
    as_of
        End of the history.
    every
        Length of the windows.

    Returns
    -------
    DataFrame
        :data:`RESPONSES`; empty for models without ``predict_what_ifs``.
    """
    if not question.is_quick:
        return pd.DataFrame(columns=list(RESPONSES))
    reach = as_of + pd.Timedelta(days=MOST_QUIET_DAYS)
    days = np.diff(step_onwards(as_of, reach, every=every)).astype(float)
    steps = np.unique(np.round(np.geomspace(1, len(days), MOST_STEPS)).astype(np.int64))
    if len(days) <= MOST_STEPS:
        steps = np.arange(1, len(days) + 1)
    quiet = (_quiet(question, days[:step]) for step in steps)
    tables = [_more(question), *quiet]
    return pd.concat(tables, ignore_index=True)


def _more(question: Question) -> pd.DataFrame:
    n_windows, n_regions = question.history.counts.shape
    amount = np.repeat(np.arange(1.0, MOST_MORE + 1.0), n_regions)
    region = np.tile(np.arange(n_regions), MOST_MORE)
    event = np.arange(len(region))
    ones = np.ones(len(region))
    place = table_of(ones, event, region, (len(region), n_regions))
    time = table_of(ones, event, np.full(len(region), n_windows - 1), (len(region), n_windows))

    def more(series: str, history: CountHistory) -> WhatIfs:
        # who was hit by one more attack of a layer is known
        known = 0.0 if series in _UNKNOWN else 1.0
        amounts = {"counts": known * amount} | dict.fromkeys(history.drivers, amount)
        return WhatIfs(place, time, amounts, event, region)

    found = question.ask(more, region, known_as=("more",))
    return question.tell(found, region, kind="more", amount=amount)


def _quiet(question: Question, days: FloatArray) -> pd.DataFrame:
    names = question.model.every_series()
    longer = {
        name: lengthen(question.histories[name], days, question.rates, series=name)
        for name in names
    }
    asked = replace(question, histories=longer)
    n_windows, n_regions = asked.history.counts.shape
    every = np.arange(n_regions)
    when = np.zeros(n_windows)
    when[-len(days) :] = days
    place = sparse.csr_array(sparse.eye_array(n_regions))
    time = sparse.csr_array(np.tile(when, (n_regions, 1)))

    def quiet(series: str, history: CountHistory) -> WhatIfs:
        amounts = {"counts": -question.rates[series]}
        if history.drivers:
            amounts |= dict.fromkeys(history.drivers, -driver_of(series, question.rates))
        return WhatIfs(place, time, amounts, every, every)

    found = asked.ask(quiet, every, known_as=("quiet", len(days)))
    return question.tell(found, every, kind="quiet", amount=float(days.sum()))


class Decomposition:
    """The models of a forecast, rebuilt from what they learnt and asked about other incidents.

    Parameters
    ----------
    forecast : Forecast
        Today's, with what its models have learnt.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = rm.forecast(panel)
    >>> means = Decomposition(found).expect(found.evidence, "2025-01-01")["violence"]
    >>> stated = found.frame.loc[found.frame["layer"] == "violence", "expected_count"]
    >>> bool((means == stated).all())
    True
    """

    def __init__(self, forecast: Forecast) -> None:
        self._forecast = forecast
        self._ids = forecast.keys["region_id"]
        self._as_of = forecast.provenance["as_of"]
        fitted = {name: unpack_model(one) for name, one in forecast.fitted.items()}
        self.histories = histories_of(self._recount(forecast.evidence, self._as_of))
        self.layers: dict[str, LayerModel] = make_layers(fitted, self.histories, forecast)

    def expect(self, evidence: pd.DataFrame, as_of: str) -> Means:
        """Return the expected counts by layer, had these incidents been known on a day."""
        return self._ask(self.histories_of(evidence, as_of))

    def expect_one_by_one(self, told: pd.DataFrame) -> tuple[Means, Means]:
        """Return the expected counts of today without new incidents, and with a region's own alone.

        Parameters
        ----------
        told : DataFrame
            Those of today's incidents that are not new.
        """
        now = self._forecast.evidence
        nothing_new = len(told) == len(now)
        known = self.histories if nothing_new else self.histories_of(told, self._as_of)
        before = self._ask(known)
        means = {layer: mean.copy() for layer, mean in before.items()}
        fresh = now[~now["incident_id"].isin(told["incident_id"])]
        for region in np.flatnonzero(self._ids.isin(fresh["region_id"])).tolist():
            mixed = {
                name: _with_column(known[name], self.histories[name], region) for name in known
            }
            for layer, mean in self._ask(mixed).items():
                means[layer][region] = mean[region]
        return before, means

    def _ask(self, histories: Mapping[str, CountHistory]) -> Means:
        return {name: model.predict(histories).mean for name, model in self.layers.items()}

    def histories_of(self, evidence: pd.DataFrame, as_of: str) -> dict[str, CountHistory]:
        """Return what the models are asked about, had these incidents been known on a day."""
        panel = self._recount(evidence, as_of)
        return {name: panel.history(name) for name in self.histories}

    def _recount(self, evidence: pd.DataFrame, as_of: str) -> Panel:
        """Return the panel that a forecast would have been made of, had others been known."""
        links, ids = self._forecast.neighbours, pd.Index(self._ids)
        places = (ids.get_indexer(links["region_id"]), ids.get_indexer(links["neighbour_id"]))
        n = len(ids)
        panel = recount_evidence(
            evidence,
            keys=self._forecast.keys,
            neighbours=sparse.csr_array((links["weight"], places), shape=(n, n)),
            start=self._forecast.provenance["history_start"],
            as_of=as_of,
            every=self._forecast.provenance["every"],
            group=self._forecast.group,
        )
        return replace(panel, breaks=tuple(self._forecast.provenance.get("breaks", ())))


def _with_column(history: CountHistory, other: CountHistory, region: int) -> CountHistory:
    """Return a history with one region as it is in another."""

    def swapped(mine: FloatArray, theirs: FloatArray) -> FloatArray:
        mixed = mine.copy()
        mixed[:, region] = theirs[:, region]
        return mixed

    drivers = {name: swapped(x, other.drivers[name]) for name, x in history.drivers.items()}
    ones = np.ones_like(history.counts)
    watched = [ones if one.watched is None else one.watched for one in (history, other)]
    weight = [ones if one.weight is None else one.weight for one in (history, other)]
    return replace(
        history,
        counts=swapped(history.counts, other.counts),
        drivers=drivers,
        watched=swapped(*watched),
        weight=None if history.weight is None else swapped(*weight),
    )
