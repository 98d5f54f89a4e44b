"""Replays: the levels that would have been published, knowing only what was known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.hysteresis import step_levels
from riskmap.assessment.levels import INSUFFICIENT, LEVEL_NAMES, LevelScale
from riskmap.errors import InputError
from riskmap.incidents.scope import find_end
from riskmap.models.estimators import parse_horizon
from riskmap.models.forecasts import take_model
from riskmap.models.terms import fit_models, histories_of, make_layers
from riskmap.panels.counts import count_incidents, recount_evidence
from riskmap.panels.groups import THEIRS
from riskmap.panels.measures import is_known, measure
from riskmap.panels.windows import parse_day
from riskmap.schema import LAYERS, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.panel import Panel
    from riskmap.places.placements import Located
    from riskmap.typing import CountModel, FloatArray, IntArray, Mapper

#: Layers between two fits of the model; between them the last fit is asked.
REFIT = 12
#: From this level on a region is one that people were warned of.
HIGH = LEVEL_NAMES.index("high")
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, eq=False, repr=False)
class Replay(Tables):
    """The levels that would have been published, and what happened then.

    Parameters
    ----------
    levels : DataFrame
        ``as_of, region_id, layer, p_any, threshold_level, risk_level, observed, happened``: what
        each layer would have said, and where all of the horizon is known by now the incidents in
        it, and the chance that there was any: one that is known to its province or country alone
        happened in some of the regions that it is spread over.
    incidents : DataFrame
        ``event_date, incident_id, region_id, layer, weight, level_before, level_after, lead_days``:
        the level when it happened, that of the next layer, and since when the region had been at
        High or above (missing where it was not).
    scale : LevelScale
        The thresholds, the fraction and the dwell.
    horizon_days
        The horizon.
    """

    levels: pd.DataFrame
    incidents: pd.DataFrame
    scale: LevelScale
    horizon_days: float

    def policy(
        self,
        settings: Sequence[tuple[float, float]] = ((1.0, 0.0),),
        *,
        least: int = HIGH,
    ) -> pd.DataFrame:
        """Return what other fractions and dwells would have cost and saved.

        Parameters
        ----------
        settings
            Pairs of ``lower_fraction`` and ``dwell_days``; ``(1, 0)`` is no hysteresis. The
            replay's own stands first.
        least
            The level from which on people were warned.

        Returns
        -------
        DataFrame
            ``layer, lower_fraction, dwell_days, flips`` (changes of level a region and year),
            ``hit_rate`` (share of incidents that happened at `least` or above), ``high_days`` (days
            at `least` or above a region and year) and ``quiet_days`` (those of them in layers
            during which nothing happened).

        Examples
        --------
        >>> import riskmap as rm
        >>> districts = rm.datasets.regions()
        >>> found = rm.replay(rm.locate(rm.datasets.incidents(), districts), districts,
        ...                   days=["2023-01-01", "2023-02-01", "2023-03-01", "2023-04-01"],
        ...                   model=rm.EmpiricalBayes())
        >>> found.policy([(1.0, 0.0)])["hit_rate"].between(0, 1).all().item()
        True
        """
        own = (self.scale.lower_fraction, self.scale.dwell_days)
        rows: list[dict[str, Any]] = []
        for layer, table in self.levels.groupby("layer", sort=False):
            told = _Told.of(table, str(layer), self.scale, self.horizon_days)
            hits = self.incidents[self.incidents["layer"] == layer]
            for fraction, dwell in dict.fromkeys([own, *settings]):
                levels = told.follow(fraction, dwell)
                row = {"layer": layer, "lower_fraction": fraction, "dwell_days": dwell}
                rows.append(row | _worth(told, levels, hits, least))
        return pd.DataFrame(rows)

    def plot(self, *, layer: str | None = None, ax: Any = None) -> Any:
        """Draw how many regions stood at each level, and the incidents that happened.

        Parameters
        ----------
        layer
            Which layer; the narrowest when None.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure when None.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingDependencyError
            When matplotlib is not installed (extra ``notebook``).
        """
        from riskmap.outputs import views

        return views.plot_replay(self, layer=layer, ax=ax)

    def _summary(self) -> Mapping[str, object]:
        days = self.levels["as_of"]
        return {
            "days": f"{days.nunique():,}, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}",
            "horizon": f"{self.horizon_days:g} days",
            "regions": f"{self.levels['region_id'].nunique():,}",
            "layers": ", ".join(dict.fromkeys(self.levels["layer"])),
        }

    def _repr_html_(self) -> str:
        """Return small tables for notebooks: how often what was said happened."""
        from riskmap.outputs import views

        return views.html_replay(self)

    def frequencies(self) -> pd.DataFrame:
        """Return how often something happened within the horizon, by layer and level.

        Returns
        -------
        DataFrame
            ``layer, risk_level, level_name, stated`` (mean ``p_any``), ``observed`` (mean
            ``happened``, the share of regions and horizons with at least one incident) and ``n``
            (of them).

        Examples
        --------
        >>> import riskmap as rm
        >>> districts = rm.datasets.regions()
        >>> found = rm.replay(rm.locate(rm.datasets.incidents(), districts), districts,
        ...                   days=["2023-01-01", "2023-04-01"], model=rm.EmpiricalBayes())
        >>> found.frequencies()["n"].sum().item()
        96
        """
        known = self.levels[self.levels["observed"].notna()]
        found = known.groupby(["layer", "risk_level"], sort=True).agg(
            stated=("p_any", "mean"), observed=("happened", "mean"), n=("happened", "size")
        )
        found = found.reset_index()
        names = [LEVEL_NAMES[level] for level in found["risk_level"]]
        found.insert(2, "level_name", names)
        return found


def replay(  # noqa: PLR0913 - those of the stages that it replays
    located: Located,
    regions: gpd.GeoDataFrame,
    *,
    days: Sequence[str],
    horizon: str | float = "90D",
    model: CountModel | None = None,
    scale: LevelScale | None = None,
    group: WorkerGroup | str | None = None,
    every: str = "month",
    mapper: Mapper = map,
) -> Replay:
    """Return the levels that would have been published on past days, and what they were worth.

    Each layer rests on what was known on its day (``ingested_at``) and follows on the one before.
    The model is fitted again with every twelfth layer.

    Parameters
    ----------
    located : Located
        What :func:`riskmap.locate` returned, with all that is known by now.
    regions : GeoDataFrame
        The regions it was given.
    days
        The days of the layers, ascending.
    horizon, model, every
        As for :func:`riskmap.forecast` and :func:`riskmap.count_incidents`.
    scale
        The thresholds; those that ship with riskmap by default.
    group
        Whose levels are replayed too, as the layer ``group``.
    mapper
        How to run each twelve layers, as for :func:`riskmap.backtest`.

    Returns
    -------
    Replay

    Raises
    ------
    InputError
        When the days are not ascending, or nothing is known before the first.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> found = rm.replay(rm.locate(rm.datasets.incidents(), districts), districts,
    ...                   days=["2023-01-01", "2023-04-01"], model=rm.EmpiricalBayes())
    >>> len(found.levels)
    96
    """
    dates = [parse_day(day, what="a day of the replay") for day in days]
    if not dates or any(a >= b for a, b in pairwise(dates)):
        raise InputError("days must be at least one, ascending, none twice", met=list(days))
    chosen = LevelScale.default() if scale is None else scale
    ahead = parse_horizon(horizon)
    # what follows the end of the data is not known; a strange last row does not stretch it
    end = find_end(located.incidents["event_date"]) + pd.Timedelta(days=1)
    last = located.incidents["event_date"].max() + pd.Timedelta(days=1)
    whole = count_incidents(
        located, regions, group=group, every=every, as_of=max(last.normalize(), dates[-1])
    )
    base = take_model(model)
    evidence = whole.evidence
    # what is sent to other processes is what is looked at there
    past = replace(whole, frame=whole.frame.iloc[:0], evidence_of=pd.DataFrame)
    blocks = [dates[i : i + REFIT] for i in range(0, len(dates), REFIT)]
    state = partial(_state_block, past, evidence, base, ahead)
    table = pd.concat(list(mapper(state, blocks)), ignore_index=True)
    series = _series(evidence)
    tables, incidents = [], []
    for layer, part in table.groupby("layer", sort=False):
        told = _Told.of(part, str(layer), chosen, ahead)
        levels = told.follow(chosen.lower_fraction, chosen.dwell_days)
        mine = series[series["layer"] == layer]
        observed, happened = _observe(told, mine, min(end, whole.as_of))
        grids = {"threshold_level": told.levels(), "risk_level": levels}
        grids |= {"observed": observed, "happened": happened}
        tables.append(part.assign(**{name: grid.ravel() for name, grid in grids.items()}))
        incidents.append(_follow_incidents(told, levels, mine[mine["method"] != "spread"]))
    order = ["event_date", "incident_id", "region_id", "layer"]
    followed = pd.concat(incidents).sort_values(order, kind="stable", ignore_index=True)
    return Replay(pd.concat(tables, ignore_index=True), followed, chosen, ahead)


def _state_block(
    whole: Panel,
    evidence: pd.DataFrame,
    model: CountModel,
    ahead: float,
    dates: list[pd.Timestamp],
) -> pd.DataFrame:
    """Return what each of some layers would have stated, knowing only what was known on its day.

    The model is fitted at the first of them, and again where another series appears. Every region
    is taken as watched, so that every probability can be scored.
    """
    fitted: dict[str, CountModel] = {}
    asked: set[str] = set()
    stated = []
    for day in dates:
        known = evidence[is_known(evidence, day)]
        if known.empty:
            raise InputError(
                "no incident is known before a day of the replay", met=f"{day:%Y-%m-%d}"
            )
        panel = _recount(whole, known, day)
        histories = histories_of(panel)
        if set(histories) - asked:
            fitted, asked = fit_models(model, histories, ahead), set(histories)
        layers = make_layers(fitted, histories, panel)
        for layer in LAYERS if whole.group is not None else LAYERS[:2]:
            ids = panel.keys["region_id"]
            p_any = np.full(len(ids), np.nan)
            if layer in layers:
                p_any = layers[layer].predict(histories).p_gt(0)
            stated.append(
                pd.DataFrame({"as_of": day, "region_id": ids, "layer": layer, "p_any": p_any})
            )
    return pd.concat(stated, ignore_index=True)


def _recount(whole: Panel, known: pd.DataFrame, day: pd.Timestamp) -> Panel:
    """Return the panel of what was known on a day, its scope stated by hand: all was watched."""
    panel = recount_evidence(
        known,
        keys=whole.keys,
        neighbours=whole.neighbours,
        start=f"{known['event_date'].min():%Y-%m-%d}",
        as_of=f"{day:%Y-%m-%d}",
        every=whole.every,
        group=whole.group,
    )
    return replace(panel, at_risk={})


@dataclass(frozen=True)
class _Told:
    """What the layers stated of one series: days by regions."""

    days: NDArray[np.datetime64]
    regions: pd.Index
    p_any: FloatArray
    layer: str
    scale: LevelScale
    horizon_days: float

    @classmethod
    def of(cls, table: pd.DataFrame, layer: str, scale: LevelScale, horizon_days: float) -> _Told:
        days = table["as_of"].unique().to_numpy("datetime64[D]")
        regions = pd.Index(table["region_id"].iloc[: len(table) // len(days)])
        p_any = table["p_any"].to_numpy().reshape(len(days), len(regions))
        return cls(days, regions, p_any, layer, scale, horizon_days)

    def levels(self, fraction: float = 1.0) -> IntArray:
        """Return the levels by thresholds alone."""
        days, layer = self.horizon_days, self.layer
        return self.scale.level_of(self.p_any, layer=layer, horizon_days=days, fraction=fraction)

    def follow(self, fraction: float, dwell_days: float) -> IntArray:
        """Return the levels with hysteresis, each layer after the one before."""
        alone, lowered = self.levels(), self.levels(fraction)
        final = alone.copy()
        since = np.full(alone.shape[1], np.nan)
        clock = self.days.astype(float)
        last = final[0]
        for t in range(1, len(final)):
            waited = np.where(np.isnan(since), 0.0, clock[t] - since)
            last = np.where(final[t - 1] == INSUFFICIENT, last, final[t - 1])
            final[t], below, over = step_levels(
                alone[t], lowered[t], last, waited=waited, dwell_days=dwell_days
            )
            kept = np.where(np.isnan(since), clock[t], since)
            since = np.where(below & ~over, kept, np.nan)
        return final

    def locate(self, hits: pd.DataFrame) -> tuple[IntArray, IntArray]:
        """Return the layer that stood when each incident happened, and its region."""
        when = hits["event_date"].to_numpy("datetime64[D]")
        row = np.searchsorted(self.days, when, side="right") - 1
        return row.astype(np.int64), self.regions.get_indexer(hits["region_id"]).astype(np.int64)


def _worth(told: _Told, levels: IntArray, hits: pd.DataFrame, least: int) -> dict[str, float]:
    """Return the flips, the hits and the cost of caution of levels."""
    spans = np.diff(told.days).astype(float)
    known = levels != INSUFFICIENT
    both = known[1:] & known[:-1]
    flips = ((levels[1:] != levels[:-1]) & both).sum()
    row, column = told.locate(hits)
    weight = hits["weight"].to_numpy()
    happened = np.zeros(levels.shape, dtype=bool)
    happened[row, column] = True
    high = levels >= least
    years = (both * spans[:, None]).sum() / DAYS_A_YEAR
    # the last layer holds as long as the one before it did
    days = np.append(spans, spans[-1:] if len(spans) else [0.0])[:, None]
    all_years = (known * days).sum() / DAYS_A_YEAR

    def share(part: float, whole: float) -> float:
        return float(part / whole) if whole else np.nan

    return {
        "flips": share(flips, years),
        "hit_rate": share((weight * high[row, column]).sum(), weight.sum()),
        "high_days": share((high * days).sum(), all_years),
        "quiet_days": share(((high & ~happened) * days).sum(), all_years),
    }


def _series(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the incidents of each layer."""
    counts = measure(evidence)
    tables = [evidence[counts[layer] > 0].assign(layer=layer) for layer in LAYERS[:2]]
    if "relevance" in evidence:
        tables.append(evidence[evidence["relevance"].isin(THEIRS)].assign(layer="group"))
    return pd.concat(tables, ignore_index=True)


