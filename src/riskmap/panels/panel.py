"""Panels: counts of incidents by region and window, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.panels.knowledge import LAYERS
from riskmap.panels.measures import GROUP_SERIES, SERIES, driver_of
from riskmap.panels.risk_days import days_at_risk
from riskmap.panels.windows import frame_of, parse_day, step_windows
from riskmap.schema import Tables
from riskmap.typing import CountHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from riskmap.ledgers import Ledger
    from riskmap.panels.groups import WorkerGroup
    from riskmap.typing import FloatArray, IntArray

if TYPE_CHECKING:
    #: Placed facts, what gives the evidence, and incidents that are whole with where they count.
    _Placed = tuple[pd.DataFrame, Callable[[], pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]

#: After so many watched days since a break, what was before it counts for half; never for less
#: than the least.
BREAK_DAYS, LEAST_WEIGHT = 30.0, 0.01
#: The series whose days at risk those of another series are.
AT_RISK = {"unknown": "violence", "group_unknown": "violence", "group": "foreign"}


@dataclass(frozen=True, eq=False, repr=False)
class Panel(Tables):
    """Counts of incidents for every region and window, as they were known on a day.

    Parameters
    ----------
    frame : DataFrame
        ``region_id, window_start, window_end`` and the series ``reports, violence, foreign,
        unknown, fatalities``, with a group ``group`` and ``group_unknown`` too; complete and sorted
        by region and window. ``unknown`` are violent incidents that don't say who was hit. Zero is
        zero; a count is missing where nothing was told and no source watched.
    keys : DataFrame
        ``region_id, parent_id, iso3``, one row a region, in the order of `frame`.
    neighbours : scipy.sparse.csr_array
        Row-normalised weights of neighbouring regions; empty when none are known.
    evidence_of : callable
        Gives `evidence`; lining up a million incidents is put off until somebody asks for them.
    as_of : pandas.Timestamp
        The day the counts are made for; nothing of that day or later is in them.
    every
        The windows' length: day, week, month or quarter.
    ledger : Ledger
        What became of every row so far.
    exposure : ndarray, shape (n_windows, n_regions), optional
        Worker-years at risk in each window and region; None when unknown.
    at_risk : mapping of str to ndarray, shape (n_windows, n_regions), or None
        For ``violence`` and ``foreign`` the share of each window that models count as watched, and
        ``reported``, that in which anybody reported from the country at all; None for all of it.
    knowledge : DataFrame
        What could have been told of each region and layer
        (:func:`riskmap.panels.knowledge.know_regions`).
    shares : DataFrame
        What part of the incidents that don't say who was hit is taken to have hit foreigners.
    attacks : DataFrame
        The attacks of the last 90 days on the group, or on any foreigners without one.
    group : WorkerGroup, optional
        Whose series are counted.
    lost : DataFrame
        What the rows add up to that were set aside (:func:`riskmap.panels.doubts.sum_lost`).
    main_sources : mapping of str to frozenset of (str, str)
        For ``violence`` and ``foreign`` the countries and sources whose silence lowers and whose
        reports teach (:func:`riskmap.panels.coverage.main_sources`).
    drafts : dict
        How many reports wait for review by region (:func:`riskmap.panels.attacks.count_drafts`).
    later : dict
        What came too late for the day (:func:`riskmap.panels.attacks.find_later`).
    breaks : tuple of str
        As for :func:`with_breaks`.
    lead_days
        Days between ``as_of`` and the horizon that is forecast.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> panel.wide("violence").shape
    (84, 24)
    """

    frame: pd.DataFrame
    keys: pd.DataFrame
    neighbours: sparse.csr_array
    evidence_of: Callable[[], pd.DataFrame]
    as_of: pd.Timestamp
    every: str
    ledger: Ledger
    exposure: FloatArray | None = None
    at_risk: dict[str, FloatArray | None] = field(default_factory=dict)
    knowledge: pd.DataFrame = field(default_factory=pd.DataFrame)
    shares: pd.DataFrame = field(default_factory=pd.DataFrame)
    attacks: pd.DataFrame = field(default_factory=pd.DataFrame)
    group: WorkerGroup | None = None
    lost: pd.DataFrame = field(default_factory=pd.DataFrame)
    main_sources: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    drafts: dict[str, int] = field(default_factory=dict)
    later: dict[str, Any] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    lead_days: float = 0.0

    @property
    def evidence(self) -> pd.DataFrame:
        """The incidents that were counted, newest first.

        ``incident_id, region_id, weight, method`` and what is known of each.
        """
        return self.evidence_of()

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return len(self.keys)

    @property
    def edges(self) -> NDArray[np.datetime64]:
        """Edges of the windows, shape (n_windows + 1,)."""
        n_windows = len(self.frame) // self.n_regions
        starts = self.frame["window_start"].to_numpy()[:n_windows].astype("datetime64[D]")
        return np.append(starts, np.datetime64(self.as_of, "D"))

    def wide(self, series: str) -> pd.DataFrame:
        """Return one series as a table of windows (rows, by their start) by regions (columns)."""
        values = self._values(series)
        index = pd.DatetimeIndex(self.edges[:-1], name="window_start")
        return pd.DataFrame(values, index=index, columns=self.keys["region_id"].to_numpy())

    def plot(self, *, series: str = "violence", ax: Any = None) -> Any:
        """Draw the incidents of each window, and what share of the regions was watched.

        Parameters
        ----------
        series
            Which series.
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

        return views.plot_panel(self, series=series, ax=ax)

    def _summary(self) -> Mapping[str, object]:
        names = self.frame.columns.drop(["region_id", "window_start", "window_end"])
        return {
            "as of": f"{self.as_of:%Y-%m-%d}",
            "windows": f"{len(self.edges) - 1:,}, each a {self.every}",
            "regions": f"{self.n_regions:,}",
            "series": ", ".join(names),
            "group": self.group or "none",
        }

    def _repr_html_(self) -> str:
        """Return a small table for notebooks: sums of the series, and what is watched."""
        from riskmap.outputs import views

        return views.html_panel(self)

    def history(self, series: str) -> CountHistory:
        """Return one series as a model sees it, with the series around it as drivers.

        Counts are all that was told; ``watched`` says in what share of each window somebody would
        have told of more.
        """
        edges = self.edges
        years = edges[:-1].astype("datetime64[Y]")
        phase = (edges[:-1] - years.astype("datetime64[D]")).astype(float) / 365.25
        layer = AT_RISK.get(series, series)
        history = CountHistory(
            counts=np.nan_to_num(self._values(series)),
            days=np.diff(edges).astype(float),
            parent=_codes(self.keys["iso3"] + "/" + self.keys["parent_id"]),
            country=_codes(self.keys["iso3"]),
            phase=phase,
            neighbours=self.neighbours if self.neighbours.nnz else None,
            drivers={"violence": self._driver(series)} if layer == "foreign" else {},
            exposure=self.exposure,
            watched=self.at_risk.get(layer),
            reported=self.at_risk.get("reported"),
            lead_days=self.lead_days,
        )
        return replace(history, weight=self._weight(history)) if self.breaks else history

    def _weight(self, history: CountHistory) -> FloatArray:
        """Return what windows are worth: before a break the less, the longer others are watched."""
        days = days_at_risk(replace(history, exposure=None))
        starts = self.edges[:-1]
        weight = np.ones_like(days)
        for text in self.breaks:
            reach, day = _read_break(text, self.keys)
            before = starts < day.to_datetime64()
            worth = np.maximum(0.5 ** (days[~before].sum(axis=0) / BREAK_DAYS), LEAST_WEIGHT)
            cell = np.where(before[:, None] & reach, worth, 1.0)
            weight = np.minimum(weight, cell)
        return weight

    def _driver(self, series: str) -> FloatArray:
        """Return the series that may lead another."""
        names = ("violence", "unknown", "foreign", "group")
        known = [name for name in names if name in self.frame]
        return driver_of(series, {name: np.nan_to_num(self._values(name)) for name in known})

    def _values(self, series: str) -> FloatArray:
        if series not in self.frame:
            known = [name for name in (*SERIES, *GROUP_SERIES) if name in self.frame]
            raise InputError("no such series", met=series, expected=" or ".join(known))
        values = self.frame[series].to_numpy(dtype=float)
        return np.ascontiguousarray(values.reshape(self.n_regions, -1).T)


