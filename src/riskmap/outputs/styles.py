"""The scale's colours as styles: for QGIS, and for MapLibre over the tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.rendering import render_xml

if TYPE_CHECKING:
    from riskmap.assessment.levels import LevelScale

_UNKNOWN = "#808890"


def qgis_style(scale: LevelScale) -> bytes:
    """Return a QGIS style: one fill a level of ``risk_level``, a hatch for insufficient data.

    Parameters
    ----------
    scale
        The levels with their colours.

    Returns
    -------
    bytes
        A document as QGIS 3 writes it (``.qml``): the number of the level as label, with a halo.

    Examples
    --------
    >>> import riskmap as rm
    >>> qgis_style(rm.LevelScale.default()).count(b"<category ")
    6
    """
    names, unknown = catalogue("en")["levels"], _rgba(_UNKNOWN)
    levels = scale.levels[::-1]
    return render_xml("risk.qml", levels=levels, names=names, rgba=_rgba, unknown=unknown) + b"\n"


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


def maplibre_style(scale: LevelScale, *, tiles: str, layer: str) -> bytes:
    """Return a MapLibre style (version 8) over vector tiles; it asks nobody for fonts or sprites.

    Parameters
    ----------
    scale
        The levels with their colours.
    tiles
        URL of the tiles, such as ``"pmtiles://risk.pmtiles"`` (relative to the page).
    layer
        The layer of the tiles.

    Returns
    -------
    bytes
        JSON. Insufficient data is grey and pale with a dashed border (a hatch needs a sprite).

    Examples
    --------
    >>> import riskmap as rm
    >>> style = maplibre_style(rm.LevelScale.default(), tiles="pmtiles://a.pmtiles", layer="risk")
    >>> len(orjson.loads(style)["layers"])
    3
    """
    level = ["to-number", ["get", "risk_level"], 0]
    colours: list[Any] = ["match", level]
    for step in scale.levels[1:]:
        colours += [step.level, step.colour]
    source = {"source": "risk", "source-layer": layer}
    unknown = ["==", level, 0]
    style = {
        "version": 8,
        "name": f"riskmap {scale.scale_id}",
        "sources": {"risk": {"type": "vector", "url": tiles}},
        "layers": [
            {
                "id": "risk-fill",
                "type": "fill",
                **source,
                "paint": {
                    "fill-color": [*colours, _UNKNOWN],
                    "fill-opacity": ["case", unknown, 0.25, 0.8],
                },
            },
            {
                "id": "risk-border",
                "type": "line",
                **source,
                "filter": ["!", unknown],
                "paint": {"line-color": "#ffffff", "line-width": 0.6},
            },
            {
                "id": "risk-unknown",
                "type": "line",
                **source,
                "filter": unknown,
                "paint": {"line-color": _UNKNOWN, "line-width": 1.2, "line-dasharray": [2, 2]},
            },
        ],
    }
    return orjson.dumps(style, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
