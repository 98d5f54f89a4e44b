"""Views: what notebooks show of layers, panels, forecasts, backtests and replays.

Pictures of matplotlib and small tables of HTML. Names are text, never markup and never formulas.
"""

from __future__ import annotations

import html
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.errors import InputError, importing
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue, render_html
from riskmap.outputs.documents import UNKNOWN, draw_map, font
from riskmap.outputs.map_features import recent_incidents
from riskmap.outputs.wordings import NONE, display, level_told, level_words, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskmap.assessment.layers import RiskLayer
    from riskmap.evaluation.backtests import Backtest
    from riskmap.evaluation.replays import Replay
    from riskmap.models.results import Forecast
    from riskmap.panels.panel import Panel

#: What the map of a notebook tells of a region.
_TOLD = (
    *("region_id", "name", "parent", "level_name", "at_least", "attacked", "p_any"),
    *("confidence", "data_sufficiency", "reasons"),
)
#: Regions that the table of a notebook shows.
_ROWS = 10
_TOLD_COLOUR, _SITE_COLOUR, _QUIET = "#4b0d6b", "#004f9e", "#8a949d"
#: Letters of a level's sign on a map.
_NUMBER = 2


def plot(layer: RiskLayer, *, ax: Any = None, incidents: bool = False, sites: bool = False) -> Any:
    """Draw a layer on axes of matplotlib: colour, number, hatch for insufficient data, legend.

    Parameters
    ----------
    layer
        The layer.
    ax
        Where to draw; a new figure when None.
    incidents
        Whether the incidents of the last 90 days are drawn, each as exactly as it is known.
    sites
        Whether the sites and routes of the group are drawn, which only a private layer knows.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``notebook``).
    """
    ax, bundle = _axes(ax), Bundle(layer)
    inside = shapely.point_on_surface(bundle.shapes)
    spots = np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
    draw_map(ax, bundle, bundle.shapes, spots)
    _west, south, _east, north = shapely.total_bounds(bundle.shapes)
    if np.isfinite(south):
        ax.set_aspect(1 / max(0.1, np.cos(np.radians((south + north) / 2))))
    keys = [*ax.get_legend().legend_handles]
    keys += _draw_incidents(ax, bundle) if incidents else []
    keys += _draw_sites(ax, layer) if sites else []
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    texts += [key.get_label() for key in keys[len(texts) :]]
    corner = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
    ax.legend(handles=keys, labels=texts, prop=font(8), **corner)
    ax.set_title(_title(layer).replace(": ", "\n", 1), fontsize=9)
    _leave_room(ax)
    return ax


def _axes(ax: Any) -> Any:
    """Return axes to draw on."""
    with importing("matplotlib", extra="notebook"):
        from matplotlib import pyplot as plt
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def _leave_room(ax: Any) -> None:
    """Take away the labels that have no room: names of sites stand first, then the numbers."""
    ax.figure.draw_without_rendering()
    kept = list[Any]()
    for text in sorted(ax.texts, key=lambda text: len(text.get_text()) <= _NUMBER):
        extent = text.get_window_extent()
        if any(extent.overlaps(other) for other in kept):
            text.remove()
        else:
            kept.append(extent)


def _draw_incidents(ax: Any, bundle: Bundle) -> list[Any]:
    """Draw recent incidents: points, places, and districts as outlines; return the keys."""
    table, keys, words = recent_incidents(bundle), list[Any](), catalogue("en")["page"]
    for exact, size, face in (("point", 4, _TOLD_COLOUR), ("place", 8, "none")):
        own = table[table["exact"] == exact]
        style = {"marker": "o", "markersize": size, "markerfacecolor": face, "linestyle": "none"}
        if len(own):
            label = f"{words['known_' + exact]}: {len(own)}"
            at = own["longitude"], own["latitude"]
            keys += ax.plot(*at, label=label, markeredgecolor=_TOLD_COLOUR, **style)
    whole = table[table["exact"] == "district"]
    shapes = bundle.shapes[bundle.regions["region_id"].isin(whole["region_id"]).to_numpy()]
    edges = shapely.boundary(shapes[~shapely.is_missing(shapes)])
    if len(edges):
        style = {"color": _TOLD_COLOUR, "linestyle": ":", "linewidth": 1.4}
        gpd.GeoSeries(edges).plot(ax=ax, aspect=None, **style)
        keys += ax.plot([], [], label=f"{words['known_district']}: {len(whole)}", **style)
    return keys


