"""A layer on the screen and in single files: what the methods of ``RiskLayer`` do."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from riskmap.errors import MissingDependencyError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue, render_html
from riskmap.outputs.formats import find_file, write_file
from riskmap.outputs.geofiles import geojson_chunks
from riskmap.outputs.pages import ink
from riskmap.outputs.publishing import write_whole
from riskmap.outputs.wordings import (
    NONE,
    display,
    is_told,
    level_sign,
    level_told,
    level_words,
    percent,
)

if TYPE_CHECKING:
    from riskmap.assessment.layers import RiskLayer

_TOLD = (
    *("region_id", "name", "parent", "level_name", "at_least", "attacked", "p_any"),
    *("confidence", "data_sufficiency", "reasons"),
)
_ROWS = 10
_UNKNOWN = "#d9d9d9"


def to_geojson(layer: RiskLayer) -> str:
    """Return a layer as GeoJSON text, as ``risk.geojson`` of a published set holds it."""
    return b"".join(geojson_chunks(Bundle(layer))).decode()


def geo_interface(layer: RiskLayer) -> dict[str, Any]:
    """Return a layer as the plain values of its GeoJSON."""
    values: dict[str, Any] = orjson.loads(to_geojson(layer))
    return values


def to_file(layer: RiskLayer, path: str | Path) -> Path:
    """Write a layer as one file of the kind that the path's suffix says.

    Raises
    ------
    InputError
        When the suffix is of no kind of file that holds a layer.
    MissingDependencyError
        When the kind needs a package that is not installed.
    PublishError
        When it can't be written; what stood there is untouched.
    """
    path = Path(path)
    name = find_file(path)
    return write_whole(path, lambda partial: write_file(name, Bundle(layer), partial))


def plot(layer: RiskLayer, *, ax: Any = None) -> Any:
    """Draw a layer on axes of matplotlib: colour, number, hatch for insufficient data, legend.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``notebook``).
    """
    try:
        from matplotlib import pyplot as plt
        from matplotlib.patches import Patch
    except ImportError as error:
        raise MissingDependencyError("matplotlib", extra="notebook") from error
    ax = plt.subplots(layout="constrained")[1] if ax is None else ax
    frame = Bundle(layer).frame
    words, keys = catalogue("en"), []
    for level in reversed(layer.scale.levels):
        rows = frame[(frame["risk_level"] == level.level) & frame.geometry.notna()]
        unknown = level.level == 0
        colour = _UNKNOWN if unknown else level.colour
        style: dict[str, Any] = {"facecolor": colour, "hatch": "///" if unknown else None}
        if len(rows):
            rows.plot(ax=ax, edgecolor="white", linewidth=0.4, aspect=None, **style)
        name = f"{level_words(level.level, words)} ({len(rows)})"
        keys.append(Patch(edgecolor="white", label=name, **style))
    for point, row in zip(frame.geometry.representative_point(), frame.itertuples(), strict=True):
        if point is not None:
            number = row.risk_level
            colour = ink(layer.scale.levels[number].colour) if number else ink(_UNKNOWN)
            at = {"ha": "center", "va": "center", "fontsize": 6, "color": colour}
            sign = level_sign(number, at_least=is_told(row.at_least))
            ax.annotate(f"▲\n{sign}" if is_told(row.attacked) else sign, (point.x, point.y), **at)
    ax.legend(handles=keys, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    ax.set(aspect="equal")
    ax.set_title(_title(layer).replace(": ", "\n", 1), fontsize=9)
    ax.set_axis_off()
    return ax


def explore(layer: RiskLayer, **options: Any) -> Any:
    """Return a layer as a map of folium.

    Raises
    ------
    MissingDependencyError
        When folium or mapclassify is not installed (extra ``notebook``).
    """
    try:
        import folium  # noqa: F401 - what geopandas draws with
        import mapclassify  # noqa: F401 - likewise
        import matplotlib as mpl  # noqa: F401 - likewise
    except ImportError as error:
        raise MissingDependencyError(str(error.name), extra="notebook") from error
    frame = Bundle(layer).frame[[*_TOLD, "geometry"]]
    texts = {name: frame[name].map(_escape) for name in _TOLD if name != "p_any"}
    colours = {level.name: level.colour for level in layer.scale.levels}
    names = [*colours][::-1]
    return (
        frame[frame.geometry.notna()]
        .assign(**texts)
        .explore(
            **{
                "column": "level_name",
                "categories": names,
                "cmap": [_UNKNOWN if name == names[-1] else colours[name] for name in names],
                "categorical": True,
                "tiles": None,
                "tooltip": list(_TOLD),
                "style_kwds": {"fillOpacity": 0.8, "color": "white", "weight": 0.6},
                **options,
            }
        )
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
    chances = told["p_any"].map(percent, na_action="ignore").fillna(NONE)
    return render_html(
        "notebook.html",
        title=_title(layer),
        levels=[
            (level_words(level.level, words), bundle.levels.count(level.level))
            for level in reversed(layer.scale.levels)
        ],
        rows=zip(names, parents, levels, chances, data, strict=True),
    )


def _title(layer: RiskLayer) -> str:
    known = layer.provenance
    about = catalogue("en")["layers"][layer.headline]
    return f"{about}: as of {known['as_of']}, valid until {str(known['valid_until'])[:10]}"


def _escape(value: Any) -> str:
    """Return text that no page takes for markup; nothing for what is missing."""
    return "" if value is None or value != value else html.escape(str(value))  # noqa: PLR0124 - NaN
