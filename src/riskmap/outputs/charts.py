"""Charts: the map and the history of an advisory, as SVG for pages and as PNG for Word.

No chart holds a name of a place or of people: what is written on it are numbers, levels and days,
and all of them stand in a table beside it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from riskmap.errors import MissingDependencyError
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.wordings import is_told, level_sign, level_words

if TYPE_CHECKING:
    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.editions import Grid

UNKNOWN, HATCH = "#e3e5e6", "#a9b0b6"
ALL, FOREIGN = "#b9c7d6", "#174c78"
#: Labels on a map at most; more would be a grey veil.
LABELS = 120
#: A number stands only where a circle of this radius, in units of the drawing, lies in the region.
_ROOM = 70
_DARK = 0.4
_DOTS = 160
#: Families that hold Chinese, the first that is installed is taken.
_CHINESE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Microsoft YaHei"),
    *("PingFang SC", "SimHei", "WenQuanYi Zen Hei"),
)


def ink(colour: str) -> str:
    """Return black or white, whichever is read better on a colour.

    Examples
    --------
    >>> ink("#ffffb2"), ink("#bd0026")
    ('#10161c', '#ffffff')
    """
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return "#10161c" if 0.299 * red + 0.587 * green + 0.114 * blue > _DARK else "#ffffff"


def map_drawing(bundle: Bundle, language: str) -> dict[str, Any]:
    """Return the map of an advisory: paths with their fills, numbers, and a legend with counts."""
    drawing = bundle.drawing
    fills = ["url(#hatch)", *(level.colour for level in bundle.layer.scale.levels[1:])]
    paths = zip(drawing.paths, bundle.levels, strict=True)
    return {
        "width": drawing.width,
        "height": drawing.height,
        "paths": [(path, fills[level]) for path, level in paths if path],
        "labels": _labels(bundle),
        "marks": _marks(bundle),
        "legend": [
            (level and fills[level], text) for level, text in legend_texts(bundle, language)
        ],
    }


def _labels(bundle: Bundle) -> list[tuple[int, int, str, str]]:
    """Return where numbers of levels stand: x, y, text, colour; only where there is room."""
    x, y, reach = bundle.points
    levels, least = bundle.levels, [is_told(flag) for flag in bundle.table["at_least"]]
    inks = ["#10161c", *(ink(level.colour) for level in bundle.layer.scale.levels[1:])]
    largest = np.argsort(reach, kind="stable")[::-1][:LABELS].tolist()
    return [
        (x[i], y[i], level_sign(levels[i], at_least=least[i]), inks[levels[i]])
        for i in sorted(i for i in largest if reach[i] > _ROOM)
    ]


def _marks(bundle: Bundle) -> list[tuple[int, int]]:
    """Return where the marks of attacked regions stand, however small the regions are."""
    x, y, _ = bundle.points
    attacked = enumerate(bundle.table["attacked"])
    return [(x[i], y[i]) for i, flag in attacked if is_told(flag) and bundle.drawing.paths[i]]


def legend_texts(bundle: Bundle, language: str) -> list[tuple[int, str]]:
    """Return each level, the highest first, with its name and how many regions have it."""
    words, levels = catalogue(language), bundle.levels
    names = [level_words(level.level, words) for level in bundle.layer.scale.levels]
    return [(k, f"{names[k]}: {levels.count(k)}") for k in reversed(range(len(names)))]


def history_drawing(history: Grid) -> dict[str, Any]:
    """Return the bars of a history: x, and the heights of all and of those with foreigners."""
    counts = [(int(row[1]), int(row[2])) for row in history.rows]
    top = max((every for every, _ in counts), default=0) or 1
    return {
        "top": top,
        "bars": [
            {"x": 60 * k, "year": row[0][:7], "all": round(100 * every / top, 1)}
            | {"foreign": round(100 * theirs / top, 1), "n": every}
            for k, (row, (every, theirs)) in enumerate(zip(history.rows, counts, strict=True))
        ],
        "width": 60 * len(counts),
    }


def map_picture(bundle: Bundle, *, language: str = "en") -> bytes:
    """Return the map of an advisory as PNG, for documents that hold no SVG.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``report``).
    """
    figure = _figure(5.6, 4.6)
    from matplotlib.patches import Patch, PathPatch
    from matplotlib.path import Path as Outline

    axes, drawing, language = figure.add_subplot(), bundle.drawing, _language(language)
    styles: list[dict[str, Any]] = [{"facecolor": UNKNOWN, "hatch": "////", "edgecolor": HATCH}] + [
        {"facecolor": level.colour, "edgecolor": "#5c6670"}
        for level in bundle.layer.scale.levels[1:]
    ]
    for shape, level in zip(drawing.shapes, bundle.levels, strict=True):
        rings = [] if shape is None else shapely.get_rings(shapely.get_parts(shape))
        if len(rings):
            points, ring = shapely.get_coordinates(rings, return_index=True)
            codes = np.full(len(points), Outline.LINETO)
            codes[np.diff(ring, prepend=-1) != 0] = Outline.MOVETO
            codes[np.diff(ring, append=-1) != 0] = Outline.CLOSEPOLY
            patch = PathPatch(Outline(points, codes), linewidth=0.4, **styles[level])
            axes.add_artist(patch)
    for x, y, text, colour in _labels(bundle):
        axes.text(x, y, text, color=colour, ha="center", va="center", fontsize=7)
    texts = legend_texts(bundle, language)
    keys: list[Any] = [Patch(label=text, **styles[level]) for level, text in texts]
    marks = _marks(bundle)
    if marks:
        about = f"{catalogue(language)['page']['mark']}: {len(marks)}"
        at = {"marker": "^", "markersize": 7, "color": "#10161c", "markeredgecolor": "white"}
        across, down = [x for x, _ in marks], [y - 115 for _, y in marks]
        keys += axes.plot(across, down, linestyle="none", label=about, **at)
    axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0), aspect="equal")
    axes.set_axis_off()
    axes.legend(handles=keys, loc="upper left", bbox_to_anchor=(1, 1), frameon=False, prop=_font(8))
    return _png(figure)


def history_picture(history: Grid, *, language: str = "en") -> bytes:
    """Return the history of an advisory as PNG: bars of all, and of those with foreigners.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed (extra ``report``).
    """
    figure = _figure(6.4, 2.0)
    axes = figure.add_subplot()
    at = range(len(history.rows))
    words = catalogue(_language(language))
    named = (words["all_incidents"], words["with_foreigners"])
    for column, colour, label in zip((1, 2), (ALL, FOREIGN), named, strict=True):
        axes.bar(at, [int(row[column]) for row in history.rows], color=colour, label=label)
    axes.set_xticks(at, [row[0][:7] for row in history.rows], fontsize=5.5)
    axes.tick_params(axis="y", labelsize=7)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, prop=_font(8), loc="upper left", bbox_to_anchor=(1, 1))
    return _png(figure)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", extra="report") from error
    figure = Figure(figsize=(width, height), dpi=_DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _language(language: str) -> str:
    """Return a language that an installed font can write, English where none can."""
    from matplotlib import font_manager

    words = catalogue(language)
    text = "".join([*words["levels"].values(), words["all_incidents"], words["with_foreigners"]])
    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in _families()]
    written = all(any(font.get_char_index(ord(c)) for font in fonts) for c in set(text))
    return language if written else "en"


def _families() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *[name for name in _CHINESE if name in installed][:1]]


def _font(size: float) -> Any:
    from matplotlib import font_manager

    return font_manager.FontProperties(family=_families(), size=size)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
