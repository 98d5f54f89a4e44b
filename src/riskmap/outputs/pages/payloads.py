"""What the map page knows: a compact, columnar payload without free text of any source."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.changes import CAUSES
from riskmap.assessment.consequences import CONSEQUENCES
from riskmap.assessment.layers import CONFIDENCES, LAYERS, SUFFICIENCIES, TRENDS
from riskmap.errors import InputError
from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.contexts import GROUP, level_meaning
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.movements import find_moves, flag_table, largest_parts
from riskmap.outputs.projections import draw_regions, group_shapes, label_points, svg_path
from riskmap.outputs.wordings import NONE, country_name, country_names, display, notice
from riskmap.panels.windows import parse_day, step_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from riskmap.assessment.layers import RiskLayer

FRAMES = 24
INCIDENTS_A_REGION = 8
INCIDENTS = 2500
_DIGITS = 4
_MOVES = ("more", "quiet")
#: Flags beside the reporting gap; the page gets one bit for each.
_FLAGS = ("fragile", "single_source", "held")
#: Smaller parts of a change would be shown as nothing.
_LEAST_CHANGE = 5e-4
_TOLL = ("killed", "wounded", "abducted")


def map_payload(layer: RiskLayer, *, earlier: Sequence[RiskLayer] = ()) -> dict[str, Any]:
    """Return all that the map page draws, as plain values.

    Parameters
    ----------
    layer
        The risk layer.
    earlier
        Layers of the same regions, issued before, oldest first.

    Raises
    ------
    InputError
        When an earlier layer has other regions.
    """
    regions = layer.regions.sort_values("region_id", ignore_index=True)
    ids = regions["region_id"]
    for other in earlier:
        if not other.regions["region_id"].sort_values(ignore_index=True).equals(ids):
            raise InputError("an earlier layer has other regions", column="region_id")
    names = _drivers(layer)
    windows = _windows(layer)
    known = layer.provenance
    countries = ";".join(sorted(regions["iso3"].dropna().unique()))
    return {
        **_places(regions),
        "nations": {code: _nations(layer, catalogue(code)) for code in languages()},
        "areas": {code: country_names(countries, catalogue(code)) for code in languages()},
        "headline": layer.headline,
        "asOf": known.get("as_of"),
        "validFrom": known.get("valid_from"),
        "validUntil": known.get("valid_until"),
        "staleAfter": known.get("stale_after"),
        "days": known.get("horizon_days"),
        "notices": {code: notice(known, catalogue(code)) for code in languages()},
        "group": _group(layer),
        "origin": {
            key: display(known.get(key)) or NONE
            for key in ("model", "method_version", "boundary_source", "boundary_licence")
        }
        | {"scale_id": layer.scale.scale_id},
        "scale": _scale(layer),
        "codes": {
            "confidences": CONFIDENCES,
            "sufficiencies": SUFFICIENCIES,
            "trends": TRENDS,
            "causes": CAUSES,
            "moves": _MOVES,
            "flags": _FLAGS,
            "rules": [display(rule) for rule in _rules(layer)],
        },
        "drivers": names,
        "layers": {
            name: _layer_columns(layer, name, ids)
            | {"drivers": _parts(layer, name, ids, names)}
            | _reasons(layer, name, ids)
            for name in _present(layer)
        },
        "frames": _frames(windows) if not earlier else [{"to": _as_of(one)} for one in earlier],
        "earlier": [_earlier(one, layer, ids) for one in earlier],
        "counts": {} if earlier else _counts(layer, ids, windows),
        "incidents": _incidents(layer, ids),
    }


def _present(layer: RiskLayer) -> list[str]:
    """Return the layers of which something is known; the headline always stands."""
    known = set(layer.risks.loc[layer.risks["p_any"].notna(), "layer"]) | {layer.headline}
    return [name for name in LAYERS if name in known]


def _places(regions: Any) -> dict[str, Any]:
    """Return the regions and their parents as drawings with labels."""
    drawing = draw_regions(prepare_geometries(regions.geometry))
    parent_ids = regions["parent_id"].fillna(regions["parent"]).fillna("").astype("str")
    groups, keys = pd.factorize(parent_ids, sort=True)
    parents = group_shapes(drawing.shapes, groups, len(keys))
    names = regions["parent"].fillna("").groupby(groups).first()
    several = len(keys) > 1
    x, y, r = label_points(drawing.shapes)
    px, py, pr = label_points(parents)
    return {
        "view": [drawing.width, drawing.height],
        "regions": {
            "id": [display(key) for key in regions["region_id"]],
            "name": _names(regions),
            "native": [display(name) for name in regions["names"]],
            "parent": groups.tolist(),
            "path": drawing.paths,
            "x": x,
            "y": y,
            "r": r,
        },
        "parents": {
            "name": [display(name) for name in names],
            "id": [display(key) for key in keys],
            "path": [svg_path(shape) if several else "" for shape in parents],
            "x": px,
            "y": py,
            "r": pr if several else [0] * len(keys),
        },
    }


def _names(regions: pd.DataFrame) -> list[str]:
    return [
        display(name) or display(key)
        for name, key in zip(regions["name"], regions["region_id"], strict=True)
    ]


def _scale(layer: RiskLayer) -> dict[str, Any]:
    """Return the levels, and their lower bounds carried over to the layer's own horizon."""
    power = layer.provenance["horizon_days"] / layer.scale.horizon_days
    return {
        "levels": [{"name": level.name, "colour": level.colour} for level in layer.scale.levels],
        "bounds": {
            name: [_short(-np.expm1(power * np.log1p(-bound))) for bound in bounds]
            for name, bounds in sorted(layer.scale.thresholds.items())
        },
        "meanings": {
            code: [level_meaning(level, catalogue(code)) for level in layer.scale.levels]
            for code in languages()
        },
        "consequences": [[name, low] for name, low in CONSEQUENCES.items()],
    }


