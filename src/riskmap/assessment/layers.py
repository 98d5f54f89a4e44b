"""The risk layer: regions with their levels, probabilities, drivers and provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap import schema
from riskmap.assessment.contexts import Context
from riskmap.errors import InputError
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.knowledge import SHARE_COLUMNS
from riskmap.schema import COUNT, DAY, FLAG, NUMBER, TEXT, Column, conform

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import geopandas as gpd

    from riskmap.assessment.levels import LevelScale
    from riskmap.ledgers import Ledger

#: Of :mod:`riskmap.schema`.
LAYERS = schema.LAYERS

SUFFICIENCIES = ("sufficient", "sparse", "insufficient")
CONFIDENCES = ("low", "medium", "high")
TRENDS = ("deteriorated", "unchanged", "improved")
FRAGILITIES = ("robust", "fragile")

#: What a row of most tables is about.
KEY = ["region_id", "layer"]
_ABOUT = (
    Column("region_id", TEXT, "the region"),
    Column("layer", TEXT, "which incidents it is about", LAYERS),
)

#: Risks: one row a region and layer, sorted by ``region_id`` and then from wide to narrow.
RISK_COLUMNS = (
    *_ABOUT,
    Column("risk_level", COUNT, "0 insufficient data, 1 minimal ... 5 extreme"),
    Column("level_name", TEXT, "name of the level"),
    Column("p_any", NUMBER, "probability of at least one incident within the horizon"),
    Column("p_least", NUMBER, "smallest p_any of the models asked, the one in use among them"),
    Column("p_most", NUMBER, "largest p_any of the models asked; no confidence interval"),
    Column("expected_count", NUMBER, "expected incidents within the horizon"),
    Column("q05", NUMBER, "5 % quantile of the count"),
    Column("q50", NUMBER, "median of the count"),
    Column("q95", NUMBER, "95 % quantile of the count"),
    Column("confidence", TEXT, "how sure the probability is", CONFIDENCES),
    Column("data_sufficiency", TEXT, "whether enough is reported from here", SUFFICIENCIES),
    Column("reporting_gap", FLAG, "whether reports have stopped where they used to come"),
    Column("reasons", TEXT, "why nobody can say it is lower, codes joined by ';'"),
    Column(
        "at_least", FLAG, "whether it may be higher: what is told gives the level, nobody watches"
    ),
    Column("attacked", FLAG, "whether an attack on the group of the last 90 days holds it up"),
    Column("level_low", COUNT, "lowest level that the numbers allow"),
    Column("level_high", COUNT, "highest level that the numbers allow"),
    Column("level_as_of", DAY, "day of the level, where it is kept from an earlier layer"),
    Column(
        "attacks_told", NUMBER, "incidents that hit or targeted the group, in the whole history"
    ),
    Column("threshold_level", COUNT, "what the thresholds give, before holds, caps and floors"),
    Column("held", FLAG, "whether the level is held up until a dwell or a silence is over"),
    Column("below_since", DAY, "day from which p_any has been low enough for the level to fall"),
    Column(
        "single_source",
        FLAG,
        "whether one source alone raises it; beyond moderate by one step",
    ),
    Column("fragility", TEXT, "fragile when one incident or source decides", FRAGILITIES),
    Column("level_before", COUNT, "level before, the last one known; missing when there is none"),
    Column("p_before", NUMBER, "p_any of the layer before"),
    Column("trend", TEXT, "how the level moved since the layer before", TRENDS),
    Column("p_change", NUMBER, "probability that p_any really changed in the direction told"),
    Column("disagreement", NUMBER, "p_most less p_least"),
    Column("expected_victims", NUMBER, "people killed, wounded or abducted, on average"),
    Column("severe_scenario", NUMBER, "victims, mean of the worst 5 % of outcomes"),
    Column("rate_per_1000_wy", NUMBER, "incidents per 1 000 worker-years"),
    Column("wy_rate_q05", NUMBER, "lower end of its 90 % interval"),
    Column("wy_rate_q95", NUMBER, "upper end of its 90 % interval"),
    Column("exposure_basis", TEXT, "worker-years as given, or the scenario they come from"),
)

#: Drivers: the parts of each expected count; they sum to it.
DRIVER_COLUMNS = (
    *_ABOUT,
    Column("driver", TEXT, "what the part is, such as 'own history'"),
    Column("value", NUMBER, "its part of expected_count"),
)

#: Influences: what each forecast would be without one incident or one source.
INFLUENCE_COLUMNS = (
    *_ABOUT,
    Column("kind", TEXT, "what is left out", ("incident", "source")),
    Column("key", TEXT, "its incident_id, or the source"),
    Column("value", NUMBER, "what it adds to expected_count"),
    Column("p_any", NUMBER, "p_any without it"),
    Column("risk_level", COUNT, "level without it"),
    Column("weight", NUMBER, "share of the incident that counts here, summed over its rows"),
    Column("age_days", NUMBER, "days from its first possible day to as_of"),
)

#: Counterfactuals: the smallest things that would move a level, each one verified by running it.
COUNTERFACTUAL_COLUMNS = (
    *_ABOUT,
    Column("direction", TEXT, "which way the level moves", ("up", "down")),
    Column("kind", TEXT, "more incidents, or days without", ("more", "quiet")),
    Column("amount", NUMBER, "how many incidents, or how many days"),
    Column("p_any", NUMBER, "p_any then"),
    Column("risk_level", COUNT, "level then"),
)

#: Changes: what moved each expected count since the layer before; they sum to the difference.
CHANGE_COLUMNS = (
    *_ABOUT,
    Column("cause", TEXT, "new incidents, decay, neighbours, revisions, boundary or method"),
    Column("value", NUMBER, "its part of the change of expected_count"),
)

#: Audit: one line for every level that is not what the thresholds alone give.
AUDIT_COLUMNS = (
    *_ABOUT,
    Column("rule", TEXT, "the rule that spoke"),
    Column("detail", TEXT, "what it found and did"),
)

#: Windows whose counts a layer carries.
WINDOWS = 24
#: Counts: what was counted in each of the last windows, as the models saw it; zeros are left out.
WINDOW_COLUMNS = (
    *_ABOUT,
    Column("window_start", DAY, "first day of the window"),
    Column("incidents", NUMBER, "incidents, each by the share of it that counts here"),
)

#: Reports that an earlier layer knew and that have gone since, until they come back.
GONE_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("region_id", TEXT, "the region"),
    Column("source", TEXT, "the feed or publisher"),
    Column("source_id", TEXT, "its number there"),
    Column("event_date", DAY, "its first possible day"),
    Column("event_type", TEXT, "what happened"),
    Column("weight", NUMBER, "share of the incident that counted here"),
    Column("violence", FLAG, "whether it told of violence"),
    Column("foreign", FLAG, "whether it told of foreigners"),
    Column("theirs", FLAG, "whether it told of an attack on the group"),
    Column("until", DAY, "the first day on which nobody misses it any more"),
)

#: Knowledge: what could have been told of each region and layer, and what was lost.
KNOWLEDGE_COLUMNS = (
    *_ABOUT,
    Column("watched", FLAG, "whether a source that can see the layer watches the region now"),
    Column("named", FLAG, "whether one of them says who was hit"),
    Column("sources", TEXT, "those that watch it, joined by '; '"),
    Column("reports", NUMBER, "incidents that named the region, of sources that could tell"),
    Column("last_report_days", NUMBER, "days from the last report that named the region to as_of"),
    Column("rows_spread", NUMBER, "recent rows that were spread over it and other regions"),
    Column("rows_lost", NUMBER, "rows that named it and were set aside"),
    Column("may_be_here", NUMBER, "reports that may be of it and count nowhere, or elsewhere"),
    Column("hazard_times", NUMBER, "how many times its hazard may be higher for what was lost"),
    Column("border_times", NUMBER, "and without a source that is hardly as wide as the widest"),
    Column("data_sufficiency", TEXT, "whether enough is reported from here", SUFFICIENCIES),
    Column("confidence", TEXT, "how sure the probability is", CONFIDENCES),
    Column("reporting_gap", FLAG, "whether reports have stopped where they used to come"),
    Column("reasons", TEXT, "codes of docs/levels.md, joined by ';'"),
)

#: Sites and routes of the group. Where they are is published privately alone.
SITE_COLUMNS = (
    Column("site", TEXT, "name of the site or route"),
    Column("kind", TEXT, "a point, or a way through regions", ("site", "route")),
    Column("region_id", TEXT, "the region it stands in, or the worst on the way; none outside"),
    Column("layer", TEXT, "which incidents it is about", LAYERS),
    Column("p_any", NUMBER, "probability there, or length-weighted along the way"),
    Column("risk_level", COUNT, "level there, or of the worst stretch"),
    Column("border_distance_m", NUMBER, "metres to the nearest border of a region"),
    Column("assessed_share", NUMBER, "share of the way in regions that have a level"),
    Column("attacked", FLAG, "whether an attack on the group nearby holds the level up"),
    Column("near_region_id", TEXT, "of the other regions within 25 km of a site the highest"),
    Column("near_level", COUNT, "its level"),
    Column("near_attacked", FLAG, "whether an attack on the group holds its level up"),
    Column("near_distance_m", NUMBER, "metres from the site to its border"),
    Column("wkt", TEXT, "where it is, a point or a line in degrees; told in private sets alone"),
)


def empty_table(columns: Iterable[Column]) -> pd.DataFrame:
    """Return a table of a schema without rows."""
    return conform(pd.DataFrame(), columns)


def audit_lines(rows: pd.DataFrame, rule: str, detail: object) -> pd.DataFrame:
    """Return a line of the audit for each of some rows of a region and layer.

    Parameters
    ----------
    rows : DataFrame
        With ``region_id`` and ``layer``.
    rule
        The rule that spoke.
    detail : str, or one for each row
        What it found and did.

    Examples
    --------
    >>> rows = pd.DataFrame({"region_id": ["XQA0101"], "layer": ["group"], "p_any": 0.5})
    >>> audit_lines(rows, "attacked", "at least moderate")["detail"].tolist()
    ['at least moderate']
    """
    found = rows[KEY].assign(rule=rule, detail=detail).reset_index(drop=True)
    return conform(found, AUDIT_COLUMNS)


def audit_of(lines: Iterable[tuple[str, ...]]) -> pd.DataFrame:
    """Return lines of region, layer, rule and detail as a table."""
    names = [column.name for column in AUDIT_COLUMNS]
    return conform(pd.DataFrame(list(lines), columns=names), AUDIT_COLUMNS)


@dataclass(frozen=True)
class RiskLayer:
    """District risk levels as of a day, with everything that explains them.

    Parameters
    ----------
    regions : GeoDataFrame
        The regions, sorted by ``region_id``.
    risks : DataFrame
        One row a region and layer (:data:`RISK_COLUMNS`).
    drivers : DataFrame
        The parts of each expected count (:data:`DRIVER_COLUMNS`).
    incidents : DataFrame
        The incidents that counted: ``incident_id, region_id, weight`` and the columns of the
        Incidents table, newest first; ``longitude, latitude`` where their source tells a point.
    scale : LevelScale
        The thresholds that made the levels.
    headline
        The layer that maps and tables show first.
    provenance : dict
        ``as_of, issued_at, valid_from, valid_until, horizon, horizon_days, every, model,
        method_version, boundary_source, boundary_version, boundary_licence``: plain values, times
        as RFC 3339 text.
    ledger : Ledger
        What became of every row.
    knowledge, shares, attacks : DataFrame
        What could have been told (:data:`KNOWLEDGE_COLUMNS`), what is taken of incidents that don't
        say who was hit (:data:`SHARE_COLUMNS`), and the attacks that hold levels up
        (:data:`ATTACK_COLUMNS`).
    counts : DataFrame
        What was counted in the last windows (:data:`WINDOW_COLUMNS`).
    influences, counterfactuals, changes, audit, sites, gone : DataFrame
        What explains the levels: :data:`INFLUENCE_COLUMNS`, :data:`COUNTERFACTUAL_COLUMNS`,
        :data:`CHANGE_COLUMNS` (empty without a layer before), :data:`AUDIT_COLUMNS`,
        :data:`SITE_COLUMNS` (empty without sites) and :data:`GONE_COLUMNS`.
    """

    regions: gpd.GeoDataFrame
    risks: pd.DataFrame
    drivers: pd.DataFrame
    incidents: pd.DataFrame
    scale: LevelScale
    headline: str
    provenance: dict[str, Any]
    ledger: Ledger
    influences: pd.DataFrame = field(default_factory=partial(empty_table, INFLUENCE_COLUMNS))
    counterfactuals: pd.DataFrame = field(
        default_factory=partial(empty_table, COUNTERFACTUAL_COLUMNS)
    )
    changes: pd.DataFrame = field(default_factory=partial(empty_table, CHANGE_COLUMNS))
    audit: pd.DataFrame = field(default_factory=partial(empty_table, AUDIT_COLUMNS))
    sites: pd.DataFrame = field(default_factory=partial(empty_table, SITE_COLUMNS))
    knowledge: pd.DataFrame = field(default_factory=partial(empty_table, KNOWLEDGE_COLUMNS))
    shares: pd.DataFrame = field(default_factory=partial(empty_table, SHARE_COLUMNS))
    attacks: pd.DataFrame = field(default_factory=partial(empty_table, ATTACK_COLUMNS))
    gone: pd.DataFrame = field(default_factory=partial(empty_table, GONE_COLUMNS))
    counts: pd.DataFrame = field(default_factory=partial(empty_table, WINDOW_COLUMNS))

    @cached_property
    def context(self) -> Context:
        """What the provenance says, with its types."""
        return Context.read(self.provenance)

    def risks_of(self, name: str | None = None) -> pd.DataFrame:
        """Return the risks of one layer, the headline when None.

        Raises
        ------
        InputError
            When there is no such layer.
        """
        chosen = self.headline if name is None else name
        risks = self.risks[self.risks["layer"] == chosen]
        if risks.empty:
            expected = " or ".join(self.risks["layer"].unique())
            raise InputError("no such layer", column="name", met=chosen, expected=expected)
        return risks

    def to_geojson(self) -> str:
        """Return the layer as GeoJSON text (RFC 7946), one feature a region."""
        from riskmap.outputs import publishing

        return publishing.to_geojson(self)

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The layer as the plain values of its GeoJSON, for whatever reads geo-interfaces."""
        from riskmap.outputs import publishing

        return publishing.geo_interface(self)

    def to_file(self, path: str | Path) -> Path:
        """Write the layer as one file: ``.geojson, .gpkg, .parquet, .pmtiles, .csv, .xlsx``.

        For all formats as one set with its manifest, see :func:`riskmap.publish`.

        Parameters
        ----------
        path
            The file; its suffix says the kind. It changes only when the whole file is written.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            When the suffix is of no kind of file that holds a layer.
        MissingDependencyError
            When the kind needs a package that is not installed.
        PublishError
            When it can't be written; what stood there is untouched.
        """
        from riskmap.outputs import publishing

        return publishing.to_file(self, path)

    def plot(self, *, ax: Any = None, incidents: bool = False, sites: bool = False) -> Any:
        """Draw the headline's levels: colour, number, a hatch for insufficient data, a legend.

        Numbers stand only where there is room for them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure when None.
        incidents
            Whether the incidents of the last 90 days are drawn: a point where one is known to a
            point, the outline of the district where no more is known.
        sites
            Whether the group's sites and routes are drawn, which only a private layer knows.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingDependencyError
            When matplotlib is not installed (extra ``notebook``).
        """
        from riskmap.outputs import views

        return views.plot(self, ax=ax, incidents=incidents, sites=sites)

    def explore(self, **options: Any) -> Any:
        """Return a map to zoom and click in a notebook; names are text, never markup.

        Parameters
        ----------
        **options
            As for :meth:`geopandas.GeoDataFrame.explore`, such as ``tiles="CartoDB positron"``. By
            default there are no background tiles; folium's own scripts come from the network.

        Returns
        -------
        folium.Map

        Raises
        ------
        MissingDependencyError
            When folium, mapclassify or matplotlib is not installed (extra ``notebook``).
        """
        from riskmap.outputs import views

        return views.explore(self, **options)

    def _repr_html_(self) -> str:
        """Return a small table for notebooks: levels, and the regions most at risk."""
        from riskmap.outputs import views

        return views.repr_html(self)
