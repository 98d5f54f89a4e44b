"""A layer on the screen and in single files: what the methods of ``RiskLayer`` do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely

from riskmap.errors import MissingDependencyError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue, render_html
from riskmap.outputs.documents import draw_map
from riskmap.outputs.formats import find_file, write_file
from riskmap.outputs.geofiles import geojson_chunks
from riskmap.outputs.publishing import write_whole
from riskmap.outputs.wordings import NONE, display, level_told, level_words, percent

if TYPE_CHECKING:
    from riskmap.assessment.layers import RiskLayer

_ROWS = 10


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
    except ImportError as error:
        raise MissingDependencyError("matplotlib", extra="notebook") from error
    ax = plt.subplots(layout="constrained")[1] if ax is None else ax
    bundle = Bundle(layer)
    inside = shapely.point_on_surface(bundle.shapes)
    spots = np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
    draw_map(ax, bundle, bundle.shapes, spots)
    ax.set_title(_title(layer).replace(": ", "\n", 1), fontsize=9)
    return ax


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