def _draw_sites(ax: Any, layer: RiskLayer) -> list[Any]:
    """Draw the sites and routes of the group with their names; return the keys."""
    rows, keys, words = layer.sites.drop_duplicates("site"), list[Any](), catalogue("en")["page"]
    rows = rows.dropna(subset="wkt") if "wkt" in rows else rows.head(0)
    styles = {
        "site": {"marker": "D", "markersize": 5, "linestyle": "none", "markeredgecolor": "white"},
        "route": {"linestyle": "--", "linewidth": 1.3},
    }
    for kind, style in styles.items():
        own = rows[rows["kind"] == kind]
        label = {"label": f"{words[kind]}: {len(own)}"}
        for name, wkt in zip(own["site"], own["wkt"], strict=True):
            x, y = shapely.get_coordinates(shapely.from_wkt(wkt)).T
            drawn = ax.plot(x, y, color=_SITE_COLOUR, **style, **label)
            keys, label = keys + (drawn if label else []), {}
            if kind == "site":
                said = {"parse_math": False, "color": _SITE_COLOUR, "fontproperties": font(7)}
                ax.text(x[0], y[0], f"  {display(name)}", va="center", clip_on=True, **said)
    return keys


def explore(layer: RiskLayer, **options: Any) -> Any:
    """Return a layer as a map of folium.

    Raises
    ------
    MissingDependencyError
        When folium, mapclassify or matplotlib is not installed (extra ``notebook``).
    """
    with importing(extra="notebook"):
        import folium  # noqa: F401 - what geopandas draws with
        import mapclassify  # noqa: F401 - likewise
        import matplotlib as mpl  # noqa: F401 - likewise
    frame = Bundle(layer).frame[[*_TOLD, "geometry"]].copy()
    for name in set(_TOLD) - {"p_any"}:  # folium takes a text for markup
        frame[name] = frame[name].astype("str").fillna("").map(html.escape)
    levels = layer.scale.levels[::-1]
    return frame[frame.geometry.notna()].explore(
        **{
            "column": "level_name",
            "categories": [level.name for level in levels],
            "cmap": [*(level.colour for level in levels[:-1]), UNKNOWN],
            "categorical": True,
            "tiles": None,
            "tooltip": list(_TOLD),
            "style_kwds": {"fillOpacity": 0.8, "color": "white", "weight": 0.6},
            **options,
        }
    )


def repr_html(layer: RiskLayer) -> str:
    """Return a layer as a small HTML table for notebooks: levels, and the regions most at risk."""
    bundle, words = Bundle(layer), catalogue("en")
    worst = bundle.table.sort_values(["p_any", "region_id"], ascending=[False, True]).head(_ROWS)
    told = worst[worst["risk_level"] > 0]
    levels = [level_told(row, words) for row in told.itertuples()]
    names, parents, data = (
        told[column].map(display) for column in ("name", "parent", "data_sufficiency")
    )
    chances = told["p_any"].map(partial(percent, words=words), na_action="ignore").fillna(NONE)
    counts = (
        (level_words(level.level, words), bundle.levels.count(level.level))
        for level in reversed(layer.scale.levels)
    )
    rows = zip(names, parents, levels, chances, data, strict=True)
    head = ("region", "parent", "level", "p_any", "data")
    return _tables(_title(layer), (("level", "regions"), counts), (head, rows))


def _tables(title: str, *tables: tuple[Sequence[str], Iterable[Sequence[Any]]]) -> str:
    """Return tables under a title as HTML."""
    return render_html("notebook.html", title=title, tables=tables)


def _title(layer: RiskLayer) -> str:
    known = layer.provenance
    about = catalogue("en")["layers"][layer.headline]
    return f"{about}: as of {known['as_of']}, valid until {str(known['valid_until'])[:10]}"


