"""Alerts: CAP 1.2 for the high levels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pandas as pd
import shapely

from riskmap.outputs.catalogues import catalogue, file_name, render_xml
from riskmap.outputs.editions import level_advice, level_meaning
from riskmap.outputs.front_pages import attack_lines, unmarked_attacks
from riskmap.outputs.movements import flag_table
from riskmap.outputs.senders import find_sent, group_words, stream_of
from riskmap.outputs.sets import DIGITS
from riskmap.outputs.tables import plain_records
from riskmap.outputs.wordings import aside, display, enumerated, percent_range, region_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.assessment.layers import RiskLayer
    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.editions import Edition
    from riskmap.outputs.front_pages import Unmarked
    from riskmap.outputs.senders import Sender

#: The name space of CAP 1.2.
CAP = "urn:oasis:names:tc:emergency:cap:1.2"
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

    An attack that is known to a province or a country alone, or has no day that can be read, has an
    ``info`` of its own. When an alert of the same sender on the same thing was sent before and has
    not expired, this one is an Update that refers to it, or a Cancel when no region stands at level
    4 or 5 any more and no attack is told. What was sent last, and says the same of the same day, is
    returned as it was.

    Parameters
    ----------
    bundle
        The layer, its sender, and the folder of what was sent before.

    Returns
    -------
    bytes or None
        One ``info`` for each level and certainty, with the regions as areas (polygons as lat,lon).
        ``status`` is Exercise when the layer carries a notice, as demonstration data does. The
        identifier holds the sender, what it is about, the day, and a hash of all that it says.
    """
    layer, sender, table = bundle.layer, bundle.sender, _alerting(bundle.table)
    if sender is None:
        return None
    stem = f"{stream_of(layer, sender)}:"
    sent = _time(str(layer.provenance["issued_at"]))
    last = _last_alert(bundle, stem)
    values = _said(bundle, sender, table)
    if last is not None and last.identifier == _identify(stem, layer, values, last.references):
        return last.data
    if last is not None and (last.kind == "Cancel" or last.expires <= pd.Timestamp(sent)):
        last = None
    open_ = len(table) > 0 or bool(unmarked_attacks(bundle.edition(bundle.languages[0])))
    if not open_ and last is None:
        return None
    references = "" if last is None else last.as_reference(pd.Timestamp(sent))
    return render_xml(
        "alert.cap.xml",
        **values,
        identifier=_identify(stem, layer, values, references),
        kind="Update" if last and open_ else "Alert" if open_ else "Cancel",
        references=references,
    )


@dataclass(frozen=True)
class _Sent:
    """An alert that was sent.

    Parameters
    ----------
    data
        All of it.
    identifier, sender, sent, kind, references
        As it says.
    expires
        When the last of what it says ends.
    """

    data: bytes
    identifier: str
    sender: str
    sent: str
    kind: str
    references: str
    expires: pd.Timestamp

    @classmethod
    def read(cls, data: bytes) -> _Sent:
        root = ET.fromstring(data)  # noqa: S314 - our own
        tags = ("identifier", "sender", "sent", "msgType", "references")
        told = {tag: root.findtext(f"{{{CAP}}}{tag}") or "" for tag in tags}
        ends = [pd.Timestamp(one.text) for one in root.iter(f"{{{CAP}}}expires")]
        return cls(
            data,
            kind=told.pop("msgType"),
            **told,
            expires=max(ends, default=pd.Timestamp(told["sent"])),
        )

    def as_reference(self, now: pd.Timestamp) -> str:
        """Return it and those that it refers to, as far as they have not expired."""
        lasts = self.expires - pd.Timestamp(self.sent)
        older = [
            one
            for one in self.references.split()
            if pd.Timestamp(one.rpartition(",")[2]) + lasts > now
        ]
        return " ".join([*older, f"{self.sender},{self.identifier},{self.sent}"])


def _last_alert(bundle: Bundle, stem: str) -> _Sent | None:
    """Return what was sent last on the same thing."""
    day = f"{bundle.layer.context.as_of:%Y-%m-%d}"
    read = map(_Sent.read, find_sent(bundle.out, "alert.cap.xml", day))
    return next((one for one in read if one.identifier.startswith(stem)), None)


def _identify(stem: str, layer: RiskLayer, values: Mapping[str, Any], references: str) -> str:
    """Return an identifier that no other sender, group, day or content has."""
    whole = render_xml("alert.cap.xml", **values, identifier="", kind="", references=references)
    digest = hashlib.sha256(whole).hexdigest()[:DIGITS]
    return f"{stem}{layer.context.as_of:%Y-%m-%d}:{digest}"


def _said(bundle: Bundle, sender: Sender, table: pd.DataFrame) -> dict[str, Any]:
    """Return what an alert says, but for what it is called and what it follows on."""
    layer, known = bundle.layer, bundle.layer.provenance
    areas = dict(zip(bundle.regions["region_id"], bundle.shapes, strict=True))
    infos = [
        info | {"page": sender.link + file_name("map.html", told.language)}
        for told in map(bundle.edition, bundle.languages)
        for info in _infos(told, table, areas)
    ]
    restriction = catalogue(bundle.languages[0])["handling_values"]["private"]
    return {
        "sender": sender,
        "sent": _time(str(known["issued_at"])),
        "status": "Exercise" if known.get("notice") else "Actual",
        "restriction": "" if layer.context.is_public else restriction,
        "onset": _time(str(known["valid_from"])),
        "expires": _time(str(known["valid_until"])),
        "parameters": [
            ("scale_id", display(layer.scale.scale_id)),
            ("method", display(f"{known.get('model')} {known.get('method_version')}")),
        ],
        "infos": infos,
    }


