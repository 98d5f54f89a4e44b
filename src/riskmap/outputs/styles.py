"""The scale's colours as styles: for QGIS, and for MapLibre over the tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import orjson

from riskmap.outputs.catalogues import catalogue

if TYPE_CHECKING:
    from riskmap.assessment.levels import LevelScale

_DOCTYPE = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_UNKNOWN = "#808890"
_RENDERER = {
    "type": "categorizedSymbol",
    "attr": "risk_level",
    "enableorderby": "0",
    "forceraster": "0",
    "referencescale": "-1",
    "symbollevels": "0",
}
_FILL = {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"}


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
    root = ET.Element(
        "qgis", version="3.28.0-Firenze", styleCategories="Symbology|Labeling", labelsEnabled="1"
    )
    _add_renderer(root, scale)
    _add_labels(root)
    return _DOCTYPE + bytes(ET.tostring(root, encoding="utf-8")) + b"\n"


def _add_renderer(root: ET.Element, scale: LevelScale) -> None:
    words = catalogue("en")["levels"]
    renderer = ET.SubElement(root, "renderer-v2", _RENDERER)
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for level in reversed(scale.levels):
        name, known = str(level.level), level.level > 0
        label = f"{level.level} {words[level.name]}"
        ET.SubElement(
            categories, "category", value=name, symbol=name, label=label, render="true", type="long"
        )
        symbol = ET.SubElement(
            symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0"
        )
        options = ET.SubElement(ET.SubElement(symbol, "layer", _FILL), "Option", type="Map")
        for key, value in {
            "color": _rgba(level.colour if known else _UNKNOWN),
            "style": "solid" if known else "b_diagonal",
            "outline_color": "255,255,255,255" if known else _rgba(_UNKNOWN),
            "outline_style": "solid",
            "outline_width": "0.16",
            "outline_width_unit": "MM",
        }.items():
            ET.SubElement(options, "Option", type="QString", name=key, value=value)


def _add_labels(root: ET.Element) -> None:
    """Label each region with its level's number, so that colour is never alone."""
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    text = ET.SubElement(
        settings,
        "text-style",
        fieldName="risk_level",
        isExpression="0",
        fontSize="8",
        fontSizeUnit="Point",
        textColor="34,34,34,255",
    )
    halo = {"bufferDraw": "1", "bufferSize": "0.8", "bufferSizeUnits": "MM"}
    ET.SubElement(text, "text-buffer", halo, bufferColor="255,255,255,255")


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
