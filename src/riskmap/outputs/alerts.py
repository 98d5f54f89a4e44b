"""Alerts: CAP 1.2 for the high levels, and an Atom feed of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pandas as pd
import shapely

from riskmap.outputs.bundles import Bundle
from riskmap.outputs.catalogues import catalogue
from riskmap.outputs.contexts import level_meaning
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.movements import flag_table
from riskmap.outputs.tables import plain_records
from riskmap.outputs.wordings import (
    NONE,
    display,
    level_told,
    level_words,
    percent,
    region_names,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.assessment.layers import RiskLayer

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
SENDER = "riskmap"
#: Points of an area's polygon at most, and polygons of an area.
POINTS, PARTS = 100, 10

#: What is known of each region beside its level.
KNOWN = (
    *("data_sufficiency", "confidence", "reporting_gap", "reasons", "at_least", "attacked"),
    *("level_low", "level_high", "level_as_of"),
)

#: What a level means in CAP: urgency, severity, responseType. Levels 4 and 5 raise an alert, and
#: those below where an attack on the group holds a region up.
CAP_LEVELS = {
    5: ("Expected", "Severe", "Avoid"),
    4: ("Future", "Moderate", "Prepare"),
    3: ("Future", "Moderate", "Prepare"),
}
ALERTING = (4, 5)

#: What a probability means in CAP (1.2, section 3.2.2): lower bound and certainty. "Unlikely",
#: which stands for a probability of about zero, is never said; a kept level has none: "Unknown".
CAP_CERTAINTIES = ((0.5, "Likely"), (0.0, "Possible"))


def cap_alert(bundle: Bundle, *, previous: Bundle | None = None) -> bytes | None:
    """Return the alert of a layer as CAP 1.2, or None when there is nothing to say.

    Parameters
    ----------
    bundle
        The layer.
    previous
        The layer issued before; what the layer itself tells of it when None. When it raised an
        alert, this one is an Update that refers to it, or a Cancel when no region stands at level
        4 or 5 any more and none was attacked.

    Returns
    -------
    bytes or None
        One ``info`` for each level and certainty, with the regions as areas (polygons as lat,lon).
        ``status`` is Exercise when the layer carries a notice, as demonstration data does.
    """
    layer = bundle.layer
    previous = _told_before(layer) if previous is None else previous
    table = _alerting(bundle.table)
    referred = previous is not None and not _alerting(previous.table).empty
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
        before = previous.layer
        _add(alert, references=f"{SENDER},{_identifier(before)},{_sent(before)}")
    areas = _areas(layer, table)
    groups = table.assign(certainty=table["p_any"].map(_certainty))
    for (level, certainty), rows in sorted(
        groups.groupby(["risk_level", "certainty"]), key=lambda group: (-group[0][0], group[0][1])
    ):
        _add_info(alert, layer, rows, level=int(level), certainty=certainty)
        for row in rows.itertuples(index=False):
            _add_area(alert[-1], row, areas[row.region_id])
    return bytes(ET.tostring(alert, encoding="utf-8", xml_declaration=True))


def _told_before(layer: RiskLayer) -> Bundle | None:
    """Return the layer before as far as a layer tells of it: its levels, and when it was issued."""
    day = str(layer.provenance.get("previous_as_of") or "")[:10]
    if not day:
        return None
    known = layer.attacks["event_date"] < pd.Timestamp(day)
    marked = layer.attacks.loc[known, "regions"].dropna().str.split(";").explode()
    risks = layer.risks.assign(
        risk_level=layer.risks["level_before"].fillna(0),
        attacked=layer.risks["attacked"] & layer.risks["region_id"].isin(marked),
    )
    times = {"as_of": day, "issued_at": f"{day}T00:00:00Z"}
    return Bundle(replace(layer, risks=risks, provenance=layer.provenance | times))


def _alerting(table: pd.DataFrame) -> pd.DataFrame:
    attacked = table["attacked"].fillna(value=False) & table["risk_level"].isin(list(CAP_LEVELS))
    return table[table["risk_level"].isin(ALERTING) | attacked]


def _areas(layer: RiskLayer, table: pd.DataFrame) -> dict[str, Any]:
    regions = layer.regions[layer.regions["region_id"].isin(table["region_id"])]
    shapes = prepare_geometries(regions.geometry, decimals=5)
    return dict(zip(regions["region_id"], shapes, strict=True))


def _identifier(layer: RiskLayer) -> str:
    countries = "-".join(sorted(layer.regions["iso3"].dropna().unique()))
    return f"riskmap.{countries}.{layer.headline}.{str(layer.provenance['as_of'])[:10]}"


def _time(text: str) -> str:
    """Return a UTC time as CAP wants it: a numeric offset, never Z."""
    return text.replace("Z", "-00:00")


def _sent(layer: RiskLayer) -> str:
    return _time(str(layer.provenance["issued_at"]))


def _certainty(p_any: float) -> str:
    return next((name for bound, name in CAP_CERTAINTIES if p_any >= bound), "Unknown")


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
            f"{_probability(layer, rows)}"
            f"{level_meaning(layer.scale, level, layer.headline, words)}"
            f"{_doubts(rows, words)}"
            f"{_raised(layer, rows)}"
        ),
        instruction=step.advice,
    )
    for key, value in (("scale_id", layer.scale.scale_id), ("method", _method(layer))):
        parameter = ET.SubElement(info, "parameter")
        _add(parameter, valueName=key, value=display(value))
    for row in plain_records(rows[["region_id", *KNOWN]]):
        parameter = ET.SubElement(info, "parameter")
        told = (f"{key}={display(row[key])}" for key in KNOWN)
        _add(parameter, valueName=f"region_id={display(row['region_id'])}", value="; ".join(told))


def _probability(layer: RiskLayer, rows: pd.DataFrame) -> str:
    """Return between what the probabilities of some regions lie; empty where they have none."""
    if rows["p_any"].isna().all():
        return ""
    low, high = percent(rows["p_any"].min()), percent(rows["p_any"].max())
    days = f"{layer.provenance['horizon_days']:g} days"
    return f"Probability of at least one such incident within {days}: {low} to {high}. "


def _doubts(rows: pd.DataFrame, words: Mapping[str, Any]) -> str:
    """Return which levels are held up by an attack, may be higher, or are of an earlier day."""
    flags = flag_table(rows)
    return "".join(
        f" {words['flags'][name]} ({', '.join(region_names(rows[flags[name]]))})"
        for name in ("attacked", "at_least", "kept", "rows_lost", "reporting_gap")
        if flags[name].any()
    )


def _raised(layer: RiskLayer, rows: pd.DataFrame) -> str:
    """Return which of the regions have risen since the layer before; empty without one."""
    risen = rows[(rows["level_before"] < rows["risk_level"]).fillna(value=False)]
    if risen.empty:
        return ""
    names = ", ".join(name for name in region_names(risen))
    return f" Raised since {str(layer.provenance.get('previous_as_of'))[:10]}: {names}."


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


def atom_feed(bundle: Bundle) -> bytes:
    """Return the regions at level 4 and 5, attacked, or of another level than before, as Atom.

    Its ids hold the region, the layer and the level: a reader shows an entry again only when the
    level is another one.
    """
    words, layer = catalogue("en"), bundle.layer
    updated, day = str(layer.provenance["issued_at"]), str(layer.provenance["as_of"])[:10]
    feed = ET.Element("feed", xmlns=ATOM)
    _add(feed, title=words["title"], id=f"tag:riskmap,{day[:4]}:{_identifier(layer)}")
    _add(feed, updated=updated)
    _add(ET.SubElement(feed, "author"), name=SENDER)
    rows = _told(bundle.table).sort_values(
        ["risk_level", "p_any", "region_id"], ascending=[False, False, True]
    )
    for row in rows.itertuples(index=False):
        entry = ET.SubElement(feed, "entry")
        level = level_told(row, words)
        if row.level_before is not pd.NA and row.level_before != row.risk_level:
            level = f"{level_words(int(row.level_before), words)} \u2192 {level}"
        place = display(row.name) or display(row.region_id)
        key = f"{display(row.region_id)}/{layer.headline}/{row.risk_level}"
        _add(entry, title=f"{place}: {level}", id=f"tag:riskmap,{day[:4]}:{key}", updated=updated)
        days = f"{layer.provenance['horizon_days']:g}"
        said = NONE if pd.isna(row.p_any) else percent(row.p_any)
        data = words["sufficiencies"].get(display(row.data_sufficiency), NONE)
        about = words["layers"][layer.headline]
        _add(entry, summary=f"{said} within {days} days: {about}. Data: {data}.")
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Return the regions that stand high, were attacked, or whose level is not what it was."""
    table = table.assign(risk_level=lambda rows: rows["risk_level"].fillna(0))
    moved = (table["level_before"] != table["risk_level"]).fillna(value=False)
    return table[table["risk_level"].isin(list(CAP_LEVELS)) | moved | table["attacked"]]