def _infos(
    told: Edition, table: pd.DataFrame, areas: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield what an alert says in one language, for each level and certainty."""
    about = {"language": told.language, "who": group_words(told.layer, told.words)}
    unmarked = unmarked_attacks(told)
    for area, what in unmarked.items():
        yield _unmarked(area, what, told, areas) | about
    if table.empty and not unmarked:
        yield _over(about["who"], told.words) | about
    attacks = told.words["gap"].join(attack_lines(told))
    rows = told.table.set_index("region_id").loc[table["region_id"]].reset_index()
    rows = rows.assign(certainty=rows["p_any"].map(_certainty))
    in_order = sorted(
        rows.groupby(["risk_level", "certainty"]), key=lambda group: (-group[0][0], group[0][1])
    )
    for (level, certainty), group in in_order:
        info = _info(told, group, areas, level=int(level), attacks=attacks)
        yield info | about | {"certainty": certainty}


def _unmarked(area: str, what: Unmarked, told: Edition, areas: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an alert says of attacks on the group for which no region is marked."""
    said, who = told.words["alert"], group_words(told.layer, told.words)
    kind = "undated" if what.region_id else "unplaced"
    return {
        "event": said[f"{kind}_event"],
        "headline": said[kind].format(area=area, who=who),
        "description": what.line,
        "advice": said[f"{kind}_advice"],
        "response": "Prepare",
        "urgency": "Future",
        "severity": "Moderate",
        "certainty": "Possible",
        "parameters": [],
        "areas": [
            {
                "name": said["area"].format(place=area, who=who),
                "rings": cap_polygons(areas.get(what.region_id)),
                "region_id": what.region_id,
            }
        ],
    }


def _over(who: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an alert says that ends those before; it calls nothing calm."""
    said = words["alert"]
    return {
        "event": said["over_event"],
        "headline": said["over"].format(who=who),
        "description": said["over"].format(who=who),
        "advice": said["over_advice"],
        "response": "Monitor",
        **dict.fromkeys(("urgency", "severity", "certainty"), "Unknown"),
        "parameters": [],
        "areas": [],
    }


def _alerting(table: pd.DataFrame) -> pd.DataFrame:
    attacked = table["attacked"].fillna(value=False) & table["risk_level"].isin(list(CAP_LEVELS))
    return table[table["risk_level"].isin(ALERTING) | attacked]


def _time(text: str) -> str:
    """Return a UTC time as CAP wants it: a numeric offset, never Z."""
    return text.replace("Z", "-00:00")


def _certainty(p_any: float) -> str:
    return next((name for bound, name in CAP_CERTAINTIES if p_any >= bound), "Unknown")


def _info(
    told_in: Edition, rows: pd.DataFrame, areas: Mapping[str, Any], *, level: int, attacks: str
) -> dict[str, Any]:
    """Return what an alert says of the regions of a level."""
    layer, words = told_in.layer, told_in.words
    step = layer.scale.levels[level]
    urgency, severity, response = CAP_LEVELS[level]
    said, who, places = words["alert"], group_words(layer, words), region_names(rows, words)
    told = {"level": level, "name": words["levels"][step.name], "who": who}
    parts = (
        _probability(layer, rows, words),
        level_meaning(layer.scale, level, layer.headline, words),
        *_doubts(rows, words),
        attacks if flag_table(rows)["attacked"].any() else "",
        _raised(layer, rows, words),
    )
    return {
        "event": said["event"].format(**told),
        "headline": said["headline"].format(**told, places=enumerated(places, words)),
        "urgency": urgency,
        "severity": severity,
        "response": response,
        "advice": level_advice(step, "", words),
        "description": words["gap"].join(filter(None, parts)),
        "parameters": [
            (
                f"region_id={display(row['region_id'])}",
                "; ".join(f"{key}={display(row[key])}" for key in KNOWN),
            )
            for row in plain_records(rows[["region_id", *KNOWN]])
        ],
        "areas": [
            {
                "name": said["area"].format(place=name, who=who),
                "rings": cap_polygons(areas[key]),
                "region_id": display(key),
            }
            for name, key in zip(places, rows["region_id"], strict=True)
        ],
    }


def _probability(layer: RiskLayer, rows: pd.DataFrame, words: Mapping[str, Any]) -> str:
    """Return between what the probabilities of some regions lie; empty where they have none."""
    if rows["p_any"].isna().all():
        return ""
    between = percent_range(rows["p_any"].min(), rows["p_any"].max(), words)
    days = f"{layer.context.horizon_days:g}"
    return str(words["alert"]["probability"].format(days=days, range=between))


def _doubts(rows: pd.DataFrame, words: Mapping[str, Any]) -> list[str]:
    """Return which regions an attack is marked in, whose levels may be higher, or are older."""
    flags = flag_table(rows)
    flags["attacked"] &= ~flags["lifted"]
    return [
        aside(
            words["flags"][name], enumerated(region_names(rows[flags[name]], words), words), words
        )
        for name in ("lifted", "attacked", "at_least", "kept", "rows_lost", "reporting_gap")
        if flags[name].any()
    ]


def _raised(layer: RiskLayer, rows: pd.DataFrame, words: Mapping[str, Any]) -> str:
    """Return which of the regions have risen since the layer before; empty without one."""
    risen = rows[(rows["level_before"] < rows["risk_level"]).fillna(value=False)]
    if risen.empty:
        return ""
    day, names = str(layer.provenance.get("previous_as_of"))[:10], region_names(risen, words)
    return str(words["alert"]["raised"].format(day=day, places=enumerated(names, words)))


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