def _codes(labels: pd.Series) -> IntArray:
    """Return 0, 1, 2 ... for each distinct label, in sorted order; a missing one is a label too."""
    return pd.factorize(labels.fillna(""), sort=True)[0].astype(np.int64)


def reach_back(panel: Panel, days: float) -> Panel:
    """Return a panel whose windows reach back so many days; nobody watched those before its first.

    So short a history shows no silence: no region is watched.

    Parameters
    ----------
    panel : Panel
        With fewer days.
    days
        Days before its ``as_of`` that the first window must reach.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2018-02-01")
    >>> long = reach_back(panel, 90)
    >>> len(panel.edges) - 1, len(long.edges) - 1, bool(long.knowledge["watched"].any())
    (1, 3, False)
    """
    start = panel.as_of - pd.Timedelta(days=int(np.ceil(days)))
    edges = step_windows(panel.as_of, start, every=panel.every)
    more = len(edges) - len(panel.edges)
    names = [name for name in (*SERIES, *GROUP_SERIES) if name in panel.frame]
    sums = {
        name: np.pad(
            panel.frame[name].to_numpy(dtype=float).reshape(panel.n_regions, -1),
            ((0, 0), (more, 0)),
            constant_values=np.nan,
        ).ravel()
        for name in names
    }
    shape = (len(panel.edges) - 1, panel.n_regions)
    told = {name: panel.at_risk.get(name) for name in LAYERS}
    shares = {name: np.ones(shape) if one is None else one for name, one in told.items()}
    exposure = panel.exposure
    return replace(
        panel,
        frame=frame_of(sums, keys=panel.keys, edges=edges),
        at_risk={name: np.pad(one, ((more, 0), (0, 0))) for name, one in shares.items()},
        exposure=None if exposure is None else np.pad(exposure, ((more, 0), (0, 0)), mode="edge"),
        knowledge=panel.knowledge.assign(
            watched=False, named=False, data_sufficiency="insufficient", confidence="low"
        ),
    )