def _observe(told: _Told, mine: pd.DataFrame, today: pd.Timestamp) -> FloatArray:
    """Return how many incidents followed, and the chance of any, missing where time isn't over."""
    when = mine["event_date"].to_numpy("datetime64[D]")
    column = told.regions.get_indexer(mine["region_id"])
    named = (mine["method"] != "spread").to_numpy()
    none = np.log1p(-np.where(named, 1.0 - 1e-15, mine["weight"].clip(0.0, 1.0 - 1e-15)))
    size = {"minlength": len(told.regions)}
    found = np.full((2, *told.p_any.shape), np.nan)
    for t, day in enumerate(told.days):
        end = day + np.timedelta64(int(told.horizon_days), "D")
        if end <= np.datetime64(today, "D"):
            inside = (when >= day) & (when < end) & (column >= 0)
            here = inside & named
            found[0, t] = np.bincount(column[here], mine["weight"].to_numpy()[here], **size)
            found[1, t] = -np.expm1(np.bincount(column[inside], none[inside], **size))
    return found


def _follow_incidents(told: _Told, levels: IntArray, series: pd.DataFrame) -> pd.DataFrame:
    """Return the incidents of the replayed time with the levels around each of them."""
    days = told.days
    # an incident after the last layer's turn is no more than guesswork
    end = days[-1] + (days[-1] - days[-2] if len(days) > 1 else np.timedelta64(1, "D"))
    when = series["event_date"].to_numpy("datetime64[D]")
    inside = (when >= days[0]) & (when < end) & series["region_id"].isin(told.regions).to_numpy()
    mine = series[inside]
    row, column = told.locate(mine)
    after = np.minimum(row + 1, len(days) - 1)
    high = levels >= HIGH
    lead = (when[inside] - days[_risen(high)[row, column]]).astype(float)
    return mine[["event_date", "incident_id", "region_id", "layer", "weight"]].assign(
        level_before=levels[row, column],
        level_after=pd.array(levels[after, column], dtype="Int64"),
        lead_days=np.where(high[row, column], lead, np.nan),
    )


def _risen(high: NDArray[np.bool_]) -> IntArray:
    """Return for each layer and region the layer from which on it has been high without a break."""
    rows = np.arange(len(high))[:, None]
    low = np.where(high, -1, rows)
    return np.minimum(np.maximum.accumulate(low, axis=0) + 1, len(high) - 1).astype(np.int64)
