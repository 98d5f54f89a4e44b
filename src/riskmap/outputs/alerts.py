"""Alerts: CAP 1.2 for the high levels, and an Atom feed of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely

from riskmap.outputs.catalogues import catalogue, render_xml
from riskmap.outputs.editions import level_meaning
from riskmap.outputs.movements import flag_table, has_moved
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
    from riskmap.outputs.bundles import Bundle

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


def cap_alert(bundle: Bundle) -> bytes | None:
    """Return the alert of a layer as CAP 1.2, or None when there is nothing to say.

    When the layer issued before raised an alert, as far as this one tells of it, this one is an
    Update that refers to it, or a Cancel when no region stands at level 4 or 5 any more and none
    was attacked.

    Parameters
    ----------
    bundle
        The layer.

    Returns
    -------
    bytes or None
        One ``info`` for each level and certainty, with the regions as areas (polygons as lat,lon).
        ``status`` is Exercise when the layer carries a notice, as demonstration data does.
    """
    layer, table, before = bundle.layer, _alerting(bundle.table), _alerted_before(bundle)
    if table.empty and before is None:
        return None
    known = layer.provenance
    areas = dict(zip(bundle.regions["region_id"], bundle.shapes, strict=True))
    groups = table.assign(certainty=table["p_any"].map(_certainty))
    in_order = sorted(
        groups.groupby(["risk_level", "certainty"]), key=lambda group: (-group[0][0], group[0][1])
    )
    return render_xml(
        "alert.cap.xml",
        identifier=_identifier(layer, layer.context.as_of),
        sender=SENDER,
        sent=_time(str(known["issued_at"])),
        status="Exercise" if known.get("notice") else "Actual",
        kind="Cancel" if table.empty else "Update" if before else "Alert",
        references=before
        and f"{SENDER},{_identifier(layer, before)},{_time(f'{before:%Y-%m-%d}T00:00:00Z')}",
        onset=_time(str(known["valid_from"])),
        expires=_time(str(known["valid_until"])),
        about=catalogue("en")["layers"][layer.headline],
        parameters=[
            ("scale_id", display(layer.scale.scale_id)),
            ("method", display(f"{known.get('model')} {known.get('method_version')}")),
        ],
        infos=[
            _info(layer, rows, areas, level=int(level)) | {"certainty": certainty}
            for (level, certainty), rows in in_order
        ],
    )


def _alerted_before(bundle: Bundle) -> pd.Timestamp | None:
    """Return the day of the layer before if it raised an alert, as far as this one tells of it."""
    layer, table, before = bundle.layer, bundle.table, bundle.layer.context.previous_as_of
    if before is None:
        return None
    known = layer.attacks["event_date"] < before
    marked = layer.attacks.loc[known, "regions"].dropna().str.split(";").explode()
    attacked = table["attacked"] & table["region_id"].isin(marked)
    old = table.assign(risk_level=table["level_before"].fillna(0), attacked=attacked)
    return None if _alerting(old).empty else before


def _alerting(table: pd.DataFrame) -> pd.DataFrame:
    attacked = table["attacked"].fillna(value=False) & table["risk_level"].isin(list(CAP_LEVELS))
    return table[table["risk_level"].isin(ALERTING) | attacked]


def _identifier(layer: RiskLayer, as_of: pd.Timestamp) -> str:
    countries = "-".join(sorted(layer.regions["iso3"].dropna().unique()))
    return f"riskmap.{countries}.{layer.headline}.{as_of:%Y-%m-%d}"


def _time(text: str) -> str:
    """Return a UTC time as CAP wants it: a numeric offset, never Z."""
    return text.replace("Z", "-00:00")


def _certainty(p_any: float) -> str:
    return next((name for bound, name in CAP_CERTAINTIES if p_any >= bound), "Unknown")


def _info(
    layer: RiskLayer, rows: pd.DataFrame, areas: Mapping[str, Any], *, level: int
) -> dict[str, Any]:
    """Return what an alert says of the regions of a level."""
    words, step = catalogue("en"), layer.scale.levels[level]
    urgency, severity, response = CAP_LEVELS[level]
    return {
        "level": level,
        "name": words["levels"][step.name],
        "urgency": urgency,
        "severity": severity,
        "response": response,
        "advice": step.advice,
        "description": _probability(layer, rows)
        + level_meaning(layer.scale, level, layer.headline, words)
        + _doubts(rows, words)
        + _raised(layer, rows),
        "parameters": [
            (
                f"region_id={display(row['region_id'])}",
                "; ".join(f"{key}={display(row[key])}" for key in KNOWN),
            )
            for row in plain_records(rows[["region_id", *KNOWN]])
        ],
        "areas": [
            {
                "name": name,
                "rings": cap_polygons(areas[key]),
                "region_id": display(key),
            }
            for name, key in zip(region_names(rows), rows["region_id"], strict=True)
        ],
    }


def _probability(layer: RiskLayer, rows: pd.DataFrame) -> str:
    """Return between what the probabilities of some regions lie; empty where they have none."""
    if rows["p_any"].isna().all():
        return ""
    low, high = percent(rows["p_any"].min()), percent(rows["p_any"].max())
    days = f"{layer.context.horizon_days:g} days"
    return f"Probability of at least one such incident within {days}: {low} to {high}. "


def _doubts(rows: pd.DataFrame, words: Mapping[str, Any]) -> str:
    """Return which regions an attack is marked in, whose levels may be higher, or are older."""
    flags = flag_table(rows)
    flags["attacked"] &= ~flags["lifted"]
    return "".join(
        f" {words['flags'][name]} ({', '.join(region_names(rows[flags[name]]))})"
        for name in ("lifted", "attacked", "at_least", "kept", "rows_lost", "reporting_gap")
        if flags[name].any()
    )


def _raised(layer: RiskLayer, rows: pd.DataFrame) -> str:
    """Return which of the regions have risen since the layer before; empty without one."""
    risen = rows[(rows["level_before"] < rows["risk_level"]).fillna(value=False)]
    if risen.empty:
        return ""
    names, day = ", ".join(region_names(risen)), str(layer.provenance.get("previous_as_of"))[:10]
    return f" Raised since {day}: {names}."


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
    words, known = catalogue("en"), bundle.layer.provenance
    rows = _told(bundle.table).sort_values(
        ["risk_level", "p_any", "region_id"], ascending=[False, False, True]
    )
    return render_xml(
        "alerts.atom",
        title=words["title"],
        tag=f"tag:riskmap,{bundle.layer.context.as_of:%Y}",
        identifier=_identifier(bundle.layer, bundle.layer.context.as_of),
        updated=str(known["issued_at"]),
        sender=SENDER,
        entries=[_entry(bundle.layer, row, words) for row in rows.itertuples(index=False)],
    )


def _entry(layer: RiskLayer, row: Any, words: Mapping[str, Any]) -> dict[str, str]:
    """Return what the feed says of a region."""
    level, region = level_told(row, words), display(row.region_id)
    if row.level_before is not pd.NA and row.level_before != row.risk_level:
        level = f"{level_words(row.level_before, words)} \u2192 {level}"
    said = NONE if pd.isna(row.p_any) else percent(row.p_any)
    data = words["sufficiencies"].get(display(row.data_sufficiency), NONE)
    within = f"{layer.context.horizon_days:g} days"
    about = words["layers"][layer.headline]
    return {
        "title": f"{display(row.name) or region}: {level}",
        "key": f"{region}/{layer.headline}/{row.risk_level}",
        "summary": f"{said} within {within}: {about}. Data: {data}.",
    }


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """Return the regions that stand high, were attacked, or whose level is not what it was."""
    table = table.assign(risk_level=lambda rows: rows["risk_level"].fillna(0))
    told = table["risk_level"].isin(list(CAP_LEVELS)) | has_moved(table) | table["attacked"]
    return table[told]