def with_breaks(panel: Panel, breaks: Sequence[str]) -> Panel:
    """Return a panel in which what was before a break counts for less, the longer ago it was.

    A break is a day on which things changed: a government fell, a ceasefire. With every
    :data:`BREAK_DAYS` watched days since, the windows that began before it are worth half in its
    regions, incidents and watched days alike. So rates go where the days since have them, up or
    down; where nobody has watched since, a region's own past stands.

    Parameters
    ----------
    panel : Panel
        The counts.
    breaks : sequence of str
        Each a place and a day, such as ``"AFG:2021-08-15"``: the ``iso3`` of a country, the
        ``parent_id`` of its districts, or a ``region_id``.

    Raises
    ------
    InputError
        When a place is none of the panel's, or a day is none.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> country = panel.keys["iso3"][0]
    >>> weight = with_breaks(panel, [f"{country}:2024-07-01"]).history("violence").weight
    >>> bool(weight[0].max() < 1), bool((weight[-1] == 1).all())
    (True, True)
    """
    late = [text for text in breaks if not _read_break(text, panel.keys)[1] < panel.as_of]
    if late:
        raise InputError(
            "a break lies ahead", column="breaks", met=late[0], expected="a day before as_of"
        )
    return replace(panel, breaks=tuple(breaks))


def _read_break(text: str, keys: pd.DataFrame) -> tuple[NDArray[np.bool_], pd.Timestamp]:
    """Return the regions of a break, and its day."""
    place, _, day = str(text).rpartition(":")
    reach = (keys[["iso3", "parent_id", "region_id"]] == place).any(axis=1).to_numpy()
    if not (place and reach.any()):
        raise InputError(
            "a break is of no place that is counted",
            column="breaks",
            met=text,
            expected='a country, province or district and a day, such as "AFG:2021-08-15"',
        )
    return reach, parse_day(day, what="breaks")
