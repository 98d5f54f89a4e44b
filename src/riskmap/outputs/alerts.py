"""Alerts: CAP 1.2 for the high levels, and an Atom feed of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import shapely

from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.tables import risk_table
from riskmap.outputs.wordings import display, percent

if TYPE_CHECKING:
    import pandas as pd

    from riskmap.assessment.layers import RiskLayer

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
SENDER = "riskmap"
#: Points of an area's polygon at most, and polygons of an area.
POINTS, PARTS = 100, 10

#: What a level means in CAP: urgency, severity, responseType. Other levels raise no alert.
CAP_LEVELS = {5: ("Expected", "Severe", "Avoid"), 4: ("Future", "Moderate", "Prepare")}

#: What a probability means in CAP (1.2, section 3.2.2): lower bound and certainty.
CAP_CERTAINTIES = ((0.5, "Likely"), (0.05, "Possible"), (0.0, "Unlikely"))


def cap_alert(layer: RiskLayer, *, previous: RiskLayer | None = None) -> bytes | None:
    """Return the alert of a layer as CAP 1.2, or None when there is nothing to say.

    Parameters
    ----------
    layer
        The risk layer.
    previous
        The layer issued before. When it raised an alert, this one is an Update that refers to it,
        or a Cancel when no region stands at level 4 or 5 any more.

    Returns
    -------
    bytes or None
        One ``info`` for each level and certainty, with the regions as areas (polygons as lat,lon).
        ``status`` is Exercise when the layer carries a notice, as demonstration data does.
    """
    table, before = _alerting(layer), None if previous is None else _alerting(previous)
    referred = previous is not None and before is not None and len(before) > 0
    if table.empty and not referred:
        return None
    kind = "Cancel" if table.empty else "Update" if referred else "Alert"
    alert = ET.Element("alert", xmlns=CAP)
    _add(
        alert,
        identifier=_identifier(layer),
        sender=SENDER,
        sent=_sent(layer),
        status="Exercise" if layer.provenance.get("notice") else "Actual",
        msgType=kind,
        scope="Public",
    )
    if previous is not None and referred:
        _add(alert, references=f"{SENDER},{_identifier(previous)},{_sent(previous)}")
    areas = _areas(layer)
    groups = table.assign(certainty=table["p_any"].map(_certainty))
    for (level, certainty), rows in sorted(
        groups.groupby(["risk_level", "certainty"]), key=lambda group: (-group[0][0], group[0][1])
    ):
        _add_info(alert, layer, rows, level=int(level), certainty=certainty)
        for row in rows.itertuples(index=False):
            _add_area(alert[-1], row, areas[row.region_id])
    return bytes(ET.tostring(alert, encoding="utf-8", xml_declaration=True))


def _alerting(layer: RiskLayer) -> pd.DataFrame:
    table = risk_table(layer)
    return table[table["risk_level"].isin(list(CAP_LEVELS))]


def _areas(layer: RiskLayer) -> dict[str, Any]:
    shapes = prepare_geometries(layer.regions.geometry, decimals=5)
    return dict(zip(layer.regions["region_id"], shapes, strict=True))


def _identifier(layer: RiskLayer) -> str:
    countries = "-".join(sorted(layer.regions["iso3"].dropna().unique()))
    return f"riskmap.{countries}.{layer.headline}.{str(layer.provenance['as_of'])[:10]}"


def _time(text: str) -> str:
    """Return a UTC time as CAP wants it: a numeric offset, never Z."""
    return text.replace("Z", "-00:00")


def _sent(layer: RiskLayer) -> str:
    return _time(str(layer.provenance["issued_at"]))


def _certainty(p_any: float) -> str:
    return next(name for bound, name in CAP_CERTAINTIES if p_any >= bound)


def _add(parent: ET.Element, **texts: str) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = text


def _add_info(
    alert: ET.Element, layer: RiskLayer, rows: pd.DataFrame, *, level: int, certainty: str
) -> None:
    words = catalogue("en")
    urgency, severity, response = CAP_LEVELS[level]
    step = layer.scale.levels[level]
    name = words["levels"][step.name]
    about = words["layers"][layer.headline]
    low, high = percent(rows["p_any"].min()), percent(rows["p_any"].max())
    info = ET.SubElement(alert, "info")
    _add(
        info,
        language="en",
        category="Security",
        event=f"Security risk level {level} ({name})",
        responseType=response,
        urgency=urgency,
        severity=severity,
        certainty=certainty,
        effective=_sent(layer),
        onset=_time(str(layer.provenance["valid_from"])),
        expires=_time(str(layer.provenance["valid_until"])),
        senderName=SENDER,
        headline=f"Level {level} ({name}) in {len(rows)} regions: {about}",
        description=(
            f"Probability of at least one such incident within "
            f"{layer.provenance['horizon_days']:g} days: {low} to {high}. {step.meaning}"
        ),
        instruction=step.advice,
    )
    for key, value in (("scale_id", layer.scale.scale_id), ("method", _method(layer))):
        parameter = ET.SubElement(info, "parameter")
        _add(parameter, valueName=key, value=display(value))


def _method(layer: RiskLayer) -> str:
    return f"{layer.provenance.get('model')} {layer.provenance.get('method_version')}"


def _add_area(info: ET.Element, row: Any, shape: Any) -> None:
    area = ET.SubElement(info, "area")
    place = display(row.name) or display(row.region_id)
    _add(area, areaDesc=f"{place} ({display(row.parent)})" if display(row.parent) else place)
    for ring in cap_polygons(shape):
        _add(area, polygon=ring)
    geocode = ET.SubElement(area, "geocode")
    _add(geocode, valueName="region_id", value=display(row.region_id))


def cap_polygons(shape: shapely.Geometry | None) -> list[str]:
    """Return a region's outlines as CAP polygons: ``lat,lon`` pairs, closed, simplified.

    Examples
    --------
    >>> cap_polygons(shapely.box(1, 2, 3, 4))
    ['2.0,3.0 4.0,3.0 4.0,1.0 2.0,1.0 2.0,3.0']
    """
    if shape is None:
        return []
    parts = sorted(shapely.get_parts(shape), key=lambda part: -part.area)[:PARTS]
    return [_ring(part) for part in parts]


def _ring(polygon: shapely.Polygon) -> str:
    outline, tolerance = shapely.Polygon(polygon.exterior), 1e-4
    while shapely.get_num_coordinates(outline) > POINTS:
        outline = shapely.simplify(outline, tolerance)
        tolerance *= 2
    points = shapely.get_coordinates(outline).round(5)
    return " ".join(f"{lat},{lon}" for lon, lat in points)


def atom_feed(layer: RiskLayer) -> bytes:
    """Return the regions at level 4 and 5 as an Atom feed, highest first.

    Its ids hold the region, the layer and the level: a reader shows an entry again only when the
    level is another one.
    """
    words = catalogue("en")
    updated, day = str(layer.provenance["issued_at"]), str(layer.provenance["as_of"])[:10]
    feed = ET.Element("feed", xmlns=ATOM)
    _add(feed, title=words["title"], id=f"tag:riskmap,{day[:4]}:{_identifier(layer)}")
    _add(feed, updated=updated)
    _add(ET.SubElement(feed, "author"), name=SENDER)
    rows = _alerting(layer).sort_values(
        ["risk_level", "p_any", "region_id"], ascending=[False, False, True]
    )
    for row in rows.itertuples(index=False):
        entry = ET.SubElement(feed, "entry")
        level = f"{row.risk_level} {words['levels'][row.level_name]}"
        place = display(row.name) or display(row.region_id)
        key = f"{display(row.region_id)}/{layer.headline}/{row.risk_level}"
        _add(entry, title=f"{place}: {level}", id=f"tag:riskmap,{day[:4]}:{key}", updated=updated)
        days = f"{layer.provenance['horizon_days']:g}"
        _add(
            entry,
            summary=f"{percent(row.p_any)} within {days} days: {words['layers'][layer.headline]}",
        )
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))