def plot_panel(panel: Panel, *, series: str = "violence", ax: Any = None) -> Any:
    """Draw what a panel counted in each window, over what share of the regions was watched.

    Parameters
    ----------
    panel
        The panel.
    series
        Which of its series.
    ax
        Where to draw; a new figure when None.

    Raises
    ------
    InputError
        When there is no such series.
    MissingDependencyError
        When matplotlib is not installed (extra ``notebook``).
    """
    table, ax = panel.wide(series), _axes(ax)
    edges = panel.edges.astype("datetime64[ms]").astype(object)
    wide = [(b - a).total_seconds() / 86400 for a, b in pairwise(edges)]
    ax.bar(edges[:-1], table.sum(axis=1), wide, align="edge", color="#3d6f9e", label=series)
    watched = panel.history(series).watched
    if watched is not None:
        other, share = ax.twinx(), np.asarray(watched).mean(axis=1)
        line = {"color": "#b26a00", "linewidth": 1.2, "label": "share of regions watched"}
        other.stairs(share, edges, baseline=None, **line)
        other.set(ylim=(0, 1.05), ylabel="share of regions watched")
    ax.set(ylabel=f"incidents ({series}) a {panel.every}")
    ax.set_title(
        f"{series}: {table.sum(axis=None):.6g} incidents, {_about_panel(panel)}", fontsize=9
    )
    return ax


def _about_panel(panel: Panel) -> str:
    return f"{panel.n_regions} regions, as of {panel.as_of.date()}"


def html_panel(panel: Panel) -> str:
    """Return a panel as a small HTML table for notebooks: sums, and what is watched."""
    names = [name for name in panel.frame.columns if panel.frame[name].dtype == "float64"]
    sums = [(name, f"{panel.frame[name].sum():.6g}") for name in names]
    known = panel.knowledge
    watched = known.groupby("layer", sort=False)["watched"].sum().items() if len(known) else ()
    title = f"Counts by {panel.every}: {_about_panel(panel)}, {len(panel.edges) - 1} windows"
    return _tables(title, (("series", "sum"), sums), (("layer", "regions watched"), watched))


def plot_forecast(
    forecast: Forecast, *, layer: str | None = None, limit: int = 20, ax: Any = None
) -> Any:
    """Draw the highest probabilities of a forecast, with the range over the models.

    Parameters
    ----------
    forecast
        The forecast.
    layer
        Whose; that of the group, or of foreigners without one, when None.
    limit
        How many regions.
    ax
        Where to draw; a new figure when None.

    Raises
    ------
    InputError
        When there is no such layer.
    MissingDependencyError
        When matplotlib is not installed (extra ``notebook``).
    """
    name, rows = _highest(forecast, layer, limit)
    ax, at = _axes(ax), np.arange(len(rows))[::-1]
    ax.hlines(at, rows["p_least"], rows["p_most"], color=_QUIET, label="range over the models")
    ax.plot(rows["p_any"], at, "o", color="#174c78", label="probability")
    ax.set_yticks(at, [display(key) for key in rows["region_id"]], parse_math=False, fontsize=7)
    ax.set(xlim=(0, None), xlabel=f"probability of any incident ({name}) in {_days(forecast)}")
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    ax.set_title(_about_forecast(forecast, name), fontsize=9)
    return ax


def _highest(forecast: Forecast, layer: str | None, limit: int) -> tuple[str, pd.DataFrame]:
    """Return the name of a layer of a forecast and the regions of which it says most."""
    name = layer or ("foreign" if forecast.group is None else "group")
    rows = forecast.frame[forecast.frame["layer"] == name]
    if rows.empty:
        expected = " or ".join(forecast.frame["layer"].unique())
        raise InputError("no such layer", column="layer", met=name, expected=expected)
    order = rows.sort_values(["p_any", "region_id"], ascending=[False, True])
    return name, order[order["p_any"].notna()].head(limit)


def _days(forecast: Forecast) -> str:
    return f"{forecast.provenance['horizon_days']:g} days"


def _about_forecast(forecast: Forecast, name: str) -> str:
    rows = forecast.frame[forecast.frame["layer"] == name]
    known = f"{rows['p_any'].notna().sum()} of {len(rows)} regions can be forecast"
    return f"{name}: {_days(forecast)} from {forecast.provenance['as_of']}; {known}"


def html_forecast(forecast: Forecast) -> str:
    """Return a forecast as a small HTML table for notebooks: its highest probabilities."""
    name, rows = _highest(forecast, None, _ROWS)
    numbers = [rows[column] for column in ("p_any", "p_least", "p_most")]
    said = partial(percent, words=catalogue("en"))
    chances = [column.map(said, na_action="ignore").fillna(NONE) for column in numbers]
    counts = [f"{value:.2g}" for value in rows["expected_count"]]
    cells = zip(rows["region_id"].map(display), *chances, counts, strict=True)
    head = ("region", "p_any", "least of the models", "most", "expected_count")
    return _tables(_about_forecast(forecast, name), (head, cells))