def _nations(layer: RiskLayer, words: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the countries of regions and of people hit, by their codes."""
    told = layer.incidents["nationality"].dropna().unique()
    people = {code.strip() for text in told for code in display(text).split(";")}
    codes = sorted((people | {*layer.regions["iso3"].dropna()}) - {""})
    names = {code: country_name(code, words) for code in codes}
    return {code: name for code, name in names.items() if name != code}


def _group(layer: RiskLayer) -> dict[str, Any]:
    """Return whom the group's layer is about, and which grades count; empty without a group."""
    known = layer.provenance
    grades = {display(grade): bool(ours) for grade, ours in (known.get("relevance") or {}).items()}
    about = {key: display(known[key]) for key in GROUP if display(known.get(key))}
    return {"about": about, "grades": grades} if grades else {}


def _short(value: Any) -> int | float | None:
    """Return a number with four significant digits, whole when it can be; None when missing."""
    if pd.isna(value) or not np.isfinite(value):
        return None
    short = float(f"{float(value):.{_DIGITS}g}")
    return int(short) if short.is_integer() else short


def _printed(value: Any) -> int | float | None:
    """Return a number with the two digits that the page prints, above 0.99 with all it needs."""
    short = _short(value)
    if short is None or 0.99 < short < 1:  # noqa: PLR2004 - nothing is certain
        return short
    return _short(float(f"{short:.2g}"))


def _percent(value: Any) -> int | float | None:
    """Return a probability in per cent, which is shorter."""
    return None if pd.isna(value) else _short(100 * (_printed(value) or 0))


def _column(risks: pd.DataFrame, name: str) -> list[Any]:
    return [_short(value) for value in risks[name]]


def _rows(layer: RiskLayer, name: str, ids: pd.Series) -> pd.DataFrame:
    return layer.risks[layer.risks["layer"] == name].set_index("region_id").reindex(ids)


def _layer_columns(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    risks = _rows(layer, name, ids)
    columns: dict[str, Any] = {
        "level": [int(level) for level in risks["risk_level"].fillna(0)],
        "p": _column(risks, "p_any"),
        "e": _column(risks, "expected_count"),
        "lo": _column(risks, "q05"),
        "hi": _column(risks, "q95"),
        "conf": _codes(risks["confidence"], CONFIDENCES),
        "suff": _codes(risks["data_sufficiency"], SUFFICIENCIES),
        "gap": [int(bool(gap)) for gap in risks["reporting_gap"].eq(other=True)],
    }
    told: dict[str, tuple[str, Callable[[Any], int | float | None]]] = {
        "least": ("p_least", _percent),
        "most": ("p_most", _percent),
        "before": ("level_before", _short),
        "pBefore": ("p_before", _printed),
        "victims": ("expected_victims", _printed),
        "severe": ("severe_scenario", _short),
    }
    columns |= {
        key: [short(value) for value in risks[name]]
        for key, (name, short) in told.items()
        if risks[name].notna().any()
    }
    if risks["trend"].notna().any():
        columns["trend"] = _codes(risks["trend"], TRENDS)
    flags = flag_table(risks)[list(_FLAGS)].to_numpy() @ (1 << np.arange(len(_FLAGS)))
    if flags.any():
        columns["flags"] = flags.tolist()
    return columns


def _reasons(layer: RiskLayer, name: str, ids: pd.Series) -> dict[str, Any]:
    """Return what moved the levels and what would, flat for each region; nothing when unknown."""
    moves = find_moves(layer)
    moves = moves[moves["layer"] == name]
    changes = largest_parts(layer.changes[layer.changes["layer"] == name])
    changes = changes[changes["value"].abs() >= _LEAST_CHANGE]
    audit = layer.audit[layer.audit["layer"] == name].drop_duplicates(["region_id", "rule"])
    told: dict[str, tuple[pd.Series, list[list[Any]]]] = {
        "moves": (
            moves["region_id"],
            [
                [kind, _short(amount), int(level), _printed(p_any)]
                for kind, amount, level, p_any in zip(
                    _codes(moves["kind"], _MOVES),
                    moves["amount"],
                    moves["risk_level"],
                    moves["p_any"],
                    strict=True,
                )
            ],
        ),
        "changes": (
            changes["region_id"],
            [
                [cause, float(f"{value:.2g}")]
                for cause, value in zip(
                    _codes(changes["cause"], CAUSES), changes["value"], strict=True
                )
            ],
        ),
        "rules": (audit["region_id"], [[code] for code in _codes(audit["rule"], _rules(layer))]),
    }
    return {key: _flat(keys, rows, ids) for key, (keys, rows) in told.items() if rows}


def _rules(layer: RiskLayer) -> list[str]:
    return sorted(layer.audit["rule"].dropna().unique())


def _flat(keys: pd.Series, rows: list[list[Any]], ids: pd.Series) -> list[list[Any]]:
    """Return the rows of each region one after another, in the order of the regions."""
    found: list[list[Any]] = [[] for _ in ids]
    for place, row in zip(_codes(keys, ids), rows, strict=True):
        if place >= 0:
            found[place] += row
    return found


def _codes(values: pd.Series, codes: Sequence[str] | pd.Series) -> list[int]:
    """Return the position of each value among its codes, -1 when missing."""
    return [int(code) for code in pd.Index(codes).get_indexer(values)]


def _earlier(other: RiskLayer, layer: RiskLayer, ids: pd.Series) -> dict[str, Any]:
    columns = {
        name: {key: found[key] for key in ("level", "p")}
        for name in _present(layer)
        for found in [_layer_columns(other, name, ids)]
    }
    return {"layers": columns}


def _as_of(layer: RiskLayer) -> str:
    return str(layer.provenance["as_of"])[:10]


def _drivers(layer: RiskLayer) -> list[str]:
    return sorted(layer.drivers["driver"].dropna().unique())


def _parts(layer: RiskLayer, name: str, ids: pd.Series, names: list[str]) -> list[list[Any]]:
    """Return for each region its drivers as driver, value, driver, value ..."""
    rows = layer.drivers[(layer.drivers["layer"] == name) & (layer.drivers["value"] > 0)]
    position = {key: i for i, key in enumerate(ids)}
    parts: list[list[Any]] = [[] for _ in ids]
    rows = rows.sort_values(["region_id", "value", "driver"], ascending=[True, False, True])
    for key, driver, value in zip(rows["region_id"], rows["driver"], rows["value"], strict=True):
        if key in position:
            parts[position[key]] += [names.index(driver), _short(value)]
    return parts


def _windows(layer: RiskLayer) -> np.ndarray:
    """Return the edges of the last windows of the panel, at most 24; empty when nothing is."""
    dates = layer.incidents["event_date"].dropna()
    as_of = parse_day(_as_of(layer), what="as_of")
    dates = dates[dates < as_of]
    if dates.empty:
        return np.array([], dtype="datetime64[D]")
    return step_windows(as_of, dates.min(), every=layer.provenance["every"])[-FRAMES - 1 :]


def _frames(windows: np.ndarray) -> list[dict[str, str]]:
    return [{"from": str(start), "last": str(end - 1)} for start, end in pairwise(windows)]


def _counts(layer: RiskLayer, ids: pd.Series, windows: np.ndarray) -> dict[str, list[Any]]:
    """Return recorded incidents as region, window, count, ... : all, and those with foreigners."""
    table = layer.incidents
    region = pd.Index(ids).get_indexer(table["region_id"])
    day = table["event_date"].to_numpy().astype("datetime64[D]")
    window = np.searchsorted(windows, day, side="right") - 1
    inside = (region >= 0) & (window >= 0) & (window < len(windows) - 1)
    foreign = (table["foreign_victims"].fillna(0) > 0) | table["nationality"].notna()
    found = {}
    for name, rows in (("violence", inside), ("foreign", inside & foreign.to_numpy(dtype=bool))):
        cell = region[rows] * len(windows) + window[rows]
        keys, place = np.unique(cell, return_inverse=True)
        sums = np.bincount(place, table["weight"].to_numpy()[rows], minlength=len(keys))
        flat: list[Any] = []
        for key, value in zip(keys.tolist(), sums, strict=True):
            flat += [key // len(windows), key % len(windows), _short(value)]
        found[name] = flat
    return found


def _incidents(layer: RiskLayer, ids: pd.Series) -> dict[str, list[Any]]:
    """Return the newest incidents of each region: date, kind, toll, nationality, id; no notes."""
    table = layer.incidents[layer.incidents["region_id"].isin(ids)]
    table = table.sort_values(["event_date", "incident_id"], ascending=[False, True], kind="stable")
    table = table[table.groupby("region_id").cumcount() < INCIDENTS_A_REGION].head(INCIDENTS)
    types = sorted(table["event_type"].dropna().unique())
    days = table["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    first = int(days.min()) if days.size else 0
    return {
        "region": _codes(table["region_id"], ids),
        "first": first,
        "day": (days - first).tolist(),
        "types": types,
        "type": _codes(table["event_type"], types),
        **{name: _column(table.fillna({name: 0}), name) for name in _TOLL},
        "nation": [display(nation) for nation in table["nationality"]],
        "source": [display(key) for key in table["incident_id"]],
    }