def plot_backtest(backtest: Backtest, *, bins: int = 10, ax: Any = None) -> Any:
    """Draw how often something happened where each model stated a probability.

    Parameters
    ----------
    backtest
        The backtest.
    bins
        As for :meth:`riskmap.evaluation.Backtest.reliability`.
    ax
        Where to draw; a new figure when None.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``notebook``).
    """
    ax, table = _axes(ax), backtest.reliability(bins=bins)
    table = table[table["region_set"] == "all"]
    top = max(table[["stated", "observed"]].max().max() * 1.05, 0.01) if len(table) else 1.0
    ax.plot([0, top], [0, top], color=_QUIET, linewidth=1, label="as stated")
    for model, rows in table.groupby("model", sort=False):
        ax.plot(rows["stated"], rows["observed"], "o-", markersize=4, label=display(model))
    for text in ax.legend(frameon=False, fontsize=8).get_texts():
        text.set_parse_math(False)
    ax.set(xlabel="probability stated", ylabel="share that happened", xlim=(0, top), ylim=(0, top))
    ax.set_title(_about_backtest(backtest), fontsize=9)
    return ax


def _about_backtest(backtest: Backtest) -> str:
    days, origins = np.mean(backtest.horizon_days), backtest.forecasts["origin"].nunique()
    return f"{backtest.series}: {origins} origins, {days:.0f} days ahead"


def html_backtest(backtest: Backtest) -> str:
    """Return a backtest as a small HTML table for notebooks: the scores of each model."""
    return _tables(_about_backtest(backtest), _frame(backtest.scores()))


def _frame(table: pd.DataFrame) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    """Return a table as its head and rows of text, numbers with three digits."""

    def cell(value: Any) -> str:
        return f"{value:.3g}" if isinstance(value, float) else display(value)

    rows = table.astype(object).itertuples(index=False)
    return [*table.columns], ([cell(value) or NONE for value in row] for row in rows)


def plot_replay(replay: Replay, *, layer: str | None = None, ax: Any = None) -> Any:
    """Draw how many regions stood at each level, day by day, and how many incidents happened.

    Parameters
    ----------
    replay
        The replay.
    layer
        Which of its layers; the narrowest when None.
    ax
        Where to draw; a new figure when None.

    Raises
    ------
    InputError
        When there is no such layer.
    MissingDependencyError
        When matplotlib is not installed (extra ``notebook``).
    """
    names = [*dict.fromkeys(replay.levels["layer"])]
    name = layer or names[-1]
    if name not in names:
        raise InputError("no such layer", column="layer", met=name, expected=" or ".join(names))
    own = replay.levels[replay.levels["layer"] == name]
    counts = pd.crosstab(own["as_of"], own["risk_level"].fillna(0).astype(int))
    ax, steps = _axes(ax), [*replay.scale.levels]
    shown = [step for step in steps if step.level in counts]
    colours = [step.colour if step.level else UNKNOWN for step in shown]
    stack = [counts[step.level] for step in shown]
    words = catalogue("en")
    labels = [level_words(step.level, words) for step in shown]
    ax.stackplot(counts.index, *stack, colors=colours, labels=labels, step="post")
    hits = replay.incidents[replay.incidents["layer"] == name]
    other = ax.twinx()
    monthly = hits.groupby(hits["event_date"].dt.to_period("M").dt.start_time)["weight"].sum()
    other.plot(monthly.index, monthly, "k.", markersize=4, label="incidents a month")
    other.set(ylabel="incidents a month", ylim=(0, None))
    ax.set(ylabel="regions", ylim=(0, counts.sum(axis=1).max()))
    ax.legend(frameon=True, fontsize=7, loc="lower left")
    ax.set_title(_about_replay(replay, name), fontsize=9)
    return ax


def _about_replay(replay: Replay, name: str) -> str:
    days = replay.levels["as_of"]
    told = f"{days.nunique()} layers from {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
    return f"{name}: {told}, {replay.horizon_days:g} days ahead"


def html_replay(replay: Replay) -> str:
    """Return a replay as small HTML tables for notebooks: how often what was said happened."""
    names = " and ".join(dict.fromkeys(replay.levels["layer"]))
    return _tables(
        _about_replay(replay, names), _frame(replay.frequencies()), _frame(replay.policy())
    )
